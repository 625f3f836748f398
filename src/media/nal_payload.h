// The NAL units that an RTP packet of H.264 (RFC 6184) or H.265 (RFC 7798) has: what kind each is, and the
// bytes of it that are in the packet. No state; nothing is read past the payload's end.
#pragma once

#include <cstdint>
#include <string_view>

#include "ott/types.h"

namespace ott {

struct NalUnit {
  unsigned type = 0;
  ByteSpan body;       // behind its header
  bool begins = true;  // false: a later fragment (FU)
};

/// Goes through one payload. After the last unit, or what is malformed, next() is false.
class NalReader {
 public:
  enum class Codec : std::uint8_t { H264, H265 };
  NalReader(Codec codec, ByteSpan payload);

  bool next(NalUnit& unit);
  /// What is malformed, as far as next() has come; empty: nothing.
  [[nodiscard]] std::string_view flaw() const { return flaw_; }

 private:
  bool take_whole(ByteSpan unit, NalUnit& into);
  bool take_fragment(NalUnit& into);
  bool malformed(std::string_view flaw);

  Codec codec_;
  ByteSpan rest_;
  std::size_t header_bytes_;   // of a NAL unit
  std::size_t length_at_ = 0;  // in an aggregate: what stands behind each length, before the unit
  bool aggregate_ = false;
  bool begun_ = false;
  std::string_view flaw_;
};

}  // namespace ott
