// Memory that is mapped twice, back to back, so that any run of up to its capacity is contiguous, also
// across the wrap. Owns a memfd mapping; nothing else.
#pragma once

#include <cstddef>
#include <cstdint>

#include "ott/types.h"

namespace ott {

class MirroredRing {
 public:
  /// Rounds up to whole pages. Fails only when the kernel has no memory or address space.
  static Result<MirroredRing> create(std::size_t capacity_bytes);
  MirroredRing(MirroredRing&& other) noexcept;
  MirroredRing& operator=(MirroredRing&& other) noexcept;
  MirroredRing(const MirroredRing&) = delete;
  MirroredRing& operator=(const MirroredRing&) = delete;
  ~MirroredRing();

  [[nodiscard]] std::size_t capacity() const { return capacity_; }
  /// The byte at a position, with capacity() contiguous bytes behind it.
  [[nodiscard]] std::uint8_t* at(Position position) const { return base_ + position.value % capacity_; }

 private:
  MirroredRing(std::uint8_t* base, std::size_t capacity) : base_(base), capacity_(capacity) {}
  std::uint8_t* base_;
  std::size_t capacity_;
};

}  // namespace ott
