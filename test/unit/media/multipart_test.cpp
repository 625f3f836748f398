#include "media/multipart.h"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "jpeg_helpers.h"
#include "media/content_type.h"
#include "split_helpers.h"

namespace ott {
namespace {

using test::Bytes;
using test::first_bytes;
using test::join;
using test::Split;
using test::text;

const std::vector<Bytes>& frames() {
  static const std::vector<Bytes> made = {
      test::make_jpeg({.width = 40, .height = 24}),
      test::make_jpeg({.width = 48, .height = 32, .progressive = true}),
      test::make_jpeg({.width = 33, .height = 17, .restart_interval = 1}),
  };
  return made;
}

Bytes without_eoi(const Bytes& jpeg) { return first_bytes(jpeg, jpeg.size() - 2); }

/// Whatever the pieces that it comes in.
Split split_multipart(const Bytes& stream, std::string_view boundary = "b0undary") {
  const std::size_t piece_bytes = GENERATE(std::size_t{1}, std::size_t{3}, std::size_t{1'000}, SIZE_MAX);
  MultipartSplitter splitter(boundary);
  auto split = test::split_in_pieces(splitter, stream, piece_bytes);
  CAPTURE(piece_bytes);
  for (std::size_t i = 0; i < split.frames.size(); ++i) {
    const auto at = static_cast<std::ptrdiff_t>(split.offsets[i]);
    CHECK(std::equal(split.frames[i].begin(), split.frames[i].end(), stream.begin() + at));
  }
  return split;
}

std::string with_length(const Bytes& jpeg, std::ptrdiff_t off = 0) {
  return "Content-Length: " + std::to_string(static_cast<std::ptrdiff_t>(jpeg.size()) + off) + "\r\n";
}

/// A stream of all frames: `head` comes before each, and `tail` behind each.
Bytes stream_of(const std::string& head, const std::string& tail = "\r\n") {
  Bytes stream;
  for (const Bytes& frame : frames()) {
    std::string before = head;
    if (const auto at = before.find("LENGTH"); at != std::string::npos)
      before.replace(at, 6, std::to_string(frame.size()));
    test::append(stream, text(before));
    test::append(stream, frame);
    test::append(stream, text(tail));
  }
  return stream;
}

void check_all(const Bytes& stream, std::string_view boundary = "b0undary") {
  const auto split = split_multipart(stream, boundary);
  CHECK((split.frames == frames()));
  CHECK(split.errors.empty());
}

TEST_CASE("a multipart body as RFC 2046 has it", "[multipart]") {
  Bytes stream = stream_of("--b0undary\r\nContent-Type: image/jpeg\r\nContent-Length: LENGTH\r\n\r\n");
  test::append(stream, text("--b0undary--\r\nepilogue"));
  check_all(stream);
}

TEST_CASE("multipart bodies as cameras send them", "[multipart]") {
  SECTION("the boundary line twice") {
    check_all(stream_of("--b0undary\r\n--b0undary\r\nContent-Type: image/jpeg\r\n\r\n"));
    check_all(stream_of("--b0undary\r\n\r\n--b0undary\r\nContent-Length: LENGTH\r\n\r\n"));
    check_all(stream_of("--b0undary\r\nX: y\r\n\r\n--b0undary\r\nContent-Length: LENGTH\r\n\r\n"));
  }
  SECTION("no length, no type, neither") {
    check_all(stream_of("--b0undary\r\nContent-Type: image/jpeg\r\n\r\n"));
    check_all(stream_of("--b0undary\r\nContent-Length: LENGTH\r\n\r\n"));
    check_all(stream_of("--b0undary\r\n\r\n"));
    check_all(stream_of("--b0undary\r\n"));
  }
  SECTION("no first boundary: it comes after each part") {
    check_all(stream_of("Content-Type: image/jpeg\r\nContent-Length: LENGTH\r\n\r\n", "\r\n--b0undary\r\n"));
    check_all(stream_of("Content-Type: image/jpeg\r\n\r\n", "\r\n--b0undary\r\n"));
    check_all(stream_of("", "\r\n--b0undary\r\n"));
  }
  SECTION("a boundary with more hyphens or fewer, or another one than was said, or none said") {
    check_all(stream_of("--b0undary\r\nX: y\r\n\r\n"), "--b0undary");
    check_all(stream_of("----b0undary\r\nX: y\r\n\r\n"), "--b0undary");
    check_all(stream_of("b0undary\r\nX: y\r\n\r\n"), "--b0undary");
    check_all(stream_of("--another\r\nX: y\r\n\r\n"));
    check_all(stream_of("--another\r\nX: y\r\n\r\n"), "");
    check_all(stream_of("--video boundary--\r\nX: y\r\n\r\n"), "--video boundary--");
    check_all(stream_of("--b \r\nX: y\r\n\r\n"), "b");
    check_all(stream_of("--\r\nX: y\r\n\r\n"), "");
  }
  SECTION("line ends that are LF only, or none before the boundary") {
    check_all(stream_of("--b0undary\nContent-type: image/jpeg\nContent-length: LENGTH\n\n", "\n"));
    check_all(stream_of("--b0undary\r\nContent-Type: image/jpeg\r\n\r\n", ""));
    check_all(stream_of("--b0undary\r\n\r\nContent-Type: image/jpeg\r\n\r\n\r\n", "\r\n\r\n"));
  }
  SECTION("headers of any case and order, and others") {
    check_all(
        stream_of("--b0undary\r\nX-Timestamp: 1.5\r\ncontent-LENGTH :LENGTH\r\n"
                  "CONTENT-TYPE:image/jpg\r\n\r\n"));
    check_all(stream_of("--b0undary\r\nContent-Type: text/plain\r\nContent-Length: LENGTH\r\n\r\n"));
  }
  SECTION("a preamble, and the head of the answer before the first part") {
    check_all(join({text("A message in MIME format.\r\n\r\n"), stream_of("--b0undary\r\nX: y\r\n\r\n")}));
    check_all(
        join({text("HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace;boundary=b0undary\r\n\r\n"),
              stream_of("b0undary\r\nContent-Type: image/jpeg\r\n\r\n")}),
        "");
  }
  SECTION("padding") {
    check_all(stream_of("--b0undary\r\nContent-Type: image/jpeg\r\n\r\n", std::string(5, '\0') + "\r\n"));
    check_all(stream_of("--b0undary\r\nContent-Type: image/jpeg\r\n\r\n", "\xFF\xFF trailing \x01\x02\r\n"));
  }
}

TEST_CASE("a length that is wrong costs no picture", "[multipart]") {
  const std::ptrdiff_t off = GENERATE(-100, -1, 1, 2, 20, 300, 30'000, 100'000'000);
  CAPTURE(off);
  Bytes stream;
  for (const Bytes& frame : frames()) {
    test::append(stream,
                 text("\r\n--b0undary\r\nContent-Type: image/jpeg\r\n" + with_length(frame, off) + "\r\n"));
    test::append(stream, frame);
  }
  check_all(stream);
}

TEST_CASE("a length of zero, or that is no number, is none", "[multipart]") {
  check_all(stream_of("--b0undary\r\nContent-Length: 0\r\n\r\n"));
  check_all(stream_of("--b0undary\r\nContent-Length: -1\r\n\r\n"));
  check_all(stream_of("--b0undary\r\nContent-Length: many\r\n\r\n"));
  check_all(stream_of("--b0undary\r\nContent-Length: 99999999999999999999999\r\n\r\n"));
}

TEST_CASE("a part without EOI is a picture, up to the next boundary", "[multipart]") {
  const auto length = GENERATE(as<std::string>{}, "", "right", "wrong", "with its line end");
  const auto ending = GENERATE(as<std::string>{}, "", "--b0undary--");
  const auto line_end = GENERATE(as<std::string>{}, "\n", "\r\n");
  CAPTURE(length, line_end, ending);
  Bytes stream;
  std::vector<Bytes> expected;
  for (const Bytes& frame : frames()) {
    expected.push_back(without_eoi(frame));
    const std::ptrdiff_t off = length == "right" ? 0 : length == "wrong" ? -7 : 2;
    const std::string header = length.empty() ? "" : with_length(expected.back(), off);
    test::append(stream, text("--b0undary\r\n" + header + "\r\n"));
    test::append(stream, expected.back());
    test::append(stream, text(line_end));
  }
  if (ending.empty()) stream.resize(stream.size() - line_end.size());  // the others had none: so has the last
  test::append(stream, text(ending));
  const auto split = split_multipart(stream);
  CHECK((split.frames == expected));
  CHECK(split.errors.empty());
}

TEST_CASE("a picture is there as soon as it is whole", "[multipart]") {
  const auto head = GENERATE(as<std::string>{}, "--b0undary\r\n\r\n", "Content-Type: image/jpeg\r\n\r\n",
                             "--b0undary\r\nContent-Length: LENGTH\r\n\r\n");
  const Bytes stream = stream_of(head, "");
  MultipartSplitter splitter("b0undary");
  Split split;
  const std::size_t first = stream.size() - frames()[2].size();
  test::feed_in_pieces(splitter, ByteSpan(stream).first(first), 50, split);
  CHECK(split.frames.size() == 2);
  test::feed_in_pieces(splitter, ByteSpan(stream).subspan(first), 50, split);
  CHECK((split.frames == frames()));
}

TEST_CASE("a picture is the same with a thumbnail in it, or what looks like a boundary", "[multipart]") {
  Bytes exif = {'E', 'x', 'i', 'f', 0, 0};
  test::append(exif, frames()[0]);
  test::append(exif, text("--b0undary, b0undary\r\n--b0undaryX\r\n"));
  const Bytes odd = test::make_jpeg({.width = 64, .height = 64, .app1 = exif});
  const Bytes head = text("\r\n--b0undary\r\nContent-Type: image/jpeg\r\n\r\n");
  const auto split = split_multipart(join({head, odd, head, odd}));
  CHECK((split.frames == std::vector<Bytes>{odd, odd}));
  CHECK(split.errors.empty());
}

TEST_CASE("a part that is no JPEG is refused by its type, and costs no other", "[multipart]") {
  const Bytes head = text("--b0undary\r\nContent-Type: image/jpeg\r\n\r\n");
  const auto body =
      GENERATE(as<std::string>{}, "<html>\r\nno\r\n</html>\r\n", "x", "\x89PNG\r\n\x1a\n\1\2\3");
  const Bytes page = text("\r\n--b0undary\r\nContent-Type: Text/HTML; charset=x\r\n\r\n" + body + "\r\n");
  const auto split = split_multipart(join({head, frames()[0], page, head, frames()[2]}));
  CHECK((split.frames == std::vector<Bytes>{frames()[0], frames()[2]}));
  REQUIRE(split.errors.size() == 1);
  CHECK_THAT(split.errors[0], Catch::EndsWith(": a part of type text/html that is no JPEG"));
  CHECK(split_multipart(text("--b0undary\r\nX: y\r\n\r\nhello")).errors[0] ==
        "byte 20: a part without a type that is no JPEG");
}

TEST_CASE("bytes that are no multipart are told of once", "[multipart]") {
  Bytes garbage(100'000, 0x07);
  for (std::size_t i = 0; i < garbage.size(); i += 500) garbage[i] = '\n';
  const auto split = split_multipart(join({garbage, stream_of("\n--b0undary\r\nX: y\r\n\r\n")}));
  CHECK((split.frames == frames()));
  CHECK(split.errors ==
        std::vector<std::string>{"byte 1: no part begins here; skipping to the next boundary"});
}

TEST_CASE("a head without end is given up", "[multipart]") {
  std::string head = "--b0undary\r\n";
  const auto [line, error] = GENERATE(table<std::string, std::string>(
      {{std::string(200'000, 'x'), "byte 12: a line of more than 8 KiB in a part's head"},
       {"X-Header: value\r\n", "a part's head of more than 64 KiB"}}));
  while (head.size() < 200'000) head += line;
  const auto split = split_multipart(join({text(head), stream_of("\n--b0undary\r\nX: y\r\n\r\n")}));
  CHECK((split.frames == frames()));
  REQUIRE(split.errors.size() == 1);
  CHECK_THAT(split.errors[0], Catch::EndsWith(error));
}

TEST_CASE("a picture without end is given up at 16 MiB", "[multipart]") {
  const auto header =
      GENERATE(as<std::string>{}, "", "Content-Length: 16777216\r\n", "Content-Length: 999999999\r\n");
  const std::size_t piece_bytes = GENERATE(std::size_t{65'536}, SIZE_MAX);
  Bytes stream = join({text("--b0undary\r\n" + header + "\r\n"), without_eoi(frames()[0])});
  stream.resize(FrameSplitter::kFrameBytesMax + 100'000, 0x55);
  test::append(stream, stream_of("\r\n--b0undary\r\nX: y\r\n\r\n"));
  MultipartSplitter splitter("b0undary");
  const auto split = test::split_in_pieces(splitter, stream, piece_bytes);
  CHECK((split.frames == frames()));
  REQUIRE(split.errors.size() == 1);
  CHECK_THAT(split.errors[0], Catch::EndsWith(": a frame of more than 16 MiB"));
}

TEST_CASE("a picture that is cut off where the connection ends is none", "[multipart]") {
  const auto header = GENERATE(as<std::string>{}, "", "Content-Length: LENGTH\r\n");
  Bytes stream = stream_of("--b0undary\r\n" + header + "\r\n");
  stream.resize(stream.size() - 50);
  const auto split = split_multipart(stream);
  CHECK((split.frames == std::vector<Bytes>{frames()[0], frames()[1]}));
  REQUIRE(split.errors.size() == 1);
  CHECK_THAT(split.errors[0], Catch::EndsWith(": the frame is cut off after " +
                                              std::to_string(frames()[2].size() - 48) + " bytes"));
}

TEST_CASE("a picture that is broken inside goes on to whoever reads it, and costs no other", "[multipart]") {
  Bytes broken = frames()[0];
  broken[broken.size() / 2] = 0xFF;
  broken[broken.size() / 2 + 1] = 0x01;
  const Bytes head = text("\r\n--b0undary\r\nContent-Type: image/jpeg\r\n\r\n");
  const auto split = split_multipart(join({head, frames()[2], head, broken, head, frames()[1]}));
  CHECK((split.frames == std::vector<Bytes>{frames()[2], broken, frames()[1]}));
}

TEST_CASE("a multipart splitter can be used again from the start", "[multipart]") {
  MultipartSplitter splitter("b0undary");
  CHECK(test::split_in_pieces(splitter, first_bytes(frames()[0], 50), 10).errors.size() == 1);
  splitter.reset();
  const Bytes stream = stream_of("--another\r\nContent-Length: LENGTH\r\n\r\n");
  CHECK((test::split_in_pieces(splitter, stream, 10).frames == frames()));
}

TEST_CASE("the Content-Type of an answer, as cameras write it", "[content_type]") {
  const auto parsed = [](std::string_view value) {
    const ContentType type = parse_content_type(value);
    return type.type + "|" + type.boundary;
  };
  CHECK(parsed("multipart/x-mixed-replace; boundary=frame") == "multipart/x-mixed-replace|frame");
  CHECK(parsed("Multipart/X-Mixed-Replace;BOUNDARY=frame") == "multipart/x-mixed-replace|frame");
  CHECK(parsed("multipart/x-mixed-replace; boundary = frame ") == "multipart/x-mixed-replace|frame");
  CHECK(parsed("multipart/mixed; boundary=\"a b;c\"; x=y") == "multipart/mixed|a b;c");
  CHECK(parsed("multipart/mixed; x=\";boundary=no\"; boundary=\"a\\\"b\"") == "multipart/mixed|a\"b");
  CHECK(parsed("multipart/x-mixed-replace;boundary=--video boundary--") ==
        "multipart/x-mixed-replace|--video boundary--");
  CHECK(parsed("multipart/x-mixed-replace;boundary=\"frame") == "multipart/x-mixed-replace|frame");
  CHECK(parsed("multipart/x-mixed-replace;boundary=\"a\\") == "multipart/x-mixed-replace|a\\");
  CHECK(parsed("image/jpeg") == "image/jpeg|");
  CHECK(parsed(" image/jpeg , x") == "image/jpeg|");
  CHECK(parsed(";boundary=x") == "|x");
  CHECK(parsed("") == "|");
}

}  // namespace
}  // namespace ott
