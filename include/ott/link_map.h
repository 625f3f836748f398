// What one part keeps of each link. A LinkId names a slot, so finding the value of a link touches only one
// word of a table beside it. A relay looks up each of its children for each frame, when they have left the
// caches.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "ott/assert.h"
#include "ott/types.h"

namespace ott {

template <class T>
class LinkMap {
  struct Slot {
    LinkId id;
    std::unique_ptr<T> value;
  };

 public:
  /// Over all values, in the order of their slots. None may be inserted meanwhile.
  class Iterator {
   public:
    Iterator(const Slot* at, const Slot* end) : at_(at), end_(end) { pass_over_free(); }
    T& operator*() const { return *at_->value; }
    Iterator& operator++() {
      ++at_;
      pass_over_free();
      return *this;
    }
    bool operator==(const Iterator& other) const { return at_ == other.at_; }

   private:
    void pass_over_free() {
      while (at_ != end_ && at_->value == nullptr) ++at_;
    }

    const Slot* at_;
    const Slot* end_;
  };

  [[nodiscard]] T* find(LinkId id) const {
    const std::size_t slot = slot_of(id);
    return slot < slots_.size() && slots_[slot].id == id ? slots_[slot].value.get() : nullptr;
  }
  /// REQUIRES: no value in this slot.
  T& insert(LinkId id, std::unique_ptr<T> value) {
    const std::size_t slot = slot_of(id);
    if (slot >= slots_.size()) slots_.resize(slot + 1);
    OTT_ASSERT(slots_[slot].value == nullptr);
    slots_[slot] = {id, std::move(value)};
    ++size_;
    return *slots_[slot].value;
  }
  /// Takes it out; null if there is none.
  std::unique_ptr<T> take(LinkId id) {
    if (find(id) == nullptr) return nullptr;
    --size_;
    return std::move(slots_[slot_of(id)].value);
  }

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] Iterator begin() const { return {slots_.data(), slots_.data() + slots_.size()}; }
  [[nodiscard]] Iterator end() const {
    return {slots_.data() + slots_.size(), slots_.data() + slots_.size()};
  }

 private:
  std::vector<Slot> slots_;
  std::size_t size_ = 0;
};

}  // namespace ott
