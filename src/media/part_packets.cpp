#include "media/part_packets.h"

#include <array>
#include <cstdlib>

#include "ott/assert.h"
#include "ott/bytes.h"

namespace ott {
namespace {

constexpr std::int64_t kNsPerSecond = 1'000'000'000;
/// Times are often rounded to milliseconds: a sample that is this near to the end of the one before follows
/// it at once.
constexpr std::int64_t kRoundingPerSecond = 400;  // 1/400 s
constexpr std::size_t kTimestampAt = 4;           // in a packet (RFC 3550, section 5.1)
constexpr std::uint32_t kAacFrameTicks = 1'024;

std::int64_t ticks_at(Duration time, std::uint32_t clock_rate) {
  const std::int64_t seconds = time.count() / kNsPerSecond, rest = time.count() % kNsPerSecond;
  const std::int64_t half = rest < 0 ? -kNsPerSecond / 2 : kNsPerSecond / 2;
  return seconds * clock_rate + (rest * clock_rate + half) / kNsPerSecond;
}

Duration duration_of(std::int64_t ticks, std::uint32_t clock_rate) {
  return Duration(ticks / clock_rate * kNsPerSecond + ticks % clock_rate * kNsPerSecond / clock_rate);
}

/// RFC 6716, section 3.1, at 48 kHz.
std::uint32_t opus_ticks(ByteSpan packet) {
  constexpr std::array<std::uint32_t, 4> kSilk = {480, 960, 1'920, 2'880}, kCelt = {120, 240, 480, 960};
  const unsigned config = packet[0] >> 3U;
  const std::uint32_t each = config < 12   ? kSilk.at(config % 4)
                             : config < 16 ? kSilk.at(config % 2)
                                           : kCelt.at(config % 4);
  const unsigned code = packet[0] & 3U;
  if (code == 0) return each;
  if (code != 3) return 2 * each;
  return packet.size() > 1 ? (packet[1] & 0x3FU) * each : 0;
}

/// True if each packet is an access unit by itself.
bool packet_is_unit(const MediaFormat& format) {
  return format.media != MediaKind::Video || format.is("MP2T");
}

}  // namespace

std::optional<std::uint32_t> sample_ticks(const MediaFormat& format, ByteSpan sample) {
  if (format.media != MediaKind::Audio || sample.empty()) return std::nullopt;
  const std::size_t channels = std::max<std::size_t>(format.channels, 1);
  if (format.is("L16")) return static_cast<std::uint32_t>(sample.size() / channels / 2);
  if (format.is("PCMU") || format.is("PCMA")) return static_cast<std::uint32_t>(sample.size() / channels);
  if (format.is("opus")) return opus_ticks(sample);
  if (format.is("MPEG4-GENERIC")) return kAacFrameTicks;
  return std::nullopt;
}

std::optional<Duration> sample_duration(const MediaFormat& format, ByteSpan sample) {
  const auto ticks = sample_ticks(format, sample);
  if (!ticks) return std::nullopt;
  return duration_of(*ticks, format.clock_rate);
}

void PackedUnit::push_to(InputSink& sink, WallTime zero, Now arrived) const {
  std::vector<ByteSpan> packets;
  packets.reserve(ends.size());
  for (std::size_t begin = 0; const std::uint32_t end : ends) {
    packets.push_back(ByteSpan(bytes).subspan(begin, end - begin));
    begin = end;
  }
  sink.push({.bytes = ends.empty() ? ByteSpan(bytes) : ByteSpan{},
             .packets = packets,
             .part = part,
             .arrived = arrived,
             .media_time = media_time,
             .instant = zero + time,
             .sync_point = sync_point,
             .place = place});
}

PartPackets::PartPackets(std::vector<MediaPart> parts, std::uint32_t first_ssrc) : parts_(std::move(parts)) {
  for (const MediaPart& part : parts_) {
    Part maker;
    if (!part.format.is_jpeg()) {
      const auto ssrc = static_cast<std::uint32_t>(first_ssrc + makers_.size());
      maker.packetizer = make_packetizer(part.format, ssrc, 0);
      OTT_ASSERT(maker.packetizer != nullptr);
    }
    makers_.push_back(std::move(maker));
  }
}

/// The sample's timestamp, before it is cut to 32 bits.
std::int64_t PartPackets::place(std::size_t part, Duration time, ByteSpan sample) {
  const MediaFormat& format = parts_[part].format;
  auto& next = makers_[part].next_ticks;
  std::int64_t ticks = ticks_at(time, format.clock_rate);
  if (const auto length = sample_ticks(format, sample)) {
    if (next && std::abs(ticks - *next) <= format.clock_rate / kRoundingPerSecond) ticks = *next;
    next = ticks + *length;
  } else if (format.media == MediaKind::Text) {  // two lines at one time are two all the same
    if (next && ticks < *next) ticks = *next;
    next = ticks + 1;
  }
  return ticks;
}

Result<void> PartPackets::pack(std::size_t part, Duration time, bool sync_point, ByteSpan sample,
                               std::vector<PackedUnit>& units) {
  const MediaFormat& format = parts_[part].format;
  const std::int64_t ticks = place(part, time, sample);
  const auto media_time = static_cast<std::uint32_t>(ticks);
  if (format.is_jpeg()) {
    units.push_back({.part = part,
                     .time = time,
                     .media_time = media_time,
                     .sync_point = true,
                     .bytes = {sample.begin(), sample.end()}});
    return {};
  }
  packets_.clear();
  if (auto cut = makers_[part].packetizer->cut({sample, media_time, sync_point}, packets_); !cut) return cut;
  const Duration exact = format.media == MediaKind::Video ? time : duration_of(ticks, format.clock_rate);
  if (!packet_is_unit(format)) {
    units.push_back({.part = part,
                     .time = exact,
                     .media_time = media_time,
                     .sync_point = sync_point,
                     .bytes = packets_.bytes,
                     .ends = packets_.ends});
    return {};
  }
  for (const ByteSpan packet : packets_.spans()) {
    const auto its_time = load_be<std::uint32_t>(&packet[kTimestampAt]);
    const auto behind = static_cast<std::int32_t>(its_time - media_time);
    units.push_back({.part = part,
                     .time = exact + duration_of(behind, format.clock_rate),
                     .media_time = its_time,
                     .sync_point = sync_point,
                     .bytes = {packet.begin(), packet.end()},
                     .ends = {static_cast<std::uint32_t>(packet.size())}});
  }
  return {};
}

}  // namespace ott
