// Sources that have several parts, or of which it is found out what they have, and where their frames come
// out far away. The real roles, on a virtual network and clock.
#include <catch2/catch.hpp>
#include <set>

#include "../../sim/lab.h"
#include "../media/jpeg_helpers.h"
#include "../media/unit_helpers.h"
#include "media/opened_source.h"
#include "media/rtp_instant.h"
#include "role/published_input.h"

namespace ott {
namespace {

using sim::ip;
using sim::Lab;
using sim::Process;
using std::chrono::milliseconds;
using std::chrono::seconds;
using test::Packet;

constexpr const char* kBoot = "10.0.0.10";
constexpr const char* kGuest = "192.168.7.7";

const MediaFormat kH264{MediaKind::Video, "H264", 90'000, 0, 96, "packetization-mode=1"};
const MediaFormat kOpus{MediaKind::Audio, "opus", 48'000, 2, 97, ""};

class Camera final : public Input {
 public:
  explicit Camera(InputSink& its_sink) : Input(live()), sink(its_sink) {}
  void start(Now now) override {
    started = true;
    if (!parts.empty()) sink.on_parts(parts, now);
  }
  void stop(Now) override { started = false; }
  void probe(Now now) override {
    if (probe_finds && !parts.empty()) sink.on_parts(parts, now);
  }

  InputSink& sink;
  std::vector<MediaPart> parts;
  bool started = false;
  bool probe_finds = false;

 private:
  static SourceInfo live() {
    SourceInfo info{"camera"};
    info.live = true;
    info.parts_unknown = true;
    info.linger = seconds(2);
    return info;
  }
};

struct CameraInputs final : Inputs {
  Result<std::unique_ptr<Input>> open(std::string_view, OpenedSource, InputSink& sink) override {
    auto made = std::make_unique<Camera>(sink);
    camera = made.get();
    camera->parts = parts;
    camera->probe_finds = probe_finds;
    return made;
  }
  Camera* camera = nullptr;
  std::vector<MediaPart> parts;
  bool probe_finds = false;
};

/// Takes all parts of "cam", or one stream.
class Taker final : public Outlet, public PartsTaker {
 public:
  struct Part final : FrameTaker {
    void on_frame(const FramePtr& frame) override { frames.push_back(frame); }
    void on_stream(const StreamInfo& stream) override { ids.push_back(stream.id); }
    StreamInfo info;
    std::vector<FramePtr> frames;
    std::vector<StreamId> ids;
  };

  explicit Taker(bool all) : all_(all) {}
  Result<void> begin(WatchableStreams& streams, Now) override {
    if (all_) {
      wanted_ = streams.subscribe_parts("cam", *this);
    } else {
      one_ = streams.subscribe("cam", parts["one"]);
    }
    streams_ = &streams;
    return {};
  }
  [[nodiscard]] OutletFigures figures() const override { return {}; }
  FrameTaker* on_part(const StreamInfo& part) override {
    parts[part.name].info = part;
    return &parts[part.name];
  }
  [[nodiscard]] std::vector<std::string> listed() const {
    std::vector<std::string> names;
    for (const StreamInfo& stream : streams_->all()) names.push_back(stream.name);
    return names;
  }

  std::map<std::string, Part> parts;

 private:
  bool all_;
  WatchableStreams* streams_ = nullptr;
  std::unique_ptr<PartsSubscription> wanted_;
  std::unique_ptr<Subscription> one_;
};

/// A bootstrapper with a camera, and a guest.
struct Studio {
  explicit Studio(std::vector<MediaPart> parts, bool probe_finds = false, bool all = true) : lab(7) {
    inputs.parts = std::move(parts);
    inputs.probe_finds = probe_finds;
    Process& boot = lab.prepare(kBootstrapRole, kBoot);
    boot.context->options.publish = {{"cam", "camera"}};
    boot.context->inputs = &inputs;
    lab.network.start(ip(kBoot), kBootstrapRole.create(*boot.context));
    auto outlet = std::make_unique<Taker>(all);
    taker = outlet.get();
    outlets.push_back(std::move(outlet));
    Process& guest = lab.prepare(kClientRole, kGuest);
    guest.context->outlets = &outlets;
    guest.context->frames = nullptr;
    lab.network.start(ip(kGuest), kClientRole.create(*guest.context));
  }
  ~Studio() { outlets.clear(); }

  void pass(Duration time) { lab.network.run_for(time); }
  void wake() { lab.network.wake(ip(kBoot)); }
  [[nodiscard]] Now now() { return lab.network.now_at(ip(kBoot)); }
  [[nodiscard]] Camera& camera() { return *inputs.camera; }
  void push(std::size_t part, const std::vector<Packet>& packets, bool sync_point,
            std::optional<WallTime> instant = {}) {
    const auto spans = test::spans_of(packets);
    camera().sink.push(
        {.packets = spans, .part = part, .arrived = now(), .instant = instant, .sync_point = sync_point});
    wake();
  }
  [[nodiscard]] const std::vector<FramePtr>& frames(const std::string& part) {
    return taker->parts[part].frames;
  }
  [[nodiscard]] bool logged(const std::string& text) { return lab.processes.at(kBoot).log.has(text); }

  Lab lab;
  CameraInputs inputs;
  std::vector<std::unique_ptr<Outlet>> outlets;
  Taker* taker = nullptr;
};

std::vector<Packet> picture(std::uint16_t& sequence, std::uint32_t timestamp) {
  std::vector<Packet> packets;
  packets.push_back(test::rtp_of("65aabb", sequence++, timestamp, false));
  packets.push_back(test::rtp_of("65ccdd", sequence++, timestamp, true));
  return packets;
}

std::vector<Packet> frame_bytes(const Frame& frame) {
  std::vector<Packet> packets;
  for (std::size_t i = 0; i < frame.packet_ends.size(); ++i) {
    const ByteSpan packet = frame.packet(i);
    packets.emplace_back(packet.begin(), packet.end());
  }
  return packets;
}

TEST_CASE("the names of a source's streams", "[publisher]") {
  CHECK(stream_names("cam", {{kH264}}) == std::vector<std::string>{"cam"});
  MediaFormat text{MediaKind::Text, "t140", 1'000, 0, 98, ""};
  CHECK(stream_names("cam", {{kH264}, {kOpus}, {kH264}, {text}}) ==
        std::vector<std::string>{"cam/video", "cam/audio", "cam/video2", "cam/text"});
}

TEST_CASE("packets of all parts arrive as they came, with when they were taken", "[publisher]") {
  const bool probed = GENERATE(true, false);
  Studio studio({{kH264}, {kOpus}}, probed);
  studio.pass(seconds(2));
  CHECK(studio.taker->listed() == std::vector<std::string>{"cam/video", "cam/audio"});
  CHECK(studio.camera().started);
  CHECK(studio.taker->parts["cam/video"].info.format == kH264);
  CHECK(studio.taker->parts["cam/audio"].info.format == kOpus);

  std::uint16_t video = 65'530;
  std::uint16_t audio = 100;
  std::vector<std::vector<Packet>> sent_video;
  std::vector<std::vector<Packet>> sent_audio;
  const WallTime taken(seconds(1'700'000'000));
  for (std::uint32_t i = 0; i < 100; ++i) {
    const WallTime at = taken + i * milliseconds(20);
    sent_video.push_back(picture(video, i * 1'800));
    studio.push(0, sent_video.back(), i % 10 == 0, at);
    sent_audio.push_back({test::rtp_of("aabb", audio++, i * 960)});
    studio.push(1, sent_audio.back(), true, at);
    studio.pass(milliseconds(20));
  }
  studio.pass(seconds(1));
  const auto& pictures = studio.frames("cam/video");
  const auto& sounds = studio.frames("cam/audio");
  REQUIRE(pictures.size() == 100);
  REQUIRE(sounds.size() == 100);
  for (std::size_t i = 0; i < 100; ++i) {
    CAPTURE(i);
    CHECK(frame_bytes(*pictures[i]) == sent_video[i]);
    CHECK(frame_bytes(*sounds[i]) == sent_audio[i]);
    CHECK(pictures[i]->sync_point == (i % 10 == 0));
    CHECK(pictures[i]->media_time == i * 1'800);
    if (i % 10 == 0) CHECK(pictures[i]->instant);
    REQUIRE(sounds[i]->instant);
    const Duration off = *sounds[i]->instant - (taken + i * milliseconds(20));
    CHECK(off > -std::chrono::microseconds(1));
    CHECK(off < std::chrono::microseconds(1));
  }
}

TEST_CASE("a source of which nothing is known yet is listed without an encoding, and found out by watching",
          "[publisher]") {
  Studio studio({});
  studio.pass(seconds(2));
  CHECK(studio.taker->listed() == std::vector<std::string>{"cam"});
  CHECK(studio.camera().started);
  CHECK(studio.taker->parts.empty());
  studio.camera().sink.on_parts({{kH264}, {kOpus}}, studio.now());
  studio.wake();
  studio.pass(seconds(1));
  CHECK(studio.taker->listed() == std::vector<std::string>{"cam/video", "cam/audio"});
  CHECK(studio.taker->parts.size() == 2);
  CHECK(studio.camera().started);
}

TEST_CASE("who watches a source by its name alone has its video, as soon as that is known", "[publisher]") {
  Studio studio({}, false, false);
  studio.pass(seconds(2));
  studio.camera().sink.on_parts({{kOpus}, {kH264}}, studio.now());
  studio.wake();
  studio.pass(milliseconds(500));
  std::uint16_t sequence = 1;
  const auto sent = picture(sequence, 0);
  studio.push(1, sent, true);
  studio.pass(milliseconds(500));
  REQUIRE(studio.frames("one").size() == 1);
  CHECK(frame_bytes(*studio.frames("one")[0]) == sent);
}

TEST_CASE("a source with one part has its own name, whichever the part is", "[publisher]") {
  Studio studio({{kOpus}}, true);
  studio.pass(seconds(1));
  CHECK(studio.taker->listed() == std::vector<std::string>{"cam"});
  studio.push(0, {test::rtp_of("aa")}, true);
  studio.pass(seconds(1));
  CHECK(studio.frames("cam").size() == 1);
}

TEST_CASE("a source that comes back with another codec is another stream of the name", "[publisher]") {
  Studio studio({{kH264}}, true);
  studio.pass(seconds(1));
  std::uint16_t sequence = 1;
  for (int i = 0; i < 3; ++i) studio.push(0, picture(sequence, 0), true);
  studio.pass(seconds(1));
  MediaFormat other = kH264;
  other.encoding = "H265";
  for (const MediaFormat& format : {other, kH264}) {
    studio.camera().sink.on_parts({{format}}, studio.now());
    studio.wake();
    studio.pass(seconds(1));
    studio.push(0, picture(sequence, 0), true);
    studio.pass(seconds(1));
  }
  const auto& part = studio.taker->parts["cam"];
  CHECK(part.frames.size() == 5);
  CHECK(std::set<StreamId>(part.ids.begin(), part.ids.end()).size() == 3);
  CHECK(studio.logged("stream 'cam': its source has another format now"));
}

TEST_CASE("JPEG beside audio is aligned with it", "[publisher]") {
  Studio studio({{MediaFormat{}}, {kOpus}}, true);
  studio.pass(seconds(1));
  const auto jpeg = test::make_jpeg({.width = 64, .height = 48});
  const WallTime taken(seconds(1'700'000'000));
  for (int i = 0; i < 30; ++i) {
    studio.camera().sink.push(
        {.bytes = jpeg, .arrived = studio.now(), .instant = taken + i * milliseconds(40)});
    studio.wake();
    studio.pass(milliseconds(40));
  }
  studio.pass(seconds(1));
  const auto& frames = studio.frames("cam/video");
  REQUIRE(frames.size() == 30);
  CHECK(frames[0]->is_jpeg());
  CHECK(test::decode(frames[5]->bytes) == test::decode(jpeg));
  REQUIRE(frames[0]->instant);
  CHECK(std::chrono::abs(*frames[0]->instant - taken) < std::chrono::microseconds(1));
}

TEST_CASE("packets that cannot travel are refused, and other parts go on", "[publisher]") {
  Studio studio({{kH264}, {kOpus}}, true);
  studio.pass(seconds(1));
  studio.push(0, {test::rtp_of("65aa", 1), test::rtp_of("65aa", 3)}, true);
  Packet large = test::rtp_of("65aa", 4);
  large.resize(kRtpBytesMax);
  studio.push(0, {large}, true);
  studio.push(1, {test::rtp_of("aa")}, true);
  studio.pass(seconds(1));
  CHECK(studio.frames("cam/video").empty());
  CHECK(studio.frames("cam/audio").size() == 1);
  CHECK(studio.logged("stream 'cam': packets whose sequence numbers have a gap"));
}

TEST_CASE("what is refused of one part is named beside what is of another", "[publisher]") {
  Studio studio({{kH264}, {kOpus}}, true);
  studio.pass(seconds(1));
  studio.camera().sink.refuse_of(0, "the first of the video", studio.now());
  studio.camera().sink.refuse_of(0, "the second of the video", studio.now());
  studio.camera().sink.refuse_of(1, "the first of the audio", studio.now());
  CHECK(studio.logged("stream 'cam': the first of the video"));
  CHECK_FALSE(studio.logged("the second of the video"));
  CHECK(studio.logged("stream 'cam': the first of the audio"));
  studio.wake();
  studio.pass(seconds(11));
  CHECK(studio.logged("the second of the video"));
}

TEST_CASE("a source with more parts than a node may offer says which limit that is", "[publisher]") {
  Studio studio(std::vector<MediaPart>(70, MediaPart{kOpus}));
  studio.pass(seconds(1));
  CHECK(studio.logged("at most 64 streams (kStateStreamsMax)"));
}

}  // namespace
}  // namespace ott
