// Bits of codec headers, the most significant first. Like Reader (ott/bytes.h) it never reads past its bytes:
// after the first short read it has failed, stays so, and returns zeros.
#pragma once

#include "ott/types.h"

namespace ott {

class BitReader {
 public:
  explicit BitReader(ByteSpan bytes) : bytes_(bytes) {}

  /// REQUIRES: count <= 32.
  std::uint32_t bits(unsigned count);
  bool flag() { return bits(1) != 0; }
  void skip(std::size_t count);
  /// Exp-Golomb codes of at most 32 bits, as H.264 (section 9.1), H.265 and AV1's uvlc() have them.
  std::uint32_t unsigned_golomb();
  std::int32_t signed_golomb();
  void align() { at_ = (at_ + 7) / 8 * 8; }

  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] std::size_t bits_left() const { return ok_ ? bytes_.size() * 8 - at_ : 0; }

 private:
  ByteSpan bytes_;
  std::size_t at_ = 0;  // in bits
  bool ok_ = true;
};

}  // namespace ott
