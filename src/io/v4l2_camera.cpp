#include "io/v4l2_camera.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/videodev2.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include <cerrno>
#include <cmath>
#include <cstring>

namespace ott {
namespace {

constexpr std::uint32_t kBuffers = 4;
constexpr std::uint32_t kCapture = V4L2_BUF_TYPE_VIDEO_CAPTURE;

/// Returns 0 or errno.
template <class Argument>
int control(int fd, unsigned long request, Argument& argument) {
  int result = 0;
  do {
    result = ::ioctl(fd, request, &argument);
  } while (result < 0 && errno == EINTR);
  return result < 0 ? errno : 0;
}

v4l2_buffer buffer_of(std::uint32_t index) {
  v4l2_buffer buffer{};
  buffer.index = index;
  buffer.type = kCapture;
  buffer.memory = V4L2_MEMORY_MMAP;
  return buffer;
}

}  // namespace

tl::unexpected<Error> V4l2Camera::bad(const std::string& what, int error) const {
  return fail(fmt::format("camera {}: {}: {}", device_, what, std::strerror(error)));
}

Result<std::unique_ptr<V4l2Camera>> V4l2Camera::open(const V4l2Settings& settings) {
  Fd fd(::open(settings.device.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
  if (!fd.valid()) {
    const int error = errno;
    const char* hint = error == ENOENT   ? " (`ls /dev/video*` lists the cameras of this host)"
                       : error == EACCES ? " (its group is mostly `video`)"
                                         : "";
    return fail(fmt::format("camera {}: {}{}", settings.device, std::strerror(error), hint));
  }
  std::unique_ptr<V4l2Camera> camera(new V4l2Camera(std::move(fd), settings.device));
  if (auto ready = camera->set_up(settings); !ready) return tl::unexpected<Error>(ready.error());
  return camera;
}

V4l2Camera::~V4l2Camera() {
  std::uint32_t type = kCapture;
  (void)control(fd_.get(), VIDIOC_STREAMOFF, type);
  for (const Mapping& mapping : mappings_) ::munmap(mapping.address, mapping.bytes);
}

/// The four-letter codes of what the camera gives.
std::string V4l2Camera::formats() const {
  std::string codes;
  for (std::uint32_t index = 0; index < 32; ++index) {
    v4l2_fmtdesc format{};
    format.index = index;
    format.type = kCapture;
    if (control(fd_.get(), VIDIOC_ENUM_FMT, format) != 0) break;
    if (index > 0) codes += ", ";
    for (unsigned shift = 0; shift < 32; shift += 8)
      codes += static_cast<char>((format.pixelformat >> shift) & 0x7F);
  }
  return codes;
}

Result<void> V4l2Camera::set_up(const V4l2Settings& settings) {
  v4l2_capability capability{};
  if (const int error = control(fd_.get(), VIDIOC_QUERYCAP, capability); error != 0)
    return bad("it is no video device", error);
  const std::uint32_t can = (capability.capabilities & V4L2_CAP_DEVICE_CAPS) != 0 ? capability.device_caps
                                                                                  : capability.capabilities;
  if ((can & V4L2_CAP_VIDEO_CAPTURE) == 0 || (can & V4L2_CAP_STREAMING) == 0)
    return bad("it gives no pictures", ENOTSUP);

  v4l2_format format{};
  format.type = kCapture;
  if (const int error = control(fd_.get(), VIDIOC_G_FMT, format); error != 0)
    return bad("its format is not to be had", error);
  if (settings.width != 0) {
    format.fmt.pix.width = settings.width;
    format.fmt.pix.height = settings.height;
  }
  format.fmt.pix.pixelformat = V4L2_PIX_FMT_MJPEG;
  if (const int error = control(fd_.get(), VIDIOC_S_FMT, format); error != 0)
    return bad("its format cannot be set", error);
  const v4l2_pix_format& pix = format.fmt.pix;
  if (pix.pixelformat != V4L2_PIX_FMT_MJPEG && pix.pixelformat != V4L2_PIX_FMT_JPEG) {
    return fail(fmt::format(
        "camera {}: it gives no motion JPEG, but {}; write 'NAME=exec:ffmpeg -f v4l2 -i {} -c:v mjpeg -q:v 5 "
        "-f mjpeg -'",
        device_, formats(), device_));
  }
  if (settings.width != 0 && (pix.width != settings.width || pix.height != settings.height)) {
    return fail(fmt::format("camera {}: it has no pictures of {}x{}; the nearest size is {}x{}", device_,
                            settings.width, settings.height, pix.width, pix.height));
  }

  what_ = fmt::format("{}x{}", pix.width, pix.height);
  v4l2_streamparm rate{};
  rate.type = kCapture;
  if (settings.fps != 0) {
    rate.parm.capture.timeperframe = {1'000, static_cast<std::uint32_t>(std::lround(settings.fps * 1'000))};
    (void)control(fd_.get(), VIDIOC_S_PARM, rate);  // a camera without rates has its own
  }
  const bool known = control(fd_.get(), VIDIOC_G_PARM, rate) == 0;
  const v4l2_fract& interval = rate.parm.capture.timeperframe;
  if (known && interval.numerator != 0)
    what_ +=
        fmt::format(" at {:.4g} frames/s", static_cast<double>(interval.denominator) / interval.numerator);
  return map_buffers();
}

Result<void> V4l2Camera::map_buffers() {
  v4l2_requestbuffers request{};
  request.count = kBuffers;
  request.type = kCapture;
  request.memory = V4L2_MEMORY_MMAP;
  if (const int error = control(fd_.get(), VIDIOC_REQBUFS, request); error != 0)
    return bad(error == EBUSY ? "another program uses it" : "it gives no buffers", error);
  for (std::uint32_t index = 0; index < request.count; ++index) {
    v4l2_buffer buffer = buffer_of(index);
    if (const int error = control(fd_.get(), VIDIOC_QUERYBUF, buffer); error != 0)
      return bad("a buffer is missing", error);
    void* address = ::mmap(nullptr, buffer.length, PROT_READ, MAP_SHARED, fd_.get(), buffer.m.offset);
    if (address == MAP_FAILED) return bad("a buffer cannot be mapped", errno);
    mappings_.push_back({address, buffer.length});
    if (const int error = control(fd_.get(), VIDIOC_QBUF, buffer); error != 0)
      return bad("a buffer is not taken", error);
  }
  std::uint32_t type = kCapture;
  if (const int error = control(fd_.get(), VIDIOC_STREAMON, type); error != 0)
    return bad("it cannot be started", error);
  return {};
}

Result<std::optional<V4l2Camera::Picture>> V4l2Camera::take() {
  v4l2_buffer buffer = buffer_of(0);
  const int error = control(fd_.get(), VIDIOC_DQBUF, buffer);
  if (error == EAGAIN) return std::nullopt;
  if (error == EIO) return std::nullopt;  // a transient fault; the driver goes on
  if (error != 0) return bad("no more pictures", error);
  if (buffer.index >= mappings_.size()) return bad("it names a buffer that there is not", EINVAL);
  const Mapping& mapping = mappings_[buffer.index];
  const std::size_t bytes = std::min<std::size_t>(buffer.bytesused, mapping.bytes);
  return Picture{{static_cast<const std::uint8_t*>(mapping.address), bytes},
                 buffer.index,
                 (buffer.flags & V4L2_BUF_FLAG_ERROR) != 0};
}

void V4l2Camera::give_back(const Picture& picture) {
  v4l2_buffer buffer = buffer_of(picture.buffer);
  (void)control(fd_.get(), VIDIOC_QBUF, buffer);  // if it is gone, the next take() says so
}

}  // namespace ott
