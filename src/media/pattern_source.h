// The test picture (test_picture.h) as a stream: the default source of a bootstrapper.
#pragma once

#include <memory>

#include "media/source.h"
#include "media/test_picture.h"

namespace ott {

class PatternSource final : public Source {
 public:
  static constexpr unsigned kSideMin = 16;
  static constexpr unsigned kSideMax = 8'192;
  static constexpr int kQuality = 80;

  /// REQUIRES: both sides from kSideMin to kSideMax.
  PatternSource(unsigned width, unsigned height, double fps);
  ~PatternSource() override;
  Result<SourceFrame> next(FrameNumber number, WallTime wall) override;
  [[nodiscard]] bool shows_time() const override { return true; }

 private:
  class Encoder;
  TestPicture picture_;
  std::unique_ptr<Encoder> encoder_;
};

}  // namespace ott
