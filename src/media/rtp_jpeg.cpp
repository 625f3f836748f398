// JPEG to packets (RFC 2435, section 3.1).
#include "ott/rtp_jpeg.h"

#include <algorithm>
#include <cstring>

#include "media/rtp_jpeg_format.h"
#include "ott/assert.h"

namespace ott {
namespace {

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

std::uint8_t find_q(const std::array<ByteSpan, 2>& tables) {
  if (tables[0].size() != kTable8Bytes || tables[1].size() != kTable8Bytes) return kQDynamic;
  for (std::uint8_t q = 1; q <= 99; ++q) {
    const ByteSpan scaled = rtp_jpeg_quant_tables(q);
    if (std::ranges::equal(tables[0], scaled.first(kTable8Bytes)) &&
        std::ranges::equal(tables[1], scaled.last(kTable8Bytes))) {
      return q;
    }
  }
  return kQDynamic;
}

/// In units of 8 pixels, rounded up; 0 if that takes more than 8 bits.
std::uint8_t side_field(std::uint16_t pixels) {
  const unsigned units = (pixels + 7U) / 8;
  return units <= 255 ? static_cast<std::uint8_t>(units) : 0;
}

bool fits_side_field(std::uint16_t pixels) { return side_field(pixels) * 8U == pixels; }

/// What of the first packet at least is left for the picture.
constexpr std::size_t kFirstScanBytesMin = 64;

}  // namespace

ByteSpan rtp_jpeg_quant_tables(std::uint8_t q) {
  OTT_ASSERT(q >= 1 && q <= 99);
  return kScaledTables[q - 1U];
}

RtpJpegPacketizer::RtpJpegPacketizer(const JpegImage& image, std::size_t packet_bytes_max)
    : image_(image),
      packet_bytes_max_(packet_bytes_max),
      q_(find_q(image.quant_tables)),
      size_beside_(!fits_side_field(image.width) || !fits_side_field(image.height)) {
  OTT_ASSERT(image.carriable() && !image.scan.empty() && image.scan.size() <= kJpegScanBytesMax);
  OTT_ASSERT(packet_bytes_max >= kRtpPacketBytesMin && packet_bytes_max <= kRtpPacketBytesMax);
  for (const ByteSpan segment : image_.metadata.all()) {
    metadata_bytes_ += segment.size();
    ++metadata_count_;
    if (overhead_bytes(true) + kFirstScanBytesMin <= packet_bytes_max_) continue;
    metadata_bytes_ -= segment.size();
    --metadata_count_;
    break;
  }
}

/// Of the extension's marker segments, padded to a multiple of 4.
std::size_t RtpJpegPacketizer::beside_bytes() const {
  return ((size_beside_ ? kSofBytes : 0) + metadata_bytes_ + 3) / 4 * 4;
}

std::size_t RtpJpegPacketizer::overhead_bytes(bool first) const {
  std::size_t bytes = kRtpFixedHeaderBytes + kMainHeaderBytes;
  if (image_.type >= kTypeRestart) bytes += kRestartHeaderBytes;
  if (first && beside_bytes() > 0) bytes += kRtpExtensionHeaderBytes + beside_bytes();
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

std::size_t RtpJpegPacketizer::bytes() const {
  return image_.scan.size() + overhead_bytes(true) + (packet_count() - 1) * overhead_bytes(false);
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
  std::array<std::uint8_t, kSofBytes + JpegMetadata::kBytesMax + 3> beside;
  RtpHeader header{last, kRtpPayloadTypeJpeg, fields.sequence, fields.timestamp, fields.ssrc, std::nullopt};
  if (first && beside_bytes() > 0) {
    auto end = beside.begin();
    if (size_beside_) {
      end = std::ranges::copy(frame_header(kSof0, image_.type, image_.width, image_.height), end).out;
    }
    for (const ByteSpan segment : image_.metadata.all().first(metadata_count_)) {
      end = std::ranges::copy(segment, end).out;
    }
    std::fill_n(end, 3, std::uint8_t{0xFF});
    header.extension = RtpExtension{kRtpJpegExtensionProfile, ByteSpan(beside).first(beside_bytes())};
  }
  std::size_t at = write_rtp_header(header, out);

  out[at] = 0;  // type-specific: progressive scan, not interlaced
  out[at + 1] = static_cast<std::uint8_t>(sent_bytes_ >> 16);
  store_be(out.data() + at + 2, static_cast<std::uint16_t>(sent_bytes_));
  out[at + 4] = image_.type;
  out[at + 5] = q_;
  out[at + 6] = side_field(image_.width);
  out[at + 7] = side_field(image_.height);
  at += kMainHeaderBytes;
  if (image_.type >= kTypeRestart) {
    constexpr std::uint16_t kWholeFrame = 0xFFFF;  // F = L = 1, count 0x3FFF: reassemble before decoding
    store_be(out.data() + at, image_.restart_interval);
    store_be(out.data() + at + 2, kWholeFrame);
    at += kRestartHeaderBytes;
  }
  if (first && q_ == kQDynamic) {
    const auto& tables = image_.quant_tables;
    out[at] = 0;
    out[at + 1] = static_cast<std::uint8_t>((tables[0].size() == kTable16Bytes ? 1U : 0U) |
                                            (tables[1].size() == kTable16Bytes ? 2U : 0U));
    store_be(out.data() + at + 2, static_cast<std::uint16_t>(tables[0].size() + tables[1].size()));
    at += kQuantHeaderBytes;
    for (const ByteSpan table : tables) {
      std::ranges::copy(table, out.begin() + static_cast<std::ptrdiff_t>(at));
      at += table.size();
    }
  }
  return at;
}

}  // namespace ott
