// Big-endian loads and stores, and a reader and a writer of whole messages built on them. A Reader never
// reads past its span: after the first short read it has failed and stays so, and returns zeros.
#pragma once

#include <bit>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "ott/types.h"

namespace ott {

/// REQUIRES: `at` has sizeof(T) bytes. Network byte order on the wire.
template <class T>
inline T load_be(const std::uint8_t* at) {
  T value{};
#pragma GCC unroll 8  // it becomes one load
  for (std::size_t i = 0; i < sizeof(T); ++i) value = static_cast<T>((value << 8U) | at[i]);
  return value;
}
template <>
inline std::uint8_t load_be(const std::uint8_t* at) {
  return *at;
}

template <class T>
inline void store_be(std::uint8_t* at, T value) {
  for (std::size_t i = sizeof(T); i-- > 0;) {
    at[i] = static_cast<std::uint8_t>(value & 0xFFU);
    if constexpr (sizeof(T) > 1) value = static_cast<T>(value >> 8U);
  }
}

/// True if a text has bytes that a terminal or a log would act on: 0 to 31, and 127.
bool has_control_character(std::string_view text);

class Reader {
 public:
  explicit Reader(ByteSpan bytes) : bytes_(bytes) {}

  template <class T>
  T number() {
    if (bytes_.size() < sizeof(T)) return failed<T>();
    const T value = load_be<T>(bytes_.data());
    bytes_ = bytes_.subspan(sizeof(T));
    return value;
  }
  std::uint8_t u8() { return number<std::uint8_t>(); }
  std::uint16_t u16() { return number<std::uint16_t>(); }
  std::uint32_t u32() { return number<std::uint32_t>(); }
  std::uint64_t u64() { return number<std::uint64_t>(); }
  NodeId node_id();
  /// A text with a 16-bit length before it. Fails on control characters.
  std::string text();
  /// The same with a 32-bit length, at most `most`.
  std::string long_text(std::size_t most);
  /// A count of things that take at least `bytes_each`. Fails at once on a count that no message could hold,
  /// or above `most`.
  template <class T>
  std::size_t count(std::size_t bytes_each, std::size_t most = ~std::size_t{0}) {
    const std::size_t n = number<T>();
    if (n > bytes_.size() / bytes_each || n > most) return failed<std::size_t>();
    return n;
  }

  void fail() { ok_ = false, bytes_ = {}; }
  [[nodiscard]] bool ok() const { return ok_; }
  /// True if nothing is left to read.
  [[nodiscard]] bool at_end() const { return bytes_.empty(); }

 private:
  std::string text_of(std::size_t length);
  template <class T>
  T failed() {
    fail();
    return T{};
  }
  ByteSpan bytes_;
  bool ok_ = true;
};

/// Appends to a buffer that it does not own.
class Writer {
 public:
  explicit Writer(std::vector<std::uint8_t>& out) : out_(out) {}

  template <class T>
  void number(T value) {
    const std::size_t at = out_.size();
    out_.resize(at + sizeof(T));
    store_be<T>(out_.data() + at, value);
  }
  void u8(std::uint8_t value) { out_.push_back(value); }
  void u16(std::uint16_t value) { number(value); }
  void u32(std::uint32_t value) { number(value); }
  void u64(std::uint64_t value) { number(value); }
  void node_id(const NodeId& id);
  /// REQUIRES: at most 65,535 bytes, no control characters.
  void text(std::string_view text);
  /// REQUIRES: no control characters.
  void long_text(std::string_view text);

 private:
  std::vector<std::uint8_t>& out_;
};

/// A NodeId on the wire: 16 bytes of address (IPv4 as ::ffff:a.b.c.d), 2 of port.
inline constexpr std::size_t kNodeIdBytes = 18;

}  // namespace ott
