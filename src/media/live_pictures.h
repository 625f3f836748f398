// The pictures of several streams on one connection, a few a second of each: /api/v1/pictures. Browsers have
// six connections for a host, so a page could not show more streams with one for each.
//
//     multipart/x-mixed-replace, each part one JPEG with
//     Content-Location: /cam/video.jpg
//     X-Stream: cam/video                     (percent-encoded)
//
// A viewer that is too slow is sent the newest picture of each stream, once it takes more. No I/O.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "media/live_content.h"
#include "media/outlet.h"

namespace ott {

class LivePictures final : public LiveContent {
 public:
  static constexpr std::size_t kStreamsMax = 64;

  /// `names`: of streams; none: all that have pictures, also those that come later. At most kStreamsMax.
  LivePictures(WatchableStreams& streams, std::vector<std::string> names, Duration interval);
  ~LivePictures() override;

  void step(Now now) override;
  [[nodiscard]] std::string content_type() const override;
  [[nodiscard]] std::string why_nothing() const override { return ""; }
  [[nodiscard]] LiveCursor begin() const override { return {}; }
  LiveBytes next(LiveCursor& cursor, Now now) override;
  [[nodiscard]] bool has_ended(const LiveCursor&) const override { return false; }
  [[nodiscard]] std::uint64_t count() const override { return count_; }

 private:
  class Stream;
  void take_streams();

  WatchableStreams& streams_;
  std::vector<std::string> names_;
  Duration interval_;
  MonoTime looked_at_{};  // at the list of streams
  std::map<std::string, std::unique_ptr<Stream>> wanted_;
  std::uint64_t count_ = 0;  // of all pictures that were to be sent
};

}  // namespace ott
