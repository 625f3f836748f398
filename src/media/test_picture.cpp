#include "media/test_picture.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <numbers>

#include "media/bitmap_font.h"

namespace ott {
namespace {

constexpr std::size_t kMcu = 16;
constexpr std::uint8_t kInk = 235, kPaper = 16, kNeutral = 128;
constexpr std::size_t kCellWidth = kGlyphWidth + 1;  // in font pixels
constexpr std::size_t kCellHeight = kGlyphHeight + 2;

struct Colour {
  std::uint8_t y, cb, cr;
};
// White, yellow, cyan, green, magenta, red, blue, grey at three quarters of full intensity.
constexpr std::array<Colour, 8> kBars = {{{180, 128, 128},
                                          {162, 44, 142},
                                          {131, 156, 44},
                                          {112, 72, 58},
                                          {84, 184, 198},
                                          {65, 100, 212},
                                          {35, 212, 114},
                                          {90, 128, 128}}};

std::size_t round_up(std::size_t value, std::size_t step) { return (value + step - 1) / step * step; }

std::string clock_text(WallTime wall) {
  const auto ms = std::chrono::floor<std::chrono::milliseconds>(wall.time_since_epoch()).count();
  const auto in_day = static_cast<unsigned>(((ms % 86'400'000) + 86'400'000) % 86'400'000);
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%02u:%02u:%02u.%03u UTC", in_day / 3'600'000, in_day / 60'000 % 60,
                in_day / 1'000 % 60, in_day % 1'000);
  return text.data();
}

}  // namespace

TestPicture::TestPicture(unsigned width, unsigned height, double fps) : width_(width), height_(height) {
  std::array<char, 64> title{};
  std::snprintf(title.data(), title.size(), "%ux%u %.4g fps", width, height, fps);
  title_ = title.data();
  const std::size_t stride = round_up(width, kMcu);
  const std::size_t rows = round_up(height, kMcu);
  planes_ = {Plane{stride, rows, {}}, Plane{stride / 2, rows / 2, {}}, Plane{stride / 2, rows / 2, {}}};
  for (std::size_t p = 0; p < planes_.size(); ++p) {
    Plane& plane = planes_[p];
    plane.samples.resize(plane.stride * plane.rows, kNeutral);
    bars_[p].resize(plane.stride * 2);
    for (std::size_t x = 0; x < bars_[p].size(); ++x) {
      const Colour& colour = kBars[x % plane.stride * kBars.size() / plane.stride];
      bars_[p][x] = p == 0 ? colour.y : p == 1 ? colour.cb : colour.cr;
    }
  }
}

void TestPicture::draw(FrameNumber number, WallTime wall) {
  draw_bars(number.value);
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "#%06llu", static_cast<unsigned long long>(number.value));
  draw_line({0.12, 0.24, text.data()});
  draw_line({0.45, 0.12, clock_text(wall)});
  draw_line({0.65, 0.12, title_});
  if (mark_) draw_mark(*mark_);
}

// An eighth of the height, on the grid of the encoder's blocks, so that it is as sharp as text.
void TestPicture::draw_mark(bool is_white) {
  const std::size_t side = std::max<std::size_t>(height_ / 8 / kMcu * kMcu, kMcu);
  const std::size_t top = (height_ - std::min<std::size_t>(height_, side)) / kMcu * kMcu;
  fill(0, top, side, side, is_white ? kInk : kPaper);
  fill_chroma(0, top, side, side);
}

void TestPicture::draw_words(const std::string& words) {
  constexpr std::uint8_t kGrey = 60;
  fill(0, 0, width_, height_, kGrey);
  fill_chroma(0, 0, width_, height_);
  draw_line({0.42, 0.16, words});
}

// The bars travel two pixels a frame; a soft wave in brightness travels down them, so every block changes.
void TestPicture::draw_bars(std::uint64_t frame) {
  for (std::size_t p = 0; p < planes_.size(); ++p) {
    Plane& plane = planes_[p];
    const std::size_t shift = (p == 0 ? frame * 2 : frame) % plane.stride;
    const std::uint8_t* bars = bars_[p].data() + shift;
    if (p != 0) {
      for (std::size_t y = 0; y < plane.rows; ++y) std::memcpy(plane.row(y), bars, plane.stride);
      continue;
    }
    for (std::size_t y = 0; y < plane.rows; ++y) {
      const double phase =
          2 * std::numbers::pi * (static_cast<double>(y) / 60 - static_cast<double>(frame % 96) / 96);
      const int wave = static_cast<int>(std::lround(18 * std::sin(phase)));
      std::uint8_t* row = plane.row(y);
      for (std::size_t x = 0; x < plane.stride; ++x) row[x] = static_cast<std::uint8_t>(bars[x] + wave);
    }
  }
}

// Centred, as large as both sides allow; a text that does not fit even at the smallest size is cut. Large
// text keeps to the grid of the 8x8 blocks, where its edges cost the encoder nothing.
void TestPicture::draw_line(const Line& line) {
  constexpr std::size_t kBlock = 8;
  const auto room = static_cast<std::size_t>(line.height * height_);
  const std::size_t cells = line.text.size();
  std::size_t scale =
      std::max<std::size_t>(1, std::min(room / kCellHeight, width_ / (kCellWidth * cells + 1)));
  if (scale > kBlock) scale -= scale % kBlock;
  const std::size_t grid = scale >= kBlock ? kMcu : 2;
  const std::size_t box_width = std::min<std::size_t>((cells * kCellWidth + 1) * scale, width_);
  const std::size_t left = (width_ - box_width) / 2 / grid * grid;
  const std::size_t top = static_cast<std::size_t>(line.top * height_) / grid * grid;
  fill(left, top, box_width, kCellHeight * scale, kPaper);
  fill_chroma(left, top, box_width, kCellHeight * scale);
  for (std::size_t i = 0; i < cells; ++i) {
    draw_glyph(line.text[i], left + (i * kCellWidth + 1) * scale, top + scale, scale);
  }
}

void TestPicture::draw_glyph(char glyph, std::size_t x, std::size_t y, std::size_t scale) {
  const Glyph rows = glyph_of(glyph);
  for (std::size_t row = 0; row < kGlyphHeight; ++row) {
    for (std::size_t column = 0; column < kGlyphWidth; ++column) {
      const bool set = ((rows[row] >> (kGlyphWidth - 1 - column)) & 1) != 0;
      if (set) fill(x + column * scale, y + row * scale, scale, scale, kInk);
    }
  }
}

void TestPicture::fill(std::size_t x, std::size_t y, std::size_t width, std::size_t height,
                       std::uint8_t luma) {
  if (x >= width_ || y >= height_) return;
  width = std::min(width, width_ - x);
  height = std::min(height, height_ - y);
  for (std::size_t row = y; row < y + height; ++row) std::memset(planes_[0].row(row) + x, luma, width);
}

void TestPicture::fill_chroma(std::size_t x, std::size_t y, std::size_t width, std::size_t height) {
  if (x >= width_ || y >= height_) return;
  width = (std::min(width, width_ - x) + 1) / 2;
  height = (std::min(height, height_ - y) + 1) / 2;
  for (std::size_t p = 1; p < planes_.size(); ++p) {
    for (std::size_t row = y / 2; row < y / 2 + height; ++row) {
      std::memset(planes_[p].row(row) + x / 2, kNeutral, width);
    }
  }
}

}  // namespace ott
