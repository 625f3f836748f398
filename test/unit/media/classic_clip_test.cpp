#include "media/classic_clip.h"

#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "jpeg_helpers.h"

namespace ott {
namespace {

using Bytes = std::vector<std::uint8_t>;

Bytes record(const Bytes& jpeg, std::size_t length) {
  std::array<char, 16> digits{};
  std::snprintf(digits.data(), digits.size(), "%05zu", length);
  Bytes bytes(digits.begin(), digits.begin() + 5);
  test::append(bytes, jpeg);
  return bytes;
}
Bytes record(const Bytes& jpeg) { return record(jpeg, jpeg.size()); }

struct Read {
  std::vector<Bytes> frames;
  std::vector<std::string> errors;
};

Read read_clip(const std::vector<Bytes>& records, std::size_t piece_bytes) {
  Bytes clip;
  for (const Bytes& bytes : records) test::append(clip, bytes);
  Read read;
  ClassicClipSplitter splitter;
  ByteSpan rest(clip);
  for (bool more = true; more;) {
    more = !rest.empty();
    if (more) {
      const MutableByteSpan space = splitter.space();
      const std::size_t bytes = std::min({piece_bytes, space.size(), rest.size()});
      std::memcpy(space.data(), rest.data(), bytes);
      splitter.advance(bytes);
      rest = rest.subspan(bytes);
    } else {
      splitter.finish();
    }
    for (;;) {
      const auto frame = splitter.next();
      if (frame && !*frame) break;
      if (frame) read.frames.emplace_back((*frame)->begin(), (*frame)->end());
      if (!frame) read.errors.push_back(frame.error().message);
    }
  }
  CHECK(splitter.at_end());
  return read;
}

const Bytes& a() {
  static const Bytes jpeg = test::make_jpeg({.width = 40, .height = 24});
  return jpeg;
}
const Bytes& b() {
  static const Bytes jpeg = test::make_jpeg({.width = 64, .height = 48, .seed = 2});
  return jpeg;
}

TEST_CASE("the classic clip is told by its first bytes", "[classic_clip]") {
  CHECK(ClassicClipSplitter::detect(record(a())));
  CHECK_FALSE(ClassicClipSplitter::detect(a()));
  CHECK_FALSE(ClassicClipSplitter::detect(Bytes{'1', '2', '3', '4', '5', '6', 0xFF}));
  CHECK_FALSE(ClassicClipSplitter::detect(Bytes{'1', '2', '3'}));
}

TEST_CASE("its frames are read whatever the pieces", "[classic_clip]") {
  const auto read =
      read_clip({record(a()), record(b()), record(a())}, GENERATE(std::size_t{1}, std::size_t{6}, SIZE_MAX));
  CHECK(read.frames == std::vector<Bytes>{a(), b(), a()});
  CHECK(read.errors.empty());
}

TEST_CASE("a wrong length costs its frame alone", "[classic_clip]") {
  const std::size_t piece_bytes = GENERATE(std::size_t{1}, SIZE_MAX);
  const auto one_error = [&](const Bytes& bad, const std::string& message) {
    const auto read = read_clip({record(a()), bad, record(b()), record(a())}, piece_bytes);
    CHECK(read.frames == std::vector<Bytes>{a(), b(), a()});
    REQUIRE(read.errors.size() == 1);
    CHECK(read.errors[0] == "byte " + std::to_string(a().size() + 5) + ": " + message);
  };
  SECTION("too short") {
    one_error(record(b(), b().size() - 9),
              "the length " + std::to_string(b().size() - 9) + " does not lead to the next frame");
  }
  SECTION("too long") {
    one_error(record(b(), b().size() + 9),
              "the length " + std::to_string(b().size() + 9) + " does not lead to the next frame");
  }
  SECTION("past the end of the file") {
    const auto read = read_clip({record(a()), record(b(), 99'999), record(a())}, piece_bytes);
    CHECK(read.frames == std::vector<Bytes>{a(), a()});
    REQUIRE(read.errors.size() == 1);
    CHECK(read.errors[0] ==
          "byte " + std::to_string(a().size() + 5) + ": the length 99999 leads beyond the end of the file");
  }
  SECTION("no digits") {
    Bytes bad = record(b());
    bad[2] = 'x';
    one_error(bad, "no frame begins here (five digits and a JPEG)");
  }
}

TEST_CASE("line ends and spaces between records cost nothing", "[classic_clip]") {
  const std::size_t piece_bytes = GENERATE(std::size_t{1}, SIZE_MAX);
  const Bytes space = GENERATE(as<Bytes>{}, Bytes{'\n'}, Bytes{'\r', '\n'}, Bytes(40, ' '));
  const Bytes no_eoi(b().begin(), b().end() - 2);
  const auto read =
      read_clip({space, record(a()), space, record(no_eoi), space, record(a()), space}, piece_bytes);
  CHECK(read.frames == std::vector<Bytes>{a(), no_eoi, a()});
  CHECK(read.errors.empty());
  Bytes start = space;
  start.resize(std::min<std::size_t>(start.size(), 9));
  test::append(start, record(a()));
  CHECK(ClassicClipSplitter::detect(start));
}

TEST_CASE("the last frame of a clip may be cut off", "[classic_clip]") {
  Bytes cut = record(b());
  cut.resize(105);
  const auto read = read_clip({record(a()), cut}, GENERATE(std::size_t{1}, SIZE_MAX));
  CHECK(read.frames == std::vector<Bytes>{a(), Bytes(cut.begin() + 5, cut.end())});
  CHECK(read.errors.empty());
  CHECK(read_clip({record(a()), {'0', '1'}}, 1).errors.size() == 1);
}

}  // namespace
}  // namespace ott
