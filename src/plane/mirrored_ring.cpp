#include "plane/mirrored_ring.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace ott {
namespace {

Result<MirroredRing> failed(const char* operation) {
  return fail(std::string("a stream's ring: ") + operation + ": " + std::strerror(errno));
}

}  // namespace

Result<MirroredRing> MirroredRing::create(std::size_t capacity_bytes) {
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  const std::size_t capacity = (capacity_bytes + page - 1) / page * page;
  const int fd = memfd_create("ottd-ring", MFD_CLOEXEC);
  if (fd < 0) return tl::unexpected(failed("memfd_create").error());
  const auto close_and_fail = [fd](const char* operation) {
    auto error = failed(operation);
    close(fd);
    return error;
  };
  if (ftruncate(fd, static_cast<off_t>(capacity)) != 0) return close_and_fail("ftruncate");
  void* both = mmap(nullptr, 2 * capacity, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (both == MAP_FAILED) return close_and_fail("mmap");
  auto* base = static_cast<std::uint8_t*>(both);
  for (std::uint8_t* half : {base, base + capacity}) {
    if (mmap(half, capacity, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED) {
      auto error = close_and_fail("mmap");
      munmap(base, 2 * capacity);
      return error;
    }
  }
  close(fd);
  return MirroredRing(base, capacity);
}

MirroredRing::MirroredRing(MirroredRing&& other) noexcept
    : base_(std::exchange(other.base_, nullptr)), capacity_(other.capacity_) {}

MirroredRing& MirroredRing::operator=(MirroredRing&& other) noexcept {
  std::swap(base_, other.base_);
  std::swap(capacity_, other.capacity_);
  return *this;
}

MirroredRing::~MirroredRing() {
  if (base_ != nullptr) munmap(base_, 2 * capacity_);
}

}  // namespace ott
