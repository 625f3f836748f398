// Requests for films and their answers on their way, at a relay with guests; and what peers can say wrong.
#include "overlay/film_requests.h"

#include <catch2/catch.hpp>

#include "hostile_relay.h"

namespace ott {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::HostileRelay;
using test::links_of;
using test::node;

constexpr StreamId kFilm{9};
constexpr StreamId kOwn{0x1234};
constexpr const char* kGuestAt = "192.168.9.9:5555";

/// A relay whose bootstrapper offers a film beside its live stream.
struct FilmRelay : HostileRelay {
  StreamInfo film;
  LinkId guest_link;

  FilmRelay() {
    film.id = kFilm;
    film.name = "film";
    film.on_request = true;
    list({live, film}, 2);
    guest_link = guest(kGuestAt);
  }
  void list(const std::vector<StreamInfo>& streams, std::uint64_t number) {
    say(boot, links_of(node("10.0.0.10"), number, {{here(), 1}}, streams, PeerKind::Bootstrap));
  }
  static FilmRequest request(FilmCommand command, StreamId stream, std::uint32_t number,
                             std::int64_t value = 0) {
    FilmRequest m;
    m.tracker = Tracker::along({{{here(), 1, true}}});
    m.asker = node(kGuestAt);
    m.number = number;
    m.stream = stream;
    m.command = command;
    m.value = value;
    return m;
  }
  [[nodiscard]] FilmAnswer answer(std::uint32_t number, StreamId stream = kOwn) const {
    FilmAnswer m;
    m.tracker = Tracker::along({{{here(), 1, true}}});
    m.tracker.visited = {node("10.0.0.10")};
    m.number = number;
    m.stream.id = stream;
    m.stream.name = film.name;
    m.position_ms = 1'000;
    return m;
  }
  /// The guest has a stream of its own.
  void open(LinkId link, std::uint32_t number = 1, StreamId stream = kOwn) {
    say(link, request(FilmCommand::Open, kFilm, number));
    const auto asked = sent<FilmRequest>(boot);
    REQUIRE(asked.size() == 1);
    say(boot, answer(asked.front().number, stream));
  }
  static Watch watch(StreamId stream) {
    Watch m;
    m.tracker.path.entries = {{here(), 1, true}};
    m.stream = stream;
    m.watcher = node(kGuestAt);
    m.viewers = 1;
    m.wants_tracker = true;
    return m;
  }
};

TEST_CASE("a guest's request goes to the film's origin in its access node's name, and the answer back",
          "[film]") {
  FilmRelay relay;
  relay.say(relay.guest_link, FilmRelay::request(FilmCommand::Open, kFilm, 77, 5'000));
  relay.say(relay.guest_link, FilmRelay::request(FilmCommand::Open, kFilm, 77, 5'000));  // again
  const auto asked = relay.sent<FilmRequest>(relay.boot);
  REQUIRE(asked.size() == 2);
  CHECK(asked[0].number == asked[1].number);
  CHECK(asked[0].number != 77);
  CHECK(asked[0].asker == HostileRelay::here());
  CHECK(asked[0].value == 5'000);
  CHECK(asked[0].tracker.for_here());
  relay.say(relay.boot, relay.answer(asked[0].number));
  const auto told = relay.sent<FilmAnswer>(relay.guest_link);
  REQUIRE(told.size() == 1);
  CHECK(told[0].number == 77);
  CHECK(told[0].stream.id == kOwn);
  CHECK(told[0].position_ms == 1'000);
  // The stream is in no list, and its guest watches it like any other.
  relay.say(relay.guest_link, FilmRelay::watch(kOwn));
  CHECK(relay.sent<Refused>(relay.guest_link).empty());
  const auto watched = relay.sent<Watch>(relay.boot);
  REQUIRE(watched.size() == 1);
  CHECK(watched[0].stream == kOwn);
  // Commands for it follow, and what the origin says unasked.
  relay.say(relay.guest_link, FilmRelay::request(FilmCommand::Step, kOwn, 78, -2'000));
  const auto steps = relay.sent<FilmRequest>(relay.boot);
  REQUIRE(steps.size() == 1);
  CHECK(steps[0].value == -2'000);
  CHECK(steps[0].stream == kOwn);
  relay.say(relay.boot, relay.answer(0));
  REQUIRE(relay.sent<FilmAnswer>(relay.guest_link).size() == 1);
}

TEST_CASE(
    "a stream of a film takes its way by TRACKER although nobody lists it, for as long as its film is listed",
    "[film]") {
  FilmRelay relay;
  relay.open(relay.guest_link);
  relay.say(relay.guest_link, FilmRelay::watch(kOwn));
  TrackerMessage tracker;
  tracker.tracker = Tracker::along({{{HostileRelay::here(), 1, true}}});
  tracker.tracker.visited = {node("10.0.0.10")};
  tracker.stream.id = kOwn;
  tracker.stream.name = "film";
  tracker.label = make_label(kOwn, 2);
  tracker.origin = node("10.0.0.10");
  tracker.expects_start = true;
  relay.say(relay.boot, tracker);
  CHECK(relay.sent<TrackerMessage>(relay.guest_link).size() == 1);
  CHECK(relay.overlay.flow(kOwn) != nullptr);
  SECTION("one of another name is not believed") {
    tracker.stream.id = StreamId{0x77};
    tracker.stream.name = "live";
    tracker.label = make_label(StreamId{0x77}, 2);
    relay.say(relay.boot, tracker);
    CHECK(relay.overlay.flow(StreamId{0x77}) == nullptr);
  }
  SECTION("it ends some time after its film") {
    relay.list({relay.live}, 3);
    relay.live_on(seconds(4));
    CHECK(relay.overlay.flow(kOwn) == nullptr);
  }
}

TEST_CASE("what no origin offers, what is live and what is another guest's is refused", "[film]") {
  FilmRelay relay;
  const LinkId other = relay.guest("192.168.9.8:5555");
  relay.open(relay.guest_link);
  relay.say(other, FilmRelay::request(FilmCommand::Open, StreamId{404}, 1));
  relay.say(other, FilmRelay::request(FilmCommand::Open, relay.live.id, 2));
  relay.say(other, FilmRelay::request(FilmCommand::Seek, kOwn, 3));
  relay.say(other, FilmRelay::request(FilmCommand::Close, kOwn, 4));
  const auto told = relay.sent<FilmAnswer>(other);
  REQUIRE(told.size() == 4);
  for (std::size_t i = 0; i < told.size(); ++i) {
    CHECK(told[i].state == FilmState::Refused);
    CHECK(told[i].number == i + 1);
    CHECK_FALSE(told[i].reason.empty());
  }
  CHECK(relay.sent<FilmRequest>(relay.boot).empty());
  CHECK(relay.overlay.counters().films_refused == 4);
  CHECK(relay.overlay.films().granted() == 1);
}

TEST_CASE("numbers out of their range cost a peer its connection", "[film]") {
  FilmRelay relay;
  const auto bad = GENERATE(0, 1, 2, 3, 4);
  FilmRequest m = FilmRelay::request(FilmCommand::Open, kFilm, 1);
  if (bad == 0) m.number = 0;
  if (bad == 1) m.value = -1;
  if (bad == 2) m.value = std::int64_t{kFilmPositionMax} + 1;
  if (bad == 3) m.command = FilmCommand::Speed, m.value = 249;
  if (bad == 4) m.command = FilmCommand{kFilmCommandLast + 1};
  relay.say(relay.guest_link, m);
  CHECK(relay.links.at(relay.guest_link).closed);
  CHECK(relay.honest_links_are_there());
}

TEST_CASE("an answer that nobody has asked for, or that names a listed stream, changes nothing", "[film]") {
  FilmRelay relay;
  relay.say(relay.three, relay.answer(12'345));
  relay.say(relay.guest_link, FilmRelay::request(FilmCommand::Open, kFilm, 1));
  const auto asked = relay.sent<FilmRequest>(relay.boot);
  REQUIRE(asked.size() == 1);
  relay.say(relay.boot, relay.answer(asked.front().number, relay.live.id));
  CHECK(relay.sent<FilmAnswer>(relay.guest_link).empty());
  CHECK(relay.overlay.films().granted() == 0);
  // What is a guest's already is given to no other.
  relay.open(relay.guest_link, 2);
  const LinkId other = relay.guest("192.168.9.8:5555");
  relay.open(other, 1);
  CHECK(relay.sent<FilmAnswer>(other).empty());
  CHECK(relay.overlay.films().granted() == 1);
}

TEST_CASE("a guest has so many streams of films and requests for them, and no more", "[film]") {
  FilmRelay relay;
  const std::size_t most = Limits{}.films_per_guest;
  for (std::uint32_t i = 1; i <= most + 3; ++i) {
    relay.say(relay.guest_link, FilmRelay::request(FilmCommand::Open, kFilm, i));
    if (i % 8 == 0) relay.live_on(seconds(1));  // the rate of its requests is another matter
  }
  CHECK(relay.overlay.films().asked() == most);
  CHECK(relay.sent<FilmAnswer>(relay.guest_link).size() == 3);
  const auto asked = relay.sent<FilmRequest>(relay.boot);
  for (std::size_t i = 0; i < asked.size(); ++i)
    relay.say(relay.boot, relay.answer(asked[i].number, StreamId{0x1000 + i}));
  CHECK(relay.overlay.films().asked() == 0);
  CHECK(relay.overlay.films().granted() == most);
  relay.say(relay.guest_link, FilmRelay::request(FilmCommand::Open, kFilm, 99));
  CHECK(relay.sent<FilmRequest>(relay.boot).empty());
  CHECK(relay.overlay.counters().films_refused == 4);
  // What nobody watches is forgotten, what is not answered as well, and all of it when the guest goes.
  relay.live_on(kFilmUnwatchedMax + seconds(2));
  CHECK(relay.overlay.films().granted() == 0);
  relay.say(relay.guest_link, FilmRelay::request(FilmCommand::Open, kFilm, 100));
  CHECK(relay.overlay.films().asked() == 1);
  relay.live_on(seconds(6));
  CHECK(relay.overlay.films().asked() == 0);
  (void)relay.sent<FilmRequest>(relay.boot);
  relay.open(relay.guest_link, 101);
  relay.say(relay.guest_link, FilmRelay::request(FilmCommand::Seek, kOwn, 102));
  relay.lose(relay.guest_link);
  CHECK(relay.overlay.films().granted() + relay.overlay.films().asked() == 0);
}

TEST_CASE("a neighbour's requests for films have a rate", "[film]") {
  FilmRelay relay;
  const Limits limits;
  FilmRequest m = FilmRelay::request(FilmCommand::Open, kFilm, 1);
  m.asker = node("10.0.0.3");
  m.tracker.visited = {node("10.0.0.3")};
  for (int i = 0; i < 1'000; ++i) relay.say(relay.three, m);
  CHECK(relay.sent<FilmAnswer>(relay.three).size() <=
        std::size_t{limits.film_requests_per_link_s} * limits.burst_s);
  CHECK(relay.overlay.counters().films_refused > 500);
}

TEST_CASE("TRACKERs of streams that are in no list have a limit of their own", "[film]") {
  FilmRelay relay;
  const Limits limits;
  TrackerMessage tracker;
  tracker.tracker = Tracker::along({{{HostileRelay::here(), 1, true}}});
  tracker.tracker.visited = {node("10.0.0.10"), node("10.0.0.3")};
  tracker.stream.name = "film";
  tracker.origin = node("10.0.0.10");
  std::size_t flows = 0;
  for (std::size_t i = 0; i < limits.unlisted_flows + 100; ++i) {
    tracker.stream.id = StreamId{0x10000 + i};
    tracker.label = make_label(tracker.stream.id, 1);
    tracker.tracker.path = PathTree{{{HostileRelay::here(), 2, false}, {node("10.0.0.2"), 1, true}}};
    relay.say(relay.three, tracker);
    relay.drain(relay.two);
    flows = std::max(flows, relay.overlay.flows().all().size());
  }
  CHECK(flows <= limits.unlisted_flows + 1);
  CHECK(relay.overlay.counters().flows_refused > 0);
  relay.begin_stream();
  CHECK(relay.overlay.flow(relay.live.id) != nullptr);
}

TEST_CASE("a viewer is told when its stream of a film is no more", "[film]") {
  FilmRelay relay;
  relay.open(relay.guest_link);
  relay.say(relay.guest_link, FilmRelay::watch(kOwn));
  (void)relay.sent<FilmAnswer>(relay.guest_link);
  Refused refused;
  refused.tracker = Tracker::along({{{HostileRelay::here(), 1, true}}});
  refused.stream = kOwn;
  refused.text = "there is no such stream here";
  relay.say(relay.boot, refused);
  const auto told = relay.sent<FilmAnswer>(relay.guest_link);
  REQUIRE(told.size() == 1);
  CHECK(told[0].state == FilmState::Refused);
  CHECK(told[0].stream.id == kOwn);
  CHECK(relay.overlay.films().granted() == 0);
}

}  // namespace
}  // namespace ott
