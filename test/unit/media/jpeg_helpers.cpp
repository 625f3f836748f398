#include "jpeg_helpers.h"

#include <jpeglib.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>

namespace ott::test {
namespace {

using Colour = JpegOptions::Colour;

J_COLOR_SPACE input_space(Colour colour) {
  switch (colour) {
    case Colour::Grey:
      return JCS_GRAYSCALE;
    case Colour::Cmyk:
    case Colour::PlainCmyk:
      return JCS_CMYK;
    default:
      return JCS_RGB;
  }
}

J_COLOR_SPACE coded_space(Colour colour) {
  switch (colour) {
    case Colour::Grey:
      return JCS_GRAYSCALE;
    case Colour::Cmyk:
      return JCS_YCCK;
    case Colour::PlainCmyk:
      return JCS_CMYK;
    case Colour::Rgb:
      return JCS_RGB;
    default:
      return JCS_YCbCr;
  }
}

void set_tables(jpeg_compress_struct& out, const JpegOptions& options) {
  jpeg_set_quality(&out, options.quality, static_cast<boolean>(!options.wide_tables));
  if (options.wide_tables) {
    for (int i = 0; i < 2; ++i) {
      for (auto& value : out.quant_tbl_ptrs[i]->quantval) value = static_cast<UINT16>(value + 300);
    }
  }
  if (options.three_tables) {
    out.quant_tbl_ptrs[2] = jpeg_alloc_quant_table(reinterpret_cast<j_common_ptr>(&out));
    *out.quant_tbl_ptrs[2] = *out.quant_tbl_ptrs[1];
    out.quant_tbl_ptrs[2]->quantval[5] += 3;
    out.quant_tbl_ptrs[2]->sent_table = FALSE;
    out.comp_info[2].quant_tbl_no = 2;
  }
  if (options.same_tables) out.comp_info[1].quant_tbl_no = out.comp_info[2].quant_tbl_no = 0;
}

void set_coding(jpeg_compress_struct& out, const JpegOptions& options) {
  static constexpr jpeg_scan_info kSeparate[] = {
      {1, {0}, 0, 63, 0, 0}, {1, {1}, 0, 63, 0, 0}, {1, {2}, 0, 63, 0, 0}};
  if (out.num_components >= 3) {
    for (int i = 0; i < out.num_components; ++i) {
      const bool full = i == 0 || i == 3;
      out.comp_info[i].h_samp_factor = full ? options.luma_h : options.chroma_h;
      out.comp_info[i].v_samp_factor = full ? options.luma_v : options.chroma_v;
    }
  }
  out.restart_interval = options.restart_interval;
  out.optimize_coding = static_cast<boolean>(options.optimised);
  if (options.separate_scans) {
    out.scan_info = kSeparate;
    out.num_scans = 3;
  }
  out.arith_code = static_cast<boolean>(options.arithmetic);
  if (options.progressive) jpeg_simple_progression(&out);
}

// Smooth shapes and some noise: every coefficient is used, and no two rows are alike.
std::vector<std::uint8_t> row_of(const JpegOptions& options, unsigned y, unsigned components,
                                 std::mt19937& random) {
  std::vector<std::uint8_t> row(std::size_t{options.width} * components);
  for (unsigned x = 0; x < options.width; ++x) {
    for (unsigned c = 0; c < components; ++c) {
      const double wave = std::sin(x * 0.11 * (c + 1)) * 60 + std::cos(y * 0.07 * (c + 2)) * 50;
      const double noise = static_cast<double>(random() % 31);
      row[x * components + c] = static_cast<std::uint8_t>(std::lround(120 + wave + noise - 15));
    }
  }
  return row;
}

}  // namespace

std::vector<std::uint8_t> make_jpeg(const JpegOptions& options) {
  jpeg_error_mgr errors;
  jpeg_compress_struct out;
  out.err = jpeg_std_error(&errors);
  errors.trace_level = -1;  // no remark about 16-bit tables
  jpeg_create_compress(&out);
  unsigned char* bytes = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&out, &bytes, &size);
  out.image_width = options.width;
  out.image_height = options.height;
  out.in_color_space = input_space(options.colour);
  const bool inks = options.colour == Colour::Cmyk || options.colour == Colour::PlainCmyk;
  out.input_components = options.colour == Colour::Grey ? 1 : inks ? 4 : 3;
  jpeg_set_defaults(&out);
  jpeg_set_colorspace(&out, coded_space(options.colour));
  set_tables(out, options);
  set_coding(out, options);
  if (options.colour == Colour::PlainCmyk) out.write_Adobe_marker = FALSE;
  jpeg_start_compress(&out, TRUE);
  if (!options.app1.empty()) {
    jpeg_write_marker(&out, JPEG_APP0 + 1, options.app1.data(), static_cast<unsigned>(options.app1.size()));
  }
  std::mt19937 random(options.seed);
  while (out.next_scanline < out.image_height) {
    auto row = row_of(options, out.next_scanline, static_cast<unsigned>(out.input_components), random);
    JSAMPROW rows[] = {row.data()};
    jpeg_write_scanlines(&out, rows, 1);
  }
  jpeg_finish_compress(&out);
  std::vector<std::uint8_t> jpeg(bytes, bytes + size);
  jpeg_destroy_compress(&out);
  std::free(bytes);
  return jpeg;
}

namespace {

std::vector<std::uint8_t> decode_as(ByteSpan jpeg, J_COLOR_SPACE space, unsigned& width, unsigned& height) {
  jpeg_error_mgr errors;
  jpeg_decompress_struct in;
  in.err = jpeg_std_error(&errors);
  errors.trace_level = -1;
  jpeg_create_decompress(&in);
  jpeg_mem_src(&in, jpeg.data(), jpeg.size());
  jpeg_read_header(&in, TRUE);
  in.out_color_space = space;
  in.do_block_smoothing = FALSE;  // guesses at progressive images
  jpeg_start_decompress(&in);
  width = in.output_width;
  height = in.output_height;
  const std::size_t stride = std::size_t{width} * static_cast<unsigned>(in.output_components);
  std::vector<std::uint8_t> samples(stride * height);
  while (in.output_scanline < in.output_height) {
    JSAMPROW rows[] = {samples.data() + in.output_scanline * stride};
    jpeg_read_scanlines(&in, rows, 1);
  }
  jpeg_finish_decompress(&in);
  const long warnings = errors.num_warnings;
  jpeg_destroy_decompress(&in);
  REQUIRE(warnings == 0);
  return samples;
}

}  // namespace

Pixels decode(ByteSpan jpeg) {
  Pixels pixels;
  pixels.rgb = decode_as(jpeg, JCS_RGB, pixels.width, pixels.height);
  pixels.luma = decode_as(jpeg, JCS_GRAYSCALE, pixels.width, pixels.height);
  return pixels;
}

double mean_difference(const std::vector<std::uint8_t>& a, const std::vector<std::uint8_t>& b) {
  REQUIRE(a.size() == b.size());
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += std::abs(int{a[i]} - int{b[i]});
  return sum / static_cast<double>(a.size());
}

TemporaryDirectory::TemporaryDirectory() {
  std::string name = (std::filesystem::temp_directory_path() / "ottd-test-XXXXXX").string();
  REQUIRE(::mkdtemp(name.data()) != nullptr);
  path_ = name;
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string TemporaryDirectory::path(const std::string& name) const {
  return name.empty() ? path_ : path_ + "/" + name;
}

std::string TemporaryDirectory::write(const std::string& name, ByteSpan bytes) const {
  std::ofstream file(path(name), std::ios::binary);
  file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  REQUIRE(file.flush());
  return path(name);
}

std::vector<std::uint8_t> read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  REQUIRE(file);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

void append(std::vector<std::uint8_t>& to, ByteSpan bytes) {
  to.insert(to.end(), bytes.begin(), bytes.end());
}

}  // namespace ott::test
