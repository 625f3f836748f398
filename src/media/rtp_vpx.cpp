#include "media/rtp_vpx.h"

#include <algorithm>
#include <array>

#include "media/bit_reader.h"
#include "media/vpx_config.h"

namespace ott {
namespace {

/// What is behind VP8's payload descriptor (RFC 7741, section 4.2); empty if that is not whole.
ByteSpan behind_vp8_descriptor(ByteSpan payload) {
  constexpr std::uint8_t kExtended = 0x80, kPictureId = 0x80, kTl0 = 0x40, kTidOrKey = 0x30, kLong = 0x80;
  BitReader reader(payload);
  std::size_t bytes = 1;
  if ((reader.bits(8) & kExtended) == 0) return payload.subspan(bytes);
  const unsigned has = reader.bits(8);
  ++bytes;
  if ((has & kPictureId) != 0) bytes += (reader.bits(8) & kLong) != 0 ? 2 : 1;
  if ((has & kTl0) != 0) ++bytes;
  if ((has & kTidOrKey) != 0) ++bytes;
  return bytes < payload.size() ? payload.subspan(bytes) : ByteSpan();
}

// VP9's payload descriptor (RFC 9628, section 4.2).
constexpr std::uint8_t kHasPictureId = 0x80, kInterPredicted = 0x40, kHasLayers = 0x20, kFlexible = 0x10;
constexpr std::uint8_t kBegins = 0x08, kEnds = 0x04, kHasStructure = 0x02;

/// The scalability structure.
void skip_vp9_structure(BitReader& reader) {
  const unsigned head = reader.bits(8);
  const unsigned layers = (head >> 5U) + 1U;
  if ((head & 0x10U) != 0) {
    for (unsigned i = 0; i < layers; ++i) reader.skip(32);  // width and height
  }
  if ((head & 0x08U) == 0) return;
  for (unsigned pictures = reader.bits(8); pictures > 0 && reader.ok(); --pictures) {
    for (unsigned references = reader.bits(8) >> 2U & 3U; references > 0; --references) reader.bits(8);
  }
}

/// Its bytes; nothing if it is not whole.
std::optional<std::size_t> vp9_descriptor_bytes(ByteSpan payload) {
  BitReader reader(payload);
  const unsigned head = reader.bits(8);
  if ((head & kHasPictureId) != 0 && (reader.bits(8) & 0x80U) != 0) reader.bits(8);
  if ((head & kHasLayers) != 0) {
    reader.bits(8);
    if ((head & kFlexible) == 0) reader.bits(8);  // TL0PICIDX
  }
  if ((head & kFlexible) != 0 && (head & kInterPredicted) != 0) {
    constexpr unsigned kReferencesMax = 3;
    for (unsigned i = 0; i < kReferencesMax && (reader.bits(8) & 1U) != 0;) ++i;
  }
  if ((head & kHasStructure) != 0) skip_vp9_structure(reader);
  if (!reader.ok()) return std::nullopt;
  return payload.size() - reader.bits_left() / 8;
}

}  // namespace

Result<void> Vp8Depacketizer::unpack(const RtpPacket& packet) {
  constexpr std::uint8_t kStartOfPartition = 0x10, kPartition = 0x07;
  const std::uint8_t head = packet.payload[0];
  const bool begins = (head & kStartOfPartition) != 0 && (head & kPartition) == 0;
  if (sample().empty() != begins) {
    return fail(begins ? "a VP8 frame begins within another" : "the beginning of a VP8 frame is missing");
  }
  const ByteSpan data = behind_vp8_descriptor(packet.payload);
  if (data.empty()) return fail("a VP8 payload without a whole descriptor and data behind it");
  media_time_ = packet.header.timestamp;
  append(data);
  return {};
}

Result<void> Vp8Depacketizer::finish() {
  if (sample().empty()) return {};
  if (const auto key = vp8_key_frame(sample())) config_ = vp8_config(*key);
  end_sample(media_time_);
  return {};
}

Result<void> Vp9Depacketizer::unpack(const RtpPacket& packet) {
  const auto descriptor_bytes = vp9_descriptor_bytes(packet.payload);
  if (!descriptor_bytes || *descriptor_bytes == packet.payload.size()) {
    return fail("a VP9 payload without a whole descriptor and data behind it");
  }
  const std::uint8_t head = packet.payload[0];
  const bool begins = (head & kBegins) != 0;
  if (begins == in_layer_) {
    return fail(begins ? "a VP9 frame begins within another" : "the beginning of a VP9 frame is missing");
  }
  media_time_ = packet.header.timestamp;
  if (begins) layer_at_ = sample().size();
  append(packet.payload.subspan(*descriptor_bytes));
  in_layer_ = (head & kEnds) == 0;
  if (!in_layer_) layer_bytes_.push_back(static_cast<std::uint32_t>(sample().size() - layer_at_));
  return {};
}

Result<void> Vp9Depacketizer::finish() {
  if (in_layer_) return fail("the end of a VP9 frame is missing");
  if (sample().empty()) return {};
  constexpr std::size_t kLayersMax = 8;
  if (layer_bytes_.size() > kLayersMax) return fail("a VP9 picture of more than 8 layers");
  if (const auto key = vp9_key_frame(sample())) config_ = vp9_config(*key);
  if (layer_bytes_.size() > 1) append_superframe_index();
  layer_bytes_.clear();
  end_sample(media_time_);
  return {};
}

/// So that a decoder finds each layer (VP9 specification, annex B).
void Vp9Depacketizer::append_superframe_index() {
  constexpr unsigned kSizeBytes = 4;
  const auto marker = static_cast<std::uint8_t>(0xC0U | (kSizeBytes - 1) << 3U |
                                                static_cast<unsigned>(layer_bytes_.size() - 1));
  sample().push_back(marker);
  for (const std::uint32_t bytes : layer_bytes_) {
    for (unsigned i = 0; i < kSizeBytes; ++i) sample().push_back(static_cast<std::uint8_t>(bytes >> (8 * i)));
  }
  sample().push_back(marker);
}

void Vp9Depacketizer::reset() {
  layer_bytes_.clear();
  in_layer_ = false;
}

Result<void> Vp8Packetizer::cut(const MediaSample& sample, PacketList& packets) {
  if (sample.bytes.empty()) return fail("an empty frame");
  std::array<std::uint8_t, 1> descriptor = {0x10};  // the frame's first packet begins its first partition
  for (ByteSpan rest = sample.bytes; !rest.empty();) {
    const ByteSpan part = rest.first(std::min(rest.size(), payload_bytes_max() - descriptor.size()));
    rest = rest.subspan(part.size());
    put(packets, sample.media_time, rest.empty(), {descriptor, part});
    descriptor[0] = 0;
  }
  return {};
}

Result<void> Vp9Packetizer::cut(const MediaSample& sample, PacketList& packets) {
  if (sample.bytes.empty()) return fail("an empty frame");
  const std::uint8_t common = sample.sync_point ? 0 : kInterPredicted;
  std::array<std::uint8_t, 1> descriptor = {static_cast<std::uint8_t>(common | kBegins)};
  for (ByteSpan rest = sample.bytes; !rest.empty();) {
    const ByteSpan part = rest.first(std::min(rest.size(), payload_bytes_max() - descriptor.size()));
    rest = rest.subspan(part.size());
    if (rest.empty()) descriptor[0] |= kEnds;
    put(packets, sample.media_time, rest.empty(), {descriptor, part});
    descriptor[0] = common;
  }
  return {};
}

}  // namespace ott
