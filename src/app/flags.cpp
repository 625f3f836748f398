#include "app/flags.h"

#include <fmt/format.h>

#include "io/inputs.h"
#include "io/outlets.h"
#include "ott/version.h"
#include "role/role_table.h"

namespace ott {
namespace {

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
                 "origin: what ways are chosen by: cost (the topology's, or hops), latency (round trips and\n"
                 "what links can carry) or quality (these, and loss); ?metric= for one stream")
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
  app.add_flag("--list", words.list, "client: print the streams there are, and end")->configurable(false);
  app.add_flag("--top", words.top, "client: show the overlay in the terminal, until q or Ctrl-C")
      ->configurable(false);
  app.add_option(
         "--why", words.why,
         "client: print why a stream goes to a node (an id or a name; none: to each that watches it) the\n"
         "way it does, and end")
      ->type_name("STREAM[,NODE]")
      ->configurable(false);
  app.add_flag("--timeshift", words.timeshift,
               "client: what comes during a pause is shown after it, as far behind as the pause was long");
  app.add_option("--control", words.control,
                 "take commands at this Unix socket: lines in, JSON out (help says which)")
      ->type_name("PATH");
  app.add_option("--say", words.say, "client: send this text, and end unless a --stream is named")
      ->type_name("TEXT")
      ->configurable(false);
  app.add_option("--to", words.to,
                 "client: to whom: NODE[,NODE…] (ids or neighbours' names), or all (the default)")
      ->type_name("NODES")
      ->configurable(false);
}

/// How the process runs, and what it says.
void declare_process(CLI::App& app, Words& words) {
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
  app.add_option("--log-format", words.log_format, "text, or json: an object a line")->type_name("FORMAT");
  app.add_option(
         "--config", words.config,
         "a TOML file with these flags' names as keys (http = \"8080\"), for what neither the command\n"
         "line nor the environment (OTTD_HTTP=8080) has; read again on SIGHUP")
      ->type_name("FILE")
      ->configurable(false);
  app.add_flag("--print-config", words.print_config,
               "check all that is given, print it as such a file, and end")
      ->configurable(false);
}

}  // namespace

std::string roles_help() {
  std::string text;
  for (const RoleSpec* role : kRoles) text += fmt::format("\n  {:<10} {}", role->name, role->summary);
  return text;
}

void declare_flags(CLI::App& app, Words& words) {
  app.set_version_flag("--version", fmt::format("ottd {}", version()))->configurable(false);
  app.get_help_ptr()->configurable(false);
  declare_place(app, words);
  declare_streams(app, words);
  declare_viewing(app, words);
  declare_process(app, words);
}

}  // namespace ott
