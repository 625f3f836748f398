// Who receives the packets of one sender, as far as their reports say (RFC 3550, section 6.4.2). Anybody can
// send reports, so what is kept is bounded, and only figures come of them.
#pragma once

#include <algorithm>
#include <map>

#include "media/rtcp.h"
#include "ott/time.h"

namespace ott {

class ReceiverReports {
 public:
  static constexpr std::size_t kReceiversMax = 256;
  /// A receiver of which nothing is heard for so long has gone; it reports each five seconds or so.
  static constexpr Duration kForgetAfter = std::chrono::seconds(30);

  /// Notes what the packet says of the sender `ssrc`; false: nothing.
  bool take(const RtcpPacket& packet, std::uint32_t ssrc, Now now) {
    forget(now);
    if (std::ranges::count(packet.byes, packet.ssrc) > 0) receivers_.erase(packet.ssrc);
    const auto report = std::ranges::find(packet.reports, ssrc, &RtcpReport::ssrc);
    if (report == packet.reports.end()) return false;
    if (receivers_.size() == kReceiversMax && !receivers_.contains(packet.ssrc)) return true;
    receivers_[packet.ssrc] = {now.mono, report->fraction_lost};
    return true;
  }

  [[nodiscard]] std::size_t count(Now now) const {
    return static_cast<std::size_t>(
        std::ranges::count_if(receivers_, [&](const auto& one) { return is_there(one.second, now); }));
  }
  /// The share of packets that the receiver which has lost most has not got, in per cent.
  [[nodiscard]] unsigned lost_percent_most(Now now) const {
    unsigned most = 0;
    for (const auto& [ssrc, one] : receivers_) {
      if (is_there(one, now)) most = std::max(most, one.fraction_lost * 100U / 256U);
    }
    return most;
  }

 private:
  struct Receiver {
    MonoTime heard{};
    std::uint8_t fraction_lost = 0;
  };
  static bool is_there(const Receiver& one, Now now) { return now.mono - one.heard < kForgetAfter; }
  void forget(Now now) {
    std::erase_if(receivers_, [&](const auto& one) { return !is_there(one.second, now); });
  }

  std::map<std::uint32_t, Receiver> receivers_;  // by their SSRC
};

}  // namespace ott
