#include "media/mjpeg_splitter.h"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "jpeg_helpers.h"
#include "split_helpers.h"

namespace ott {
namespace {

using test::Bytes;
using test::first_bytes;
using test::join;
using test::Split;
using test::split_in_pieces;
using test::text;

Split split_mjpeg(const Bytes& stream, std::size_t piece_bytes) {
  MjpegSplitter splitter;
  return split_in_pieces(splitter, stream, piece_bytes);
}

const std::vector<Bytes>& frames() {
  static const std::vector<Bytes> made = {
      test::make_jpeg({.width = 40, .height = 24}),
      test::make_jpeg({.width = 48, .height = 32, .progressive = true}),
      test::make_jpeg({.width = 33, .height = 17, .restart_interval = 1}),
  };
  return made;
}

TEST_CASE("frames are found whatever the pieces they come in", "[mjpeg_splitter]") {
  const std::size_t piece_bytes =
      GENERATE(std::size_t{1}, std::size_t{2}, std::size_t{3}, std::size_t{100}, SIZE_MAX);
  CAPTURE(piece_bytes);
  const auto split = split_mjpeg(join(frames()), piece_bytes);
  CHECK(split.frames == frames());
  CHECK(split.errors.empty());
  CHECK(split.offsets ==
        std::vector<std::uint64_t>{0, frames()[0].size(), frames()[0].size() + frames()[1].size()});
}

TEST_CASE("a thumbnail in a frame's header is not a frame", "[mjpeg_splitter]") {
  Bytes exif = {'E', 'x', 'i', 'f', 0, 0};
  test::append(exif, frames()[0]);
  const Bytes with_thumbnail = test::make_jpeg({.width = 64, .height = 64, .app1 = exif});
  const std::vector<Bytes> expected = {with_thumbnail, frames()[2], with_thumbnail};
  const auto split = split_mjpeg(join(expected), GENERATE(std::size_t{7}, SIZE_MAX));
  CHECK(split.frames == expected);
  CHECK(split.errors.empty());
}

TEST_CASE("padding between frames is silent, garbage is reported once", "[mjpeg_splitter]") {
  const std::size_t piece_bytes = GENERATE(std::size_t{1}, SIZE_MAX);
  const Bytes padding = {0, 0, 0xFF, 0xFF, '\r', '\n'};
  auto split = split_mjpeg(join({padding, frames()[0], padding, frames()[2], padding}), piece_bytes);
  CHECK(split.frames == std::vector<Bytes>{frames()[0], frames()[2]});
  CHECK(split.errors.empty());

  Bytes garbage(500, 'x');
  garbage[100] = 0xFF;
  split = split_mjpeg(join({frames()[0], garbage, frames()[2]}), piece_bytes);
  CHECK(split.frames == std::vector<Bytes>{frames()[0], frames()[2]});
  REQUIRE(split.errors.size() == 1);
  CHECK(split.errors[0].starts_with("byte " + std::to_string(frames()[0].size())));
}

TEST_CASE("a frame without EOI ends where the next one begins, or the stream", "[mjpeg_splitter]") {
  const std::size_t piece_bytes = GENERATE(std::size_t{1}, std::size_t{64}, SIZE_MAX);
  const Bytes& whole = frames()[GENERATE(std::size_t{0}, std::size_t{1}, std::size_t{2})];
  const std::size_t missing = GENERATE(std::size_t{1}, std::size_t{2}, std::size_t{40});
  CAPTURE(piece_bytes, missing);
  const Bytes cut = first_bytes(whole, whole.size() - missing);
  const auto split = split_mjpeg(join({cut, frames()[2], cut, cut}), piece_bytes);
  CHECK(split.frames == std::vector<Bytes>{cut, frames()[2], cut, cut});
  CHECK(split.errors.empty());
}

TEST_CASE("the parts of a multipart stream are frames, and their heads are no garbage", "[mjpeg_splitter]") {
  const std::size_t piece_bytes = GENERATE(std::size_t{1}, std::size_t{3}, std::size_t{1'000}, SIZE_MAX);
  const std::string head =
      GENERATE(as<std::string>{}, "\r\n--frame\r\nContent-Type: image/jpeg\r\nContent-Length: 1234\r\n\r\n",
               "--b\n\n", "\r\n\r\n--myboundary\r\nContent-type: image/jpg\r\nX-Timestamp: 17.5\r\n\r\n",
               "boundary\r\nCONTENT-TYPE: image/jpeg\r\n\r\n");
  CAPTURE(piece_bytes, head);
  const std::vector<Bytes> parts = {frames()[0], frames()[1], frames()[2]};
  const auto split = split_mjpeg(
      join({text("HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace\r\n\r\n"), text(head), parts[0],
            text(head), parts[1], text(head), parts[2], text("\r\n--frame--\r\n")}),
      piece_bytes);
  CHECK(split.frames == parts);
  CHECK(split.errors.empty());
}

TEST_CASE("a part without EOI ends where its boundary begins", "[mjpeg_splitter]") {
  const std::size_t piece_bytes = GENERATE(std::size_t{1}, SIZE_MAX);
  const Bytes head = text("\r\n--frame\r\nContent-Type: image/jpeg\r\n\r\n");
  const Bytes cut = first_bytes(frames()[0], frames()[0].size() - 2);
  const auto split =
      split_mjpeg(join({head, cut, head, frames()[2], head, cut, text("\n--frame--\n")}), piece_bytes);
  CHECK(split.frames == std::vector<Bytes>{cut, frames()[2], cut});
  CHECK(split.errors.empty());
}

TEST_CASE("text that is no part's head is garbage", "[mjpeg_splitter]") {
  const std::size_t piece_bytes = GENERATE(std::size_t{1}, SIZE_MAX);
  const Bytes garbage = GENERATE(as<Bytes>{}, text("hello\r\n"), text("--head\r\n\x01"), Bytes(5'000, '-'));
  const auto split = split_mjpeg(join({frames()[0], garbage, frames()[2], garbage}), piece_bytes);
  CHECK(split.frames == std::vector<Bytes>{frames()[0], frames()[2]});
  CHECK(split.errors.size() == 2);
}

TEST_CASE("a frame that is cut off before its image data costs no other", "[mjpeg_splitter]") {
  const std::size_t piece_bytes = GENERATE(std::size_t{1}, std::size_t{64}, SIZE_MAX);
  const Bytes& whole = frames()[0];
  // In the headers, where the missing length swallows the beginning of what follows.
  const std::size_t kept = GENERATE(std::size_t{4}, std::size_t{30}, std::size_t{200}, std::size_t{600});
  CAPTURE(piece_bytes, kept);
  REQUIRE(whole.size() > 700);
  const Bytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(kept));
  const auto split = split_mjpeg(join({frames()[2], cut, frames()[1], frames()[2]}), piece_bytes);
  CHECK(split.frames == std::vector<Bytes>{frames()[2], frames()[1], frames()[2]});
  REQUIRE(split.errors.size() == 1);
  CHECK(split.errors[0].starts_with("byte " + std::to_string(frames()[2].size()) + ": the frame "));
}

TEST_CASE("a stream that ends in a frame's headers says so", "[mjpeg_splitter]") {
  const Bytes stream = join({frames()[0], first_bytes(frames()[1], 100)});
  const auto split = split_mjpeg(stream, GENERATE(std::size_t{5}, SIZE_MAX));
  CHECK(split.frames == std::vector<Bytes>{frames()[0]});
  REQUIRE(split.errors.size() == 1);
  CHECK(split.errors[0] ==
        "byte " + std::to_string(frames()[0].size()) + ": the frame is cut off after " + "100 bytes");
}

TEST_CASE("a frame without end is given up at 16 MiB", "[mjpeg_splitter]") {
  const Bytes& frame = frames()[0];
  Bytes stream(frame.begin(), frame.end() - 2);
  stream.resize(FrameSplitter::kFrameBytesMax + 1'000, 0x55);
  test::append(stream, Bytes{0xFF, 0xD9});
  test::append(stream, frames()[2]);
  const auto split = split_mjpeg(stream, SIZE_MAX);
  CHECK(split.frames == std::vector<Bytes>{frames()[2]});
  REQUIRE(split.errors.size() == 1);
  CHECK(split.errors[0] == "byte 0: a frame of more than 16 MiB");
}

TEST_CASE("a splitter can be used again from the start", "[mjpeg_splitter]") {
  MjpegSplitter splitter;
  Bytes cut = frames()[0];
  cut.resize(50);
  CHECK(split_in_pieces(splitter, cut, 10).errors.size() == 1);
  splitter.reset();
  CHECK(split_in_pieces(splitter, frames()[0], 10).frames == std::vector<Bytes>{frames()[0]});
}

}  // namespace
}  // namespace ott
