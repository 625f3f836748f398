// The moving test picture: colour bars that travel, and on them text that can be read from across a room: the
// frame's number, the sender's clock to the millisecond, the size and rate. Planar YCbCr 4:2:0, ready for the
// encoder.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ott/time.h"
#include "ott/types.h"

namespace ott {

class TestPicture {
 public:
  struct Plane {
    std::size_t stride = 0;  // whole MCUs, so both sides are rounded up
    std::size_t rows = 0;
    std::vector<std::uint8_t> samples;

    [[nodiscard]] std::uint8_t* row(std::size_t y) { return samples.data() + y * stride; }
  };

  TestPicture(unsigned width, unsigned height, double fps);

  void draw(FrameNumber number, WallTime wall);
  /// From now on draw() puts a square in the lower left corner, white or black.
  void show_mark(bool is_white) { mark_ = is_white; }
  /// A line of text on grey, and nothing else.
  void draw_words(const std::string& words);

  /// 0: Y, 1: Cb, 2: Cr.
  [[nodiscard]] Plane& plane(std::size_t index) { return planes_[index]; }

 private:
  struct Line {
    double top;     // as a fraction of the height
    double height;  // as a fraction of the height
    std::string text;
  };

  void draw_bars(std::uint64_t frame);
  void draw_line(const Line& line);
  void draw_mark(bool is_white);
  void draw_glyph(char glyph, std::size_t x, std::size_t y, std::size_t scale);
  void fill(std::size_t x, std::size_t y, std::size_t width, std::size_t height, std::uint8_t luma);
  void fill_chroma(std::size_t x, std::size_t y, std::size_t width, std::size_t height);

  unsigned width_, height_;
  std::string title_;
  std::optional<bool> mark_;
  std::array<Plane, 3> planes_;
  std::array<std::vector<std::uint8_t>, 3> bars_;  // one row of each plane, two periods long
};

}  // namespace ott
