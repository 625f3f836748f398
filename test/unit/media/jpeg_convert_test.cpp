#include "media/jpeg_convert.h"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <string>
#include <vector>

#include "jpeg_helpers.h"

// clang-format off
#include <cstdio>
#include <jpeglib.h>
// clang-format on

namespace ott {
namespace {

using test::JpegOptions;
using Bytes = std::vector<std::uint8_t>;
using How = JpegConverter::How;
using Colour = JpegOptions::Colour;

struct Case {
  std::string name;
  JpegOptions options;
};

std::vector<Case> lossless_cases() {
  std::vector<Case> cases = {
      {"progressive", {.progressive = true}},
      {"progressive 4:2:2", {.luma_v = 1, .progressive = true}},
      {"optimised", {.optimised = true}},
      {"arithmetic", {.arithmetic = true}},
      {"separate scans", {.separate_scans = true}},
      {"grey", {.colour = Colour::Grey}},
      {"progressive grey", {.colour = Colour::Grey, .progressive = true}},
      {"4:2:2 as 2x2, 1x2, 1x2", {.luma_h = 2, .luma_v = 2, .chroma_h = 1, .chroma_v = 2}},
      {"4:2:0 as 2x4, 1x2, 1x2",
       {.luma_h = 2, .luma_v = 4, .chroma_h = 1, .chroma_v = 2, .separate_scans = true}},
      {"16-bit tables", {.progressive = true, .wide_tables = true}},
      {"restart intervals", {.restart_interval = 3, .optimised = true}},
      {"best quality", {.quality = 100, .optimised = true}},
  };
  return cases;
}

TEST_CASE("what has a lossless way is carried with every pixel", "[jpeg_convert]") {
  const Case tested = GENERATE(from_range(lossless_cases()));
  const auto [width, height] =
      GENERATE(table<unsigned, unsigned>({{64, 48}, {17, 33}, {8, 8}, {250, 121}, {1, 1}}));
  CAPTURE(tested.name, width, height);
  JpegOptions options = tested.options;
  options.width = width;
  options.height = height;
  const Bytes jpeg = test::make_jpeg(options);
  REQUIRE(parse_jpeg(jpeg)->obstacle != JpegObstacle::None);

  JpegConverter converter;
  const auto converted = converter.make_carriable(jpeg);
  if (!converted) FAIL(converted.error().message);
  CHECK(converted->how == How::Transcoded);
  CHECK(parse_jpeg(converted->jpeg)->carriable());
  CHECK(converted->image.width == width);
  CHECK(converted->image.height == height);
  CHECK(test::decode(converted->jpeg) == test::decode(jpeg));
}

TEST_CASE("what has none is encoded anew, close to what it was", "[jpeg_convert]") {
  const auto [name, options] = GENERATE(table<std::string, JpegOptions>({
      {"4:4:4", {.luma_h = 1, .luma_v = 1}},
      {"4:4:0", {.luma_h = 1, .luma_v = 2}},
      {"4:1:1", {.luma_h = 4, .luma_v = 1}},
      {"4:1:0", {.luma_h = 4, .luma_v = 2}},
      {"RGB", {.colour = Colour::Rgb, .luma_h = 1, .luma_v = 1}},
      {"three quantisation tables", {.three_tables = true}},
      {"progressive 4:4:4", {.luma_h = 1, .luma_v = 1, .progressive = true}},
  }));
  CAPTURE(name);
  JpegOptions sized = options;
  sized.width = 161;
  sized.height = 93;
  const Bytes jpeg = test::make_jpeg(sized);
  JpegConverter converter;
  const auto converted = converter.make_carriable(jpeg);
  if (!converted) FAIL(converted.error().message);
  CHECK(converted->how == How::Reencoded);
  CHECK(parse_jpeg(converted->jpeg)->carriable());
  const auto before = test::decode(jpeg);
  const auto after = test::decode(converted->jpeg);
  CHECK(after.width == 161);
  CHECK(after.height == 93);
  CHECK(test::mean_difference(before.luma, after.luma) < 3);
}

TEST_CASE("CMYK keeps its brightness, whether Adobe's marker says how the inks are stored or not",
          "[jpeg_convert]") {
  const Colour colour = GENERATE(Colour::Cmyk, Colour::PlainCmyk);
  const Bytes jpeg = test::make_jpeg({.colour = colour, .luma_h = 1, .luma_v = 1});
  JpegConverter converter;
  const auto converted = converter.make_carriable(jpeg);
  if (!converted) FAIL(converted.error().message);
  CHECK(converted->how == How::Reencoded);
  // libjpeg makes no RGB of CMYK; the test's inks are about 120 of 255 each, stored inverted.
  const auto pixels = test::decode(converted->jpeg);
  double sum = 0;
  for (const std::uint8_t value : pixels.luma) sum += value;
  CHECK(sum / static_cast<double>(pixels.luma.size()) == Approx(120.0 * 120 / 255).margin(15));
}

TEST_CASE("what is cut off is converted as far as it goes", "[jpeg_convert]") {
  const JpegOptions options = GENERATE(
      JpegOptions{.progressive = true}, JpegOptions{.optimised = true}, JpegOptions{.luma_h = 1, .luma_v = 1},
      JpegOptions{.colour = Colour::Grey}, JpegOptions{.separate_scans = true});
  const Bytes whole = test::make_jpeg(options);
  JpegConverter converter;
  // Without its EOI alone: every pixel is there.
  const Bytes no_eoi(whole.begin(), whole.end() - 2);
  const auto completed = converter.make_carriable(no_eoi);
  if (!completed) FAIL(completed.error().message);
  CHECK(completed->image.cut_off);
  CHECK(completed->how != How::AsIs);
  const Bytes as_whole(completed->jpeg.begin(), completed->jpeg.end());
  const auto converted = converter.make_carriable(whole);
  REQUIRE(converted);
  CHECK_FALSE(converted->image.cut_off);
  CHECK(as_whole == Bytes(converted->jpeg.begin(), converted->jpeg.end()));

  const Bytes half(whole.begin(), whole.end() - static_cast<std::ptrdiff_t>(whole.size() / 6));
  const auto rest = converter.make_carriable(half);
  if (!rest) FAIL(rest.error().message);
  CHECK(rest->image.cut_off);
  CHECK(test::decode(rest->jpeg).width == options.width);
}

TEST_CASE("what a JPEG says beside its picture stays with it when it is converted", "[jpeg_convert]") {
  const auto jpeg_with = [](const JpegOptions& options, std::uint8_t marker, const std::string& text) {
    const Bytes jpeg = test::make_jpeg(options);
    Bytes made(jpeg.begin(), jpeg.begin() + 2);
    test::append(made, Bytes{0xFF, marker, 0, static_cast<std::uint8_t>(text.size() + 2)});
    made.insert(made.end(), text.begin(), text.end());
    made.insert(made.end(), jpeg.begin() + 2, jpeg.end());
    return made;
  };
  const auto kept = [](const Bytes& jpeg) {
    JpegConverter converter;
    const auto converted = converter.make_carriable(jpeg);
    if (!converted) FAIL(converted.error().message);
    CHECK(converted->how != How::AsIs);
    std::vector<std::uint8_t> markers;
    for (const ByteSpan segment : converted->image.metadata.all()) markers.push_back(segment[1]);
    if (!converted->no_more_true.empty()) markers.push_back(0);
    return markers;
  };
  using Markers = std::vector<std::uint8_t>;
  CHECK(kept(jpeg_with({.progressive = true}, 0xE1, "Exif")) == Markers{0xE1});
  CHECK(kept(jpeg_with({.luma_h = 1, .luma_v = 1}, 0xFE, "a comment")) == Markers{0xFE});
  CHECK(kept(jpeg_with({.progressive = true}, 0xE2, "ICC_PROFILE")) == Markers{0xE2});
  // A profile of inks or of grey is none of the colours that come of them; nor is what Adobe's marker says.
  CHECK(kept(jpeg_with({.colour = Colour::Grey}, 0xE2, "ICC_PROFILE")) == Markers{0});
  CHECK(kept(jpeg_with({.colour = Colour::Cmyk, .luma_h = 1, .luma_v = 1}, 0xE2, "ICC_PROFILE")) ==
        Markers{0});
}

TEST_CASE("what can be carried is not touched", "[jpeg_convert]") {
  Bytes jpeg = test::make_jpeg({.restart_interval = 2});
  const std::size_t bytes = jpeg.size();
  test::append(jpeg, Bytes{1, 2, 3});
  JpegConverter converter;
  const auto converted = converter.make_carriable(jpeg);
  REQUIRE(converted);
  CHECK(converted->how == How::AsIs);
  CHECK(converted->jpeg.data() == jpeg.data());
  CHECK(converted->jpeg.size() == bytes);
}

/// A JPEG with coefficients that no 8-bit image has; only arithmetic coding takes them.
Bytes with_coefficient(int index, JCOEF value) {
  const Bytes plain = test::make_jpeg({});
  jpeg_error_mgr errors;
  jpeg_decompress_struct in;
  jpeg_compress_struct out;
  in.err = out.err = jpeg_std_error(&errors);
  jpeg_create_decompress(&in);
  jpeg_create_compress(&out);
  jpeg_mem_src(&in, plain.data(), plain.size());
  jpeg_read_header(&in, TRUE);
  jvirt_barray_ptr* coefficients = jpeg_read_coefficients(&in);
  JBLOCKARRAY rows =
      (*in.mem->access_virt_barray)(reinterpret_cast<j_common_ptr>(&in), coefficients[0], 1, 1, TRUE);
  rows[0][2][index] = value;
  jpeg_copy_critical_parameters(&in, &out);
  out.arith_code = TRUE;
  unsigned char* bytes = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&out, &bytes, &size);
  jpeg_write_coefficients(&out, coefficients);
  jpeg_finish_compress(&out);
  Bytes jpeg(bytes, bytes + size);
  jpeg_destroy_compress(&out);
  jpeg_destroy_decompress(&in);
  std::free(bytes);
  return jpeg;
}

TEST_CASE("coefficients beyond the standard Huffman tables are encoded anew, not garbled", "[jpeg_convert]") {
  JpegConverter converter;
  const auto how = [&](int index, JCOEF value) {
    const Bytes jpeg = with_coefficient(index, value);
    const auto converted = converter.make_carriable(jpeg);
    if (!converted) FAIL(converted.error().message);
    if (converted->how == How::Transcoded) CHECK(test::decode(converted->jpeg) == test::decode(jpeg));
    CHECK(test::decode(converted->jpeg).width == 64);
    return converted->how;
  };
  CHECK(how(9, 1'023) == How::Transcoded);
  CHECK(how(9, -1'023) == How::Transcoded);
  CHECK(how(9, 1'024) == How::Reencoded);
  CHECK(how(9, -2'000) == How::Reencoded);
  CHECK(how(0, 1'023) == How::Transcoded);
  CHECK(how(0, -3'000) == How::Reencoded);
}

TEST_CASE("what cannot be converted says why, and the next frame is none the worse", "[jpeg_convert]") {
  JpegConverter converter;
  const auto error = [&](const Bytes& jpeg) {
    const auto converted = converter.make_carriable(jpeg);
    REQUIRE_FALSE(converted);
    return converted.error().message;
  };
  const Bytes good = test::make_jpeg({.progressive = true});
  SECTION("cut off in its headers") {
    const Bytes cut(good.begin(), good.begin() + 180);
    CHECK(error(cut).starts_with("the JPEG (progressive) cannot be converted: "));
  }
  SECTION("damaged") {
    Bytes damaged = good;
    std::fill_n(damaged.begin() + static_cast<std::ptrdiff_t>(damaged.size() / 2), 40, std::uint8_t{0x55});
    CHECK(error(damaged).starts_with("the JPEG (progressive) cannot be converted: "));
  }
  SECTION("12 bits per sample") {
    Bytes deep = good;
    for (std::size_t at = 2; at + 4 < deep.size(); ++at) {
      if (deep[at] == 0xFF && deep[at + 1] == 0xC2) {
        deep[at + 4] = 12;
        break;
      }
    }
    const std::string message = error(deep);
    CAPTURE(message);
    CHECK(message.find("precision 12") != std::string::npos);
  }
  SECTION("too large") {
    Bytes vast = good;
    for (std::size_t at = 2; at + 9 < vast.size(); ++at) {
      if (vast[at] == 0xFF && vast[at + 1] == 0xC2) {
        vast[at + 5] = vast[at + 7] = 0xF0;
        break;
      }
    }
    CHECK(error(vast).find("is too large") != std::string::npos);
  }
  SECTION("no JPEG at all") { CHECK(error({1, 2, 3, 4}) == "byte 0 of the JPEG: no SOI marker"); }
  const auto converted = converter.make_carriable(good);
  REQUIRE(converted);
  CHECK(test::decode(converted->jpeg) == test::decode(good));
}

}  // namespace
}  // namespace ott
