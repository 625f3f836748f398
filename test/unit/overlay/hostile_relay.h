// A relay (10.0.0.20) between the bootstrapper, which is the origin of stream 5, and two neighbours, of which
// 10.0.0.2 watches it and 10.0.0.3 means harm; and guests.
#pragma once

#include <vector>

#include "engine.h"

namespace ott::test {

struct HostileRelay : Engine {
  LinkId boot, two, three;
  StreamInfo live;
  Label label;
  std::uint64_t frame = 100;

  explicit HostileRelay(OverlayConfig config = relay())
      : Engine(std::move(config)),
        boot(register_with_bootstrapper()),
        two(join("10.0.0.2")),
        three(join("10.0.0.3")) {
    live.id = StreamId{5};
    live.name = "live";
    label = make_label(live.id, 7);
    say(boot, links_of(node("10.0.0.10"), 1, {{here(), 1}}, {live}, PeerKind::Bootstrap));
    say(two, links_of(node("10.0.0.2"), 1, {{node("10.0.0.3"), 1}, {here(), 1}}));
    say(three, links_of(node("10.0.0.3"), 1, {{node("10.0.0.2"), 1}, {here(), 1}}));
    for (const LinkId link : {boot, two, three}) count_sent(link, MessageType::Heartbeat);
  }
  static NodeId here() { return node("10.0.0.20"); }

  LinkId join(std::string_view peer) {
    const LinkId link = accept(node(peer));
    shake_hands(link, PeerKind::Node, node(peer).address.bytes[15]);
    return link;
  }
  LinkId guest(std::string_view from) {
    const LinkId link = accept(node(from));
    shake_hands(link, PeerKind::Guest, 1, Relation::Guest);
    return link;
  }

  [[nodiscard]] TrackerMessage tree(const NodeId& from, std::uint32_t version) const {
    TrackerMessage m;
    const std::vector<std::vector<NodeId>> paths = {{here(), node("10.0.0.2")}};
    m.tracker = Tracker::along(multicast_path(paths));
    m.tracker.visited = {node("10.0.0.10")};
    if (from != node("10.0.0.10")) m.tracker.visited.push_back(from);
    m.stream = live;
    m.label = make_label(live.id, version);
    m.origin = node("10.0.0.10");
    m.expects_start = true;
    return m;
  }
  /// The stream flows from the bootstrapper to 10.0.0.2.
  void begin_stream() {
    say(boot, tree(node("10.0.0.10"), 7));
    say(two, Start{live.id, FrameNumber{0}, 1});
    answer_start();
    next_frame();
  }
  /// The bootstrapper answers the relay's last START, if there is one.
  void answer_start() {
    for (const Start& start : sent<Start>(boot)) {
      const FrameNumber after{std::min(start.last.value, frame)};
      say(boot, Started{start.stream, start.number, after});
    }
  }
  void next_frame() {
    ++frame;
    receive(boot, record_bytes(label, frame, kRecordFlags, 1, static_cast<std::uint16_t>(frame), 100));
  }
  /// Time goes on, and those who mean no harm show that they live.
  void live_on(Duration time) {
    for (const MonoTime end = now().mono + time; now().mono < end;) {
      for (const LinkId link : {boot, two}) say(link, Heartbeat{});
      if (!links.at(three).closed) say(three, Heartbeat{});
      pass(std::chrono::milliseconds(50));
    }
  }

  /// The messages of a type that were sent to this peer since; all others are forgotten.
  template <class T>
  std::vector<T> sent(LinkId link) {
    std::vector<T> found;
    each_sent(link, [&found](const Header& header, const Bytes& message) {
      if (header.type == T::kType) found.push_back(*decode<T>(ByteSpan(message).subspan(kHeaderBytes)));
    });
    return found;
  }
  /// The frames of which it was sent the last record.
  std::vector<std::uint64_t> frames_sent(LinkId link) {
    std::vector<std::uint64_t> frames;
    each_sent(link, [&frames](const Header& header, const Bytes& message) {
      if (header.type != MessageType::Data || (header.flags & kLastOfFrame) == 0) return;
      frames.push_back(parse_record(header, message)->frame.value);
    });
    return frames;
  }
  [[nodiscard]] bool honest_links_are_there() { return !links.at(boot).closed && !links.at(two).closed; }
};

}  // namespace ott::test
