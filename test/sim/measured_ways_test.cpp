// Streams that go by what is measured: over a diamond of two ways, whose delays and rates change.
//
//     10.0.0.10 (origin) -- 10.0.0.1 -- 10.0.0.3 (where the viewers are)
//                        \- 10.0.0.2 -/
#include <catch2/catch.hpp>

#include "lab.h"

namespace ott::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr const char* kDiamond = R"({
  "10.0.0.10": { "name": "origin", "neighbors": ["10.0.0.1", "10.0.0.2"] },
  "10.0.0.1":  { "name": "upper", "neighbors": ["10.0.0.10", "10.0.0.3"] },
  "10.0.0.2":  { "name": "lower", "neighbors": ["10.0.0.10", "10.0.0.3"] },
  "10.0.0.3":  { "name": "sink", "neighbors": ["10.0.0.1", "10.0.0.2"] }
})";

class Diamond : public Lab {
 public:
  explicit Diamond(std::vector<StreamSpec> streams) : Lab(1, kDiamond, options()) {
    prepare(kBootstrapRole, "10.0.0.10").context->options.publish = std::move(streams);
    run("10.0.0.10", kBootstrapRole);
    for (const char* node : {"10.0.0.1", "10.0.0.2", "10.0.0.3"}) start(kNodeRole, node);
    set_delays(milliseconds(5), milliseconds(20));
    network.run_for(seconds(6));
  }
  /// A guest of the sink.
  void watch(const std::string& guest, const std::string& stream) {
    RoleOptions& options = prepare(kClientRole, guest).context->options;
    options.watch = stream;
    options.overlay.kind = PeerKind::Guest;
    options.overlay.bootstrap.reset();
    options.overlay.access = {NodeId{ip("10.0.0.3")}};
    run(guest, kClientRole);
  }
  /// One way, on each of its two links.
  void set_delays(Duration upper, Duration lower) {
    for (const char* end : {"10.0.0.10", "10.0.0.3"}) {
      network.set_latency(ip(end), ip("10.0.0.1"), upper);
      network.set_latency(ip(end), ip("10.0.0.2"), lower);
    }
  }
  /// How often a stream's tree was another way than before, so far.
  [[nodiscard]] std::size_t moves() {
    const auto& lines = processes.at("10.0.0.10").log.lines;
    return static_cast<std::size_t>(std::ranges::count_if(
        lines, [](const std::string& line) { return line.find("has it another way") != std::string::npos; }));
  }
  [[nodiscard]] bool goes_by(const char* relay) {
    const auto& lines = processes.at("10.0.0.10").log.lines;
    const auto last = std::find_if(lines.rbegin(), lines.rend(), [](const std::string& line) {
      return line.find("by 10.0.0.") != std::string::npos;
    });
    return last != lines.rend() && last->find(std::string("by ") + relay) != std::string::npos;
  }
  std::uint64_t count(const std::string& guest, const char* name) {
    network.run_for(seconds(1));  // for another line of statistics
    return processes.at(guest).stat(name);
  }
  void check_nothing_missing(const std::string& guest) {
    CHECK(count(guest, "frames_received") > 100);
    CHECK(count(guest, "frames_lost") == 0);
    CHECK(count(guest, "frames_duplicate") == 0);
  }

 private:
  static NetworkOptions options() {
    NetworkOptions options;
    options.buffer_bytes = 16U << 10U;
    options.partial = false;  // a cut write is as late as a longer link
    return options;
  }
  void run(const std::string& address, const RoleSpec& role) {
    network.start(ip(address), role.create(*processes.at(address).context));
  }
};

TEST_CASE("a way that becomes longer is left within 5 s, and taken again; no frame is missing") {
  Diamond lab({{"cam", "pattern:64x48@25", Metric::Latency}});
  lab.watch("10.9.0.1", "cam");
  lab.network.run_for(seconds(5));
  REQUIRE(lab.goes_by("10.0.0.1"));
  lab.set_delays(milliseconds(60), milliseconds(20));
  lab.network.run_for(milliseconds(4'900));
  CHECK(lab.goes_by("10.0.0.2"));
  lab.set_delays(milliseconds(5), milliseconds(20));
  lab.network.run_for(seconds(10));
  CHECK(lab.goes_by("10.0.0.1"));
  CHECK(lab.moves() == 2);
  lab.check_nothing_missing("10.9.0.1");
  CHECK(lab.count("10.9.0.1", "frames_skipped") == 0);
}

TEST_CASE("delays that wander by a tenth move nothing") {
  Diamond lab({{"cam", "pattern:64x48@5", Metric::Latency}});
  lab.set_delays(milliseconds(20), milliseconds(21));
  lab.watch("10.9.0.1", "cam");
  lab.network.run_for(seconds(10));
  const std::size_t before = lab.moves();
  std::uniform_real_distribution<double> wander(0.9, 1.1);
  for (int second = 0; second < 600; ++second) {
    const auto about = [&](double ms) {
      return std::chrono::microseconds(std::lround(ms * 1'000 * wander(lab.network.random())));
    };
    lab.set_delays(about(20), about(21));
    lab.network.run_for(seconds(1));
  }
  CHECK(lab.moves() == before);
  lab.check_nothing_missing("10.9.0.1");
}

TEST_CASE("two streams that do not fit on one way together have one each, and stay there") {
  const auto rate = GENERATE(75'000.0, 90'000.0);  // bytes a second; each stream has some 61,000
  Diamond lab({{"a", "pattern:160x120@10", Metric::Quality}, {"b", "pattern:160x120@10", Metric::Quality}});
  for (const char* relay : {"10.0.0.1", "10.0.0.2"}) lab.network.set_rate(ip(relay), ip("10.0.0.3"), rate);
  lab.watch("10.9.0.1", "a");
  lab.watch("10.9.0.2", "b");
  lab.network.run_for(seconds(20));
  const std::size_t moved = lab.moves();
  CHECK(moved >= 1);
  lab.network.run_for(seconds(40));
  const std::uint64_t skipped_a = lab.count("10.9.0.1", "frames_skipped");
  const std::uint64_t skipped_b = lab.count("10.9.0.2", "frames_skipped");
  lab.network.run_for(minutes(10));
  CHECK(lab.moves() <= 3);
  CHECK(lab.count("10.9.0.1", "frames_skipped") == skipped_a);
  CHECK(lab.count("10.9.0.2", "frames_skipped") == skipped_b);
  lab.check_nothing_missing("10.9.0.1");
  lab.check_nothing_missing("10.9.0.2");
}

TEST_CASE(
    "of four streams of which the ways carry three, the one with fewest viewers is left out, and is told "
    "why") {
  std::vector<StreamSpec> streams;
  for (const char* name : {"a", "b", "c", "d"})
    streams.push_back({name, "pattern:160x120@10", Metric::Quality});
  Diamond lab(std::move(streams));
  lab.network.set_rate(ip("10.0.0.1"), ip("10.0.0.3"), 130'000);
  lab.network.set_rate(ip("10.0.0.2"), ip("10.0.0.3"), 75'000);
  unsigned guest = 0;
  for (const char* name : {"a", "a", "b", "c", "c", "d", "d"})
    lab.watch("10.9.0." + std::to_string(++guest), name);
  lab.network.run_for(minutes(1));
  const MemoryLog& origin = lab.processes.at("10.0.0.10").log;
  CHECK(origin.has("stream b: 10.0.0.3 (sink) cannot have it"));
  CHECK(lab.processes.at("10.0.0.3").log.has("refuses a stream: the links on the way carry streams"));
  const std::uint64_t skipped =
      lab.count("10.9.0.1", "frames_skipped") + lab.count("10.9.0.6", "frames_skipped");
  const std::uint64_t received = lab.count("10.9.0.3", "frames_received");
  lab.network.run_for(minutes(5));
  CHECK(lab.count("10.9.0.1", "frames_skipped") + lab.count("10.9.0.6", "frames_skipped") == skipped);
  CHECK(lab.count("10.9.0.3", "frames_received") == received);
  lab.network.signal(ip("10.0.0.10"), Signal::Report);
  CHECK(origin.lines.size() > 0);
  CHECK(std::ranges::count_if(origin.lines, [](const std::string& line) {
          return line.find("stream b: 10.0.0.3 (sink) cannot have it") != std::string::npos;
        }) == 2);
}

}  // namespace
}  // namespace ott::sim
