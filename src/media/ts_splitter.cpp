#include "media/ts_splitter.h"

#include <fmt/format.h>

#include "media/media_sample.h"
#include "ott/bytes.h"

namespace ott {
namespace {

constexpr std::uint8_t kSyncByte = 0x47;
constexpr std::size_t kHeaderBytes = 4;
constexpr unsigned kTablePid = 0;
constexpr std::uint8_t kAssociationTable = 0, kMapTable = 2;
constexpr std::size_t kTableHeaderBytes = 8;
constexpr std::size_t kChecksumBytes = 4;
constexpr std::size_t kClockReferenceBytes = 6;

unsigned pid_at(const std::uint8_t* at) { return load_be<std::uint16_t>(at) & 0x1FFFU; }
std::size_t length_at(const std::uint8_t* at) { return load_be<std::uint16_t>(at) & 0xFFFU; }

/// Stream types of table 2-34 that are video: MPEG-1, 2 and 4, H.264, H.265, H.266.
bool is_video(std::uint8_t stream_type) {
  return stream_type == 0x01 || stream_type == 0x02 || stream_type == 0x10 || stream_type == 0x1B ||
         stream_type == 0x24 || stream_type == 0x33;
}

/// What is behind a packet's header and adaptation field; empty if there is nothing.
ByteSpan payload_of(ByteSpan packet) {
  const bool has_payload = (packet[3] & 0x10U) != 0, has_adaptation = (packet[3] & 0x20U) != 0;
  const std::size_t begin = kHeaderBytes + (has_adaptation ? std::size_t{1} + packet[4] : 0);
  return has_payload && begin < packet.size() ? packet.subspan(begin) : ByteSpan{};
}

/// The section that begins in a packet, up to its checksum; empty if it is not whole there, or not in force.
ByteSpan section_of(ByteSpan payload, std::uint8_t table) {
  if (payload.empty() || payload.size() < payload[0] + 1 + kTableHeaderBytes) return {};
  const ByteSpan section = payload.subspan(payload[0] + std::size_t{1});
  const std::size_t bytes = 3 + length_at(&section[1]);
  const bool is_in_force = (section[5] & 1U) != 0;
  if (section[0] != table || !is_in_force || bytes > section.size() ||
      bytes < kTableHeaderBytes + kChecksumBytes)
    return {};
  return section.first(bytes - kChecksumBytes);
}

}  // namespace

bool is_transport_stream(ByteSpan start) {
  return start.size() > TsSplitter::kPacketBytes && start[0] == kSyncByte &&
         start[TsSplitter::kPacketBytes] == kSyncByte;
}

TsSplitter::TsSplitter() { parts_ = {MediaPart{.format = format_of(MediaKind::Video, "MP2T", {})}}; }

void TsSplitter::on_reset() {
  packets_ = 0;
  is_sync_ = false;
  clock_.reset();
}

Result<std::optional<ByteSpan>> TsSplitter::next() {
  for (;;) {
    drop_taken();
    while (!ends_unit()) {
      look_at(window().subspan(packets_ * kPacketBytes, kPacketBytes));
      ++packets_;
    }
    if (packets_ > 0) {
      const bool is_whole = packets_ == kPacketsEach || finished() || behind_unit().size() >= kPacketBytes;
      if (!is_whole) return std::nullopt;
      const ByteSpan unit = take(0, packets_ * kPacketBytes);
      stamp_ = {.time = unit_time_, .sync_point = std::exchange(is_sync_, false)};
      packets_ = 0;
      if (!unit_time_) continue;  // what comes before the first clock reference has no place
      return unit;
    }
    if (window().size() >= kPacketBytes) return resynchronise();
    if (finished()) drop(window().size());  // the beginning of a packet
    return std::nullopt;
  }
}

/// True if the unit under way takes no further packet of those that are there.
bool TsSplitter::ends_unit() const {
  const ByteSpan behind = behind_unit();
  if (packets_ == kPacketsEach || behind.size() < kPacketBytes || behind[0] != kSyncByte) return true;
  return packets_ > 0 && pid_at(&behind[1]) == kTablePid;
}

/// Looks for the next packet: two sync bytes that are as far apart as packets are.
Result<std::optional<ByteSpan>> TsSplitter::resynchronise() {
  const ByteSpan bytes = window();
  std::size_t at = 1;
  const auto may_begin = [&bytes](std::size_t from) {
    return bytes[from] == kSyncByte &&
           (from + kPacketBytes >= bytes.size() || bytes[from + kPacketBytes] == kSyncByte);
  };
  while (at < bytes.size() && !may_begin(at)) ++at;
  const bool is_sure = at + kPacketBytes < bytes.size() || finished();
  if (!is_sure && bytes.size() < kReadBytes) return std::nullopt;
  const auto error = bad(0, fmt::format("{} bytes are no packet of a transport stream", at));
  drop(at);
  return error;
}

/// Takes from a packet what the unit's time and sync point are made of.
void TsSplitter::look_at(ByteSpan packet) {
  if (packets_ == 0) {
    unit_time_.reset();
    if (clock_) {
      unit_time_ = clock_->time +
                   Duration(static_cast<std::int64_t>(clock_->ns_each * static_cast<double>(clock_->bytes)));
    }
  }
  const unsigned pid = pid_at(&packet[1]);
  const std::size_t adaptation_bytes = (packet[3] & 0x20U) != 0 ? packet[4] : 0;
  const std::uint8_t flags = adaptation_bytes > 0 ? packet[5] : 0;
  const bool random_access = (flags & 0x40U) != 0, has_clock = (flags & 0x10U) != 0;
  if (random_access && (!video_pid_ || pid == *video_pid_)) is_sync_ = true;
  if (has_clock && adaptation_bytes > kClockReferenceBytes && pid == clock_pid_.value_or(pid)) {
    const std::uint64_t base = std::uint64_t{load_be<std::uint32_t>(&packet[6])} << 1U | packet[10] >> 7U;
    take_clock(base * 300 + (load_be<std::uint16_t>(&packet[10]) & 0x1FFU));
    if (packets_ == 0 || !unit_time_) unit_time_ = clock_->time;
  }
  if (clock_) clock_->bytes += kPacketBytes;
  if ((packet[1] & 0x40U) != 0) read_tables(pid, payload_of(packet));
}

/// A programme clock reference, in 27 MHz.
void TsSplitter::take_clock(std::uint64_t ticks) {
  const Duration time(static_cast<std::int64_t>(ticks / 27 * 1'000 + ticks % 27 * 1'000 / 27));
  double ns_each = 0;
  if (clock_ && time > clock_->time && time - clock_->time < std::chrono::seconds(1) && clock_->bytes > 0)
    ns_each = static_cast<double>((time - clock_->time).count()) / static_cast<double>(clock_->bytes);
  clock_ = ProgrammeClock{time, 0, ns_each};
}

/// Finds the first programme's map, and in it the clock and the video.
void TsSplitter::read_tables(unsigned pid, ByteSpan payload) {
  constexpr std::size_t kProgrammeBytes = 4, kStreamBytes = 5;
  if (pid == kTablePid) {
    const ByteSpan section = section_of(payload, kAssociationTable);
    for (std::size_t at = kTableHeaderBytes; at + kProgrammeBytes <= section.size(); at += kProgrammeBytes) {
      if (load_be<std::uint16_t>(&section[at]) == 0) continue;  // where the network's table is
      map_pid_ = pid_at(&section[at + 2]);
      return;
    }
    return;
  }
  if (pid != map_pid_) return;
  const ByteSpan section = section_of(payload, kMapTable);
  if (section.size() < kTableHeaderBytes + 4) return;
  clock_pid_ = pid_at(&section[kTableHeaderBytes]);
  std::size_t at = kTableHeaderBytes + 4 + length_at(&section[kTableHeaderBytes + 2]);
  video_pid_.reset();
  while (at + kStreamBytes <= section.size() && !video_pid_) {
    if (is_video(section[at])) video_pid_ = pid_at(&section[at + 1]);
    at += kStreamBytes + length_at(&section[at + 3]);
  }
}

}  // namespace ott
