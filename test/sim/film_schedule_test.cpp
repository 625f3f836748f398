// Viewers of films who come, go to and fro in them, pause and leave at random, by relays that die meanwhile:
// nothing of it is left behind anywhere, and who stays sees its film in the end.
#include <catch2/catch.hpp>

#include "../sanitized.h"
#include "../unit/media/jpeg_helpers.h"
#include "insight.h"
#include "lab.h"

namespace ott::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr unsigned kSchedules = test::kSanitized ? 5 : 25;

constexpr const char* kBoot = "10.0.0.10";
constexpr std::array kRelays = {"10.0.0.1", "10.0.0.2", "10.0.0.3"};
constexpr std::array kViewers = {"10.0.1.1", "10.0.1.2", "10.0.1.3", "192.168.7.7", "192.168.7.8"};
constexpr const char* kTopology = R"({
  "10.0.0.10": { "neighbors": ["10.0.0.1", "10.0.0.2"] },
  "10.0.0.1":  { "neighbors": ["10.0.0.2", "10.0.0.3", "10.0.1.1", "10.0.1.2"] },
  "10.0.0.2":  { "neighbors": ["10.0.0.3", "10.0.1.1", "10.0.1.3"] },
  "10.0.0.3":  { "neighbors": ["10.0.1.2", "10.0.1.3"] },
  "10.0.1.1":  { }, "10.0.1.2": { }, "10.0.1.3": { }
})";

class Season {
 public:
  explicit Season(std::uint64_t seed) : lab_(seed, kTopology) {
    std::vector<std::uint8_t> film;
    for (unsigned i = 0; i < 60; ++i)
      test::append(film, test::make_jpeg({.width = 16, .height = 16, .seed = i}));
    Process& boot = lab_.prepare(kBootstrapRole, kBoot);
    const bool loops = seed % 2 == 0;
    boot.context->options.publish = {
        {"film", "vod:" + directory_.write("film.mjpeg", film) + (loops ? "?fps=10&eof=loop" : "?fps=10")}};
    start(kBootstrapRole, kBoot);
    for (const char* relay : kRelays) prepare_and_start(kNodeRole, relay);
    lab_.network.run_for(seconds(2));
    for (const char* viewer : kViewers) enter(viewer);
  }

  /// So much happens in half a minute.
  void run() {
    for (int i = 0; i < 60; ++i) {
      lab_.network.run_for(milliseconds(pick(1'000)));
      if (pick(8) == 0) {
        relay_dies(kRelays[pick(kRelays.size())]);
      } else {
        someone_acts(kViewers[pick(kViewers.size())]);
      }
    }
    for (const char* relay : kRelays) revive(relay);
    for (const char* viewer : kViewers) {
      if (role(viewer) == nullptr) enter(viewer);
    }
    lab_.network.run_for(seconds(15));
  }

  /// Or have seen its end at that moment.
  void check_all_see_it() {
    for (const char* viewer : kViewers) {
      CAPTURE(viewer);
      if (role(viewer) == nullptr) continue;  // its film has ended
      const auto film = Insight::hub_of(*role(viewer)).film("film");
      REQUIRE(film);
      (*film)->resume(now(viewer));
      (*film)->seek_to(seconds(1), now(viewer));
      const std::size_t before = lab_.processes.at(viewer).frames.frames.size();
      lab_.network.wake(ip(viewer));
      const bool seen = lab_.network.run_until(
          [&] {
            return role(viewer) == nullptr || lab_.processes.at(viewer).frames.frames.size() >= before + 10;
          },
          seconds(10));
      CHECK(seen);
      if (role(viewer) == nullptr) CHECK(lab_.network.exit_of(ip(viewer))->status == 0);
    }
  }

  void check_nothing_is_left() {
    for (const char* viewer : kViewers) leave(viewer);
    lab_.network.run_for(kFilmUnwatchedMax + seconds(5));
    std::vector<std::string> all(kRelays.begin(), kRelays.end());
    all.emplace_back(kBoot);
    for (const std::string& address : all) {
      CAPTURE(address);
      Overlay& overlay = Insight::overlay_of(*role(address));
      CHECK(overlay.films().asked() == 0);
      CHECK(overlay.films().granted() == 0);
      CHECK(overlay.flows().all().size() == (address == kBoot ? 1 : 0));
      for (const PeerLink& link : overlay.links().all()) {
        CHECK_FALSE(link.has_feeds());
        CHECK(link.flows_in == 0);
      }
    }
  }

 private:
  std::size_t pick(std::size_t below) { return lab_.network.random()() % below; }
  [[nodiscard]] Now now(const std::string& address) const { return lab_.network.now_at(ip(address)); }

  void start(const RoleSpec& spec, const std::string& address) {
    lab_.network.start(ip(address), spec.create(*lab_.processes.at(address).context));
  }
  void prepare_and_start(const RoleSpec& spec, const std::string& address) {
    lab_.prepare(spec, address);
    start(spec, address);
  }
  OverlayRole* role(const std::string& address) {
    return dynamic_cast<OverlayRole*>(lab_.network.machine(ip(address)));
  }

  void enter(const std::string& viewer) {
    Process& process = lab_.prepare(kClientRole, viewer);
    process.context->options.watch = "film";
    process.context->options.film_start = milliseconds(pick(6'000));
    start(kClientRole, viewer);
  }
  void leave(const std::string& viewer) {
    if (role(viewer) == nullptr) return;
    if (pick(2) == 0) {
      lab_.network.signal(ip(viewer), Signal::Terminate);
    } else {
      lab_.network.kill(ip(viewer));
    }
  }
  void revive(const std::string& relay) {
    if (role(relay) == nullptr) prepare_and_start(kNodeRole, relay);
  }
  void relay_dies(const std::string& relay) {
    if (role(relay) == nullptr) return revive(relay);
    lab_.network.kill(ip(relay));
  }

  void someone_acts(const std::string& viewer) {
    if (role(viewer) == nullptr) return enter(viewer);
    const std::size_t what = pick(8);
    if (what == 0) return leave(viewer);
    const auto film = Insight::hub_of(*role(viewer)).film("film");
    if (!film) return;
    if (what == 1) (*film)->pause(now(viewer));
    if (what == 2) (*film)->resume(now(viewer));
    if (what == 3) (void)(*film)->set_speed(0.25 + static_cast<double>(pick(15)) / 4, now(viewer));
    if (what > 3 && what < 6) (*film)->seek_to(milliseconds(pick(7'000)), now(viewer));
    if (what >= 6) (*film)->seek_by(milliseconds(pick(6'000)) - seconds(3), now(viewer));
    lab_.network.wake(ip(viewer));
  }

  test::TemporaryDirectory directory_;
  Lab lab_;
};

TEST_CASE(
    "whatever viewers of films do, and whoever dies meanwhile, they see them, and nothing is left behind",
    "[film]") {
  for (std::uint64_t seed = 1; seed <= kSchedules; ++seed) {
    CAPTURE(seed);
    Season season(seed);
    season.run();
    season.check_all_see_it();
    season.check_nothing_is_left();
  }
}

}  // namespace
}  // namespace ott::sim
