#include "media/live_pictures.h"

#include <catch2/catch.hpp>

#include "fake_streams.h"

namespace ott {
namespace {

using test::FakeStreams;

std::string text_of(const LiveBytes& bytes) { return bytes ? std::string(bytes->begin(), bytes->end()) : ""; }

TEST_CASE("Pictures of several streams come on one connection, each with its stream's name") {
  FakeStreams streams;
  streams.add("a");
  streams.add("b c");
  LivePictures pictures(streams, {}, Duration{});
  LiveCursor cursor = pictures.begin();
  CHECK(text_of(pictures.next(cursor, clock_now())) == "--ottdframe\r\n");
  CHECK(pictures.next(cursor, clock_now()) == nullptr);
  streams.push("b c", {'x', 'y', 'z'});
  streams.push("a", {'1'});
  CHECK(text_of(pictures.next(cursor, clock_now())) ==
        "Content-Type: image/jpeg\r\nContent-Length: 3\r\nContent-Location: /b%20c.jpg\r\nX-Stream: "
        "b%20c\r\n\r\n"
        "xyz\r\n--ottdframe\r\n");
  CHECK(text_of(pictures.next(cursor, clock_now())).find("X-Stream: a\r\n") != std::string::npos);
  CHECK(pictures.next(cursor, clock_now()) == nullptr);
}

TEST_CASE("A viewer of pictures that is slow is sent the newest of each stream") {
  FakeStreams streams;
  streams.add("a");
  streams.add("b");
  LivePictures pictures(streams, {}, Duration{});
  LiveCursor cursor = pictures.begin();
  (void)pictures.next(cursor, clock_now());
  for (const char c : {'1', '2', '3'}) {
    streams.push("a", {static_cast<std::uint8_t>(c)});
    streams.push("b", {static_cast<std::uint8_t>(c)});
  }
  CHECK(text_of(pictures.next(cursor, clock_now())).find("\r\n\r\n3\r\n") != std::string::npos);
  CHECK(text_of(pictures.next(cursor, clock_now())).find("\r\n\r\n3\r\n") != std::string::npos);
  CHECK(pictures.next(cursor, clock_now()) == nullptr);
}

TEST_CASE("Pictures: only those streams are wanted that are named, and no more often than asked") {
  FakeStreams streams;
  streams.add("a");
  streams.add("b");
  streams.add("c").info.format.encoding = "H264";
  {
    LivePictures pictures(streams, {"b", "c"}, std::chrono::hours(1));
    CHECK(streams.wanted("a") == 0);
    CHECK(streams.wanted("b") == 1);
    CHECK(streams.wanted("c") == 0);
    streams.push("b", {'1'});
    streams.push("b", {'2'});
    CHECK(pictures.count() == 1);
    streams.add("d");
    Now later = clock_now();
    later.mono += std::chrono::seconds(2);
    pictures.step(later);
    CHECK(streams.wanted("d") == 0);
  }
  CHECK(streams.wanted("b") == 0);
}

TEST_CASE("Pictures of all streams are also those of streams that come later") {
  FakeStreams streams;
  streams.add("a");
  LivePictures pictures(streams, {}, Duration{});
  streams.add("later");
  Now now = clock_now();
  now.mono += std::chrono::seconds(2);
  pictures.step(now);
  CHECK(streams.wanted("later") == 1);
}

}  // namespace
}  // namespace ott
