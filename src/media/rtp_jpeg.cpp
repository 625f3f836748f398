#include "ott/rtp_jpeg.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "ott/assert.h"

namespace ott {
namespace {

// ITU-T T.81, table B.1.
constexpr std::uint8_t kSof0 = 0xC0, kSof1 = 0xC1, kSof2 = 0xC2, kSof9 = 0xC9, kSof10 = 0xCA, kSof15 = 0xCF;
constexpr std::uint8_t kDht = 0xC4, kJpg = 0xC8, kDac = 0xCC, kDqt = 0xDB, kDri = 0xDD, kApp0 = 0xE0,
                       kApp14 = 0xEE;
constexpr std::uint8_t kRst0 = 0xD0, kRst7 = 0xD7, kSoi = 0xD8, kEoi = 0xD9, kSos = 0xDA;

constexpr std::size_t kTable8Bytes = 64;
constexpr std::size_t kTable16Bytes = 128;

// ITU-T T.81, annex K.1 and K.2, in zigzag order (RFC 2435, appendix A).
constexpr std::array<std::uint8_t, 128> kQuantBase = {
    16, 11,  12, 14, 12, 10, 16,  14,  13,  14, 18, 17,  16,  19,  24,  40,  26, 24,  22,  22, 24, 49,
    35, 37,  29, 40, 58, 51, 61,  60,  57,  51, 56, 55,  64,  72,  92,  78,  64, 68,  87,  69, 55, 56,
    80, 109, 81, 87, 95, 98, 103, 104, 103, 62, 77, 113, 121, 112, 100, 120, 92, 101, 103, 99, 17, 18,
    18, 24,  21, 24, 47, 26, 26,  47,  99,  66, 56, 66,  99,  99,  99,  99,  99, 99,  99,  99, 99, 99,
    99, 99,  99, 99, 99, 99, 99,  99,  99,  99, 99, 99,  99,  99,  99,  99,  99, 99,  99,  99, 99, 99,
    99, 99,  99, 99, 99, 99, 99,  99,  99,  99, 99, 99,  99,  99,  99,  99,  99, 99};

// ITU-T T.81, annex K.3, as the body of a DHT segment: luma DC and AC, chroma DC and AC. Each is one byte of
// class and destination, 16 counts and the values.
constexpr std::array<std::uint8_t, 416> kStandardDht = {
    0x00, 0x00, 0x01, 0x05, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0A, 0x0B, 0x10, 0x00, 0x02, 0x01, 0x03,
    0x03, 0x02, 0x04, 0x03, 0x05, 0x05, 0x04, 0x04, 0x00, 0x00, 0x01, 0x7D, 0x01, 0x02, 0x03, 0x00, 0x04,
    0x11, 0x05, 0x12, 0x21, 0x31, 0x41, 0x06, 0x13, 0x51, 0x61, 0x07, 0x22, 0x71, 0x14, 0x32, 0x81, 0x91,
    0xA1, 0x08, 0x23, 0x42, 0xB1, 0xC1, 0x15, 0x52, 0xD1, 0xF0, 0x24, 0x33, 0x62, 0x72, 0x82, 0x09, 0x0A,
    0x16, 0x17, 0x18, 0x19, 0x1A, 0x25, 0x26, 0x27, 0x28, 0x29, 0x2A, 0x34, 0x35, 0x36, 0x37, 0x38, 0x39,
    0x3A, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49, 0x4A, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58, 0x59, 0x5A,
    0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6A, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7A, 0x83,
    0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8A, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99, 0x9A, 0xA2,
    0xA3, 0xA4, 0xA5, 0xA6, 0xA7, 0xA8, 0xA9, 0xAA, 0xB2, 0xB3, 0xB4, 0xB5, 0xB6, 0xB7, 0xB8, 0xB9, 0xBA,
    0xC2, 0xC3, 0xC4, 0xC5, 0xC6, 0xC7, 0xC8, 0xC9, 0xCA, 0xD2, 0xD3, 0xD4, 0xD5, 0xD6, 0xD7, 0xD8, 0xD9,
    0xDA, 0xE1, 0xE2, 0xE3, 0xE4, 0xE5, 0xE6, 0xE7, 0xE8, 0xE9, 0xEA, 0xF1, 0xF2, 0xF3, 0xF4, 0xF5, 0xF6,
    0xF7, 0xF8, 0xF9, 0xFA, 0x01, 0x00, 0x03, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0A, 0x0B, 0x11,
    0x00, 0x02, 0x01, 0x02, 0x04, 0x04, 0x03, 0x04, 0x07, 0x05, 0x04, 0x04, 0x00, 0x01, 0x02, 0x77, 0x00,
    0x01, 0x02, 0x03, 0x11, 0x04, 0x05, 0x21, 0x31, 0x06, 0x12, 0x41, 0x51, 0x07, 0x61, 0x71, 0x13, 0x22,
    0x32, 0x81, 0x08, 0x14, 0x42, 0x91, 0xA1, 0xB1, 0xC1, 0x09, 0x23, 0x33, 0x52, 0xF0, 0x15, 0x62, 0x72,
    0xD1, 0x0A, 0x16, 0x24, 0x34, 0xE1, 0x25, 0xF1, 0x17, 0x18, 0x19, 0x1A, 0x26, 0x27, 0x28, 0x29, 0x2A,
    0x35, 0x36, 0x37, 0x38, 0x39, 0x3A, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49, 0x4A, 0x53, 0x54, 0x55,
    0x56, 0x57, 0x58, 0x59, 0x5A, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6A, 0x73, 0x74, 0x75, 0x76,
    0x77, 0x78, 0x79, 0x7A, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8A, 0x92, 0x93, 0x94, 0x95,
    0x96, 0x97, 0x98, 0x99, 0x9A, 0xA2, 0xA3, 0xA4, 0xA5, 0xA6, 0xA7, 0xA8, 0xA9, 0xAA, 0xB2, 0xB3, 0xB4,
    0xB5, 0xB6, 0xB7, 0xB8, 0xB9, 0xBA, 0xC2, 0xC3, 0xC4, 0xC5, 0xC6, 0xC7, 0xC8, 0xC9, 0xCA, 0xD2, 0xD3,
    0xD4, 0xD5, 0xD6, 0xD7, 0xD8, 0xD9, 0xDA, 0xE2, 0xE3, 0xE4, 0xE5, 0xE6, 0xE7, 0xE8, 0xE9, 0xEA, 0xF2,
    0xF3, 0xF4, 0xF5, 0xF6, 0xF7, 0xF8, 0xF9, 0xFA};
constexpr std::size_t kDcTableBytes = 29;
constexpr std::size_t kAcTableBytes = 179;
constexpr std::size_t kCountsBytes = 16;

using ScaledTables = std::array<std::array<std::uint8_t, 128>, 99>;

constexpr ScaledTables scale_tables() {  // RFC 2435, section 4.2
  ScaledTables tables{};
  for (int q = 1; q <= 99; ++q) {
    const int percent = q < 50 ? 5000 / q : 200 - q * 2;
    for (std::size_t i = 0; i < kQuantBase.size(); ++i) {
      tables[static_cast<std::size_t>(q - 1)][i] =
          static_cast<std::uint8_t>(std::clamp((kQuantBase[i] * percent + 50) / 100, 1, 255));
    }
  }
  return tables;
}

constexpr ScaledTables kScaledTables = scale_tables();

bool same(ByteSpan a, ByteSpan b) { return std::ranges::equal(a, b); }

std::uint16_t load16(ByteSpan bytes, std::size_t at) {
  return static_cast<std::uint16_t>((bytes[at] << 8) | bytes[at + 1]);
}

std::uint32_t load24(ByteSpan bytes, std::size_t at) {
  return (static_cast<std::uint32_t>(bytes[at]) << 16) | load16(bytes, at + 1);
}

void store16(MutableByteSpan bytes, std::size_t at, std::size_t value) {
  bytes[at] = static_cast<std::uint8_t>(value >> 8);
  bytes[at + 1] = static_cast<std::uint8_t>(value);
}

std::string hex(std::uint8_t byte) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  return {'0', 'x', kDigits[byte >> 4], kDigits[byte & 15]};
}

// --- A JPEG's markers
// -----------------------------------------------------------------------------------------

class JpegParser {
 public:
  explicit JpegParser(ByteSpan jpeg) : jpeg_(jpeg) {}
  Result<JpegImage> run();

 private:
  struct Component {
    std::uint8_t id = 0, sampling = 0, quant = 0;
  };

  Result<void> segment(std::uint8_t marker, ByteSpan body);
  Result<void> frame(std::uint8_t marker, ByteSpan body);
  Result<void> quant_tables(ByteSpan body);
  Result<void> huffman_tables(ByteSpan body);
  Result<void> scan(ByteSpan header);
  Result<void> scan_tables(ByteSpan header);
  void sampling();
  [[nodiscard]] bool ycbcr() const;
  [[nodiscard]] bool standard_huffman(unsigned table_class, unsigned id, bool chroma) const;
  void obstacle(JpegObstacle why) {
    if (image_.carriable()) image_.obstacle = why;
  }
  [[nodiscard]] tl::unexpected<Error> bad(const std::string& what) const {
    return fail("byte " + std::to_string(at_) + " of the JPEG: " + what);
  }

  ByteSpan jpeg_;
  std::size_t at_ = 0;  // of the marker being read
  std::size_t scan_at_ = 0;
  JpegImage image_;
  bool framed_ = false, jfif_ = false, scanned_ = false;
  std::optional<std::uint8_t> adobe_transform_;
  std::array<Component, 3> components_{};
  std::array<ByteSpan, 4> quant_{};
  std::array<std::array<ByteSpan, 4>, 2> huffman_{};  // [DC, AC][destination]: counts and values
};

Result<JpegImage> JpegParser::run() {
  if (jpeg_.size() < 4 || jpeg_[0] != 0xFF || jpeg_[1] != kSoi) return bad("no SOI marker");
  at_ = 2;
  while (!scanned_ && image_.carriable()) {
    while (at_ + 1 < jpeg_.size() && jpeg_[at_] == 0xFF && jpeg_[at_ + 1] == 0xFF) ++at_;  // fill bytes
    if (jpeg_.size() - at_ < 4) return bad("cut off in its headers");
    if (jpeg_[at_] != 0xFF) return bad(hex(jpeg_[at_]) + " where a marker should be");
    const std::uint8_t marker = jpeg_[at_ + 1];
    if (marker == kEoi) return bad("the end, before any image data");
    if (marker < kSof0 || (marker >= kRst0 && marker <= kSoi))
      return bad("an unexpected marker " + hex(marker));
    const std::size_t length = load16(jpeg_, at_ + 2);
    if (length < 2) return bad("a segment of length " + std::to_string(length));
    if (length > jpeg_.size() - at_ - 2) return bad("cut off in a segment");
    scan_at_ = at_ + 2 + length;
    if (auto read = segment(marker, jpeg_.subspan(at_ + 4, length - 2)); !read) {
      return tl::unexpected<Error>(std::move(read.error()));
    }
    at_ = scan_at_;
  }
  return image_;
}

Result<void> JpegParser::segment(std::uint8_t marker, ByteSpan body) {
  constexpr std::string_view kJfif{"JFIF\0", 5};
  constexpr std::string_view kAdobe = "Adobe";
  constexpr std::size_t kAdobeTransformAt = 11;
  const auto starts_with = [&](std::string_view text) {
    return body.size() >= text.size() && std::memcmp(body.data(), text.data(), text.size()) == 0;
  };
  switch (marker) {
    case kDqt:
      return quant_tables(body);
    case kDht:
      return huffman_tables(body);
    case kSos:
      return scan(body);
    case kDri:
      if (body.size() < 2) return bad("a DRI segment that is too short");
      image_.restart_interval = load16(body, 0);
      return {};
    case kApp0:
      jfif_ = jfif_ || starts_with(kJfif);
      return {};
    case kApp14:
      if (starts_with(kAdobe) && body.size() > kAdobeTransformAt) adobe_transform_ = body[kAdobeTransformAt];
      return {};
    case kJpg:
    case kDac:
      return {};
    default:
      return marker <= kSof15 ? frame(marker, body) : Result<void>{};
  }
}

Result<void> JpegParser::frame(std::uint8_t marker, ByteSpan body) {
  if (framed_) return bad("a second frame header");
  if (body.size() < 6 || body.size() < 6 + std::size_t{3} * body[5])
    return bad("a frame header that is too short");
  framed_ = true;
  image_.height = load16(body, 1);
  image_.width = load16(body, 3);
  if (image_.width == 0 || image_.height == 0) return bad("an image without a width or height");
  if (marker == kSof2) obstacle(JpegObstacle::Progressive);
  if (marker == kSof9 || marker == kSof10) obstacle(JpegObstacle::Arithmetic);
  if (marker > kSof2) obstacle(JpegObstacle::Lossless);
  if (body[0] != 8) obstacle(JpegObstacle::Precision);
  if (body[5] == 1) obstacle(JpegObstacle::Grey);
  if (body[5] != 3) obstacle(JpegObstacle::ColourSpace);
  if (!image_.carriable()) return {};
  for (std::size_t i = 0; i < 3; ++i) components_[i] = {body[6 + i * 3], body[7 + i * 3], body[8 + i * 3]};
  sampling();
  return {};
}

void JpegParser::sampling() {
  constexpr std::uint8_t k1x1 = 0x11, k2x1 = 0x21, k2x2 = 0x22;
  if (components_[1].sampling != k1x1 || components_[2].sampling != k1x1) obstacle(JpegObstacle::Sampling);
  switch (components_[0].sampling) {
    case k2x1:
      image_.type = 0;
      return;
    case k2x2:
      image_.type = 1;
      return;
    default:
      obstacle(JpegObstacle::Sampling);
  }
}

Result<void> JpegParser::quant_tables(ByteSpan body) {
  while (!body.empty()) {
    const std::size_t bytes = (body[0] >> 4) != 0 ? kTable16Bytes : kTable8Bytes;
    const std::size_t id = body[0] & 0x0F;
    if (id > 3 || (body[0] >> 4) > 1) return bad("a quantisation table of class " + hex(body[0]));
    if (body.size() < 1 + bytes) return bad("a quantisation table that is too short");
    quant_[id] = body.subspan(1, bytes);
    body = body.subspan(1 + bytes);
  }
  return {};
}

Result<void> JpegParser::huffman_tables(ByteSpan body) {
  while (!body.empty()) {
    const std::size_t table_class = body[0] >> 4;
    const std::size_t id = body[0] & 0x0F;
    if (table_class > 1 || id > 3) return bad("a Huffman table of class " + hex(body[0]));
    if (body.size() < 1 + kCountsBytes) return bad("a Huffman table that is too short");
    std::size_t values = 0;
    for (const std::uint8_t count : body.subspan(1, kCountsBytes)) values += count;
    if (values > 256 || body.size() < 1 + kCountsBytes + values)
      return bad("a Huffman table that is too short");
    huffman_[table_class][id] = body.subspan(1, kCountsBytes + values);
    body = body.subspan(1 + kCountsBytes + values);
  }
  return {};
}

// The rules that decoders share, since no marker says it outright (libjpeg's jdapimin.c lists them).
bool JpegParser::ycbcr() const {
  if (jfif_) return true;
  if (adobe_transform_) return *adobe_transform_ != 0;
  return !(components_[0].id == 'R' && components_[1].id == 'G' && components_[2].id == 'B');
}

bool JpegParser::standard_huffman(unsigned table_class, unsigned id, bool chroma) const {
  if (id > 3) return false;
  ByteSpan standard(kStandardDht);
  standard = standard.subspan(chroma ? kDcTableBytes + kAcTableBytes : 0);
  standard = table_class == 0 ? standard.subspan(1, kDcTableBytes - 1)
                              : standard.subspan(kDcTableBytes + 1, kAcTableBytes - 1);
  const ByteSpan own = huffman_[table_class][id];
  if (own.empty()) return id == (chroma ? 1U : 0U);  // left out: the default of this destination
  return same(own, standard);
}

Result<void> JpegParser::scan(ByteSpan header) {
  if (!framed_) return bad("image data before the frame header");
  if (header.empty() || header.size() < 4 + std::size_t{2} * header[0])
    return bad("a scan header that is too short");
  scanned_ = true;
  if (header[0] != 3) obstacle(JpegObstacle::MultipleScans);
  if (!ycbcr()) obstacle(JpegObstacle::ColourSpace);
  if (!image_.carriable()) return {};
  if (auto read = scan_tables(header); !read || !image_.carriable()) return read;

  const ByteSpan rest = jpeg_.subspan(scan_at_);
  const std::size_t scan_bytes = find_scan_end(rest);
  if (scan_bytes == rest.size()) {
    at_ = jpeg_.size();
    return bad("cut off in its image data (no EOI marker)");
  }
  if (rest[scan_bytes + 1] != kEoi) obstacle(JpegObstacle::MultipleScans);
  if (scan_bytes == 0) return bad("a scan without image data");
  if (scan_bytes > kJpegScanBytesMax) {
    return bad("image data of " + std::to_string(scan_bytes) + " bytes is too large for RFC 2435 (" +
               std::to_string(kJpegScanBytesMax) + ")");
  }
  image_.scan = rest.first(scan_bytes);
  image_.bytes = scan_at_ + scan_bytes + 2;
  if (image_.restart_interval != 0) image_.type |= 64;
  return {};
}

Result<void> JpegParser::scan_tables(ByteSpan header) {
  std::array<ByteSpan, 3> quant;
  for (std::size_t i = 0; i < 3; ++i) {
    if (header[1 + i * 2] != components_[i].id)
      return bad("a scan whose components are not those of its frame");
    const std::uint8_t tables = header[2 + i * 2];
    if (!standard_huffman(0, tables >> 4, i > 0) || !standard_huffman(1, tables & 0x0F, i > 0)) {
      obstacle(JpegObstacle::HuffmanTables);
    }
    if (components_[i].quant > 3 || quant_[components_[i].quant].empty()) {
      return bad("a scan whose quantisation table is missing");
    }
    quant[i] = quant_[components_[i].quant];
  }
  if (!same(quant[1], quant[2])) obstacle(JpegObstacle::QuantTables);
  image_.quant_tables = {quant[0], quant[1]};
  return {};
}

}  // namespace

std::string_view to_string(JpegObstacle obstacle) {
  switch (obstacle) {
    case JpegObstacle::None:
      return "none";
    case JpegObstacle::Progressive:
      return "progressive";
    case JpegObstacle::Arithmetic:
      return "arithmetic coding";
    case JpegObstacle::Lossless:
      return "lossless or hierarchical coding";
    case JpegObstacle::Precision:
      return "more than 8 bits per sample";
    case JpegObstacle::Grey:
      return "grey";
    case JpegObstacle::Sampling:
      return "neither 4:2:0 nor 4:2:2";
    case JpegObstacle::ColourSpace:
      return "not YCbCr";
    case JpegObstacle::HuffmanTables:
      return "own Huffman tables";
    case JpegObstacle::QuantTables:
      return "three quantisation tables";
    case JpegObstacle::MultipleScans:
      return "several scans";
  }
  return "unknown";
}

Result<JpegImage> parse_jpeg(ByteSpan jpeg) { return JpegParser(jpeg).run(); }

std::size_t find_scan_end(ByteSpan data) {
  std::size_t at = 0;
  while (at + 1 < data.size()) {
    const void* found = std::memchr(data.data() + at, 0xFF, data.size() - 1 - at);
    if (found == nullptr) return data.size();
    at = static_cast<std::size_t>(static_cast<const std::uint8_t*>(found) - data.data());
    const std::uint8_t next = data[at + 1];
    if (next == 0xFF) {
      ++at;
    } else if (next == 0 || (next >= kRst0 && next <= kRst7)) {
      at += 2;
    } else {
      return at;
    }
  }
  return data.size();
}

ByteSpan rtp_jpeg_quant_tables(std::uint8_t q) {
  OTT_ASSERT(q >= 1 && q <= 99);
  return kScaledTables[q - 1U];
}

// --- JPEG to packets (RFC 2435, section 3.1)
// ------------------------------------------------------------------

namespace {

constexpr std::size_t kMainHeaderBytes = 8;
constexpr std::size_t kRestartHeaderBytes = 4;
constexpr std::size_t kQuantHeaderBytes = 4;
constexpr std::uint8_t kQDynamic = 255;
constexpr std::uint8_t kQInBandMin = 128;
constexpr std::uint8_t kTypeRestart = 64;
constexpr std::size_t kSofBytes = 19;
constexpr std::size_t kSizeBesideBytes = 20;  // SOF0, padded with 0xFF to a multiple of 4

std::uint8_t find_q(const std::array<ByteSpan, 2>& tables) {
  if (tables[0].size() != kTable8Bytes || tables[1].size() != kTable8Bytes) return kQDynamic;
  for (std::uint8_t q = 1; q <= 99; ++q) {
    const ByteSpan scaled = rtp_jpeg_quant_tables(q);
    if (same(tables[0], scaled.first(kTable8Bytes)) && same(tables[1], scaled.last(kTable8Bytes))) return q;
  }
  return kQDynamic;
}

/// In units of 8 pixels, rounded up; 0 if that takes more than 8 bits.
std::uint8_t side_field(std::uint16_t pixels) {
  const unsigned units = (pixels + 7U) / 8;
  return units <= 255 ? static_cast<std::uint8_t>(units) : 0;
}

bool fits_side_field(std::uint16_t pixels) { return side_field(pixels) * 8U == pixels; }

std::array<std::uint8_t, kSofBytes> frame_header(std::uint8_t marker, std::uint8_t type, std::uint16_t width,
                                                 std::uint16_t height) {
  const std::uint8_t luma_sampling = (type & 1) != 0 ? 0x22 : 0x21;
  std::array<std::uint8_t, kSofBytes> sof = {0xFF, marker,        0, 17, 8,    0, 0, 0,    0, 3,
                                             1,    luma_sampling, 0, 2,  0x11, 1, 3, 0x11, 1};
  store16(sof, 5, height);
  store16(sof, 7, width);
  return sof;
}

}  // namespace

RtpJpegPacketizer::RtpJpegPacketizer(const JpegImage& image, std::size_t packet_bytes_max)
    : image_(image),
      packet_bytes_max_(packet_bytes_max),
      q_(find_q(image.quant_tables)),
      size_beside_(!fits_side_field(image.width) || !fits_side_field(image.height)) {
  OTT_ASSERT(image.carriable() && !image.scan.empty() && image.scan.size() <= kJpegScanBytesMax);
  OTT_ASSERT(packet_bytes_max >= kRtpPacketBytesMin && packet_bytes_max <= kRtpPacketBytesMax);
}

std::size_t RtpJpegPacketizer::overhead_bytes(bool first) const {
  std::size_t bytes = kRtpFixedHeaderBytes + kMainHeaderBytes;
  if (image_.type >= kTypeRestart) bytes += kRestartHeaderBytes;
  if (first && size_beside_) bytes += kRtpExtensionHeaderBytes + kSizeBesideBytes;
  if (first && q_ == kQDynamic) {
    bytes += kQuantHeaderBytes + image_.quant_tables[0].size() + image_.quant_tables[1].size();
  }
  return bytes;
}

std::size_t RtpJpegPacketizer::packet_count() const {
  const std::size_t first = packet_bytes_max_ - overhead_bytes(true);
  const std::size_t other = packet_bytes_max_ - overhead_bytes(false);
  return image_.scan.size() <= first ? 1 : 1 + (image_.scan.size() - first + other - 1) / other;
}

std::size_t RtpJpegPacketizer::next_bytes() const {
  if (done()) return 0;
  return std::min(packet_bytes_max_, overhead_bytes(sent_bytes_ == 0) + image_.scan.size() - sent_bytes_);
}

std::size_t RtpJpegPacketizer::next(MutableByteSpan out, const RtpFields& fields) {
  OTT_ASSERT(!done());
  const std::size_t bytes = next_bytes();
  OTT_ASSERT(out.size() >= bytes);
  const std::size_t data_bytes = bytes - overhead_bytes(sent_bytes_ == 0);
  const std::size_t headers = write_headers(out, fields, sent_bytes_ + data_bytes == image_.scan.size());
  OTT_ASSERT(headers + data_bytes == bytes);
  std::memcpy(out.data() + headers, image_.scan.data() + sent_bytes_, data_bytes);
  sent_bytes_ += data_bytes;
  return bytes;
}

std::size_t RtpJpegPacketizer::write_headers(MutableByteSpan out, const RtpFields& fields, bool last) const {
  const bool first = sent_bytes_ == 0;
  std::array<std::uint8_t, kSizeBesideBytes> size_beside;
  RtpHeader header{last, kRtpPayloadTypeJpeg, fields.sequence, fields.timestamp, fields.ssrc, std::nullopt};
  if (first && size_beside_) {
    size_beside.fill(0xFF);
    std::ranges::copy(frame_header(kSof0, image_.type, image_.width, image_.height), size_beside.begin());
    header.extension = RtpExtension{kRtpJpegExtensionProfile, size_beside};
  }
  std::size_t at = write_rtp_header(header, out);

  out[at] = 0;  // type-specific: progressive scan, not interlaced
  out[at + 1] = static_cast<std::uint8_t>(sent_bytes_ >> 16);
  store16(out, at + 2, sent_bytes_ & 0xFFFF);
  out[at + 4] = image_.type;
  out[at + 5] = q_;
  out[at + 6] = side_field(image_.width);
  out[at + 7] = side_field(image_.height);
  at += kMainHeaderBytes;
  if (image_.type >= kTypeRestart) {
    constexpr std::uint16_t kWholeFrame = 0xFFFF;  // F = L = 1, count 0x3FFF: reassemble before decoding
    store16(out, at, image_.restart_interval);
    store16(out, at + 2, kWholeFrame);
    at += kRestartHeaderBytes;
  }
  if (first && q_ == kQDynamic) {
    const auto& tables = image_.quant_tables;
    out[at] = 0;
    out[at + 1] = static_cast<std::uint8_t>((tables[0].size() == kTable16Bytes ? 1U : 0U) |
                                            (tables[1].size() == kTable16Bytes ? 2U : 0U));
    store16(out, at + 2, tables[0].size() + tables[1].size());
    at += kQuantHeaderBytes;
    for (const ByteSpan table : tables) {
      std::ranges::copy(table, out.begin() + static_cast<std::ptrdiff_t>(at));
      at += table.size();
    }
  }
  return at;
}

// --- Packets to JPEG
// ------------------------------------------------------------------------------------------

/// One packet's JPEG headers (section 3.1). The spans point into the packet.
struct RtpJpegDepacketizer::Fragment {
  FrameId id;
  bool last = false;
  std::size_t offset = 0;
  std::array<std::uint8_t, 4> shape{};  // type, Q, width and height as they are in the header
  std::uint16_t width = 0, height = 0;  // the true size; of a first fragment
  std::uint16_t restart_interval = 0;
  bool has_tables = false;
  std::array<ByteSpan, 2> tables;
  ByteSpan data;

  [[nodiscard]] std::uint8_t type() const { return shape[0]; }
  [[nodiscard]] std::uint8_t q() const { return shape[1]; }
};

namespace {

/// The size in an extension's SOF0, if it has one: {width, height}.
std::optional<std::array<std::uint16_t, 2>> size_beside(const std::optional<RtpExtension>& extension) {
  if (!extension || extension->profile != kRtpJpegExtensionProfile) return std::nullopt;
  ByteSpan rest = extension->data;
  while (rest.size() >= 4) {
    if (rest[0] != 0xFF) return std::nullopt;
    if (rest[1] == 0xFF) {
      rest = rest.subspan(1);
      continue;
    }
    const std::size_t length = load16(rest, 2);
    if (length < 2 || length + 2 > rest.size()) return std::nullopt;
    if ((rest[1] == kSof0 || rest[1] == kSof1) && length >= 7) return {{load16(rest, 7), load16(rest, 5)}};
    rest = rest.subspan(2 + length);
  }
  return std::nullopt;
}

}  // namespace

Result<RtpJpegDepacketizer::Fragment> RtpJpegDepacketizer::parse_fragment(const RtpPacket& packet) {
  const RtpHeader& header = packet.header;
  if (header.payload_type != kRtpPayloadTypeJpeg) {
    return fail("RTP payload type " + std::to_string(header.payload_type) + " instead of 26 (JPEG)");
  }
  ByteSpan rest = packet.payload;
  if (rest.size() < kMainHeaderBytes) return fail("an RTP/JPEG packet ends within its header");
  Fragment fragment;
  fragment.id = {header.timestamp, header.ssrc};
  fragment.last = header.marker;
  fragment.offset = load24(rest, 1);
  std::ranges::copy(rest.subspan(4, 4), fragment.shape.begin());
  rest = rest.subspan(kMainHeaderBytes);

  const std::uint8_t type = fragment.type();
  if ((type & ~(kTypeRestart | 1U)) != 0) {
    return fail("RTP/JPEG type " + std::to_string(type) + "; RFC 2435 defines 0, 1, 64 and 65");
  }
  if (fragment.q() == 0 || (fragment.q() > 99 && fragment.q() < kQInBandMin)) {
    return fail("RTP/JPEG Q " + std::to_string(fragment.q()) + " is reserved");
  }
  if (type >= kTypeRestart) {
    if (rest.size() < kRestartHeaderBytes) return fail("an RTP/JPEG packet ends within its restart header");
    fragment.restart_interval = load16(rest, 0);
    if (fragment.restart_interval == 0) return fail("an RTP/JPEG restart interval of 0");
    rest = rest.subspan(kRestartHeaderBytes);
  }
  fragment.data = rest;
  if (fragment.offset == 0) {
    fragment.width = static_cast<std::uint16_t>(fragment.shape[2] * 8);
    fragment.height = static_cast<std::uint16_t>(fragment.shape[3] * 8);
    if (const auto size = size_beside(header.extension)) {
      fragment.width = (*size)[0];
      fragment.height = (*size)[1];
    }
    if (auto read = parse_tables(fragment); !read) return tl::unexpected<Error>(std::move(read.error()));
  }
  if (fragment.offset + fragment.data.size() > kJpegScanBytesMax)
    return fail("an RTP/JPEG frame over 16 MiB");
  return fragment;
}

Result<void> RtpJpegDepacketizer::parse_tables(Fragment& fragment) {
  if (fragment.q() < kQInBandMin) return {};
  ByteSpan& rest = fragment.data;
  if (rest.size() < kQuantHeaderBytes) return fail("an RTP/JPEG packet ends within its table header");
  const std::uint8_t precision = rest[1];
  const std::size_t length = load16(rest, 2);
  rest = rest.subspan(kQuantHeaderBytes);
  if (length > rest.size()) return fail("an RTP/JPEG packet ends within its quantisation tables");
  ByteSpan tables = rest.first(length);
  rest = rest.subspan(length);
  if (length == 0) return {};
  for (std::size_t i = 0; i < 2; ++i) {
    const std::size_t bytes = ((precision >> i) & 1) != 0 ? kTable16Bytes : kTable8Bytes;
    if (i == 1 && tables.empty()) {  // some senders spare the second of two equal tables
      fragment.tables[1] = fragment.tables[0];
      break;
    }
    if (tables.size() < bytes)
      return fail("RTP/JPEG quantisation tables of " + std::to_string(length) + " bytes");
    fragment.tables[i] = tables.first(bytes);
    tables = tables.subspan(bytes);
  }
  fragment.has_tables = true;
  return {};
}

void RtpJpegDepacketizer::reset() {
  current_.reset();
  broken_.reset();
  cached_tables_.clear();
}

tl::unexpected<Error> RtpJpegDepacketizer::give_up(std::string why) {
  current_.reset();
  ++frames_broken_;
  return fail(std::move(why));
}

Result<std::optional<ByteSpan>> RtpJpegDepacketizer::push(ByteSpan rtp_packet) {
  const auto packet = parse_rtp(rtp_packet);
  if (!packet) return tl::unexpected<Error>(packet.error());
  const auto fragment = parse_fragment(*packet);
  if (!fragment) return tl::unexpected<Error>(fragment.error());

  Result<void> previous;
  if (current_ && *current_ != fragment->id) {
    previous =
        give_up("a frame lost its end after " + std::to_string(frame_.size() - headers_bytes_) + " bytes");
  }
  if (broken_ == fragment->id && fragment->offset != 0) return std::nullopt;
  if (auto placed = place(*fragment); !placed) {
    broken_ = fragment->id;
    return tl::unexpected<Error>(std::move(placed.error()));
  }
  if (fragment->last) {
    auto jpeg = finish();
    if (!jpeg) return tl::unexpected<Error>(std::move(jpeg.error()));
    return std::optional<ByteSpan>(*jpeg);
  }
  if (!previous) return tl::unexpected<Error>(std::move(previous.error()));
  return std::nullopt;
}

Result<void> RtpJpegDepacketizer::place(const Fragment& fragment) {
  if (fragment.offset == 0) {
    if (auto begun = begin(fragment); !begun) return give_up(std::move(begun.error().message));
  } else if (!current_) {
    return give_up("a frame lost its first " + std::to_string(fragment.offset) + " bytes");
  } else if (const std::size_t have = frame_.size() - headers_bytes_; fragment.offset != have) {
    return give_up("a frame goes on at byte " + std::to_string(fragment.offset) + " instead of " +
                   std::to_string(have));
  } else if (fragment.shape != shape_) {
    return give_up("a frame changes its type, Q or size between its packets");
  }
  frame_.insert(frame_.end(), fragment.data.begin(), fragment.data.end());
  return {};
}

Result<RtpJpegDepacketizer::QuantTables> RtpJpegDepacketizer::tables_of(const Fragment& fragment) {
  const auto join = [](ByteSpan luma, ByteSpan chroma) {
    QuantTables tables;
    std::ranges::copy(chroma, std::ranges::copy(luma, tables.bytes.begin()).out);
    tables.sizes = {static_cast<std::uint16_t>(luma.size()), static_cast<std::uint16_t>(chroma.size())};
    return tables;
  };
  const std::uint8_t q = fragment.q();
  if (q < kQInBandMin) {
    const ByteSpan scaled = rtp_jpeg_quant_tables(q);
    return join(scaled.first(kTable8Bytes), scaled.last(kTable8Bytes));
  }
  if (fragment.has_tables) {
    const QuantTables tables = join(fragment.tables[0], fragment.tables[1]);
    if (q != kQDynamic) cached_tables_[q] = tables;
    return tables;
  }
  const auto cached = cached_tables_.find(q);
  if (cached == cached_tables_.end()) {
    return fail("the quantisation tables of Q " + std::to_string(q) + " have not been sent");
  }
  return cached->second;
}

Result<void> RtpJpegDepacketizer::begin(const Fragment& fragment) {
  if (fragment.width == 0 || fragment.height == 0) return fail("an RTP/JPEG frame does not say its size");
  const auto tables = tables_of(fragment);
  if (!tables) return tl::unexpected<Error>(tables.error());

  const auto put = [this](ByteSpan bytes) { frame_.insert(frame_.end(), bytes.begin(), bytes.end()); };
  const auto put_segment = [&](std::uint8_t marker, std::size_t body_bytes) {
    const std::size_t length = body_bytes + 2;
    put(std::to_array<std::uint8_t>(
        {0xFF, marker, static_cast<std::uint8_t>(length >> 8), static_cast<std::uint8_t>(length)}));
  };
  frame_.clear();
  put(std::to_array<std::uint8_t>(
      {0xFF, kSoi, 0xFF, kApp0, 0, 16, 'J', 'F', 'I', 'F', 0, 1, 1, 0, 0, 1, 0, 1, 0, 0}));
  ByteSpan rest(tables->bytes);
  for (std::uint8_t id = 0; id < 2; ++id) {
    const std::size_t bytes = tables->sizes[id];
    put_segment(kDqt, 1 + bytes);
    frame_.push_back(static_cast<std::uint8_t>((bytes == kTable16Bytes ? 0x10U : 0U) | id));
    put(rest.first(bytes));
    rest = rest.subspan(bytes);
  }
  // 16-bit tables are outside baseline; SOF1 says so and is the same otherwise (T.81, section B.2.4.1).
  const bool baseline = tables->sizes[0] == kTable8Bytes && tables->sizes[1] == kTable8Bytes;
  put(frame_header(baseline ? kSof0 : kSof1, fragment.type(), fragment.width, fragment.height));
  if (fragment.restart_interval != 0) {
    put_segment(kDri, 2);
    put(std::to_array<std::uint8_t>({static_cast<std::uint8_t>(fragment.restart_interval >> 8),
                                     static_cast<std::uint8_t>(fragment.restart_interval)}));
  }
  put_segment(kDht, kStandardDht.size());
  put(kStandardDht);
  put(std::to_array<std::uint8_t>({0xFF, kSos, 0, 12, 3, 1, 0x00, 2, 0x11, 3, 0x11, 0, 63, 0}));
  headers_bytes_ = frame_.size();
  current_ = fragment.id;
  shape_ = fragment.shape;
  return {};
}

Result<ByteSpan> RtpJpegDepacketizer::finish() {
  const ByteSpan scan = ByteSpan(frame_).subspan(headers_bytes_);
  const std::size_t end = find_scan_end(scan);
  if (end == 0 || scan.empty()) return give_up("a frame without image data");
  if (end < scan.size() && scan[end + 1] != kEoi) {
    return give_up("a frame's image data holds the JPEG marker " + hex(scan[end + 1]));
  }
  frame_.resize(headers_bytes_ + end);  // without the EOI and padding that some senders leave in
  frame_.insert(frame_.end(), {0xFF, kEoi});
  current_.reset();
  return ByteSpan(frame_);
}

}  // namespace ott
