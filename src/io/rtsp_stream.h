// A name that connections of our RTSP server want, with the streams that it means: a part each, whose frames
// are made ready for RTP once for all connections.
#pragma once

#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "media/frames_since_sync.h"
#include "media/outlet.h"
#include "media/rtp_sender.h"
#include "media/sdp.h"

namespace ott {

class RtspConnection;
class RtspPart;

class RtspStream final : public PartsTaker {
 public:
  RtspStream(WatchableStreams& streams, std::string name);
  ~RtspStream() override;

  [[nodiscard]] const std::string& name() const { return name_; }
  /// A part's place is its track, and does not change.
  [[nodiscard]] const std::vector<std::unique_ptr<RtspPart>>& parts() const { return parts_; }
  /// What there is, with tracks as control URLs; nothing while it is not all known: of JPEG a picture is
  /// needed. `late`: what is known must do.
  [[nodiscard]] std::optional<Sdp> described(bool late) const;
  /// Why there is nothing, for people.
  [[nodiscard]] std::string why_nothing() const;
  /// Gives the frames that have come to those that play it, and new parts to those that wait for them.
  void hand_out(Now now);

  FrameTaker* on_part(const StreamInfo& stream) override;

  std::list<RtspConnection*> connections;  // that want it

 private:
  void tell_all_of(RtspPart& part, std::size_t track, Now now);

  WatchableStreams& streams_;
  std::string name_;
  std::vector<std::unique_ptr<RtspPart>> parts_;
  bool has_new_parts_ = false;
  std::unique_ptr<PartsSubscription> subscription_;  // goes first
};

class RtspPart final : public FrameTaker {
 public:
  RtspPart(WatchableStreams& streams, const StreamInfo& stream);

  /// As it is listed now.
  [[nodiscard]] const StreamInfo& stream() const;
  /// True if all is known that SDP says of it.
  [[nodiscard]] bool is_described() const { return !format_.is_jpeg() || size_; }
  [[nodiscard]] const std::optional<SdpSize>& size() const { return size_; }
  [[nodiscard]] const MediaFormat& format() const { return format_; }
  [[nodiscard]] std::string why_nothing() const { return subscription_->why_nothing(); }
  /// What somebody who joins is given first, of what was handed out.
  [[nodiscard]] const std::vector<FramePtr>& history() const { return history_.frames(); }

  void on_frame(const FramePtr& frame) override;
  void on_stream(const StreamInfo& stream) override;

  struct Fresh {
    RtpFramePtr frame;
    bool first = false;  // of another stream than the one before
  };
  /// The frames that have come since the last call. From now on they are history.
  std::vector<Fresh> take_fresh();

 private:
  StreamInfo first_;  // as it was listed then
  MediaFormat format_;
  std::optional<SdpSize> size_;  // of the newest JPEG
  FramesSinceSync history_;
  std::vector<Fresh> fresh_;                    // not handed out yet
  bool changes_ = false;                        // the next frame is another stream's
  std::unique_ptr<Subscription> subscription_;  // goes first
};

}  // namespace ott
