#include "plane/mirrored_ring.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "ott/assert.h"

namespace ott {
namespace {

Result<void> failed(const char* operation) {
  return fail(std::string("a stream's ring: ") + operation + ": " + std::strerror(errno));
}

std::size_t whole_pages(std::size_t bytes) {
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  return (bytes + page - 1) / page * page;
}

}  // namespace

Result<MirroredRing> MirroredRing::create(std::size_t capacity_bytes, RingBudget* budget) {
  MirroredRing ring(budget);
  ring.fd_ = memfd_create("ottd-ring", MFD_CLOEXEC);
  if (ring.fd_ < 0) return tl::unexpected(failed("memfd_create").error());
  if (auto mapped = ring.map(whole_pages(capacity_bytes)); !mapped) return tl::unexpected(mapped.error());
  return ring;
}

Result<void> MirroredRing::map(std::size_t capacity) {
  const std::size_t more = capacity - capacity_;
  if (budget_ != nullptr && !budget_->take(more)) {
    constexpr std::size_t kMiB = 1U << 20U;
    return fail(
        fmt::format("no memory for another ring: {} of {} MiB are taken by streams that pass through here; "
                    "--memory sets the "
                    "total",
                    budget_->used() / kMiB, budget_->max() / kMiB));
  }
  auto mapped = map_taken(capacity);
  if (!mapped && budget_ != nullptr) budget_->give(more);
  return mapped;
}

Result<void> MirroredRing::map_taken(std::size_t capacity) {
  if (ftruncate(fd_, static_cast<off_t>(capacity)) != 0) return failed("ftruncate");
  void* both = mmap(nullptr, 2 * capacity, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (both == MAP_FAILED) return failed("mmap");
  auto* base = static_cast<std::uint8_t*>(both);
  for (std::uint8_t* half : {base, base + capacity}) {
    if (mmap(half, capacity, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd_, 0) == MAP_FAILED) {
      auto error = failed("mmap");
      munmap(base, 2 * capacity);
      return error;
    }
  }
  if (base_ != nullptr) munmap(base_, 2 * capacity_);
  base_ = base;
  capacity_ = capacity;
  return {};
}

Result<void> MirroredRing::grow(std::size_t capacity_bytes, Position from, Position to) {
  const std::size_t capacity = whole_pages(capacity_bytes);
  OTT_ASSERT(capacity >= capacity_ && to.value - from.value <= capacity_);
  const std::uint64_t begin = from.value % capacity_;
  const bool wraps = begin + (to.value - from.value) > capacity_;
  if (!wraps && begin == from.value % capacity) return map(capacity);
  // Both exist for a moment.
  auto larger = create(capacity, budget_);
  if (!larger) return tl::unexpected(larger.error());
  std::copy_n(at(from), to.value - from.value, larger->at(from));
  *this = std::move(*larger);
  return {};
}

MirroredRing::MirroredRing(MirroredRing&& other) noexcept : budget_(other.budget_) {
  *this = std::move(other);
}

MirroredRing& MirroredRing::operator=(MirroredRing&& other) noexcept {
  std::swap(budget_, other.budget_);
  std::swap(fd_, other.fd_);
  std::swap(base_, other.base_);
  std::swap(capacity_, other.capacity_);
  return *this;
}

MirroredRing::~MirroredRing() {
  if (base_ != nullptr) munmap(base_, 2 * capacity_);
  if (budget_ != nullptr) budget_->give(capacity_);
  if (fd_ >= 0) close(fd_);
}

}  // namespace ott
