// A configuration that is read again while the real roles run, on a virtual network and clock: all of it
// takes effect, or nothing.
#include <catch2/catch.hpp>

#include "../../sim/insight.h"
#include "../../sim/lab.h"
#include "../media/jpeg_helpers.h"
#include "role/overlay_role.h"

namespace ott {
namespace {

using sim::ip;
using sim::Lab;
using sim::Process;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr const char* kBoot = "10.0.0.10";
constexpr const char* kGuest = "192.168.7.7";

/// What a test has written, in place of a file.
class TestConfiguration : public Reconfiguration {
 public:
  [[nodiscard]] const std::string& name() const override { return name_; }
  void read(std::vector<StreamSpec> begun) override {
    ++reads;
    running = std::move(begun);
    due_ = true;
  }
  std::optional<Result<ConfigChange>> take() override {
    if (!due_) return std::nullopt;
    due_ = false;
    if (!error.empty()) return fail(error);
    ConfigChange change;
    for (const StreamSpec& spec : streams) change.streams.streams.push_back({spec, {}});
    if (topology) change.topology = LoadedTopology{*topology, {}};
    change.topology_file = "t.json";
    change.outlets = std::exchange(outlets, {});
    change.located = [](std::string_view why) { return "f.toml:3: " + std::string(why.substr(2)); };
    change.outlets_gone = std::exchange(outlets_gone, {});
    change.words = words;
    change.after_restart = after_restart;
    return change;
  }
  void applied() override { ++applications; }

  std::vector<StreamSpec> streams;
  std::optional<Topology> topology;
  std::vector<std::unique_ptr<Outlet>> outlets;
  std::vector<const Outlet*> outlets_gone;
  std::vector<std::string> words, after_restart;
  std::string error;

  std::vector<StreamSpec> running;
  int reads = 0, applications = 0;

 private:
  std::string name_ = "f.toml";
  bool due_ = false;
};

struct TestSupervisor : Supervisor {
  void ready() override { said.emplace_back("ready"); }
  void reloading(Now) override { said.emplace_back("reloading"); }
  void stopping() override { said.emplace_back("stopping"); }
  void status(const std::string& text) override { last_status = text; }
  std::vector<std::string> said;
  std::string last_status;
};

/// Begins, or does not, and takes its time to finish.
struct TestOutlet : Outlet {
  struct Story {
    int begun = 0, finished = 0, destroyed = 0;
    bool gives_up = false;
  };
  TestOutlet(Story& of, std::string why = "") : story(of), error(std::move(why)) {}
  ~TestOutlet() override { ++story.destroyed; }
  Result<void> begin(WatchableStreams&, Now) override {
    if (!error.empty()) return fail(error);
    ++story.begun;
    return {};
  }
  bool finish(bool give_up, Now) override {
    ++story.finished;
    story.gives_up = give_up;
    return give_up;
  }
  [[nodiscard]] OutletFigures figures() const override { return {}; }
  Story& story;
  std::string error;
};

/// A bootstrapper with two streams, a guest that watches the first, and a configuration to be read again.
class Studio {
 public:
  Studio() : lab(7) {
    boot = &lab.prepare(kBootstrapRole, kBoot);
    boot->context->options.publish =
        configuration.streams = {{"cam", "pattern:64x48@25"}, {"other", "pattern:32x32@5"}};
    boot->context->configuration = &configuration;
    boot->context->supervisor = &supervisor;
    boot->context->outlets = &outlets;
    lab.network.start(ip(kBoot), kBootstrapRole.create(*boot->context));
    guest = &lab.start(kClientRole, kGuest);
    REQUIRE(lab.network.run_until([this] { return guest->frames.frames.size() > 10; }, seconds(10)));
  }
  ~Studio() { lab.network.kill(ip(kBoot)); }
  Studio(const Studio&) = delete;
  Studio& operator=(const Studio&) = delete;

  OverlayRole& role() { return dynamic_cast<OverlayRole&>(*lab.network.machine(ip(kBoot))); }
  /// What it is told that comes of it.
  Result<std::string> reload() {
    std::optional<Result<std::string>> outcome;
    role().reload([&outcome](const Result<std::string>& told) { outcome = told; },
                  lab.network.now_at(ip(kBoot)));
    lab.network.wake(ip(kBoot));
    REQUIRE(lab.network.run_until([&outcome] { return outcome.has_value(); }, seconds(1)));
    return *outcome;
  }
  /// The streams that the guest can watch, in their order.
  std::vector<std::string> listed() {
    lab.network.run_for(seconds(2));
    std::vector<std::string> names;
    auto& of_guest = dynamic_cast<OverlayRole&>(*lab.network.machine(ip(kGuest)));
    for (const KnownStream& stream : sim::Insight::overlay_of(of_guest).streams())
      names.push_back(stream.info.name);
    return names;
  }
  /// The guest has seen all there was, each frame once.
  void check_guest(std::uint64_t frames_at_least) {
    lab.network.run_for(seconds(2));
    CHECK(guest->stat("frames_received") >= frames_at_least);
    CHECK(guest->stat("frames_lost") == 0);
    CHECK(guest->stat("frames_skipped") == 0);
    CHECK(guest->stat("frames_duplicate") == 0);
  }

  TestConfiguration configuration;
  TestSupervisor supervisor;
  std::vector<std::unique_ptr<Outlet>> outlets;
  Lab lab;
  Process* boot;
  Process* guest;
};

TEST_CASE("reload: streams come and go, and one that stays flows on", "[reload]") {
  Studio studio;
  studio.configuration.streams = {{"new", "pattern:32x32@10"}, {"cam", "pattern:64x48@25"}};
  const auto outcome = studio.reload();
  REQUIRE(outcome);
  CHECK(*outcome == "stream 'other' removed, stream 'new' added");
  CHECK(studio.configuration.running.size() == 2);
  CHECK(studio.configuration.applications == 1);
  CHECK(studio.listed() == std::vector<std::string>{"cam", "new"});
  studio.check_guest(50);
  CHECK(studio.boot->log.has("f.toml is read again: stream 'other' removed, stream 'new' added"));

  const auto again = studio.reload();
  REQUIRE(again);
  CHECK(*again == "nothing is different");
  studio.check_guest(100);
}

TEST_CASE("reload: a stream that is different begins anew, and its viewers go on with it", "[reload]") {
  Studio studio;
  for (const unsigned fps : {20U, 25U, 20U}) {
    studio.configuration.streams = {{"cam", "pattern:96x48@" + std::to_string(fps)},
                                    {"other", "pattern:32x32@5"}};
    const auto outcome = studio.reload();
    REQUIRE(outcome);
    CHECK(*outcome == "stream 'cam' begins anew");
    const std::size_t before = studio.guest->frames.frames.size();
    REQUIRE(studio.lab.network.run_until([&] { return studio.guest->frames.frames.size() > before + 20; },
                                         seconds(10)));
    CHECK(test::decode(studio.guest->frames.frames.back()).width == 96);
  }
  CHECK(studio.listed() == std::vector<std::string>{"other", "cam"});
}

TEST_CASE("reload: films come and go", "[reload]") {
  Studio studio;
  const test::TemporaryDirectory folder;
  std::vector<std::uint8_t> film;
  for (unsigned i = 0; i < 3; ++i)
    test::append(film, test::make_jpeg({.width = 64, .height = 48, .seed = i}));
  const std::string path = folder.write("film.mjpeg", film);
  const auto streams = studio.configuration.streams;
  studio.configuration.streams.push_back({"film", "vod:" + path});
  CHECK(studio.reload().value() == "stream 'film' added");
  CHECK(studio.listed() == std::vector<std::string>{"cam", "other", "film"});
  studio.configuration.streams.back().source += "?fps=10";
  CHECK(studio.reload().value() == "stream 'film' begins anew");
  studio.configuration.streams = streams;
  CHECK(studio.reload().value() == "stream 'film' removed");
  CHECK(studio.listed() == std::vector<std::string>{"cam", "other"});
  studio.check_guest(100);
}

TEST_CASE("reload: what is wrong anywhere changes nothing", "[reload]") {
  TestOutlet::Story good, bad;
  Studio studio;
  const auto check_unchanged = [&](const std::string& why) {
    const auto outcome = studio.reload();
    REQUIRE_FALSE(outcome);
    CHECK(outcome.error().message.find(why) != std::string::npos);
    CHECK(studio.boot->log.has(outcome.error().message + "; going on as before"));
    CHECK(studio.configuration.applications == 0);
    CHECK(studio.outlets.empty());
    CHECK(studio.listed() == std::vector<std::string>{"cam", "other"});
  };
  const auto streams = studio.configuration.streams;
  studio.configuration.error = "f.toml:7: heartbeat 1ms: 5ms is the shortest";
  check_unchanged("f.toml:7: heartbeat");
  studio.configuration.error.clear();

  studio.configuration.streams = {{"new", "pattern:32x32@10"},
                                  {"wrong", "/nowhere", Metric::Cost, "f.toml:4: "}};
  studio.configuration.outlets.push_back(std::make_unique<TestOutlet>(good));
  check_unchanged("f.toml:4: stream 'wrong': ");
  CHECK(good.begun == 1);
  CHECK(good.destroyed == 1);

  studio.configuration.streams = {{"new", "pattern:32x32@10"}};
  studio.configuration.outlets.push_back(std::make_unique<TestOutlet>(good));
  studio.configuration.outlets.push_back(std::make_unique<TestOutlet>(bad, "--http: the port is taken"));
  check_unchanged("f.toml:3: http: the port is taken");
  CHECK(good.destroyed == 2);
  CHECK(bad.destroyed == 1);

  studio.configuration.topology = parse_topology(R"({"10.0.0.99": {}})", "t.json").value();
  check_unchanged("t.json: it has no node 10.0.0.10");
  studio.check_guest(100);
  CHECK(studio.supervisor.said == std::vector<std::string>{"ready", "reloading", "ready", "reloading",
                                                           "ready", "reloading", "ready", "reloading",
                                                           "ready"});
}

TEST_CASE("reload: outlets begin, and end in their time", "[reload]") {
  TestOutlet::Story first, second;
  Studio studio;
  studio.configuration.words = {"http 8080 added"};
  studio.configuration.outlets.push_back(std::make_unique<TestOutlet>(first));
  CHECK(studio.reload().value() == "http 8080 added");
  REQUIRE(studio.outlets.size() == 1);
  CHECK(first.begun == 1);

  studio.configuration.words = {"http 8080 begins anew"};
  studio.configuration.after_restart = {"id", "heartbeat"};
  studio.configuration.outlets_gone = {studio.outlets[0].get()};
  studio.configuration.outlets.push_back(std::make_unique<TestOutlet>(second));
  CHECK(studio.reload().value() == "http 8080 begins anew; these take effect after a restart: id, heartbeat");
  CHECK(studio.boot->log.has("f.toml: these take effect after a restart: id, heartbeat"));
  REQUIRE(studio.outlets.size() == 1);
  CHECK(second.begun == 1);
  CHECK(first.finished > 0);
  CHECK(first.destroyed == 0);
  studio.lab.network.run_for(milliseconds(1900));
  CHECK(first.destroyed == 0);
  studio.lab.network.run_for(milliseconds(200));
  CHECK(first.destroyed == 1);
  CHECK(first.gives_up);
  CHECK(second.finished == 0);
}

TEST_CASE("reload: one that is asked for while another is under way comes after it", "[reload]") {
  Studio studio;
  std::vector<std::string> told;
  const auto note = [&told](const Result<std::string>& outcome) { told.push_back(outcome.value()); };
  const Now now = studio.lab.network.now_at(ip(kBoot));
  studio.role().reload(note, now);
  studio.role().reload(note, now);
  studio.role().reload(nullptr, now);
  CHECK(studio.configuration.reads == 1);
  studio.lab.network.wake(ip(kBoot));
  studio.lab.network.run_for(milliseconds(100));
  CHECK(studio.configuration.reads == 2);
  CHECK(told.size() == 2);
}

TEST_CASE("reload: without a configuration there is the topology, or nothing", "[reload]") {
  Lab lab(3);
  const auto reload = [&lab](const char* address) {
    std::optional<Result<std::string>> outcome;
    auto& role = dynamic_cast<OverlayRole&>(*lab.network.machine(ip(address)));
    role.reload([&outcome](const Result<std::string>& told) { outcome = told; },
                lab.network.now_at(ip(address)));
    lab.network.wake(ip(address));
    REQUIRE(lab.network.run_until([&outcome] { return outcome.has_value(); }, seconds(5)));
    return *outcome;
  };
  const test::TemporaryDirectory folder;
  const auto write = [&folder](std::string_view text) {
    return folder.write("t.json", {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
  };
  Process& boot = lab.prepare(kBootstrapRole, kBoot);
  boot.context->options.topology_file = write(sim::kClassicTopology);
  lab.network.start(ip(kBoot), kBootstrapRole.create(*boot.context));
  lab.start(kNodeRole, "10.0.0.1");
  lab.network.run_for(seconds(1));
  CHECK(reload(kBoot).value() == "0 nodes with another place in the topology");
  (void)write("{");
  CHECK(reload(kBoot).error().message.find("not JSON") != std::string::npos);
  CHECK(reload("10.0.0.1").error().message == "nothing can be read again: this process has no --config");
}

TEST_CASE("a supervisor is told when a process is up, how it is, and that it ends", "[reload]") {
  TestSupervisor of_boot, of_node, of_lonely;
  Lab lab(5);
  Process& node = lab.prepare(kNodeRole, "10.0.0.1");
  node.context->supervisor = &of_node;
  lab.network.start(ip("10.0.0.1"), kNodeRole.create(*node.context));
  const auto readiness = [&lab](const char* address) {
    return dynamic_cast<OverlayRole&>(*lab.network.machine(ip(address))).readiness();
  };
  // The bootstrapper is away: the node is there, and waits for it.
  REQUIRE(lab.network.run_until([&] { return !of_node.said.empty(); }, seconds(6)));
  CHECK(of_node.said == std::vector<std::string>{"ready"});
  CHECK_FALSE(readiness("10.0.0.1").ready);
  CHECK(of_node.last_status.find(kBoot) != std::string::npos);

  Process& boot = lab.prepare(kBootstrapRole, kBoot);
  boot.context->supervisor = &of_boot;
  lab.network.start(ip(kBoot), kBootstrapRole.create(*boot.context));
  REQUIRE(lab.network.run_until([&] { return readiness("10.0.0.1").ready; }, seconds(20)));
  CHECK(readiness(kBoot).ready);
  lab.network.run_for(seconds(1));
  CHECK(of_boot.said == std::vector<std::string>{"ready"});
  CHECK(of_boot.last_status == "up, as 10.0.0.10 (n1)");
  CHECK(of_node.said == std::vector<std::string>{"ready"});
  CHECK(of_node.last_status.starts_with("up, as "));

  lab.network.signal(ip("10.0.0.1"), Signal::Terminate);
  CHECK(of_node.said == std::vector<std::string>{"ready", "stopping"});
  lab.network.run_for(seconds(3));
  CHECK(of_node.said == std::vector<std::string>{"ready", "stopping"});
}

}  // namespace
}  // namespace ott
