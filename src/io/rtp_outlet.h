// A stream to RTP receivers: --rtp ADDR:PORT[?ttl=N&interface=NAME][,...], each a host or a multicast group,
// with RTCP on the port above. All get the same packets. An SDP file (--sdp) tells players what comes there.
//
// The parts of a stream go to ports that say what they are, whichever comes first: video to PORT, audio to
// PORT+2, text to PORT+4, application data to PORT+6, and others of a kind that is there already to the pairs
// above. A stream that is alone goes to PORT. One SDP describes all.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "io/outlets.h"
#include "io/replaced_file.h"
#include "io/rtp_outlet_part.h"
#include "io/watcher.h"
#include "media/sdp.h"
#include "ott/log.h"

namespace ott {

class RtpOutlet final : public Outlet, private PartsTaker {
 public:
  static constexpr std::size_t kPartsMax = 16;
  /// How long the SDP file waits for other parts, after the first one of several.
  static constexpr Duration kPartsTime = std::chrono::milliseconds(500);
  /// How much longer it waits for the picture of a part that is JPEG.
  static constexpr Duration kPictureTime = std::chrono::seconds(5);

  struct Config {
    std::string stream;  // its name; empty: the default one
    std::vector<RtpDestination> destinations;
    std::string sdp_path;  // empty: no file
  };
  RtpOutlet(Config config, struct ev_loop* loop, Workers& workers, Log& log);
  ~RtpOutlet() override;

  Result<void> begin(WatchableStreams& streams, Now now) override;
  bool finish(bool give_up, Now now) override;
  [[nodiscard]] OutletFigures figures() const override;
  [[nodiscard]] std::string bound_to() const override { return "--rtp " + figures().at; }

 private:
  struct Part {
    std::size_t slot = 0;  // how many pairs of ports above the destination's own
    std::unique_ptr<RtpOutletPart> part;
  };

  FrameTaker* on_part(const StreamInfo& stream) override;
  [[nodiscard]] std::optional<std::size_t> free_slot(const StreamInfo& stream) const;
  void report_due();
  [[nodiscard]] std::optional<Sdp> described() const;
  void write_sdp();

  Config config_;
  struct ev_loop* loop_;
  Log& log_;
  std::vector<Part> parts_;
  TimerWatcher report_timer_;
  TimerWatcher sdp_timer_;
  MonoTime sdp_due_{};  // not before the parts had time to come

  std::optional<ReplacedFile> sdp_file_;
  std::string described_;  // what the file says, but for its version
  std::uint64_t sdp_version_ = 0;
  std::unique_ptr<PartsSubscription> subscription_;  // goes first
};

extern const OutletSpec kRtpOutlet;

}  // namespace ott
