// The feeds of one kind that a link has: how many, and those of them with something to send, in turn. With
// many streams on a link most have nothing when it takes more, and looking at each costs a cache miss.
#pragma once

#include <cstddef>

#include "plane/flow.h"

namespace ott {

class FeedQueue {
 public:
  /// The link has this feed from here on; it has nothing to send yet.
  void add(Child&) { ++count_; }
  void remove(Child& child) {
    rest(child);
    --count_;
  }
  /// It has something to send: its turn is after all others'.
  void wake(Child& child) {
    if (child.awake) return;
    child.awake = true;
    child.next_awake = nullptr;
    (first_ == nullptr ? first_ : last_->next_awake) = &child;
    last_ = &child;
  }
  /// It has nothing more.
  void rest(Child& child) {
    if (!child.awake) return;
    child.awake = false;
    Child* before = nullptr;
    for (Child* at = first_; at != &child; at = at->next_awake) before = at;
    (before == nullptr ? first_ : before->next_awake) = child.next_awake;
    if (last_ == &child) last_ = before;
  }
  /// It has had its turn.
  void to_end(Child& child) {
    rest(child);
    wake(child);
  }
  /// Whose turn it is; null: nobody has anything. The others follow by next_awake.
  [[nodiscard]] Child* first() const { return first_; }
  [[nodiscard]] std::size_t count() const { return count_; }

 private:
  Child* first_ = nullptr;
  Child* last_ = nullptr;
  std::size_t count_ = 0;
};

}  // namespace ott
