#include "plan.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <array>
#include <cmath>
#include <filesystem>
#include <sstream>

#include "frames.h"
#include "ott/version.h"

namespace ott::load {
namespace {

constexpr const char* kFooter =
    "Viewers and publishers may be in one process or in several. Examples:\n"
    "  500 viewers of a node's stream for ten seconds:\n"
    "    ott-load --viewers 500 --to 10.0.1.2\n"
    "  a stream of 30 frames of 50,000 bytes a second, as node 10.0.0.7 of an overlay:\n"
    "    ott-load --publish 1 --bootstrap 10.0.0.10 --id 10.0.0.7\n"
    "  200 viewers of MJPEG over HTTP:\n"
    "    ott-load --protocol http --viewers 200 --to http://10.0.1.2:8080/cam\n"
    "Latency is from the time of the source to the frame's last byte, by the wall clocks of both hosts.\n"
    "Exit status: 0; 1 when a viewer could not watch to the end; 2 wrong usage.";

constexpr std::size_t kViewersMax = 10'000;
constexpr std::size_t kStreamsMax = 1'000;
constexpr std::size_t kFrameBytesMin = 64;
constexpr std::size_t kFrameBytesMax = 4U << 20U;
constexpr double kFpsMax = 10'000;

/// The command line's words, before they mean anything.
struct Words {
  std::string protocol = "ott";
  std::string to, bootstrap, id, listen, from;
  std::string warm_up = "2s", duration, patience = "30s", pause;
  double read_rate = 0;
};

void declare(CLI::App& app, Words& words, Plan& plan) {
  app.set_version_flag("--version", fmt::format("ott-load {}", version()));
  app.footer(kFooter);
  app.add_option("--protocol", words.protocol,
                 "ott (default), http (multipart MJPEG) or floor (the bench's)");
  app.add_option("--viewers", plan.viewers, "so many viewers, at most 10,000")->type_name("N");
  app.add_option("--to", words.to, "viewers: a node's ADDRESS, or http://ADDRESS:PORT/PATH")
      ->type_name("WHERE");
  app.add_option("--stream", plan.stream, "viewers: this stream (default: evenly all that there are)")
      ->type_name("NAME");
  app.add_option("--from", words.from,
                 "viewers: connect from addresses of this range, such as 127.7 (127.7.0.1, …)")
      ->type_name("RANGE");
  app.add_option("--receive-buffer", plan.receive_buffer_bytes,
                 "viewers: of each socket, fixed (default: the kernel finds it, and not always the same)")
      ->type_name("BYTES");
  app.add_option("--slow", plan.slow, "so many of the viewers are slow, by --read-rate or --pause")
      ->type_name("N");
  app.add_option("--read-rate", words.read_rate, "what a slow viewer reads")->type_name("BYTES/S");
  app.add_option("--pause", words.pause, "a slow viewer reads nothing for so long, then goes on")
      ->type_name("TIME");
  app.add_flag("--stampede", plan.stampede,
               "when all play, all disconnect and connect again at once; reports how long it took");
  app.add_option("--publish", plan.publish, "publish so many streams")->type_name("N");
  app.add_option("--name", plan.name, "publish: the stream's name; of several: NAME1, NAME2, … (load)")
      ->type_name("NAME");
  app.add_option("--bootstrap", words.bootstrap, "publish, ott: the bootstrapper's address")
      ->type_name("ADDRESS");
  app.add_option("--id", words.id, "publish, ott: the node of the topology to be")->type_name("ADDRESS");
  app.add_option("--listen", words.listen, "publish, http and floor: serve here")->type_name("ADDRESS:PORT");
  app.add_option("--gop", plan.gop,
                 "publish: each so many frames decoding can begin, with one four times as large (1)")
      ->type_name("N")
      ->check(CLI::Range(1, 100'000));
  app.add_flag("--audio", plan.audio,
               "publish: beside each stream one of 50 small packets of audio a second");
  app.add_option("--frame-bytes", plan.frame_bytes, "publish: a frame's size (50000)")->type_name("N");
  app.add_option("--fps", plan.fps, "publish: frames a second (30); 0: as many as are taken")->type_name("N");
  app.add_option("--warm-up", words.warm_up, "between the last viewer's first frame and the measurement (2s)")
      ->type_name("TIME");
  app.add_option("--duration", words.duration,
                 "of the measurement (10s); of publishing alone: until it is told to stop")
      ->type_name("TIME");
  app.add_option("--patience", words.patience, "for all viewers to have their first frame (30s)")
      ->type_name("TIME");
  app.add_option("--process", plan.processes,
                 "measure this process of this host, too: CPU per delivered GiB, memory; any number")
      ->type_name("PID");
  app.add_option("--json", plan.json_file, "write the results to this file, too")->type_name("FILE");
  // The library takes -3 for a very large number.
  const auto not_negative = [](const std::string& text) {
    return text.starts_with('-') ? text + " is less than 0" : std::string();
  };
  for (const char* option : {"--viewers", "--receive-buffer", "--slow", "--read-rate", "--publish",
                             "--frame-bytes", "--fps", "--gop", "--audio", "--process"})
    app.get_option(option)->check(not_negative);
}

Result<Duration> parse_duration(const char* flag, const std::string& text) {
  double number = 0;
  std::string unit;
  std::istringstream in(text);
  if (in >> number) in >> unit;
  const double seconds = unit.empty() || unit == "s" ? number
                         : unit == "ms"              ? number / 1000
                         : unit == "m"               ? number * 60
                                                     : -1;
  if (!(seconds >= 0) || seconds > 1e9 || !in.eof()) {
    return fail(fmt::format("{} {}: a time is a number, in seconds or with its unit: 10, 10s, 500ms, 2m",
                            flag, text));
  }
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
}

Result<NodeId> parse_address(const char* flag, const std::string& text) {
  auto id = parse_node_id(text);
  if (!id) return fail(fmt::format("{} {}; write ADDRESS or ADDRESS:PORT", flag, id.error().message));
  return id;
}

/// http://ADDRESS[:PORT][/PATH]
Result<void> parse_url(const std::string& text, Plan& plan) {
  constexpr std::string_view kScheme = "http://";
  constexpr std::uint16_t kHttpPort = 80;
  if (!text.starts_with(kScheme)) return fail(fmt::format("--to {}: write http://ADDRESS:PORT/PATH", text));
  const std::size_t slash = std::min(text.find('/', kScheme.size()), text.size());
  plan.host = text.substr(kScheme.size(), slash - kScheme.size());
  if (slash < text.size()) plan.path = text.substr(slash);
  auto to = parse_address("--to", plan.host);
  if (!to) return tl::unexpected(to.error());
  plan.to = *to;
  if (plan.host.find("]:") == std::string::npos && plan.host.find(':') == plan.host.rfind(':') &&
      plan.host.find(':') == std::string::npos) {
    plan.to.port = kHttpPort;
  }
  return {};
}

Result<void> viewer_options(const Words& words, Plan& plan) {
  if (plan.viewers > kViewersMax) return fail(fmt::format("--viewers: at most {}", kViewersMax));
  if (words.to.empty()) return fail("--viewers needs --to, whom they connect to");
  if (plan.protocol == Protocol::Http) {
    if (auto parsed = parse_url(words.to, plan); !parsed) return parsed;
  } else {
    auto to = parse_address("--to", words.to);
    if (!to) return tl::unexpected(to.error());
    plan.to = *to;
  }
  if (!plan.stream.empty() && plan.protocol != Protocol::Ott)
    return fail("--stream: only ott has named streams");
  if (!words.from.empty()) {
    plan.from_range = words.from + (words.from.ends_with('.') ? "" : ".");
    if (!parse_ip(*plan.from_range + "0.1") || !plan.to.address.is_v4()) {
      return fail(
          fmt::format("--from {}: the first two numbers of IPv4 addresses, such as 127.7", words.from));
    }
  }
  if (plan.slow > plan.viewers) return fail("--slow: more than --viewers");
  plan.read_rate = words.read_rate;
  if (!(plan.read_rate >= 0)) return fail("--read-rate: bytes a second");
  if (!words.pause.empty()) {
    auto pause = parse_duration("--pause", words.pause);
    if (!pause) return tl::unexpected(pause.error());
    plan.pause = *pause;
  }
  const bool how = plan.read_rate > 0 || plan.pause > Duration{};
  if ((plan.slow > 0) != how) return fail("--slow N goes with --read-rate or --pause, which say how");
  if (plan.read_rate > 0 && plan.pause > Duration{}) return fail("--read-rate and --pause: one of them");
  if (words.duration.empty()) plan.duration = std::chrono::seconds(10);
  return {};
}

Result<void> publisher_options(const Words& words, Plan& plan) {
  if (plan.publish > kStreamsMax) return fail(fmt::format("--publish: at most {} streams", kStreamsMax));
  if (plan.frame_bytes < kFrameBytesMin || plan.frame_bytes > kFrameBytesMax) {
    return fail(fmt::format("--frame-bytes {}: {} to {}", plan.frame_bytes, kFrameBytesMin, kFrameBytesMax));
  }
  if (!(plan.fps >= 0) || plan.fps > kFpsMax) return fail(fmt::format("--fps: 0 to {}", kFpsMax));
  if (plan.protocol != Protocol::Ott) {
    if (words.listen.empty()) return fail("--publish over http or floor needs --listen, where it serves");
    if (plan.publish != 1) return fail("--publish: over http or floor, a process serves one stream");
    auto listen = parse_address("--listen", words.listen);
    if (!listen) return tl::unexpected(listen.error());
    plan.listen = *listen;
    return {};
  }
  if (words.bootstrap.empty()) return fail("--publish needs --bootstrap, the overlay to join");
  auto bootstrap = parse_address("--bootstrap", words.bootstrap);
  if (!bootstrap) return tl::unexpected(bootstrap.error());
  plan.bootstrap = *bootstrap;
  if (words.id.empty()) return {};
  auto id = parse_address("--id", words.id);
  if (!id) return tl::unexpected(id.error());
  plan.id = *id;
  return {};
}

Result<void> common_options(const Words& words, Plan& plan) {
  if (words.protocol == "ott") {
    plan.protocol = Protocol::Ott;
  } else if (words.protocol == "floor") {
    plan.protocol = Protocol::Floor;
  } else if (words.protocol == "http") {
    plan.protocol = Protocol::Http;
  } else {
    return fail(fmt::format("--protocol {}: there are ott, http and floor", words.protocol));
  }
  struct Time {
    const char* flag;
    const std::string& text;
    Duration& into;
  };
  for (const Time& time :
       {Time{"--warm-up", words.warm_up, plan.warm_up}, Time{"--duration", words.duration, plan.duration},
        Time{"--patience", words.patience, plan.patience}}) {
    if (time.text.empty()) continue;
    const auto parsed = parse_duration(time.flag, time.text);
    if (!parsed) return tl::unexpected(parsed.error());
    time.into = *parsed;
  }
  if (plan.viewers == 0 && plan.publish == 0) return fail("--viewers or --publish says what there is to do");
  const std::filesystem::path folder = std::filesystem::path(plan.json_file).parent_path();
  if (!plan.json_file.empty() && !folder.empty() && !std::filesystem::is_directory(folder)) {
    return fail(fmt::format("--json {}: there is no folder {}", plan.json_file, folder.string()));
  }
  return {};
}

Result<void> check(const Words& words, Plan& plan) {
  if (auto good = common_options(words, plan); !good) return good;
  if (plan.viewers > 0) {
    if (auto good = viewer_options(words, plan); !good) return good;
  } else if (!words.to.empty() || plan.slow > 0 || plan.stampede) {
    return fail("--to, --slow and --stampede are about viewers; --viewers says how many");
  }
  if (plan.publish > 0) return publisher_options(words, plan);
  if (!words.bootstrap.empty() || !words.listen.empty() || !words.id.empty()) {
    return fail("--bootstrap, --id and --listen are about publishing; --publish says how many streams");
  }
  return {};
}

}  // namespace

std::string_view to_string(Protocol protocol) {
  constexpr std::array<std::string_view, 3> kNames = {"ott", "floor", "http"};
  return kNames.at(static_cast<std::size_t>(protocol));
}

std::variant<Plan, UsageExit> parse_command_line(int argc, const char* const* argv) {
  CLI::App app("Many viewers of a stream, or streams' publishers, in one process; measures what viewers get.",
               "ott-load");
  Words words;
  Plan plan;
  declare(app, words, plan);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    return UsageExit{0, app.help()};
  } catch (const CLI::CallForVersion& version) {
    return UsageExit{0, std::string(version.what()) + "\n"};
  } catch (const CLI::ParseError& error) {
    return UsageExit{2, fmt::format("ott-load: {}\nott-load --help lists what there is\n", error.what())};
  }
  if (auto good = check(words, plan); !good) {
    return UsageExit{2, fmt::format("ott-load: {}\n", good.error().message)};
  }
  return plan;
}

}  // namespace ott::load
