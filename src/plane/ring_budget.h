// How much memory all rings of a process may take together. A ring takes its capacity from the budget and
// gives it back when it goes.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ott {

class RingBudget {
 public:
  explicit RingBudget(std::size_t bytes_max) : max_(bytes_max) {}
  RingBudget(const RingBudget&) = delete;
  RingBudget& operator=(const RingBudget&) = delete;

  /// False, and nothing taken, if there is not so much left.
  bool take(std::size_t bytes) {
    if (bytes > left()) return false;
    used_ += bytes;
    return true;
  }
  void give(std::size_t bytes) { used_ -= bytes; }
  void note_growth_refused() { ++growths_refused_; }

  [[nodiscard]] std::size_t max() const { return max_; }
  [[nodiscard]] std::size_t used() const { return used_; }
  [[nodiscard]] std::size_t left() const { return max_ - used_; }
  /// How often a ring would have grown, and its history stayed as short as it was.
  [[nodiscard]] std::uint64_t growths_refused() const { return growths_refused_; }

 private:
  std::size_t max_;
  std::size_t used_ = 0;
  std::uint64_t growths_refused_ = 0;
};

}  // namespace ott
