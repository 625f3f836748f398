// Any bytes from one peer, to a bootstrapper or a relay with others: the others stay connected and are sent
// nothing but good messages, the engine does not ask to exit, and holds no more than the bytes can account
// for.
//
// The first byte says who listens and how far the peer's handshake is, the second how large the pieces are in
// which the rest arrives. Streams 5 (through the relay) and the bootstrapper's own are there to be meddled
// with.
#include <cstring>

#include "../unit/overlay/engine.h"

namespace {

using ott::test::Engine;
using ott::test::node;

constexpr std::uint64_t kIncarnation = 0x600D'600D'600D'6000;

struct Scene {
  Engine engine;
  ott::LinkId good[2];
  ott::LinkId peer;
  std::uint64_t frame = 100;

  Scene(bool bootstrapper, unsigned hands) : engine(bootstrapper ? Engine::bootstrapper() : Engine::relay()) {
    if (bootstrapper) {
      ott::StreamInfo info;
      info.name = "own";
      OTT_ASSERT(engine.overlay.origin().add_stream(info));
      good[0] = join("10.0.0.1", ott::Relation::Neighbour);
      good[1] = join("10.0.0.2", ott::Relation::Control);
    } else {
      good[0] = engine.register_with_bootstrapper();
      good[1] = join("10.0.0.2", ott::Relation::Neighbour);
      carry_stream();
    }
    peer =
        engine.accept(hands == 2 ? node("192.168.9.9:5555") : node(bootstrapper ? "10.0.0.20" : "10.0.0.3"));
    if (hands == 1) engine.shake_hands(peer, ott::PeerKind::Node, 1);
    if (hands == 2) engine.shake_hands(peer, ott::PeerKind::Guest, 1, ott::Relation::Guest);
  }

  ott::LinkId join(std::string_view id, ott::Relation relation) {
    const ott::LinkId link = engine.accept(node(id));
    engine.shake_hands(link, ott::PeerKind::Node, kIncarnation + node(id).address.bytes[15], relation);
    return link;
  }

  /// From the bootstrapper, which lists it, to 10.0.0.2 and 10.0.0.3.
  void carry_stream() {
    ott::StreamInfo info;
    info.id = ott::StreamId{5};
    info.name = "live";
    const ott::NodeId origin = node("10.0.0.10");
    const ott::NodeId here = node("10.0.0.20");
    OTT_ASSERT(
        engine.say(good[0], ott::test::links_of(origin, 1, {{here, 1}}, {info}, ott::PeerKind::Bootstrap)));
    OTT_ASSERT(engine.say(good[1], ott::test::links_of(node("10.0.0.2"), 1, {{here, 1}})));
    ott::TrackerMessage m;
    m.tracker.path.entries = {
        {node("10.0.0.20"), 3, false}, {node("10.0.0.2"), 1, true}, {node("10.0.0.3"), 1, true}};
    m.tracker.visited = {origin};
    m.stream = info;
    m.label = ott::make_label(info.id, 1);
    m.origin = origin;
    OTT_ASSERT(engine.say(good[0], m));
    answer_trackers();
  }

  /// 10.0.0.2 wants whatever it is to get.
  void answer_trackers() {
    std::vector<ott::StreamId> streams;
    engine.each_sent(good[1], [&streams](const ott::Header& header, const ott::test::Bytes& message) {
      if (header.type != ott::MessageType::Tracker) return;
      streams.push_back(
          ott::decode<ott::TrackerMessage>(ott::ByteSpan(message).subspan(ott::kHeaderBytes))->stream.id);
    });
    for (const ott::StreamId stream : streams) engine.say(good[1], ott::Start{stream, {}});
  }
  /// The bootstrapper sends the relay what it asks for.
  void answer_starts() {
    std::vector<ott::Start> starts;
    engine.each_sent(good[0], [&starts](const ott::Header& header, const ott::test::Bytes& message) {
      if (header.type != ott::MessageType::Start) return;
      starts.push_back(*ott::decode<ott::Start>(ott::ByteSpan(message).subspan(ott::kHeaderBytes)));
    });
    for (const ott::Start& start : starts) {
      const ott::FrameNumber after{std::min(start.last.value, frame)};  // it has come no further
      engine.say(good[0], ott::Started{start.stream, start.number, after});
    }
    ++frame;
    engine.receive(good[0],
                   ott::test::record_bytes(ott::make_label(ott::StreamId{5}, 1), frame, ott::kRecordFlags, 1,
                                           static_cast<std::uint16_t>(frame), 200));
  }

  /// A while later: the others are alive, and read what they were sent.
  void pass() {
    for (const ott::LinkId link : good) engine.say(link, ott::Heartbeat{});
    engine.pass(std::chrono::milliseconds(80));
    engine.refuse_connections();
    answer_trackers();
    answer_starts();
    if (!engine.links.at(peer).closed) engine.drain(peer, 1'000);
  }
};

/// A process that has the id and the incarnation of another one is that one, and its newer connection counts.
/// Incarnations are no secret: who may have an id is decided by where it comes from, which is not in the
/// bytes.
bool may_pose_as_another(ott::ByteSpan bytes) {
  static constexpr std::array<std::uint8_t, 7> kMark = {0x60, 0x0D, 0x60, 0x0D, 0x60, 0x0D, 0x60};
  return std::search(bytes.begin(), bytes.end(), kMark.begin(), kMark.end()) != bytes.end();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  Scene scene((data[0] & 1U) != 0, (data[0] >> 1U) % 3);
  const std::size_t piece_bytes = data[1] == 0 ? size : data[1];
  ott::ByteSpan rest(data + 2, size - 2);
  for (unsigned pieces = 1; !rest.empty(); ++pieces) {
    const ott::ByteSpan piece = rest.first(std::min(piece_bytes, rest.size()));
    rest = rest.subspan(piece.size());
    if (!scene.engine.receive(scene.peer, piece)) break;
    if (pieces % 16 == 0) scene.pass();
  }
  scene.pass();
  if (may_pose_as_another({data, size})) return 0;
  OTT_ASSERT(!scene.engine.overlay.requests().exit);
  for (const ott::LinkId link : scene.good) OTT_ASSERT(!scene.engine.links.at(link).closed);
  OTT_ASSERT(scene.engine.overlay.flows().all().size() <= 1 + size / 80);
  return 0;
}
