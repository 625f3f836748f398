// How much memory all rings of a process may take together. One per process; it outlives every buffer that
// holds a share of it.
//
// Always: the shares add up to bytes_taken() <= bytes_max(). A ring grows for its history only up to
// history_bytes_max(). The rest is kept for streams that begin, and for rings that their own frames do not
// fit into.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include "ott/result.h"

namespace ott {

class RingBudget {
 public:
  /// Why a ring grows.
  enum class Need : std::uint8_t { Frames, History };

  /// What one buffer's ring has taken. It is given back when the share is destroyed.
  class Share {
   public:
    Share(Share&& other) noexcept { *this = std::move(other); }
    Share& operator=(Share&& other) noexcept {
      std::swap(budget_, other.budget_);
      std::swap(bytes_, other.bytes_);
      return *this;
    }
    Share(const Share&) = delete;
    Share& operator=(const Share&) = delete;
    ~Share() { resize(0); }

    /// Makes the share larger, to `bytes` in all. False if there is no room: then it stays as it is, and the
    /// refusal is counted.
    bool grow(std::size_t bytes, Need need);
    /// Makes the share smaller, as after a grow() that was of no use.
    void shrink(std::size_t bytes);
    /// Counts a growth for which the kernel had no memory.
    void note_refused() { ++budget_->growths_refused_; }
    [[nodiscard]] std::size_t bytes() const { return bytes_; }

   private:
    friend class RingBudget;
    Share(RingBudget& budget, std::size_t bytes);
    void resize(std::size_t bytes);

    RingBudget* budget_ = nullptr;
    std::size_t bytes_ = 0;
  };

  explicit RingBudget(std::size_t bytes_max) : bytes_max_(bytes_max) {}
  RingBudget(const RingBudget&) = delete;
  RingBudget& operator=(const RingBudget&) = delete;
  ~RingBudget();

  /// A new ring's share. The error says how much is taken of how much.
  Result<Share> reserve(std::size_t bytes);

  [[nodiscard]] std::size_t bytes_taken() const { return bytes_taken_; }
  [[nodiscard]] std::size_t bytes_max() const { return bytes_max_; }
  [[nodiscard]] std::size_t history_bytes_max() const { return bytes_max_ - bytes_max_ / 4; }
  /// True when what is left should go to as many streams as possible: new rings then begin small.
  [[nodiscard]] bool scarce() const { return bytes_taken_ >= history_bytes_max(); }
  /// How often a ring did not grow for want of memory.
  [[nodiscard]] std::uint64_t growths_refused() const { return growths_refused_; }

 private:
  std::size_t bytes_max_;
  std::size_t bytes_taken_ = 0;
  std::uint64_t growths_refused_ = 0;
};

}  // namespace ott
