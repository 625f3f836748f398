// A camera for programs that have only V4L2 to read from: preloaded into one (LD_PRELOAD), it stands behind
// /dev/full and gives JPEGs of FAKE_CAMERA_BYTES at FAKE_CAMERA_FPS a second, each with the stamp that
// ott-load's viewers read. Knows as much of V4L2 as ustreamer asks for: one size, MJPEG, memory-mapped
// buffers.
#include <dlfcn.h>
#include <fcntl.h>
#include <linux/videodev2.h>
#include <sys/mman.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdarg>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <deque>
#include <vector>

#include "load/frames.h"

namespace {

/// A device that is there on any host, and that nobody opens otherwise.
constexpr const char* kPath = "/dev/full";
constexpr std::uint32_t kWidth = 640, kHeight = 480;
// What ustreamer looks for before it sends a picture on: Huffman tables, a scan and an end.
constexpr std::array<std::uint8_t, 8> kHead = {0xFF, 0xC4, 0, 2, 0xFF, 0xDA, 0, 2};
constexpr std::array<std::uint8_t, 2> kEnd = {0xFF, 0xD9};

long from_environment(const char* name, long otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::atol(text);
}

struct Camera {
  int fd = -1;  // a timer that is readable when a picture is due
  std::size_t bytes = static_cast<std::size_t>(from_environment("FAKE_CAMERA_BYTES", 50'000));
  std::vector<std::uint8_t*> buffers;
  std::deque<unsigned> queued;
  std::uint64_t number = 0;

  void start() const {
    const long interval_ns = 1'000'000'000 / from_environment("FAKE_CAMERA_FPS", 30);
    const itimerspec every{{0, interval_ns}, {0, interval_ns}};
    ::timerfd_settime(fd, 0, &every, nullptr);
  }

  std::uint8_t* map() {
    buffers.push_back(static_cast<std::uint8_t*>(
        ::operator new(bytes)));  // as large as all, and never given back: the process ends with it
    std::memset(buffers.back(), 0, bytes);
    std::memcpy(buffers.back() + ott::load::kStampBytes, kHead.data(), kHead.size());
    std::memcpy(buffers.back() + bytes - kEnd.size(), kEnd.data(), kEnd.size());
    return buffers.back();
  }

  int take(v4l2_buffer& buffer) {
    std::uint64_t due = 0;
    if (queued.empty() || ::read(fd, &due, sizeof due) != sizeof due) {
      errno = EAGAIN;
      return -1;
    }
    number += due;
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    const ott::load::Stamp stamp =
        ott::load::make_stamp({number, std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec});
    buffer.index = queued.front();
    queued.pop_front();
    buffer.bytesused = static_cast<std::uint32_t>(bytes);
    buffer.length = buffer.bytesused;
    std::memcpy(buffers.at(buffer.index), stamp.data(), stamp.size());
    return 0;
  }

  void describe(v4l2_format& format) const {
    format.fmt.pix.width = kWidth;
    format.fmt.pix.height = kHeight;
    format.fmt.pix.pixelformat = V4L2_PIX_FMT_MJPEG;
    format.fmt.pix.bytesperline = 0;
    format.fmt.pix.sizeimage = static_cast<std::uint32_t>(bytes);
  }

  int answer(std::uint32_t request, void* argument) {
    switch (request) {
      case VIDIOC_QUERYCAP: {
        auto& capability = *static_cast<v4l2_capability*>(argument);
        capability = {};
        capability.capabilities = V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_STREAMING;
        return 0;
      }
      case VIDIOC_S_FMT:
      case VIDIOC_G_FMT:
        describe(*static_cast<v4l2_format*>(argument));
        return 0;
      case VIDIOC_QUERYBUF: {
        auto& buffer = *static_cast<v4l2_buffer*>(argument);
        buffer.length = static_cast<std::uint32_t>(bytes);
        buffer.m.offset = 0;
        return 0;
      }
      case VIDIOC_QBUF:
        queued.push_back(static_cast<v4l2_buffer*>(argument)->index);
        return 0;
      case VIDIOC_DQBUF:
        return take(*static_cast<v4l2_buffer*>(argument));
      case VIDIOC_STREAMON:
        start();
        return 0;
      case VIDIOC_REQBUFS:
      case VIDIOC_S_INPUT:
      case VIDIOC_STREAMOFF:
        return 0;
      default:  // settings that it does not have
        errno = EINVAL;
        return -1;
    }
  }
};

Camera& camera() {
  static Camera the_camera;
  return the_camera;
}

template <class Function>
Function* next(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

int open_camera() {
  camera().fd = ::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  camera().buffers.clear();
  camera().queued.clear();
  return camera().fd;
}

}  // namespace

extern "C" {

// NOLINTBEGIN(cert-dcl50-cpp,readability-inconsistent-declaration-parameter-name): as the C library has them.
int open(const char* path, int flags, ...) {
  if (std::strcmp(path, kPath) == 0) return open_camera();
  std::va_list more;
  va_start(more, flags);
  const mode_t mode = va_arg(more, mode_t);
  va_end(more);
  return next<int(const char*, int, ...)>("open")(path, flags, mode);
}

int ioctl(int fd, unsigned long request, ...) noexcept {
  std::va_list more;
  va_start(more, request);
  void* argument = va_arg(more, void*);
  va_end(more);
  if (fd >= 0 && fd == camera().fd)
    return camera().answer(static_cast<std::uint32_t>(request), argument);  // it may have been an int
  return next<int(int, unsigned long, ...)>("ioctl")(fd, request, argument);
}

void* mmap(void* address, std::size_t length, int protection, int flags, int fd, off_t offset) noexcept {
  if (fd >= 0 && fd == camera().fd) return camera().map();
  return next<void*(void*, std::size_t, int, int, int, off_t)>("mmap")(address, length, protection, flags, fd,
                                                                       offset);
}

int munmap(void* address, std::size_t length) noexcept {
  for (const std::uint8_t* buffer : camera().buffers) {
    if (buffer == address) return 0;
  }
  return next<int(void*, std::size_t)>("munmap")(address, length);
}
// NOLINTEND(cert-dcl50-cpp,readability-inconsistent-declaration-parameter-name)

}  // extern "C"
