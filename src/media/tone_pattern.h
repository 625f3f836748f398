// The test picture with a tone, to see and hear whether the two are in step: with the first frame of each
// second, which shows a white mark, a beep begins (1 kHz, 60 ms). Its parts are JPEGs, and L16 of 48 kHz in
// packets of 10 ms.
#pragma once

#include "media/pattern_source.h"
#include "media/timed_source.h"

namespace ott {

class TonePattern final : public TimedSource {
 public:
  static constexpr std::uint32_t kSampleRate = 48'000;
  static constexpr std::uint32_t kBlockSamples = kSampleRate / 100;
  static constexpr std::uint32_t kToneHz = 1'000;
  static constexpr std::uint32_t kBeepSamples = kSampleRate * 60 / 1'000;
  static constexpr std::size_t kVideoPart = 0, kAudioPart = 1;

  /// The sizes and rates of PatternSource.
  TonePattern(unsigned width, unsigned height, double fps, std::uint32_t first_ssrc);

  Result<void> read(WallTime zero, std::vector<PackedUnit>& units) override;
  [[nodiscard]] Duration position() const override;
  [[nodiscard]] bool shows_time() const override { return true; }

  /// The first frame of a second, counted from 0.
  [[nodiscard]] std::uint64_t frame_of_second(std::uint64_t second) const;

 private:
  [[nodiscard]] Duration frame_time(std::uint64_t frame) const;
  [[nodiscard]] std::int16_t sample_at(std::uint64_t sample) const;
  [[nodiscard]] std::uint64_t beep_start(std::uint64_t second) const;

  PatternSource pictures_;
  double fps_;
  PartPackets packets_;
  std::uint64_t frame_ = 0;  // that is drawn next
  std::uint64_t block_ = 0;  // of audio
};

}  // namespace ott
