#include "app/config.h"

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <charconv>
#include <map>
#include <random>
#include <sstream>

#include "io/inputs.h"
#include "io/socket.h"
#include "media/source_spec.h"
#include "media/text.h"
#include "media/url.h"
#include "ott/message.h"
#include "overlay/messages.h"
#include "role/command.h"

namespace ott {
namespace {

constexpr const char* kVersion = "ottd 0.1.0";

/// The command line's words, before they mean anything.
struct Words {
  std::string role, topology, bootstrap, join, id, node, dump, stats;
  std::string degree = "3-8";
  std::string overlay{kOverlayNameDefault};
  std::string log_level;
  std::string tree = "shortest";
  std::string metric = "cost";
  std::string placeholder = "none";
  std::vector<std::string> streams;
  std::string heartbeat = "100ms";
  std::string history = "2s";
  std::string memory = "256M";
  std::string duration;
  std::string frames;
  std::string start, control, say, to, why;
  bool list = false, timeshift = false, discover = false;
  std::map<std::string_view, std::string> outlets;  // the values of outlets' flags, and of those beside them
};

std::string roles_help() {
  std::string text;
  for (const RoleSpec* role : kRoles) text += fmt::format("\n  {:<10} {}", role->name, role->summary);
  return text;
}

void declare(CLI::App& app, const OutletFlag& flag, Words& words) {
  if (app.get_option_no_throw(std::string(flag.name)) != nullptr) return;  // beside two outlets
  app.add_option(std::string(flag.name), words.outlets[flag.name], std::string(flag.help))
      ->type_name(std::string(flag.type_name));
}

/// What the process is, and where.
void declare_place(CLI::App& app, Words& words) {
  app.add_option("--role", words.role, "what this process is:" + roles_help())->type_name("ROLE");
  app.add_option("--bootstrap", words.bootstrap,
                 "node, client: the bootstrapper's address or host name (port 7000 unless given)")
      ->type_name("ADDRESS");
  app.add_option("--join", words.join,
                 "node, client: join the overlay that is at ADDRESS[,ADDRESS…] (or host names), without a\n"
                 "bootstrapper: neighbours are found by measurement")
      ->type_name("ADDRESSES");
  app.add_flag("--discover", words.discover,
               "node, client: join the overlay that is found on this host's links, by multicast");
  app.add_option("--degree", words.degree,
                 "beside --join, --discover: how many neighbours at least and at most (default: 3-8)")
      ->type_name("MIN-MAX");
  app.add_option("--overlay", words.overlay,
                 "the overlay's name (default: ott); those of other names are sent away")
      ->type_name("NAME");
  app.add_option("--id", words.id,
                 "this process's overlay address, where the host's interfaces do not tell it")
      ->type_name("ADDRESS");
  app.add_option("--topology", words.topology, "bootstrap: the overlay's JSON file")->type_name("FILE");
}

/// The streams that begin here, or are watched.
void declare_streams(CLI::App& app, Words& words) {
  app.add_option(
         "--stream", words.streams,
         "bootstrap, node: NAME=SOURCE to serve, any number; NAME: the one that a client watches, or a\n"
         "node's outlet takes (default: the first)\n"
         "SOURCE: " +
             inputs_help() +
             ",\n"
             "vod:FILE (a film on request: each viewer has its own position); of a DIRECTORY/ each clip, "
             "also\n"
             "behind vod:\n"
             "each may end in options, such as ?fps=N, ?eof=wait|end|loop, ?linger=TIME, ?metric=METRIC,\n"
             "?standby")
      ->type_name("STREAM");
  app.add_option("--placeholder", words.placeholder,
                 "origin: what is shown once a second while a source has no frames: none, freeze (the last\n"
                 "frame) or text (\"no signal since 12:03\")")
      ->type_name("KIND");
  app.add_option("--tree", words.tree,
                 "origin: shortest (each viewer at least cost) or shared (fewest links)")
      ->type_name("POLICY");
  app.add_option("--metric", words.metric,
                 "origin: what ways are chosen by: cost (the topology's, or hops), latency (round trips) or\n"
                 "quality (round trips, loss, and what links can carry); ?metric= for one stream")
      ->type_name("METRIC");
}

/// What a viewer does.
void declare_viewing(CLI::App& app, Words& words) {
  app.add_option("--node", words.node, "client: attach to this node as a guest, or to the nearest of several")
      ->type_name("ADDRESS[,ADDRESS…]");
  app.add_option("--dump", words.dump,
                 "write frames to DIR/00000001.jpg, …, or as a stream to - (standard output)")
      ->type_name("DIR");
  for (const OutletSpec* spec : outlet_specs()) {
    declare(app, spec->flag, words);
    for (const OutletFlag& option : spec->options) declare(app, option, words);
  }
  app.add_option("--frames", words.frames, "client: end after so many frames")->type_name("N");
  app.add_option("--duration", words.duration, "client: end after so long, like 10, 10s or 500ms")
      ->type_name("TIME");
  app.add_option("--start", words.start, "client: where a film on request begins, like 90, 90s or 1.5m")
      ->type_name("TIME");
  app.add_flag("--list", words.list, "client: print the streams there are, and end");
  app.add_option(
         "--why", words.why,
         "client: print why a stream goes to a node (an id or a name; none: to each that watches it) the\n"
         "way it does, and end")
      ->type_name("STREAM[,NODE]");
  app.add_flag("--timeshift", words.timeshift,
               "client: what comes during a pause is shown after it, as far behind as the pause was long");
  app.add_option("--control", words.control,
                 "take commands at this Unix socket: lines in, JSON out (help says which)")
      ->type_name("PATH");
  app.add_option("--say", words.say, "client: send this text, and end unless a --stream is named")
      ->type_name("TEXT");
  app.add_option("--to", words.to,
                 "client: to whom: NODE[,NODE…] (ids or neighbours' names), or all (the default)")
      ->type_name("NODES");
}

void declare(CLI::App& app, Words& words) {
  app.set_version_flag("--version", kVersion);
  declare_place(app, words);
  declare_streams(app, words);
  declare_viewing(app, words);
  app.add_option("--stats", words.stats, "write a JSON object a line to this file, each second")
      ->type_name("FILE");
  app.add_option("--heartbeat", words.heartbeat,
                 "hello interval on links to neighbours; a peer that misses three of its own has failed")
      ->type_name("TIME");
  app.add_option("--history", words.history,
                 "how far back a stream can be taken up again: up to 8 MiB of memory a second")
      ->type_name("TIME");
  app.add_option("--memory", words.memory,
                 "the most that the rings of all streams take together, like 64M or 1G (default: 256M)")
      ->type_name("SIZE");
  app.add_option("--log-level", words.log_level,
                 "debug, info, warning or error (default: info; beside a live line, warning)")
      ->type_name("LEVEL");
}

Result<std::uint64_t> parse_count(const std::string& flag, const std::string& text) {
  std::uint64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number);
  if (error == std::errc{} && rest == end && number > 0) return number;
  return fail(fmt::format("{} {}: a count is a whole number, 1 or more", flag, text));
}

constexpr std::size_t kMemoryMin = std::size_t{4} << 20U;
constexpr std::size_t kMemoryMax = std::size_t{1} << 40U;

Result<std::size_t> parse_size(const std::string& flag, const std::string& text) {
  std::size_t number = 0;
  const char* end = text.data() + text.size();
  const auto [unit, error] = std::from_chars(text.data(), end, number);
  const std::string_view rest(unit, static_cast<std::size_t>(end - unit));
  const unsigned shift = rest == "K" ? 10 : rest == "M" ? 20 : rest == "G" ? 30 : 0;
  if (error != std::errc{} || (shift == 0 && !rest.empty())) {
    return fail(fmt::format(
        "{} {}: a size is a number of bytes, or one with K, M or G (powers of 1024): 64M, 1G", flag, text));
  }
  if (number > (kMemoryMax >> shift) || number << shift < kMemoryMin) {
    return fail(fmt::format("{} {}: 4M is the least and 1024G the most", flag, text));
  }
  return number << shift;
}

constexpr Duration kHistoryMax = std::chrono::seconds(60);

/// A ring is large enough for its history as long as the stream has less than 64 Mbit/s.
std::size_t ring_bytes_for(Duration history) {
  constexpr double kBytesPerSecond = 8U << 20U;
  constexpr std::size_t kBytesMin = 4U << 20U;
  return std::max(kBytesMin,
                  static_cast<std::size_t>(kBytesPerSecond * std::chrono::duration<double>(history).count()));
}

/// True for what may be a host's name, and is no address that has been written wrongly.
bool is_host_name(std::string_view text) {
  const auto fits = [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return std::isalnum(byte) != 0 || c == '-' || c == '.' || c == '_';
  };
  const auto is_letter = [](char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0; };
  return !text.empty() && text.size() <= 253 && std::ranges::all_of(text, fits) &&
         std::ranges::any_of(text, is_letter) && text.front() != '-' && text.front() != '.';
}

Result<std::variant<NodeId, HostName>> parse_place(const std::string& flag, const std::string& text) {
  auto id = parse_node_id(text);
  if (id) return *id;
  const std::size_t colon = std::min(text.rfind(':'), text.size());
  HostName name{text.substr(0, colon)};
  if (!is_host_name(name.host))
    return fail(
        fmt::format("{} {}; write ADDRESS, ADDRESS:PORT, HOST or HOST:PORT", flag, id.error().message));
  if (colon == text.size()) return name;
  // An address in place of the name shows whether the port is one.
  const auto with_port = parse_node_id("0.0.0.0" + text.substr(colon));
  if (!with_port)
    return fail(fmt::format("{} {}: '{}' is not a port from 1 to 65535", flag, text, text.substr(colon + 1)));
  name.port = with_port->port;
  return name;
}

Result<NodeId> parse_address(const std::string& flag, const std::string& text) {
  auto id = parse_node_id(text);
  if (!id) return fail(fmt::format("{} {}; write ADDRESS or ADDRESS:PORT", flag, id.error().message));
  return id;
}

/// What stands before the first '=' is no name but a source, whose options or query have it.
bool is_source(std::string_view before_equals) {
  return before_equals.find("://") != std::string_view::npos || before_equals.starts_with("-?") ||
         before_equals.ends_with("?fps") || before_equals.ends_with("?eof");
}

Result<Metric> parse_metric(std::string_view what, std::string_view text) {
  for (const Metric metric : {Metric::Cost, Metric::Latency, Metric::Quality}) {
    if (text == to_string(metric)) return metric;
  }
  return fail(fmt::format("{}{}: there are cost, latency and quality", what, text));
}

Result<void> streams(const Words& words, Config& config) {
  const auto usual = parse_metric("--metric ", words.metric);
  if (!usual) return tl::unexpected<Error>(usual.error());
  if (config.role == &kClientRole) {
    if (words.streams.size() > 1)
      return fail("--stream: a client watches one stream; start one client for each");
    if (!words.streams.empty()) config.options.watch = words.streams.front();
    if (config.options.watch.find('=') != std::string::npos) {
      return fail(fmt::format(
          "--stream {}: a client names a stream only; NAME=SOURCE is for --role bootstrap or node",
          config.options.watch));
    }
    return {};
  }
  if (words.streams.size() > kStateStreamsMax) {
    return fail(fmt::format("--stream: a process has at most {} streams, and here are {}", kStateStreamsMax,
                            words.streams.size()));
  }
  const bool takes_one = !config.dump.empty() || std::ranges::any_of(config.outlets, [](const auto& outlet) {
    return outlet.first->of_one_stream;
  });
  for (const std::string& word : words.streams) {
    const auto equals = word.find('=');
    if (equals == std::string::npos && takes_one && !is_source(word)) {
      if (!config.options.watch.empty())
        return fail(fmt::format("--stream {}: there is one stream already that outlets take, '{}'", word,
                                config.options.watch));
      config.options.watch = word;
      continue;
    }
    if (equals == 0 || equals == std::string::npos || equals + 1 == word.size() ||
        is_source(std::string_view(word).substr(0, equals))) {
      return fail(fmt::format("--stream {}: write NAME=SOURCE, such as cam=pattern: or film=movie.mjpeg",
                              without_credentials(word)));
    }
    StreamSpec spec{word.substr(0, equals), word.substr(equals + 1)};
    const auto option = take_option(spec.source, "metric");
    const auto metric = option ? parse_metric("?metric=", *option) : usual;
    if (!metric) return fail(fmt::format("stream '{}': {}", spec.name, metric.error().message));
    spec.metric = *metric;
    if (spec.name.size() > 255) return fail("--stream: a name has at most 255 bytes");
    if (to_utf8(spec.name) != spec.name) return fail("--stream: a name is text in UTF-8");
    if (has_control_character(spec.name)) return fail("--stream: a name has no control characters");
    for (const StreamSpec& other : config.options.publish) {
      if (other.name == spec.name)
        return fail(fmt::format("--stream: there are two streams '{}'", spec.name));
      if (other.source.starts_with('-') && spec.source.starts_with('-')) {
        return fail("--stream: only one stream can come from standard input");
      }
    }
    config.options.publish.push_back(std::move(spec));
  }
  return {};
}

/// Which role a flag is for. A flag that the role would ignore is wrong usage.
struct FlagUse {
  const char* flag;
  bool bootstrap, node, client;
};
constexpr std::array kFlagUses = {
    FlagUse{"--topology", true, false, false}, FlagUse{"--tree", true, true, false},
    FlagUse{"--metric", true, true, false},    FlagUse{"--placeholder", true, true, false},
    FlagUse{"--stream", true, true, true},     FlagUse{"--bootstrap", false, true, true},
    FlagUse{"--node", false, false, true},     FlagUse{"--list", false, false, true},
    FlagUse{"--frames", false, false, true},   FlagUse{"--duration", false, false, true},
    FlagUse{"--start", false, false, true},    FlagUse{"--timeshift", false, false, true},
    FlagUse{"--say", false, false, true},      FlagUse{"--to", false, false, true},
    FlagUse{"--why", false, false, true},      FlagUse{"--join", false, true, true},
    FlagUse{"--degree", false, true, true},    FlagUse{"--discover", false, true, true},
};

/// The outlets that were asked for, with the flags beside them.
Result<void> outlets(const CLI::App& app, const Words& words, Config& config) {
  std::vector<std::string_view> used;
  for (const OutletSpec* spec : outlet_specs()) {
    if (app.count(std::string(spec->flag.name)) == 0) continue;
    OutletArguments arguments;
    arguments.value = words.outlets.at(spec->flag.name);
    for (const OutletFlag& option : spec->options) {
      if (app.count(std::string(option.name)) == 0) continue;
      arguments.options[option.name] = words.outlets.at(option.name);
      used.push_back(option.name);
    }
    config.outlets.emplace_back(spec, std::move(arguments));
  }
  if (app.count("--every") > 0 && !config.dump.empty()) {  // beside --dump as well
    const auto every = parse_time("--every", words.outlets.at("--every"));
    if (!every) return tl::unexpected<Error>(every.error());
    config.options.every = *every;
    used.emplace_back("--every");
  }
  for (const OutletSpec* spec : outlet_specs()) {
    for (const OutletFlag& option : spec->options) {
      if (app.count(std::string(option.name)) == 0 || std::ranges::count(used, option.name) > 0) continue;
      const std::string dump = option.name == "--every" ? "--dump or " : "";
      return fail(fmt::format("{} needs {}{}", option.name, dump, spec->flag.name));
    }
  }
  return {};
}

Result<void> check_flags(const CLI::App& app, const Config& config) {
  for (const FlagUse& use : kFlagUses) {
    if (app.count(use.flag) == 0) continue;
    const bool fits = config.role == &kBootstrapRole ? use.bootstrap
                      : config.role == &kNodeRole    ? use.node
                                                     : use.client;
    if (!fits) return fail(fmt::format("{} is not for --role {}", use.flag, config.role->name));
  }
  return {};
}

constexpr unsigned kDegreeMax = 64;

/// "3-8".
Result<void> parse_degree(const std::string& text, JoinConfig& join) {
  const std::size_t dash = text.find('-');
  const auto least = parse_count("--degree", text.substr(0, dash));
  const auto most = dash == std::string::npos ? least : parse_count("--degree", text.substr(dash + 1));
  if (!least || !most || *least < 2 || *most > kDegreeMax || *most < *least + 2) {
    return fail(
        fmt::format("--degree {}: write MIN-MAX, such as 3-8; MIN is 2 or more, MAX at least 2 more than "
                    "that, and {} at most",
                    text, kDegreeMax));
  }
  join.degree_min = static_cast<unsigned>(*least);
  join.degree_max = static_cast<unsigned>(*most);
  return {};
}

/// How this process finds its neighbours itself, if it does.
Result<void> join_options(const CLI::App& app, const Words& words, Config& config) {
  OverlayConfig& overlay = config.options.overlay;
  if (words.overlay.empty() || words.overlay.size() > kOverlayNameBytesMax ||
      has_control_character(words.overlay) || to_utf8(words.overlay) != words.overlay) {
    return fail(fmt::format("--overlay: a name is text of 1 to {} bytes", kOverlayNameBytesMax));
  }
  overlay.overlay_name = words.overlay;
  if (app.count("--join") == 0 && !words.discover) {
    if (app.count("--degree") > 0) return fail("--degree needs --join or --discover");
    return {};
  }
  JoinConfig join;
  join.discovers = words.discover;
  if (auto parsed = parse_degree(words.degree, join); !parsed) return parsed;
  for (std::size_t begin = 0; app.count("--join") > 0 && begin <= words.join.size();) {
    const std::size_t end = std::min(words.join.find(',', begin), words.join.size());
    const auto place = parse_place("--join", words.join.substr(begin, end - begin));
    if (!place) return tl::unexpected(place.error());
    if (const auto* id = std::get_if<NodeId>(&*place)) join.at.push_back(*id);
    if (const auto* host = std::get_if<HostName>(&*place)) config.options.join.push_back(*host);
    begin = end + 1;
  }
  overlay.join = std::move(join);
  return {};
}

Result<void> overlay_options(const Words& words, Config& config) {
  OverlayConfig& overlay = config.options.overlay;
  if (!words.id.empty()) {
    const auto id = parse_address("--id", words.id);
    if (!id) return tl::unexpected(id.error());
    overlay.id = *id;
  }
  if (!words.bootstrap.empty()) {
    const auto place = parse_place("--bootstrap", words.bootstrap);
    if (!place) return tl::unexpected(place.error());
    if (const auto* id = std::get_if<NodeId>(&*place)) overlay.bootstrap = *id;
    if (const auto* host = std::get_if<HostName>(&*place)) config.options.host = *host;
  }
  const auto heartbeat = parse_time("--heartbeat", words.heartbeat);
  if (!heartbeat) return tl::unexpected(heartbeat.error());
  if (*heartbeat < std::chrono::milliseconds(kHelloMsMin) ||
      *heartbeat > std::chrono::milliseconds(kHelloMsMax)) {
    return fail(fmt::format("--heartbeat {}: 5ms is the shortest and 60s the longest", words.heartbeat));
  }
  overlay.heartbeat = *heartbeat;
  const auto history = parse_time("--history", words.history);
  if (!history) return tl::unexpected(history.error());
  if (*history > kHistoryMax) return fail("--history: 60s is the longest");
  overlay.history = *history;
  overlay.ring_bytes = ring_bytes_for(*history);
  const auto memory = parse_size("--memory", words.memory);
  if (!memory) return tl::unexpected(memory.error());
  overlay.memory_bytes = *memory;
  if (words.tree != "shortest" && words.tree != "shared") {
    return fail(fmt::format("--tree {}: there are shortest and shared", words.tree));
  }
  constexpr std::array kPlaceholders = {std::pair{"none", PlaceholderKind::None},
                                        std::pair{"freeze", PlaceholderKind::Freeze},
                                        std::pair{"text", PlaceholderKind::Text}};
  const auto placeholder =
      std::ranges::find(kPlaceholders, words.placeholder, &std::pair<const char*, PlaceholderKind>::first);
  if (placeholder == kPlaceholders.end())
    return fail(fmt::format("--placeholder {}: there are none, freeze and text", words.placeholder));
  config.options.placeholder = placeholder->second;
  overlay.tree_policy = words.tree == "shared" ? TreePolicy::Shared : TreePolicy::Shortest;
  overlay.local_addresses = interface_addresses();
  if (overlay.id && !can_bind(overlay.id->address)) {
    return fail(fmt::format("--id {}: no interface of this host has this address", to_string(*overlay.id)));
  }
  overlay.incarnation = static_cast<std::uint64_t>(
      std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now()).time_since_epoch().count());
  overlay.random_seed = std::random_device()();
  return {};
}

/// What a client is to say, and to whom. One that is to do nothing else watches nothing.
Result<void> say_options(const CLI::App& app, const Words& words, Config& config) {
  RoleOptions& options = config.options;
  if (app.count("--to") > 0 && app.count("--say") == 0) return fail("--to needs --say");
  if (app.count("--say") == 0) return {};
  if (options.only_asks()) return fail("--say, --list and --why: one of them");
  if (auto good = check_message_text(words.say); !good) return fail("--say: " + good.error().message);
  options.say = words.say;
  if (app.count("--to") > 0) {
    auto nodes = parse_nodes(words.to);
    if (!nodes) return fail(fmt::format("--to {}: {}", words.to, nodes.error().message));
    options.say_to = std::move(*nodes);
  }
  options.watches = !words.streams.empty() || !config.dump.empty() || !config.outlets.empty();
  return {};
}

Result<void> client_options(const Words& words, Config& config) {
  OverlayConfig& overlay = config.options.overlay;
  config.options.list = words.list;
  if (!words.why.empty()) {
    if (words.list) return fail("--list and --why: one of them");
    const auto comma = words.why.rfind(',');
    const std::string node = comma == std::string::npos ? "" : words.why.substr(comma + 1);
    config.options.why = {words.why.substr(0, comma), node};
  }
  config.options.timeshift = words.timeshift;
  if (!words.frames.empty()) {
    const auto frames = parse_count("--frames", words.frames);
    if (!frames) return tl::unexpected(frames.error());
    config.options.frames = *frames;
  }
  if (!words.duration.empty()) {
    const auto duration = parse_time("--duration", words.duration);
    if (!duration) return tl::unexpected(duration.error());
    config.options.duration = *duration;
  }
  if (!words.start.empty()) {
    const auto start = parse_time("--start", words.start);
    if (!start) return tl::unexpected(start.error());
    config.options.film_start = *start;
  }
  // Who only asks is a guest of whom it asks; whom it has to discover it joins.
  const bool discovers = overlay.join && overlay.join->discovers;
  const bool joins = !words.bootstrap.empty() || overlay.join;
  overlay.kind = (joins && !config.options.only_asks()) || discovers ? PeerKind::Client : PeerKind::Guest;
  overlay.access_named = !words.node.empty() || joins;
  if (!words.node.empty()) {
    if (!words.bootstrap.empty()) return fail("--node and --bootstrap: one of them names whom to attach to");
    if (overlay.join) return fail("--node and --join or --discover: one of them says whom to attach to");
    if (words.node.find(',') == std::string::npos) {
      const auto place = parse_place("--node", words.node);
      if (!place) return tl::unexpected(place.error());
      if (const auto* node = std::get_if<NodeId>(&*place)) overlay.access = {*node};
      if (const auto* host = std::get_if<HostName>(&*place)) config.options.host = *host;
      return {};
    }
    std::istringstream each(words.node);
    for (std::string text; std::getline(each, text, ',');) {
      const auto node = parse_address("--node", text);
      if (!node) return tl::unexpected(node.error());
      overlay.access.push_back(*node);
    }
  } else if (config.options.only_asks() && overlay.bootstrap) {
    overlay.access = {*std::exchange(overlay.bootstrap, std::nullopt)};
  } else if (config.options.only_asks() && overlay.join && !discovers) {
    overlay.access = std::exchange(overlay.join, std::nullopt)->at;
    if (overlay.access.empty() && !config.options.join.empty()) config.options.host = config.options.join[0];
    config.options.join.clear();
  } else if (words.bootstrap.empty() && !overlay.join) {
    for (const IpAddress& address : overlay.local_addresses)
      overlay.access.push_back({address, kDefaultPort});
  }
  return {};
}

Result<Config> configure(const CLI::App& app, const Words& words) {
  Config config;
  const auto role = std::find_if(kRoles.begin(), kRoles.end(),
                                 [&words](const RoleSpec* spec) { return spec->name == words.role; });
  if (role == kRoles.end()) {
    return fail((words.role.empty() ? std::string("--role is missing; there are:")
                                    : fmt::format("--role {}: no such role; there are:", words.role)) +
                roles_help());
  }
  config.role = *role;
  config.options.topology_file = words.topology;
  config.stats_file = words.stats;
  config.dump = words.dump;
  config.control = words.control;
  if (app.count("--control") > 0 && words.control.empty()) return fail("--control: the path is missing");
  if (words.dump == "-" && ::isatty(STDOUT_FILENO) != 0) {
    return fail(
        "--dump -: standard output is this terminal, which shows no pictures; pipe them into a player: "
        "ottd --role client … --dump - | ffplay -f mjpeg -");
  }
  config.log_level = words.log_level;
  if (auto fits = check_flags(app, config); !fits) return tl::unexpected(fits.error());
  if (auto parsed = overlay_options(words, config); !parsed) return tl::unexpected(parsed.error());
  if (auto parsed = join_options(app, words, config); !parsed) return tl::unexpected(parsed.error());
  if (auto parsed = outlets(app, words, config); !parsed) return tl::unexpected(parsed.error());
  if (auto parsed = streams(words, config); !parsed) return tl::unexpected(parsed.error());
  if (config.role == &kClientRole) {
    if (auto parsed = client_options(words, config); !parsed) return tl::unexpected(parsed.error());
    if (auto parsed = say_options(app, words, config); !parsed) return tl::unexpected(parsed.error());
  }
  if (config.role == &kBootstrapRole) {
    config.options.overlay.kind = PeerKind::Bootstrap;
    if (words.topology.empty()) return fail("--role bootstrap needs --topology FILE");
    if (config.options.publish.empty())
      config.options.publish.push_back({"pattern", "pattern:", *parse_metric("", words.metric)});
  }
  for (auto& [spec, arguments] : config.outlets) arguments.stream = config.options.watch;
  if (config.role == &kNodeRole && words.bootstrap.empty() && !config.options.overlay.join) {
    return fail("--role node needs --bootstrap ADDRESS, --join ADDRESS or --discover");
  }
  constexpr std::array<std::string_view, 4> kLevels = {"debug", "info", "warning", "error"};
  if (!config.log_level.empty() &&
      std::find(kLevels.begin(), kLevels.end(), config.log_level) == kLevels.end()) {
    return fail(fmt::format("--log-level {}: there are debug, info, warning and error", config.log_level));
  }
  return config;
}

}  // namespace

std::variant<Config, UsageExit> parse_command_line(int argc, const char* const* argv) {
  CLI::App app("Live streams over an overlay of ordinary hosts: one copy per link.", "ottd");
  Words words;
  declare(app, words);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    return UsageExit{0, app.help()};
  } catch (const CLI::CallForVersion&) {
    return UsageExit{0, std::string(kVersion) + "\n"};
  } catch (const CLI::ParseError& error) {
    return UsageExit{2, fmt::format("ottd: {}\nottd --help lists what there is\n", error.what())};
  }
  auto config = configure(app, words);
  if (!config) return UsageExit{2, fmt::format("ottd: {}\n", config.error().message)};
  return *config;
}

}  // namespace ott
