// Any bytes as an RTCP packet: one that is read is the same when it is written and read again.
#include "media/rtcp.h"

#include "ott/assert.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto packet = ott::parse_rtcp({data, size});
  if (!packet) {
    OTT_ASSERT(!packet.error().message.empty());
    return 0;
  }
  if (packet->cname.empty()) packet->cname = "none";
  if (packet->reports.size() > ott::RtcpPacket::kReportsMax)
    packet->reports.resize(ott::RtcpPacket::kReportsMax);
  if (packet->byes.size() > ott::RtcpPacket::kReportsMax) packet->byes.resize(ott::RtcpPacket::kReportsMax);
  if (packet->byes.empty()) packet->bye_reason.clear();
  const auto again = ott::parse_rtcp(ott::write_rtcp(*packet));
  OTT_ASSERT(again && *again == *packet);
  return 0;
}
