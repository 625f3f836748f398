#include "overlay/discovery.h"

#include <algorithm>
#include <array>

#include "ott/bytes.h"
#include "ott/message.h"

namespace ott {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::array<std::uint8_t, 4> kMagic = {'O', 'T', 'T', 'D'};
constexpr std::uint8_t kVersion = 1;
constexpr std::uint8_t kAsks = 1;

/// Pauses between hellos: they double, a quarter more or less by chance.
constexpr Duration kPauseFirst = milliseconds(500);
constexpr Duration kPauseLongest = seconds(30);
/// How long an answer waits, so that not all say it at once; and how many answers by others are enough.
constexpr Duration kAnswerWithin = milliseconds(250);
constexpr unsigned kAnswersEnough = 3;

Duration jittered(Duration pause, std::mt19937_64& random) {
  std::uniform_int_distribution<Duration::rep> jitter(-pause.count() / 4, pause.count() / 4);
  return pause + Duration(jitter(random));
}

}  // namespace

bool is_loopback(const IpAddress& address) {
  if (address.is_v4()) return address.bytes[12] == 127;
  constexpr IpAddress kLoopback{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};
  return address == kLoopback;
}

std::vector<std::uint8_t> encode(const DiscoveryHello& hello) {
  std::vector<std::uint8_t> datagram(kMagic.begin(), kMagic.end());
  Writer out(datagram);
  out.u8(kVersion);
  out.u8(hello.asks ? kAsks : 0);
  out.node_id(hello.id);
  out.u64(hello.incarnation);
  out.text(hello.overlay);
  return datagram;
}

std::optional<DiscoveryHello> decode_discovery(ByteSpan datagram) {
  if (datagram.size() > kDiscoveryBytesMax) return std::nullopt;
  Reader in(datagram);
  for (const std::uint8_t byte : kMagic) {
    if (in.u8() != byte) return std::nullopt;
  }
  if (in.u8() != kVersion) return std::nullopt;
  DiscoveryHello hello;
  const std::uint8_t flags = in.u8();
  hello.asks = flags == kAsks;
  hello.id = in.node_id();
  hello.incarnation = in.u64();
  hello.overlay = in.text();
  const bool callable = !hello.id.address.is_unspecified();
  if (!in.ok() || flags > kAsks || hello.overlay.empty() || hello.overlay.size() > kOverlayNameBytesMax ||
      (callable && hello.id.port == 0)) {
    return std::nullopt;
  }
  return hello;
}

Discovery::Discovery(std::string overlay, std::uint64_t incarnation, std::uint64_t seed, const Limits& limits,
                     LimitCounters& counters)
    : overlay_(std::move(overlay)),
      incarnation_(incarnation),
      random_(seed),
      limits_(limits),
      counters_(counters) {}

std::optional<NodeId> Discovery::on_datagram(ByteSpan datagram, const IpAddress& from, Now now) {
  if (!hellos_in_.take(limits_.hellos_per_s, limits_.burst_s, now.mono)) {
    ++counters_.hellos_dropped;
    return std::nullopt;
  }
  const auto hello = decode_discovery(datagram);
  if (!hello || hello->overlay != overlay_ || hello->incarnation == incarnation_) return std::nullopt;
  if (hello->asks) {
    const Duration wait = kAnswerWithin / 4 + jittered(kAnswerWithin / 2, random_);
    if (answer_at_ == MonoTime::max()) answered_ = 0;
    answer_at_ = std::min(answer_at_, now.mono + wait);
  } else {
    ++answered_;
  }
  if (hello->id.address.is_unspecified()) return std::nullopt;
  // A loopback address means another host's own, unless it has come from this host.
  if (is_loopback(hello->id.address) && !is_loopback(from)) return std::nullopt;
  return hello->id;
}

std::optional<DiscoveryHello> Discovery::due(const Self& self, Now now) {
  if (std::exchange(had_neighbours_, self.has_neighbours) && !self.has_neighbours) {
    pause_ = {};  // all are gone: it asks as at its start
    hello_at_ = std::min(hello_at_, now.mono + jittered(kPauseFirst, random_));
  }
  if (now.mono < next_deadline()) return std::nullopt;
  const bool answers = now.mono < hello_at_;
  answer_at_ = MonoTime::max();
  if (answers && (answered_ >= kAnswersEnough || !self.id)) return std::nullopt;
  if (!answers) {
    pause_ = pause_ == Duration{} ? kPauseFirst : std::min(pause_ * 2, kPauseLongest);
    hello_at_ = now.mono + jittered(pause_, random_);
  }
  return DiscoveryHello{!self.has_neighbours, self.id.value_or(NodeId{{}, 0}), incarnation_, overlay_};
}

}  // namespace ott
