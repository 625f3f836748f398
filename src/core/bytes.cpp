#include "ott/bytes.h"

#include <algorithm>

#include "ott/assert.h"

namespace ott {

NodeId Reader::node_id() {
  NodeId id;
  if (bytes_.size() < kNodeIdBytes) return failed<NodeId>();
  std::copy_n(bytes_.begin(), id.address.bytes.size(), id.address.bytes.begin());
  bytes_ = bytes_.subspan(id.address.bytes.size());
  id.port = u16();
  return id;
}

std::string Reader::string() {
  const std::size_t length = u16();
  if (length > bytes_.size()) return failed<std::string>();
  std::string text(reinterpret_cast<const char*>(bytes_.data()), length);
  bytes_ = bytes_.subspan(length);
  return text;
}

void Writer::node_id(const NodeId& id) {
  out_.insert(out_.end(), id.address.bytes.begin(), id.address.bytes.end());
  u16(id.port);
}

void Writer::string(std::string_view text) {
  OTT_ASSERT(text.size() <= 0xFFFF);
  u16(static_cast<std::uint16_t>(text.size()));
  out_.insert(out_.end(), text.begin(), text.end());
}

}  // namespace ott
