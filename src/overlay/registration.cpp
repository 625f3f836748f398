#include "overlay/registration.h"

#include <fmt/format.h>

#include <algorithm>

#include "ott/text.h"

namespace ott {
namespace {

constexpr Retry::Pauses kPauses = {std::chrono::milliseconds(250), std::chrono::seconds(5)};
/// How often BYE 3 is answered by another try before the process ends: after a restart, the connection of its
/// former run may still be there.
constexpr unsigned kRefusalsMax = 5;

}  // namespace

void Registration::found(std::vector<NodeId> addresses, Now now) {
  // A process with an address of its own cannot connect from it to one of the other family.
  if (const auto& id = state_.config.id) {
    std::stable_partition(
        addresses.begin(), addresses.end(),
        [v4 = id->address.is_v4()](const NodeId& address) { return address.address.is_v4() == v4; });
  }
  const bool first = addresses_.empty();
  addresses_ = std::move(addresses);
  state_.config.bootstrap = addresses_.front();
  if (first) connect(now);
}

/// Goes on to the next address of the bootstrapper's host; false when all have been tried and a pause is due.
bool Registration::take_next_address() {
  if (addresses_.size() < 2) return false;
  std::rotate(addresses_.begin(), addresses_.begin() + 1, addresses_.end());
  state_.config.bootstrap = addresses_.front();
  if (++tried_ < addresses_.size()) return true;
  tried_ = 0;
  return false;
}

void Registration::connect(Now now) {
  const auto from = told_ ? std::optional(told_->address) : std::nullopt;
  current_ = state_.connect(Purpose::Registration, *state_.config.bootstrap, now, from).id;
}

std::vector<NodeId> Registration::ids(const PeerLink& link) const {
  if (state_.self_known) return {state_.self};
  if (state_.config.id) return {*state_.config.id};
  if (told_) return {*told_};
  std::vector<NodeId> ids = {{link.local.address, 0}};
  for (const IpAddress& address : state_.config.local_addresses) {
    if (address != link.local.address && ids.size() < kAckIdsMax) ids.push_back({address, 0});
  }
  return ids;
}

bool Registration::on_speers(PeerLink& link, const Speers& message, Now now) {
  if (message.greeting.kind != PeerKind::Bootstrap) {
    state_.quit(fmt::format("{} is a node, not the bootstrapper: give --bootstrap the bootstrapper's address",
                            to_string(link.remote)));
    return false;
  }
  if (message.you.port == 0 && state_.config.join) {
    state_.links.close(link, ByeReason::NotNeeded, "this process finds its neighbours itself");
    retry_.schedule({kPauses.longest, kPauses.longest}, state_.random, now);
    return false;
  }
  if (message.you.port == 0) {
    state_.log.info(fmt::format("not in the topology: a guest; {} offered",
                                counted(message.peers.size(), "access node")));
    current_.reset();
    state_.links.close(link, ByeReason::NotNeeded, "thanks");
    retry_.succeeded();
    trouble_.clear();
    complained_ = false;
    return true;
  }
  const bool knew_its_id = state_.self_known || state_.config.id || told_;
  const bool comes_from_it = message.you.address == link.local.address ||
                             std::ranges::any_of(message.addresses, [&link](const NodeId& address) {
                               return address.address == link.local.address;
                             });
  if (!knew_its_id && !comes_from_it) {
    connect_as(message.you, link, now);
  } else {
    take_place(link, message, now);
  }
  return false;
}

/// The bootstrapper believes an id only from its own address, and the system took another address of this
/// host. Connects from the id's own address.
void Registration::connect_as(const NodeId& id, PeerLink& link, Now now) {
  state_.log.info(fmt::format("this is {}; connecting to the bootstrapper from that address, not from {}",
                              to_string(id), to_string(link.local.address)));
  told_ = id;
  state_.links.close(link, ByeReason::NotNeeded, "connecting again from the address of the id");
  connect(now);
}

void Registration::take_place(PeerLink& link, const Speers& message, Now now) {
  state_.bootstrapper = message.me;
  state_.further = message.addresses;
  neighbours_.set(message.peers, now);
  link.relation = neighbours_.contains(message.me) ? Relation::Neighbour : Relation::Control;
  link.handshake.on(HandshakeEvent::PeersReceived);
  state_.links.send(link, FinalAck{link.relation});
  if (!state_.self_known) {
    state_.self = message.you;
    state_.self_known = true;
    state_.log.info(
        fmt::format("this is {}, with {}", to_string(state_.self), counted(neighbours_.size(), "neighbour")));
  }
  state_.listen();
  neighbours_.connect(now);
}

void Registration::on_place(PeerLink&, const Place& message, Now now) {
  state_.further = message.addresses;
  neighbours_.set(message.peers, now);
  state_.log.info(fmt::format("the topology has changed: {}", counted(neighbours_.size(), "neighbour")));
  state_.listen();
  neighbours_.connect(now);
}

void Registration::on_connected() {
  retry_.succeeded();
  trouble_.clear();
  complained_ = false;
  refusals_ = 0;
}

PeerLink* Registration::control_link() const {
  PeerLink* link = current_ ? state_.links.find(*current_) : nullptr;
  const bool there = link != nullptr && !link->closing && link->handshake.state() == HandshakeState::Offline;
  return there ? link : nullptr;
}

bool Registration::on_closed(const PeerLink& link, std::string_view why, Now now) {
  if (current_ != link.id) return false;
  current_.reset();
  told_.reset();
  // The two were neighbours, and are no more, or the other way round.
  const ByeReason reason =
      link.peer_bye ? link.peer_bye->reason : link.closed_for.value_or(ByeReason::Silent);
  if (link.up && (reason == ByeReason::NotNeeded || reason == ByeReason::NotNeighbour)) return true;
  const std::string where = to_string(link.remote);
  if (link.peer_bye) {
    switch (link.peer_bye->reason) {
      case ByeReason::Duplicate:
        if (++refusals_ < kRefusalsMax) break;
        [[fallthrough]];
      case ByeReason::NotInTopology:
        if (state_.config.join && link.peer_bye->reason == ByeReason::NotInTopology) {
          if (!std::exchange(complained_, true))
            state_.log.info(
                "the bootstrapper's topology has no place for this process: it finds its neighbours itself");
          neighbours_.set({}, now);
          retry_.schedule({kPauses.longest, kPauses.longest}, state_.random, now);
          return false;
        }
        if (link.up) {
          state_.dismissal = fmt::format("let go by the bootstrapper: {}", link.peer_bye->text);
          return false;
        }
        [[fallthrough]];
      case ByeReason::Ambiguous:
      case ByeReason::WrongAddress:
        state_.quit(fmt::format("refused by the bootstrapper: {}", link.peer_bye->text));
        return false;
      case ByeReason::NotNeighbour:
        state_.quit(fmt::format(
            "{} is a node, not the bootstrapper: give --bootstrap the bootstrapper's address", where));
        return false;
      default:
        break;
    }
  }
  if (!link.peer_bye) next_at_once_ = take_next_address();
  if (next_at_once_) return true;
  const std::string there = link.remote.port == kDefaultPort ? where + ":7000" : where;
  const bool answered = link.peer_bye && !link.handshake.over();
  trouble_ = answered ? fmt::format("the bootstrapper at {} says: {}", there, link.peer_bye->text)
                      : fmt::format("no bootstrapper at {} ({})", there, why);
  if (complained_) return true;
  complained_ = true;
  state_.log.warning(trouble_ + (answered ? "; trying again"
                                          : "; trying again until it is there. Check that `ottd --role "
                                            "bootstrap` runs there and that address and port are right"));
  return true;
}

void Registration::try_later(Now now) {
  if (std::exchange(next_at_once_, false)) return connect(now);
  retry_.schedule(kPauses, state_.random, now);
}

void Registration::tick(Now now) {
  if (retry_.take_due(now)) connect(now);
}

}  // namespace ott
