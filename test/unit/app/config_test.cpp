// The command line, the environment and the file of --config, together: which one counts, what is wrong
// where, and --print-config.
#include "app/config.h"

#include <array>
#include <catch2/catch.hpp>
#include <map>

#include "../media/jpeg_helpers.h"

namespace ott {
namespace {

std::map<std::string, std::string> variables;  // the environment of the process that is asked for

class Asked {
 public:
  explicit Asked(const std::string& file = "") {
    variables.clear();
    const ByteSpan bytes(reinterpret_cast<const std::uint8_t*>(file.data()), file.size());
    if (!file.empty()) path = folder_.write("ottd.toml", bytes);
  }

  std::variant<Config, UsageExit> parse(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "ottd");
    if (!path.empty()) arguments.insert(arguments.end(), {"--config", path});
    std::vector<const char*> argv;
    for (const std::string& each : arguments) argv.push_back(each.c_str());
    return parse_command_line(static_cast<int>(argv.size()), argv.data(), [](const char* name) -> char* {
      const auto found = variables.find(name);
      return found == variables.end() ? nullptr : found->second.data();
    });
  }
  Config config(const std::vector<std::string>& arguments = {}) {
    auto parsed = parse(arguments);
    if (const auto* usage = std::get_if<UsageExit>(&parsed)) FAIL(usage->text);
    return std::get<Config>(std::move(parsed));
  }
  /// What is printed; with `file` for the name of the file.
  std::string said(const std::vector<std::string>& arguments, int status) {
    const auto parsed = parse(arguments);
    std::string text;
    if (const auto* usage = std::get_if<UsageExit>(&parsed)) {
      CHECK(usage->status == status);
      text = usage->text;
    } else {
      CHECK(status == 0);
      text = std::get<Config>(parsed).to_print.value_or("it runs");
    }
    for (std::size_t at = 0; !path.empty() && (at = text.find(path, at)) != std::string::npos;)
      text.replace(at, path.size(), "file");
    return text;
  }
  std::string error(const std::vector<std::string>& arguments = {}) { return said(arguments, 2); }

  std::string path;

 private:
  test::TemporaryDirectory folder_;
};

const std::string kNode = "role = 'node'\nbootstrap = '127.0.0.1'\n";

TEST_CASE("a file holds all that a process is to do") {
  Asked asked(
      "role = bootstrap\ntopology = '/etc/t.json'\nstream = ['a=pattern:', 'b=pattern:?metric=latency']\n"
      "http = 127.0.0.1:8080\nhttp-cors = '*'\nheartbeat = 50ms\nlog-format = json\n");
  const Config config = asked.config();
  CHECK(config.role == &kBootstrapRole);
  CHECK(config.file == asked.path);
  CHECK(config.options.topology_file == "/etc/t.json");
  CHECK(config.options.overlay.heartbeat == std::chrono::milliseconds(50));
  CHECK(config.log_format == LogFormat::Json);
  REQUIRE(config.options.publish.size() == 2);
  CHECK(config.options.publish[1] == StreamSpec{"b", "pattern:", Metric::Latency});
  REQUIRE(config.outlets.size() == 1);
  CHECK(config.outlets[0].arguments.value == "127.0.0.1:8080");
  CHECK(config.outlets[0].arguments.options.at("--http-cors") == "*");
}

TEST_CASE("the command line counts before the environment, and that before the file") {
  Asked asked(kNode +
              "overlay = 'of the file'\nstats = '/file'\nlog-level = 'error'\nstream = ['f=pattern:']\n");
  variables = {
      {"OTTD_OVERLAY", "of the environment"}, {"OTTD_STATS", "/environment"}, {"OTTD_LOG_LEVEL", ""}};
  const Config config = asked.config({"--overlay", "of the command line", "--stream", "c=pattern:"});
  CHECK(config.options.overlay.overlay_name == "of the command line");
  CHECK(config.stats_file == "/environment");
  CHECK(config.log_level == "error");  // an empty variable is none
  REQUIRE(config.options.publish.size() == 1);
  CHECK(config.options.publish[0].name == "c");
}

TEST_CASE("the environment has flags, lists and the file's name") {
  Asked asked;
  variables = {{"OTTD_ROLE", "node"},
               {"OTTD_DISCOVER", "true"},
               {"OTTD_STREAM", "a=pattern:\nb=exec:cat x, y"},
               {"OTTD_PORT_80_TCP", "tcp://10.0.0.1:80"},  // others have such names
               {"OTTD_LIST", "true"}};
  const Config config = asked.config();
  REQUIRE(config.options.overlay.join);
  CHECK(config.options.overlay.join->discovers);
  REQUIRE(config.options.publish.size() == 2);
  CHECK(config.options.publish[1].source == "exec:cat x, y");
  variables["OTTD_DISCOVER"] = "false";
  CHECK(asked.error() == "ottd: --role node needs --bootstrap ADDRESS, --join ADDRESS or --discover\n");
  variables["OTTD_DISCOVER"] = "perhaps";
  CHECK(asked.error() == "ottd: OTTD_DISCOVER: it is true or false\n");

  Asked with_file(kNode);
  variables = {{"OTTD_CONFIG", with_file.path}};
  with_file.path.clear();
  CHECK(with_file.config().role == &kNodeRole);
}

TEST_CASE("what is wrong in a file names the file, the line and the key") {
  const auto error = [](const std::string& more) { return Asked(kNode + more).error(); };
  CHECK(error("heartbeat = '1ms'\n") ==
        "ottd: file:3: heartbeat 1ms: 5ms is the shortest and 60s the longest\n");
  CHECK(error("\nhistory = '2m'\n") == "ottd: file:4: history: 60s is the longest\n");
  CHECK(error("memory = 64X\n").starts_with("ottd: file:3: memory 64X: a size is"));
  CHECK(error("id = 10.0.0\n").starts_with("ottd: file:3: id "));
  CHECK(error("topology = 't'\n") == "ottd: file:3: topology is not for --role node\n");
  CHECK(error("log-level = 'loud'\n") ==
        "ottd: file:3: log-level loud: there are debug, info, warning and error\n");
  CHECK(error("log-format = 'xml'\n") == "ottd: file:3: log-format xml: there are text and json\n");
  CHECK(error("placeholder = 'cat'\n") == "ottd: file:3: placeholder cat: there are none, freeze and text\n");
  CHECK(error("degree = '3-8'\n") == "ottd: file:3: degree needs --join or --discover\n");
  CHECK(error("roll = '10m'\n") == "ottd: file:3: roll needs --record\n");
  CHECK(error("stream = [\n  'a=pattern:',\n  'b',\n]\n")
            .starts_with("ottd: file:5: stream b: write NAME=SOURCE"));
  CHECK(error("stream = [\n'a=pattern:',\n'a=pattern:']\n") ==
        "ottd: file:5: stream: there are two streams 'a'\n");
  CHECK(error("stream = 'a=pattern:?metric=fast'\n") ==
        "ottd: file:3: stream 'a': ?metric=fast: there are cost, latency and quality\n");
  CHECK(error("stream = 'rtsp://u:secret@h/'\n").find("secret") == std::string::npos);
  CHECK(error("discover = 'perhaps'\n") == "ottd: file:3: discover: it is true or false\n");
  CHECK(error("http = ['1', '2']\n") == "ottd: file:3: http: it has one value, and no list\n");
  CHECK(error("list = true\n") == "ottd: file:3: list is for the command line alone\n");
  CHECK(error("config = 'other'\n") == "ottd: file:3: config is for the command line alone\n");
  CHECK(error("log-lvel = 'info'\n") ==
        "ottd: file:3: there is no key 'log-lvel'; the nearest is 'log-level'\n");
  CHECK(error("--http = 1\n") == "ottd: file:3: there is no key '--http'; the nearest is 'http'\n");
  CHECK(error("http = [\n").starts_with("ottd: file:"));
  CHECK(Asked("role = 'nod'\n").error().starts_with("ottd: file:1: role nod: no such role; there are:"));
  variables.clear();
  Asked none;
  CHECK(none.error({"--config", "/nowhere/f"}) ==
        "ottd: cannot read /nowhere/f: No such file or directory\n");
}

TEST_CASE("what is wrong elsewhere names the variable or the flag") {
  Asked asked(kNode);
  variables = {{"OTTD_HEARTBEAT", "1ms"}};
  CHECK(asked.error() == "ottd: OTTD_HEARTBEAT 1ms: 5ms is the shortest and 60s the longest\n");
  CHECK(asked.error({"--heartbeat", "2ms"}) ==
        "ottd: --heartbeat 2ms: 5ms is the shortest and 60s the longest\n");
  variables.clear();
  Asked client("role = 'client'\nbootstrap = '10.0.0.1'\n");
  CHECK(client.error({"--node", "10.0.0.2"}) ==
        "ottd: --node and file:2: bootstrap: one of them names whom to attach to\n");
}

TEST_CASE("a flag that there is not is answered with one that is like it") {
  Asked asked(kNode);
  const std::string list = "\nottd --help lists what there is\n";
  CHECK(asked.error({"--topolgy", "x.json"}) ==
        "ottd: The following arguments were not expected: x.json --topolgy; did you mean --topology?" + list);
  CHECK(asked.error({"--heart-beat=1s"}) ==
        "ottd: The following argument was not expected: --heart-beat=1s; did you mean --heartbeat?" + list);
  for (const char* nothing_like_it : {"--no-such-flag", "--", "-x"})
    CHECK(asked.error({nothing_like_it, "x"}).find("did you mean") == std::string::npos);
}

TEST_CASE("--print-config prints a file that makes the same process") {
  const std::vector<std::vector<std::string>> processes = {
      {"--role", "node", "--join", "10.0.0.1,10.0.0.2:7001", "--degree", "4-9", "--discover", "--overlay",
       "my \"own\""},
      {"--role", "bootstrap", "--topology", "t.json", "--stream", "a=pattern:640x480@30?metric=latency",
       "--stream", "b=exec:printf '%s' \"a\\n\" # x", "--stream", "c", "--dump", "frames", "--every", "10s",
       "--metric", "quality"},
      {"--role",      "client",      "--node",      "10.0.0.1",    "--stream", "a",
       "--http",      "[::1]:8080",  "--http-cors", "*",           "--record", "a.mkv",
       "--roll",      "1h",          "--frames",    "100",         "--start",  "1.5m",
       "--timeshift", "--heartbeat", "1s",          "--log-level", "debug",    "--log-format",
       "json",        "--stats",     "s",           "--control",   "/run/x",   "--memory",
       "64M",         "--history",   "5s"}};
  for (std::vector<std::string> arguments : processes) {
    CAPTURE(arguments);
    const Config given = Asked().config(arguments);
    arguments.emplace_back("--print-config");
    const std::string printed = Asked().said(arguments, 0);
    CAPTURE(printed);
    Asked again(printed);
    CHECK(again.said({"--print-config"}, 0) == printed);
    const Config read = again.config();
    CHECK(read.flags == given.flags);
    CHECK(read.role == given.role);
    CHECK(read.options.publish == given.options.publish);
    CHECK(read.options.watch == given.options.watch);
    CHECK(read.outlets.size() == given.outlets.size());
  }
}

TEST_CASE("--print-config has defaults as comments, and no credentials") {
  Asked asked(kNode + "stream = ['cam=rtsp://user:secret@10.0.0.9/a', 'b=pattern:']\n");
  const std::string printed = asked.said({"--print-config", "--memory", "1G"}, 0);
  CHECK(printed.find("\n# heartbeat = \"100ms\"\n") != std::string::npos);
  CHECK(printed.find("\nmemory = \"1G\"\n") != std::string::npos);
  CHECK(printed.find("secret") == std::string::npos);
  CHECK(printed.find("# Credentials are left out here.\nstream = [\n  \"cam=rtsp://10.0.0.9/a\",\n") !=
        std::string::npos);
  CHECK(asked.error({"--print-config", "--memory", "1"}).starts_with("ottd: --memory 1: 4M is the least"));
}

TEST_CASE("--print-config has no credentials, however they are written") {
  const auto printed = [](const std::string& source) {
    return Asked(kNode).said({"--print-config", "--stream", "cam=" + source}, 0);
  };
  for (const std::string source :
       {"rtsp://me:sec\"ret@h/a", "rtsp://me:sec'ret@h/a", "rtsp://me:\"secret\"@h/a",
        "rtsp://me:s/ec'ret@h/a", "http://h/a?password=secret", "http://h/a?x=1&token=secret",
        "http://h/a?pwd='sec ret'", "exec:ffmpeg -i 'rtsp://me:sec\"ret@h/a' -f mjpeg -",
        "exec:ffmpeg -i rtsp://me:sec\"ret@h/a -f mjpeg -",
        "exec:curl 'http://h/a?token=secret' \"http://me:secret@h\"",
        "exec:x 'rtsp://h','rtsp://me:secret@h'"}) {
    CAPTURE(source, printed(source));
    CHECK(printed(source).find("ret") == std::string::npos);
    CHECK(printed(source).find("# Credentials are left out here.\n") != std::string::npos);
  }
  CHECK(printed("exec:printf '%s' \"a b\"").find("# Credentials") == std::string::npos);
}

TEST_CASE("an error that turns up later names where its flag was given") {
  Asked asked(kNode + "stats = '/file'\nhttp = '8080'\nstream = ['a=pattern:',\n'b=pattern:']\n");
  variables = {{"OTTD_HTTP_TOKEN", "/token"}};
  CHECK(asked.error().starts_with("ottd: OTTD_HTTP_TOKEN /token: No such file"));
  variables = {{"OTTD_HTTP_CORS", "*"}};
  const Config config = asked.config({"--control", "/run/x"});
  const FlagOrigins& origins = config.origins;
  CHECK(origins.located("--stats: no room") == asked.path + ":3: stats: no room");
  CHECK(origins.located("--http 8080: taken") == asked.path + ":4: http 8080: taken");
  CHECK(origins.located("--http-cors *: no") == "OTTD_HTTP_CORS *: no");
  CHECK(origins.located("--control /run/x: no") == "--control /run/x: no");
  CHECK(origins.located("--topology: none") == "--topology: none");  // it was not given
  CHECK(origins.located("-- no flag") == "-- no flag");
  CHECK(origins.located("no room") == "no room");
  CHECK(config.options.publish[1].place == asked.path + ":6: ");
  Asked with_variable(kNode);
  variables = {{"OTTD_STREAM", "a=pattern:"}};
  CHECK(with_variable.config().options.publish.at(0).place == "OTTD_STREAM: ");
}

TEST_CASE("variables that mean nothing are named, with the nearest that does") {
  const std::array environment = {"PATH=/bin",
                                  "OTTD_HTTP=8080",
                                  "OTTD_CONFIG=/f",
                                  "OTTD_HTPP=8080",
                                  "OTTD_LOGLEVEL=x=y",
                                  "OTTD_LIST=true",
                                  static_cast<const char*>(nullptr)};
  CHECK(check_environment(environment.data()) ==
        std::vector<std::string>{"there is no variable OTTD_HTPP; the nearest is OTTD_HTTP",
                                 "there is no variable OTTD_LOGLEVEL; the nearest is OTTD_LOG_LEVEL",
                                 "OTTD_LIST means nothing: --list is for the command line alone"});
}

}  // namespace
}  // namespace ott
