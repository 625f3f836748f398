#include "plane/flow.h"

#include <algorithm>

namespace ott {

Child* Flow::child(LinkId link) {
  const auto found = std::find_if(children.begin(), children.end(),
                                  [link](const auto& child) { return child->link == link; });
  return found == children.end() ? nullptr : found->get();
}

Child& Flow::add_child(LinkId link, const NodeId& node) {
  children.push_back(std::make_unique<Child>());
  Child& child = *children.back();
  child.flow = this;
  child.link = link;
  child.node = node;
  return child;
}

void Flow::remove_child(LinkId link) {
  std::erase_if(children, [link](const auto& child) { return child->link == link; });
}

FrameNumber Flow::start_after() const {
  if (buffer.last_done().value != 0) return buffer.last_done();
  FrameNumber oldest;
  for (const auto& child : children) {
    if (child->last.value != 0 && (oldest.value == 0 || child->last < oldest)) oldest = child->last;
  }
  return oldest;
}

bool Flow::all_children_asked() const {
  return std::all_of(children.begin(), children.end(), [](const auto& child) { return child->asked; });
}

MutableByteSpan Flow::room(std::size_t bytes) {
  buffer.grow_for(bytes);
  const Position tail = buffer.tail_for(bytes);
  if (tail != buffer.tail()) {
    for (const auto& child : children) child->feed.leave_before(buffer, tail);
  }
  return buffer.room(bytes);
}

}  // namespace ott
