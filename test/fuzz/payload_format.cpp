// Any bytes as RTP payloads of all formats: nothing is read past their end, and what is malformed is said
// without a sync point being lost for the flow. The first byte chooses the format, and the rest are packets,
// each preceded by its length in two bytes, which go through PacketFrames.
#include "media/payload_format.h"

#include <array>
#include <vector>

#include "media/packet_frames.h"
#include "ott/assert.h"
#include "ott/bytes.h"

namespace {

struct Sink final : ott::InputSink {
  void push(const ott::AccessUnit& unit) override {
    OTT_ASSERT(!unit.packets.empty());
    std::optional<std::uint16_t> next;
    for (const ott::ByteSpan packet : unit.packets) {
      const auto rtp = ott::parse_rtp(packet);
      OTT_ASSERT(rtp);
      OTT_ASSERT(!next || *next == rtp->header.sequence);
      next = static_cast<std::uint16_t>(rtp->header.sequence + 1);
    }
  }
  void refuse(const std::string& why, ott::Now) override { OTT_ASSERT(!ott::has_control_character(why)); }
  void on_connected(const std::string&, ott::Now) override {}
  void on_lost(const std::string&, ott::Now) override {}
  void on_end(ott::Now) override {}
};

constexpr std::array kEncodings = {"H264", "H265", "VP8", "VP9", "AV1", "MP2T", "t140", "x"};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  ott::MediaFormat format;
  format.encoding = kEncodings[data[0] % kEncodings.size()];
  if (format.is("t140")) format.media = ott::MediaKind::Text;
  format.payload_type = 96;
  const ott::PayloadFormat& payload = ott::payload_format(format);
  Sink sink;
  ott::PacketFrames frames("fuzz", format, 0, sink);
  ott::Now now{ott::MonoTime(std::chrono::seconds(1'000)), {}};
  ott::ByteSpan rest(data + 1, size - 1);
  std::uint16_t sequence = 0;
  while (rest.size() >= 2) {
    // The upper bits: the marker, another timestamp, a packet that is missing.
    const unsigned head = static_cast<unsigned>(rest[0]) << 8U | rest[1];
    const std::size_t bytes = std::min<std::size_t>(head & 0x7FFU, rest.size() - 2);
    std::vector<std::uint8_t> packet(12 + bytes);
    ott::write_rtp_header(
        {.marker = (head & 0x8000U) != 0,
         .payload_type = 96,
         .sequence = sequence,
         .timestamp = static_cast<std::uint32_t>(now.mono.time_since_epoch().count() / 100'000),
         .ssrc = 1},
        packet);
    std::copy_n(rest.begin() + 2, bytes, packet.begin() + 12);
    rest = rest.subspan(2 + bytes);
    const std::array packets = {ott::ByteSpan(packet)};
    (void)payload.is_sync_point(packets);
    if (payload.is_preamble != nullptr) (void)payload.is_preamble(packets);
    if (payload.flaw_of != nullptr) OTT_ASSERT(payload.flaw_of(packet).size() < 100);
    frames.push(packet, now);
    sequence = static_cast<std::uint16_t>(sequence + ((head & 0x2000U) != 0 ? 2 : 1));
    if ((head & 0x4000U) != 0) now.mono += std::chrono::milliseconds(40);
    frames.step(now);
  }
  (void)frames.take_warnings(now);
  return 0;
}
