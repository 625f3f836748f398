#include "source_schedule.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>
#include <optional>
#include <vector>

#include "lab.h"
#include "ott/rtp_jpeg.h"

namespace ott::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr const char* kBoot = "10.0.0.10";
constexpr std::array kHubs = {"10.0.1.1", "10.0.2.1"};
constexpr std::array kOrigins = {"10.0.1.2", "10.0.2.2"};
constexpr std::array kWidths = {32U, 48U};
constexpr std::array kViewers = {std::array{"10.0.1.20", "10.0.1.21"}, std::array{"10.0.2.20", "10.0.2.21"}};
constexpr std::array kGuests = {"192.168.1.9", "192.168.2.9"};
constexpr const char* kTopology = R"({
  "10.0.0.10": { "neighbors": ["10.0.1.1", "10.0.2.1"] },
  "10.0.1.1":  { "neighbors": ["10.0.0.10", "10.0.1.2", "10.0.1.20", "10.0.1.21"] },
  "10.0.2.1":  { "neighbors": ["10.0.0.10", "10.0.2.2", "10.0.2.20", "10.0.2.21"] },
  "10.0.1.2":  { "neighbors": ["10.0.1.1"] },
  "10.0.2.2":  { "neighbors": ["10.0.2.1"] },
  "10.0.1.20": { "neighbors": ["10.0.1.1"] },
  "10.0.1.21": { "neighbors": ["10.0.1.1"] },
  "10.0.2.20": { "neighbors": ["10.0.2.1"] },
  "10.0.2.21": { "neighbors": ["10.0.2.1"] }
})";

constexpr Duration kFrameInterval = milliseconds(200);
/// How long it may take until viewers have gone over: until a way is measured, and known, and has been
/// clearly better for a while, and it is no longer than so since they came.
constexpr Duration kMoveMax = seconds(60);

class SourceSchedule {
 public:
  SourceSchedule(std::uint64_t seed, bool trace)
      : seed_(seed), trace_(trace), lab_(seed, kTopology, options()) {
    for (const std::size_t side : {0U, 1U}) {
      for (const char* viewer : kViewers[side]) seen_by_[viewer] = side;
      seen_by_[kGuests[side]] = side;
    }
  }
  ScheduleResult run();

 private:
  static NetworkOptions options() {
    NetworkOptions options;
    options.partial = false;  // what is cut at random makes ways longer than they are
    return options;
  }
  Duration between(int least_ms, int most_ms) {
    const auto range = static_cast<std::uint64_t>(most_ms - least_ms) * 1'000;
    return milliseconds(least_ms) + std::chrono::microseconds(lab_.network.random()() % range);
  }
  void way(const char* a, const char* b, Duration latency) {
    lab_.network.set_latency(ip(a), ip(b), latency);
  }
  void start_all();
  void say(const std::string& what) const {
    if (trace_) std::puts(what.c_str());
  }
  void violated(const std::string& what) {
    if (!result_.violation) result_.violation = fmt::format("seed {}: {}", seed_, what);
  }
  [[nodiscard]] unsigned width_at(const std::string& viewer) const;
  [[nodiscard]] bool all_see_what_they_should() const;
  void expect(const std::string& when, Duration within);
  void change_a_way();
  void check_moves(const std::string& when);
  void lose_an_origin();
  void check_counts();

  std::uint64_t seed_;
  bool trace_;
  Lab lab_;
  std::map<std::string, std::size_t> seen_by_;  // which side's origin each viewer has to see
  std::map<std::string, std::size_t> moves_;    // how often each has had to change
  std::optional<std::size_t> slow_side_;        // whose way to its origin is slow
  bool lost_one_ = false;                       // of the origins
  ScheduleResult result_;
};

void SourceSchedule::start_all() {
  for (const std::size_t side : {0U, 1U}) {
    way(kBoot, kHubs[side], between(6, 15));
    way(kHubs[side], kOrigins[side], between(2, 6));
    for (const char* viewer : kViewers[side]) way(kHubs[side], viewer, between(1, 8));
    for (const char* node : {kBoot, kHubs[0], kHubs[1], kOrigins[0], kOrigins[1]})
      way(kGuests[side], node, milliseconds(node == kHubs[side] ? 1 : 30));
  }
  lab_.prepare(kBootstrapRole, kBoot).context->options.publish = {};
  const auto launch = [this](const RoleSpec& role, const char* address) {
    lab_.network.start(ip(address), role.create(*lab_.processes.at(address).context));
  };
  launch(kBootstrapRole, kBoot);
  for (const std::size_t side : {0U, 1U}) {
    lab_.start(kNodeRole, kHubs[side]);
    const std::string picture = fmt::format("pattern:{0}x{0}@5", kWidths[side]);
    lab_.prepare(kNodeRole, kOrigins[side]).context->options.publish = {{"cam", picture, Metric::Latency}};
    launch(kNodeRole, kOrigins[side]);
  }
  lab_.network.run_for(seconds(15));
  for (const auto& [viewer, side] : seen_by_) {
    lab_.prepare(kClientRole, viewer).context->options.watch = "cam";
    launch(kClientRole, viewer.c_str());
  }
}

unsigned SourceSchedule::width_at(const std::string& viewer) const {
  const auto& frames = lab_.processes.at(viewer).frames.frames;
  if (frames.empty()) return 0;
  const auto image = parse_jpeg(frames.back());
  return image ? image->width : 0;
}

bool SourceSchedule::all_see_what_they_should() const {
  return std::ranges::all_of(
      seen_by_, [this](const auto& entry) { return width_at(entry.first) == kWidths[entry.second]; });
}

void SourceSchedule::expect(const std::string& when, Duration within) {
  say(when);
  // Not at each event: frames are looked into.
  Duration waited{};
  while (!all_see_what_they_should() && waited < within) {
    lab_.network.run_for(milliseconds(100));
    waited += milliseconds(100);
  }
  result_.virtual_seconds += std::chrono::duration<double>(waited).count();
  for (const auto& [viewer, side] : seen_by_) {
    if (width_at(viewer) != kWidths[side])
      violated(fmt::format("{}: {} sees a picture of {}, not of {}", when, viewer, width_at(viewer),
                           kWidths[side]));
  }
}

/// The way to one side's origin gets longer than the one to the other's, or is as short as before: of one
/// side at a time.
void SourceSchedule::change_a_way() {
  const std::size_t side = slow_side_.value_or(lab_.network.random()() % 2);
  const bool gets_slow = !slow_side_;
  slow_side_ = gets_slow ? std::optional(side) : std::nullopt;
  way(kHubs[side], kOrigins[side], gets_slow ? between(70, 120) : between(2, 6));
  ++result_.faults;
  for (const std::string viewer : {kViewers[side][0], kViewers[side][1], kGuests[side]}) {
    seen_by_[viewer] = gets_slow ? 1 - side : side;
    ++moves_[viewer];
  }
  expect(fmt::format("the way to the origin of side {} is {}", side, gets_slow ? "slow" : "quick again"),
         kMoveMax);
}

/// Who had no reason has not moved, and who had has moved once.
void SourceSchedule::check_moves(const std::string& when) {
  for (const auto& [viewer, side] : seen_by_) {
    const auto& lines = lab_.processes.at(viewer).log.lines;
    const auto watched = static_cast<std::size_t>(std::ranges::count_if(lines, [](const std::string& line) {
      return line.find("watching 'cam' from") != std::string::npos;
    }));
    if (watched != 1 + moves_[viewer])
      violated(fmt::format("{}: {} has moved {} times, not {}", when, viewer, watched - 1, moves_[viewer]));
  }
}

void SourceSchedule::lose_an_origin() {
  const std::size_t lost = lab_.network.random()() % 2;
  lost_one_ = true;
  lab_.network.kill(ip(kOrigins[lost]));
  for (auto& [viewer, side] : seen_by_) {
    if (side == lost) ++moves_[viewer];
    side = 1 - lost;
  }
  expect(fmt::format("the origin of side {} dies", lost), seconds(2));
}

void SourceSchedule::check_counts() {
  for (const auto& [viewer, side] : seen_by_) {
    Process& process = lab_.processes.at(viewer);
    lab_.network.signal(ip(viewer), Signal::Terminate);
    result_.frames += process.stat("frames_received");
    for (const char* wrong : {"frames_lost", "frames_duplicate", "frames_skipped"}) {
      if (process.stat(wrong) > 0) violated(fmt::format("{}: {} {}", viewer, process.stat(wrong), wrong));
    }
    rapidjson::Document line;
    line.Parse(process.stats.lines.back().c_str());
    const double gap_ms = line["gap_ms_max"].GetDouble();
    const double most_ms = std::chrono::duration<double, std::milli>(2 * kFrameInterval).count() + 250;
    if (gap_ms > most_ms && !lost_one_)
      violated(fmt::format("{} had no frame for {:.0f} ms", viewer, gap_ms));
  }
}

ScheduleResult SourceSchedule::run() {
  start_all();
  expect("at first", seconds(20));
  for (std::size_t i = 1 + lab_.network.random()() % 4; i > 0 && !result_.violation; --i) {
    change_a_way();
    lab_.network.run_for(between(1'000, 30'000));
    check_moves("a while later");
  }
  if (!result_.violation) {
    if (seed_ % 2 == 0) lose_an_origin();
    lab_.network.run_for(seconds(5));
    check_moves("in the end");
    check_counts();
  }
  if (trace_) {
    for (const auto& [name, process] : lab_.processes) {
      for (const std::string& line : process.log.lines) say(name + ": " + line);
    }
  }
  return result_;
}

}  // namespace

ScheduleResult run_source_schedule(std::uint64_t seed, bool trace) {
  return SourceSchedule(seed, trace).run();
}

}  // namespace ott::sim
