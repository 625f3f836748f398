#include "media/payload_format.h"

#include <algorithm>
#include <array>
#include <optional>

#include "media/nal_payload.h"
#include "media/text.h"
#include "ott/rtp.h"

namespace ott {
namespace {

ByteSpan payload_of(ByteSpan packet) {
  const auto rtp = parse_rtp(packet);
  return rtp ? rtp->payload : ByteSpan{};
}

bool each(RtpPackets) { return true; }

// ---- H.264 (RFC 6184) and H.265 (RFC 7798) ---------------------------------------------------------------

/// True if the packets' NAL units are such that `found` is true of one.
template <class Found>
bool any_unit(NalReader::Codec codec, RtpPackets packets, Found found) {
  for (const ByteSpan packet : packets) {
    NalReader reader(codec, payload_of(packet));
    NalUnit unit;
    while (reader.next(unit)) {
      if (found(unit)) return true;
    }
  }
  return false;
}

/// The bytes of a raw byte sequence payload: without those that keep start codes out of it (H.264, 7.4.1).
class RbspReader {
 public:
  explicit RbspReader(ByteSpan bytes) : bytes_(bytes) {}
  std::optional<std::uint8_t> next() {
    if (zeros_ >= 2 && at_ < bytes_.size() && bytes_[at_] == 3) {
      ++at_;
      zeros_ = 0;
    }
    if (at_ >= bytes_.size()) return std::nullopt;
    const std::uint8_t byte = bytes_[at_++];
    zeros_ = byte == 0 ? zeros_ + 1 : 0;
    return byte;
  }

 private:
  ByteSpan bytes_;
  std::size_t at_ = 0;
  unsigned zeros_ = 0;
};

/// A number of an SEI message, as the sum of bytes of which all but the last are 255 (H.264, 7.3.2.3.1).
std::optional<std::size_t> sei_number(RbspReader& reader) {
  std::size_t sum = 0;
  while (const auto byte = reader.next()) {
    sum += *byte;
    if (*byte != 255) return sum;
  }
  return std::nullopt;
}

/// A decoder that begins here shows whole pictures from here on, or soon (H.264, D.2.8).
bool has_recovery_point(ByteSpan sei) {
  constexpr std::size_t kRecoveryPoint = 6;
  constexpr std::uint8_t kTrailingBits = 0x80;
  if (!sei.empty() && sei[0] == kTrailingBits) return false;
  RbspReader reader(sei);
  while (true) {
    const auto type = sei_number(reader);
    const auto bytes = type ? sei_number(reader) : std::nullopt;
    if (!bytes) return false;
    if (*type == kRecoveryPoint) return *bytes > 0;
    for (std::size_t i = 0; i < *bytes; ++i) {
      if (!reader.next()) return false;
    }
  }
}

constexpr unsigned kH264Idr = 5;
constexpr unsigned kH264Sei = 6;
constexpr unsigned kH264Sps = 7;
constexpr unsigned kH264Pps = 8;
constexpr unsigned kH264Delimiter = 9;
constexpr unsigned kH264SpsExtension = 13;
constexpr unsigned kH264SubsetSps = 15;

bool is_h264_sync_point(RtpPackets packets) {
  return any_unit(NalReader::Codec::H264, packets, [](const NalUnit& unit) {
    return unit.type == kH264Idr || (unit.type == kH264Sei && unit.begins && has_recovery_point(unit.body));
  });
}

bool is_h264_preamble(RtpPackets packets) {
  const auto is_set = [](const NalUnit& unit) { return unit.type == kH264Sps || unit.type == kH264Pps; };
  const auto is_picture = [](const NalUnit& unit) {
    constexpr std::array kBefore = {kH264Sei,       kH264Sps,          kH264Pps,
                                    kH264Delimiter, kH264SpsExtension, kH264SubsetSps};
    return std::ranges::find(kBefore, unit.type) == kBefore.end();
  };
  return any_unit(NalReader::Codec::H264, packets, is_set) &&
         !any_unit(NalReader::Codec::H264, packets, is_picture);
}

/// BLA, IDR and CRA pictures (H.265, table 7-1).
bool is_h265_sync_point(RtpPackets packets) {
  return any_unit(NalReader::Codec::H265, packets,
                  [](const NalUnit& unit) { return unit.type >= 16 && unit.type <= 21; });
}

bool is_h265_preamble(RtpPackets packets) {
  const auto is_set = [](const NalUnit& unit) { return unit.type >= 32 && unit.type <= 34; };
  // Parameter sets, delimiters and what stands before a picture.
  const auto is_before = [](const NalUnit& unit) {
    return (unit.type >= 32 && unit.type <= 35) || unit.type == 39;
  };
  return any_unit(NalReader::Codec::H265, packets, is_set) &&
         !any_unit(NalReader::Codec::H265, packets, [&](const NalUnit& unit) { return !is_before(unit); });
}

std::string_view flaw_of_nal_units(NalReader::Codec codec, ByteSpan packet) {
  NalReader reader(codec, payload_of(packet));
  NalUnit unit;
  while (reader.next(unit)) {
  }
  return reader.flaw();
}
std::string_view flaw_of_h264(ByteSpan packet) { return flaw_of_nal_units(NalReader::Codec::H264, packet); }
std::string_view flaw_of_h265(ByteSpan packet) { return flaw_of_nal_units(NalReader::Codec::H265, packet); }

// ---- VP8 (RFC 7741, section 4.2) and VP9 (RFC 9628, section 4.2) -----------------------------------------

/// The bytes of VP8's payload descriptor; 0: it goes beyond the payload.
std::size_t vp8_descriptor_bytes(ByteSpan payload) {
  if (payload.empty()) return 0;
  std::size_t bytes = 1;
  if ((payload[0] & 0x80U) != 0) {
    if (payload.size() < 2) return 0;
    const unsigned has = payload[1];
    bytes = 2;
    if ((has & 0x80U) != 0) {  // PictureID, of 7 or 15 bits
      if (payload.size() <= bytes) return 0;
      bytes += (payload[bytes] & 0x80U) != 0 ? 2 : 1;
    }
    if ((has & 0x40U) != 0) ++bytes;  // TL0PICIDX
    if ((has & 0x30U) != 0) ++bytes;  // TID, Y, KEYIDX
  }
  return payload.size() > bytes ? bytes : 0;
}

bool is_vp8_sync_point(RtpPackets packets) {
  if (packets.empty()) return false;
  const ByteSpan payload = payload_of(packets.front());
  const std::size_t before = vp8_descriptor_bytes(payload);
  const bool begins = before > 0 && (payload[0] & 0x1FU) == 0x10;  // S, and partition 0
  return begins && (payload[before] & 1U) == 0;                    // an inverse key frame flag
}

std::string_view flaw_of_vp8(ByteSpan packet) {
  return vp8_descriptor_bytes(payload_of(packet)) == 0 ? "a VP8 payload without content" : "";
}

/// The lengths of what VP9's payload descriptor says beside its first byte (RFC 9628, section 4.2).
struct Vp9Descriptor {
  std::size_t bytes = 0;  // 0: it goes beyond the payload
  unsigned spatial_layer = 0;
};

/// How many bytes a scalability structure has; 0: it goes beyond the payload.
std::size_t vp9_structure_bytes(ByteSpan structure) {
  if (structure.empty()) return 0;
  const unsigned flags = structure[0];
  std::size_t bytes = 1;
  if ((flags & 0x10U) != 0) bytes += ((flags >> 5U) + 1) * std::size_t{4};  // Y: the size of each layer
  if ((flags & 0x08U) == 0) return bytes;
  if (structure.size() <= bytes) return 0;
  for (unsigned left = structure[bytes++]; left > 0; --left) {  // G: a group of pictures
    if (structure.size() <= bytes) return 0;
    bytes += 1 + ((std::size_t{structure[bytes]} >> 2U) & 3U);
  }
  return bytes;
}

Vp9Descriptor vp9_descriptor(ByteSpan payload) {
  if (payload.empty()) return {};
  const unsigned flags = payload[0];
  const bool flexible = (flags & 0x10U) != 0;
  Vp9Descriptor descriptor;
  std::size_t at = 1;
  if ((flags & 0x80U) != 0) {  // a picture's id, of 7 or 15 bits
    if (payload.size() <= at) return {};
    at += (payload[at] & 0x80U) != 0 ? 2 : 1;
  }
  if ((flags & 0x20U) != 0) {  // layers
    if (payload.size() <= at) return {};
    descriptor.spatial_layer = (unsigned{payload[at]} >> 1U) & 7U;
    at += flexible ? 1 : 2;
  }
  if (flexible && (flags & 0x40U) != 0) {  // up to three pictures that are referred to
    for (unsigned i = 0; i < 3; ++i) {
      if (payload.size() <= at) return {};
      if ((payload[at++] & 1U) == 0) break;
    }
  }
  if ((flags & 0x02U) != 0) {
    if (payload.size() <= at) return {};
    const std::size_t structure = vp9_structure_bytes(payload.subspan(at));
    if (structure == 0) return {};
    at += structure;
  }
  if (payload.size() > at) descriptor.bytes = at;
  return descriptor;
}

/// A key frame, by its own header as well (VP9 bitstream, 6.2): not all senders say that a frame is
/// predicted.
bool is_vp9_sync_point(RtpPackets packets) {
  if (packets.empty()) return false;
  const ByteSpan payload = payload_of(packets.front());
  const Vp9Descriptor descriptor = vp9_descriptor(payload);
  const bool begins = descriptor.bytes > 0 && (payload[0] & 0x48U) == 0x08;  // B, and not P
  if (!begins || descriptor.spatial_layer != 0) return false;
  const unsigned header = payload[descriptor.bytes];
  const bool profile_3 = (header & 0x30U) == 0x30;
  const unsigned shown_again_and_inter = profile_3 ? (header >> 1U) & 3U : (header >> 2U) & 3U;
  return (header >> 6U) == 2 && shown_again_and_inter == 0;
}

std::string_view flaw_of_vp9(ByteSpan packet) {
  return vp9_descriptor(payload_of(packet)).bytes == 0 ? "a VP9 payload without content" : "";
}

// ---- AV1 (RTP Payload Format For AV1, section 4) ---------------------------------------------------------

/// A number of up to 8 bytes with 7 bits each, the lowest first (AV1, 4.10.5).
std::optional<std::size_t> take_leb128(ByteSpan& rest) {
  std::size_t value = 0;
  for (unsigned i = 0; i < 8 && !rest.empty(); ++i) {
    const std::uint8_t byte = rest[0];
    rest = rest.subspan(1);
    value |= (std::size_t{byte} & 0x7FU) << (7 * i);
    if ((byte & 0x80U) == 0) return value;
  }
  return std::nullopt;
}

/// Calls `found(OBU element)` for each of a payload, and returns what is malformed.
template <class Found>
std::string_view each_obu_element(ByteSpan payload, Found found) {
  if (payload.size() < 2) return "an AV1 payload without content";
  const unsigned count = (payload[0] >> 4U) & 3U;  // W; 0: each has its length
  ByteSpan rest = payload.subspan(1);
  for (unsigned i = 1; !rest.empty(); ++i) {
    if (count != 0 && i > count) return "an AV1 payload with more OBU elements than it says";
    std::size_t bytes = rest.size();
    if (count == 0 || i < count) {
      const auto length = take_leb128(rest);
      if (!length || *length > rest.size()) return "an AV1 payload with an OBU element beyond its end";
      bytes = *length;
    }
    found(rest.first(bytes));
    rest = rest.subspan(bytes);
  }
  return "";
}

bool is_av1_sync_point(RtpPackets packets) {
  constexpr unsigned kSequenceHeader = 1;  // AV1, 6.2.2
  if (packets.empty()) return false;
  const ByteSpan payload = payload_of(packets.front());
  if (payload.size() < 2) return false;
  const bool continues = (payload[0] & 0x80U) != 0;     // Z
  const bool new_sequence = (payload[0] & 0x08U) != 0;  // N
  if (continues) return false;
  if (new_sequence) return true;
  bool found = false;
  (void)each_obu_element(payload, [&](ByteSpan obu) {
    found = found || (!obu.empty() && ((obu[0] >> 3U) & 0xFU) == kSequenceHeader);
  });
  return found;
}

std::string_view flaw_of_av1(ByteSpan packet) {
  return each_obu_element(payload_of(packet), [](ByteSpan) {});
}

// ---- MPEG transport streams (RFC 2250, section 2), text (RFC 4103) ---------------------------------------

constexpr std::size_t kTransportPacketBytes = 188;

/// A packet with the random access indicator (ISO/IEC 13818-1, 2.4.3.4).
bool is_mp2t_sync_point(RtpPackets packets) {
  for (const ByteSpan packet : packets) {
    ByteSpan rest = payload_of(packet);
    for (; rest.size() >= kTransportPacketBytes; rest = rest.subspan(kTransportPacketBytes)) {
      const bool has_adaptation = (rest[3] & 0x20U) != 0 && rest[4] > 0;
      if (rest[0] == 0x47 && has_adaptation && (rest[5] & 0x40U) != 0) return true;
    }
  }
  return false;
}

std::string_view flaw_of_mp2t(ByteSpan packet) {
  const ByteSpan payload = payload_of(packet);
  if (payload.empty() || payload.size() % kTransportPacketBytes != 0)
    return "no whole number of transport stream packets";
  for (std::size_t at = 0; at < payload.size(); at += kTransportPacketBytes) {
    if (payload[at] != 0x47) return "a transport stream packet without its sync byte";
  }
  return "";
}

std::string_view flaw_of_text(ByteSpan packet) {
  const ByteSpan payload = payload_of(packet);
  const std::string_view text(reinterpret_cast<const char*>(payload.data()), payload.size());
  return to_utf8(text) == text ? "" : "text that is no UTF-8, and what is none is shown as U+FFFD";
}

// ---- the table -------------------------------------------------------------------------------------------

constexpr std::array kVideo = {
    PayloadFormat{.encoding = "JPEG", .is_sync_point = each},
    PayloadFormat{.encoding = "H264",
                  .is_sync_point = is_h264_sync_point,
                  .inter_coded = true,
                  .is_preamble = is_h264_preamble,
                  .flaw_of = flaw_of_h264},
    PayloadFormat{.encoding = "H265",
                  .is_sync_point = is_h265_sync_point,
                  .inter_coded = true,
                  .is_preamble = is_h265_preamble,
                  .flaw_of = flaw_of_h265},
    PayloadFormat{
        .encoding = "VP8", .is_sync_point = is_vp8_sync_point, .inter_coded = true, .flaw_of = flaw_of_vp8},
    PayloadFormat{
        .encoding = "VP9", .is_sync_point = is_vp9_sync_point, .inter_coded = true, .flaw_of = flaw_of_vp9},
    PayloadFormat{
        .encoding = "AV1", .is_sync_point = is_av1_sync_point, .inter_coded = true, .flaw_of = flaw_of_av1},
    PayloadFormat{.encoding = "MP2T",
                  .is_sync_point = is_mp2t_sync_point,
                  .packet_is_unit = true,
                  .flaw_of = flaw_of_mp2t},
};
constexpr PayloadFormat kAudio{.encoding = "audio", .is_sync_point = each, .packet_is_unit = true};
constexpr PayloadFormat kText{.encoding = "t140", .is_sync_point = each, .packet_is_unit = true};
constexpr PayloadFormat kT140{.encoding = "t140",
                              .is_sync_point = each,
                              .packet_is_unit = true,
                              .flaw_of = flaw_of_text,
                              .viewers_mend = true};
constexpr PayloadFormat kUnknown{.encoding = "", .is_sync_point = each, .packet_is_unit = true};

}  // namespace

const PayloadFormat& payload_format(const MediaFormat& format) {
  if (format.media == MediaKind::Audio) return kAudio;
  if (format.media == MediaKind::Text) return format.is("t140") ? kT140 : kText;
  const auto row =
      std::ranges::find_if(kVideo, [&](const PayloadFormat& one) { return format.is(one.encoding); });
  return row == kVideo.end() ? kUnknown : *row;
}

bool is_known_payload(const MediaFormat& format) { return &payload_format(format) != &kUnknown; }

}  // namespace ott
