// Frames that are RTP packets, as they come over the overlay.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "media/outlet.h"
#include "ott/rtp.h"

namespace ott::test {

struct PacketFrame {
  std::uint64_t number = 1;
  std::uint32_t media_time = 0;
  std::uint16_t first_sequence = 0;
  std::size_t packets = 1;
  std::size_t payload_bytes = 20;
  bool sync_point = true;
  std::optional<WallTime> instant{};
};

/// Its payload begins with the packet's place in the frame; the last packet has the marker.
inline std::shared_ptr<Frame> packet_frame(const PacketFrame& what, Now arrived) {
  auto frame = std::make_shared<Frame>();
  frame->number = FrameNumber{what.number};
  frame->media_time = what.media_time;
  frame->sync_point = what.sync_point;
  frame->instant = what.instant;
  frame->arrived = arrived;
  frame->source_time = arrived.wall;
  for (std::size_t i = 0; i < what.packets; ++i) {
    RtpHeader header;
    header.marker = i + 1 == what.packets;
    header.payload_type = 96;
    header.sequence = static_cast<std::uint16_t>(what.first_sequence + i);
    header.timestamp = what.media_time;
    header.ssrc = 0xABCDEF;
    std::vector<std::uint8_t> packet(kRtpFixedHeaderBytes + what.payload_bytes, static_cast<std::uint8_t>(i));
    write_rtp_header(header, packet);
    frame->bytes.insert(frame->bytes.end(), packet.begin(), packet.end());
    frame->packet_ends.push_back(static_cast<std::uint32_t>(frame->bytes.size()));
  }
  return frame;
}

}  // namespace ott::test
