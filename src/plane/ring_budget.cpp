#include "plane/ring_budget.h"

#include <string>

#include "ott/assert.h"

namespace ott {

RingBudget::~RingBudget() { OTT_ASSERT(bytes_taken_ == 0); }

Result<RingBudget::Share> RingBudget::reserve(std::size_t bytes) {
  if (bytes > bytes_max_ - bytes_taken_) {
    return fail("no room for another stream's ring: " + std::to_string(bytes_taken_ >> 20U) + " of " +
                std::to_string(bytes_max_ >> 20U) + " MiB are taken; --memory raises it");
  }
  return Share(*this, bytes);
}

RingBudget::Share::Share(RingBudget& budget, std::size_t bytes) : budget_(&budget) { resize(bytes); }

void RingBudget::Share::resize(std::size_t bytes) {
  if (budget_ == nullptr) return;
  budget_->bytes_taken_ = budget_->bytes_taken_ - bytes_ + bytes;
  bytes_ = bytes;
}

bool RingBudget::Share::grow(std::size_t bytes, Need need) {
  OTT_ASSERT(budget_ != nullptr && bytes >= bytes_);
  const std::size_t limit = need == Need::History ? budget_->history_bytes_max() : budget_->bytes_max_;
  const std::size_t others = budget_->bytes_taken_ - bytes_;
  if (others > limit || bytes > limit - others) {
    note_refused();
    return false;
  }
  resize(bytes);
  return true;
}

void RingBudget::Share::shrink(std::size_t bytes) {
  OTT_ASSERT(bytes <= bytes_);
  resize(bytes);
}

}  // namespace ott
