#include "wire/delay_line.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <map>

namespace ott::wire {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr std::size_t kBytes = 1250;  // 10,000 bits: 1 ms at 10 Mbit/s

Impairment impairment(std::string_view words) {
  auto parsed = parse_impairment(words);
  INFO(words);
  REQUIRE(parsed);
  return *parsed;
}

Frame frame_of(std::uint32_t number) {
  Frame frame(4);
  for (std::size_t i = 0; i < 4; ++i) frame[i] = static_cast<std::uint8_t>(number >> (8 * i));
  return frame;
}

std::uint32_t number_of(const Frame& frame) {
  std::uint32_t number = 0;
  for (std::size_t i = 0; i < 4; ++i) number |= static_cast<std::uint32_t>(frame[i]) << (8 * i);
  return number;
}

struct Out {
  std::uint32_t number;
  Duration delay;  // since it arrived
  MonoTime at;
};

/// So many frames at this interval, and what comes out of it, each at the moment when the line says that it
/// is due.
std::vector<Out> run(DelayLine& line, std::uint32_t count, Duration interval) {
  std::vector<Out> out;
  const MonoTime begin(milliseconds(1000));
  const auto take_until = [&](MonoTime until) {
    for (auto due = line.next_due(); due && *due <= until; due = line.next_due()) {
      CHECK_FALSE(line.pop(*due - Duration(1)));  // never early
      auto next = line.pop(*due);
      REQUIRE(next);
      CHECK(next->due == *due);
      const std::uint32_t number = number_of(next->frame);
      out.push_back({number, *due - (begin + number * interval), *due});
    }
  };
  for (std::uint32_t i = 0; i < count; ++i) {
    take_until(begin + i * interval);
    (void)line.push(frame_of(i), kBytes, begin + i * interval);
  }
  take_until(MonoTime::max());
  CHECK(line.size() == 0);
  return out;
}

std::vector<Out> run(std::string_view words, std::uint32_t count, Duration interval) {
  DelayLine line(impairment(words), 7);
  return run(line, count, interval);
}

bool in_order(const std::vector<Out>& out) {
  return std::is_sorted(out.begin(), out.end(),
                        [](const Out& a, const Out& b) { return a.number < b.number; });
}

TEST_CASE("a line's words are read and said again") {
  const auto all =
      impairment("rate 10mbit delay 20ms jitter 500us loss 0.5% duplicate 1% reorder 25% limit 50");
  CHECK(all.delay == milliseconds(20));
  CHECK(all.jitter == microseconds(500));
  CHECK(all.loss == Approx(0.005));
  CHECK(all.duplicate == Approx(0.01));
  CHECK(all.reorder == Approx(0.25));
  CHECK(all.rate == 10'000'000);
  CHECK(all.limit == 50);
  CHECK(impairment(to_words(all)) == all);
  CHECK(impairment("") == Impairment{});
  CHECK(to_words(Impairment{}).empty());
  CHECK(impairment("  delay 0  loss 0 rate 0 ") == Impairment{});
  CHECK(impairment("delay 0.3ms").delay == microseconds(300));
  CHECK(impairment("rate 64kbit").rate == 64'000);
}

TEST_CASE("a wrong word of a line is named") {
  const auto error = [](std::string_view words) {
    auto parsed = parse_impairment(words);
    INFO(words);
    REQUIRE_FALSE(parsed);
    return parsed.error().message;
  };
  using Catch::Contains;
  CHECK_THAT(error("dely 20ms"), Contains("'dely': there are delay, jitter,"));
  CHECK_THAT(error("delay 20"), Contains("delay '20': it takes a time"));
  CHECK_THAT(error("delay"), Contains("delay ''"));
  CHECK_THAT(error("delay -1ms"), Contains("delay '-1ms'"));
  CHECK_THAT(error("delay 1ms delay 2ms"), Contains("'delay' stands there twice"));
  CHECK_THAT(error("loss 101%"), Contains("a share from 0% to 100%"));
  CHECK_THAT(error("loss nan%"), Contains("a share from 0% to 100%"));
  CHECK_THAT(error("rate 10mb"), Contains("bits a second"));
  CHECK_THAT(error("limit 0"), Contains("a number of frames"));
  CHECK_THAT(error("limit 1.5"), Contains("a number of frames"));
}

TEST_CASE("a line delays each frame by the same and keeps the order") {
  const auto out = run("delay 20ms", 1000, microseconds(100));
  REQUIRE(out.size() == 1000);
  CHECK(in_order(out));
  for (const Out& frame : out) CHECK(frame.delay == milliseconds(20));
}

TEST_CASE("a line that does nothing lets frames out as they came, of one moment in their order") {
  const auto out = run("", 100, Duration{});
  REQUIRE(out.size() == 100);
  CHECK(in_order(out));
}

TEST_CASE("jitter is within its range, on both sides, and lets frames overtake each other") {
  const auto out = run("delay 10ms jitter 4ms", 20'000, microseconds(100));
  REQUIRE(out.size() == 20'000);
  Duration sum{}, least = out[0].delay, most = out[0].delay;
  for (const Out& frame : out) {
    sum += frame.delay;
    least = std::min(least, frame.delay);
    most = std::max(most, frame.delay);
  }
  CHECK(least >= milliseconds(6));
  CHECK(most <= milliseconds(14));
  CHECK(least < milliseconds(7));
  CHECK(most > milliseconds(13));
  CHECK(sum / 20'000 > microseconds(9'900));
  CHECK(sum / 20'000 < microseconds(10'100));
  CHECK_FALSE(in_order(out));
}

TEST_CASE("jitter that is larger than the delay makes no frame come early") {
  for (const Out& frame : run("delay 1ms jitter 3ms", 1000, milliseconds(1))) {
    CHECK(frame.delay >= Duration{});
    CHECK(frame.delay <= milliseconds(4));
  }
}

TEST_CASE("a line loses, duplicates and reorders the shares that it is told to") {
  constexpr std::uint32_t kFrames = 100'000;  // a share of 2 % is then 2,000 ± 5 * 44
  SECTION("loss") {
    DelayLine line(impairment("loss 2% limit 1000000"), 3);
    const auto out = run(line, kFrames, microseconds(10));
    CHECK(line.counters().lost > 1'780);
    CHECK(line.counters().lost < 2'220);
    CHECK(out.size() == kFrames - line.counters().lost);
    CHECK(line.counters().bytes_in == kFrames * kBytes);
    CHECK(line.counters().bytes_out == out.size() * kBytes);
  }
  SECTION("duplicate") {
    DelayLine line(impairment("duplicate 2% delay 1ms"), 3);
    const auto out = run(line, kFrames, microseconds(10));
    CHECK(line.counters().duplicated > 1'780);
    CHECK(line.counters().duplicated < 2'220);
    std::map<std::uint32_t, int> copies;
    for (const Out& frame : out) ++copies[frame.number];
    CHECK(copies.size() == kFrames);
    CHECK(out.size() == kFrames + line.counters().duplicated);
    CHECK(std::all_of(copies.begin(), copies.end(), [](const auto& of) { return of.second <= 2; }));
  }
  SECTION("reorder") {
    DelayLine line(impairment("reorder 2% delay 1ms"), 3);
    const auto out = run(line, kFrames, microseconds(10));
    CHECK(out.size() == kFrames);
    CHECK(line.counters().reordered > 1'780);
    CHECK(line.counters().reordered < 2'220);
    const auto at_once =
        std::count_if(out.begin(), out.end(), [](const Out& frame) { return frame.delay == Duration{}; });
    CHECK(static_cast<std::uint64_t>(at_once) == line.counters().reordered);
  }
}

TEST_CASE("a line that loses all lets nothing out and gives the memory back") {
  DelayLine line(impairment("loss 100%"), 1);
  const auto back = line.push(frame_of(5), kBytes, MonoTime{});
  REQUIRE(back);
  CHECK(number_of(*back) == 5);
  CHECK_FALSE(line.next_due());
}

TEST_CASE("a rate spaces frames, and begins anew after a pause") {
  DelayLine line(impairment("rate 10mbit delay 5ms"), 1);
  const auto out = run(line, 10, microseconds(100));
  REQUIRE(out.size() == 10);
  for (std::size_t i = 0; i < out.size(); ++i) {
    CHECK(out[i].at == out[0].at + i * milliseconds(1));
  }
  CHECK(out[0].delay == milliseconds(6));
  const MonoTime later = out.back().at + milliseconds(500);
  (void)line.push(frame_of(0), kBytes, later);
  CHECK(line.next_due() == later + milliseconds(6));
}

TEST_CASE("with a rate, jitter does not change the order") {
  const auto out = run("rate 100mbit delay 5ms jitter 4ms limit 100000", 5'000, microseconds(200));
  CHECK(out.size() == 5'000);
  CHECK(in_order(out));
  for (std::size_t i = 1; i < out.size(); ++i) CHECK(out[i].at - out[i - 1].at >= microseconds(100));
}

TEST_CASE("a line drops what comes when its limit of frames is there") {
  DelayLine line(impairment("rate 10mbit limit 20"), 1);
  const auto out = run(line, 1'000, microseconds(500));  // twice the rate
  CHECK(line.counters().overflowed + out.size() == 1'000);
  CHECK(out.size() >= 500);
  CHECK(out.size() <= 521);
  CHECK(
      std::all_of(out.begin(), out.end(), [](const Out& frame) { return frame.delay <= milliseconds(20); }));
}

TEST_CASE("a changed line treats new frames by the new rule, and those on their way by the old") {
  DelayLine line(impairment("delay 20ms"), 1);
  const MonoTime now(milliseconds(50));
  (void)line.push(frame_of(1), kBytes, now);
  line.change(impairment("delay 2ms"));
  (void)line.push(frame_of(2), kBytes, now + milliseconds(1));
  auto first = line.pop(now + milliseconds(3));
  REQUIRE(first);
  CHECK(number_of(first->frame) == 2);
  CHECK_FALSE(line.pop(now + milliseconds(19)));
  CHECK(line.next_due() == now + milliseconds(20));
}

TEST_CASE("the same seed gives the same line") {
  const auto all = [](std::uint64_t seed) {
    DelayLine line(impairment("delay 10ms jitter 5ms loss 10% duplicate 10% reorder 5%"), seed);
    std::vector<std::pair<std::uint32_t, Duration>> seen;
    for (const Out& frame : run(line, 500, milliseconds(1))) seen.emplace_back(frame.number, frame.delay);
    return seen;
  };
  CHECK(all(1) == all(1));
  CHECK(all(1) != all(2));
}

}  // namespace
}  // namespace ott::wire
