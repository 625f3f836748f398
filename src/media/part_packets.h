// Samples of the parts of a source that is no RTP, made into what an origin takes: RTP packets whose
// timestamps count from one zero for all parts, or JPEGs. Audio's timestamps follow the samples where the
// container's times are only rounded, so that they have no gaps of a fraction of a millisecond.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "media/input.h"
#include "media/media_sample.h"

namespace ott {

/// An access unit with all that it consists of.
struct PackedUnit {
  std::size_t part = 0;
  Duration time{};               // since the source's zero, which all parts share
  std::uint32_t media_time = 0;  // the same, in units of the part's clock rate
  bool sync_point = true;
  std::vector<std::uint8_t> bytes;    // a JPEG, or RTP packets one behind the other
  std::vector<std::uint32_t> ends{};  // of each packet; none of a JPEG
  std::string place{};                // as errors name it

  /// `zero`: when the source's zero was, by the wall clock.
  void push_to(InputSink& sink, WallTime zero, Now arrived) const;
};

/// How long a sample of audio sounds, in units of the format's clock rate; nothing where it does not say.
std::optional<std::uint32_t> sample_ticks(const MediaFormat& format, ByteSpan sample);
/// The same as time.
std::optional<Duration> sample_duration(const MediaFormat& format, ByteSpan sample);

class PartPackets {
 public:
  /// The parts' packets have `first_ssrc` and those behind it. REQUIRES: parts that are JPEG or of an
  /// encoding of media_sample.h.
  PartPackets(std::vector<MediaPart> parts, std::uint32_t first_ssrc);

  [[nodiscard]] const std::vector<MediaPart>& parts() const { return parts_; }
  /// Appends what a sample becomes: one unit, or of audio and the like one for each packet. The error says
  /// why it is none. REQUIRES: part < parts().size().
  Result<void> pack(std::size_t part, Duration time, bool sync_point, ByteSpan sample,
                    std::vector<PackedUnit>& units);

 private:
  struct Part {
    std::unique_ptr<MediaPacketizer> packetizer;  // null: JPEG
    std::optional<std::int64_t> next_ticks;       // where a sample that follows at once begins
  };

  std::int64_t place(std::size_t part, Duration time, ByteSpan sample);

  std::vector<MediaPart> parts_;
  std::vector<Part> makers_;
  PacketList packets_;
};

}  // namespace ott
