#include "media/bit_reader.h"

namespace ott {

std::uint32_t BitReader::bits(unsigned count) {
  if (count > bits_left()) {
    ok_ = false;
    return 0;
  }
  std::uint64_t value = 0;
  for (unsigned i = 0; i < count; ++i, ++at_) {
    value = value << 1U | (static_cast<unsigned>(bytes_[at_ / 8]) >> (7 - at_ % 8) & 1U);
  }
  return static_cast<std::uint32_t>(value);
}

void BitReader::skip(std::size_t count) {
  if (count > bits_left()) {
    ok_ = false;
    return;
  }
  at_ += count;
}

std::uint32_t BitReader::unsigned_golomb() {
  unsigned zeros = 0;
  while (ok_ && zeros < 32 && !flag()) ++zeros;
  if (!ok_ || zeros >= 32) {
    ok_ = false;
    return 0;
  }
  return (std::uint32_t{1} << zeros) - 1 + bits(zeros);
}

std::int32_t BitReader::signed_golomb() {
  const std::uint32_t code = unsigned_golomb();
  const auto half = static_cast<std::int32_t>(code / 2 + code % 2);
  return code % 2 != 0 ? half : -half;
}

}  // namespace ott
