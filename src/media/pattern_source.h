// The test picture (test_picture.h) as a stream: the default source of a bootstrapper.
#pragma once

#include "media/picture_encoder.h"
#include "media/source.h"
#include "media/test_picture.h"

namespace ott {

class PatternSource final : public Source {
 public:
  static constexpr unsigned kSideMin = 16;
  static constexpr unsigned kSideMax = 8'192;

  /// REQUIRES: both sides from kSideMin to kSideMax.
  PatternSource(unsigned width, unsigned height, double fps);
  Result<SourceFrame> next(FrameNumber number, WallTime wall) override;
  [[nodiscard]] bool shows_time() const override { return true; }

 private:
  TestPicture picture_;
  PictureEncoder encoder_;
};

}  // namespace ott
