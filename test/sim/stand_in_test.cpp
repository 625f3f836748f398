// Several origins of one name stand in for each other; one on standby feeds only when no other does; and what
// an origin shows while its source has no frames.
#include <catch2/catch.hpp>

#include "../unit/media/jpeg_helpers.h"
#include "lab.h"

namespace ott::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr const char* kBoot = "10.0.0.10";
constexpr const char* kFirst = "10.0.1.2";
constexpr const char* kSecond = "10.0.2.2";
constexpr const char* kViewer = "10.0.3.20";

/// The classic overlay with two publishers of "cam", and a viewer of it.
struct Studios {
  explicit Studios(const std::string& first, const std::string& second) : lab(5) {
    lab.prepare(kBootstrapRole, kBoot).context->options.publish = {};
    launch(kBootstrapRole, kBoot);
    lab.start(kNodeRole, "10.0.0.1");
    publish(kFirst, first);
    publish(kSecond, second);
    lab.network.run_for(seconds(5));
    viewer = &lab.prepare(kClientRole, kViewer);
    viewer->context->options.watch = "cam";
    launch(kClientRole, kViewer);
    lab.network.run_for(seconds(2));
  }

  void launch(const RoleSpec& role, const char* address) {
    lab.network.start(ip(address), role.create(*lab.processes.at(address).context));
  }
  void publish(const char* address, const std::string& source) {
    lab.prepare(kNodeRole, address).context->options.publish = {{"cam", source}};
    launch(kNodeRole, address);
  }
  void feed(const char* address, unsigned seed) {
    lab.processes.at(address).inputs->standard_input->feed(
        test::make_jpeg({.width = 64, .height = 48, .seed = seed}), lab.network.now_at(ip(address)));
    lab.network.wake(ip(address));
  }
  void feed_for(const char* address, Duration time) {
    for (Duration passed{}; passed < time; passed += milliseconds(40)) {
      feed(address, 1);
      lab.network.run_for(milliseconds(40));
    }
  }
  [[nodiscard]] std::size_t frames() const { return viewer->frames.frames.size(); }
  /// The width of the newest frame tells whose it is.
  [[nodiscard]] unsigned width() const {
    const auto image = parse_jpeg(viewer->frames.frames.back());
    return image ? image->width : 0;
  }
  /// Frames that came within a time.
  std::size_t frames_in(Duration time) {
    const std::size_t before = frames();
    lab.network.run_for(time);
    return frames() - before;
  }
  std::uint64_t lost() {
    lab.network.signal(ip(kViewer), Signal::Terminate);
    return viewer->stat("frames_lost");
  }

  Lab lab;
  Process* viewer = nullptr;
};

TEST_CASE("when an origin dies, another one of the stream's name stands in at once", "[stand_in]") {
  Studios studios("pattern:64x48@25", "pattern:32x32@25");
  const unsigned before = studios.width();
  CHECK(studios.frames_in(seconds(2)) >= 49);
  studios.lab.network.kill(ip(before == 64 ? kFirst : kSecond));
  CHECK(studios.frames_in(seconds(2)) >= 30);  // the dead interval of its links has to pass first
  CHECK(studios.width() == (before == 64 ? 32 : 64));
  CHECK(studios.lost() == 0);
}

TEST_CASE("one on standby feeds only while no other does", "[stand_in]") {
  Studios studios("pattern:64x48@25", "pattern:32x32@25?standby");
  CHECK(studios.width() == 64);
  CHECK(studios.lab.processes.at(kViewer).log.has("watching 'cam' from 10.0.1.2"));
  studios.lab.network.kill(ip(kFirst));
  CHECK(studios.frames_in(seconds(3)) >= 50);
  CHECK(studios.width() == 32);
  studios.publish(kFirst, "pattern:64x48@25");
  CHECK(studios.frames_in(seconds(8)) >= 190);
  CHECK(studios.width() == 64);
  CHECK(studios.lab.processes.at(kSecond).log.has("another origin has it: it stands by"));
  studios.lab.network.kill(ip(kFirst));  // once more: the stream that was withdrawn is offered again
  CHECK(studios.frames_in(seconds(3)) >= 50);
  CHECK(studios.width() == 32);
  CHECK(studios.lost() == 0);
}

TEST_CASE("one on standby feeds while the other origin's source has no frames", "[stand_in]") {
  Studios studios("-", "pattern:32x32@25?standby");
  studios.feed_for(kFirst, seconds(8));
  CHECK(studios.width() == 64);
  studios.lab.network.run_for(seconds(4));
  CHECK(studios.width() == 32);
  CHECK(studios.frames_in(seconds(4)) >= 99);
  studios.feed_for(kFirst, seconds(6));
  CHECK(studios.width() == 64);
  CHECK(studios.lost() == 0);
}

TEST_CASE("of two on standby one feeds", "[stand_in]") {
  Studios studios("pattern:64x48@25?standby", "pattern:32x32@25?standby");
  studios.lab.network.run_for(seconds(10));
  CHECK(studios.frames_in(seconds(20)) >= 495);
  CHECK(studios.width() == 64);
  CHECK(studios.lab.processes.at(kSecond).log.has("another origin has it: it stands by"));
  CHECK_FALSE(studios.lab.processes.at(kFirst).log.has("it stands by"));
}

TEST_CASE("a source without frames has a placeholder, if one is wanted", "[stand_in]") {
  const auto kind = GENERATE(PlaceholderKind::None, PlaceholderKind::Freeze, PlaceholderKind::Text);
  Lab lab(3);
  Process& boot = lab.prepare(kBootstrapRole, kBoot);
  boot.context->options.publish = {{"cam", "-"}};
  boot.context->options.placeholder = kind;
  lab.network.start(ip(kBoot), kBootstrapRole.create(*boot.context));
  Process& guest = lab.start(kClientRole, "192.168.7.7");
  lab.network.run_for(seconds(1));
  const auto feed = [&](unsigned seed) {
    boot.inputs->standard_input->feed(test::make_jpeg({.width = 160, .height = 120, .seed = seed}),
                                      lab.network.now_at(ip(kBoot)));
    lab.network.wake(ip(kBoot));
  };
  for (unsigned i = 0; i < 50; ++i) {
    feed(i);
    lab.network.run_for(milliseconds(40));
  }
  REQUIRE(guest.frames.frames.size() == 50);
  const auto last = test::decode(guest.frames.frames.back());
  lab.network.run_for(seconds(12));
  const std::size_t shown = guest.frames.frames.size() - 50;
  if (kind == PlaceholderKind::None) CHECK(shown == 0);
  if (kind != PlaceholderKind::None) {
    CHECK(shown >= 9);
    CHECK(shown <= 11);
    const auto picture = test::decode(guest.frames.frames.back());
    CHECK(picture.width == 160);
    CHECK(picture.height == 120);
    CHECK((picture == last) == (kind == PlaceholderKind::Freeze));
    CHECK(boot.log.has("its viewers are told that it is stalled"));
  }
  feed(99);
  lab.network.run_for(milliseconds(300));
  CHECK(guest.frames.frames.size() == 51 + shown);
  CHECK(boot.log.has("frames come again"));
}

}  // namespace
}  // namespace ott::sim
