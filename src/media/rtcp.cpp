#include "media/rtcp.h"

#include <algorithm>

#include "ott/assert.h"
#include "ott/bytes.h"

namespace ott {
namespace {

constexpr std::uint8_t kSenderReport = 200, kReceiverReport = 201, kSourceDescription = 202, kBye = 203;
constexpr std::uint8_t kCnameItem = 1;
constexpr unsigned kVersion = 2;
constexpr std::uint8_t kPaddingBit = 0x20;
constexpr std::size_t kHeaderBytes = 4;
constexpr std::size_t kTextBytesMax = 255;
constexpr std::int64_t kNanosecondsASecond = 1'000'000'000;
constexpr std::uint64_t kNtpToUnixSeconds = 2'208'988'800;  // from 1900 to 1970

/// One packet of a compound one: what follows its header, without padding.
struct Part {
  std::uint8_t type = 0;
  std::uint8_t count = 0;
  ByteSpan body;
};

std::string name_of(std::uint8_t type) {
  switch (type) {
    case kSenderReport:
      return "a sender report";
    case kReceiverReport:
      return "a receiver report";
    case kSourceDescription:
      return "an SDES packet";
    case kBye:
      return "a BYE packet";
    default:
      return "a packet of type " + std::to_string(type);
  }
}

tl::unexpected<Error> cut_off(std::uint8_t type) {
  return fail("RTCP: " + name_of(type) + " ends within its fields");
}

Result<Part> take_part(ByteSpan& rest) {
  if (rest.size() < kHeaderBytes) return fail("RTCP: a packet ends within its header");
  if (const unsigned version = rest[0] >> 6; version != kVersion)
    return fail("RTCP version " + std::to_string(version) + " instead of 2");
  Part part{rest[1], static_cast<std::uint8_t>(rest[0] & 0x1F), {}};
  const std::size_t bytes = kHeaderBytes + std::size_t{4} * load_be<std::uint16_t>(rest.data() + 2);
  if (bytes > rest.size()) return fail("RTCP: " + name_of(part.type) + " is longer than what was received");
  part.body = rest.subspan(kHeaderBytes, bytes - kHeaderBytes);
  if ((rest[0] & kPaddingBit) != 0) {
    const std::size_t padding = part.body.empty() ? 0 : part.body.back();
    if (padding == 0 || padding > part.body.size())
      return fail("RTCP: the padding of " + name_of(part.type) + " is longer than itself");
    part.body = part.body.first(part.body.size() - padding);
  }
  rest = rest.subspan(bytes);
  return part;
}

Result<void> read_report(const Part& part, bool first, RtcpPacket& packet) {
  Reader in(part.body);
  const std::uint32_t ssrc = in.u32();
  if (first) packet.ssrc = ssrc;
  if (part.type == kSenderReport) {
    const RtcpSenderInfo info{in.u64(), in.u32(), in.u32(), in.u32()};
    if (ssrc == packet.ssrc) packet.sender = info;
  }
  for (unsigned i = 0; i < part.count; ++i) {
    RtcpReport report;
    report.ssrc = in.u32();
    const std::uint32_t lost = in.u32();
    report.fraction_lost = static_cast<std::uint8_t>(lost >> 24U);
    report.lost = static_cast<std::int32_t>(lost << 8U) >> 8;  // its sign is that of 24 bits
    report.highest_sequence = in.u32();
    report.jitter = in.u32();
    report.last_sender_report = in.u32();
    report.since_last_sender_report = in.u32();
    if (in.ok()) packet.reports.push_back(report);
  }
  if (!in.ok()) return cut_off(part.type);
  return {};
}

std::string text_of(ByteSpan bytes) { return {bytes.begin(), bytes.end()}; }

/// Section 6.5: chunks of an SSRC and its items, each padded with zeros to a multiple of 4.
Result<void> read_description(const Part& part, RtcpPacket& packet) {
  std::size_t at = 0;
  const ByteSpan body = part.body;
  for (unsigned i = 0; i < part.count; ++i) {
    if (body.size() - at < 4) return cut_off(part.type);
    const std::uint32_t ssrc = load_be<std::uint32_t>(body.data() + at);
    at += 4;
    while (true) {
      if (at >= body.size()) return cut_off(part.type);
      const std::uint8_t item = body[at];
      if (item == 0) break;
      if (body.size() - at < 2 || body.size() - at - 2 < body[at + 1]) return cut_off(part.type);
      if (item == kCnameItem && ssrc == packet.ssrc)
        packet.cname = text_of(body.subspan(at + 2, body[at + 1]));
      at += std::size_t{2} + body[at + 1];
    }
    at = std::min((at / 4 + 1) * 4, body.size());
  }
  return {};
}

Result<void> read_bye(const Part& part, RtcpPacket& packet) {
  Reader in(part.body);
  for (unsigned i = 0; i < part.count; ++i) {
    const std::uint32_t ssrc = in.u32();
    if (in.ok()) packet.byes.push_back(ssrc);
  }
  if (!in.ok()) return cut_off(part.type);
  const ByteSpan rest = part.body.subspan(std::size_t{4} * part.count);
  if (rest.empty()) return {};
  if (rest.size() - 1 < rest[0]) return cut_off(part.type);
  packet.bye_reason = text_of(rest.subspan(1, rest[0]));
  return {};
}

/// Appends a part's header, and sets its length when the part is complete.
class PartWriter {
 public:
  PartWriter(std::vector<std::uint8_t>& bytes, std::uint8_t type, std::size_t count)
      : out(bytes), bytes_(bytes), at_(bytes.size()) {
    out.u8(static_cast<std::uint8_t>(kVersion << 6U | count));
    out.u8(type);
    out.u16(0);
  }
  PartWriter(const PartWriter&) = delete;
  PartWriter& operator=(const PartWriter&) = delete;
  ~PartWriter() {
    while ((bytes_.size() - at_) % 4 != 0) bytes_.push_back(0);
    store_be(bytes_.data() + at_ + 2, static_cast<std::uint16_t>((bytes_.size() - at_) / 4 - 1));
  }
  void text(const std::string& text) {
    OTT_ASSERT(text.size() <= kTextBytesMax);
    out.u8(static_cast<std::uint8_t>(text.size()));
    bytes_.insert(bytes_.end(), text.begin(), text.end());
  }

  Writer out;

 private:
  std::vector<std::uint8_t>& bytes_;
  std::size_t at_;
};

void write_report(const RtcpPacket& packet, std::vector<std::uint8_t>& bytes) {
  PartWriter part(bytes, packet.sender ? kSenderReport : kReceiverReport, packet.reports.size());
  part.out.u32(packet.ssrc);
  if (packet.sender) {
    part.out.u64(packet.sender->ntp);
    part.out.u32(packet.sender->rtp_timestamp);
    part.out.u32(packet.sender->packets);
    part.out.u32(packet.sender->octets);
  }
  for (const RtcpReport& report : packet.reports) {
    constexpr std::int32_t kLostMax = 0x7F'FFFF;  // section 6.4.1: the count is clamped
    const auto lost = static_cast<std::uint32_t>(std::clamp(report.lost, -kLostMax - 1, kLostMax));
    part.out.u32(report.ssrc);
    part.out.u32(std::uint32_t{report.fraction_lost} << 24U | (lost & 0xFF'FFFFU));
    part.out.u32(report.highest_sequence);
    part.out.u32(report.jitter);
    part.out.u32(report.last_sender_report);
    part.out.u32(report.since_last_sender_report);
  }
}

}  // namespace

std::uint64_t ntp_time(WallTime time) {
  const std::int64_t ns = std::max<std::int64_t>(time.time_since_epoch().count(), 0);
  const auto seconds = static_cast<std::uint64_t>(ns / kNanosecondsASecond) + kNtpToUnixSeconds;
  const auto rest_ns = static_cast<std::uint64_t>(ns % kNanosecondsASecond);
  return seconds << 32U | (rest_ns << 32U) / kNanosecondsASecond;
}

WallTime wall_time(std::uint64_t ntp) {
  const std::uint32_t seconds =
      static_cast<std::uint32_t>(ntp >> 32U) - static_cast<std::uint32_t>(kNtpToUnixSeconds);
  // Rounded up, so that a time comes back from NTP's finer units as it was.
  const std::uint64_t rest_ns = ((ntp & 0xFFFF'FFFFU) * kNanosecondsASecond + 0xFFFF'FFFFU) >> 32U;
  return WallTime(std::chrono::seconds(seconds) + Duration(rest_ns));
}

Result<RtcpPacket> parse_rtcp(ByteSpan bytes) {
  RtcpPacket packet;
  ByteSpan rest = bytes;
  do {
    const bool first = rest.size() == bytes.size();
    const auto part = take_part(rest);
    if (!part) return tl::unexpected<Error>(part.error());
    const bool report = part->type == kSenderReport || part->type == kReceiverReport;
    if (first && !report) return fail("RTCP: " + name_of(part->type) + " comes before any report");
    Result<void> read;
    if (report) read = read_report(*part, first, packet);
    if (part->type == kSourceDescription) read = read_description(*part, packet);
    if (part->type == kBye) read = read_bye(*part, packet);
    if (!read) return tl::unexpected<Error>(std::move(read.error()));
  } while (!rest.empty());
  return packet;
}

std::vector<std::uint8_t> write_rtcp(const RtcpPacket& packet) {
  OTT_ASSERT(packet.reports.size() <= RtcpPacket::kReportsMax &&
             packet.byes.size() <= RtcpPacket::kReportsMax);
  OTT_ASSERT(!packet.cname.empty());
  std::vector<std::uint8_t> bytes;
  write_report(packet, bytes);
  {
    PartWriter part(bytes, kSourceDescription, 1);
    part.out.u32(packet.ssrc);
    part.out.u8(kCnameItem);
    part.text(packet.cname);
    part.out.u8(0);
  }
  if (packet.byes.empty()) return bytes;
  PartWriter part(bytes, kBye, packet.byes.size());
  for (const std::uint32_t ssrc : packet.byes) part.out.u32(ssrc);
  if (!packet.bye_reason.empty()) part.text(packet.bye_reason);
  return bytes;
}

}  // namespace ott
