// Sessions of a peer that speaks the protocol and breaks it: whatever it sends, the engine goes on, its other
// links stay, and what it sends to others is right (engine.h checks every message that goes out).
#include <catch2/catch.hpp>
#include <map>

#include "../core/mutation.h"
#include "../core/random_messages.h"
#include "engine.h"

namespace ott {
namespace {

using std::chrono::milliseconds;
using test::Bytes;
using test::Engine;
using test::node;
using test::Random;

constexpr unsigned kMessages = 400'000 / test::kMutationScale;
constexpr unsigned kMessagesPerEngine = 4'000;

/// Says what a peer may say, about nodes and streams that there are.
class Talk {
 public:
  explicit Talk(Random& random) : random_(random) {}
  std::vector<StreamId> streams = {StreamId{5}, StreamId{6}};

  NodeId any_node() {
    static const std::array known = {node("10.0.0.20"), node("10.0.0.10"), node("10.0.0.2"), node("10.0.0.3"),
                                     node("10.0.0.1")};
    return random_.below(8) == 0 ? test::any_node(random_) : known[random_.below(known.size())];
  }
  StreamId any_stream() { return streams[random_.below(static_cast<unsigned>(streams.size()))]; }
  Label any_label() { return make_label(any_stream(), random_.below(6)); }

  /// Rooted at `here` nearly always.
  Tracker path(const NodeId& here) {
    std::vector<std::vector<NodeId>> paths;
    const NodeId root = random_.below(20) == 0 ? any_node() : here;
    for (unsigned i = random_.below(4); i > 0; --i) {
      paths.push_back({root});
      for (unsigned hops = random_.below(3); hops > 0; --hops) {
        const NodeId next = any_node();
        if (std::ranges::find(paths.back(), next) == paths.back().end()) paths.back().push_back(next);
      }
    }
    paths.push_back({root});
    Tracker tracker = Tracker::along(multicast_path(paths));
    tracker.visited = test::any_nodes(random_, 2);
    return tracker;
  }
  StreamInfo info() {
    StreamInfo stream = test::any_stream(random_);
    stream.id = any_stream();
    return stream;
  }

  Bytes message(const NodeId& here, const NodeId& from) {
    Bytes bytes;
    switch (random_.below(14)) {
      case 0:
        encode(bytes, Ping{path(here), any_node(), test::any_up_to(random_, kNumberMax), 1});
        break;
      case 1:
        encode(bytes, Message{random_.below(2) == 0 ? path(here) : Tracker::everywhere(), any_node(),
                              test::any_up_to(random_, kNumberMax), "text"});
        break;
      case 2:
      case 3: {
        TrackerMessage m{path(here), {}, any_node(), info(), random_.below(2) == 0};
        if (random_.below(4) != 0) {
          m.origin = node("10.0.0.10");
          m.tracker.visited = {m.origin, from};
        }
        m.label = make_label(m.stream.id, random_.below(6));
        encode(bytes, m);
        break;
      }
      case 4:
        encode(bytes, Start{any_stream(), FrameNumber{random_.below(2) == 0 ? 0 : frame_ - random_.below(3)},
                            random_.below(3)});
        break;
      case 5:
        if (random_.below(2) == 0) {
          encode(bytes, Started{any_stream(), 1 + random_.below(3), FrameNumber{random_.below(20)}});
        } else {
          encode(bytes, Stop{any_label()});
        }
        break;
      case 6:
        links(bytes);
        break;
      case 7:
        encode(bytes, Watch{path(here), any_stream(), any_node(), random_.below(3), random_.below(3),
                            random_.below(2) == 0});
        break;
      case 8:
        encode(bytes, Heartbeat{random_.below(2) == 0, test::any_up_to(random_, kNumberMax)});
        break;
      case 9:
        records(bytes, 0);
        break;
      default:
        records(bytes, 1 + random_.below(5));
    }
    return bytes;
  }

 private:
  void links(Bytes& bytes) {
    Links m{Tracker::everywhere(), {}};
    m.state.reporter = any_node();
    m.state.kind = test::any_kind(random_);
    m.state.incarnation = random_.below(3);
    m.state.number = 1 + random_.below(1'000);
    m.state.lifetime_s = 60;
    std::map<NodeId, std::uint32_t> costs;
    for (unsigned i = random_.below(4); i > 0; --i) costs[any_node()] = 1 + random_.below(3);
    for (const auto& [id, cost] : costs) m.state.links.push_back({id, cost});
    for (unsigned i = random_.below(3); i > 0; --i) m.state.streams.push_back(info());
    encode(bytes, m);
  }
  /// Records of a frame, or a SKIP.
  void records(Bytes& bytes, unsigned count) {
    const Label label = any_label();
    frame_ += random_.below(6) == 0 ? 2 : 1;
    if (count == 0) {
      const Bytes skip = test::record_bytes(label, frame_, 0, frame_ + random_.below(4), 0, 0);
      frame_ += 3;
      bytes.insert(bytes.end(), skip.begin(), skip.end());
    }
    const std::uint8_t sync_point = random_.below(4) != 0 ? kSyncPoint : 0;
    for (unsigned i = 0; i < count; ++i) {
      const auto flags = static_cast<std::uint8_t>((i == 0 ? kFirstOfFrame : 0) |
                                                   (i + 1 == count ? kLastOfFrame : 0) | sync_point);
      const std::size_t rtp_bytes = 12 + random_.below(random_.below(20) == 0 ? 16'000 : 300);
      const Bytes record = test::record_bytes(label, frame_, flags, 1, sequence_++, rtp_bytes);
      bytes.insert(bytes.end(), record.begin(), record.end());
    }
  }

  Random& random_;
  std::uint64_t frame_ = 1;
  std::uint16_t sequence_ = 0;
};

/// One engine, two peers that behave and one that does not, in session after session.
class Trial {
 public:
  Trial(unsigned seed, bool at_bootstrapper)
      : random_(seed),
        engine_(at_bootstrapper ? Engine::bootstrapper() : Engine::relay()),
        here_(at_bootstrapper ? node("10.0.0.10") : node("10.0.0.20")),
        bad_(node(at_bootstrapper ? "10.0.0.20" : "10.0.0.3")),
        talk_(random_) {
    if (at_bootstrapper) {
      engine_.refuse_connections();  // its look for another bootstrapper
      StreamInfo info;
      info.name = "own";
      own_ = engine_.overlay.origin().add_stream(info).value();
      talk_.streams.push_back(*own_);
      good_ = {join(node("10.0.0.1")), join(node("10.0.0.2"), Relation::Control)};
      Links links{Tracker::everywhere(), {}};
      links.state.reporter = node("10.0.0.1");
      links.state.number = 100'000;  // nobody else speaks for it
      links.state.lifetime_s = kLifetimeMaxS;
      links.state.links = {{here_, 1}};
      engine_.say(good_[0], links);
      const Tracker path = Tracker::along({{{here_, 1, true}}});
      engine_.say(good_[0], Watch{path, *own_, links.state.reporter, 1'000, 1, true});
    } else {
      good_ = {engine_.register_with_bootstrapper(), join(node("10.0.0.2"))};
      std::vector<StreamInfo> streams(2);
      for (unsigned i = 0; i < 2; ++i) streams[i].id = talk_.streams[i];
      engine_.say(good_[0], test::links_of(node("10.0.0.10"), 100'000, {{here_, 1}}, streams,
                                           PeerKind::Bootstrap, 7'777));
    }
  }

  /// Returns how many messages the peer has sent.
  unsigned session() {
    const bool guest = random_.below(4) == 0;
    const LinkId link = engine_.accept(guest ? node("192.168.9.9:5555") : bad_);
    unsigned messages = 2;
    Bytes hands;
    encode(hands, test::ack(guest ? PeerKind::Guest : PeerKind::Node, 33, bad_));
    bool open = say(link, hands, 20);
    hands.clear();
    encode(hands, FinalAck{guest ? Relation::Guest : Relation::Neighbour});
    open = open && say(link, hands, 20);
    const unsigned broken_one_in = 1 + random_.below(40);
    for (; open && messages < 300; ++messages) {
      open = say(link, talk_.message(here_, guest ? node("192.168.9.9:5555") : bad_), broken_one_in);
      others(link);
    }
    if (open) engine_.lose(link);
    return messages;
  }

  [[nodiscard]] std::string complaint() {
    if (engine_.overlay.requests().exit) return "it wants to exit";
    for (const LinkId link : good_) {
      if (engine_.links.at(link).closed) return "it closed another link: " + engine_.log.lines.back();
    }
    if (engine_.overlay.links().all().size() > 3) return "it keeps links that are closed";
    return "";
  }
  [[nodiscard]] const Engine& engine() const { return engine_; }

 private:
  LinkId join(const NodeId& peer, Relation relation = Relation::Neighbour) {
    const LinkId link = engine_.accept(peer);
    engine_.shake_hands(link, PeerKind::Node, 40 + peer.address.bytes[15], relation);
    return link;
  }
  bool say(LinkId link, Bytes bytes, unsigned broken_one_in) {
    if (random_.below(broken_one_in) == 0) test::mutate(bytes, random_);
    return engine_.receive(link, bytes, 1 + random_.below(random_.below(3) == 0 ? 60 : 4'000));
  }

  /// What the rest of the world does meanwhile.
  void others(LinkId bad) {
    switch (random_.below(8)) {
      case 0:
        for (const LinkId link : good_) engine_.say(link, Heartbeat{});
        engine_.pass(milliseconds(random_.below(30)));
        engine_.refuse_connections();
        break;
      case 1:
        if (own_) publish();
        break;
      case 2:
        // A good neighbour takes part in whatever the bad one is about.
        if (!own_) engine_.receive(good_[1], talk_.message(here_, node("10.0.0.2")));
        break;
      case 3:
        engine_.drain(good_[random_.below(2)], random_.below(5'000));
        break;
      case 4:
        if (!engine_.links.at(bad).closed) engine_.drain(bad, random_.below(2'000));
        break;
      case 5:
        for (const LinkId link : good_) answer(link);
        break;
      case 6:
        if (!engine_.links.at(bad).closed) answer(bad);
        break;
      default:
        break;
    }
    if (random_.below(500) == 0) engine_.log.lines.clear();
  }
  /// As the protocol has it: START for a TRACKER, STARTED for a START.
  void answer(LinkId link) {
    std::vector<Start> starts;
    std::vector<Started> started;
    engine_.each_sent(link, [&](const Header& header, const Bytes& message) {
      const ByteSpan body = ByteSpan(message).subspan(kHeaderBytes);
      if (header.type == MessageType::Tracker)
        starts.push_back({decode<TrackerMessage>(body)->stream.id, {}, 1});
      if (header.type != MessageType::Start) return;
      const auto start = decode<Start>(body);
      started.push_back({start->stream, start->number, start->last});
    });
    for (const Start& start : starts) {
      if (!engine_.links.at(link).closed) engine_.say(link, start);
    }
    for (const Started& begun : started) {
      if (!engine_.links.at(link).closed) engine_.say(link, begun);
    }
  }
  void publish() {
    Flow& flow = *engine_.overlay.flow(*own_);
    const Bytes record =
        test::record_bytes(flow.label, ++published_, 3, 1, sequence_++, 12 + random_.below(900));
    const MutableByteSpan room = flow.room(record.size());
    std::copy(record.begin(), record.end(), room.begin());
    flow.buffer.commit(*parse_record(next_message(room, kBodyBytesMax).header, room), engine_.now().mono);
    engine_.overlay.published(flow);
  }

  Random random_;
  Engine engine_;
  NodeId here_;
  NodeId bad_;
  Talk talk_;
  std::vector<LinkId> good_;
  std::optional<StreamId> own_;
  std::uint64_t published_ = 0;
  std::uint16_t sequence_ = 0;
};

TEST_CASE("a peer that breaks the protocol costs the engine that one link") {
  const bool at_bootstrapper = GENERATE(false, true);
  CAPTURE(at_bootstrapper);
  std::size_t messages_out = 0;
  std::size_t records_out = 0;
  for (unsigned seed = 1; seed <= kMessages / kMessagesPerEngine / 2; ++seed) {
    CAPTURE(seed);
    Trial trial(seed, at_bootstrapper);
    for (unsigned messages = 0; messages < kMessagesPerEngine;) {
      messages += trial.session();
      const std::string complaint = trial.complaint();
      CAPTURE(complaint);
      REQUIRE(complaint.empty());
    }
    messages_out += trial.engine().messages_out;
    records_out += trial.engine().records_out;
  }
  // Or this tested little.
  CHECK(messages_out > kMessages / 4);
  CHECK(records_out > kMessages / 40);
}

}  // namespace
}  // namespace ott
