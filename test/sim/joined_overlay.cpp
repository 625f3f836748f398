#include "joined_overlay.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <queue>
#include <set>

namespace ott::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// The plane: so wide, one way, with so many nodes to a cluster, and so wide are those.
constexpr double kPlaneMs = 40;
constexpr double kClusterMs = 2;
constexpr std::size_t kNodesPerCluster = 50;
constexpr double kLeastMs = 0.2;
constexpr Duration kFlatLatency = milliseconds(1);
constexpr std::size_t kContacts = 3;
constexpr Duration kProgressEach = seconds(5);

IpAddress address_of(std::size_t index) {
  return parse_ip(fmt::format("10.1.{}.{}", index / 250, index % 250 + 1)).value();
}

std::vector<double> lengths(const std::vector<std::vector<std::pair<std::size_t, double>>>& links,
                            std::size_t from) {
  std::vector<double> lengths(links.size(), -1);
  using Reached = std::pair<double, std::size_t>;
  std::priority_queue<Reached, std::vector<Reached>, std::greater<>> next;
  lengths[from] = 0;
  next.emplace(0, from);
  while (!next.empty()) {
    const auto [length, node] = next.top();
    next.pop();
    if (length > lengths[node]) continue;
    for (const auto& [to, ms] : links[node]) {
      if (lengths[to] >= 0 && lengths[to] <= length + ms) continue;
      lengths[to] = length + ms;
      next.emplace(length + ms, to);
    }
  }
  return lengths;
}

double quantile(std::vector<double>& values, double q) {
  if (values.empty()) return 0;
  const auto place = static_cast<std::size_t>(q * static_cast<double>(values.size() - 1));
  std::ranges::nth_element(values, values.begin() + static_cast<std::ptrdiff_t>(place));
  return values[place];
}

}  // namespace

JoinedOverlay::JoinedOverlay(std::uint64_t seed, const JoinedOptions& options, bool trace)
    : options_(options), trace_(trace), members_(options.nodes), network_(seed, [this] {
        NetworkOptions network;
        network.partial = false;
        network.latency_between = [this](const IpAddress& a, const IpAddress& b) {
          return latency(index_.at(a), index_.at(b));
        };
        return network;
      }()) {
  std::mt19937_64 random(seed);
  std::uniform_real_distribution<double> place(0, kPlaneMs);
  std::normal_distribution<double> spread(0, kClusterMs);
  const std::size_t clusters = std::max<std::size_t>(3, options.nodes / kNodesPerCluster);
  std::vector<std::pair<double, double>> centres(clusters);
  for (auto& [x, y] : centres) {
    x = place(random);
    y = place(random);
  }
  for (std::size_t i = 0; i < members_.size(); ++i) {
    Member& member = members_[i];
    member.address = address_of(i);
    index_[member.address] = i;
    if (random() % 5 == 0) {  // one in five is somewhere alone
      member.x = place(random);
      member.y = place(random);
    } else {
      const auto& [x, y] = centres[random() % clusters];
      member.x = x + spread(random);
      member.y = y + spread(random);
    }
    member.duty.times = &times_;
    member.duty.publishes = i == 0 ? 1 : 0;
  }
  for (std::size_t i = 0; i < options.viewers && i + 1 < members_.size(); ++i) {
    const std::size_t viewer = members_.size() - 1 - i * (members_.size() - 1) / options.viewers;
    members_[viewer].duty.ledger = &members_[viewer].ledger;
  }
}

Duration JoinedOverlay::latency(std::size_t a, std::size_t b) const {
  if (options_.flat) return kFlatLatency;
  const double ms =
      std::max(kLeastMs, std::hypot(members_[a].x - members_[b].x, members_[a].y - members_[b].y));
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double, std::milli>(ms));
}

void JoinedOverlay::start(std::size_t index) {
  Member& member = members_[index];
  if (member.running) return;
  member.running = true;
  member.ledger.last_at.reset();
  member.log = std::make_unique<TraceLog>(to_string(member.address), trace_ ? &network_ : nullptr);
  member.context = std::make_unique<RoleContext>(RoleContext{{}, *member.log});
  OverlayConfig& overlay = member.context->options.overlay;
  overlay.local_addresses = {member.address};
  overlay.incarnation =
      static_cast<std::uint64_t>(network_.now().wall.time_since_epoch().count()) + ++starts_;
  overlay.random_seed = network_.random()();
  overlay.ring_bytes = 256U << 10U;
  overlay.heartbeat = options_.heartbeat;
  overlay.kind = PeerKind::Node;
  overlay.join = JoinConfig{{}, false, options_.degree_min, options_.degree_max};
  for (std::size_t i = 0; i < kContacts && i < members_.size(); ++i)
    overlay.join->at.push_back({members_[i].address});
  network_.start(member.address, std::make_unique<Peer>(*member.context, member.duty));
}

void JoinedOverlay::start_all() {
  const auto all = static_cast<Duration::rep>(members_.size());
  for (std::size_t i = 0; i < members_.size(); ++i) {
    start(i);
    run_for(options_.joining / all);
  }
}

void JoinedOverlay::run_for(Duration duration) {
  const MonoTime end = network_.now().mono + duration;
  while (network_.now().mono < end) {
    network_.run_for(std::min(kProgressEach, end - network_.now().mono));
    if (!options_.progress || network_.now().mono < progress_at_) continue;
    progress_at_ = network_.now().mono + kProgressEach;
    const double elapsed = std::chrono::duration<double>(network_.now().mono - began_).count();
    options_.progress(fmt::format("at {:.0f} s: {} of {} nodes run", elapsed,
                                  std::ranges::count_if(members_, &Member::running), members_.size()));
  }
}

std::optional<Duration> JoinedOverlay::time_until(const std::function<bool()>& condition, Duration at_most) {
  const MonoTime began = network_.now().mono;
  const MonoTime end = began + at_most;
  while (!condition()) {
    if (network_.now().mono >= end) return std::nullopt;
    run_for(milliseconds(100));
  }
  return network_.now().mono - began;
}

Peer* JoinedOverlay::peer(std::size_t index) {
  return members_[index].running ? static_cast<Peer*>(network_.machine(members_[index].address)) : nullptr;
}

/// Those that both ends have up.
std::vector<std::vector<std::size_t>> JoinedOverlay::links() {
  std::vector<std::set<std::size_t>> reported(members_.size());
  for (std::size_t i = 0; i < members_.size(); ++i) {
    Peer* one = peer(i);
    if (one == nullptr) continue;
    for (const NodeId& id : one->overlay().links().neighbours()) {
      const auto other = index_.find(id.address);
      if (other != index_.end()) reported[i].insert(other->second);
    }
  }
  std::vector<std::vector<std::size_t>> links(members_.size());
  for (std::size_t i = 0; i < members_.size(); ++i) {
    for (const std::size_t other : reported[i]) {
      if (reported[other].contains(i)) links[i].push_back(other);
    }
  }
  return links;
}

JoinedFigures JoinedOverlay::figures(bool with_stretch) {
  JoinedFigures figures;
  const auto all = links();
  std::vector<std::vector<std::pair<std::size_t, double>>> ways(members_.size());
  std::vector<std::size_t> running;
  for (std::size_t i = 0; i < members_.size(); ++i) {
    if (peer(i) == nullptr) continue;
    running.push_back(i);
    for (const std::size_t other : all[i])
      ways[i].emplace_back(other, std::chrono::duration<double, std::milli>(latency(i, other)).count());
  }
  figures.nodes = running.size();
  if (running.empty()) return figures;
  figures.degree_least = members_.size();
  for (const std::size_t i : running) {
    figures.degree_least = std::min(figures.degree_least, all[i].size());
    figures.degree_most = std::max(figures.degree_most, peer(i)->overlay().links().neighbours().size());
    figures.degree_mean += static_cast<double>(all[i].size()) / static_cast<double>(running.size());
  }
  const std::vector<double> first = lengths(ways, running.front());
  figures.connected = std::ranges::all_of(running, [&first](std::size_t i) { return first[i] >= 0; });
  figures.known_to_all = std::ranges::all_of(running, [&](std::size_t i) {
    const LinkStateDb& db = peer(i)->overlay().link_states();
    return std::ranges::all_of(running, [&](std::size_t j) {
      return i == j || db.reaches({members_[i].address}, {members_[j].address});
    });
  });
  if (!with_stretch) return figures;
  std::vector<double> stretches;
  const std::size_t step = std::max<std::size_t>(1, running.size() / 200);
  for (std::size_t k = 0; k < running.size(); k += step) {
    const std::size_t i = running[k];
    const std::vector<double> from = lengths(ways, i);
    for (const std::size_t j : running) {
      if (i == j || from[j] < 0) continue;
      stretches.push_back(from[j] / std::chrono::duration<double, std::milli>(latency(i, j)).count());
    }
  }
  figures.stretch_p50 = quantile(stretches, 0.5);
  figures.stretch_p95 = quantile(stretches, 0.95);
  figures.stretch_max = quantile(stretches, 1);
  return figures;
}

void JoinedOverlay::kill(std::size_t index) {
  network_.kill(members_[index].address);
  members_[index].running = false;
}

void JoinedOverlay::kill_share(double share) {
  std::vector<std::size_t> all;
  for (std::size_t i = 1; i < members_.size(); ++i) all.push_back(i);
  std::ranges::shuffle(all, network_.random());
  all.resize(static_cast<std::size_t>(share * static_cast<double>(members_.size())));
  for (const std::size_t i : all) kill(i);
}

void JoinedOverlay::set_parted(bool parted) {
  const std::size_t half = members_.size() / 2;
  for (std::size_t i = 0; i < half; ++i) {
    for (std::size_t j = half; j < members_.size(); ++j)
      network_.set_silent(members_[i].address, members_[j].address, parted);
  }
}

JoinedOverlay::Traffic JoinedOverlay::take_traffic() {
  Traffic traffic;
  std::uint64_t bytes = network_.bytes_delivered();
  std::size_t ends = 0;
  std::size_t running = 0;
  for (std::size_t i = 0; i < members_.size(); ++i) {
    if (Peer* one = peer(i)) {
      ++running;
      ends += one->overlay().links().neighbours().size();
    }
  }
  const double elapsed = std::chrono::duration<double>(network_.now().mono - traffic_since_).count();
  const double rate = static_cast<double>(bytes - bytes_before_) / std::max(elapsed, 1e-3);
  traffic.bytes_per_node_s = rate / static_cast<double>(std::max<std::size_t>(running, 1));
  traffic.bytes_per_link_s = rate / (static_cast<double>(std::max<std::size_t>(ends, 1)) / 2);
  bytes_before_ = bytes;
  traffic_since_ = network_.now().mono;
  return traffic;
}

JoinedOverlay::Seen JoinedOverlay::seen() {
  Seen seen;
  for (Member& member : members_) {
    if (!member.running || member.duty.ledger == nullptr) continue;
    ++seen.viewers;
    if (!member.ledger.last_at || network_.now().mono - *member.ledger.last_at > seconds(1))
      ++seen.without_frames;
    seen.frames += member.ledger.frames;
    seen.lost += member.ledger.lost;
    seen.complaints += member.ledger.complaints.size();
    seen.gap_max = std::max(seen.gap_max, member.ledger.gap_max);
  }
  return seen;
}

// ---- a run -----------------------------------------------------------------------------------------------

namespace {

std::string in_s(const std::optional<Duration>& duration) {
  return duration ? fmt::format("{:.1f} s", std::chrono::duration<double>(*duration).count()) : "never";
}

std::string line_of(const JoinedFigures& f) {
  return fmt::format(
      "{} nodes, {}connected, degree {} to {} (mean {:.1f}), way of the direct one p50 {:.2f}, "
      "p95 {:.2f}, most {:.1f}",
      f.nodes, f.connected ? "" : "NOT ", f.degree_least, f.degree_most, f.degree_mean, f.stretch_p50,
      f.stretch_p95, f.stretch_max);
}

}  // namespace

bool run_joined(std::uint64_t seed, const JoinedOptions& options, bool trace, std::string& report) {
  JoinedOverlay overlay(seed, options, trace);
  bool good = true;
  const auto say = [&](const std::string& line, bool holds = true) {
    report += fmt::format("{}{}\n", holds ? "  " : "! ", line);
    if (trace || options.nodes > 200) {
      fmt::print("{}{}\n", holds ? "  " : "! ", line);
      std::fflush(stdout);
    }
    good = good && holds;
  };
  const auto say_figures = [&](const std::string& when, bool settled) {
    const JoinedFigures now = overlay.figures();
    const bool fits = now.degree_most <= options.degree_max &&
                      now.degree_least >= std::min<std::size_t>(options.degree_min, now.nodes - 1);
    const bool short_ways = options.flat || (now.stretch_p50 <= 1.3 && now.stretch_p95 <= 2);
    say(when + ": " + line_of(now), !settled || (now.connected && fits && short_ways));
  };
  overlay.take_traffic();
  overlay.start_all();
  const auto joined = overlay.time_until([&] { return overlay.is_whole(); }, seconds(60));
  say(fmt::format("all {} have joined {} after the last was started", options.nodes, in_s(joined)),
      joined.has_value());
  say_figures("then", false);
  const auto traffic_line = [&](const std::string& when) {
    const auto traffic = overlay.take_traffic();
    return fmt::format("{}: {:.0f} bytes/s sent by each node, {:.0f} on each link, both ways", when,
                       traffic.bytes_per_node_s, traffic.bytes_per_link_s);
  };
  say(traffic_line("traffic while they joined"));
  constexpr int kParts = 6;
  for (int i = 1; i <= kParts; ++i) {
    overlay.run_for(options.settling / kParts);
    say_figures(fmt::format("after {}", in_s(options.settling * i / kParts)), i == kParts);
    say(traffic_line("traffic meanwhile, streams too"));
  }
  const auto before = overlay.seen();
  say(fmt::format("{} viewers, {} without frames, {} frames, {} lost, {} complaints", before.viewers,
                  before.without_frames, before.frames, before.lost, before.complaints),
      before.without_frames == 0 && before.lost == 0 && before.complaints == 0);

  overlay.kill_share(0.3);
  const auto healed = overlay.time_until([&] { return overlay.is_connected(); }, seconds(30));
  say(fmt::format("30 % have died at once: connected again after {}", in_s(healed)),
      healed && *healed <= seconds(5));
  overlay.run_for(seconds(5));
  const auto after = overlay.seen();
  say(fmt::format("{} viewers are left, {} without frames, {} lost, {} complaints, longest gap {}",
                  after.viewers, after.without_frames, after.lost, after.complaints, in_s(after.gap_max)),
      after.without_frames == 0 && after.lost == 0 && after.complaints == 0);
  overlay.run_for(seconds(30));
  say_figures("30 s later", true);
  say(traffic_line("traffic meanwhile, streams too"));

  overlay.set_parted(true);
  overlay.run_for(seconds(60));
  overlay.set_parted(false);
  const auto merged = overlay.time_until([&] { return overlay.is_whole(); }, seconds(60));
  say(fmt::format("two halves that were parted for 60 s are one again after {}", in_s(merged)),
      merged && *merged <= seconds(10));
  return good;
}

}  // namespace ott::sim
