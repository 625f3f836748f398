// The streams that viewers of our HTTP server want, each put into parts, or other pieces, once for all of
// them. A stream is wanted from the overlay while some connection wants it. Owned by the outlet.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "media/http_site.h"
#include "media/live_content.h"
#include "media/outlet.h"

namespace ott {

class HttpConnection;

/// A picture as a part of a stream of pictures; shared by all viewers that are being sent it.
struct HttpPart {
  FramePtr frame;
  std::string head;
};
using HttpPartPtr = std::shared_ptr<const HttpPart>;

class HttpStream final : public FrameTaker {
 public:
  /// Called with a stream whose newest picture was not sent yet, and has to make room for the next one.
  using SendNow = std::function<void(HttpStream&)>;

  HttpStream(WatchableStreams& streams, const std::string& name, const SendNow& send_now);

  [[nodiscard]] const std::string& name() const { return name_; }
  /// Null before the first picture.
  [[nodiscard]] const HttpPartPtr& newest() const { return newest_; }
  /// Rises with each picture; 0 before the first. A stream that takes the place of another numbers its frames
  /// anew, so those say nothing of the order here.
  [[nodiscard]] std::uint64_t count() const { return count_; }
  [[nodiscard]] std::string why_nothing() const { return subscription_->why_nothing(); }

  void on_frame(const FramePtr& frame) override;
  /// Viewers' frame numbers go on rising.
  void on_stream(const StreamInfo&) override { before_ = number_; }

  /// Whether a picture has come since take_fresh() was called last.
  bool take_fresh() { return std::exchange(fresh_, false); }
  std::vector<HttpConnection*> connections;  // that want it, in no order

 private:
  std::string name_;
  const SendNow& send_now_;
  HttpPartPtr newest_;
  std::uint64_t count_ = 0;
  std::uint64_t before_ = 0;  // the last number of the streams before this one
  std::uint64_t number_ = 0;  // of the newest picture, for viewers
  bool fresh_ = false;
  std::unique_ptr<Subscription> subscription_;  // the last, since it may call at once
};

/// A stream, or the parts of one, that viewers follow piece by piece.
struct HttpLive {
  std::string name;
  std::unique_ptr<LiveContent> content;
  std::vector<HttpConnection*> connections;  // that want it, in no order
  std::uint64_t seen_count = 0;
  MonoTime unused_at = MonoTime::max();  // when it is given up, since nobody wants it any more

  /// Whether there is something new since this was called last.
  bool take_fresh() { return std::exchange(seen_count, content->count()) != content->count(); }
};

class HttpStreams {
 public:
  /// For how long what was followed is kept for those who come again.
  static constexpr Duration kLinger = std::chrono::seconds(5);
  static constexpr std::size_t kPictureSetsMax = 16;

  HttpStreams(WatchableStreams& streams, HttpStream::SendNow send_now)
      : streams_(streams), send_now_(std::move(send_now)) {}

  HttpStream& join(const std::string& name, HttpConnection& connection);
  void leave(HttpStream& stream, HttpConnection& connection);
  /// `events`: for those who read them.
  HttpLive& join(const HttpFollow& wanted, EventLog* events, HttpConnection& connection);
  /// Whether so many small pictures may be made: kPictureSetsMax at a time, each for any number of viewers.
  [[nodiscard]] bool has_room(const HttpFollow& wanted) const;
  static void leave(HttpLive& live, HttpConnection& connection);
  /// Gives up the streams that nobody has wanted since.
  void drop_unwanted(Now now);
  [[nodiscard]] std::vector<StreamInfo> all() const { return streams_.all(); }
  [[nodiscard]] const std::map<std::string, std::unique_ptr<HttpStream>>& wanted() const { return wanted_; }
  using Lives = std::map<std::pair<HttpFollow::Form, std::string>, HttpLive>;
  Lives& followed() { return followed_; }

 private:
  std::unique_ptr<LiveContent> content_of(const HttpFollow& wanted, EventLog* events);

  WatchableStreams& streams_;
  HttpStream::SendNow send_now_;
  std::map<std::string, std::unique_ptr<HttpStream>> wanted_;
  Lives followed_;
};

}  // namespace ott
