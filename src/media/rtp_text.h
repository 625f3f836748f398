// Text over RTP (RFC 4103): T.140 blocks of UTF-8, plain or with the blocks before them (RED, RFC 2198), from
// which text is taken that was in packets that have not come. Bytes that are no UTF-8 become U+FFFD. Used
// through media_sample.h.
#pragma once

#include <optional>

#include "media/rtp_payload.h"

namespace ott {

class TextDepacketizer final : public PayloadDepacketizer {
 public:
  /// Of encoding "t140" or "red". Packets of t140 with another payload type than the format's are RED, as in
  /// descriptions that offer both.
  explicit TextDepacketizer(const MediaFormat& format);

 private:
  Result<void> unpack(const RtpPacket& packet) override;
  Result<void> take_redundant(const RtpPacket& packet);
  void take_block(ByteSpan block, std::uint32_t media_time);

  bool always_redundant_;
  std::uint8_t payload_type_;
  std::optional<std::uint16_t> last_;  // sequence number
  unsigned missing_ = 0;               // packets between the last one and this
};

/// Sends no redundancy: links of the overlay lose nothing.
class TextPacketizer final : public PayloadPacketizer {
 public:
  explicit TextPacketizer(const Flow& flow) : PayloadPacketizer(flow) {}
  /// Text that is longer than a packet is cut between characters.
  Result<void> cut(const MediaSample& sample, PacketList& packets) override;
};

}  // namespace ott
