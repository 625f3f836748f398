// Films on request, as their viewers see them: real roles, a virtual network and its clock.
#include <catch2/catch.hpp>
#include <set>

#include "../../sim/insight.h"
#include "../../sim/lab.h"
#include "../media/jpeg_helpers.h"
#include "role/stream_hub.h"

namespace ott {
namespace {

using sim::ip;
using sim::Lab;
using sim::Process;
using std::chrono::milliseconds;
using std::chrono::seconds;
using Bytes = std::vector<std::uint8_t>;

constexpr const char* kBoot = "10.0.0.10";
constexpr const char* kMember = "10.0.3.20";
constexpr const char* kGuest = "192.168.7.7";

constexpr unsigned kFrames = 100;

Bytes picture(unsigned index) { return test::make_jpeg({.width = 32, .height = 32, .seed = index}); }

const Bytes& film() {
  static const Bytes kFilm = [] {
    Bytes all;
    for (unsigned i = 0; i < kFrames; ++i) test::append(all, picture(i));
    return all;
  }();
  return kFilm;
}

/// Which frame of the film this is.
unsigned index_of(const Bytes& jpeg) {
  static const auto kIndex = [] {
    std::map<Bytes, unsigned> index;
    for (unsigned i = 0; i < kFrames; ++i) index[test::decode(picture(i)).luma] = i;
    return index;
  }();
  const auto found = kIndex.find(test::decode(jpeg).luma);
  REQUIRE(found != kIndex.end());
  return found->second;
}

class Cinema {
 public:
  explicit Cinema(const std::string& options = "", std::size_t films_max = 256) : lab(5) {
    const std::string path = directory.write("film.mjpeg", film());
    boot = &lab.prepare(kBootstrapRole, kBoot);
    boot->context->options.publish = {{"film", "vod:" + path + "?fps=10" + options},
                                      {"live", "pattern:32x32@10"}};
    boot->context->options.overlay.limits.films = films_max;
    lab.network.start(ip(kBoot), kBootstrapRole.create(*boot->context));
    lab.start_relays();
    lab.network.run_for(seconds(2));
  }

  Process& enter(const char* address, const std::string& stream = "film", Duration start = {}) {
    Process& process = lab.prepare(kClientRole, address);
    viewers.insert(address);
    process.context->options.watch = stream;
    process.context->options.film_start = start;
    lab.network.start(ip(address), kClientRole.create(*process.context));
    return process;
  }
  StreamHub& hub(const char* address) {
    return sim::Insight::hub_of(dynamic_cast<OverlayRole&>(*lab.network.machine(ip(address))));
  }
  FilmViewing& viewing(const char* address) {
    const auto found = hub(address).film("film");
    REQUIRE(found);
    return **found;
  }
  Now now_at(const char* address) { return lab.network.now_at(ip(address)); }
  void pass(Duration time) {
    for (const std::string& address : viewers) lab.network.wake(ip(address));
    lab.network.run_for(time);
  }
  bool sees(Process& process, unsigned frame, Duration at_most = seconds(5)) {
    for (const std::string& address : viewers) lab.network.wake(ip(address));
    return lab.network.run_until(
        [&] { return !process.frames.frames.empty() && index_of(process.frames.frames.back()) == frame; },
        at_most);
  }
  std::uint64_t boot_sessions() {
    lab.network.run_for(milliseconds(1'100));
    rapidjson::Document line;
    line.Parse(boot->stats.lines.back().c_str());
    return line["streams"][1]["sessions"].GetUint64();
  }

  test::TemporaryDirectory directory;
  Lab lab;
  Process* boot;
  std::set<std::string> viewers;
};

/// From the first to the last, each after the one before.
void check_run(const std::vector<Bytes>& frames, unsigned first, std::size_t count) {
  REQUIRE(frames.size() >= count);
  for (std::size_t i = 0; i < count; ++i) REQUIRE(index_of(frames[i]) == (first + i) % kFrames);
}

TEST_CASE("each viewer of a film has its own position, and every frame from there", "[film]") {
  Cinema cinema;
  Process& member = cinema.enter(kMember);
  cinema.pass(seconds(3));
  Process& guest = cinema.enter(kGuest, "film", seconds(5));
  cinema.pass(seconds(3));
  check_run(member.frames.frames, 0, 50);
  check_run(guest.frames.frames, 50, 20);
  CHECK(cinema.boot_sessions() == 2);
}

TEST_CASE("a film ends with its last frame, and who sees nothing else ends with status 0", "[film]") {
  Cinema cinema;
  const bool as_member = GENERATE(true, false);
  const char* address = as_member ? kMember : kGuest;
  Process& viewer = cinema.enter(address, "film", seconds(8));
  REQUIRE(cinema.lab.network.run_until([&] { return cinema.lab.network.exit_of(ip(address)).has_value(); },
                                       seconds(6)));
  CHECK(cinema.lab.network.exit_of(ip(address))->status == 0);
  check_run(viewer.frames.frames, 80, 20);
  CHECK(viewer.frames.frames.size() == 20);
  CHECK(viewer.log.has("'film': the film has ended"));
  CHECK(viewer.stat("frames_lost") == 0);
  cinema.viewers.clear();
  cinema.pass(seconds(11));
  CHECK(cinema.boot_sessions() == 0);
}

TEST_CASE("a film that loops begins again, and its position with it", "[film]") {
  Cinema cinema("&eof=loop");
  Process& guest = cinema.enter(kGuest, "film", seconds(9));
  cinema.pass(seconds(4));
  check_run(guest.frames.frames, 90, 35);
  CHECK(cinema.viewing(kGuest).position() < seconds(4));
  CHECK(cinema.viewing(kGuest).position() > seconds(2));
}

TEST_CASE("who seeks sees that very frame next, forwards and backwards, also while it pauses", "[film]") {
  Cinema cinema;
  const char* address = GENERATE(kMember, kGuest);
  Process& viewer = cinema.enter(address);
  cinema.pass(seconds(3));
  FilmViewing& viewing = cinema.viewing(address);
  CHECK(viewing.duration() == seconds(10));
  viewing.seek_to(milliseconds(7'300), cinema.now_at(address));
  REQUIRE(cinema.sees(viewer, 73, milliseconds(300)));
  CHECK(viewing.position() == milliseconds(7'300));
  viewing.pause(cinema.now_at(address));
  cinema.pass(seconds(1));
  const std::size_t before = viewer.frames.frames.size();
  cinema.pass(seconds(20));
  CHECK(viewer.frames.frames.size() == before);
  CHECK_FALSE(viewer.log.has("no frame of"));
  viewing.seek_to(milliseconds(1'200), cinema.now_at(address));
  REQUIRE(cinema.sees(viewer, 12, milliseconds(300)));
  cinema.pass(seconds(2));
  CHECK(viewer.frames.frames.size() == before + 1);
  viewing.resume(cinema.now_at(address));
  REQUIRE(cinema.sees(viewer, 20, seconds(2)));
  viewing.seek_by(seconds(-1), cinema.now_at(address));
  cinema.pass(milliseconds(250));
  CHECK(viewing.position() < milliseconds(1'600));
  viewing.seek_by(seconds(500), cinema.now_at(address));
  REQUIRE(cinema.sees(viewer, 99, milliseconds(300)));
  CHECK(viewer.log.has("the film has ended") == false);
  REQUIRE(cinema.lab.network.run_until([&] { return cinema.lab.network.exit_of(ip(address)).has_value(); },
                                       seconds(6)));
}

TEST_CASE("steps add up, however many come before the first is answered", "[film]") {
  Cinema cinema;
  const char* address = GENERATE(kMember, kGuest);
  Process& viewer = cinema.enter(address);
  cinema.pass(seconds(2));
  FilmViewing& viewing = cinema.viewing(address);
  viewing.pause(cinema.now_at(address));
  cinema.pass(seconds(1));
  const Duration before = viewing.position();
  for (int i = 0; i < 100; ++i)
    viewing.seek_by(milliseconds(i % 2 == 0 ? 200 : -100), cinema.now_at(address));
  cinema.pass(seconds(1));
  // The origin's own place is the frame behind the last one that was shown.
  CHECK(viewing.position() == before + milliseconds(5'000 + 100));
  viewing.resume(cinema.now_at(address));
  cinema.pass(milliseconds(500));
  check_run(viewer.frames.frames, 0, 1);
  CHECK(cinema.boot_sessions() == 1);
}

TEST_CASE("at twice its speed a film takes half its time, and its RTP timestamps say so", "[film]") {
  Cinema cinema;
  Process& viewer = cinema.enter(kGuest);
  cinema.pass(seconds(1));
  FilmViewing& viewing = cinema.viewing(kGuest);
  REQUIRE(viewing.set_speed(2, cinema.now_at(kGuest)));
  cinema.pass(seconds(1));
  const std::size_t before = viewer.frames.frames.size();
  cinema.pass(seconds(2));
  CHECK(viewer.frames.frames.size() - before >= 39);
  CHECK(viewer.frames.frames.size() - before <= 41);
  CHECK_FALSE(viewing.set_speed(5, cinema.now_at(kGuest)));
  CHECK_FALSE(viewing.set_speed(0.1, cinema.now_at(kGuest)));
  CHECK(viewing.speed() == 2);
  REQUIRE(viewing.set_speed(0.5, cinema.now_at(kGuest)));
  cinema.pass(seconds(1));
  const std::size_t slow = viewer.frames.frames.size();
  cinema.pass(seconds(2));
  CHECK(viewer.frames.frames.size() - slow >= 9);
  CHECK(viewer.frames.frames.size() - slow <= 11);
}

TEST_CASE("a live stream has a reason why it cannot be sought in", "[film]") {
  Cinema cinema;
  Process& viewer = cinema.enter(kGuest, "live", seconds(3));
  cinema.pass(seconds(2));
  const auto film = cinema.hub(kGuest).film("live");
  REQUIRE_FALSE(film);
  CHECK(film.error().message.find("'live' is live") == 0);
  CHECK(viewer.log.has("--start: 'live' is live"));
}

TEST_CASE("a film goes on where it was when its origin or the access node has restarted", "[film]") {
  Cinema cinema;
  Process& guest = cinema.enter(kGuest);
  cinema.pass(seconds(4));
  const unsigned seen = index_of(guest.frames.frames.back());
  cinema.lab.network.kill(ip(kBoot));
  cinema.pass(seconds(2));
  cinema.lab.network.start(ip(kBoot), kBootstrapRole.create(*cinema.boot->context));
  cinema.boot->context->options.overlay.incarnation += 100;
  const std::size_t before = guest.frames.frames.size();
  REQUIRE(cinema.lab.network.run_until([&] { return guest.frames.frames.size() > before + 5; }, seconds(20)));
  const unsigned next = index_of(guest.frames.frames[before]);
  CHECK(next >= seen);
  CHECK(next <= seen + 5);
}

TEST_CASE("when the films of a node have as many viewers as it serves, another one is told so", "[film]") {
  Cinema cinema("", 1);
  Process& first = cinema.enter(kMember);
  cinema.pass(seconds(2));
  Process& second = cinema.enter(kGuest);
  cinema.pass(seconds(3));
  CHECK(first.frames.frames.size() > 30);
  CHECK(second.frames.frames.empty());
  CHECK(second.log.has("'film': 1 stream of films are watched already"));
  cinema.lab.network.signal(ip(kMember), Signal::Terminate);
  cinema.viewers.erase(kMember);
  REQUIRE(cinema.lab.network.run_until([&] { return !second.frames.frames.empty(); }, seconds(15)));
}

}  // namespace
}  // namespace ott
