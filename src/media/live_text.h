// The text of a name's parts (T.140 over RTP, RFC 4103) as server-sent events (HTML standard, section 9.2):
// each text unit is an event when it comes.
//
//     id: 17
//     data: {"stream": "cam/text", "time": 1700000000.250000, "text": "Hello"}
//
// The id is the frame's number in its stream, the time is when the origin had it, in seconds since 1970. JSON
// has line ends as escapes, so that a unit is one line whatever is in it.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "media/live_content.h"
#include "media/media_sample.h"
#include "media/outlet.h"

namespace ott {

/// True of text that LiveText can show.
[[nodiscard]] bool is_live_text(const MediaFormat& format);

class LiveText final : public LiveContent, private PartsTaker {
 public:
  /// Events that are kept for viewers that are behind.
  static constexpr std::size_t kKeptMax = 256;
  static constexpr std::size_t kKeptBytesMax = std::size_t{1} << 20U;

  LiveText(WatchableStreams& streams, const std::string& name);
  ~LiveText() override;

  [[nodiscard]] std::string content_type() const override { return "text/event-stream"; }
  [[nodiscard]] std::string why_nothing() const override { return subscription_->why_nothing(); }
  /// With what comes from now on.
  [[nodiscard]] LiveCursor begin() const override { return {.next = end(), .history = end()}; }
  LiveBytes next(LiveCursor& cursor, Now now) override;
  [[nodiscard]] bool has_ended(const LiveCursor&) const override { return false; }
  [[nodiscard]] std::uint64_t count() const override { return end(); }

 private:
  class Part;

  FrameTaker* on_part(const StreamInfo& stream) override;
  void append(std::string_view event);
  [[nodiscard]] std::uint64_t end() const { return first_ + events_.size(); }

  std::vector<std::unique_ptr<Part>> parts_;
  LiveBytes head_;  // for how long a client waits before it comes again
  std::deque<LiveBytes> events_;
  std::uint64_t first_ = 0;  // the number of the first event that is kept
  std::size_t kept_bytes_ = 0;
  std::unique_ptr<PartsSubscription> subscription_;  // the last, since it may call at once
};

}  // namespace ott
