#include "media/byte_input.h"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "input_helpers.h"
#include "jpeg_helpers.h"
#include "media_bytes.h"

namespace ott {
namespace {

using Bytes = std::vector<std::uint8_t>;
using test::at_ms;

struct Pipe {
  test::Sink sink;
  ByteInput input{{"stdin", 0, 0, 10}, sink, {"standard input"}};
};

TEST_CASE("a pipe's frames are pushed when their last byte comes", "[input]") {
  Pipe pipe;
  CHECK_FALSE(pipe.input.wants_bytes());
  pipe.input.start(at_ms(0));
  CHECK(pipe.input.wants_bytes());
  const Bytes first = test::make_jpeg({.width = 400, .height = 300, .quality = 100});
  const Bytes second = test::make_jpeg({.optimised = true});
  Bytes stream = first;
  test::append(stream, second);
  pipe.input.feed(ByteSpan(stream).first(50), at_ms(1));
  CHECK(pipe.sink.frames.empty());
  pipe.input.feed(ByteSpan(stream).subspan(50), at_ms(2));
  CHECK(pipe.sink.frames == std::vector<Bytes>{first, second});
  CHECK(pipe.sink.arrived.back() == at_ms(2).mono);
  pipe.input.feed(Bytes{0xFF, 0xD8, 0xFF}, at_ms(3));
  CHECK_FALSE(pipe.sink.ended);
  pipe.input.finish(at_ms(4));
  CHECK(pipe.sink.refused ==
        std::vector<std::string>{"standard input: frame 3: byte " + std::to_string(stream.size()) +
                                 ": the frame is cut off after 3 bytes"});
  CHECK(pipe.sink.ended);
  CHECK_FALSE(pipe.input.wants_bytes());
}

TEST_CASE("while a pipe is held its frames wait, and it wants no more bytes", "[input]") {
  Pipe pipe;
  pipe.input.start(at_ms(0));
  pipe.sink.hold_after_each = &pipe.input;
  Bytes stream;
  for (unsigned i = 0; i < 3; ++i) test::append(stream, test::make_jpeg({.seed = i}));
  pipe.input.feed(stream, at_ms(1));
  pipe.input.finish(at_ms(1));
  for (std::size_t frames = 1; frames <= 3; ++frames) {
    CHECK(pipe.sink.frames.size() == frames);
    CHECK_FALSE(pipe.input.wants_bytes());
    CHECK_FALSE(pipe.sink.ended);
    pipe.input.hold(false, at_ms(2));
  }
  CHECK(pipe.sink.ended);
}

TEST_CASE("a pipe that is stopped forgets the beginning of a frame", "[input]") {
  Pipe pipe;
  const Bytes jpeg = test::make_jpeg({});
  pipe.input.start(at_ms(0));
  pipe.input.feed(ByteSpan(jpeg).first(100), at_ms(1));
  pipe.input.stop(at_ms(2));
  CHECK_FALSE(pipe.input.wants_bytes());
  pipe.input.start(at_ms(3));
  pipe.input.feed(jpeg, at_ms(4));
  CHECK(pipe.sink.frames == std::vector<Bytes>{jpeg});
  CHECK(pipe.sink.refused.empty());
}

TEST_CASE("lines of text are pushed when they come", "[input]") {
  test::Sink sink;
  ByteInput input({"stdin"}, sink, {"standard input", ByteInput::Content::Text});
  input.start(at_ms(0));
  input.feed(Bytes{'a', 'b'}, at_ms(1'000));
  CHECK(sink.units.empty());
  input.feed(Bytes{'c', '\n', 'd', '\n', 'e'}, at_ms(2'000));
  REQUIRE(sink.units.size() == 2);
  CHECK(sink.parts.at(0).format.is("t140"));
  CHECK(sink.units[0].payload() == Bytes{'a', 'b', 'c', '\r', '\n'});
  CHECK(sink.units[1].media_time == sink.units[0].media_time + 1);
  input.feed(Bytes{'\n'}, at_ms(90'000));
  REQUIRE(sink.units.size() == 3);
  CHECK(sink.units[2].media_time - sink.units[0].media_time == 88'000);
  CHECK(*sink.units[2].instant == at_ms(90'000).wall);
  input.feed(Bytes{'x'}, at_ms(90'001));
  input.finish(at_ms(91'000));
  CHECK(sink.units.size() == 4);
  CHECK(sink.ended);
  CHECK(sink.refused.empty());
}

TEST_CASE("what a pipe brings is known by its first bytes, and has the container's times", "[input]") {
  const bool in_pieces = GENERATE(false, true);
  test::Sink sink;
  ByteInput input({"exec"}, sink, {"exec: sox"});
  input.start(at_ms(0));
  const Bytes wav = test::make_wav({}, Bytes(480));
  for (std::size_t at = 0; at < wav.size(); at += in_pieces ? 1 : wav.size())
    input.feed(ByteSpan(wav).subspan(at, in_pieces ? 1 : wav.size()), at_ms(500));
  input.finish(at_ms(501));
  REQUIRE(sink.units.size() == 3);
  CHECK(sink.units[0].media_time == 0);
  CHECK(sink.units[2].media_time == 160);
  CHECK(*sink.units[2].instant == at_ms(520).wall);
  REQUIRE(sink.connected.size() == 1);
  CHECK(sink.connected[0] == "exec: sox: wav, audio L16 8000 Hz");
  CHECK(sink.ended);
}

/// As exec: is, whose program may be started anew.
struct Program final : ByteInput {
  using ByteInput::begin_anew;
  using ByteInput::ByteInput;
};

TEST_CASE("a program that begins anew goes on in packets and in time", "[input]") {
  test::Sink sink;
  Program input({"exec"}, sink, {"exec: sox"});
  input.start(at_ms(0));
  input.feed(test::make_wav({}, Bytes(320)), at_ms(1'000));
  input.begin_anew();
  input.feed(test::make_wav({}, Bytes(320)), at_ms(3'000));
  REQUIRE(sink.units.size() == 4);
  CHECK(sink.units[2].media_time - sink.units[0].media_time == 16'000);
  CHECK(*sink.units[2].instant == at_ms(3'000).wall);
  CHECK(sink.units[2].packets[0][3] == 2);  // the sequence number
  CHECK(sink.connected.size() == 1);
  input.begin_anew();
  input.feed(test::make_wav({.rate = 16'000}, Bytes(640)), at_ms(5'000));
  CHECK(sink.parts.at(0).format.clock_rate == 16'000);
  CHECK(sink.connected.size() == 2);
}

TEST_CASE("a rate is of no use where a container has times", "[input]") {
  Pipe pipe;
  pipe.input.start(at_ms(0));
  pipe.input.feed(test::make_wav({}, Bytes(320)), at_ms(1));
  CHECK(pipe.input.info().fps == 0);
  CHECK_THAT(pipe.sink.connected.at(0), Catch::Contains("?fps=10 is of no use"));
}

}  // namespace
}  // namespace ott
