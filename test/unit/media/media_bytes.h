// Containers that tests make byte by byte.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "jpeg_helpers.h"

namespace ott::test {

inline void append_le(std::vector<std::uint8_t>& bytes, std::uint64_t value, unsigned count) {
  for (unsigned i = 0; i < count; ++i) bytes.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
}
inline void append_text(std::vector<std::uint8_t>& bytes, const std::string& text) {
  bytes.insert(bytes.end(), text.begin(), text.end());
}

struct WavForm {
  unsigned format = 1;  // PCM
  unsigned channels = 1;
  unsigned rate = 8'000;
  unsigned bits = 16;
  std::uint32_t data_bytes = 0xFFFFFFFF;  // as its head says
};

inline std::vector<std::uint8_t> make_wav(const WavForm& form, const std::vector<std::uint8_t>& data) {
  std::vector<std::uint8_t> wav;
  append_text(wav, "RIFF");
  append_le(wav, 0, 4);
  append_text(wav, "WAVELIST");
  append_le(wav, 3, 4);  // odd: a byte of padding follows
  append_text(wav, "odd");
  wav.push_back(0);
  append_text(wav, "fmt ");
  append_le(wav, 16, 4);
  append_le(wav, form.format, 2);
  append_le(wav, form.channels, 2);
  append_le(wav, form.rate, 4);
  append_le(wav, form.rate * form.channels * form.bits / 8, 4);
  append_le(wav, form.channels * form.bits / 8, 2);
  append_le(wav, form.bits, 2);
  append_text(wav, "data");
  append_le(wav, form.data_bytes, 4);
  append(wav, data);
  return wav;
}

/// VP8 frames (key frames of 16x16 that hold nothing, unless they are said to be others) with these times.
struct IvfFrame {
  std::uint64_t time;
  bool is_key;
};
inline std::vector<std::uint8_t> make_vp8_ivf(std::uint32_t rate, const std::vector<IvfFrame>& frames) {
  std::vector<std::uint8_t> ivf;
  append_text(ivf, "DKIF");
  append_le(ivf, 0, 2);
  append_le(ivf, 32, 2);
  append_text(ivf, "VP80");
  append_le(ivf, 16, 2);
  append_le(ivf, 16, 2);
  append_le(ivf, rate, 4);
  append_le(ivf, 1, 4);
  append_le(ivf, frames.size(), 8);
  for (const IvfFrame& frame : frames) {
    append_le(ivf, 12, 4);
    append_le(ivf, frame.time, 8);
    // RFC 6386, section 9.1: a frame tag, and of a key frame a start code and the size.
    append_le(ivf, frame.is_key ? 0x10 : 0x11, 3);
    append_le(ivf, 0x2A019D, 3);
    append_le(ivf, 16, 2);
    append_le(ivf, 16, 2);
    append_le(ivf, frame.time, 2);
  }
  return ivf;
}

}  // namespace ott::test
