// Memory that is mapped twice, back to back, so that any run of up to its capacity is contiguous, also
// across the wrap. Owns a memfd and its mapping; borrows the budget that its capacity counts against.
#pragma once

#include <cstddef>
#include <cstdint>

#include "ott/types.h"
#include "plane/ring_budget.h"

namespace ott {

class MirroredRing {
 public:
  /// Rounds up to whole pages. Fails when the budget, or the kernel, has no room for it. The budget (null: no
  /// bound) outlives the ring.
  static Result<MirroredRing> create(std::size_t capacity_bytes, RingBudget* budget = nullptr);
  /// Makes it larger, and keeps what lies between two positions (at most capacity() apart): without touching
  /// it, where its place stays the same, as in a ring that has not wrapped yet. Unchanged if that fails.
  Result<void> grow(std::size_t capacity_bytes, Position from, Position to);
  MirroredRing(MirroredRing&& other) noexcept;
  MirroredRing& operator=(MirroredRing&& other) noexcept;
  MirroredRing(const MirroredRing&) = delete;
  MirroredRing& operator=(const MirroredRing&) = delete;
  ~MirroredRing();

  void note_growth_refused() {
    if (budget_ != nullptr) budget_->note_growth_refused();
  }
  [[nodiscard]] std::size_t capacity() const { return capacity_; }
  /// The byte at a position, with capacity() contiguous bytes behind it.
  [[nodiscard]] std::uint8_t* at(Position position) const { return base_ + position.value % capacity_; }

 private:
  explicit MirroredRing(RingBudget* budget) : budget_(budget) {}
  /// Maps so much of the memfd (whole pages), in place of what is mapped so far.
  Result<void> map(std::size_t capacity);
  Result<void> map_taken(std::size_t capacity);

  RingBudget* budget_;
  int fd_ = -1;
  std::uint8_t* base_ = nullptr;
  std::size_t capacity_ = 0;
};

}  // namespace ott
