// The streams that outlets take, on real roles, a virtual network and its clock.
#include "role/stream_hub.h"

#include <catch2/catch.hpp>

#include "../../sim/lab.h"

namespace ott {
namespace {

using sim::ip;
using sim::Lab;
using sim::Process;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr const char* kBoot = "10.0.0.10";

/// An outlet whose subscriptions a test takes and gives up.
class Taker final : public Outlet, public FrameTaker {
 public:
  Result<void> begin(WatchableStreams& streams, Now) override {
    streams_ = &streams;
    return {};
  }
  [[nodiscard]] OutletFigures figures() const override { return {"test", ""}; }
  void on_frame(const FramePtr& frame) override { frames.push_back(frame); }
  void on_stream(const StreamInfo& stream) override { names.push_back(stream.name); }

  void want(const std::string& name) { wanted.push_back(streams_->subscribe(name, *this)); }
  void want_nothing() { wanted.clear(); }

  std::vector<FramePtr> frames;
  std::vector<std::string> names;
  std::vector<std::unique_ptr<Subscription>> wanted;

 private:
  WatchableStreams* streams_ = nullptr;
};

struct Theatre {
  Theatre() : lab(9) {
    auto outlet = std::make_unique<Taker>();
    taker = outlet.get();
    outlets.push_back(std::move(outlet));
  }
  ~Theatre() { outlets.clear(); }  // before the roles

  /// A process with the outlet.
  void start(const RoleSpec& role, const char* address) {
    Process& process = lab.prepare(role, address);
    process.context->outlets = &outlets;
    if (&role == &kClientRole) process.context->frames = nullptr;
    lab.network.start(ip(address), role.create(*process.context));
    where = address;
  }
  void pass(Duration time) {
    lab.network.wake(ip(where));
    lab.network.run_for(time);
  }

  Lab lab;
  std::vector<std::unique_ptr<Outlet>> outlets;
  Taker* taker = nullptr;
  const char* where = kBoot;
};

TEST_CASE("a source's name means its parts, and not each stream whose name begins so", "[hub]") {
  for (const char* part : {"cam", "cam/video", "cam/audio2", "cam/text", "cam/application"})
    CHECK(is_part_of(part, "cam"));
  for (const char* other : {"cam/one", "cam/video/x", "cam/", "cam/2", "camera/video", "ca"})
    CHECK_FALSE(is_part_of(other, "cam"));
  CHECK(is_part_of("films/one/audio", "films/one"));
  CHECK(is_part_of("anything", ""));
}

TEST_CASE("who takes a stream after a rest gets no picture of before it, also at its origin", "[hub]") {
  Theatre theatre;
  const bool at_origin = GENERATE(true, false);
  if (at_origin) {
    theatre.start(kBootstrapRole, kBoot);
  } else {
    theatre.lab.start(kBootstrapRole, kBoot);
    theatre.start(kNodeRole, "10.0.0.1");
  }
  theatre.pass(seconds(3));
  theatre.taker->want("small");
  theatre.pass(seconds(2));
  REQUIRE(theatre.taker->frames.size() > 40);
  theatre.taker->want_nothing();
  theatre.pass(seconds(30));
  theatre.taker->frames.clear();
  const WallTime now = theatre.lab.network.now_at(ip(theatre.where)).wall;
  theatre.taker->want("small");
  theatre.pass(seconds(2));
  REQUIRE(theatre.taker->frames.size() > 40);
  CHECK(theatre.taker->frames.front()->source_time >= now);
  for (std::size_t i = 1; i < theatre.taker->frames.size(); ++i)
    CHECK(theatre.taker->frames[i]->number.value == theatre.taker->frames[i - 1]->number.value + 1);
}

TEST_CASE("a stream flows for ten seconds more than somebody wants it", "[hub]") {
  Theatre theatre;
  theatre.lab.start(kBootstrapRole, kBoot);
  theatre.start(kNodeRole, "10.0.0.1");
  theatre.pass(seconds(3));
  theatre.taker->want("small");
  theatre.pass(seconds(2));
  theatre.taker->want_nothing();
  const auto bytes = [&theatre] { return theatre.lab.network.bytes_between(ip(kBoot), ip("10.0.0.1")); };
  theatre.pass(seconds(9));
  const std::uint64_t before = bytes();
  theatre.pass(milliseconds(900));
  CHECK(bytes() - before > 10'000);
  theatre.pass(seconds(2));
  const std::uint64_t after = bytes();
  theatre.pass(seconds(10));
  CHECK(bytes() - after < 10'000);
}

TEST_CASE("all who take a stream share one reading of it, whatever they call it", "[hub]") {
  Theatre theatre;
  theatre.lab.start(kBootstrapRole, kBoot);
  theatre.start(kNodeRole, "10.0.0.1");
  theatre.pass(seconds(3));
  theatre.taker->want("small");
  theatre.taker->want("");  // the default stream, which is the same
  theatre.pass(seconds(2));
  const std::vector<FramePtr>& frames = theatre.taker->frames;
  REQUIRE(frames.size() > 80);
  CHECK(frames[frames.size() - 1] == frames[frames.size() - 2]);
  CHECK(theatre.lab.processes.at("10.0.0.1").log.has("watching 'small'"));
}

TEST_CASE("at a guest, streams that nobody wants any more make room for others", "[hub]") {
  Theatre theatre;
  Process& boot = theatre.lab.prepare(kBootstrapRole, kBoot);
  boot.context->options.publish.clear();
  for (int i = 0; i < 20; ++i)
    boot.context->options.publish.push_back({"s" + std::to_string(i), "pattern:16x16@5"});
  theatre.lab.network.start(ip(kBoot), kBootstrapRole.create(*boot.context));
  theatre.start(kClientRole, "192.168.7.7");
  theatre.pass(seconds(2));
  for (int i = 0; i < 20; ++i) {
    CAPTURE(i);
    theatre.taker->frames.clear();
    theatre.taker->want("s" + std::to_string(i));
    theatre.pass(milliseconds(400));
    CHECK_FALSE(theatre.taker->frames.empty());
    theatre.taker->want_nothing();
    theatre.pass(milliseconds(10));
  }
}

}  // namespace
}  // namespace ott
