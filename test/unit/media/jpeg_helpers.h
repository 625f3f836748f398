// JPEGs of every kind for the media tests, made and read with libjpeg, whose default handler ends the test
// program when one of them is not what it should be.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "ott/types.h"

namespace ott::test {

struct JpegOptions {
  enum class Colour { YCbCr, Grey, Rgb, Cmyk, PlainCmyk };  // Cmyk: YCCK with Adobe's marker

  unsigned width = 64;
  unsigned height = 48;
  int quality = 75;
  Colour colour = Colour::YCbCr;
  int luma_h = 2, luma_v = 2;  // sampling factors
  int chroma_h = 1, chroma_v = 1;
  unsigned restart_interval = 0;  // in MCUs
  bool optimised = false;         // own Huffman tables
  bool progressive = false;
  bool arithmetic = false;
  bool three_tables = false;         // Cr quantised unlike Cb
  bool same_tables = false;          // luma and chroma quantised alike
  bool wide_tables = false;          // 16-bit quantisation tables
  bool separate_scans = false;       // one baseline scan per component
  std::vector<std::uint8_t> app1{};  // the body of an APP1 segment
  unsigned seed = 1;
};

std::vector<std::uint8_t> make_jpeg(const JpegOptions& options);

struct Pixels {
  unsigned width = 0, height = 0;
  std::vector<std::uint8_t> rgb;
  std::vector<std::uint8_t> luma;
  bool operator==(const Pixels&) const = default;
};

/// What a viewer sees. Fails the test if libjpeg has anything to complain about.
Pixels decode(ByteSpan jpeg);

/// The mean of |a - b|.
double mean_difference(const std::vector<std::uint8_t>& a, const std::vector<std::uint8_t>& b);

/// A directory that is gone, with all in it, when the test ends.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  [[nodiscard]] std::string path(const std::string& name = "") const;
  /// Writes a file and returns its path.
  [[nodiscard]] std::string write(const std::string& name, ByteSpan bytes) const;

 private:
  std::string path_;
};

std::vector<std::uint8_t> read_file(const std::string& path);
void append(std::vector<std::uint8_t>& to, ByteSpan bytes);

}  // namespace ott::test
