// From a camera's media clock to the timestamps that viewers get. The real roles, on a virtual network and
// clock.
#include <catch2/catch.hpp>

#include "../../sim/lab.h"
#include "../media/jpeg_helpers.h"

namespace ott {
namespace {

using sim::ip;
using sim::Lab;
using sim::Process;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr const char* kBoot = "10.0.0.10";
constexpr const char* kGuest = "192.168.7.7";

class Camera final : public Input {
 public:
  explicit Camera(InputSink& its_sink) : Input(live()), sink(its_sink) {}
  void start(Now) override {}
  void stop(Now) override {}

  InputSink& sink;

 private:
  static SourceInfo live() {
    SourceInfo info{"camera"};
    info.live = true;
    return info;
  }
};

struct CameraInputs final : Inputs {
  Result<std::unique_ptr<Input>> open(std::string_view, OpenedSource, InputSink& sink) override {
    auto made = std::make_unique<Camera>(sink);
    camera = made.get();
    return made;
  }
  Camera* camera = nullptr;
};

/// Keeps the timestamps of all frames.
class Times final : public Outlet, private FrameTaker {
 public:
  explicit Times(std::vector<std::uint32_t>& times) : times_(times) {}
  Result<void> begin(WatchableStreams& streams, Now) override {
    wanted_ = streams.subscribe("cam", *this);
    return {};
  }
  [[nodiscard]] OutletFigures figures() const override { return {}; }

 private:
  void on_frame(const FramePtr& frame) override { times_.push_back(frame->media_time); }

  std::vector<std::uint32_t>& times_;
  std::unique_ptr<Subscription> wanted_;
};

TEST_CASE("viewers get the camera's time, whatever the network and the camera do to it", "[publisher]") {
  Lab lab(7);
  CameraInputs inputs;
  std::vector<std::uint32_t> times;
  std::vector<std::unique_ptr<Outlet>> outlets;
  outlets.push_back(std::make_unique<Times>(times));
  Process& boot = lab.prepare(kBootstrapRole, kBoot);
  boot.context->options.publish = {{"cam", "camera"}};
  boot.context->inputs = &inputs;
  lab.network.start(ip(kBoot), kBootstrapRole.create(*boot.context));
  Process& guest = lab.prepare(kClientRole, kGuest);
  guest.context->outlets = &outlets;
  lab.network.start(ip(kGuest), kClientRole.create(*guest.context));
  lab.network.run_for(seconds(2));

  const auto jpeg = test::make_jpeg({.width = 64, .height = 48});
  std::uint32_t media = 0xFFFFF000;
  constexpr unsigned kFrames = 300;
  for (unsigned i = 0; i < kFrames; ++i) {
    media += i == 100 ? 0x70000000 : 3'600;  // the camera begins anew once
    const auto late = milliseconds(i % 3 * 10);
    lab.network.run_for(late);
    inputs.camera->sink.push({.bytes = jpeg, .arrived = lab.network.now_at(ip(kBoot)), .media_time = media});
    lab.network.wake(ip(kBoot));
    lab.network.run_for(milliseconds(40) - late);
  }
  REQUIRE(times.size() == kFrames);
  for (std::size_t i = 1; i < kFrames; ++i) {
    CAPTURE(i);
    const auto step = static_cast<std::int32_t>(times[i] - times[i - 1]);
    CHECK(step > 0);
    // While the clock that has jumped is not believed, the times of arrival are taken.
    const bool by_camera = i < 100 || i > 160;
    CHECK(std::abs(step - 3'600) <= (by_camera ? 40 : 1'900));
  }
}

}  // namespace
}  // namespace ott
