#include "media/byte_input.h"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "input_helpers.h"
#include "jpeg_helpers.h"

namespace ott {
namespace {

using Bytes = std::vector<std::uint8_t>;
using test::at_ms;

struct Pipe {
  test::Sink sink;
  ByteInput input{{"stdin", 0, 0, 10}, sink, "standard input"};
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

}  // namespace
}  // namespace ott
