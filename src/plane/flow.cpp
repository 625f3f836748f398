#include "plane/flow.h"

#include <algorithm>

namespace ott {
namespace {

LinkId link_of(const std::unique_ptr<Child>& child) { return child->link; }

}  // namespace

Child* Flow::child(LinkId link) {
  const auto at = std::ranges::lower_bound(children, link, {}, &link_of);
  return at != children.end() && (*at)->link == link ? at->get() : nullptr;
}

Child& Flow::add_child(LinkId link, const NodeId& node) {
  auto child = std::make_unique<Child>();
  child->flow = this;
  child->link = link;
  child->node = node;
  return **children.insert(std::ranges::lower_bound(children, link, {}, &link_of), std::move(child));
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

bool Flow::lacks_beginning() const {
  const auto* oldest = buffer.oldest();
  if (own || asked_for_beginning || began_after.value == 0 || oldest == nullptr) return false;
  return oldest->number.value == began_after.value + 1 && buffer.newest_begun_sync_point() == nullptr;
}

bool Flow::somebody_joins() const {
  const auto joins = [](const auto& child) { return child->asked && child->last.value == 0; };
  return joins_here || std::any_of(children.begin(), children.end(), joins);
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
