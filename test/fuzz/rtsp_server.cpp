// Any bytes from a player, in pieces, with frames and time between them: what the server sends is whole
// messages and packets, and its memory is bounded. The first byte of each piece says its length and what
// happens after it.
#include "media/rtsp_server.h"

#include <algorithm>

#include "media/stream_sdp.h"
#include "ott/assert.h"
#include "ott/rtp_jpeg.h"

namespace {

using ott::ByteSpan;

/// The smallest JPEG that RTP carries, put together by the depacketizer.
ott::RtpFramePtr a_frame() {
  std::vector<std::uint8_t> packet(12 + 8 + 4'000, 0x55);
  const ott::RtpHeader header{true, ott::kRtpPayloadTypeJpeg, 1, 2, 3, std::nullopt};
  ott::write_rtp_header(header, packet);
  std::ranges::copy(std::array<std::uint8_t, 8>{0, 0, 0, 0, 1, 50, 2, 2}, packet.begin() + 12);
  ott::RtpJpegDepacketizer depacketizer;
  const auto jpeg = depacketizer.push(packet);
  OTT_ASSERT(jpeg && *jpeg);
  auto frame = std::make_shared<ott::Frame>();
  frame->bytes.assign((*jpeg)->begin(), (*jpeg)->end());
  auto made = ott::make_rtp_frame(frame);
  OTT_ASSERT(made);
  return *made;
}

void answer(ott::RtspServer& server, const ott::RtpFrame& frame, std::uint8_t how, ott::Now now) {
  if (!server.ask()) return;
  if ((how & 1U) != 0) {
    server.refuse(404, "no", now);
  } else if (server.ask()->kind == ott::RtspServer::Ask::Kind::Describe) {
    ott::StreamInfo stream;
    stream.name = server.ask()->stream;
    server.describe(ott::stream_sdp({{stream, ott::stream_media(stream, ott::size_of(frame.image))}}), now);
  } else {
    const auto ports = ott::RtspTransport::Pair{6'970, 6'971};
    const auto port = server.ask()->udp ? std::optional(ports) : std::nullopt;
    server.set_up({{}, {1, 2, 3}, port}, now);
  }
}

/// Reads what the server has to say as a player would.
void take(ott::RtspServer& server, ott::RtspReader& player, ott::Now now) {
  while (true) {
    const ByteSpan output = server.output(now);
    OTT_ASSERT(output.size() < ott::RtspServer::kOutputBytes + (64 << 10));
    if (output.empty()) return;
    const auto space = player.space();
    const std::size_t some = std::min(space.size(), output.size());
    std::ranges::copy(output.first(some), space.begin());
    player.advance(some);
    server.sent(some, now);
    while (true) {
      const auto unit = player.next();
      OTT_ASSERT(unit);
      if (!*unit) break;
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const ott::RtpFramePtr frame = a_frame();
  ott::Now now;
  ott::RtspServer server({*ott::parse_ip("10.0.0.7"), "1", "cname"}, now);
  ott::RtspReader player;
  ByteSpan rest(data, size);
  while (rest.size() >= 2 && !server.over()) {
    const std::uint8_t how = rest[1];
    const std::size_t bytes = std::min<std::size_t>(std::size_t{rest[0]} * 4, rest.size() - 2);
    if (server.wants_input()) server.receive(rest.subspan(2, bytes), now);
    rest = rest.subspan(2 + bytes);
    answer(server, *frame, how, now);
    if ((how & 2U) != 0 && server.playing()) {
      for (const unsigned track : server.tracks().ids()) server.tracks().push(track, frame, now);
    }
    if (server.over_udp()) {
      while (!server.tracks().next_datagram(now).bytes.empty()) {
      }
    }
    if ((how & 4U) == 0) take(server, player, now);
    now.mono += std::chrono::milliseconds(how);
    (void)server.expired(now);
  }
  if (!server.over()) server.end(now);
  take(server, player, now);
  return 0;
}
