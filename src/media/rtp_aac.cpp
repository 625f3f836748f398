#include "media/rtp_aac.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "media/aac_config.h"
#include "media/bit_reader.h"
#include "media/fmtp.h"
#include "ott/bytes.h"

namespace ott {
namespace {

// Mode AAC-hbr (RFC 3640, section 3.3.6).
constexpr unsigned kHbrSizeBits = 13, kHbrIndexBits = 3;
constexpr std::size_t kUnitBytesMax = (std::size_t{1} << kHbrSizeBits) - 1;
constexpr unsigned kSamplesPerUnit = 1'024;

std::string refusal_of(std::string_view parameters) {
  for (const char* name : {"CTSDeltaLength", "DTSDeltaLength", "randomAccessIndication",
                           "streamStateIndication", "auxiliaryDataSizeLength"}) {
    if (format_number(parameters, name, 0) != 0) return fmt::format("packets with {} are not taken", name);
  }
  const unsigned size_bits = format_number(parameters, "sizelength", 0);
  if (size_bits == 0 || size_bits > 16) return fmt::format("a sizelength of {} is not taken", size_bits);
  for (const char* name : {"indexlength", "indexdeltalength"}) {
    if (const unsigned bits = format_number(parameters, name, 0); bits > 16) {
      return fmt::format("an {} of {} is not taken", name, bits);
    }
  }
  return {};
}

}  // namespace

AacDepacketizer::AacDepacketizer(const MediaFormat& format)
    : PayloadDepacketizer(Coding::Alone),
      refusal_(refusal_of(format.parameters)),
      size_bits_(format_number(format.parameters, "sizelength", 0)),
      index_bits_(format_number(format.parameters, "indexlength", 0)),
      index_delta_bits_(format_number(format.parameters, "indexdeltalength", 0)),
      unit_time_(format_number(format.parameters, "constantduration", kSamplesPerUnit)) {
  const auto told = from_hex(format_parameter(format.parameters, "config").value_or(""));
  auto config = aac_config(told.value_or(std::vector<std::uint8_t>{}));
  if (!config) return;
  if (config->channels == 0) config->channels = format.channels;
  config_ = std::move(*config);
}

Result<void> AacDepacketizer::unpack(const RtpPacket& packet) {
  if (!refusal_.empty()) return fail(refusal_);
  const ByteSpan payload = packet.payload;
  if (payload.size() < 2) return fail("an AAC payload without AU headers");
  const std::size_t head_bits = load_be<std::uint16_t>(payload.data());
  const std::size_t head_bytes = 2 + (head_bits + 7) / 8;
  if (head_bits == 0 || head_bytes > payload.size())
    return fail("an AAC payload whose AU headers are not whole");
  BitReader heads(payload.subspan(2, head_bytes - 2));
  ByteSpan data = payload.subspan(head_bytes);
  std::size_t bits_left = head_bits;
  std::uint32_t media_time = packet.header.timestamp;
  for (bool first = true; bits_left > 0; first = false) {
    const unsigned index_bits = first ? index_bits_ : index_delta_bits_;
    if (bits_left < size_bits_ + index_bits) return fail("an AU header that is not whole");
    bits_left -= size_bits_ + index_bits;
    const std::size_t unit_bytes = heads.bits(size_bits_);
    if (heads.bits(index_bits) != 0) return fail("interleaved access units, which are not taken");
    if (unit_bytes > data.size()) {
      if (!first || bits_left > 0) return fail("an access unit that is not whole");
      return take_fragment(packet, data, unit_bytes);
    }
    part_.clear();
    append(data.first(unit_bytes));
    data = data.subspan(unit_bytes);
    if (unit_bytes > 0) end_sample(media_time);
    media_time += unit_time_;
  }
  return {};
}

Result<void> AacDepacketizer::take_fragment(const RtpPacket& packet, ByteSpan data, std::size_t unit_bytes) {
  const auto next = static_cast<std::uint16_t>(part_sequence_ + 1);
  const bool goes_on =
      !part_.empty() && packet.header.sequence == next && packet.header.timestamp == part_time_;
  if (!goes_on) part_.clear();
  part_sequence_ = packet.header.sequence;
  part_time_ = packet.header.timestamp;
  part_.insert(part_.end(), data.begin(), data.end());
  if (part_.size() > unit_bytes) return fail("fragments that are more than their access unit");
  if (part_.size() < unit_bytes) return {};
  append(part_);
  end_sample(part_time_);
  part_.clear();
  return {};
}

Result<void> AacPacketizer::cut(const MediaSample& sample, PacketList& packets) {
  constexpr std::size_t kHeadBytes = 4;
  if (sample.bytes.empty()) return fail("an empty access unit");
  if (sample.bytes.size() > kUnitBytesMax) {
    return fail(fmt::format("an access unit of {} bytes; at most {} can be sent", sample.bytes.size(),
                            kUnitBytesMax));
  }
  std::array<std::uint8_t, kHeadBytes> head{};
  store_be(head.data(), std::uint16_t{kHbrSizeBits + kHbrIndexBits});
  store_be(head.data() + 2, static_cast<std::uint16_t>(sample.bytes.size() << kHbrIndexBits));
  for (ByteSpan rest = sample.bytes; !rest.empty();) {
    const ByteSpan part = rest.first(std::min(rest.size(), payload_bytes_max() - kHeadBytes));
    rest = rest.subspan(part.size());
    put(packets, sample.media_time, rest.empty(), {head, part});
  }
  return {};
}

std::string aac_parameters(const CodecConfig& config) {
  return fmt::format(
      "streamtype=5;profile-level-id=1;mode=AAC-hbr;sizelength={};indexlength={};indexdeltalength={};"
      "config={}",
      kHbrSizeBits, kHbrIndexBits, kHbrIndexBits, to_hex(config.record));
}

}  // namespace ott
