#include "overlay/rivals.h"

#include <fmt/format.h>

namespace ott {
namespace {

/// How many nodes are called on, the neighbours first.
constexpr std::size_t kCallsMax = 256;
constexpr Duration kLookInterval = std::chrono::seconds(2);
constexpr std::size_t kWarnedOfMax = 64;

}  // namespace

void Rivals::begin(Now now) {
  const Topology& topology = *state_.config.topology;
  std::vector<NodeId> nodes;
  for (const Topology::Neighbour& neighbour : topology.find(state_.self)->neighbours)
    nodes.push_back(neighbour.id);
  for (const Topology::Node& node : topology.nodes) {
    if (nodes.size() >= kCallsMax) break;
    if (node.id != state_.self && !neighbours_.contains(node.id)) nodes.push_back(node.id);
  }
  nodes.resize(std::min(nodes.size(), kCallsMax));
  for (const NodeId& id : nodes) state_.connect(Purpose::Inquiry, id, now).relation = Relation::Guest;
}

std::string Rivals::two_of_them(const NodeId& other) const {
  return fmt::format("{} is a bootstrapper of this overlay, too, beside this process, {}",
                     neighbours_.describe(other), neighbours_.describe(state_.self));
}

void Rivals::on_speers(PeerLink& link, const Speers& message) {
  if (message.greeting.kind == PeerKind::Bootstrap) {
    warned_of_.insert(link.remote);
    if (message.greeting.incarnation < state_.config.incarnation) {
      state_.quit(
          fmt::format("{}, and was there before: start this one with --role node --bootstrap {}, or stop "
                      "that one first",
                      two_of_them(link.remote), to_string(link.remote)));
    } else {
      state_.log.warning(two_of_them(link.remote) + ", and was started later: one of the two must go");
    }
  }
  state_.links.close(link, ByeReason::NotNeeded, "only a look for another bootstrapper");
}

void Rivals::tick(Now now) {
  if (!state_.config.topology || now.mono < look_at_) return;
  look_at_ = now.mono + kLookInterval;
  for (const auto& [reporter, known] : state_.db.all()) {
    if (known.kind != PeerKind::Bootstrap || reporter == state_.self || warned_of_.size() >= kWarnedOfMax)
      continue;
    if (!state_.db.reaches(state_.self, reporter) || !warned_of_.insert(reporter).second) continue;
    state_.log.warning(two_of_them(reporter) + ": one of the two must go");
  }
}

}  // namespace ott
