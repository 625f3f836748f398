#include "overlay/flap_damper.h"

#include <algorithm>

namespace ott {
namespace {

/// Failures further apart than this are counted as unrelated.
constexpr Duration kMemory = std::chrono::seconds(30);
constexpr Duration kFirstPause = std::chrono::milliseconds(250);
constexpr Duration kLongestPause = std::chrono::seconds(4);

}  // namespace

void FlapDamper::failed(const NodeId& peer, MonoTime now) {
  Record& record = records_[peer];
  if (record.failures > 0 && now - record.last > kMemory) record.failures = 0;
  ++record.failures;
  record.last = now;
  Duration pause{};
  for (unsigned i = 1; i < record.failures; ++i)
    pause = std::min(std::max(kFirstPause, 2 * pause), kLongestPause);
  record.usable_at = now + pause;
}

MonoTime FlapDamper::usable_at(const NodeId& peer, MonoTime now) const {
  const auto found = records_.find(peer);
  return found == records_.end() || found->second.usable_at <= now ? MonoTime::max()
                                                                   : found->second.usable_at;
}

}  // namespace ott
