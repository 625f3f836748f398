// The JPEG side: what RFC 2435 needs to know of one.
#include <cstring>
#include <string>

#include "media/rtp_jpeg_format.h"
#include "ott/rtp_jpeg.h"

namespace ott {
namespace {

bool body_begins(ByteSpan segment, std::string_view text) {
  return segment.size() >= 4 + text.size() && std::memcmp(segment.data() + 4, text.data(), text.size()) == 0;
}

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
    if (jpeg_[at_] != 0xFF) return bad(hex_byte(jpeg_[at_]) + " where a marker should be");
    const std::uint8_t marker = jpeg_[at_ + 1];
    if (marker == kEoi) return bad("the end, before any image data");
    if (marker < kSof0 || (marker >= kRst0 && marker <= kSoi))
      return bad("an unexpected marker " + hex_byte(marker));
    const std::size_t length = load_be<std::uint16_t>(jpeg_.data() + at_ + 2);
    if (length < 2) return bad("a segment of length " + std::to_string(length));
    if (length > jpeg_.size() - at_ - 2) return bad("cut off in a segment");
    scan_at_ = at_ + 2 + length;
    if (is_metadata(marker)) image_.metadata.add(jpeg_.subspan(at_, 2 + length));
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
      image_.restart_interval = load_be<std::uint16_t>(body.data());
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
  image_.height = load_be<std::uint16_t>(body.data() + 1);
  image_.width = load_be<std::uint16_t>(body.data() + 3);
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
    if (id > 3 || (body[0] >> 4) > 1) return bad("a quantisation table of class " + hex_byte(body[0]));
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
    if (table_class > 1 || id > 3) return bad("a Huffman table of class " + hex_byte(body[0]));
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

// The rules that decoders share, since no marker says it (libjpeg's jdapimin.c lists them).
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
  return std::ranges::equal(own, standard);
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
  std::size_t scan_bytes = find_scan_end(rest);
  image_.cut_off = scan_bytes == rest.size();
  while (image_.cut_off && scan_bytes > 0 && rest[scan_bytes - 1] == 0xFF) --scan_bytes;  // half a marker
  if (!image_.cut_off && rest[scan_bytes + 1] != kEoi) obstacle(JpegObstacle::MultipleScans);
  if (scan_bytes == 0) return bad("a scan without image data");
  if (scan_bytes > kJpegScanBytesMax) {
    return bad("image data of " + std::to_string(scan_bytes) + " bytes is too large for RFC 2435 (" +
               std::to_string(kJpegScanBytesMax) + ")");
  }
  image_.scan = rest.first(scan_bytes);
  image_.bytes = image_.cut_off ? jpeg_.size() : scan_at_ + scan_bytes + 2;
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
  if (!std::ranges::equal(quant[1], quant[2])) obstacle(JpegObstacle::QuantTables);
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

void JpegMetadata::add(ByteSpan segment) {
  if (std::ranges::equal(segment, kJfifHeader)) return;
  if (count == kSegmentsMax || bytes + segment.size() > kBytesMax) {
    if (dropped.empty()) dropped = segment;
    return;
  }
  segments[count++] = segment;
  bytes += segment.size();
}

bool is_icc_profile(ByteSpan segment) { return segment[1] == kApp2 && body_begins(segment, "ICC_PROFILE"); }
bool is_adobe(ByteSpan segment) { return segment[1] == kApp14 && body_begins(segment, "Adobe"); }

std::string describe_segment(ByteSpan segment) {
  const std::uint8_t marker = segment[1];
  const std::string place = "APP" + std::to_string(marker - kApp0) + ", ";
  const std::string bytes = std::to_string(segment.size()) + " bytes";
  if (marker == kCom) return "a comment of " + bytes;
  if (is_icc_profile(segment)) return "an ICC profile (" + place + bytes + ")";
  if (marker == kApp1 && body_begins(segment, "Exif")) return "EXIF (" + place + bytes + ")";
  if (marker == kApp1 && body_begins(segment, "http://ns.adobe.com/x")) return "XMP (" + place + bytes + ")";
  return "application data (" + place + bytes + ")";
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

}  // namespace ott
