#include "guest_schedule.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "faulty_overlay.h"

namespace ott::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// The longest time for which a guest that has moved often stays where it is, and some probes.
constexpr Duration kQuiet = seconds(340);

/// How often a guest may move in that time. The pauses between moves, which double, leave room for no more.
constexpr std::size_t kMovesMax = 5;

class GuestSchedule : FaultyOverlay {
 public:
  GuestSchedule(std::uint64_t seed, bool trace) : FaultyOverlay(seed, trace) {
    network_.take_writes_whole();  // or half of the round trips would be late
    first_guest_ = members_.size();
    members_.resize(first_guest_ + 2 + pick(4));
    for (std::size_t i = 0; i < members_.size(); ++i) {
      Member& member = members_[i];
      if (i >= first_guest_) member.address = parse_ip(fmt::format("192.168.7.{}", i)).value();
      member.id = NodeId{member.address};
      member.duty.times = &times_;
      if (i > relays_) member.duty.ledger = &member.ledger;
    }
  }
  ScheduleResult run();

 private:
  [[nodiscard]] bool with_faults() const { return seed_ % 2 == 0; }
  void change_a_way();
  void check_guest(std::size_t index);

  void note_round_trips();
  void note_moves();

  std::size_t first_guest_ = 0;
  std::map<std::size_t, NodeId> at_;                          // the access node of each guest
  std::map<std::size_t, std::size_t> moves_;                  // in the quiet time at the end
  std::map<std::pair<std::size_t, LinkId>, Duration> least_;  // round trips of guests' links in the end
};

/// Between some guests and a node, or all of them.
void GuestSchedule::change_a_way() {
  const std::size_t node = pick(relays_ + 1);
  const Duration latency = between(milliseconds(1), milliseconds(60));
  at_once(fmt::format("the way to {} takes {} ms", node, latency / milliseconds(1)));
  for (std::size_t i = first_guest_; i < members_.size(); ++i) {
    if (pick(3) > 0) network_.set_latency(members_[i].address, members_[node].address, latency);
  }
}

/// Where each guest is, and how often that was another node.
void GuestSchedule::note_moves() {
  for (std::size_t i = first_guest_; i < members_.size(); ++i) {
    for (const PeerLink& link : peer(i)->overlay().links().all()) {
      if (!link.is_access()) continue;
      const auto [at, is_new] = at_.try_emplace(i, link.remote);
      if (std::exchange(at->second, link.remote) != link.remote) ++moves_[i];
    }
  }
}

/// Some are longer, since an answer waits for what is being sent.
void GuestSchedule::note_round_trips() {
  for (std::size_t i = first_guest_; i < members_.size(); ++i) {
    for (const PeerLink& link : peer(i)->overlay().links().all()) {
      if (link.rtt < Duration{}) continue;
      const auto [least, is_new] = least_.try_emplace({i, link.id}, link.rtt);
      least->second = std::min(least->second, link.rtt);
    }
  }
}

void GuestSchedule::check_guest(std::size_t index) {
  const Ledger& ledger = members_[index].ledger;
  result_.frames += ledger.frames;
  result_.lost_with_age += ledger.lost_with_age;
  const std::string guest = fmt::format("guest {}", index);
  for (const std::string& complaint : ledger.complaints) violated(guest + ": " + complaint);
  if (!ledger.last_at || network_.now().mono - *ledger.last_at > seconds(1))
    violated(guest + " gets nothing");
  const std::uint64_t missing = ledger.lost + ledger.lost_as_guest + ledger.lost_with_age;
  if (!with_faults() && missing + ledger.skipped_as_guest > 0)
    violated(fmt::format("{} lost {} frames by a move", guest, missing + ledger.skipped_as_guest));
  std::optional<Duration> own;
  std::optional<Duration> best;
  std::size_t measured = 0;
  for (const PeerLink& link : peer(index)->overlay().links().all()) {
    const auto least = least_.find({index, link.id});
    if (link.is_measured()) ++measured;
    if (least == least_.end()) continue;
    if (link.is_access()) own = least->second;
    if (link.is_measured()) best = std::min(least->second, best.value_or(Duration::max()));
  }
  if (moves_[index] > kMovesMax)
    violated(fmt::format("{} moves {} times although nothing changes", guest, moves_[index]));
  if (measured > 2) violated(fmt::format("{} measures {} nodes", guest, measured));
  if (!own) return violated(guest + " has no access node");
  if (best && *own - *best > std::max<Duration>(milliseconds(3), *own / 5)) {
    violated(fmt::format("{} stays {} us from its access node, and is {} us from another", guest,
                         *own / std::chrono::microseconds(1), *best / std::chrono::microseconds(1)));
  }
}

ScheduleResult GuestSchedule::run() {
  start_all();
  pass(seconds(5));
  for (std::size_t i = 4 + pick(6); i > 0; --i) {
    change_a_way();
    pass(between(seconds(1), seconds(40)));
    if (with_faults() && pick(2) == 0) fault();
  }
  mend();
  for (Duration time{}; time < kQuiet; time += seconds(5)) {
    pass(seconds(5));
    if (time >= seconds(30)) note_moves();
  }
  for (int i = 0; i < 4; ++i) {
    note_round_trips();
    pass(seconds(5));
  }
  note_round_trips();
  for (std::size_t i = first_guest_; i < members_.size(); ++i) check_guest(i);
  return result();
}

}  // namespace

ScheduleResult run_guest_schedule(std::uint64_t seed, bool trace) { return GuestSchedule(seed, trace).run(); }

}  // namespace ott::sim
