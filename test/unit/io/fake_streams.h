// Streams for the tests of outlets, without an overlay: a test adds streams and pushes frames by hand, on the
// outlet's loop.
#pragma once

#include <ev.h>

#include <algorithm>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "io/clock.h"
#include "parts_of_one.h"

namespace ott::test {

class FakeStreams final : public WatchableStreams {
 public:
  struct Stream {
    StreamInfo info;
    bool known = true;
    std::uint64_t frames = 0;
    FramePtr newest;
    std::string why_nothing;
    std::vector<FrameTaker*> takers;
  };

  Stream& add(const std::string& name) {
    if (streams_.empty()) default_ = name;
    Stream& stream = streams_[name];
    stream.info.name = name;
    stream.info.fps_milli = 25'000;
    return stream;
  }
  Stream& operator[](const std::string& name) { return streams_.at(name); }
  /// How many subscriptions there are now.
  std::size_t wanted(const std::string& name) { return streams_.at(name).takers.size(); }

  void push(const std::string& name, std::vector<std::uint8_t> jpeg) {
    auto frame = std::make_shared<Frame>();
    frame->bytes = std::move(jpeg);
    frame->arrived = clock_now();
    frame->source_time = frame->arrived.wall;
    frame->media_time =
        static_cast<std::uint32_t>(frame->arrived.mono.time_since_epoch().count() * 9 / 100'000);
    push(name, frame);
  }
  /// A frame of any format; it gets the next number.
  void push(const std::string& name, const std::shared_ptr<Frame>& frame) {
    Stream& stream = streams_.at(name);
    frame->number = FrameNumber{++stream.frames};
    stream.newest = frame;
    const auto takers = stream.takers;
    for (FrameTaker* taker : takers) {
      if (std::ranges::count(stream.takers, taker) > 0) taker->on_frame(frame);
    }
  }

  /// Another stream of this name takes its place.
  void replace(const std::string& name) {
    Stream& stream = streams_.at(name);
    stream.frames = 0;
    stream.newest.reset();
    stream.info.id = StreamId{stream.info.id.value + 1};
    const auto takers = stream.takers;
    for (FrameTaker* taker : takers) taker->on_stream(stream.info);
  }

  [[nodiscard]] std::vector<StreamInfo> all() const override {
    std::vector<StreamInfo> infos;
    for (const auto& [name, stream] : streams_) {
      if (stream.known) infos.push_back(stream.info);
    }
    return infos;
  }
  std::unique_ptr<PartsSubscription> subscribe_parts(const std::string& name, PartsTaker& taker) override {
    return std::make_unique<PartsOfOne>(*this, name, taker);
  }
  std::unique_ptr<Subscription> subscribe(const std::string& name, FrameTaker& taker) override {
    Stream& stream = streams_[name.empty() ? default_ : name];
    stream.takers.push_back(&taker);
    return std::make_unique<Taken>(stream, taker);
  }

 private:
  class Taken final : public Subscription {
   public:
    Taken(Stream& stream, FrameTaker& taker) : stream_(stream), taker_(taker) {}
    ~Taken() override { stream_.takers.erase(std::ranges::find(stream_.takers, &taker_)); }
    [[nodiscard]] FramePtr newest() const override { return stream_.newest; }
    [[nodiscard]] const StreamInfo* stream() const override {
      return stream_.known ? &stream_.info : nullptr;
    }
    [[nodiscard]] std::string why_nothing() const override { return stream_.why_nothing; }

   private:
    Stream& stream_;
    FrameTaker& taker_;
  };

  std::map<std::string, Stream> streams_;
  std::string default_;
};

/// Runs the loop until the condition holds; false if it does not within `seconds`.
inline bool run_until(struct ev_loop* loop, const std::function<bool()>& condition, double seconds = 20) {
  const MonoTime end =
      clock_now().mono + std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
  ev_timer tick;
  ev_timer_init(
      &tick, [](struct ev_loop*, ev_timer*, int) {}, 0.002, 0.002);
  ev_timer_start(loop, &tick);
  bool holds = condition();
  while (!holds && clock_now().mono < end) {
    ev_run(loop, EVRUN_ONCE);
    holds = condition();
  }
  ev_timer_stop(loop, &tick);
  return holds;
}

}  // namespace ott::test
