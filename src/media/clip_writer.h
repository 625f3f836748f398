// The two containers that are nothing but pictures one after the other: the classic clip (classic_clip.h),
// which precedes each by its length as five digits, and concatenated JPEGs.
#pragma once

#include "media/container_writer.h"

namespace ott {

/// .Mjpeg
class ClassicClipWriter final : public ContainerWriter {
 public:
  static constexpr std::size_t kPictureBytesMax = 99'999;

  [[nodiscard]] bool fits(const Picture&) const override { return true; }
  /// REQUIRES: at most kPictureBytesMax.
  FileEdits add(const Picture& picture) override;
  FileEdits finish() override { return {}; }
};

/// .mjpeg
class ConcatenatedWriter final : public ContainerWriter {
 public:
  [[nodiscard]] bool fits(const Picture&) const override { return true; }
  FileEdits add(const Picture& picture) override { return {{}, picture.jpeg}; }
  FileEdits finish() override { return {}; }
};

}  // namespace ott
