// Overlays that find themselves, of 10 and of 100 nodes. `sim --join` runs larger ones.
#include "joined_overlay.h"

#include <catch2/catch.hpp>

#include "../sanitized.h"

namespace ott::sim {
namespace {

TEST_CASE("ten nodes find each other, go on without three of them, and become one again") {
  JoinedOptions options;
  options.settling = std::chrono::seconds(60);
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    std::string report;
    const bool good = run_joined(seed, options, false, report);
    INFO("replay it with: sim --join " << seed << " 10 60\n" << report);
    CHECK(good);
  }
}

TEST_CASE("a hundred nodes find each other, with short ways and few neighbours") {
  if (test::kSanitized) return;
  JoinedOptions options;
  options.nodes = 100;
  options.joining = std::chrono::seconds(3);
  options.settling = std::chrono::seconds(90);
  std::string report;
  const bool good = run_joined(1, options, false, report);
  INFO("replay it with: sim --join 1 100 90\n" << report);
  CHECK(good);
}

TEST_CASE("where all round trips are the same, the degree is bounded still") {
  JoinedOptions options;
  options.nodes = 30;
  options.settling = std::chrono::seconds(60);
  options.flat = true;
  std::string report;
  const bool good = run_joined(1, options, false, report);
  INFO(report);
  CHECK(good);
}

TEST_CASE("a viewer loses nothing while nodes come and go") {
  JoinedOptions options;
  options.nodes = 20;
  options.viewers = 5;
  JoinedOverlay overlay(7, options);
  overlay.start_all();
  REQUIRE(overlay.time_until([&] { return overlay.is_whole(); }, std::chrono::seconds(30)));
  for (int round = 0; round < 20; ++round) {
    const std::size_t node = 1 + overlay.network().random()() % (overlay.size() - 1);
    if (overlay.peer(node) != nullptr) overlay.kill(node);
    overlay.run_for(std::chrono::seconds(3));
    overlay.start(node);
    overlay.run_for(std::chrono::seconds(3));
  }
  CHECK(overlay.time_until([&] { return overlay.is_whole(); }, std::chrono::seconds(10)));
  overlay.run_for(std::chrono::seconds(5));
  const auto seen = overlay.seen();
  CHECK(seen.viewers == 5);
  CHECK(seen.without_frames == 0);
  CHECK(seen.lost == 0);
  CHECK(seen.complaints == 0);
}

}  // namespace
}  // namespace ott::sim
