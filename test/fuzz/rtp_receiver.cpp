// Any packets at any time into the receiver: what it hands out is RTP of the wanted type, in the order of its
// numbers until another sender is followed, and nothing waits past its time. The input is packets, each
// preceded by the milliseconds since the one before and its length in two bytes.
#include "media/rtp_receiver.h"

#include <algorithm>

#include "ott/assert.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static constexpr std::uint8_t kType = 26;
  ott::ByteSpan rest(data, size);
  ott::RtpReceiver receiver(kType);
  ott::Now now{ott::MonoTime(std::chrono::seconds(1)), {}};
  ott::RtpHeader last;
  while (rest.size() >= 3) {
    now.mono += std::chrono::milliseconds(rest[0]);
    const std::size_t bytes = std::min(static_cast<std::size_t>(rest[1] << 8 | rest[2]), rest.size() - 3);
    receiver.push(rest.subspan(3, bytes), now);
    rest = rest.subspan(3 + bytes);
    while (const auto ordered = receiver.next(now.mono)) {
      const auto packet = ott::parse_rtp(ordered->packet);
      OTT_ASSERT(packet && packet->header.payload_type == kType);
      OTT_ASSERT(ordered->arrived.mono <= now.mono);
      if (!ordered->first) {
        OTT_ASSERT(packet->header.ssrc == last.ssrc);
        OTT_ASSERT(static_cast<std::int16_t>(packet->header.sequence - last.sequence) > 0);
      }
      last = packet->header;
      last.extension.reset();
    }
    OTT_ASSERT(receiver.next_deadline() > now.mono);
  }
  return 0;
}
