#include <fmt/format.h>

#include <algorithm>
#include <sstream>
#include <utility>

#include "app/checks.h"
#include "app/flag_values.h"
#include "media/source_spec.h"
#include "overlay/messages.h"
#include "role/command.h"

namespace ott {
namespace {

/// What a client is to say, and to whom. One that is to do nothing else watches nothing.
Result<void> check_say(const Words& words, Config& config) {
  RoleOptions& options = config.options;
  if (words.given("--to") && !words.given("--say")) return fail("--to needs --say");
  if (!words.given("--say")) return {};
  if (options.only_asks()) return fail("--say, --list, --why and --top: one of them");
  if (auto good = check_message_text(words.say); !good) return fail("--say: " + good.error().message);
  options.say = words.say;
  if (words.given("--to")) {
    auto nodes = parse_nodes(words.to);
    if (!nodes) return fail(fmt::format("--to {}: {}", words.to, nodes.error().message));
    options.say_to = std::move(*nodes);
  }
  options.watches = !words.streams.empty() || !config.dump.empty() || !config.outlets.empty();
  return {};
}

/// A client that only asks watches nothing, and takes no flags for what is watched.
Result<void> check_asks(const Words& words, RoleOptions& options) {
  options.list = words.list;
  options.top = words.top;
  const int asks = (words.list ? 1 : 0) + (words.why.empty() ? 0 : 1) + (words.top ? 1 : 0);
  if (asks > 1) return fail("--list, --why and --top: one of them");
  if (asks == 0) return {};
  const std::string_view asked = words.list ? "--list" : words.top ? "--top" : "--why";
  // A configuration may say more: it is the same one for whoever watches.
  for (const auto& [flag, origin] : words.origins.all()) {
    const bool watches = words.outlets.contains(flag) || flag == "--stream" || flag == "--frames" ||
                         flag == "--start" || flag == "--timeshift" || flag == "--dump";
    if (watches && origin.name == flag)
      return fail(fmt::format("{} watches nothing: {} is for a client that does", asked, flag));
  }
  return {};
}

/// What it asks, and when it ends.
Result<void> check_limits(const Words& words, RoleOptions& options) {
  if (auto checked = check_asks(words, options); !checked) return checked;
  if (words.given("--why")) {
    const auto comma = words.why.rfind(',');
    if (words.why.empty() || comma == 0 || comma + 1 == words.why.size())
      return fail(words.called("--why") + ": STREAM or STREAM,NODE is asked for");
    const std::string node = comma == std::string::npos ? "" : words.why.substr(comma + 1);
    options.why = {words.why.substr(0, comma), node};
  }
  options.timeshift = words.timeshift;
  if (!words.frames.empty()) {
    const auto frames = parse_count(words.called("--frames"), words.frames);
    if (!frames) return tl::unexpected(frames.error());
    options.frames = *frames;
  }
  if (!words.duration.empty()) {
    const auto duration = parse_time(words.called("--duration"), words.duration);
    if (!duration) return tl::unexpected(duration.error());
    options.duration = *duration;
  }
  if (!words.start.empty()) {
    const auto start = parse_time(words.called("--start"), words.start);
    if (!start) return tl::unexpected(start.error());
    options.film_start = *start;
  }
  return {};
}

/// The nodes of --node.
Result<void> check_access(const Words& words, Config& config) {
  OverlayConfig& overlay = config.options.overlay;
  const std::string called = words.called("--node");
  if (!words.bootstrap.empty()) {
    return fail(
        fmt::format("{} and {}: one of them names whom to attach to", called, words.called("--bootstrap")));
  }
  if (overlay.join) return fail(called + " and --join or --discover: one of them says whom to attach to");
  if (words.node.find(',') == std::string::npos) {
    const auto place = parse_place(called, words.node);
    if (!place) return tl::unexpected(place.error());
    if (const auto* node = std::get_if<NodeId>(&*place)) overlay.access = {*node};
    if (const auto* host = std::get_if<HostName>(&*place)) config.options.host = *host;
    return {};
  }
  std::istringstream each(words.node);
  for (std::string text; std::getline(each, text, ',');) {
    const auto node = parse_address(called, text);
    if (!node) return tl::unexpected(node.error());
    overlay.access.push_back(*node);
  }
  return {};
}

/// Finds out what a client without --node attaches to. A client that only asks is a guest of the process that
/// it asks; one that has to discover nodes joins them.
void find_access(const Words& words, Config& config) {
  OverlayConfig& overlay = config.options.overlay;
  const bool discovers = overlay.join && overlay.join->discovers;
  if (config.options.only_asks() && overlay.bootstrap) {
    overlay.access = {*std::exchange(overlay.bootstrap, std::nullopt)};
  } else if (config.options.only_asks() && overlay.join && !discovers) {
    overlay.access = std::exchange(overlay.join, std::nullopt)->at;
    if (overlay.access.empty() && !config.options.join.empty()) config.options.host = config.options.join[0];
    config.options.join.clear();
  } else if (words.bootstrap.empty() && !overlay.join) {
    for (const IpAddress& address : overlay.local_addresses)
      overlay.access.push_back({address, kDefaultPort});
  }
}

}  // namespace

Result<void> check_client(const Words& words, Config& config) {
  if (auto checked = check_limits(words, config.options); !checked) return checked;
  OverlayConfig& overlay = config.options.overlay;
  const bool discovers = overlay.join && overlay.join->discovers;
  const bool joins = !words.bootstrap.empty() || overlay.join;
  overlay.kind = (joins && !config.options.only_asks()) || discovers ? PeerKind::Client : PeerKind::Guest;
  overlay.access_named = !words.node.empty() || joins;
  if (!words.node.empty()) {
    if (auto checked = check_access(words, config); !checked) return checked;
  } else {
    find_access(words, config);
  }
  return check_say(words, config);
}

}  // namespace ott
