#include "media/live_events.h"

#include <catch2/catch.hpp>

namespace ott {
namespace {

const WallTime kBegan{std::chrono::seconds(1'700'000'000)};
constexpr std::uint64_t kFirstId = 170'000'000'000'000;

std::string text_of(const LiveBytes& bytes) { return bytes ? std::string(bytes->begin(), bytes->end()) : ""; }

Now at(std::int64_t seconds) {
  return {MonoTime{std::chrono::seconds(seconds)}, kBegan + std::chrono::seconds(seconds)};
}

/// All that a reader is sent now, but for the head.
std::vector<std::string> read(LiveEvents& events, LiveCursor& cursor) {
  if (cursor.head == nullptr) REQUIRE(text_of(events.next(cursor, at(1))) == "retry: 1000\n\n");
  std::vector<std::string> all;
  while (const LiveBytes piece = events.next(cursor, at(1))) all.push_back(text_of(piece));
  return all;
}

std::string event(std::uint64_t number) {
  return "id: " + std::to_string(kFirstId + number) + "\ndata: {\"n\":" + std::to_string(number) + "}\n\n";
}

void add(EventLog& log, std::uint64_t first, std::uint64_t count) {
  for (std::uint64_t n = first; n < first + count; ++n) log.add("{\"n\":" + std::to_string(n) + "}");
}

TEST_CASE("Events: a reader gets those of late, and then each as it comes") {
  EventLog log(kBegan);
  LiveEvents events(log);
  LiveCursor early = events.begin();
  CHECK(read(events, early).empty());
  add(log, 0, 2);
  CHECK(read(events, early) == std::vector{event(0), event(1)});
  add(log, 2, 100);
  CHECK(read(events, early).size() == 100);
  LiveCursor late = events.begin();
  const auto first = read(events, late);
  REQUIRE(first.size() == EventLog::kFirstMax);
  CHECK(first.front() == event(102 - EventLog::kFirstMax));
}

TEST_CASE("Events: who comes again goes on behind the one that it names") {
  EventLog log(kBegan);
  LiveEvents events(log);
  add(log, 0, 60);
  LiveCursor again = events.begin_after(std::to_string(kFirstId + 57));
  CHECK(read(events, again) == std::vector{event(58), event(59)});
  LiveCursor has_all = events.begin_after(std::to_string(kFirstId + 59));
  CHECK(read(events, has_all).empty());
  add(log, 60, 1);
  CHECK(read(events, has_all) == std::vector{event(60)});
  for (const char* nonsense : {"x", "-1", "170000000000057x", "99999999999999999999999"}) {
    LiveCursor unknown = events.begin_after(nonsense);  // is no id
    const auto all = read(events, unknown);
    REQUIRE(all.size() == 1 + 61);
    CHECK(all[0].find("\"kind\":\"missed\"") != std::string::npos);
    CHECK(all[1] == event(0));
  }
}

TEST_CASE("Events: who names one that is still to come has missed some, and goes on from now") {
  EventLog log(kBegan);
  LiveEvents events(log);
  add(log, 0, 60);
  for (const std::uint64_t ahead : {60U, 1'000U}) {
    LiveCursor future = events.begin_after(std::to_string(kFirstId + ahead));
    const auto seen = read(events, future);
    REQUIRE(seen.size() == 1);
    CHECK(seen[0].find("\"kind\":\"missed\"") != std::string::npos);
  }
  LiveCursor last = events.begin_after("18446744073709551615");
  (void)read(events, last);
  add(log, 60, 1);
  CHECK(read(events, last) == std::vector{event(60)});
}

TEST_CASE("Events: who was away for too long, or before this process, is told that some were missed") {
  EventLog log(kBegan);
  LiveEvents events(log);
  add(log, 0, EventLog::kKeptMax + 10);
  LiveCursor cursor = events.begin_after(std::to_string(kFirstId + 4));
  auto seen = read(events, cursor);
  REQUIRE(seen.size() == EventLog::kKeptMax + 1);
  CHECK(seen[0].find("\"kind\":\"missed\"") != std::string::npos);
  CHECK(seen[1] == event(10));
  LiveCursor other_run = events.begin_after(std::to_string(kFirstId - 1));
  CHECK(read(events, other_run)[0].find("missed") != std::string::npos);
  // The same where a reader is too slow.
  add(log, EventLog::kKeptMax + 10, EventLog::kKeptMax + 1);
  seen = read(events, cursor);
  REQUIRE(seen.size() == EventLog::kKeptMax + 1);
  CHECK(seen[0].find("missed") != std::string::npos);
}

TEST_CASE("Events: while nothing happens a comment each 10 s says so") {
  EventLog log(kBegan);
  LiveEvents events(log);
  events.step(at(20));
  LiveCursor cursor = events.begin();
  (void)read(events, cursor);
  events.step(at(25));
  CHECK(read(events, cursor).empty());
  events.step(at(30));
  CHECK(read(events, cursor) == std::vector<std::string>{": nothing new\n\n"});
}

TEST_CASE("Events: comments take no event's place") {
  EventLog log(kBegan);
  LiveEvents events(log);
  add(log, 0, 10);
  LiveCursor waits = events.begin();
  CHECK(read(events, waits).size() == 10);
  const std::uint64_t count = events.count();
  for (int i = 1; i <= 2'000; ++i) events.step(at(10 * i));
  CHECK(events.count() > count);
  CHECK(read(events, waits).size() == 1);  // it is sent the last one
  LiveCursor again = events.begin_after(std::to_string(kFirstId));
  CHECK(read(events, again).size() == 9);
}

}  // namespace
}  // namespace ott
