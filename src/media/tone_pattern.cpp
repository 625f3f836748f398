#include "media/tone_pattern.h"

#include <cmath>
#include <numbers>

namespace ott {
namespace {

constexpr double kLoudness = 0.4;  // of full scale

std::vector<MediaPart> parts_of(unsigned width, unsigned height, double fps) {
  CodecConfig config;
  config.sample_rate = TonePattern::kSampleRate;
  config.channels = 1;
  return {MediaPart{.format = {}, .width = width, .height = height, .fps = fps},
          MediaPart{.format = format_of(MediaKind::Audio, "L16", config)}};
}

Duration seconds(double count) {
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(count));
}

}  // namespace

TonePattern::TonePattern(unsigned width, unsigned height, double fps, std::uint32_t first_ssrc)
    : TimedSource({"pattern", width, height, fps}),
      pictures_(width, height, fps),
      fps_(fps),
      packets_(parts_of(width, height, fps), first_ssrc) {
  parts_ = packets_.parts();
}

std::uint64_t TonePattern::frame_of_second(std::uint64_t second) const {
  return static_cast<std::uint64_t>(std::ceil(static_cast<double>(second) * fps_ - 1e-6));
}

Duration TonePattern::frame_time(std::uint64_t frame) const {
  return seconds(static_cast<double>(frame) / fps_);
}

std::uint64_t TonePattern::beep_start(std::uint64_t second) const {
  return static_cast<std::uint64_t>(
      std::llround(static_cast<double>(frame_of_second(second)) / fps_ * kSampleRate));
}

Duration TonePattern::position() const {
  return std::min(frame_time(frame_), seconds(static_cast<double>(block_) / 100));
}

/// The beep of a second begins a little behind it, with its frame.
std::int16_t TonePattern::sample_at(std::uint64_t sample) const {
  const std::uint64_t second = sample / kSampleRate;
  std::uint64_t start = beep_start(second);
  if (start > sample && second > 0) start = beep_start(second - 1);
  if (start > sample || sample - start >= kBeepSamples) return 0;
  const double phase =
      2 * std::numbers::pi * kToneHz * static_cast<double>(sample - start) / static_cast<double>(kSampleRate);
  return static_cast<std::int16_t>(std::lround(std::sin(phase) * kLoudness * INT16_MAX));
}

Result<void> TonePattern::read(WallTime zero, std::vector<PackedUnit>& units) {
  const Duration next_frame = frame_time(frame_);
  const Duration next_block = seconds(static_cast<double>(block_) / 100);
  if (next_frame <= next_block) {
    const auto second = static_cast<std::uint64_t>(static_cast<double>(frame_) / fps_ + 1e-6);
    pictures_.show_mark(frame_of_second(second) == frame_);
    ++frame_;
    const auto frame = pictures_.next(FrameNumber{frame_}, zero + next_frame);
    if (!frame) return tl::unexpected<Error>(frame.error());
    return packets_.pack(kVideoPart, next_frame, true, frame->jpeg, units);
  }
  std::vector<std::uint8_t> samples;
  samples.reserve(std::size_t{kBlockSamples} * 2);
  for (std::uint64_t i = 0; i < kBlockSamples; ++i) {
    const auto value = static_cast<std::uint16_t>(sample_at(block_ * kBlockSamples + i));
    samples.push_back(static_cast<std::uint8_t>(value >> 8U));
    samples.push_back(static_cast<std::uint8_t>(value & 0xFFU));
  }
  ++block_;
  return packets_.pack(kAudioPart, next_block, true, samples, units);
}

}  // namespace ott
