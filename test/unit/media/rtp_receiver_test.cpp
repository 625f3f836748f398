#include "media/rtp_receiver.h"

#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <random>
#include <vector>

#include "ott/bytes.h"

namespace ott {
namespace {

using namespace std::chrono_literals;
using Bytes = std::vector<std::uint8_t>;
constexpr std::uint8_t kType = 26;

Bytes rtp(unsigned sequence, std::uint32_t ssrc = 1, std::uint32_t timestamp = 0, std::uint8_t type = kType) {
  RtpHeader header;
  header.payload_type = type;
  header.sequence = static_cast<std::uint16_t>(sequence);
  header.ssrc = ssrc;
  header.timestamp = timestamp;
  Bytes packet(kRtpFixedHeaderBytes + 4);
  write_rtp_header(header, packet);
  return packet;
}

/// A receiver, what has come out of it, and a clock.
struct Bench {
  RtpReceiver receiver{kType};
  Now now{MonoTime(1s), {}};
  std::vector<unsigned> out;  // sequence numbers
  std::vector<std::uint32_t> ssrcs;
  std::vector<Duration> ages;
  unsigned firsts = 0;

  void collect() {
    while (const auto ordered = receiver.next(now.mono)) {
      const auto packet = parse_rtp(ordered->packet);
      REQUIRE(packet);
      out.push_back(packet->header.sequence);
      ssrcs.push_back(packet->header.ssrc);
      ages.push_back(now.mono - ordered->arrived.mono);
      firsts += ordered->first ? 1 : 0;
    }
  }
  void push(const Bytes& packet) {
    receiver.push(packet, now);
    collect();
  }
  void push(std::initializer_list<unsigned> sequences, std::uint32_t ssrc = 1) {
    for (const unsigned sequence : sequences) push(rtp(sequence, ssrc));
  }
  void wait(Duration time) {
    now.mono += time;
    collect();
  }
  const RtpReceiver::Counters& counters() const { return receiver.counters(); }
};

TEST_CASE("packets come out once each and in order", "[rtp_receiver]") {
  Bench bench;
  SECTION("as they came") {
    bench.push({65533, 65534, 65535, 0, 1, 2});
    CHECK(bench.out == std::vector<unsigned>{65533, 65534, 65535, 0, 1, 2});
    CHECK(bench.receiver.highest_sequence() == 65536 + 2);
  }
  SECTION("reordered, over the wrap of their numbers, at once when the missing one is there") {
    bench.push({65532, 65533, 65535, 1, 0, 65534});
    CHECK(bench.out == std::vector<unsigned>{65532, 65533, 65534, 65535, 0, 1});
    CHECK(bench.receiver.next_deadline() == MonoTime::max());
  }
  SECTION("duplicates of all kinds") {
    bench.push({1, 2, 2, 4, 4, 3, 1, 4, 3});
    CHECK(bench.out == std::vector<unsigned>{1, 2, 3, 4});
    CHECK(bench.counters().duplicates == 5);
    CHECK(bench.counters().late == 0);
  }
  CHECK(bench.counters().lost == 0);
  CHECK(bench.counters().packets == bench.out.size());
  CHECK(bench.firsts == 1);
  CHECK(bench.counters().restarts == 0);
}

TEST_CASE("what does not come in time is lost, and late when it comes", "[rtp_receiver]") {
  Bench bench;
  bench.push({1, 2, 5});
  CHECK(bench.receiver.next_deadline() == bench.now.mono + RtpReceiver::kWaitMax);
  bench.wait(RtpReceiver::kWaitMax - 1ns);
  CHECK(bench.out == std::vector<unsigned>{1, 2});
  bench.wait(1ns);
  CHECK(bench.out == std::vector<unsigned>{1, 2, 5});
  CHECK(bench.ages.back() == RtpReceiver::kWaitMax);
  CHECK(bench.counters().lost == 2);
  bench.push({3, 3, 6, 4});
  CHECK(bench.out == std::vector<unsigned>{1, 2, 5, 6});
  CHECK(bench.counters().late == 3);
  CHECK(bench.counters().duplicates == 0);
}

TEST_CASE("no more waits than there is room for", "[rtp_receiver]") {
  Bench bench;
  bench.push({1, 2});
  SECTION("in packets") {
    for (unsigned i = 0; i < RtpReceiver::kWaitingMax; ++i) bench.push({4 + i});
    CHECK(bench.out.size() == 2);
    bench.push({4 + RtpReceiver::kWaitingMax});
  }
  SECTION("in bytes") {
    Bytes large = rtp(0);
    large.resize(60'000);
    const unsigned count = RtpReceiver::kWaitingBytesMax / 60'000;
    for (unsigned i = 0; i <= count; ++i) {
      CHECK(bench.out.size() == 2);
      store_be(large.data() + 2, static_cast<std::uint16_t>(4 + i));
      bench.push(large);
    }
  }
  CHECK(bench.out.size() > 3);
  CHECK(bench.out[2] == 4);
  CHECK(bench.counters().lost == 1);
}

TEST_CASE("a sender that begins anew is followed from its first packet on", "[rtp_receiver]") {
  Bench bench;
  bench.push({100, 101, 102});
  const auto out_since = [&bench] { return std::vector<unsigned>(bench.out.begin() + 3, bench.out.end()); };
  SECTION("with the same SSRC, at another number: at once") {
    bench.push({40'000, 40'001, 40'002});
    CHECK(out_since() == std::vector<unsigned>{40'000, 40'001, 40'002});
  }
  SECTION("with the same SSRC, a little before: once it is clear that these are not late") {
    bench.wait(1s);
    bench.push({90, 91, 92});
    CHECK(out_since() == std::vector<unsigned>{90, 91, 92});
  }
  SECTION("with another SSRC, after a pause") {
    bench.wait(1s);
    bench.push({7, 8}, 2);
    CHECK(out_since() == std::vector<unsigned>{7, 8});
  }
  SECTION("with another SSRC, without a pause: what came meanwhile is not lost") {
    for (unsigned i = 0; i < 30; ++i) {
      bench.push({7 + i}, 2);
      bench.wait(10ms);
    }
    std::vector<unsigned> all(30);
    for (unsigned i = 0; i < 30; ++i) all[i] = 7 + i;
    CHECK(out_since() == all);
  }
  SECTION("with another SSRC, after a BYE") {
    CHECK_FALSE(bench.receiver.on_bye(99));
    CHECK(bench.receiver.on_bye(1));
    CHECK_FALSE(bench.receiver.on_bye(1));
    bench.push({7, 8}, 2);
    CHECK(out_since() == std::vector<unsigned>{7, 8});
  }
  CHECK(bench.counters().restarts == 1);
  CHECK(bench.firsts == 2);
}

TEST_CASE("one packet proves nothing", "[rtp_receiver]") {
  Bench bench;
  bench.push({5});
  CHECK(bench.out.empty());
  bench.push({700, 8});
  CHECK(bench.out.empty());
  bench.push({9});
  CHECK(bench.out == std::vector<unsigned>{8, 9});
  bench.push({30'000, 10, 50'000, 11});
  CHECK(bench.out == std::vector<unsigned>{8, 9, 10, 11});
}

TEST_CASE("while a sender goes on another one is ignored", "[rtp_receiver]") {
  Bench bench;
  for (unsigned i = 0; i < 100; ++i) {
    bench.push({i}, 1);
    bench.push({500 + i}, 2);
    bench.push({900 + i}, 3);
    bench.wait(33ms);
  }
  CHECK(std::ranges::count(bench.ssrcs, 1U) == 100);
  CHECK(bench.out.size() == 100);
  CHECK(bench.counters().restarts == 0);
  CHECK(bench.counters().strange > 0);
}

TEST_CASE("a sender is found among many strange packets", "[rtp_receiver]") {
  Bench bench;
  std::mt19937 random(7);
  const auto below = [&random](unsigned limit) { return static_cast<unsigned>(random() % limit); };
  for (unsigned i = 0; i < 100; ++i) {
    for (unsigned strange = 0; strange < 10; ++strange) bench.push(rtp(below(1U << 16), below(~0U)));
    bench.push({i});
  }
  CHECK(bench.out.size() == 100);
}

TEST_CASE("any number of SSRCs takes no sender's place, nor memory", "[rtp_receiver]") {
  Bench bench;
  bench.push({1, 2});
  std::mt19937 random(7);
  const auto below = [&random](unsigned limit) { return static_cast<unsigned>(random() % limit); };
  for (unsigned i = 0; i < 100'000; ++i) {
    bench.push(rtp(below(1U << 16), below(~0U)));
    if (i % 100 == 0) bench.push({3 + i / 100});
  }
  CHECK(bench.out.size() == 2 + 1'000);
  CHECK(bench.counters().restarts == 0);
  CHECK(bench.counters().strange > 90'000);
}

TEST_CASE("what is no RTP of the wanted type is counted", "[rtp_receiver]") {
  Bench bench;
  bench.push({1, 2});
  bench.push(Bytes{});
  bench.push(Bytes(3, 0));
  bench.push(Bytes(100, 0));
  CHECK(bench.counters().malformed == 3);
  bench.push(rtp(3, 1, 0, 33));
  CHECK(bench.counters().wrong_type == 1);
  bench.push({3});
  CHECK(bench.out == std::vector<unsigned>{1, 2, 3});
  CHECK(is_rtcp(Bytes{0x80, 200}));
  CHECK(is_rtcp(Bytes{0x81, 203}));
  CHECK_FALSE(is_rtcp(rtp(1)));
  CHECK_FALSE(is_rtcp(rtp(1, 1, 0, 96)));
  CHECK_FALSE(is_rtcp(Bytes{0x80}));
}

TEST_CASE("jitter is measured as in RFC 3550, appendix A.8", "[rtp_receiver]") {
  Bench bench;
  for (unsigned i = 0; i < 200; ++i) {
    bench.push(rtp(i, 1, i * 900));
    bench.wait(10ms);
  }
  CHECK(bench.receiver.jitter() == 0);
  for (unsigned i = 200; i < 400; ++i) {
    bench.push(rtp(i, 1, i * 900));
    bench.wait(i % 2 == 0 ? 9ms : 11ms);  // 1 ms is 90 units
  }
  CHECK(bench.receiver.jitter() > 80);
  CHECK(bench.receiver.jitter() <= 90);
}

TEST_CASE("over any network what comes in time comes out in order", "[rtp_receiver]") {
  const unsigned seed = GENERATE(range(1U, 21U));
  CAPTURE(seed);
  std::mt19937 random(seed);
  const auto below = [&random](unsigned limit) { return static_cast<unsigned>(random() % limit); };
  struct Arrival {
    Duration at;
    unsigned number;
  };
  std::vector<Arrival> arrivals;
  unsigned sent = 0;
  for (unsigned i = 0; i < 5'000; ++i) {
    const Duration leaves = i * 1ms;
    const bool edge = i < 2;  // the first two must come in order
    if (!edge && below(20) == 0) continue;
    ++sent;
    arrivals.push_back({leaves + (edge ? 0U : below(40)) * 1ms, i});
    if (!edge && below(10) == 0) arrivals.push_back({leaves + below(150) * 1ms, i});
  }
  std::ranges::stable_sort(arrivals, {}, &Arrival::at);
  Bench bench;
  const MonoTime begin = bench.now.mono;
  for (const Arrival& arrival : arrivals) {
    while (bench.receiver.next_deadline() < begin + arrival.at) {
      bench.now.mono = bench.receiver.next_deadline();
      bench.collect();
    }
    bench.now.mono = begin + arrival.at;
    bench.push(rtp(60'000 + arrival.number));
  }
  while (bench.receiver.next_deadline() != MonoTime::max()) {
    bench.now.mono = bench.receiver.next_deadline();
    bench.collect();
  }
  CHECK(bench.out.size() == sent);
  for (std::size_t i = 1; i < bench.out.size(); ++i) {
    REQUIRE(static_cast<std::int16_t>(bench.out[i] - bench.out[i - 1]) > 0);
  }
  for (const Duration age : bench.ages) REQUIRE(age <= 2 * RtpReceiver::kWaitMax);
}

}  // namespace
}  // namespace ott
