// What comes as a datagram of --discover.
#include "overlay/discovery.h"

#include "ott/assert.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ott::ByteSpan bytes(data, size);
  const auto hello = ott::decode_discovery(bytes);
  if (hello) OTT_ASSERT(ott::decode_discovery(ott::encode(*hello)) == hello);
  const ott::Limits limits;
  ott::LimitCounters counters;
  ott::Discovery discovery("ott", 1, 1, limits, counters);
  const ott::Now now{ott::MonoTime(std::chrono::seconds(1000)), ott::WallTime(std::chrono::seconds(1000))};
  discovery.begin(now);
  (void)discovery.on_datagram(bytes, ott::IpAddress{}, now);
  (void)discovery.due({std::nullopt, false}, now);
  return 0;
}
