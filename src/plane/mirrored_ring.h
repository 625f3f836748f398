// Memory that is mapped twice, back to back, so that any run of bytes up to its capacity is contiguous, also
// across the wrap. Owns a memfd and its mapping, and nothing else.
#pragma once

#include <cstddef>
#include <cstdint>

#include "ott/types.h"

namespace ott {

class MirroredRing {
 public:
  /// The capacity of a ring that is to hold `bytes`: whole pages.
  static std::size_t capacity_for(std::size_t bytes);
  /// Fails only when the kernel has no memory or address space.
  static Result<MirroredRing> create(std::size_t capacity_bytes);
  /// Makes the ring larger and keeps the bytes between two positions (at most capacity() apart). They are not
  /// copied if they stay at their place in memory, as in a ring that has not wrapped yet. On failure the ring
  /// is unchanged.
  Result<void> grow(std::size_t capacity_bytes, Position from, Position to);
  MirroredRing(MirroredRing&& other) noexcept;
  MirroredRing& operator=(MirroredRing&& other) noexcept;
  MirroredRing(const MirroredRing&) = delete;
  MirroredRing& operator=(const MirroredRing&) = delete;
  ~MirroredRing();

  [[nodiscard]] std::size_t capacity() const { return capacity_; }
  /// The byte at a position, with capacity() contiguous bytes behind it.
  [[nodiscard]] std::uint8_t* at(Position position) const { return base_ + position.value % capacity_; }

 private:
  MirroredRing() = default;
  /// Maps `capacity` bytes (whole pages) of the memfd, in place of what is mapped so far.
  Result<void> map(std::size_t capacity);

  int fd_ = -1;
  std::uint8_t* base_ = nullptr;
  std::size_t capacity_ = 0;
};

}  // namespace ott
