#include "io/v4l2_input.h"

#include <fmt/format.h>

#include <random>
#include <utility>

#include "io/clock.h"
#include "io/v4l2_camera.h"
#include "io/watcher.h"
#include "media/source_spec.h"
#include "ott/retry.h"

namespace ott {
namespace {

constexpr Retry::Pauses kPauses = {std::chrono::milliseconds(500), std::chrono::seconds(10)};

/// A camera is opened and closed by a worker, since either may take a second.
class Opening : public Job {
 public:
  explicit Opening(V4l2Settings settings) : settings_(std::move(settings)) {}
  void run() override { camera = V4l2Camera::open(settings_); }

  Result<std::unique_ptr<V4l2Camera>> camera;

 private:
  V4l2Settings settings_;
};

class Closing : public Job {
 public:
  explicit Closing(std::unique_ptr<V4l2Camera> camera) : camera_(std::move(camera)) {}
  void run() override { camera_.reset(); }

 private:
  std::unique_ptr<V4l2Camera> camera_;
};

class V4l2Input final : public Input {
 public:
  V4l2Input(SourceInfo info, V4l2Settings settings, InputSink& sink, const InputContext& context)
      : Input(std::move(info)),
        settings_(std::move(settings)),
        sink_(sink),
        queue_(context.workers.make_queue(WorkKind::Input, {.jobs = 8})),
        watcher_(context.loop),
        random_(static_cast<std::uint64_t>(clock_now().wall.time_since_epoch().count())) {}

  void start(Now) override {
    started_ = true;
    open();
  }

  void stop(Now) override {
    started_ = false;
    retry_.cancel();
    close();
  }

  void step(Now now) override {
    while (auto job = queue_->collect()) {
      if (auto* opening = dynamic_cast<Opening*>(job.get())) on_opened(std::move(opening->camera), now);
    }
    if (started_ && retry_.take_due(now)) open();
  }

  [[nodiscard]] MonoTime next_deadline() const override { return retry_.due_at(); }

 private:
  void open() {
    if (!opening_ && queue_->has_room()) queue_->submit(std::make_unique<Opening>(settings_));
    opening_ = true;
  }

  void close() {
    watcher_.stop();
    if (camera_ && queue_->has_room()) queue_->submit(std::make_unique<Closing>(std::move(camera_)));
    camera_.reset();
  }

  void on_opened(Result<std::unique_ptr<V4l2Camera>> opened, Now now) {
    opening_ = false;
    if (!opened) return started_ ? lose(opened.error().message, now) : void();
    camera_ = std::move(*opened);
    if (!started_) return close();
    retry_.succeeded();
    sink_.on_connected(camera_->what(), now);
    watcher_.start<&V4l2Input::ready>(*this, camera_->fd(), EV_READ);
  }

  void ready(int) {
    const Now now = clock_now();
    const auto picture = camera_->take();
    if (!picture) return lose(picture.error().message, now);
    if (!*picture) return;
    if ((*picture)->damaged || (*picture)->jpeg.empty()) {
      sink_.refuse(fmt::format("camera {}: a damaged picture", settings_.device), now);
    } else {
      sink_.push({.bytes = (*picture)->jpeg, .arrived = now, .place = settings_.device});
    }
    if (camera_) camera_->give_back(**picture);
  }

  void lose(const std::string& why, Now now) {
    close();
    sink_.on_lost(why, now);
    retry_.schedule(kPauses, random_, now);
  }

  V4l2Settings settings_;
  InputSink& sink_;
  std::unique_ptr<WorkQueue> queue_;
  std::unique_ptr<V4l2Camera> camera_;
  IoWatcher watcher_;
  std::mt19937_64 random_;
  Retry retry_;
  bool started_ = false;
  bool opening_ = false;
};

Result<std::unique_ptr<Input>> open_v4l2(const std::string& source, InputSink& sink,
                                         const InputContext& context) {
  std::string rest = source;
  V4l2Settings settings;
  if (const auto size = take_option(rest, "size")) {
    const auto x = std::min(size->find('x'), size->size());
    settings.width = parse_number<unsigned>(std::string_view(*size).substr(0, x)).value_or(0);
    settings.height =
        x == size->size() ? 0 : parse_number<unsigned>(std::string_view(*size).substr(x + 1)).value_or(0);
    if (settings.width == 0 || settings.height == 0)
      return fail("source '" + source + "': ?size=" + *size + ": a size is WIDTHxHEIGHT, such as 1280x720");
  }
  const auto spec = parse_source(rest);
  if (!spec) return tl::unexpected<Error>(spec.error());
  if (spec->options.at_end) return fail("source '" + source + "': a camera has no end");
  settings.fps = spec->options.fps;
  settings.device = spec->name.substr(kV4l2Input.prefix.size());
  if (settings.device.empty()) return fail("source '" + source + "': which device? v4l2:/dev/video0");
  SourceInfo info{"camera"};
  info.live = true;
  info.linger = kLinger;
  info.linger = std::chrono::seconds(10);
  return std::make_unique<V4l2Input>(std::move(info), std::move(settings), sink, context);
}

}  // namespace

const InputSpec kV4l2Input{"v4l2:", "v4l2:DEVICE", open_v4l2};

}  // namespace ott
