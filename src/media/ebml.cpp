#include "media/ebml.h"

#include <bit>

#include "ott/bytes.h"

namespace ott {
namespace {

constexpr unsigned kIdBytesMax = 4, kNumberBytesMax = 8;

/// The length that the first byte of an id or a number says; more than 8 for 0.
unsigned length_of(std::uint8_t first) { return static_cast<unsigned>(std::countl_zero(first)) + 1; }

std::uint64_t load(ByteSpan bytes) {
  std::uint64_t value = 0;
  for (const std::uint8_t byte : bytes) value = value << 8U | byte;
  return value;
}

}  // namespace

Result<std::optional<EbmlHead>> parse_ebml_head(ByteSpan bytes) {
  if (bytes.empty()) return std::nullopt;
  const unsigned id_bytes = length_of(bytes[0]);
  if (id_bytes > kIdBytesMax) return fail("no element begins with such a byte");
  if (bytes.size() <= id_bytes) return std::nullopt;
  const unsigned size_bytes = length_of(bytes[id_bytes]);
  if (size_bytes > kNumberBytesMax) return fail("an element whose size is more than 8 bytes");
  EbmlHead head;
  head.bytes = std::size_t{id_bytes} + size_bytes;
  if (bytes.size() < head.bytes) return std::nullopt;
  head.id = static_cast<std::uint32_t>(load(bytes.first(id_bytes)));
  ByteSpan rest = bytes.subspan(id_bytes);
  const std::uint64_t unknown = (std::uint64_t{1} << (7 * size_bytes)) - 1;
  const auto size = take_ebml_number(rest);
  if (*size != unknown) head.size = size;
  return head;
}

std::optional<std::uint64_t> take_ebml_number(ByteSpan& bytes) {
  if (bytes.empty()) return std::nullopt;
  const unsigned length = length_of(bytes[0]);
  if (length > kNumberBytesMax || bytes.size() < length) return std::nullopt;
  const std::uint64_t value = load(bytes.first(length)) & ((std::uint64_t{1} << (7 * length)) - 1);
  bytes = bytes.subspan(length);
  return value;
}

Result<EbmlElement> take_ebml_element(ByteSpan& bytes) {
  const auto head = parse_ebml_head(bytes);
  if (!head) return tl::unexpected(head.error());
  if (!*head || !(*head)->size || *(*head)->size > bytes.size() - (*head)->bytes) {
    return fail("an element that is longer than the one around it");
  }
  const auto size = static_cast<std::size_t>(*(*head)->size);
  const EbmlElement element{(*head)->id, bytes.subspan((*head)->bytes, size)};
  bytes = bytes.subspan((*head)->bytes + size);
  return element;
}

std::uint64_t ebml_unsigned(ByteSpan body) { return body.size() <= 8 ? load(body) : 0; }

double ebml_float(ByteSpan body) {
  if (body.size() == 4) return static_cast<double>(std::bit_cast<float>(load_be<std::uint32_t>(body.data())));
  return body.size() == 8 ? std::bit_cast<double>(load_be<std::uint64_t>(body.data())) : 0;
}

}  // namespace ott
