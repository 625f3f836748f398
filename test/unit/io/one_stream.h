// What an outlet sees of the program: one stream, and a log.
#pragma once

#include <catch2/catch.hpp>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "ott/log.h"
#include "parts_of_one.h"

namespace ott::test {

class Lines : public Log {
 public:
  void line(LogLevel level, const std::string& text) override { lines.emplace_back(level, text); }
  std::vector<std::pair<LogLevel, std::string>> lines;
};

/// One stream, at 25 frames a second.
class OneStream : public WatchableStreams {
 public:
  [[nodiscard]] std::vector<StreamInfo> all() const override { return {info}; }
  std::unique_ptr<PartsSubscription> subscribe_parts(const std::string& name, PartsTaker& taker) override {
    return std::make_unique<PartsOfOne>(*this, name, taker);
  }
  std::unique_ptr<Subscription> subscribe(const std::string& name, FrameTaker& taker) override {
    REQUIRE(name == info.name);
    taker_ = &taker;
    return std::make_unique<Wanted>(*this);
  }
  void push(const std::vector<std::uint8_t>& jpeg) {
    if (taker_ == nullptr) return;
    auto frame = std::make_shared<Frame>();
    frame->number = FrameNumber{++number_};
    frame->media_time = static_cast<std::uint32_t>(3'600 * number_);
    frame->arrived.mono = MonoTime(std::chrono::milliseconds(40) * number_);
    frame->source_time = WallTime(std::chrono::milliseconds(40) * number_);
    frame->bytes = jpeg;
    taker_->on_frame(frame);
  }
  [[nodiscard]] bool wanted() const { return taker_ != nullptr; }

  StreamInfo info{.id = StreamId{1}, .name = "cam", .kind = "pattern", .fps_milli = 25'000};

 private:
  class Wanted : public Subscription {
   public:
    explicit Wanted(OneStream& of) : of_(of) {}
    ~Wanted() override { of_.taker_ = nullptr; }
    [[nodiscard]] FramePtr newest() const override { return nullptr; }
    [[nodiscard]] const StreamInfo* stream() const override { return &of_.info; }
    [[nodiscard]] std::string why_nothing() const override { return ""; }

   private:
    OneStream& of_;
  };

  FrameTaker* taker_ = nullptr;
  std::uint64_t number_ = 0;
};

}  // namespace ott::test
