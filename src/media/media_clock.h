// The RTP timestamps of a stream (90 kHz), from its sender's media clock where it has one. A camera's clock
// says when a picture was taken, without what the network did to it since; but it wraps, drifts, jumps when
// the camera begins anew, or counts in another unit. So each timestamp is the last one and the media clock's
// step since, and is drawn slowly to the local clock. While the media clock disagrees with the local one, the
// local one's steps are taken. Timestamps always rise. No I/O.
#pragma once

#include <cstdint>
#include <optional>

#include "ott/time.h"

namespace ott {

class MediaClock {
 public:
  /// How far timestamps may be from the local clock.
  static constexpr Duration kDisagreementMax = std::chrono::milliseconds(500);
  /// A clock that disagreed is believed again once it has gone right for so long.
  static constexpr Duration kProbation = std::chrono::seconds(2);

  /// The timestamp of the next frame, 0 for the first one. `media_time` is the sender's, in units of 1/90,000
  /// s.
  std::uint32_t stamp(std::optional<std::uint32_t> media_time, MonoTime arrived);

 private:
  struct Reading {
    std::uint32_t media = 0;
    MonoTime local{};
  };
  double step(std::optional<std::uint32_t> media_time, MonoTime arrived, double local_step);
  void watch(const Reading& reading);

  bool begun_ = false;
  double stamp_ = 0;  // the last one, in units of 1/90,000 s since the first frame
  MonoTime first_at_{};
  MonoTime last_at_{};
  std::optional<std::uint32_t> last_media_;
  bool trusted_ = true;
  Reading probation_{};  // where it began, while it is not trusted
};

}  // namespace ott
