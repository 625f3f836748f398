// JPEG over RTP (RFC 2435), both ways, without I/O and without decoding a pixel. A JPEG is parsed, cut into
// packets that are written where the caller says, and put together again as a standalone JPEG whose pixels
// are exactly those of the first. The format has no room for sizes that are not a multiple of 8 or over 2040,
// nor for APP and COM segments (EXIF with its orientation, ICC profiles, comments). These travel beside it as
// in ONVIF's streaming specification: an RTP header extension (profile 0xFFD8) on a frame's first packet
// holds marker segments, the SOF0 of the true size first. Other receivers may ignore it.
//
// Nothing here keeps a span past the call but where it says so; nothing is read past its length.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ott/result.h"
#include "ott/rtp.h"
#include "ott/types.h"

namespace ott {

inline constexpr std::uint8_t kRtpPayloadTypeJpeg = 26;
inline constexpr std::uint16_t kRtpJpegExtensionProfile = 0xFFD8;
/// The fragment offset has 24 bits (RFC 2435, section 3.1.2).
inline constexpr std::size_t kJpegScanBytesMax = (std::size_t{1} << 24) - 1;
inline constexpr std::size_t kRtpPacketBytesMin = 1'200;
inline constexpr std::size_t kRtpPacketBytesMax = 16'384;

/// Why RFC 2435 cannot carry a JPEG as it is.
enum class JpegObstacle : std::uint8_t {
  None,
  Progressive,
  Arithmetic,
  Lossless,  // or hierarchical
  Precision,
  Grey,
  Sampling,
  ColourSpace,
  HuffmanTables,
  QuantTables,
  MultipleScans,
};
std::string_view to_string(JpegObstacle obstacle);

/// The APP and COM segments of a JPEG that travel with it: whole, with their markers, in their order. The
/// usual JFIF header is not among them, since every receiver writes it.
struct JpegMetadata {
  static constexpr std::size_t kSegmentsMax = 16;
  static constexpr std::size_t kBytesMax = std::size_t{8} << 10;

  std::array<ByteSpan, kSegmentsMax> segments{};
  std::size_t count = 0;
  std::size_t bytes = 0;
  ByteSpan dropped{};  // the first segment that there was no room for; empty: there was room for all

  void add(ByteSpan segment);
  [[nodiscard]] std::span<const ByteSpan> all() const { return std::span(segments).first(count); }
};

/// What a segment is: "EXIF (APP1, 1234 bytes)". REQUIRES: a whole one, with its marker.
std::string describe_segment(ByteSpan segment);
/// True for an APP2 segment of an ICC profile, or an APP14 segment that says how Adobe's programs have coded
/// the colours.
bool is_icc_profile(ByteSpan segment);
bool is_adobe(ByteSpan segment);

/// What RFC 2435 needs of a JPEG. The spans point into the JPEG that was parsed; those below `metadata`, and
/// the fields there, are set only if it is carriable.
struct JpegImage {
  std::uint16_t width = 0;
  std::uint16_t height = 0;
  JpegObstacle obstacle = JpegObstacle::None;
  JpegMetadata metadata;

  std::uint8_t type = 0;               // 0: 4:2:2, 1: 4:2:0 (section 4.1); +64 with restart intervals
  std::uint16_t restart_interval = 0;  // in MCUs; 0: none
  std::array<ByteSpan, 2>
      quant_tables;       // luma, chroma, in zigzag order; 64 bytes, or 128 if of 16-bit values
  ByteSpan scan;          // the entropy-coded data without EOI
  std::size_t bytes = 0;  // the whole JPEG, from SOI to EOI
  bool cut_off = false;   // it has no EOI: the picture may lack its lower part

  [[nodiscard]] bool carriable() const { return obstacle == JpegObstacle::None; }
};

/// Reads the markers of the JPEG at the start of `jpeg`; what follows its EOI is ignored. A JPEG without
/// Huffman tables has the standard ones, as in AVI files. One that ends within its image data is taken as far
/// as it goes (`cut_off`), as viewers do. The error names the byte. Once an obstacle is known the rest is not
/// looked at.
Result<JpegImage> parse_jpeg(ByteSpan jpeg);

/// The first marker in entropy-coded data that is neither stuffing, fill nor a restart: the offset of its
/// 0xFF, or data.size() if there is none.
std::size_t find_scan_end(ByteSpan data);

/// The luma and chroma table of Q 1 to 99 (section 4.2 and appendix A), in zigzag order, one after the other.
ByteSpan rtp_jpeg_quant_tables(std::uint8_t q);

/// What a packet says beside the JPEG.
struct RtpFields {
  std::uint16_t sequence = 0;
  std::uint32_t timestamp = 0;  // 90 kHz, the same for all packets of a frame
  std::uint32_t ssrc = 0;
};

/// Cuts one frame into packets. Made per frame; allocates nothing. Borrows the image's spans.
/// Quantisation tables go in-band with Q 255, unless they are those of a Q from 1 to 99. Metadata go with the
/// first packet as far as there is room in it.
class RtpJpegPacketizer {
 public:
  /// REQUIRES: image.carriable(); kRtpPacketBytesMin <= packet_bytes_max <= kRtpPacketBytesMax, which is a
  /// whole RTP packet with its header.
  RtpJpegPacketizer(const JpegImage& image, std::size_t packet_bytes_max);

  [[nodiscard]] std::size_t packet_count() const;
  /// Of all packets together.
  [[nodiscard]] std::size_t bytes() const;
  [[nodiscard]] bool done() const { return sent_bytes_ == image_.scan.size(); }
  /// The size of the packet that next() will write; 0 if done.
  [[nodiscard]] std::size_t next_bytes() const;
  /// Writes the next packet, the last one with the marker bit, and returns its bytes.
  /// REQUIRES: !done(); room for next_bytes().
  std::size_t next(MutableByteSpan out, const RtpFields& fields);

 private:
  [[nodiscard]] std::size_t overhead_bytes(bool first) const;
  [[nodiscard]] std::size_t beside_bytes() const;
  [[nodiscard]] std::size_t write_headers(MutableByteSpan out, const RtpFields& fields, bool last) const;

  JpegImage image_;
  std::size_t packet_bytes_max_;
  std::size_t sent_bytes_ = 0;
  std::uint8_t q_;
  bool size_beside_;  // the main header cannot say the true size
  std::size_t metadata_count_ = 0;
  std::size_t metadata_bytes_ = 0;
};

/// A picture's width and height in pixels.
struct PictureSize {
  std::uint16_t width = 0;
  std::uint16_t height = 0;
  bool operator==(const PictureSize&) const = default;
};

/// Puts frames together again, from any RFC 2435 sender: types 0, 1, 64 and 65, any Q, any fragmentation, but
/// in order, since the overlay and RtpReceiver keep it. A frame that is broken is reported once and the next
/// one starts clean. Memory: one frame (kJpegScanBytesMax and its headers) and the tables of 127 Qs.
class RtpJpegDepacketizer {
 public:
  explicit RtpJpegDepacketizer(std::uint8_t payload_type = kRtpPayloadTypeJpeg)
      : payload_type_(payload_type) {}

  /// The true size, which was signalled beside the stream: in SDP as a=x-dimensions:W,H (GStreamer) or
  /// a=framesize:TYPE W-H (3GPP TS 26.234), or by a person. It holds for frames whose header leaves it out
  /// (0), or says the same in the 8 bits that it has for units of 8 pixels. Others have the size of their
  /// header. A header extension (see above) goes before both.
  void set_size(const PictureSize& size) { told_size_ = size; }

  /// Returns the JPEG once its last packet is here: baseline, with all tables, valid until the next push. The
  /// error says what is missing or wrong; where this packet also completes a frame, the frame goes first and
  /// the one that broke is only counted.
  Result<std::optional<ByteSpan>> push(ByteSpan rtp_packet);
  /// Forgets the frame under way and the cached tables.
  void reset();
  [[nodiscard]] std::uint64_t frames_broken() const { return frames_broken_; }

 private:
  struct Fragment;
  struct QuantTables {
    std::array<std::uint8_t, 256> bytes{};
    std::array<std::uint16_t, 2> sizes{};  // 64 or 128 each
  };
  struct FrameId {
    std::uint32_t timestamp = 0;
    std::uint32_t ssrc = 0;
    bool operator==(const FrameId&) const = default;
  };

  [[nodiscard]] Result<Fragment> parse_fragment(const RtpPacket& packet) const;
  [[nodiscard]] PictureSize size_of(const Fragment& fragment) const;
  static Result<void> parse_tables(Fragment& fragment);
  Result<void> place(const Fragment& fragment);
  Result<void> begin(const Fragment& fragment);
  Result<QuantTables> tables_of(const Fragment& fragment);
  void put_metadata(ByteSpan beside);
  Result<ByteSpan> finish();
  tl::unexpected<Error> give_up(std::string why);

  std::vector<std::uint8_t> frame_;  // a JPEG in the making: its headers, then the scan so far
  std::size_t headers_bytes_ = 0;
  std::optional<FrameId> current_;       // the frame under way
  std::optional<FrameId> broken_;        // the frame that was reported last; its other packets are skipped
  std::array<std::uint8_t, 4> shape_{};  // type, Q, width and height of the frame under way
  std::map<std::uint8_t, QuantTables> cached_tables_;  // Q 128 to 254 (section 3.1.8)
  std::uint64_t frames_broken_ = 0;
  std::optional<PictureSize> told_size_;
  std::uint8_t payload_type_;
};

}  // namespace ott
