#include "plane/feed.h"

#include <catch2/catch.hpp>

#include "../core/mutation.h"
#include "child_oracle.h"
#include "records.h"

namespace ott {
namespace {

using std::chrono::milliseconds;
using test::at_ms;
using test::make_flow;
using test::Source;
using test::TestChild;

TEST_CASE("a feed begins right after the frame that START names") {
  Flow flow = make_flow();
  Source source;
  for (int i = 0; i < 4; ++i) source.frame(flow, 2);
  source.skip(flow, 3);
  source.frame(flow);
  const auto sent_after = [&flow](std::uint64_t last) {
    TestChild child(flow, LinkId{last + 1});
    CHECK(child.send() == 0);
    child.start(last, at_ms(0));
    child.send();
    flow.remove_child(LinkId{last + 1});
    return child.text();
  };
  CHECK(sent_after(2) == "3+ 3. 4+ 4. 5-7s 8");
  CHECK(sent_after(4) == "5-7s 8");
  CHECK(sent_after(6) == "5-7s 8");
  CHECK(sent_after(8).empty());
  CHECK(sent_after(8 + kAheadMax).empty());
}

TEST_CASE("nothing is sent again that is older than the history") {
  Flow flow = make_flow();
  Source source;
  for (int i = 0; i < 6; ++i) source.frame(flow, 1, 100, at_ms(1'000 * i));
  TestChild child(flow, LinkId{1});
  child.start(1, at_ms(6'000), at_ms(2'500));
  child.send();
  CHECK(child.text() == "4 5 6");
  child.start(4, at_ms(6'000), at_ms(2'500));
  child.send();
  child.start(1, at_ms(9'000), at_ms(7'000));
  CHECK(child.send() == 0);
  CHECK(child.text() == "4 5 6 5 6");
}

TEST_CASE("a feed that knows nothing begins with the newest complete frame, or the only one") {
  Flow flow = make_flow();
  Source source;
  TestChild none(flow, LinkId{1});
  none.start(0, at_ms(0));
  CHECK(none.send() == 0);
  source.part(flow, true);
  TestChild only(flow, LinkId{2});
  only.start(0, at_ms(0));
  only.send();
  CHECK(only.text() == "1+");
  source.frame(flow);
  source.frame(flow, 2);
  source.part(flow, true);
  TestChild newest(flow, LinkId{3});
  newest.start(0, at_ms(0));
  newest.send();
  CHECK(newest.text() == "3+ 3. 4+");
  none.send();
  CHECK(none.text() == "1+ 2 3+ 3. 4+");
}

TEST_CASE("frames that were sent are counted once, however their bytes are cut") {
  const std::size_t piece = GENERATE(1U, 7U, 60U, 131U, 132U, 133U, 500U, 100'000U);
  Flow flow = make_flow();
  Source source;
  source.frame(flow, 3);
  TestChild child(flow, LinkId{1});
  child.start(0, at_ms(0));
  std::uint64_t frames = 0;
  for (int i = 0; i < 20; ++i) {
    while (const std::size_t sent = child.send(piece)) REQUIRE(sent <= piece);
    source.part(flow, true);
    child.send(piece);
    if (i % 4 == 0) source.skip(flow, 2);
    source.frame(flow, 1 + static_cast<std::size_t>(i % 3));
    frames += 1;
  }
  while (child.send(piece) != 0) continue;
  CHECK(child.frames == frames + 1);
  CHECK(child.feed().frames_skipped() == 0);
}

TEST_CASE("past the bound a child goes on with the newest frame, and is told what it missed") {
  Flow flow = make_flow();
  Source source;
  source.frame(flow, 1, 100, at_ms(0));
  TestChild child(flow, LinkId{1});
  child.start(0, at_ms(0));
  child.send();
  for (int i = 1; i <= 6; ++i) source.frame(flow, 2, 100, at_ms(i * 40));
  child.lag_max = milliseconds(100);
  SECTION("not before the bound") {
    child.now = at_ms(40 + 100);
    child.send();
    CHECK(child.text() == "1 2+ 2. 3+ 3. 4+ 4. 5+ 5. 6+ 6. 7+ 7.");
  }
  SECTION("between two frames") {
    child.now = at_ms(40 + 101);
    CHECK(child.feed().late(flow.buffer, child.now, child.lag_max));
    child.send();
    CHECK(child.text() == "1 2-6s 7+ 7.");
    CHECK(child.feed().frames_skipped() == 5);
  }
  SECTION("a half-sent frame is finished first") {
    child.send(GENERATE(132U, 50U));
    child.now = at_ms(300);
    CHECK(child.send(10) == 10);
    child.send();
    CHECK(child.text() == "1 2+ 2.");
    child.send();
    CHECK(child.text() == "1 2+ 2. 3-6s 7+ 7.");
  }
  SECTION("who was skipped has a third of the bound for a while") {
    child.now = at_ms(300);
    child.send();
    const auto sends_after = [&](int lag) {
      source.frame(flow, 1, 100, child.now);
      source.frame(flow, 1, 100, child.now);
      child.now += milliseconds(lag);
      const std::uint64_t before = child.feed().frames_skipped();
      child.send();
      return child.feed().frames_skipped() - before;
    };
    CHECK(sends_after(33) == 0);
    CHECK(sends_after(34) == 1);
    child.now += milliseconds(2'001);
    CHECK(sends_after(100) == 0);
    CHECK(sends_after(101) == 1);
  }
  SECTION("in the newest frame there is nowhere to go") {
    child.send(132 * 10 + 132);
    child.now = at_ms(1'000);
    child.send();
    CHECK(child.text() == "1 2+ 2. 3+ 3. 4+ 4. 5+ 5. 6+ 6. 7+ 7.");
    CHECK(child.feed().frames_skipped() == 0);
  }
}

TEST_CASE("what was asked for is not lag, and never cut short by it") {
  Flow flow = make_flow();
  Source source;
  for (int i = 0; i < 20; ++i) source.frame(flow, 1, 100, at_ms(i));
  TestChild child(flow, LinkId{1});
  child.lag_max = milliseconds(100);
  child.now = at_ms(10'000);
  child.start(2, child.now);
  child.send(132 * 10);
  child.now = at_ms(20'000);  // ten seconds for half of it
  for (int i = 0; i < 10; ++i) source.frame(flow, 1, 100, at_ms(15'000 + i));
  child.send(132 * 8);
  CHECK(child.feed().frames_skipped() == 0);
  CHECK(child.received.size() == 18 * 132);
  // From here on what counts is the time since the replay was done.
  child.now = at_ms(20'100);
  CHECK(child.send(132) == 132);
  CHECK(child.feed().frames_skipped() == 0);
  child.now = at_ms(20'101);
  child.send();
  CHECK(child.text().ends_with(" 20 21 22-29s 30"));
}

/// `count` frames of which each tenth is a sync point, 40 ms apart, the first of them at 40 ms.
Source gops(Flow& flow, int count, int ms_apart = 40) {
  Source source;
  source.gop = 10;
  for (int i = 1; i <= count; ++i) source.frame(flow, 1, 100, at_ms(ms_apart * i));
  return source;
}

TEST_CASE("a feed that knows nothing begins with the newest sync point, and replays all since then") {
  Flow flow = make_flow();
  Source source = gops(flow, 15);
  TestChild child(flow, LinkId{1});
  child.now = at_ms(5'000);
  child.lag_max = milliseconds(100);
  child.start(0, child.now);
  SECTION("which is not lag, as long as it gets closer") {
    for (int i = 0; i < 8; ++i) {
      child.send(132);
      child.now += milliseconds(90);
      if (i % 2 == 0) source.frame(flow, 1, 100, child.now);
    }
    while (child.send() != 0) continue;
    CHECK(child.text() == "11 12 13 14 15 16 17 18 19");
    CHECK(child.feed().frames_skipped() == 0);
  }
  SECTION("until the next one, if it is still behind then") {
    child.send(132);
    for (int i = 0; i < 7; ++i) source.frame(flow, 1, 100, child.now);
    child.now += milliseconds(101);
    child.send();
    CHECK(child.text() == "11 12-20s 21 22");
  }
}

TEST_CASE("what comes before the first sync point is of no use to a child that begins") {
  Flow flow = make_flow();
  Source source;
  source.gop = 4;
  source.last = 1;
  TestChild child(flow, LinkId{1});
  if (GENERATE(false, true)) {
    source.frame(flow);
    child.start(0, at_ms(0));
    CHECK(child.send() == 0);
  } else {
    child.start(0, at_ms(0));
    source.frame(flow);
    child.send();
    CHECK(child.text() == "2-2s");
  }
  source.frame(flow);
  source.frame(flow);
  source.frame(flow);
  source.frame(flow);
  child.send();
  CHECK(child.text().ends_with("3-4s 5 6"));
}

TEST_CASE("without a sync point ahead, what is late is left out up to the next one") {
  Flow flow = make_flow();
  Source source = gops(flow, 2);
  TestChild child(flow, LinkId{1});
  child.lag_max = milliseconds(100);
  child.now = at_ms(80);
  child.start(0, child.now);
  child.send();
  for (int i = 0; i < 4; ++i) source.frame(flow, 2, 100, at_ms(120 + 40 * i));
  SECTION("not before the bound") {
    child.now = at_ms(120 + 100);
    child.send();
    CHECK(child.text() == "1 2 3+ 3. 4+ 4. 5+ 5. 6+ 6.");
  }
  SECTION("a half-sent frame is finished") {
    child.send(140);
    child.now = at_ms(120 + 101);
    child.send();
    CHECK(child.text() == "1 2 3+ 3.");
    child.now = at_ms(160 + 101);
    child.send();
    CHECK(child.text() == "1 2 3+ 3. 4-6s");
    CHECK(child.feed().frames_skipped() == 3);
    source.part(flow, true, 100, child.now);
    child.send();
    source.end(flow, 100, child.now);
    child.send();
    CHECK(child.text() == "1 2 3+ 3. 4-6s 7-7s");
    for (int i = 0; i < 5; ++i) source.frame(flow, 1, 100, child.now);
    child.send();
    CHECK(child.text() == "1 2 3+ 3. 4-6s 7-7s 8-10s 11 12");
    CHECK(child.feed().frames_skipped() == 7);
  }
  SECTION("a sync point is sent, however late it is") {
    for (int i = 0; i < 4; ++i) source.frame(flow, 1, 100, at_ms(300));
    child.now = at_ms(300);
    child.send();
    CHECK(child.text() == "1 2 3-10s");
    for (int i = 0; i < 3; ++i) source.frame(flow, 1, 100, at_ms(300));
    child.now = at_ms(2'000);
    child.send(132);
    child.send();
    CHECK(child.text() == "1 2 3-10s 11 12-13s");
  }
  SECTION("the ring overwrites what is next") {
    child.now = at_ms(200);
    for (int i = 0; i < 3; ++i) source.frame(flow, 20, 1'000, at_ms(200));
    source.gop = 1'000;
    for (int i = 0; i < 9; ++i) source.frame(flow, 20, 1'000, at_ms(200));
    child.send();
    CHECK(child.text() == "1 2 3-18s");
    source.gop = 1;
    source.frame(flow);
    child.send();
    CHECK(child.text() == "1 2 3-18s 19");
  }
}

TEST_CASE("a third of the bound counts after a skip only where a sync point is ahead") {
  Flow flow = make_flow();
  Source source = gops(flow, 1);
  TestChild child(flow, LinkId{1});
  child.lag_max = milliseconds(90);
  child.start(0, at_ms(0));
  child.send();
  for (int i = 0; i < 10; ++i) source.frame(flow, 1, 100, at_ms(1'000));
  child.now = at_ms(1'100);
  child.send();
  CHECK(child.text() == "1 2-10s 11");
  for (int i = 0; i < 2; ++i) source.frame(flow, 1, 100, at_ms(1'100));
  child.now = at_ms(1'180);
  child.send(132);
  CHECK(child.text() == "1 2-10s 11 12");
  for (int i = 0; i < 8; ++i) source.frame(flow, 1, 100, at_ms(1'180));
  child.send();
  CHECK(child.text() == "1 2-10s 11 12 13-20s 21");
}

TEST_CASE(
    "a START after a frame that the child has not got, or too old for the ring, begins at a sync point") {
  Flow flow = make_flow();
  Source source = gops(flow, 25);
  const auto sent_after = [&flow](std::uint64_t last, int oldest_ms, bool gap) {
    TestChild child(flow, LinkId{9});
    child.start(last, at_ms(2'000), at_ms(oldest_ms), gap);
    child.send();
    flow.remove_child(LinkId{9});
    return child.text();
  };
  CHECK(sent_after(22, 0, false) == "23 24 25");
  CHECK(sent_after(22, 0, true) == "23-25s");
  CHECK(sent_after(20, 0, true) == "21 22 23 24 25");
  CHECK(sent_after(18, 0, true) == "19-20s 21 22 23 24 25");
  // Frame 19 has come at 760 ms, and 24 at 960 ms. What was sent before is still needed then.
  CHECK(sent_after(12, 760, false) == "13 14 15 16 17 18 19 20 21 22 23 24 25");
  CHECK(sent_after(8, 760, false) == "11 12 13 14 15 16 17 18 19 20 21 22 23 24 25");
  CHECK(sent_after(12, 960, false) == "21 22 23 24 25");
  CHECK(sent_after(22, 1'500, false) == "23 24 25");
  CHECK(sent_after(12, 1'500, false) == "21 22 23 24 25");
  source.skip(flow, 3);
  CHECK(sent_after(25, 0, false) == "26-28s");
  CHECK(sent_after(27, 0, false) == "26-28s");
  CHECK(sent_after(28, 0, true).empty());
}

TEST_CASE("where somebody joins, a feed begins at the sync point that its next frame needs") {
  Flow flow = make_flow();
  Source source = gops(flow, 25);
  const auto sent_after = [&flow](std::uint64_t last) {
    TestChild child(flow, LinkId{9});
    child.start(last, at_ms(2'000));
    child.feed().begin_earlier(flow.buffer);
    child.send();
    flow.remove_child(LinkId{9});
    return child.text();
  };
  CHECK(sent_after(22) == "21 22 23 24 25");
  CHECK(sent_after(20) == "21 22 23 24 25");
  CHECK(sent_after(18) == "11 12 13 14 15 16 17 18 19 20 21 22 23 24 25");
  CHECK(sent_after(25) == "21 22 23 24 25");
  source.skip(flow, 3);
  CHECK(sent_after(23) == "21 22 23 24 25 26-28s");
}

TEST_CASE("a feed that leaves its buffer says whether what it left out is still to end") {
  Flow flow = make_flow();
  Source source = gops(flow, 3);
  TestChild child(flow, LinkId{1});
  child.start(0, at_ms(120));
  child.send();
  SECTION("not, if the child has all") { CHECK_FALSE(child.feed().leave(flow.buffer).gap); }
  SECTION("as its parent did") {
    source.skip(flow, 4);
    child.send();
    const Feed::Place place = child.feed().leave(flow.buffer);
    CHECK(place.last == FrameNumber{7});
    CHECK(place.gap);
  }
  SECTION("as it did itself, if the child was told") {
    source.frame(flow);
    child.lag_max = milliseconds(100);
    child.now = at_ms(1'000);
    child.feed().limit_lag(flow.buffer, child.now, child.lag_max);
    const bool told = GENERATE(false, true);
    if (told) child.send();
    const Feed::Place place = child.feed().leave(flow.buffer);
    CHECK(place.last == FrameNumber{told ? 4U : 3U});
    CHECK(place.gap);
  }
}

TEST_CASE("skips that follow one another are told as one") {
  Flow flow = make_flow();
  Source source;
  source.frame(flow);
  TestChild child(flow, LinkId{1});
  child.start(0, at_ms(0));
  for (int i = 0; i < 4; ++i) source.frame(flow, 1, 100, at_ms(10 + i));
  child.feed().limit_lag(flow.buffer, at_ms(1'000), milliseconds(100));
  for (int i = 0; i < 4; ++i) source.frame(flow, 1, 100, at_ms(1'010 + i));
  child.feed().limit_lag(flow.buffer, at_ms(2'000), milliseconds(100));
  child.send();
  CHECK(child.text() == "1-8s 9");
  CHECK(child.feed().frames_skipped() == 8);
}

TEST_CASE("what was skipped before the frames left out here is named with them") {
  Flow flow = make_flow();
  Source source;
  source.frame(flow);
  TestChild child(flow, LinkId{1});
  child.start(0, at_ms(0));
  child.send();
  child.lag_max = milliseconds(100);
  child.now = at_ms(500);
  source.skip(flow, 3, at_ms(10));
  source.frame(flow, 1, 100, at_ms(10));
  source.frame(flow, 1, 100, at_ms(10));
  SECTION("at the SKIP") {
    source.frame(flow, 1, 100, at_ms(10));
    child.send();
    CHECK(child.text() == "1 2-6s 7");
    CHECK(child.feed().frames_skipped() == 5);
  }
  SECTION("and one right before where it goes on is not counted twice") {
    source.skip(flow, 2, at_ms(10));
    source.frame(flow, 1, 100, at_ms(10));
    child.send(kRecordHeaderBytes);
    CHECK(child.feed().frames_skipped() == 7);
    child.now = at_ms(2'000);
    source.frame(flow, 1, 100, at_ms(1'500));
    child.send();
    CHECK(child.feed().frames_skipped() == 8);
    CHECK(child.text() == "1 2-8s 9-9s 10");
  }
}

TEST_CASE("a child that stands in the way of the head loses its place, not its framing") {
  Flow flow = make_flow(8192);
  Source source;
  source.frame(flow, 2, 500);
  TestChild child(flow, LinkId{1});
  child.start(0, at_ms(0));
  const bool half_sent = GENERATE(false, true);
  child.send(half_sent ? 600 : 532);
  for (int i = 0; i < 40; ++i) source.frame(flow, 2, 500);
  while (child.send() != 0) continue;
  const std::string rest = half_sent ? "1+ 1. " : "1+ ";
  const std::string text = child.text();
  CAPTURE(text);
  CHECK(text.starts_with(rest + (half_sent ? "2-" : "1-")));
  CHECK(text.find('?') == std::string::npos);
  CHECK(text.ends_with(" 41+ 41."));
}

TEST_CASE("a child that stands still is moved however small the frames are") {
  Flow flow = make_flow(1U << 16U, 8);  // the index is full long before the ring
  Source source;
  source.frame(flow, 1, 20);
  TestChild child(flow, LinkId{1});
  child.start(0, at_ms(0));
  child.send(10);
  for (int i = 0; i < 5'000; ++i) source.frame(flow, 1, 20, at_ms(i));
  child.send(10);
  child.send();
  child.send();
  const std::string text = child.text();
  CAPTURE(text.substr(0, 100));
  CHECK(text.starts_with("1 2-"));
  CHECK(text.ends_with(" 5001"));
  CHECK(test::missing_without_a_word(child.received, 1, 5'001).empty());
}

TEST_CASE("a frame larger than the ring takes the place of a child that stands still") {
  Flow flow = make_flow(8192);
  Source source;
  source.frame(flow);
  TestChild child(flow, LinkId{1});
  child.start(0, at_ms(0));
  child.send(132);
  source.part(flow, true, 1000);
  child.send(GENERATE(0U, 500U));
  for (int i = 0; i < 30; ++i) source.part(flow, false, 1000);
  child.send();
  source.frame(flow, 2);
  child.send();
  child.send();
  const std::string text = child.text();
  CAPTURE(text);
  CHECK(text.find('?') == std::string::npos);
  CHECK(text.find("2-2s") != std::string::npos);  // and what is left of 2 is no beginning: nobody takes it
  CHECK(text.ends_with("3+ 3."));
}

TEST_CASE("a START in the middle of a record lets it end first") {
  Flow flow = make_flow();
  Source source;
  for (int i = 0; i < 5; ++i) source.frame(flow, 2);
  TestChild child(flow, LinkId{1});
  child.start(1, at_ms(0));
  child.send(200);
  child.start(3, at_ms(0));
  child.send(1);
  child.send();
  child.send();
  CHECK(child.text() == "2+ 2. 4+ 4. 5+ 5.");
}

TEST_CASE("a START forgets what was left out before it") {
  Flow flow = make_flow();
  Source source;
  for (int i = 0; i < 5; ++i) source.frame(flow, 1, 100, at_ms(0));
  TestChild child(flow, LinkId{1});
  child.start(0, at_ms(0));
  source.frame(flow, 1, 100, at_ms(0));
  child.feed().limit_lag(flow.buffer, at_ms(1'000), milliseconds(100));
  child.start(1, at_ms(1'000));
  child.send();
  CHECK(child.text() == "2 3 4 5 6");
}

TEST_CASE("a feed that leaves its buffer says what its child has, and goes on in another one after that") {
  Flow flow = make_flow();
  Source source;
  for (int i = 0; i < 3; ++i) source.frame(flow, 2);
  TestChild child(flow, LinkId{1});
  child.start(1, at_ms(0));
  const auto [bytes, last] = GENERATE(table<std::size_t, std::uint64_t>({
      {0, 1},        // nothing yet
      {100, 1},      // half a record of 2
      {132, 1},      // half of 2
      {264, 2},      // 2
      {300, 2},      // 2 and some of 3
      {4 * 132, 3},  // everything
  }));
  child.send(bytes);
  CHECK(child.feed().leave(flow.buffer).last == FrameNumber{last});
  CHECK_FALSE(child.feed().started());
  Flow anew = make_flow();
  Source again;
  again.frame(anew, 2);
  child.feed().start(anew.buffer, FrameNumber{last}, false, {}, at_ms(0));
  child.move_to(anew);
  child.send();
  for (int i = 0; i < 3; ++i) {
    again.frame(anew, 2);
    while (child.send() != 0) continue;
  }
  const std::string text = child.text();
  CAPTURE(text);
  CHECK(text.find('?') == std::string::npos);
  CHECK(text.ends_with("4+ 4."));
  CHECK(test::missing_without_a_word(child.received, 2, 4).empty());
}

TEST_CASE("what the child has already is passed over once it is here, and no more than that") {
  Flow flow = make_flow();
  Source source;
  source.frame(flow);
  TestChild child(flow, LinkId{1});
  child.start(4, at_ms(0));
  source.frame(flow, 2);
  CHECK(child.send() == 0);
  source.skip(flow, 1);
  source.part(flow, true);
  CHECK(child.send() == 0);
  source.part(flow, false);
  source.skip(flow, 2);
  source.frame(flow);
  child.send();
  CHECK(child.text() == "5-6s 7");
}

TEST_CASE("a START that names a frame far beyond the stream's last one is answered with 0") {
  Flow flow = make_flow();
  Source source;
  for (int i = 0; i < 10; ++i) source.frame(flow);
  TestChild child(flow, LinkId{1});
  SECTION("and the child gets the newest complete frame") {
    CHECK(child.start(10 + kAheadMax + 1, at_ms(0)) == 0);
    child.send();
    source.frame(flow);
    child.send();
    CHECK(child.text() == "10 11");
    CHECK_FALSE(child.feed().take_restarted());
  }
  SECTION("also if the number is the highest that there is") {
    CHECK(child.start(~std::uint64_t{0}, at_ms(0)) == 0);
    child.send();
    CHECK(child.text() == "10");
  }
  SECTION("and one that is not so far is believed") {
    CHECK(child.start(10 + kAheadMax, at_ms(0)) == 10 + kAheadMax);
    CHECK(child.send() == 0);
  }
  SECTION("and so is one that is here") {
    CHECK(child.start(4, at_ms(0)) == 4);
    CHECK(child.start(10, at_ms(0)) == 10);
    CHECK(child.start(0, at_ms(0)) == 0);
  }
}

TEST_CASE("a stream that does not come to the named frame goes on for the child all the same") {
  Flow flow = make_flow();
  Source source;
  const bool empty_at_first = GENERATE(false, true);
  if (!empty_at_first) source.frame(flow);
  TestChild child(flow, LinkId{1});
  CHECK(child.start(200, at_ms(0)) == 200);
  if (empty_at_first) source.frame(flow);
  CHECK(child.send() == 0);
  // A backlog of two seconds comes in at twice the stream's rate, and stalls half way.
  const auto next_after = [&](int ms) {
    child.now += milliseconds(ms);
    source.frame(flow, 2, 100, child.now);
    CHECK(child.send() == 0);
    CHECK_FALSE(child.feed().take_restarted());
  };
  for (int i = 0; i < 20; ++i) next_after(i == 10 ? 2'000 : 50);
  for (int i = 0; i < 40; ++i) next_after(50);
  // From here on it comes as it is made, ten frames a second.
  for (int i = 0; i < 10; ++i) next_after(100);
  child.now += milliseconds(100);
  source.part(flow, true, 100, child.now);
  child.send();
  CHECK(child.text() == "71+ 71. 72+");
  CHECK(child.feed().take_restarted());
  CHECK_FALSE(child.feed().take_restarted());
  CHECK(child.feed().frames_skipped() == 0);
  source.part(flow, false, 100, child.now);
  child.send();
  CHECK(child.text() == "71+ 71. 72+ 72~");
}

TEST_CASE("a backlog is over when frames come with no less lag than before") {
  Backlog backlog;
  std::uint64_t frame = 0;
  std::int64_t source_ms = 5'000;
  std::int64_t here_ms = 0;
  const auto over_with = [&](std::int64_t source_step_ms, std::int64_t here_step_ms) {
    source_ms += source_step_ms;
    here_ms += here_step_ms;
    return backlog.over_with(FrameNumber{++frame}, source_ms * 1'000'000, at_ms(here_ms));
  };
  CHECK_FALSE(over_with(0, 0));
  CHECK_FALSE(over_with(600, 600));
  SECTION("for a second of the source's time") {
    CHECK_FALSE(over_with(400, 400));
    CHECK(over_with(1, 1));
  }
  SECTION("counted from the last time that the lag fell") {
    CHECK_FALSE(over_with(600, 500));
    CHECK_FALSE(over_with(1'000, 1'000));
    CHECK(over_with(1, 1));
  }
  SECTION("without the frames that are late") {
    CHECK_FALSE(over_with(100, 1'000));
    for (int i = 0; i < 7; ++i) CHECK_FALSE(over_with(100, 0));
    CHECK_FALSE(over_with(100, 0));
    CHECK_FALSE(over_with(300, 300));
    CHECK(over_with(101, 101));
  }
  SECTION("counted once a frame") {
    CHECK_FALSE(
        backlog.over_with(FrameNumber{frame}, (source_ms + 5'000) * 1'000'000, at_ms(here_ms + 5'000)));
  }
  SECTION("by the time here, where the source's clock stands still or is set back") {
    CHECK_FALSE(over_with(-3'000, 300));
    CHECK_FALSE(over_with(0, 100));
    CHECK(over_with(0, 1));
  }
  SECTION("whatever times a peer makes up") {
    backlog.over_with(FrameNumber{98}, std::numeric_limits<std::int64_t>::max(), at_ms(here_ms));
    CHECK_FALSE(backlog.over_with(FrameNumber{99}, 0, at_ms(here_ms)));
    backlog.over_with(FrameNumber{100}, std::numeric_limits<std::int64_t>::max(), at_ms(here_ms));
  }
}

TEST_CASE("a slow stream that has come to the named frame is waited for") {
  Flow flow = make_flow();
  Source source;
  source.frame(flow);
  TestChild child(flow, LinkId{1});
  child.start(3, at_ms(0));
  for (int i = 1; i <= 2; ++i) {
    child.now = at_ms(700 * i);
    source.frame(flow, 2, 100, child.now);
    CHECK(child.send() == 0);
  }
  child.now = at_ms(60'000);
  CHECK(child.send() == 0);
  CHECK_FALSE(child.feed().take_restarted());
  source.frame(flow, 1, 100, child.now);
  child.send();
  CHECK(child.text() == "4");
}

TEST_CASE("more frames than a SKIP may name are named by several") {
  Flow flow = make_flow();
  Source source;
  source.frame(flow);
  TestChild child(flow, LinkId{1});
  child.start(0, at_ms(0));
  child.send();
  source.skip(flow, kSkipFramesMax);
  source.skip(flow, kSkipFramesMax);
  source.skip(flow, 5);
  source.frame(flow);
  source.frame(flow);
  child.lag_max = milliseconds(100);
  child.now = at_ms(1'000);
  child.send();
  // Frames 2 to 2 * kSkipFramesMax + 7.
  CHECK(child.text() == "1 2-1048577s 1048578-2097153s 2097154-2097159s 2097160");
  CHECK(child.feed().frames_skipped() == 2 * kSkipFramesMax + 6);
}

/// Many random histories of one stream with three children, each as blocked as can be.
void run_history(unsigned seed) {
  std::mt19937 random(seed);
  const auto below = [&random](unsigned bound) { return static_cast<unsigned>(random() % bound); };
  const std::size_t index = below(2) == 0 ? 8 : 64;
  Flow flow = make_flow(8192, index);
  if (below(2) == 0) {
    flow.buffer.may_grow(8192U << below(5), milliseconds(below(2'000)),
                         below(2) == 0 ? 0 : 8192U << below(5));
  }
  test::History history(flow, below(2) == 0 ? 1 : 2 + below(below(4) == 0 ? 60 : 10));
  std::vector<std::unique_ptr<TestChild>> children;
  for (unsigned i = 0; i < 3; ++i) {
    children.push_back(std::make_unique<TestChild>(flow, LinkId{i + 1}));
    children.back()->lag_max = milliseconds(20 + below(100));
  }
  const unsigned busy = 1 + below(30);
  const bool large = below(3) == 0;
  std::int64_t ms = 0;
  for (unsigned step = 0; step < 400; ++step) {
    ms += below(6);
    switch (below(12)) {
      case 0:
        history.skip(1 + below(5), at_ms(ms));
        break;
      case 1:
        if (below(4) == 0) history.lose(1 + below(3));
        break;
      default:
        history.record(below(4) == 0 || below(large ? 12 : 3) == 0, 12 + below(below(8) == 0 ? 1'500 : 150),
                       at_ms(ms));
    }
    for (const auto& child : children) {
      child->now = at_ms(ms);
      if (!child->feed().started() && below(20) == 0) {
        const std::uint64_t last = below(2) == 0 ? 0 : history.last_some(below(9));
        const MonoTime oldest = below(2) == 0 ? MonoTime{} : at_ms(ms - below(60));
        child->start(last, at_ms(ms), oldest, last != 0 && !history.is_whole(last));
      }
      while (below(busy) == 0 && child->send(1 + below(below(3) == 0 ? 2'000 : 90)) != 0) continue;
    }
  }
  for (const auto& child : children) {
    if (!child->feed().started()) continue;
    while (child->send() != 0) continue;
    const std::string complaint = history.complaint_about(*child);
    CAPTURE(complaint);
    REQUIRE(complaint.empty());
  }
}

TEST_CASE(
    "whatever is sent and blocked, a child gets whole records, in order, and each frame whole or named") {
  for (unsigned seed = 1; seed <= 2'000 / test::kMutationScale; ++seed) {
    CAPTURE(seed);
    run_history(seed);
  }
}

}  // namespace
}  // namespace ott
