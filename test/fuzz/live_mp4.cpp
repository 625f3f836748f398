// Any frames of a video and an audio part, with any times: what viewers are sent is whole boxes, an
// initialization segment before the first fragment, and decode times that rise in each track.
#include "media/live_mp4.h"

#include <algorithm>
#include <map>
#include <memory>
#include <vector>

#include "../unit/media/mp4_boxes.h"
#include "ott/assert.h"
#include "ott/bytes.h"

namespace {

using ott::ByteSpan;

/// The two parts of "cam", whose encodings the input chooses.
class Parts final : public ott::WatchableStreams {
 public:
  explicit Parts(unsigned choice) {
    const char* const video[] = {"H264", "H265", "AV1", "VP9"};
    const char* const audio[] = {"opus", "MPEG4-GENERIC"};
    infos_.resize(2);
    infos_[0].name = "cam/video";
    infos_[0].format.encoding = video[choice % 4];
    infos_[1].name = "cam/audio";
    infos_[1].format = {
        .media = ott::MediaKind::Audio,
        .encoding = audio[choice / 4 % 2],
        .clock_rate = 48'000,
        .channels = 2,
        .payload_type = 97,
        .parameters = "mode=AAC-hbr;config=1190;sizelength=13;indexlength=3;indexdeltalength=3"};
    for (std::size_t i = 0; i < infos_.size(); ++i) infos_[i].id = ott::StreamId{i + 1};
  }
  [[nodiscard]] std::vector<ott::StreamInfo> all() const override { return infos_; }
  std::unique_ptr<ott::Subscription> subscribe(const std::string&, ott::FrameTaker&) override {
    return nullptr;
  }
  std::unique_ptr<ott::PartsSubscription> subscribe_parts(const std::string&,
                                                          ott::PartsTaker& taker) override {
    for (const auto& info : infos_) takers.push_back(taker.on_part(info));
    return std::make_unique<All>();
  }
  std::vector<ott::FrameTaker*> takers;

 private:
  struct All final : ott::PartsSubscription {
    [[nodiscard]] std::vector<ott::StreamInfo> parts() const override { return {}; }
    [[nodiscard]] std::string why_nothing() const override { return ""; }
  };
  std::vector<ott::StreamInfo> infos_;
};

class Watcher {
 public:
  void watch(ott::LiveMp4& mp4, ott::Now now) {
    if (watching_ && mp4.has_ended(cursor_)) watching_ = false;
    if (!watching_) {
      if (mp4.content_type().empty()) return;
      watching_ = true;
      cursor_ = mp4.begin();
      decode_times_.clear();
      has_head_ = false;
    }
    while (const ott::LiveBytes piece = mp4.next(cursor_, now)) {
      const auto fragment = ott::test::fragment_in(*piece);
      if (!fragment) {
        OTT_ASSERT(ott::test::box_at(*piece, {"moov", "mvex", "trex"}).has_value());
        has_head_ = true;
        continue;
      }
      OTT_ASSERT(has_head_ && (fragment->track == 1 || fragment->track == 2));
      const auto last = decode_times_.find(fragment->track);
      OTT_ASSERT(last == decode_times_.end() || last->second < fragment->decode_time);
      decode_times_[fragment->track] = fragment->decode_time;
    }
  }

 private:
  bool watching_ = false;
  bool has_head_ = false;
  ott::LiveCursor cursor_;
  std::map<unsigned, std::uint64_t> decode_times_;
};

/// A frame's times and packets, each packet behind its length in a byte.
ott::FramePtr read_frame(ott::Reader& in, std::uint64_t number, std::uint8_t flags, ott::Now now) {
  auto frame = std::make_shared<ott::Frame>();
  frame->number = ott::FrameNumber{number};
  frame->media_time = (flags & 2U) != 0 ? in.u32() : static_cast<std::uint32_t>(number * 1'500);
  const std::int64_t time =
      (flags & 4U) != 0 ? static_cast<std::int64_t>(in.u64() >> 1U) : now.wall.time_since_epoch().count();
  frame->source_time = ott::WallTime(ott::Duration(time));
  if ((flags & 8U) != 0)
    frame->instant = ott::WallTime(std::chrono::milliseconds(static_cast<std::int32_t>(in.u32())));
  frame->sync_point = (flags & 16U) != 0;
  frame->arrived = now;
  for (unsigned packets = 1 + (flags >> 5U) % 4; packets > 0 && in.ok(); --packets) {
    const std::size_t bytes = in.u8();
    // The headers are good mostly, so that what is behind them is looked at.
    frame->bytes.insert(frame->bytes.end(),
                        {0x80, 96, 0, static_cast<std::uint8_t>(packets), 0, 0, 0, 0, 0, 0, 0, 7});
    ott::store_be(frame->bytes.data() + frame->bytes.size() - 8, frame->media_time);
    for (std::size_t i = 0; i < bytes && in.ok(); ++i) frame->bytes.push_back(in.u8());
    frame->packet_ends.push_back(static_cast<std::uint32_t>(frame->bytes.size()));
  }
  return frame;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ott::Reader in(ByteSpan(data, size));
  Parts parts(in.u8());
  ott::LiveMp4 mp4(parts, "cam", {});
  Watcher watcher;
  ott::Now now{ott::MonoTime(std::chrono::hours(1)), ott::WallTime(std::chrono::hours(480'000))};
  for (std::uint64_t number = 1; !in.at_end(); ++number) {
    const std::uint8_t flags = in.u8();
    const auto frame = read_frame(in, number, flags, now);
    mp4.step(now);
    ott::FrameTaker* taker = parts.takers[flags & 1U];
    if (taker != nullptr) taker->on_frame(frame);
    watcher.watch(mp4, now);
    const auto passed = std::chrono::milliseconds(20 * (1 + (flags >> 3U)));
    now = {now.mono + passed, now.wall + passed};
  }
  return 0;
}
