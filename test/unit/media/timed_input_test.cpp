#include "media/timed_input.h"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "../../sim/inline_workers.h"
#include "input_helpers.h"
#include "media/tone_pattern.h"
#include "media_bytes.h"
#include "ott/bytes.h"

namespace ott {
namespace {

using sim::InlineWorkers;
using test::at_ms;
using Bytes = std::vector<std::uint8_t>;

/// An input that plays on a clock of its own.
struct Player {
  explicit Player(const std::string& spec) {
    auto source = open_timed_source(spec, 7);
    if (!source) FAIL(source.error().message);
    REQUIRE(*source != nullptr);
    input = std::make_unique<TimedInput>(std::move(*source), sink, workers);
  }

  /// Steps at each deadline up to then, and when workers are done.
  void play_until(std::int64_t ms) {
    const MonoTime end = at_ms(ms).mono;
    for (int steps = 0;; ++steps) {
      REQUIRE(steps < 100'000);
      input->step(now);
      input->step(now);  // what has been read since
      const MonoTime next = input->next_deadline();
      if (next > end) break;
      if (next > now.mono) now = {next, WallTime(next.time_since_epoch())};
    }
    now = at_ms(ms);
    input->step(now);
  }

  InlineWorkers workers;
  test::Sink sink;
  std::unique_ptr<TimedInput> input;
  Now now = at_ms(0);
};

std::int16_t sample_of(const Bytes& payload, std::size_t index) {
  return static_cast<std::int16_t>(load_be<std::uint16_t>(&payload[index * 2]));
}

TEST_CASE("the tone of a test picture begins with the frame of each second, to the sample", "[pattern]") {
  const double fps = GENERATE(25.0, 29.97);
  Player player(fps == 25.0 ? "pattern:64x64@25+tone" : "pattern:64x64@29.97+tone");
  player.input->start(player.now);
  player.play_until(3'500);
  const test::Sink& sink = player.sink;
  REQUIRE(sink.parts.size() == 2);
  CHECK(sink.parts[0].format.is_jpeg());
  CHECK(sink.parts[1].format.is("L16"));
  CHECK(sink.parts[1].format.clock_rate == 48'000);

  std::vector<std::int16_t> sound;
  for (const test::PacketUnit& unit : sink.units) {
    CHECK(unit.part == 1);
    REQUIRE(unit.packets.size() == 1);
    CHECK(unit.packets[0].size() <= 1'400);
    CHECK(unit.media_time == sound.size());
    const Bytes payload = unit.payload();
    for (std::size_t i = 0; i < payload.size() / 2; ++i) sound.push_back(sample_of(payload, i));
  }
  std::vector<std::size_t> beeps;  // a sine begins with 0, and what follows tells that it has begun
  for (std::size_t i = 1, quiet = 4'800; i < sound.size(); ++i) {
    if (sound[i] != 0 && quiet > 100) beeps.push_back(i - 1);
    quiet = sound[i] == 0 ? quiet + 1 : 0;
  }
  REQUIRE(beeps.size() == 4);
  for (std::size_t second = 0; second < beeps.size(); ++second) {
    const auto frame = static_cast<std::size_t>(std::ceil(static_cast<double>(second) * fps - 1e-6));
    const auto instant = *sink.instants[frame] - *sink.instants[0];
    const double samples = std::chrono::duration<double>(instant).count() * 48'000;
    CHECK(static_cast<double>(beeps[second]) == Approx(samples).margin(0.51));
    CHECK(*sink.media_times[frame] == Approx(samples / 48'000 * 90'000).margin(1));
  }
  CHECK(*sink.units[0].instant == *sink.instants[0]);
}

TEST_CASE("only the frame of a second shows the white mark", "[pattern]") {
  TonePattern pattern(64, 64, 5, 0);
  std::vector<PackedUnit> units;
  for (int i = 0; i < 300; ++i) REQUIRE(pattern.read(WallTime{}, units));
  PatternSource expected(64, 64, 5);
  std::uint64_t frame = 0;
  for (const PackedUnit& unit : units) {
    if (unit.part != TonePattern::kVideoPart) continue;
    expected.show_mark(frame % 5 == 0);
    const auto picture = expected.next(FrameNumber{frame + 1}, WallTime{} + unit.time);
    REQUIRE(picture);
    CHECK(unit.bytes == Bytes(picture->jpeg.begin(), picture->jpeg.end()));
    ++frame;
  }
  CHECK(frame > 10);
}

TEST_CASE("a WAV file plays at its rate, round after round without a gap", "[timed]") {
  const test::TemporaryDirectory directory;
  Bytes samples;
  for (unsigned i = 0; i < 250; ++i) test::append_le(samples, i, 2);
  const std::string path = directory.write("sound", test::make_wav({}, samples));
  Player player(path);
  player.input->probe(player.now);
  CHECK(player.sink.parts.at(0).format.is("L16"));
  player.input->start(player.now);
  player.play_until(1'000);
  std::uint32_t expected = 0;
  unsigned value = 0;
  std::uint16_t sequence = 0;
  for (const test::PacketUnit& unit : player.sink.units) {
    CHECK(unit.media_time == expected);
    CHECK(unit.arrived >= MonoTime(std::chrono::microseconds(expected * 125)));
    CHECK(load_be<std::uint16_t>(&unit.packets[0][2]) == sequence++);
    CHECK(unit.sync_point);
    const Bytes payload = unit.payload();
    for (std::size_t i = 0; i < payload.size() / 2; ++i) {
      CHECK(sample_of(payload, i) == static_cast<std::int16_t>(value));
      value = (value + 1) % 250;
    }
    expected += static_cast<std::uint32_t>(payload.size() / 2);
  }
  CHECK(expected == Approx(8'000).margin(100));
  CHECK(player.sink.refused.empty());
}

TEST_CASE("a file that ends says so, and one that waits has no more", "[timed]") {
  const test::TemporaryDirectory directory;
  const std::string path = directory.write("sound", test::make_wav({}, Bytes(800)));
  Player player(path + "?eof=end");
  player.input->start(player.now);
  player.play_until(49);
  CHECK(player.sink.units.size() == 5);
  player.play_until(100);
  CHECK(player.sink.ended);
  CHECK(player.sink.units.size() == 5);
}

TEST_CASE("a source that was stopped goes on from where it was", "[timed]") {
  const test::TemporaryDirectory directory;
  Player player(directory.write("sound", test::make_wav({}, Bytes(160'000))));
  player.input->start(player.now);
  player.play_until(995);
  CHECK(player.sink.units.size() == 100);
  player.input->stop(player.now);
  player.play_until(5'000);
  CHECK(player.sink.units.size() == 100);
  player.input->start(player.now);
  player.play_until(5'095);
  REQUIRE(player.sink.units.size() == 110);
  CHECK(player.sink.units[100].media_time == 8'000);
  CHECK(*player.sink.units[100].instant == at_ms(5'000).wall);
}

TEST_CASE("a source that has fallen behind does not catch up", "[timed]") {
  const test::TemporaryDirectory directory;
  Player player(directory.write("sound", test::make_wav({}, Bytes(160'000))));
  player.input->start(player.now);
  player.play_until(100);
  const std::size_t before = player.sink.units.size();
  player.now = at_ms(9'000);
  player.input->step(player.now);
  player.play_until(9'100);
  CHECK(player.sink.units.size() < before + 40);
  CHECK(player.sink.units.back().arrived > at_ms(9'000).mono);
}

TEST_CASE("a file of text has a line each second, or at the rate that is asked for", "[timed]") {
  const test::TemporaryDirectory directory;
  const std::string path = directory.write("text", Bytes{'a', '\n', 'b', '\n', 0xFF, '\n'});
  Player slow("text:" + path);
  slow.input->start(slow.now);
  slow.play_until(1'500);
  REQUIRE(slow.sink.units.size() == 2);
  CHECK(slow.sink.units[1].payload() == Bytes{'b', '\r', '\n'});
  CHECK(slow.sink.units[1].media_time - slow.sink.units[0].media_time == 1'000);
  Player quick("text:" + path + "?fps=10");
  quick.input->start(quick.now);
  quick.play_until(550);
  CHECK(quick.sink.units.size() == 6);
  REQUIRE(quick.sink.refused.size() >= 2);  // once a round
  CHECK(quick.sink.refused[0] ==
        "'" + path + "': frame 3: byte 4: line 3 is no UTF-8 here, and what is none is shown as U+FFFD");
}

TEST_CASE("IVF plays by its times, and one that jumps goes on and says so", "[timed]") {
  const test::TemporaryDirectory directory;
  const std::string path =
      directory.write("film", test::make_vp8_ivf(10, {{5, true}, {6, false}, {9'006, true}, {9'007, false}}));
  Player player(path + "?eof=end");
  player.input->start(player.now);
  player.play_until(2'000);
  const auto& units = player.sink.units;
  REQUIRE(units.size() == 4);
  CHECK(units[1].media_time - units[0].media_time == 9'000);
  CHECK(units[2].media_time - units[1].media_time == 9'000);
  CHECK(units[3].media_time - units[2].media_time == 9'000);
  CHECK(units[0].sync_point);
  CHECK_FALSE(units[1].sync_point);
  REQUIRE(player.sink.refused.size() == 1);
  CHECK_THAT(player.sink.refused[0],
             Catch::Contains("'" + path + "': frame 3: byte ") && Catch::Contains("its times jump"));
  CHECK(player.sink.ended);
}

TEST_CASE("files that cannot be played say why, and others are left to who knows them", "[timed]") {
  const test::TemporaryDirectory directory;
  const std::string wav = directory.write("wav", test::make_wav({.bits = 12}, Bytes(100)));
  const auto bad = open_timed_source(wav, 0);
  REQUIRE_FALSE(bad);
  CHECK_THAT(bad.error().message, Catch::StartsWith("'" + wav + "': byte 24: its coding 0x1 with 12 bits"));
  const auto rate = open_timed_source(directory.write("good", test::make_wav({}, Bytes(100))) + "?fps=5", 0);
  REQUIRE_FALSE(rate);
  CHECK_THAT(rate.error().message, Catch::Contains("has times of its own"));
  const auto empty = open_timed_source(directory.write("none", test::make_wav({}, {})), 0);
  REQUIRE_FALSE(empty);
  CHECK_THAT(empty.error().message, Catch::Contains("holds nothing that can be carried"));
  CHECK_THAT(open_timed_source("pattern:1x1+tone", 0).error().message, Catch::Contains("is not a size"));
  CHECK(open_timed_source("text:" + wav + "/none", 0).error().message.find("cannot open") == 0);
  for (const std::string& other :
       {directory.write("a.mjpeg", test::make_jpeg({})), std::string("pattern:"), std::string("nothing")}) {
    const auto source = open_timed_source(other, 0);
    REQUIRE(source);
    CHECK(*source == nullptr);
  }
}

}  // namespace
}  // namespace ott
