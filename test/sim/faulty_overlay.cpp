#include "faulty_overlay.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

namespace ott::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Duration kSteady = seconds(2);

NetworkOptions options_for(std::uint64_t seed) {
  NetworkOptions options;
  options.latency = std::chrono::microseconds(100 + seed * 7919 % 20'000);
  options.buffer_bytes = std::size_t{16} << (10 + seed % 5);
  return options;
}

}  // namespace

void TraceLog::line(LogLevel level, const std::string& text) {
  if (level != LogLevel::Debug) bytes_ += text.size() + 1;
  if (network_ == nullptr) return;
  std::printf("%8.3f %s: %s\n",
              std::chrono::duration<double>(network_->now().mono.time_since_epoch()).count() - 3600,
              name_.c_str(), text.c_str());
}

FaultyOverlay::FaultyOverlay(std::uint64_t seed, bool trace, std::uint64_t gop)
    : seed_(seed), trace_(trace), network_(seed, options_for(seed)) {
  make_overlay();
  if (gop == 1) return;
  for (Member& member : members_) {
    member.duty.gop = gop;
    member.duty.audio = true;
    if (member.duty.ledger != nullptr) member.duty.audio_ledger = &member.audio_ledger;
  }
}

// ---- the overlay -----------------------------------------------------------------------------------------

void FaultyOverlay::link(std::size_t a, std::size_t b) {
  if (a != b) links_.insert({std::min(a, b), std::max(a, b)});
}

void FaultyOverlay::make_overlay() {
  relays_ = 3 + pick(6);
  const std::size_t viewers = 1 + pick(4);
  members_.resize(1 + relays_ + viewers);
  for (std::size_t i = 0; i < members_.size(); ++i) {
    members_[i].address = parse_ip(fmt::format("10.0.{}.{}", i / 200, 1 + i % 200)).value();
    members_[i].id = NodeId{members_[i].address};
    members_[i].duty.times = &times_;
    if (i > relays_) members_[i].duty.ledger = &members_[i].ledger;
  }
  // A ring of bootstrapper and relays, so that one may be dead at any time; chords; two relays for each
  // viewer, but in some overlays only one for some: without it they go on as guests.
  for (std::size_t i = 0; i <= relays_; ++i) link(i, (i + 1) % (relays_ + 1));
  for (std::size_t i = pick(relays_); i > 0; --i) link(pick(relays_ + 1), pick(relays_ + 1));
  for (std::size_t i = relays_ + 1; i < members_.size(); ++i) {
    const std::size_t first = 1 + pick(relays_);
    link(i, first);
    if (!has_lonely_viewers(seed_) || pick(3) == 0) link(i, 1 + first % relays_);
  }
  origin_ = pick(3) == 0 ? 1 + pick(relays_) : 0;
  members_[origin_].duty.publishes = 1;
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

void FaultyOverlay::start(std::size_t index) {
  Member& member = members_[index];
  if (member.running) return;
  member.running = true;
  member.ledger.last_at.reset();
  member.log = std::make_unique<TraceLog>(fmt::format("{}", index), trace_ ? &network_ : nullptr);
  member.context = std::make_unique<RoleContext>(RoleContext{{}, *member.log});
  OverlayConfig& overlay = member.context->options.overlay;
  overlay.local_addresses = {member.address};
  ++starts_;
  overlay.incarnation =
      static_cast<std::uint64_t>(std::max<Duration::rep>(network_.now().wall.time_since_epoch().count(), 0)) +
      starts_;
  overlay.random_seed = seed_ * 1000 + starts_;
  overlay.ring_bytes = 256U << 10U;
  if (index == 0) {
    overlay.kind = PeerKind::Bootstrap;
    overlay.id = member.id;
    overlay.topology = parse_topology(topology_, "schedule").value();
  } else {
    overlay.kind = index > relays_ ? PeerKind::Client : PeerKind::Node;
    overlay.bootstrap = members_[0].id;
  }
  prepare(index, overlay);
  network_.start(member.address, std::make_unique<Peer>(*member.context, member.duty));
}

void FaultyOverlay::prepare(std::size_t, OverlayConfig&) {}

void FaultyOverlay::start_all() {
  for (std::size_t i = 0; i < members_.size(); ++i) {
    after(between(Duration{}, milliseconds(300)), [this, i] { start(i); });
  }
}

void FaultyOverlay::stop_running(std::size_t index, bool planned) {
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

Peer* FaultyOverlay::peer(std::size_t index) {
  const Member& member = members_[index];
  const bool ours = member.running && !member.hostile;
  return ours ? static_cast<Peer*>(network_.machine(member.address)) : nullptr;
}

// ---- time ------------------------------------------------------------------------------------------------

void FaultyOverlay::after(Duration delay, std::function<void()> act) {
  plans_.emplace(network_.now().mono + delay, std::move(act));
}

void FaultyOverlay::pass(Duration duration) {
  const MonoTime end = network_.now().mono + duration;
  while (!plans_.empty() && plans_.begin()->first <= end) {
    const auto plan = plans_.extract(plans_.begin());
    if (plan.key() > network_.now().mono) network_.run_for(plan.key() - network_.now().mono);
    plan.mapped()();
  }
  network_.run_for(end - network_.now().mono);
}

void FaultyOverlay::at_once(const std::string& what) {
  ++result_.faults;
  if (trace_) {
    std::printf("%8.3f ---- %s\n",
                std::chrono::duration<double>(network_.now().mono.time_since_epoch()).count() - 3600,
                what.c_str());
  }
}

// ---- faults ----------------------------------------------------------------------------------------------

void FaultyOverlay::fault() {
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

void FaultyOverlay::restart_later(std::size_t index) {
  after(between(milliseconds(100), seconds(4)), [this, index] {
    // A member that was told to leave may have children still. It goes when they have moved, or after a time.
    if (members_[index].running && network_.machine(members_[index].address) != nullptr)
      return restart_later(index);
    members_[index].running = false;
    at_once(fmt::format("{} starts again", index));
    start(index);
  });
}

void FaultyOverlay::relay_dies(bool planned) {
  const std::size_t index = 1 + pick(relays_);
  if (!members_[index].running || members_[index].hostile) return;
  at_once(fmt::format("{} {}", index, planned ? "is told to leave" : "dies"));
  stop_running(index, planned);
  restart_later(index);
}

void FaultyOverlay::process_stalls() {
  const std::size_t index = pick(members_.size());
  Member& member = members_[index];
  if (!member.running || member.stopped || member.hostile || network_.machine(member.address) == nullptr)
    return;
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

void FaultyOverlay::link_falls_silent() {
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

void FaultyOverlay::connections_break() {
  auto link = links_.begin();
  std::advance(link, static_cast<std::ptrdiff_t>(pick(links_.size())));
  at_once(fmt::format("the connections between {} and {} break", link->first, link->second));
  network_.break_connections(members_[link->first].address, members_[link->second].address);
}

void FaultyOverlay::overlay_parts() {
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

void FaultyOverlay::bootstrapper_restarts() {
  if (!members_[0].running) return;
  at_once("the bootstrapper dies");
  stop_running(0, false);
  restart_later(0);
}

void FaultyOverlay::mend() {
  at_once("all is mended");
  pass(seconds(5));  // planned events end by then
  for (std::size_t i = 0; i < members_.size(); ++i) {
    if (members_[i].running && network_.machine(members_[i].address) == nullptr) members_[i].running = false;
    start(i);
  }
}

// ---- invariants ------------------------------------------------------------------------------------------

void FaultyOverlay::violated(const std::string& what) {
  if (result_.violation) return;
  result_.violation = fmt::format("seed {}: {}", seed_, what);
  if (!trace_) return;
  at_once(what);
  for (std::size_t i = 0; i < members_.size(); ++i) {
    Peer* process = peer(i);
    if (process == nullptr) continue;
    process->overlay().report({});
    for (const auto& [reporter, state] : process->overlay().link_states().all()) {
      std::string links;
      for (const Adjacency& link : state.links) links += fmt::format(" {}:{}", to_string(link.id), link.cost);
      members_[i].log->info(fmt::format("  state {} of {}: links{}, {} streams", state.number,
                                        to_string(reporter), links, state.streams.size()));
    }
  }
}

void FaultyOverlay::check_steady_state(const std::vector<std::size_t>& viewers, std::uint64_t twice_max) {
  const auto frames_in = [this](std::size_t index) {
    std::uint64_t frames = 0;
    Peer* process = peer(index);
    if (process == nullptr) return frames;
    for (const PeerLink& link : process->overlay().links().all()) frames += link.frames_in;
    return frames;
  };
  std::vector<std::uint64_t> before(members_.size());
  for (std::size_t i = 0; i < members_.size(); ++i) before[i] = frames_in(i);
  const std::uint64_t published = peer(origin_)->frames_published();
  pass(kSteady);
  const std::uint64_t frames = peer(origin_)->frames_published() - published;
  // What is published in a tenth of a second may have been under way at the beginning, or be so now.
  const std::uint64_t under_way = members_[origin_].duty.audio ? 2 + 5 : 2;
  for (std::size_t i = 0; i < members_.size(); ++i) {
    const std::uint64_t got = frames_in(i) - before[i];
    if (got > frames + under_way + twice_max)
      violated(fmt::format("{} got {} frames of {} in steady state", i, got, frames));
    if (std::ranges::find(viewers, i) != viewers.end() && got + under_way < frames)
      violated(fmt::format("viewer {} got {} frames of {}", i, got, frames));
  }
}

std::vector<std::size_t> FaultyOverlay::reached_from_origin(const std::set<std::size_t>& without) {
  std::vector<std::size_t> reached = {origin_};
  for (std::size_t at = 0; at < reached.size(); ++at) {
    for (const auto& [a, b] : links_) {
      const std::size_t other = a == reached[at] ? b : b == reached[at] ? a : reached[at];
      if (peer(other) != nullptr && !without.contains(other) &&
          std::ranges::find(reached, other) == reached.end())
        reached.push_back(other);
    }
  }
  return reached;
}

void FaultyOverlay::check_all_are_members() {
  for (std::size_t i = 0; i < members_.size(); ++i) {
    const bool has_neighbour = std::ranges::any_of(links_, [this, i](const auto& link) {
      return (link.first == i && peer(link.second) != nullptr) ||
             (link.second == i && peer(link.first) != nullptr);
    });
    if (peer(i) == nullptr || !has_neighbour) continue;
    for (const PeerLink& link : peer(i)->overlay().links().all()) {
      if (link.outgoing() && link.relation == Relation::Guest)
        violated(fmt::format("{} is a guest of {} still, although all is mended", i, link.name()));
    }
  }
}

void FaultyOverlay::check_nothing_is_left() {
  for (std::size_t i = relays_ + 1; i < members_.size(); ++i) {
    if (peer(i) == nullptr) continue;
    peer(i)->stop_watching(network_.now_at(members_[i].address));
    network_.wake(members_[i].address);
  }
  pass(seconds(4));  // a child that has not answered a TRACKER is kept for three
  const std::size_t streams = members_[origin_].duty.publishes + (members_[origin_].duty.audio ? 1 : 0);
  check_all_are_members();
  for (std::size_t i = 0; i < members_.size(); ++i) {
    if (peer(i) == nullptr) continue;
    const std::size_t allowed = i == origin_ ? streams : 0;
    const std::size_t flows = peer(i)->overlay().flows().all().size();
    if (flows > allowed) violated(fmt::format("{} still has {} flows after all viewers have gone", i, flows));
  }
  for (const auto& [id, own] : peer(origin_)->overlay().flows().all()) {
    if (!own->children.empty()) violated("the origin still feeds a child after all viewers have gone");
  }
  // What cannot be reached any more counts until its link state is forgotten.
  for (const std::size_t i : reached_from_origin()) {
    if (std::ranges::count(peer(origin_)->overlay().origin().watchers(), members_[i].id) > 0)
      violated(fmt::format("the origin still counts {} as a watcher after all viewers have gone", i));
  }
}

ScheduleResult FaultyOverlay::result() {
  result_.virtual_seconds =
      std::chrono::duration<double>(network_.now().mono.time_since_epoch()).count() - 3600;
  return result_;
}

}  // namespace ott::sim
