#include "ott/bytes.h"

#include <algorithm>

#include "ott/assert.h"

namespace ott {

bool has_control_character(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7F;
  });
}

NodeId Reader::node_id() {
  NodeId id;
  if (bytes_.size() < kNodeIdBytes) return failed<NodeId>();
  std::copy_n(bytes_.begin(), id.address.bytes.size(), id.address.bytes.begin());
  bytes_ = bytes_.subspan(id.address.bytes.size());
  id.port = u16();
  return id;
}

std::string Reader::text() { return text_of(u16()); }

std::string Reader::long_text(std::size_t most) {
  const std::size_t length = u32();
  return length > most ? failed<std::string>() : text_of(length);
}

std::string Reader::text_of(std::size_t length) {
  if (length > bytes_.size()) return failed<std::string>();
  std::string text(reinterpret_cast<const char*>(bytes_.data()), length);
  if (has_control_character(text)) return failed<std::string>();
  bytes_ = bytes_.subspan(length);
  return text;
}

void Writer::node_id(const NodeId& id) {
  out_.insert(out_.end(), id.address.bytes.begin(), id.address.bytes.end());
  u16(id.port);
}

void Writer::text(std::string_view text) {
  OTT_ASSERT(text.size() <= 0xFFFF && !has_control_character(text));
  u16(static_cast<std::uint16_t>(text.size()));
  out_.insert(out_.end(), text.begin(), text.end());
}

void Writer::long_text(std::string_view text) {
  OTT_ASSERT(!has_control_character(text));
  u32(static_cast<std::uint32_t>(text.size()));
  out_.insert(out_.end(), text.begin(), text.end());
}

}  // namespace ott
