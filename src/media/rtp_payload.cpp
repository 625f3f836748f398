#include "media/rtp_payload.h"

#include <fmt/format.h>

#include "ott/assert.h"

namespace ott {
namespace {

/// Room for the headers of payload formats, and for some payload behind them.
constexpr std::size_t kPacketBytesMin = 128;

}  // namespace

Result<std::vector<MediaSample>> PayloadDepacketizer::take(const Frame& frame) {
  OTT_ASSERT(!frame.is_jpeg());
  bytes_.clear();
  ends_.clear();
  std::vector<MediaSample> samples;
  if (waiting_ && !frame.sync_point) return samples;
  if (const auto taken = take_packets(frame); !taken) {
    waiting_ = coding_ == Coding::Inter;
    reset();
    return tl::unexpected(taken.error());
  }
  waiting_ = false;
  samples.reserve(ends_.size());
  for (std::size_t begin = 0; const End& end : ends_) {
    samples.push_back({ByteSpan(bytes_).subspan(begin, end.at - begin), end.media_time, frame.sync_point});
    begin = end.at;
  }
  return samples;
}

Result<void> PayloadDepacketizer::take_packets(const Frame& frame) {
  for (std::size_t i = 0; i < frame.packet_ends.size(); ++i) {
    const auto packet = parse_rtp(frame.packet(i));
    if (!packet) return tl::unexpected(packet.error());
    if (packet->payload.empty()) continue;  // padding alone, sent to probe or to keep a way open
    if (auto taken = unpack(*packet); !taken) {
      return fail(fmt::format("RTP packet {}: {}", packet->header.sequence, taken.error().message));
    }
  }
  return finish();
}

PayloadPacketizer::PayloadPacketizer(const Flow& flow) : flow_(flow) {
  OTT_ASSERT(flow.packet_bytes_max >= kPacketBytesMin);
}

std::size_t PayloadPacketizer::payload_bytes_max() const {
  return flow_.packet_bytes_max - kRtpFixedHeaderBytes;
}

void PayloadPacketizer::put(PacketList& packets, std::uint32_t media_time, bool marker,
                            std::initializer_list<ByteSpan> payload) {
  const std::size_t begin = packets.bytes.size();
  packets.bytes.resize(begin + kRtpFixedHeaderBytes);
  const RtpHeader header{.marker = marker,
                         .payload_type = flow_.payload_type,
                         .sequence = flow_.sequence++,
                         .timestamp = media_time,
                         .ssrc = flow_.ssrc,
                         .extension = std::nullopt};
  write_rtp_header(header, MutableByteSpan(packets.bytes).subspan(begin));
  for (const ByteSpan part : payload) packets.bytes.insert(packets.bytes.end(), part.begin(), part.end());
  OTT_ASSERT(packets.bytes.size() - begin <= flow_.packet_bytes_max);
  packets.ends.push_back(static_cast<std::uint32_t>(packets.bytes.size()));
}

}  // namespace ott
