// Bootstrapper, relays and clients, the real roles, in one process on a virtual network and clock.
#include <catch2/catch.hpp>

#include "../unit/media/jpeg_helpers.h"
#include "lab.h"

namespace ott::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST_CASE("two members and a guest see every frame, whatever starts first") {
  const std::uint64_t seed = GENERATE(range(1U, 9U));
  CAPTURE(seed);
  Lab lab(seed);
  const bool server_first = seed % 2 == 0;
  if (server_first) lab.start(kBootstrapRole, "10.0.0.10");
  Process& n5 = lab.start(kClientRole, "10.0.3.20");
  Process& n6 = lab.start(kClientRole, "10.0.4.20");
  lab.start_relays();
  lab.network.run_for(milliseconds(700));
  if (!server_first) lab.start(kBootstrapRole, "10.0.0.10");
  Process& guest = lab.start(kClientRole, "192.168.7.7");
  REQUIRE(lab.network.run_until([&] { return !n5.frames.frames.empty() && !n6.frames.frames.empty(); },
                                seconds(10)));
  lab.network.run_for(seconds(10));
  for (const char* address : {"10.0.3.20", "10.0.4.20", "192.168.7.7"})
    lab.network.signal(ip(address), Signal::Terminate);
  for (Process* client : {&n5, &n6, &guest}) {
    REQUIRE(client->stats.lines.back().find("\"final\":true") != std::string::npos);
    CHECK(client->stat("frames_received") > 230);
    CHECK(client->stat("frames_lost") == 0);
    CHECK(client->stat("frames_skipped") == 0);
    CHECK(client->stat("frames_duplicate") == 0);
    CHECK(client->stat("frames_received") == client->frames.frames.size());
  }
  CHECK(n5.stat("hops") == 3);
  CHECK(n5.log.has("ping"));
}

TEST_CASE("each link carries each frame once, and none when nobody watches") {
  Lab lab(11);
  lab.start(kBootstrapRole, "10.0.0.10");
  lab.start_relays();
  Process& n5 = lab.start(kClientRole, "10.0.3.20");
  Process& n6 = lab.start(kClientRole, "10.0.4.20");
  REQUIRE(lab.network.run_until([&] { return n5.frames.frames.size() > 5 && n6.frames.frames.size() > 5; },
                                seconds(10)));
  const auto sent = [&lab](const char* from, const char* to) {
    return lab.network.bytes_between(ip(from), ip(to));
  };
  const std::uint64_t shared_before = sent("10.0.0.10", "10.0.0.1");
  const std::uint64_t branch_before = sent("10.0.0.1", "10.0.1.2");
  lab.network.run_for(seconds(20));
  const auto shared = static_cast<double>(sent("10.0.0.10", "10.0.0.1") - shared_before);
  const auto branch = static_cast<double>(sent("10.0.0.1", "10.0.1.2") - branch_before);
  CHECK(shared == Approx(branch).epsilon(0.01));

  lab.network.signal(ip("10.0.3.20"), Signal::Terminate);
  lab.network.signal(ip("10.0.4.20"), Signal::Terminate);
  lab.network.run_for(seconds(2));
  const std::uint64_t quiet_before = sent("10.0.0.10", "10.0.0.1");
  lab.network.run_for(seconds(10));
  // Hellos and link states are left: far less than one frame a second.
  CHECK(sent("10.0.0.10", "10.0.0.1") - quiet_before < 10'000);
}

TEST_CASE("clients of different streams each get their own") {
  Lab lab(21);
  lab.start(kBootstrapRole, "10.0.0.10");
  lab.start_relays();
  Process& n5 = lab.start(kClientRole, "10.0.3.20");
  lab.network.run_for(milliseconds(10));
  Process& n6 = lab.start(kClientRole, "10.0.4.20");
  n6.context->options.watch = "other";
  lab.network.run_for(seconds(10));
  CHECK(n5.frames.frames.size() > 230);
  CHECK(n6.frames.frames.size() > 40);
  CHECK(n6.frames.frames.size() < 60);
}

TEST_CASE("a node whose address is not in the topology is told so and ends") {
  Lab lab(31);
  lab.start(kBootstrapRole, "10.0.0.10");
  lab.start(kNodeRole, "10.9.9.9");
  lab.network.run_for(seconds(2));
  const auto exit = lab.network.exit_of(ip("10.9.9.9"));
  REQUIRE(exit);
  CHECK(exit->status == 1);
  CHECK(exit->message.find("no node with the address 10.9.9.9") != std::string::npos);
}

TEST_CASE("a client that stands still is nobody else's trouble, and goes on afterwards") {
  Lab lab(41);
  lab.start(kBootstrapRole, "10.0.0.10");
  lab.start_relays();
  Process& n5 = lab.start(kClientRole, "10.0.3.20");
  Process& n6 = lab.start(kClientRole, "10.0.4.20");
  REQUIRE(lab.network.run_until([&] { return n5.frames.frames.size() > 5 && n6.frames.frames.size() > 5; },
                                seconds(10)));
  lab.network.stop(ip("10.0.3.20"));
  lab.network.run_for(seconds(5));
  const std::size_t before = n5.frames.frames.size();
  lab.network.resume(ip("10.0.3.20"));
  lab.network.run_for(seconds(5));
  // Its neighbour connects to it again within 1.25 s: by then the pause is a second, and a quarter by chance.
  CHECK(n5.frames.frames.size() > before + 90);
  CHECK(n6.stat("frames_lost") == 0);
  CHECK(n6.stat("frames_skipped") == 0);
  CHECK(n6.frames.frames.size() > 240);
}

TEST_CASE("a relay that dies is gone around") {
  Lab lab(51);
  lab.start(kBootstrapRole, "10.0.0.10");
  lab.start_relays();
  Process& n5 = lab.start(kClientRole, "10.0.3.20");
  REQUIRE(lab.network.run_until([&] { return n5.frames.frames.size() > 5; }, seconds(10)));
  lab.network.kill(ip("10.0.1.2"));
  lab.network.run_for(seconds(3));
  lab.start(kNodeRole, "10.0.1.2");
  const std::size_t before = n5.frames.frames.size();
  REQUIRE(lab.network.run_until([&] { return n5.frames.frames.size() > before + 50; }, seconds(30)));
  CHECK(n5.stat("frames_duplicate") == 0);
}

TEST_CASE("a frame that is not ready when it is due comes as soon as it is, and then all keep their pace") {
  Lab lab(61);
  lab.start(kBootstrapRole, "10.0.0.10");
  lab.start_relays();
  Process& n5 = lab.start(kClientRole, "10.0.3.20");
  const auto& frames = n5.frames.frames;
  REQUIRE(lab.network.run_until([&] { return frames.size() > 5; }, seconds(10)));
  const auto work_is_done = [&lab] {
    REQUIRE(lab.workers.run_one());
    lab.network.machine(ip("10.0.0.10"))->worked(lab.network.now());
    lab.network.wake(ip("10.0.0.10"));
  };
  lab.workers.set_at_once(false);
  lab.network.run_for(milliseconds(100));  // one may have been read ahead
  for (int i = 0; i < 3; ++i) {
    const std::size_t before = frames.size();
    lab.network.run_for(seconds(2));
    CHECK(frames.size() == before);
    work_is_done();
    lab.network.run_for(milliseconds(10));
    CHECK(frames.size() == before + 1);
  }
  lab.workers.set_at_once(true);
  work_is_done();
  lab.network.run_for(seconds(2));  // it may catch up with half a second
  const std::size_t before = frames.size();
  lab.network.run_for(seconds(10));
  CHECK(frames.size() - before >= 249);
  CHECK(frames.size() - before <= 251);
  CHECK(n5.stat("frames_lost") == 0);
}

TEST_CASE("a stream plays that begins with frames of more bytes than its rings have at first") {
  Lab lab(71);
  Process& server = lab.prepare(kBootstrapRole, "10.0.0.10");
  server.context->options.publish = {{"large", "pattern:3840x2160@2"}};
  server.context->options.overlay.ring_bytes = OverlayConfig{}.ring_bytes;
  lab.network.start(ip("10.0.0.10"), kBootstrapRole.create(*server.context));
  lab.start_relays();
  Process& n5 = lab.start(kClientRole, "10.0.3.20");
  Process& guest = lab.start(kClientRole, "192.168.7.7");
  REQUIRE(lab.network.run_until(
      [&] { return n5.frames.frames.size() >= 4 && guest.frames.frames.size() >= 4; }, seconds(10)));
  CHECK(n5.frames.frames.front().size() > 256U << 10U);
  lab.network.run_for(seconds(2));
  for (Process* client : {&n5, &guest}) {
    CHECK(client->stat("frames_lost") == 0);
    CHECK(client->stat("frames_skipped") == 0);
  }
}

TEST_CASE("what counts of a frame is what travels, and not what else its file has") {
  // Comments of three megabytes around a picture of a few kilobytes.
  std::vector<std::uint8_t> picture = test::make_jpeg({.width = 160, .height = 120});
  std::vector<std::uint8_t> comment(65'000, 'c');
  comment[0] = 0xFF;
  comment[1] = 0xFE;
  comment[2] = static_cast<std::uint8_t>((comment.size() - 2) >> 8U);
  comment[3] = static_cast<std::uint8_t>(comment.size() - 2);
  for (unsigned i = 0; i < 50; ++i) picture.insert(picture.begin() + 2, comment.begin(), comment.end());
  const test::TemporaryDirectory folder;
  (void)folder.write("0.jpg", picture);
  Lab lab(81);
  Process& server = lab.prepare(kBootstrapRole, "10.0.0.10");
  server.context->options.publish = {{"commented", folder.path() + "?fps=10"}};
  lab.network.start(ip("10.0.0.10"), kBootstrapRole.create(*server.context));
  lab.start_relays();
  Process& n5 = lab.start(kClientRole, "10.0.3.20");
  REQUIRE(lab.network.run_until([&] { return n5.frames.frames.size() >= 5; }, seconds(10)));
  CHECK(n5.frames.frames.front().size() < 100'000);
}

}  // namespace
}  // namespace ott::sim
