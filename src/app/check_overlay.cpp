#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <random>

#include "app/checks.h"
#include "app/flag_values.h"
#include "io/socket.h"
#include "media/source_spec.h"
#include "media/text.h"
#include "ott/message.h"

namespace ott {
namespace {

constexpr Duration kHistoryMax = std::chrono::seconds(60);

/// Which role a flag is for. A flag that the role would ignore is wrong usage.
struct FlagUse {
  const char* flag;
  bool bootstrap, node, client;
};
constexpr std::array kFlagUses = {
    FlagUse{"--topology", true, false, false},  FlagUse{"--tree", true, true, false},
    FlagUse{"--metric", true, true, false},     FlagUse{"--placeholder", true, true, false},
    FlagUse{"--stream", true, true, true},      FlagUse{"--bootstrap", false, true, true},
    FlagUse{"--node", false, false, true},      FlagUse{"--list", false, false, true},
    FlagUse{"--top", false, false, true},       FlagUse{"--frames", false, false, true},
    FlagUse{"--duration", false, false, true},  FlagUse{"--start", false, false, true},
    FlagUse{"--timeshift", false, false, true}, FlagUse{"--say", false, false, true},
    FlagUse{"--to", false, false, true},        FlagUse{"--why", false, false, true},
    FlagUse{"--join", false, true, true},       FlagUse{"--degree", false, true, true},
    FlagUse{"--discover", false, true, true},
};

/// A ring is large enough for its history as long as the stream has less than 64 Mbit/s.
std::size_t ring_bytes_for(Duration history) {
  constexpr double kBytesPerSecond = 8U << 20U;
  constexpr std::size_t kBytesMin = 4U << 20U;
  return std::max(kBytesMin,
                  static_cast<std::size_t>(kBytesPerSecond * std::chrono::duration<double>(history).count()));
}

/// How this process finds its neighbours itself, if it does.
Result<void> check_join(const Words& words, Config& config) {
  OverlayConfig& overlay = config.options.overlay;
  if (words.overlay.empty() || words.overlay.size() > kOverlayNameBytesMax ||
      has_control_character(words.overlay) || to_utf8(words.overlay) != words.overlay) {
    return fail(
        fmt::format("{}: a name is text of 1 to {} bytes", words.called("--overlay"), kOverlayNameBytesMax));
  }
  overlay.overlay_name = words.overlay;
  if (!words.given("--join") && !words.discover) {
    if (words.given("--degree"))
      return fail(fmt::format("{} needs --join or --discover", words.called("--degree")));
    return {};
  }
  JoinConfig join;
  join.discovers = words.discover;
  if (auto parsed = parse_degree(words.called("--degree"), words.degree, join); !parsed) return parsed;
  for (std::size_t begin = 0; words.given("--join") && begin <= words.join.size();) {
    const std::size_t end = std::min(words.join.find(',', begin), words.join.size());
    const auto place = parse_place(words.called("--join"), words.join.substr(begin, end - begin));
    if (!place) return tl::unexpected(place.error());
    if (const auto* id = std::get_if<NodeId>(&*place)) join.at.push_back(*id);
    if (const auto* host = std::get_if<HostName>(&*place)) config.options.join.push_back(*host);
    begin = end + 1;
  }
  overlay.join = std::move(join);
  return {};
}

/// Where this process is, and where the bootstrapper.
Result<void> check_place(const Words& words, Config& config) {
  OverlayConfig& overlay = config.options.overlay;
  if (!words.id.empty()) {
    const auto id = parse_address(words.called("--id"), words.id);
    if (!id) return tl::unexpected(id.error());
    overlay.id = *id;
    if (!can_bind(id->address)) {
      return fail(fmt::format("{} {}: no interface of this host has this address", words.called("--id"),
                              to_string(*id)));
    }
  }
  if (!words.bootstrap.empty()) {
    const auto place = parse_place(words.called("--bootstrap"), words.bootstrap);
    if (!place) return tl::unexpected(place.error());
    if (const auto* id = std::get_if<NodeId>(&*place)) overlay.bootstrap = *id;
    if (const auto* host = std::get_if<HostName>(&*place)) config.options.host = *host;
  }
  overlay.local_addresses = interface_addresses();
  return {};
}

Result<void> check_times_and_sizes(const Words& words, OverlayConfig& overlay) {
  const auto heartbeat = parse_time(words.called("--heartbeat"), words.heartbeat);
  if (!heartbeat) return tl::unexpected(heartbeat.error());
  if (*heartbeat < std::chrono::milliseconds(kHelloMsMin) ||
      *heartbeat > std::chrono::milliseconds(kHelloMsMax)) {
    return fail(fmt::format("{} {}: 5ms is the shortest and 60s the longest", words.called("--heartbeat"),
                            words.heartbeat));
  }
  overlay.heartbeat = *heartbeat;
  const auto history = parse_time(words.called("--history"), words.history);
  if (!history) return tl::unexpected(history.error());
  if (*history > kHistoryMax) return fail(words.called("--history") + ": 60s is the longest");
  overlay.history = *history;
  overlay.ring_bytes = ring_bytes_for(*history);
  const auto memory = parse_size(words.called("--memory"), words.memory);
  if (!memory) return tl::unexpected(memory.error());
  overlay.memory_bytes = *memory;
  return {};
}

}  // namespace

Result<void> check_role(const Words& words, Config& config) {
  const auto role = std::ranges::find(kRoles, words.role, [](const RoleSpec* spec) { return spec->name; });
  if (role == kRoles.end()) {
    return fail((words.role.empty()
                     ? std::string("--role is missing; there are:")
                     : fmt::format("{} {}: no such role; there are:", words.called("--role"), words.role)) +
                roles_help());
  }
  config.role = *role;
  for (const FlagUse& use : kFlagUses) {
    if (!words.given(use.flag)) continue;
    const bool fits = config.role == &kBootstrapRole ? use.bootstrap
                      : config.role == &kNodeRole    ? use.node
                                                     : use.client;
    if (!fits) return fail(fmt::format("{} is not for --role {}", words.called(use.flag), config.role->name));
  }
  return {};
}

Result<void> check_overlay(const Words& words, Config& config) {
  OverlayConfig& overlay = config.options.overlay;
  if (auto checked = check_place(words, config); !checked) return checked;
  if (auto checked = check_times_and_sizes(words, overlay); !checked) return checked;
  if (words.tree != "shortest" && words.tree != "shared")
    return fail(fmt::format("{} {}: there are shortest and shared", words.called("--tree"), words.tree));
  overlay.tree_policy = words.tree == "shared" ? TreePolicy::Shared : TreePolicy::Shortest;
  overlay.incarnation = static_cast<std::uint64_t>(
      std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now()).time_since_epoch().count());
  overlay.random_seed = std::random_device()();
  if (auto checked = check_join(words, config); !checked) return checked;
  if (config.role == &kBootstrapRole) {
    overlay.kind = PeerKind::Bootstrap;
    if (words.topology.empty()) return fail("--role bootstrap needs --topology FILE");
    config.options.topology_file = words.topology;
  }
  if (config.role == &kNodeRole && words.bootstrap.empty() && !overlay.join)
    return fail("--role node needs --bootstrap ADDRESS, --join ADDRESS or --discover");
  return {};
}

}  // namespace ott
