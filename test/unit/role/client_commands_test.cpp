// What commands do to a client: its role as a whole, as a guest whose access node a test speaks for; and the
// rules by themselves.
#include "role/client_commands.h"

#include <catch2/catch.hpp>

#include "../overlay/engine.h"

namespace ott {
namespace {

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

KnownStream known(std::uint64_t id, const std::string& name) {
  KnownStream stream;
  stream.info.id = StreamId{id};
  stream.info.name = name;
  return stream;
}

TEST_CASE("next and previous go through what belongs together as one", "[client_commands]") {
  const std::vector<KnownStream> streams = {known(1, "cam/video"), known(2, "cam/audio"),
                                            known(3, "cam/text2"), known(4, "films/one"),
                                            known(5, "films/two"), known(6, "cam")};
  CHECK(entries_of(streams) == std::vector<std::string>{"cam", "films/one", "films/two"});
}

/// A viewer that only remembers.
struct Viewer : Watching {
  [[nodiscard]] bool watches() const override { return true; }
  [[nodiscard]] bool is_paused() const override { return paused; }
  [[nodiscard]] const StreamInfo* watched() const override { return nullptr; }
  [[nodiscard]] std::string stream_name() const override { return name; }
  void pause(Now) override { paused = true; }
  void resume(Now) override { paused = false; }
  [[nodiscard]] bool has_ended() const override { return false; }
  Result<void> watch(const std::string& other, Now) override {
    if (!held_by.empty()) return fail(held_by + " holds it");
    name = other;
    paused = false;
    return {};
  }
  Result<void> seek(const command::Seek&, Now) override { return fail("no film"); }
  Result<void> set_speed(double, Now) override { return fail("no film"); }
  void quit() override { ended = true; }
  void add_status(AnswerLine&, Now) const override {}

  std::string name;
  std::string held_by;
  bool paused = false;
  bool ended = false;
};

/// At the bootstrapper, which lists the streams that are its own.
struct Commanded : test::Engine {
  Viewer viewer;

  Commanded() : Engine(bootstrapper()) {
    for (const char* name : {"cam/video", "cam/audio", "film"}) {
      StreamInfo info;
      info.name = name;
      REQUIRE(overlay.origin().add_stream(info));
    }
    pass(std::chrono::milliseconds(100));
    REQUIRE(overlay.streams().size() == 3);
  }
  std::string command(std::string_view line) {
    const auto parsed = parse_command(line);
    REQUIRE(parsed);
    return obey_watching(*parsed, viewer, overlay, now())->json;
  }
};

TEST_CASE("a command that cannot be done now is answered with a reason", "[client_commands]") {
  Commanded client;
  CHECK(has(client.command("resume"), R"({"ok":false,"error":"it is not paused"})"));
  CHECK(has(client.command("pause"), R"({"ok":true)"));
  CHECK(has(client.command("pause"), R"("error":"it is paused already")"));
  client.viewer.held_by = "--record one.mkv";
  for (const char* line : {"watch film", "next", "previous"})
    CHECK(has(client.command(line), R"("error":"--record one.mkv holds it")"));
  client.viewer.held_by.clear();
  CHECK(has(client.command("toggle"), R"("ok":true)"));
  CHECK_FALSE(client.viewer.paused);
  CHECK(has(client.command("seek +10s"), R"("error":"no film")"));
  CHECK(has(client.command("watch nothing"), "there is no stream 'nothing' (there are: cam, film)"));
}

TEST_CASE("next and previous go round", "[client_commands]") {
  Commanded client;
  client.viewer.name = "cam/video";
  client.command("pause");
  client.command("next");
  CHECK(client.viewer.name == "film");
  CHECK_FALSE(client.viewer.paused);
  client.command("next");
  CHECK(client.viewer.name == "cam");
  client.command("previous");
  CHECK(client.viewer.name == "film");
  client.viewer.name = "gone";
  client.command("next");
  CHECK(client.viewer.name == "cam");
  CHECK(has(client.command("watch cam/audio"), "watching 'cam/audio'"));
  CHECK(client.viewer.name == "cam/audio");
}

}  // namespace
}  // namespace ott
