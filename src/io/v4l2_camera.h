// An open camera that streams motion JPEG into buffers which are mapped here (the kernel's
// Documentation/userspace-api/media/v4l/mmap.rst).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "io/fd.h"
#include "ott/result.h"
#include "ott/types.h"

namespace ott {

struct V4l2Settings {
  std::string device;
  unsigned width = 0, height = 0;  // 0: the camera's own
  double fps = 0;                  // 0: the camera's own
};

class V4l2Camera {
 public:
  /// Opens, sets up and starts the camera; takes its time. The error names the device, what it cannot do, and
  /// what it can.
  static Result<std::unique_ptr<V4l2Camera>> open(const V4l2Settings& settings);
  /// Takes its time, too.
  ~V4l2Camera();
  V4l2Camera(const V4l2Camera&) = delete;
  V4l2Camera& operator=(const V4l2Camera&) = delete;

  [[nodiscard]] int fd() const { return fd_.get(); }
  /// What was agreed on: "1280x720 at 30 frames/s".
  [[nodiscard]] const std::string& what() const { return what_; }

  struct Picture {
    ByteSpan jpeg;  // valid until give_back()
    std::uint32_t buffer = 0;
    bool damaged = false;  // the driver says so
  };
  /// The next picture; nothing when none is ready. The error is final: the camera is gone.
  Result<std::optional<Picture>> take();
  void give_back(const Picture& picture);

 private:
  struct Mapping {
    void* address = nullptr;
    std::size_t bytes = 0;
  };

  V4l2Camera(Fd fd, std::string device) : fd_(std::move(fd)), device_(std::move(device)) {}
  Result<void> set_up(const V4l2Settings& settings);
  Result<void> map_buffers();
  [[nodiscard]] tl::unexpected<Error> bad(const std::string& what, int error) const;
  [[nodiscard]] std::string formats() const;

  Fd fd_;
  std::string device_;
  std::string what_;
  std::vector<Mapping> mappings_;
};

}  // namespace ott
