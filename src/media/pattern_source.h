// The test picture (test_picture.h) as a stream: the default source of a bootstrapper.
#pragma once

#include "media/picture_encoder.h"
#include "media/source.h"
#include "media/source_spec.h"
#include "media/test_picture.h"

namespace ott {

inline constexpr std::string_view kPatternPrefix = "pattern:";

struct PatternForm {
  unsigned width = 1'280, height = 720;
  double fps = 30;
};
/// What is behind the prefix: "", "640x360", "640x360@25" or "@25". The error names the source.
Result<PatternForm> parse_pattern(std::string_view text, const SourceOptions& options, std::string_view spec);

class PatternSource final : public Source {
 public:
  static constexpr unsigned kSideMin = 16;
  static constexpr unsigned kSideMax = 8'192;

  /// REQUIRES: both sides from kSideMin to kSideMax.
  PatternSource(unsigned width, unsigned height, double fps);
  Result<SourceFrame> next(FrameNumber number, WallTime wall) override;
  [[nodiscard]] bool shows_time() const override { return true; }
  /// From now on there is a mark in a corner of the picture, white or black.
  void show_mark(bool is_white) { picture_.show_mark(is_white); }

 private:
  TestPicture picture_;
  PictureEncoder encoder_;
};

}  // namespace ott
