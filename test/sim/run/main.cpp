// Runs schedules: sim [--hostile|--pictures|--commands|--guests|--sources] SEEDS [FIRST], or one with its
// log: sim …
// --seed N. Ends with a line of totals; status 1 if any invariant was violated. The seed of each that was is
// printed.
#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "../joined_overlay.h"
#include "../schedule.h"

namespace {

/// One frame in so many may be skipped for a viewer whose own way was never broken for long.
constexpr std::uint64_t kSkippedMax = 2'000;

int replay(std::uint64_t seed, ott::sim::Kind kind) {
  const auto result = ott::sim::run_schedule(seed, kind, true);
  std::puts(result.violation ? result.violation->c_str() : "all invariants hold");
  return result.violation ? 1 : 0;
}

/// sim --join SEED [NODES [SECONDS]]: an overlay that finds itself, with its figures.
int join(const std::vector<std::string_view>& words) {
  const auto number = [&words](std::size_t i, std::uint64_t otherwise) {
    return i < words.size() ? std::strtoull(words[i].data(), nullptr, 10) : otherwise;
  };
  ott::sim::JoinedOptions options;
  options.nodes = number(2, 100);
  options.joining = std::chrono::milliseconds(30) * options.nodes;
  options.settling = std::chrono::seconds(number(3, 180));
  if (options.nodes > 300) options.heartbeat = std::chrono::milliseconds(500);
  const bool trace = words.back() == "--trace";
  options.flat = words.back() == "--flat";
  if (options.nodes > 200)
    options.progress = [](const std::string& line) { fmt::print(stderr, "    {}\n", line); };
  std::string report;
  const bool good = ott::sim::run_joined(number(1, 1), options, trace, report);
  if (!trace && options.nodes <= 200) fmt::print("{}", report);  // a long run prints as it goes
  return good ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string_view> words(argv + 1, argv + argc);
  auto kind = ott::sim::Kind::Faults;
  for (const auto other : {ott::sim::Kind::Hostile, ott::sim::Kind::Pictures, ott::sim::Kind::Commands,
                           ott::sim::Kind::Guests, ott::sim::Kind::Sources}) {
    if (words.empty() || words.front() != "--" + std::string(to_string(other))) continue;
    kind = other;
    words.erase(words.begin());
  }
  if (!words.empty() && words.front() == "--join") return join(words);
  const auto number = [&words](std::size_t i) { return std::strtoull(words[i].data(), nullptr, 10); };
  if (words.size() == 2 && words.front() == "--seed") return replay(number(1), kind);
  if (words.size() != 1 && words.size() != 2) {
    std::fputs(
        "usage: sim [--hostile|--pictures|--commands|--guests|--sources] SEEDS [FIRST] | sim [--KIND] --seed "
        "N | sim --join SEED [NODES [SECONDS]]\n",
        stderr);
    return 2;
  }
  const std::uint64_t seeds = number(0);
  const std::uint64_t first = words.size() == 2 ? number(1) : 1;
  std::uint64_t violations = 0;
  std::uint64_t frames = 0;
  std::uint64_t faults = 0;
  std::uint64_t lost_with_age = 0;
  std::uint64_t skipped = 0;
  double seconds = 0;
  for (std::uint64_t seed = first; seed < first + seeds; ++seed) {
    const auto result = ott::sim::run_schedule(seed, kind);
    frames += result.frames;
    faults += result.faults;
    seconds += result.virtual_seconds;
    lost_with_age += result.lost_with_age;
    skipped += result.skipped;
    if (!result.violation) continue;
    ++violations;
    fmt::print("{}: {}\n", to_string(kind), *result.violation);
    std::fflush(stdout);
  }
  if (skipped > frames / kSkippedMax) {
    ++violations;
    fmt::print("{}: viewers were skipped {} frames\n", to_string(kind), skipped);
  }
  fmt::print(
      "{} schedules ({}), {} violations; {:.0f} s of virtual time, {} faults, {} frames to viewers, {} "
      "skipped "
      "up to sync points, {} lost in outages longer than the history\n",
      seeds, to_string(kind), violations, seconds, faults, frames, skipped, lost_with_age);
  return violations == 0 ? 0 : 1;
}
