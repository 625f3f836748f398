// Commands to a client, a member or a guest, two relays away from the origin: what its pauses do to the
// overlay, on a virtual network and its clock.
#include <catch2/catch.hpp>

#include "../../sim/lab.h"
#include "media/commands.h"

namespace ott {
namespace {

using sim::ip;
using sim::Lab;
using sim::Process;
using std::chrono::milliseconds;
using std::chrono::seconds;

/// Commands of a test.
struct Given final : CommandSource {
  explicit Given(Commands*& to) : commands(to) {}
  Result<void> begin(Commands& given) override {
    commands = &given;
    return {};
  }
  Commands*& commands;
};

struct Theatre {
  Lab lab{11};
  std::vector<std::unique_ptr<CommandSource>> controls;
  Commands* commands = nullptr;
  std::string where;

  explicit Theatre(bool member, bool timeshift = false) : where(member ? "10.0.3.20" : "192.168.7.7") {
    lab.start(kBootstrapRole, "10.0.0.10");
    lab.start_relays();
    lab.network.run_for(seconds(2));
    Process& client = lab.prepare(kClientRole, where);
    controls.push_back(std::make_unique<Given>(commands));
    client.context->controls = &controls;
    client.context->options.watch = "small";
    client.context->options.timeshift = timeshift;
    if (!member) {
      client.context->options.overlay.kind = PeerKind::Guest;
      client.context->options.overlay.bootstrap.reset();
      client.context->options.overlay.access = {NodeId{ip("10.0.1.2")}};
    }
    lab.network.start(ip(where), kClientRole.create(*client.context));
    lab.network.run_for(seconds(2));
    REQUIRE(frames() > 20);
  }
  std::size_t frames() { return lab.processes.at(where).frames.frames.size(); }
  bool command(std::string_view line) {
    const bool ok = commands->command(line, lab.network.now_at(ip(where))).ok;
    lab.network.wake(ip(where));
    return ok;
  }
  std::uint64_t bytes_to_relay() { return lab.network.bytes_between(ip("10.0.0.10"), ip("10.0.0.1")); }
  std::uint64_t stat(const char* name) {
    lab.network.run_for(milliseconds(1'100));
    return lab.processes.at(where).stat(name);
  }
};

TEST_CASE("a pause takes the stream off every link within a second, and its end brings a picture at once",
          "[client_pause]") {
  Theatre theatre(GENERATE(true, false));
  for (int i = 0; i < 5; ++i) {
    REQUIRE(theatre.command("pause"));
    theatre.lab.network.run_for(seconds(1));
    const std::size_t frames = theatre.frames();
    const std::uint64_t bytes = theatre.bytes_to_relay();
    theatre.lab.network.run_for(seconds(2));
    CHECK(theatre.frames() == frames);
    CHECK(theatre.bytes_to_relay() - bytes < 4'000);  // 50 frames have more
    REQUIRE(theatre.command("resume"));
    theatre.lab.network.run_for(milliseconds(100));
    CHECK(theatre.frames() > frames);
    theatre.lab.network.run_for(milliseconds(500));
  }
  CHECK(theatre.stat("frames_lost") == 0);
  CHECK(theatre.stat("frames_duplicate") == 0);
}

TEST_CASE("pauses that end before anybody has noticed lose nothing", "[client_pause]") {
  Theatre theatre(GENERATE(true, false));
  for (int i = 0; i < 100; ++i) {
    REQUIRE(theatre.command(i % 2 == 0 ? "pause" : i % 5 == 0 ? "next" : "resume"));
    theatre.lab.network.run_for(milliseconds(i * 7 % 400));
  }
  const std::size_t frames = theatre.frames();
  theatre.lab.network.run_for(seconds(1));
  CHECK(theatre.frames() > frames + 3);
  CHECK(theatre.stat("frames_lost") == 0);
}

TEST_CASE("with a timeshift each frame of a pause is shown after it", "[client_pause]") {
  Theatre theatre(GENERATE(true, false), true);
  const std::size_t before = theatre.frames();
  REQUIRE(theatre.command("pause"));
  theatre.lab.network.run_for(seconds(3));
  CHECK(theatre.frames() <= before + 1);
  REQUIRE(theatre.command("resume"));
  theatre.lab.network.run_for(seconds(2));
  CHECK(theatre.frames() - before > 45);
  CHECK(theatre.frames() - before < 55);
  CHECK(theatre.stat("frames_lost") == 0);
  REQUIRE(theatre.command("watch small"));
  theatre.lab.network.run_for(seconds(1));
  CHECK(theatre.stat("frames_lost") == 0);
}

}  // namespace
}  // namespace ott
