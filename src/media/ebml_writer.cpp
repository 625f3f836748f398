#include "media/ebml_writer.h"

#include <bit>

#include "ott/bytes.h"

namespace ott {
namespace {

constexpr std::uint64_t kSizeMark = std::uint64_t{1} << 56U;
constexpr std::uint64_t kSizeUnknown = kSizeMark | (kSizeMark - 1);
constexpr std::uint32_t kVoid = 0xEC;

}  // namespace

void put_ebml_id(EbmlBytes& out, std::uint32_t id) {
  const int bits = 32 - std::countl_zero(id);
  for (int shift = (bits - 1) / 8 * 8; shift >= 0; shift -= 8)
    out.push_back(static_cast<std::uint8_t>(id >> static_cast<unsigned>(shift)));
}

void put_ebml_size(EbmlBytes& out, std::uint64_t size) {
  unsigned bytes = 1;
  while (size >= (std::uint64_t{1} << (7 * bytes)) - 1) ++bytes;
  const std::uint64_t marked = size | (std::uint64_t{1} << (7 * bytes));
  for (unsigned i = bytes; i-- > 0;) out.push_back(static_cast<std::uint8_t>(marked >> (8 * i)));
}

EbmlBytes long_ebml_size(std::uint64_t size) {
  EbmlBytes bytes;
  Writer(bytes).u64(kSizeMark | size);
  return bytes;
}

void put_unknown_size(EbmlBytes& out, std::uint32_t id) {
  put_ebml_id(out, id);
  Writer(out).u64(kSizeUnknown);
}

void put_ebml(EbmlBytes& out, std::uint32_t id, ByteSpan body) {
  put_ebml_id(out, id);
  put_ebml_size(out, body.size());
  out.insert(out.end(), body.begin(), body.end());
}

void put_ebml_text(EbmlBytes& out, std::uint32_t id, std::string_view text) {
  put_ebml(out, id, EbmlBytes(text.begin(), text.end()));
}

void put_ebml_number(EbmlBytes& out, std::uint32_t id, std::uint64_t value) {
  EbmlBytes body;
  for (unsigned shift = 56; shift > 0; shift -= 8) {
    if (value >> shift != 0) body.push_back(static_cast<std::uint8_t>(value >> shift));
  }
  body.push_back(static_cast<std::uint8_t>(value));
  put_ebml(out, id, body);
}

void put_long_ebml_number(EbmlBytes& out, std::uint32_t id, std::uint64_t value) {
  EbmlBytes body;
  Writer(body).u64(value);
  put_ebml(out, id, body);
}

void put_ebml_float(EbmlBytes& out, std::uint32_t id, double value) {
  put_long_ebml_number(out, id, std::bit_cast<std::uint64_t>(value));
}

void put_ebml_void(EbmlBytes& out, std::size_t bytes) { put_ebml(out, kVoid, EbmlBytes(bytes - 2)); }

}  // namespace ott
