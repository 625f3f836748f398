// A source's parts for tests of what is made of them, without an overlay: frames as viewers hand them on.
#pragma once

#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "media/media_sample.h"
#include "media/outlet.h"

namespace ott::test {

inline MediaFormat h264_format() {
  return {.media = MediaKind::Video, .encoding = "H264", .payload_type = 96};
}
inline MediaFormat opus_format() {
  return {
      .media = MediaKind::Audio, .encoding = "opus", .clock_rate = 48'000, .channels = 2, .payload_type = 97};
}

/// One subscription of all parts, at most.
class FakeParts final : public WatchableStreams {
 public:
  struct One {
    StreamInfo info;
    std::unique_ptr<MediaPacketizer> packetizer;
    FrameTaker* taker = nullptr;
    std::uint64_t frames = 0;
  };

  [[nodiscard]] std::vector<StreamInfo> all() const override {
    std::vector<StreamInfo> infos;
    for (const auto& [name, one] : parts_) infos.push_back(one.info);
    return infos;
  }
  std::unique_ptr<Subscription> subscribe(const std::string&, FrameTaker&) override { return nullptr; }
  std::unique_ptr<PartsSubscription> subscribe_parts(const std::string& name, PartsTaker& taker) override {
    taker_ = &taker;
    name_ = name;
    for (auto& [each, one] : parts_) offer(one);
    return std::make_unique<All>(*this);
  }

  /// Also while it is subscribed to.
  void add(const std::string& name, MediaFormat format) {
    One& one = parts_[name];
    one.info.name = name;
    one.info.id = StreamId{parts_.size()};
    one.info.format = std::move(format);
    one.packetizer = make_packetizer(one.info.format, 7, 1);
    offer(one);
  }
  [[nodiscard]] bool wants(const std::string& name) { return parts_.at(name).taker != nullptr; }

  struct Sample {
    std::vector<std::uint8_t> bytes;
    std::uint32_t media_time = 0;
    Duration at{};  // when it came to the origin, and here
    bool sync_point = true;
    std::optional<WallTime> instant{};
  };
  void push(const std::string& name, const Sample& sample) {
    One& one = parts_.at(name);
    PacketList packets;
    const auto cut = one.packetizer->cut({sample.bytes, sample.media_time, sample.sync_point}, packets);
    if (!cut) FAIL(cut.error().message);
    push_packets(name, packets, sample);
  }
  /// As they are.
  void push_packets(const std::string& name, const PacketList& packets, const Sample& sample) {
    One& one = parts_.at(name);
    auto frame = std::make_shared<Frame>();
    frame->stream = one.info.id;
    frame->number = FrameNumber{++one.frames};
    frame->media_time = sample.media_time;
    frame->source_time = kBegin + sample.at;
    frame->arrived = now(sample.at);
    frame->instant = sample.instant;
    frame->sync_point = sample.sync_point;
    frame->bytes = packets.bytes;
    frame->packet_ends = packets.ends;
    if (one.taker != nullptr) one.taker->on_frame(frame);
  }
  static Now now(Duration at) { return {MonoTime(at), kBegin + at}; }
  static constexpr WallTime kBegin{std::chrono::seconds(1'700'000'000)};

 private:
  struct All final : PartsSubscription {
    explicit All(FakeParts& of) : streams(of) {}
    All(const All&) = delete;
    All& operator=(const All&) = delete;
    ~All() override {
      for (auto& [name, one] : streams.parts_) one.taker = nullptr;
      streams.taker_ = nullptr;
    }
    [[nodiscard]] std::vector<StreamInfo> parts() const override { return {}; }
    [[nodiscard]] std::string why_nothing() const override { return "the camera is away"; }
    FakeParts& streams;
  };

  void offer(One& one) {
    if (taker_ != nullptr && is_part_of(one.info.name, name_)) one.taker = taker_->on_part(one.info);
  }

  std::map<std::string, One> parts_;
  PartsTaker* taker_ = nullptr;
  std::string name_;
};

}  // namespace ott::test
