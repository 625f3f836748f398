// Whom a node that finds its neighbours itself may call, apart from those that it reaches by the overlay: the
// addresses that it was given (--join, --discover), those that others have named, and former members. And
// when whoever did not answer, or has no room, is called again. Owned by Joining.
//
// Nothing here is believed: an address that others name costs a few calls with growing pauses, and is
// forgotten. Both tables have a bound.
#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <random>
#include <vector>

#include "ott/time.h"
#include "ott/types.h"

namespace ott {

class Acquaintances {
 public:
  struct Limits {
    std::size_t named = 256;
    std::size_t former = 1'024;
    std::size_t pauses = 1'024;
  };
  explicit Acquaintances(Limits limits) : limits_(limits) {}

  /// An address to begin with, for good.
  void give(const NodeId& at) { known_[at].given = true; }
  /// A peer has named this node.
  void name(const NodeId& id);
  /// A node that was reached by the overlay is so no more.
  void lose(const NodeId& id, Now now);
  /// The node is reached by the overlay: it needs no call.
  void found(const NodeId& id);
  /// The node at this address has this id.
  void met(const NodeId& at, const NodeId& id, Now now);
  /// The address is this process's own.
  void forget(const NodeId& at) { known_.erase(at); }
  /// Nobody answered there.
  void failed(const NodeId& at, std::mt19937_64& random, Now now);

  /// Whether this address may be called now.
  [[nodiscard]] bool may_call(const NodeId& at, Now now) const;
  /// Not to be called for a while: for `first`, and twice as long each time, up to `longest`.
  void pause(const NodeId& at, Duration first, Duration longest, std::mt19937_64& random, Now now);

  /// Those that may be called now and that `reached` does not name, in random order.
  template <class Reached>
  [[nodiscard]] std::vector<NodeId> due(const Reached& reached, std::mt19937_64& random, Now now) const {
    std::vector<NodeId> due;
    for (const auto& [at, known] : known_) {
      if (may_call(at, now) && !reached(known.id.value_or(at))) due.push_back(at);
    }
    std::shuffle(due.begin(), due.end(), random);
    return due;
  }
  /// The soonest end of a pause of those that are known.
  [[nodiscard]] MonoTime next_due() const;
  [[nodiscard]] std::vector<NodeId> all() const;
  /// How long ago the last member was lost; none if none is missed.
  [[nodiscard]] std::optional<Duration> lost_since(Now now) const;
  [[nodiscard]] bool empty() const { return known_.empty(); }

  /// Forgets former members after an hour, and pauses that are long over.
  void tick(Now now);

 private:
  struct Known {
    bool given = false;
    std::optional<MonoTime> lost_at;  // a former member
    std::optional<NodeId> id;         // of who is there, where that is known
    unsigned failures = 0;
  };
  struct Pause {
    MonoTime until{};
    Duration length{};
  };

  Limits limits_;
  std::map<NodeId, Known> known_;  // by the address that is called
  std::map<NodeId, Pause> pauses_;
};

}  // namespace ott
