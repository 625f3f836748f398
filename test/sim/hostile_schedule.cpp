#include "hostile_schedule.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdio>

#include "faulty_overlay.h"
#include "hostile.h"

namespace ott::sim {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Duration kStartUp = seconds(3);
constexpr Duration kMending = seconds(12);
constexpr Duration kRecovery = seconds(5);
/// Link states of nodes that cannot be reached are kept for half a minute.
constexpr Duration kForgetting = seconds(34);
constexpr Duration kLookInterval = milliseconds(50);
/// A counter stays far below this in a schedule, and one that has wrapped is far above.
constexpr std::uint64_t kCountMax = std::uint64_t{1} << 40U;
/// How much a process may log in a schedule, which is about a minute.
constexpr std::size_t kLogBytesMax = 1U << 20U;
/// A link that was complained of is taken again after a while: one more change of parents, and half a second
/// of frames from both.
constexpr std::uint64_t kTwiceMax = 10;
/// STREAMS and the rest of a record do not count towards the limit of an outbox.
constexpr std::size_t kOutboxSlack = 64U << 10U;

class HostileSchedule : FaultyOverlay {
 public:
  HostileSchedule(std::uint64_t seed, bool trace);
  ScheduleResult run();

 private:
  void prepare(std::size_t index, OverlayConfig& config) override;
  void set_clocks();
  void clock_jumps();

  void choose_hostile();
  void node_turns_hostile(std::size_t index);
  void guest_comes();
  void set_active(bool active);
  void all_leave();
  void pass_and_look(Duration duration);

  [[nodiscard]] std::vector<std::size_t> served_viewers(bool returned_too);
  void check_bounds();
  void check_bounds(std::size_t index, const PeerLink& link);
  void check_count(std::size_t index, std::string_view name, std::uint64_t count);
  void check_viewers(const std::vector<std::size_t>& viewers, const char* when);
  void check_ledgers(const std::vector<std::size_t>& viewers);
  void check_all_is_forgotten();

  Limits limits_;
  std::vector<Duration> clocks_;
  std::vector<IpAddress> hostile_;  // addresses where such a process runs now
  std::set<std::size_t> suspects_;  // members that are, or have been, hostile
  std::optional<std::string> lie_believed_;
};

HostileSchedule::HostileSchedule(std::uint64_t seed, bool trace) : FaultyOverlay(seed, trace) {
  if (pick(2) == 0) return;
  // Limits that a single peer can reach within seconds. Honest members stay below them.
  limits_.handshakes = 24;
  limits_.guests = 6;
  limits_.guest_outbox_bytes = 8U << 10U;
  limits_.outbox_bytes = 256U << 10U;
  limits_.link_states = 40;
  limits_.link_state_bytes = 256U << 10U;
  limits_.watches_per_guest = 2;
  limits_.flows = 3;
}

// ---- clocks ----------------------------------------------------------------------------------------------

/// All wall clocks are wrong: by hours, days, decades. Some are before 1970.
void HostileSchedule::set_clocks() {
  const std::array<Duration, 6> eras = {hours(24 * 365 * 56),  hours(24 * 365 * 56),
                                        hours(24 * 365 * 56),  hours(24),
                                        -hours(24 * 365 * 30), hours(24 * 365 * 200)};
  clocks_.resize(members_.size());
  for (std::size_t i = 0; i < members_.size(); ++i) {
    clocks_[i] = eras[pick(eras.size())] + between(-hours(72), hours(72));
    network_.set_clock(members_[i].address, clocks_[i]);
  }
}

/// A clock jumps as the process runs, or while it is restarted: then its new incarnation is the lower one.
void HostileSchedule::clock_jumps() {
  const std::array<Duration, 5> jumps = {-hours(1), -hours(24), hours(24), -seconds(3), hours(1)};
  const std::size_t index = pick(members_.size());
  if (members_[index].hostile) return;
  const Duration before = clocks_[index];
  clocks_[index] += jumps[pick(jumps.size())] + between(-milliseconds(1), milliseconds(1));
  at_once(fmt::format("the clock of {} is set {} s ahead of what it was", index,
                      (clocks_[index] - before) / seconds(1)));
  network_.set_clock(members_[index].address, clocks_[index]);
  if (pick(3) != 0 && members_[index].running) {
    at_once(fmt::format("{} dies", index));
    stop_running(index, false);
    restart_later(index);
  }
  if (pick(2) == 0) return;
  after(between(milliseconds(100), seconds(2)), [this, index, before] {
    clocks_[index] = before + between(Duration{}, milliseconds(1));
    network_.set_clock(members_[index].address, clocks_[index]);
  });
}

/// The incarnation is the host's time in ns since the epoch, as in the program.
void HostileSchedule::prepare(std::size_t index, OverlayConfig& config) {
  config.incarnation =
      static_cast<std::uint64_t>(network_.now_at(members_[index].address).wall.time_since_epoch().count());
  config.limits = limits_;
}

// ---- hostile peers ---------------------------------------------------------------------------------------

/// Any relay or viewer. The origin and the bootstrapper stay honest: without them no viewer could be served.
void HostileSchedule::choose_hostile() {
  const auto at_some_time = [this] { return between(Duration{}, seconds(1)); };
  const std::uint64_t nodes = pick(4) == 0 ? 0 : 1 + pick(2);
  for (std::uint64_t i = 0; i < nodes; ++i) {
    const std::size_t index = 1 + pick(members_.size() - 1);
    if (index == origin_) continue;
    suspects_.insert(index);
    after(at_some_time(), [this, index] { node_turns_hostile(index); });
  }
  for (std::uint64_t i = suspects_.empty() ? 1 + pick(2) : pick(2); i > 0; --i)
    after(at_some_time(), [this] { guest_comes(); });
}

void HostileSchedule::node_turns_hostile(std::size_t index) {
  Member& member = members_[index];
  if (member.hostile) return;
  stop_running(index, false);
  member.running = member.hostile = true;
  HostileOptions options;
  options.seed = network_.random()();
  options.incarnation =
      static_cast<std::uint64_t>(network_.now_at(member.address).wall.time_since_epoch().count());
  options.id = member.id;
  options.bootstrap = members_[0].id;
  options.messages_per_s = static_cast<unsigned>(20 + pick(400));
  auto machine = std::make_unique<Hostile>(options);
  at_once(fmt::format("{} is hostile: {}", index, machine->summary()));
  network_.start(member.address, std::move(machine));
  hostile_.push_back(member.address);
}

void HostileSchedule::guest_comes() {
  HostileOptions options;
  options.seed = network_.random()();
  options.incarnation = options.seed;
  options.id = NodeId{parse_ip(fmt::format("10.9.0.{}", 1 + hostile_.size())).value()};
  for (std::uint64_t i = 1 + pick(3); i > 0; --i) {
    const NodeId& access = members_[pick(members_.size())].id;
    if (std::ranges::find(options.access, access) == options.access.end()) options.access.push_back(access);
  }
  options.messages_per_s = static_cast<unsigned>(20 + pick(400));
  auto machine = std::make_unique<Hostile>(options);
  at_once(fmt::format("a hostile guest comes to {} nodes: {}", options.access.size(), machine->summary()));
  network_.start(options.id.address, std::move(machine));
  hostile_.push_back(options.id.address);
}

void HostileSchedule::set_active(bool active) {
  at_once(active ? "hostile peers begin again" : "hostile peers are quiet");
  for (const IpAddress& address : hostile_) {
    if (Machine* machine = network_.machine(address)) static_cast<Hostile*>(machine)->set_active(active);
  }
}

void HostileSchedule::all_leave() {
  at_once("all hostile peers are gone");
  for (const IpAddress& address : hostile_) network_.kill(address);
  hostile_.clear();
  for (const std::size_t index : suspects_) {
    members_[index].running = members_[index].hostile = false;
    if (pick(2) == 0) continue;
    after(between(Duration{}, seconds(3)), [this, index] {
      at_once(fmt::format("{} starts again", index));
      start(index);
    });
  }
}

void HostileSchedule::pass_and_look(Duration duration) {
  const MonoTime end = network_.now().mono + duration;
  while (network_.now().mono < end) {
    pass(std::min<Duration>(kLookInterval, end - network_.now().mono));
    check_bounds();
  }
}

// ---- invariants ------------------------------------------------------------------------------------------

/// Viewers that have a path to the origin over members that were never hostile, or over all that run now.
std::vector<std::size_t> HostileSchedule::served_viewers(bool returned_too) {
  std::vector<std::size_t> reached = returned_too ? reached_from_origin() : reached_from_origin(suspects_);
  std::erase_if(reached, [this](std::size_t i) { return !is_viewer(i); });
  return reached;
}

void HostileSchedule::check_count(std::size_t index, std::string_view name, std::uint64_t count) {
  if (count > kCountMax) violated(fmt::format("{}: {} is {}", index, name, count));
}

void HostileSchedule::check_bounds(std::size_t index, const PeerLink& link) {
  const std::size_t waiting = link.outbox.size() - link.outbox_sent;
  const bool guest = link.is_guest();
  if (waiting > (guest ? limits_.guest_outbox_bytes : limits_.outbox_bytes) + kOutboxSlack)
    violated(fmt::format("{}: {} bytes of control wait for {}", index, waiting, link.name()));
  const std::size_t partial_max =
      kHeaderBytes + (guest || !link.handshake.over() ? limits_.guest_message_bytes : kBodyBytesMax);
  if (link.partial.size() > partial_max)
    violated(
        fmt::format("{}: {} bytes of a message of {} are kept", index, link.partial.size(), link.name()));
  check_count(index, "bytes_in", link.bytes_in);
  check_count(index, "bytes_out", link.bytes_out);
  check_count(index, "frames_in", link.frames_in);
  check_count(index, "frames_out", link.frames_out);
  check_count(index, "frames_skipped", link.frames_skipped);
  check_count(index, "flows_in", link.flows_in);
  if (link.rtt > hours(1) && !lie_believed_)
    lie_believed_ = fmt::format("{}: a round trip of {} s", index, link.rtt / seconds(1));
}

void HostileSchedule::check_bounds() {
  for (std::size_t i = 0; i < members_.size(); ++i) {
    Peer* process = peer(i);
    if (process == nullptr) continue;
    Overlay& overlay = process->overlay();
    std::size_t handshakes = 0;
    std::size_t guests = 0;
    for (const PeerLink& link : overlay.links().all()) {
      if (!link.closing && !link.handshake.over() && !link.outgoing()) ++handshakes;
      if (link.is_guest()) ++guests;
      check_bounds(i, link);
    }
    if (handshakes > limits_.handshakes) violated(fmt::format("{}: {} open handshakes", i, handshakes));
    if (guests > limits_.guests) violated(fmt::format("{}: {} guests", i, guests));
    if (overlay.flows().all().size() > limits_.flows)
      violated(fmt::format("{}: {} flows", i, overlay.flows().all().size()));
    const auto& states = overlay.link_states().all();
    if (states.size() > limits_.link_states) violated(fmt::format("{}: {} link states", i, states.size()));
    std::size_t bytes = 0;
    for (const auto& [reporter, state] : states) {
      bytes += state.links.size() * sizeof(Adjacency);
      for (const StreamInfo& info : state.streams) bytes += info.name.size() + info.kind.size() + sizeof info;
    }
    if (bytes > limits_.link_state_bytes) violated(fmt::format("{}: {} bytes of link states", i, bytes));
    for (const LimitCounterName& counter : kLimitCounters)
      check_count(i, counter.name, overlay.counters().*counter.counter);
    if (members_[i].log->bytes() > kLogBytesMax)
      violated(fmt::format("{}: its log has {} bytes", i, members_[i].log->bytes()));
  }
}

void HostileSchedule::check_viewers(const std::vector<std::size_t>& viewers, const char* when) {
  const MonoTime now = network_.now().mono;
  for (const std::size_t i : viewers) {
    const Ledger& ledger = members_[i].ledger;
    if (!ledger.last_at || now - *ledger.last_at > seconds(1))
      violated(fmt::format("viewer {} gets nothing {}", i, when));
  }
}

void HostileSchedule::check_ledgers(const std::vector<std::size_t>& viewers) {
  for (const std::size_t i : viewers) {
    const Ledger& ledger = members_[i].ledger;
    for (const std::string& complaint : ledger.complaints)
      violated(fmt::format("viewer {}: {}, after the recovery", i, complaint));
    if (ledger.lost > 0) violated(fmt::format("viewer {} lost {} frames after the recovery", i, ledger.lost));
    if (ledger.skipped > 0)
      violated(fmt::format("viewer {} was skipped {} frames after the recovery", i, ledger.skipped));
  }
}

void HostileSchedule::check_all_is_forgotten() {
  pass(kForgetting);
  for (const NodeId& watcher : peer(origin_)->overlay().origin().watchers())
    violated(fmt::format("the origin still counts {} as a watcher, which is long gone", to_string(watcher)));
  for (std::size_t i = 0; i < members_.size(); ++i) {
    Peer* process = peer(i);
    if (process == nullptr) continue;
    for (const auto& [reporter, state] : process->overlay().link_states().all()) {
      const bool there = std::ranges::any_of(
          members_, [&id = reporter](const Member& member) { return member.running && member.id == id; });
      if (!there) violated(fmt::format("{} still has a link state of {}", i, to_string(reporter)));
    }
    for (const PeerLink& link : process->overlay().links().all()) {
      const bool member = std::ranges::any_of(members_, [&](const Member& other) {
        return other.running && other.address == link.remote.address;  // its neighbours did not come back
      });
      if (link.is_guest() && !member) violated(fmt::format("{} still has the guest {}", i, link.name()));
    }
  }
}

// ---- the run ---------------------------------------------------------------------------------------------

ScheduleResult HostileSchedule::run() {
  set_clocks();
  start_all();
  pass(kStartUp);
  choose_hostile();
  if (pick(2) == 0) {
    pass_and_look(between(seconds(1), seconds(4)));
  } else {
    for (std::size_t i = 1 + pick(5); i > 0; --i) {
      if (pick(2) == 0) {
        clock_jumps();
      } else {
        fault();
      }
      pass_and_look(between(milliseconds(1), milliseconds(1'000)));
    }
    // Faults end while hostile peers are connected, but send only hellos.
    pass_and_look(seconds(1));
    set_active(false);
    mend();
    pass(kMending);
    set_active(true);
    pass_and_look(between(milliseconds(500), seconds(2)));
  }
  all_leave();
  pass_and_look(kRecovery);
  const std::vector<std::size_t> viewers = served_viewers(false);
  check_viewers(viewers, "five seconds after hostile peers have left");
  for (Member& member : members_) {
    result_.frames += member.ledger.frames;
    member.ledger.complaints.clear();
    member.ledger.lost = member.ledger.skipped = 0;
  }
  pass(kMending - kRecovery);
  check_viewers(served_viewers(true), "although nothing has been wrong for a while");
  if (!result_.violation) check_steady_state(served_viewers(true), kTwiceMax);
  check_ledgers(viewers);
  if (!result_.violation) check_nothing_is_left();
  if (!result_.violation) check_all_is_forgotten();
  if (lie_believed_) violated(*lie_believed_);
  return result();
}

}  // namespace

ScheduleResult run_hostile_schedule(std::uint64_t seed, bool trace) {
  return HostileSchedule(seed, trace).run();
}

}  // namespace ott::sim
