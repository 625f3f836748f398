#include "schedule.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <functional>
#include <map>
#include <set>

#include "network.h"
#include "peer.h"

namespace ott::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Duration kStartUp = seconds(3);
constexpr Duration kMending = seconds(12);  // the longest back-off there is, and some
constexpr Duration kSteady = seconds(2);
constexpr std::size_t kOutboxBytesMax = 256U << 10U;

/// Where the log of a schedule goes: nowhere, or, traced, to standard output.
class TraceLog : public Log {
 public:
  TraceLog(std::string name, const Network* network) : name_(std::move(name)), network_(network) {}
  void line(LogLevel, const std::string& text) override {
    if (network_ == nullptr) return;
    std::printf("%8.3f %s: %s\n",
                std::chrono::duration<double>(network_->now().mono.time_since_epoch()).count() - 3600,
                name_.c_str(), text.c_str());
  }

 private:
  std::string name_;
  const Network* network_;
};

class Schedule {
 public:
  Schedule(std::uint64_t seed, bool trace);
  ScheduleResult run();

 private:
  struct Member {
    IpAddress address;
    NodeId id;
    Duty duty;
    Ledger ledger;
    std::unique_ptr<TraceLog> log;
    std::unique_ptr<RoleContext> context;
    bool running = false;
    bool stopped = false;
  };

  [[nodiscard]] std::uint64_t pick(std::uint64_t below) { return network_.random()() % below; }
  [[nodiscard]] Duration between(Duration least, Duration most) {
    return least +
           Duration(static_cast<Duration::rep>(pick(static_cast<std::uint64_t>((most - least).count()))));
  }
  void link(std::size_t a, std::size_t b);
  void make_overlay();
  void start(std::size_t index);
  void stop_running(std::size_t index, bool planned);
  Peer* peer(std::size_t index);

  void fault();
  void restart_later(std::size_t index);
  void relay_dies(bool planned);
  void process_stalls();
  void link_falls_silent();
  void connections_break();
  void overlay_parts();
  void bootstrapper_restarts();
  void mend();
  void at_once(const std::string& what);
  void after(Duration delay, std::function<void()> act);
  void pass(Duration duration);

  void check_bounds();
  void check_viewers();
  void check_steady_state();
  void check_nothing_is_left();
  void violated(const std::string& what);

  std::uint64_t seed_;
  bool trace_;
  Network network_;
  PublishTimes times_;
  std::vector<Member> members_;  // [0] is the bootstrapper
  std::set<std::pair<std::size_t, std::size_t>> links_;
  std::size_t origin_ = 0;
  std::size_t relays_ = 0;  // members_[1 .. relays_]; viewers behind them
  std::string topology_;
  std::multimap<MonoTime, std::function<void()>> plans_;
  std::set<std::pair<std::size_t, std::size_t>> silent_;
  std::uint64_t incarnation_ = 0;
  ScheduleResult result_;
};

NetworkOptions options_for(std::uint64_t seed) {
  NetworkOptions options;
  options.latency = std::chrono::microseconds(100 + seed * 7919 % 20'000);
  options.buffer_bytes = std::size_t{16} << (10 + seed % 5);
  return options;
}

Schedule::Schedule(std::uint64_t seed, bool trace)
    : seed_(seed), trace_(trace), network_(seed, options_for(seed)) {
  make_overlay();
}

// ---- the overlay -----------------------------------------------------------------------------------------

void Schedule::link(std::size_t a, std::size_t b) {
  if (a != b) links_.insert({std::min(a, b), std::max(a, b)});
}

void Schedule::make_overlay() {
  relays_ = 3 + pick(6);
  const std::size_t viewers = 1 + pick(4);
  members_.resize(1 + relays_ + viewers);
  for (std::size_t i = 0; i < members_.size(); ++i) {
    members_[i].address = parse_ip(fmt::format("10.0.{}.{}", i / 200, 1 + i % 200)).value();
    members_[i].id = NodeId{members_[i].address};
    members_[i].duty.times = &times_;
    if (i > relays_) members_[i].duty.ledger = &members_[i].ledger;
  }
  // A ring of bootstrapper and relays, so that one may always die, chords, and two relays for each viewer.
  for (std::size_t i = 0; i <= relays_; ++i) link(i, (i + 1) % (relays_ + 1));
  for (std::size_t i = pick(relays_); i > 0; --i) link(pick(relays_ + 1), pick(relays_ + 1));
  for (std::size_t i = relays_ + 1; i < members_.size(); ++i) {
    const std::size_t first = 1 + pick(relays_);
    link(i, first);
    link(i, 1 + first % relays_);
  }
  origin_ = pick(3) == 0 ? 1 + pick(relays_) : 0;
  members_[origin_].duty.publishes = true;
  std::map<std::size_t, std::string> neighbours;
  for (const auto& [a, b] : links_) {
    neighbours[a] += fmt::format("{}\"{}\"", neighbours[a].empty() ? "" : ",", to_string(members_[b].id));
    neighbours[b] += fmt::format("{}\"{}\"", neighbours[b].empty() ? "" : ",", to_string(members_[a].id));
  }
  for (const auto& [i, list] : neighbours) {
    topology_ +=
        fmt::format("{}\"{}\":{{\"neighbors\":[{}]}}", i == 0 ? "{" : ",", to_string(members_[i].id), list);
  }
  topology_ += "}";
}

void Schedule::start(std::size_t index) {
  Member& member = members_[index];
  if (member.running) return;
  member.running = true;
  member.ledger.last_at.reset();
  member.log = std::make_unique<TraceLog>(fmt::format("{}", index), trace_ ? &network_ : nullptr);
  member.context = std::make_unique<RoleContext>(RoleContext{{}, *member.log});
  OverlayConfig& overlay = member.context->options.overlay;
  overlay.local_addresses = {member.address};
  overlay.incarnation = ++incarnation_;
  overlay.random_seed = seed_ * 1000 + incarnation_;
  overlay.ring_bytes = 256U << 10U;
  if (index == 0) {
    overlay.kind = PeerKind::Bootstrap;
    overlay.id = member.id;
    overlay.topology = parse_topology(topology_, "schedule").value();
  } else {
    overlay.kind = index > relays_ ? PeerKind::Client : PeerKind::Node;
    overlay.bootstrap = members_[0].id;
  }
  network_.start(member.address, std::make_unique<Peer>(*member.context, member.duty));
}

void Schedule::stop_running(std::size_t index, bool planned) {
  Member& member = members_[index];
  if (!member.running) return;
  if (member.stopped) network_.resume(member.address);
  member.stopped = false;
  if (planned) {
    network_.signal(member.address, Signal::Terminate);
    return;  // it leaves when its children have moved; restart_later sees to the rest
  }
  network_.kill(member.address);
  member.running = false;
}

Peer* Schedule::peer(std::size_t index) {
  return members_[index].running ? static_cast<Peer*>(network_.machine(members_[index].address)) : nullptr;
}

// ---- time ------------------------------------------------------------------------------------------------

void Schedule::after(Duration delay, std::function<void()> act) {
  plans_.emplace(network_.now().mono + delay, std::move(act));
}

void Schedule::pass(Duration duration) {
  const MonoTime end = network_.now().mono + duration;
  while (!plans_.empty() && plans_.begin()->first <= end) {
    const auto plan = plans_.extract(plans_.begin());
    if (plan.key() > network_.now().mono) network_.run_for(plan.key() - network_.now().mono);
    plan.mapped()();
  }
  network_.run_for(end - network_.now().mono);
}

void Schedule::at_once(const std::string& what) {
  ++result_.faults;
  if (trace_) {
    std::printf("%8.3f ---- %s\n",
                std::chrono::duration<double>(network_.now().mono.time_since_epoch()).count() - 3600,
                what.c_str());
  }
}

// ---- faults ----------------------------------------------------------------------------------------------

void Schedule::fault() {
  switch (pick(10)) {
    case 0:
    case 1:
    case 2:
      return relay_dies(false);
    case 3:
      return relay_dies(true);
    case 4:
    case 5:
      return process_stalls();
    case 6:
      return link_falls_silent();
    case 7:
      return connections_break();
    case 8:
      return overlay_parts();
    case 9:
      return bootstrapper_restarts();
  }
}

void Schedule::restart_later(std::size_t index) {
  after(between(milliseconds(100), seconds(4)), [this, index] {
    // One that was told to leave may have children still; it goes when they have moved, or after its
    // patience.
    if (members_[index].running && network_.machine(members_[index].address) != nullptr)
      return restart_later(index);
    members_[index].running = false;
    at_once(fmt::format("{} starts again", index));
    start(index);
  });
}

void Schedule::relay_dies(bool planned) {
  const std::size_t index = 1 + pick(relays_);
  if (!members_[index].running) return;
  at_once(fmt::format("{} {}", index, planned ? "is told to leave" : "dies"));
  stop_running(index, planned);
  restart_later(index);
}

void Schedule::process_stalls() {
  const std::size_t index = pick(members_.size());
  Member& member = members_[index];
  if (!member.running || member.stopped || network_.machine(member.address) == nullptr) return;
  const Duration how_long = between(milliseconds(20), milliseconds(1500));
  at_once(fmt::format("{} stands still for {} ms", index, how_long / milliseconds(1)));
  network_.stop(member.address);
  member.stopped = true;
  after(how_long, [this, &member] {
    if (!member.stopped) return;
    member.stopped = false;
    network_.resume(member.address);
  });
}

void Schedule::link_falls_silent() {
  auto link = links_.begin();
  std::advance(link, static_cast<std::ptrdiff_t>(pick(links_.size())));
  const auto [a, b] = *link;
  if (!silent_.insert({a, b}).second) return;
  const Duration how_long = between(milliseconds(50), seconds(3));
  at_once(fmt::format("nothing gets through between {} and {} for {} ms", a, b, how_long / milliseconds(1)));
  network_.set_silent(members_[a].address, members_[b].address, true);
  after(how_long, [this, a = a, b = b] {
    silent_.erase({a, b});
    network_.set_silent(members_[a].address, members_[b].address, false);
  });
}

void Schedule::connections_break() {
  auto link = links_.begin();
  std::advance(link, static_cast<std::ptrdiff_t>(pick(links_.size())));
  at_once(fmt::format("the connections between {} and {} break", link->first, link->second));
  network_.break_connections(members_[link->first].address, members_[link->second].address);
}

void Schedule::overlay_parts() {
  std::vector<bool> side(members_.size());
  for (std::size_t i = 0; i < side.size(); ++i) side[i] = pick(2) == 0;
  const Duration how_long = between(milliseconds(200), seconds(3));
  at_once(fmt::format("the overlay is parted for {} ms", how_long / milliseconds(1)));
  for (std::size_t a = 0; a < side.size(); ++a) {
    for (std::size_t b = a + 1; b < side.size(); ++b) {
      if (side[a] == side[b] || !silent_.insert({a, b}).second) continue;
      network_.set_silent(members_[a].address, members_[b].address, true);
      after(how_long, [this, a, b] {
        silent_.erase({a, b});
        network_.set_silent(members_[a].address, members_[b].address, false);
      });
    }
  }
}

void Schedule::bootstrapper_restarts() {
  if (!members_[0].running) return;
  at_once("the bootstrapper dies");
  stop_running(0, false);
  restart_later(0);
}

void Schedule::mend() {
  at_once("all is mended");
  pass(seconds(5));  // what is planned ends by then
  for (std::size_t i = 0; i < members_.size(); ++i) {
    if (members_[i].running && network_.machine(members_[i].address) == nullptr) members_[i].running = false;
    start(i);
  }
}

// ---- invariants ------------------------------------------------------------------------------------------

void Schedule::violated(const std::string& what) {
  if (!result_.violation) result_.violation = fmt::format("seed {}: {}", seed_, what);
}

void Schedule::check_bounds() {
  for (std::size_t i = 0; i < members_.size(); ++i) {
    Peer* process = peer(i);
    if (process == nullptr) continue;
    for (const PeerLink& link : process->overlay().links().all()) {
      const std::size_t waiting = link.outbox.size() - link.outbox_sent;
      if (waiting > kOutboxBytesMax)
        violated(fmt::format("{}: {} bytes of control wait for one peer", i, waiting));
    }
  }
}

void Schedule::check_viewers() {
  for (std::size_t i = relays_ + 1; i < members_.size(); ++i) {
    const Ledger& ledger = members_[i].ledger;
    result_.frames += ledger.frames;
    result_.lost_with_age += ledger.lost_with_age;
    const MonoTime now = network_.now().mono;
    if (!ledger.last_at || now - *ledger.last_at > seconds(1)) {
      violated(fmt::format("viewer {} gets nothing although its origin can be reached", i));
    }
    for (const std::string& complaint : ledger.complaints)
      violated(fmt::format("viewer {}: {}", i, complaint));
    if (ledger.lost > 0)
      violated(fmt::format("viewer {} lost {} frames that rings still held", i, ledger.lost));
    if (ledger.skipped > 0)
      violated(fmt::format("viewer {} was skipped {} frames on fast links", i, ledger.skipped));
  }
}

/// With nothing failing, no node gets a frame by more than one link, nor more than once.
void Schedule::check_steady_state() {
  const auto frames_in = [this](std::size_t index) {
    std::uint64_t frames = 0;
    for (const PeerLink& link : peer(index)->overlay().links().all()) frames += link.frames_in;
    return frames;
  };
  std::vector<std::uint64_t> before(members_.size());
  for (std::size_t i = 0; i < members_.size(); ++i) before[i] = frames_in(i);
  const std::uint64_t published = peer(origin_)->frames_published();
  pass(kSteady);
  const std::uint64_t frames = peer(origin_)->frames_published() - published;
  for (std::size_t i = 0; i < members_.size(); ++i) {
    const std::uint64_t got = frames_in(i) - before[i];
    if (got > frames + 2) violated(fmt::format("{} got {} frames of {} in steady state", i, got, frames));
    if (i > relays_ && got + 2 < frames)
      violated(fmt::format("viewer {} got {} frames of {}", i, got, frames));
  }
}

void Schedule::check_nothing_is_left() {
  for (std::size_t i = relays_ + 1; i < members_.size(); ++i) {
    peer(i)->stop_watching(network_.now());
    network_.wake(members_[i].address);
  }
  pass(seconds(2));
  for (std::size_t i = 0; i < members_.size(); ++i) {
    const std::size_t allowed = i == origin_ ? 1 : 0;
    const std::size_t flows = peer(i)->overlay().flows().all().size();
    if (flows > allowed) violated(fmt::format("{} still has {} flows after all viewers have gone", i, flows));
  }
  const Flow& own = *peer(origin_)->overlay().flows().all().begin()->second;
  if (!own.children.empty()) violated("the origin still feeds a child after all viewers have gone");
}

ScheduleResult Schedule::run() {
  for (std::size_t i = 0; i < members_.size(); ++i) {
    after(between(Duration{}, milliseconds(300)), [this, i] { start(i); });
  }
  pass(kStartUp);
  for (std::size_t i = 4 + pick(12); i > 0; --i) {
    fault();
    pass(between(milliseconds(1), milliseconds(1500)));
    check_bounds();
  }
  mend();
  pass(kMending);
  check_viewers();
  if (!result_.violation) check_steady_state();
  if (!result_.violation) check_nothing_is_left();
  result_.virtual_seconds =
      std::chrono::duration<double>(network_.now().mono.time_since_epoch()).count() - 3600;
  return result_;
}

}  // namespace

ScheduleResult run_schedule(std::uint64_t seed, bool trace) { return Schedule(seed, trace).run(); }

}  // namespace ott::sim
