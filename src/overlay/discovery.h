// --discover: finds processes of the same overlay on the links of this host, without a word of configuration.
// Each says hello at its start, and then more and more rarely. Who hears a hello of one that asks says its
// own soon, unless some others have. Decides when to say what, and whom a hello is about; what is heard are
// addresses to call, and nothing else (joining.h). Sans-IO.
#pragma once

#include <optional>
#include <random>
#include <string>
#include <vector>

#include "ott/types.h"
#include "overlay/limits.h"

namespace ott {

/// What a datagram says (PROTOCOL.md, "Discovery").
struct DiscoveryHello {
  bool asks = false;  // the sender has no neighbour yet
  NodeId id;          // where it can be called; no address: nowhere
  std::uint64_t incarnation = 0;
  std::string overlay;

  bool operator==(const DiscoveryHello&) const = default;
};
inline constexpr std::size_t kDiscoveryBytesMax = 128;
std::vector<std::uint8_t> encode(const DiscoveryHello& hello);
/// Nothing if it is no hello of this version.
std::optional<DiscoveryHello> decode_discovery(ByteSpan datagram);

bool is_loopback(const IpAddress& address);

class Discovery {
 public:
  struct Self {
    std::optional<NodeId> id;  // where this process listens, if it does and others may call it
    bool has_neighbours = false;
  };

  Discovery(std::string overlay, std::uint64_t incarnation, std::uint64_t seed, const Limits& limits,
            LimitCounters& counters);

  void begin(Now now) { hello_at_ = now.mono; }
  /// The address of a process to call, if the datagram is about one of this overlay.
  std::optional<NodeId> on_datagram(ByteSpan datagram, const IpAddress& from, Now now);
  [[nodiscard]] MonoTime next_deadline() const { return std::min(hello_at_, answer_at_); }
  /// The hello that is due now, if one is.
  std::optional<DiscoveryHello> due(const Self& self, Now now);

 private:
  std::string overlay_;
  std::uint64_t incarnation_;
  std::mt19937_64 random_;
  const Limits& limits_;
  LimitCounters& counters_;
  RateLimit hellos_in_;
  MonoTime hello_at_ = MonoTime::max();
  Duration pause_{};
  MonoTime answer_at_ = MonoTime::max();
  unsigned answered_ = 0;  // by others, since somebody has asked
  bool had_neighbours_ = false;
};

}  // namespace ott
