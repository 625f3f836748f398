// Messages of every type with random fields, and a writer of their bytes that follows PROTOCOL.md and shares
// no code with the codec.
#pragma once

#include <algorithm>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "nodes.h"
#include "ott/message.h"

namespace ott::test {

using Bytes = std::vector<std::uint8_t>;
using AllMessages =
    std::tuple<Ack, Speers, FinalAck, Ping, Message, TrackerMessage, Start, Started, Stop, Links, Watch,
               Heartbeat, Bye, Streams, Refused, Query, Report, Sync, AccessNodes, Absent, Place, FilmRequest,
               FilmAnswer, Why, WhyAnswer, Look, View>;

/// Calls use(T{}) for each type of message.
template <class Use>
void for_each_message(const Use& use) {
  std::apply([&use](const auto&... message) { (use(message), ...); }, AllMessages{});
}

inline std::uint64_t any_u64(Random& random) {
  // All lengths of numbers, and the ends of the range.
  const std::uint64_t bits = (std::uint64_t{random.engine()} << 32U) | random.engine();
  const unsigned kept = random.below(65);
  return kept == 0 ? 0 : kept == 64 && random.below(2) == 0 ? ~std::uint64_t{0} : bits >> (64 - kept);
}
inline std::uint32_t any_u32(Random& random) { return static_cast<std::uint32_t>(any_u64(random)); }

inline NodeId any_node(Random& random) {
  NodeId id = node(random.below(1U << 24U));
  id.port = static_cast<std::uint16_t>(any_u64(random));
  if (random.below(4) != 0) return id;
  for (std::uint8_t& byte : id.address.bytes) byte = static_cast<std::uint8_t>(random.below(256));
  return id;
}

inline std::string any_text(Random& random, std::size_t bytes_max = kTextBytesMax) {
  const std::size_t longest = std::min<std::size_t>(bytes_max, 300);
  std::string text(
      random.below(12) == 0 ? random.below(static_cast<unsigned>(longest + 1)) : random.below(12), ' ');
  for (char& c : text) c = static_cast<char>(0x20 + random.below(0x5F) + 0x80 * random.below(2));
  return text;
}

inline std::vector<NodeId> any_nodes(Random& random, unsigned most) {
  std::vector<NodeId> ids(random.below(most + 1));
  for (NodeId& id : ids) id = any_node(random);
  return ids;
}

/// Nodes are numbered from 0, the root, so none is there twice.
inline PathTree any_path(Random& random) {
  std::vector<std::vector<NodeId>> path_to = {nodes(0)};
  const unsigned count = 1 + random.below(12);
  for (unsigned i = 1; i < count; ++i) {
    path_to.push_back(path_to[random.below(i)]);
    path_to.back().push_back(node(i));
  }
  return multicast_path(path_to);
}

inline Tracker any_tracker(Random& random, bool flood) {
  Tracker tracker = flood ? Tracker::everywhere() : Tracker::along(any_path(random));
  tracker.hops = static_cast<std::uint16_t>(any_u64(random));
  tracker.visited = any_nodes(random, 5);
  return tracker;
}

inline StreamId any_stream_id(Random& random) {
  return StreamId{std::max<std::uint64_t>(1, any_u64(random) >> kTreeVersionBits)};
}
inline std::uint64_t any_up_to(Random& random, std::uint64_t max) { return any_u64(random) & max; }
inline FrameNumber any_frame(Random& random) { return FrameNumber{any_up_to(random, kFrameNumberMax - 1)}; }

inline StreamInfo any_stream(Random& random) {
  StreamInfo stream;
  stream.id = any_stream_id(random);
  stream.name = any_text(random, kNameBytesMax);
  stream.kind = any_text(random, kNameBytesMax);
  stream.width = any_u32(random);
  stream.height = any_u32(random);
  stream.fps_milli = any_u32(random);
  stream.format.media = MediaKind{static_cast<std::uint8_t>(random.below(kMediaKindLast + 1))};
  stream.format.encoding = any_text(random, kEncodingBytesMax);
  stream.format.clock_rate = 1 + random.below(kClockRateMax);
  stream.format.channels = static_cast<std::uint8_t>(random.below(kChannelsMax + 1));
  stream.format.payload_type = static_cast<std::uint8_t>(random.below(kRtpPayloadTypeMax + 1));
  stream.format.parameters = any_text(random, kFormatParametersBytesMax);
  stream.on_request = random.below(2) == 0;
  stream.duration_ms = std::max(1U, any_u32(random));
  return stream;
}
/// As LINKS and STREAMS have them; TRACKER does not say how a stream's source is doing.
inline StreamInfo any_stream_with_state(Random& random) {
  StreamInfo stream = any_stream(random);
  stream.state = StreamState{static_cast<std::uint8_t>(random.below(kStreamStateLast + 1))};
  stream.state_since = std::max<std::uint64_t>(1, any_up_to(random, kNumberMax));
  stream.metric = Metric{static_cast<std::uint8_t>(1 + random.below(kMetricLast))};
  return stream;
}

inline PeerKind any_kind(Random& random) { return PeerKind{static_cast<std::uint8_t>(random.below(4))}; }

inline Greeting any_greeting(Random& random) {
  return {any_kind(random), any_u64(random), kHelloMsMin + random.below(kHelloMsMax - kHelloMsMin + 1),
          any_u64(random)};
}

inline std::vector<Peer> any_peers(Random& random) {
  std::vector<Peer> peers(random.below(5));
  for (Peer& peer : peers) {
    peer = {any_node(random), 1 + random.below(kCostMax), any_text(random, kNameBytesMax), any_node(random),
            any_nodes(random, 3)};
  }
  return peers;
}

inline std::string any_overlay(Random& random) { return "x" + any_text(random, kOverlayNameBytesMax - 1); }

inline void fill(Random& random, Ack& m) {
  m.greeting = any_greeting(random);
  m.ids = any_nodes(random, 5);
  m.ids.push_back(any_node(random));
  m.overlay = any_overlay(random);
}
inline void fill(Random& random, Speers& m) {
  m.greeting = any_greeting(random);
  m.me = any_node(random);
  m.you = any_node(random);
  m.peers = any_peers(random);
  m.addresses = any_nodes(random, 3);
  m.addresses.push_back(any_node(random));
  m.overlay = any_overlay(random);
}
inline void fill(Random& random, Place& m) {
  m.peers = any_peers(random);
  m.addresses = any_nodes(random, 3);
  m.addresses.push_back(any_node(random));
}
inline void fill(Random& random, FinalAck& m) {
  m.relation = Relation{static_cast<std::uint8_t>(random.below(3))};
}
inline void fill(Random& random, Ping& m) {
  m.tracker = any_tracker(random, false);
  m.from = any_node(random);
  m.number = any_up_to(random, kNumberMax);
  m.time = any_up_to(random, kNumberMax);
}
inline void fill(Random& random, Message& m) {
  m.tracker = any_tracker(random, random.below(2) == 0);
  m.from = any_node(random);
  m.number = any_up_to(random, kNumberMax);
  m.text = any_text(random);
}
inline void fill(Random& random, TrackerMessage& m) {
  m.tracker = any_tracker(random, false);
  m.stream = any_stream(random);
  m.label = make_label(m.stream.id, any_u32(random));
  m.origin = any_node(random);
  m.expects_start = random.below(2) == 1;
}
inline void fill(Random& random, Start& m) {
  m.stream = any_stream_id(random);
  m.last = any_frame(random);
  m.number = any_u32(random);
  m.gap = random.below(2) == 0;
  m.joins = !m.gap || random.below(2) == 0;
}
inline void fill(Random& random, Started& m) {
  m.stream = any_stream_id(random);
  m.number = any_u32(random);
  m.after = any_frame(random);
}
inline void fill(Random& random, Stop& m) { m.label = make_label(any_stream_id(random), any_u32(random)); }
inline void fill(Random& random, Links& m) {
  m.tracker = any_tracker(random, true);
  m.state.reporter = any_node(random);
  m.state.kind = any_kind(random);
  m.state.incarnation = any_u64(random);
  m.state.number = 1 + any_up_to(random, kSequenceMax >> 1U);
  m.state.lifetime_s = static_cast<std::uint16_t>(1 + random.below(kLifetimeMaxS));
  std::set<NodeId> neighbours;
  for (unsigned i = 1 + random.below(4); i > 0; --i) neighbours.insert(any_node(random));
  for (const NodeId& id : neighbours) {
    const LinkFacts facts = {1 + random.below(kRttUsMax), static_cast<std::uint16_t>(random.below(kLossMax)),
                             any_u32(random), any_u32(random)};
    m.state.links.push_back({id, 1 + random.below(kCostMax), facts});
  }
  m.state.streams.resize(random.below(4));
  for (StreamInfo& stream : m.state.streams) stream = any_stream_with_state(random);
  m.state.takes_neighbours = true;
}
inline void fill(Random& random, Watch& m) {
  m.tracker = any_tracker(random, false);
  m.stream = any_stream_id(random);
  m.watcher = any_node(random);
  m.incarnation = any_u64(random);
  m.viewers = random.below(kViewersMax + 1);
  m.wants_tracker = random.below(2) == 1;
  m.last = any_frame(random);
  m.starved_by = any_node(random);
}
inline void fill(Random& random, Heartbeat& m) {
  m.reply = random.below(2) == 1;
  m.time = any_up_to(random, kNumberMax);
}
inline void fill(Random& random, Bye& m) {
  m.reason = ByeReason{static_cast<std::uint8_t>(1 + random.below(kByeReasonLast))};
  m.text = any_text(random);
}
inline void fill(Random& random, Streams& m) {
  m.streams.resize(random.below(4));
  for (StreamInfo& stream : m.streams) stream = any_stream_with_state(random);
  for (std::size_t i = 0; i < m.streams.size(); ++i) m.origins.push_back(any_node(random));
}
inline void fill(Random& random, Refused& m) {
  m.tracker = any_tracker(random, false);
  m.stream = any_stream_id(random);
  m.reason = RefusedReason{static_cast<std::uint8_t>(1 + random.below(kRefusedReasonLast))};
  m.text = any_text(random);
}
inline void fill(Random& random, Absent& m) {
  m.stream = any_stream_id(random);
  m.reason = any_text(random);
}
inline void fill(Random& random, Query& m) {
  m.tracker = any_tracker(random, false);
  m.asker = any_node(random);
  m.number = any_u32(random);
}
inline void fill(Random& random, Report& m) {
  m.tracker = any_tracker(random, false);
  m.number = any_u32(random);
  m.figures.resize(random.below(4));
  for (StreamFigures& figures : m.figures)
    figures = {any_stream_id(random), any_u32(random), any_u64(random), 1 + any_u64(random) / 2};
}
inline void fill(Random& /*random*/, Sync& /*m*/) {}
inline void fill(Random& random, Why& m) {
  m.tracker = any_tracker(random, false);
  m.asker = any_node(random);
  m.number = any_u32(random);
  m.stream = any_stream_id(random);
  m.node = any_text(random, kNameBytesMax);
}
inline void fill(Random& random, WhyAnswer& m) {
  m.tracker = any_tracker(random, false);
  m.number = any_u32(random);
  m.lines.resize(random.below(5));
  for (std::string& line : m.lines) line = any_text(random, kTextBytesMax);
  m.outcome = static_cast<WhyOutcome>(1 + random.below(kWhyOutcomeLast));
}
inline void fill(Random& random, Look& m) {
  m.tracker = any_tracker(random, false);
  m.asker = any_node(random);
  m.number = any_u32(random);
  m.at = static_cast<LookAt>(random.below(kLookAtLast + 1));
  m.node = any_node(random);
}
inline void fill(Random& random, View& m) {
  m.tracker = any_tracker(random, false);
  m.number = any_u32(random);
  m.json = any_text(random, 5'000);
}
inline void fill(Random& random, AccessNodes& m) {
  m.nodes = any_peers(random);
  for (Peer& node : m.nodes) node.at = {}, node.addresses.clear();
}

inline std::int64_t any_film_value(Random& random, FilmCommand command) {
  const std::int64_t position = any_u32(random);
  if (command == FilmCommand::Step) return random.below(2) == 0 ? position : -position;
  if (command == FilmCommand::Speed) return random.below(4) == 0 ? 0 : 250 + random.below(3'751);
  return command == FilmCommand::Close ? 0 : position;
}
inline void fill(Random& random, FilmRequest& m) {
  m.tracker = any_tracker(random, false);
  m.asker = any_node(random);
  m.number = std::max(1U, any_u32(random));
  m.stream = any_stream_id(random);
  m.command = FilmCommand{static_cast<std::uint8_t>(random.below(kFilmCommandLast + 1))};
  m.value = any_film_value(random, m.command);
}
inline void fill(Random& random, FilmAnswer& m) {
  m.tracker = any_tracker(random, false);
  m.number = any_u32(random);
  m.state = FilmState{static_cast<std::uint8_t>(random.below(kFilmStateLast + 1))};
  m.reason = any_text(random);
  m.stream = any_stream(random);
  m.position_ms = any_u32(random);
  m.speed = static_cast<std::uint32_t>(any_film_value(random, FilmCommand::Speed));
  m.after = any_frame(random);
}

template <class T>
T any_message(Random& random) {
  T message;
  fill(random, message);
  return message;
}

/// A record of `rtp_bytes` of RTP, whole. SKIP if there are none: then `time_or_last` is its last frame.
inline Bytes record_bytes(Label label, std::uint64_t frame, std::uint8_t flags, std::uint64_t time_or_last,
                          std::uint16_t sequence, std::size_t rtp_bytes) {
  Bytes bytes(kRecordHeaderBytes + rtp_bytes);
  Header header;
  header.type = rtp_bytes == 0 ? MessageType::Skip : MessageType::Data;
  header.flags = flags;
  header.length = static_cast<std::uint32_t>(bytes.size() - kHeaderBytes);
  store_record_header(bytes.data(), header, label, FrameNumber{frame}, time_or_last);
  if (rtp_bytes == 0) return bytes;
  bytes[kRecordHeaderBytes] = 0x80;
  bytes[kRecordHeaderBytes + 1] = 26;
  bytes[kRecordHeaderBytes + 2] = static_cast<std::uint8_t>(sequence >> 8U);
  bytes[kRecordHeaderBytes + 3] = static_cast<std::uint8_t>(sequence & 0xFFU);
  for (std::size_t i = 12; i < rtp_bytes; ++i) {
    bytes[kRecordHeaderBytes + i] = static_cast<std::uint8_t>(frame * 31 + i);
  }
  return bytes;
}

inline void forget_format(StreamInfo& info) {
  info.metric = Metric::Cost;
  info.format = {};
  info.on_request = false;
  info.duration_ms = 0;
}
inline void forget_facts(LinkState& state) {
  for (Adjacency& link : state.links) link.facts = {};
  state.takes_neighbours = false;
}

/// As senders write it that do not know overlays which find themselves.
template <class T>
T without_joining(T message) {
  if constexpr (std::is_same_v<T, Ack> || std::is_same_v<T, Speers>) message.overlay = kOverlayNameDefault;
  if constexpr (std::is_same_v<T, Links>) message.state.takes_neighbours = false;
  return message;
}

/// The message as senders write it that know the states of streams, but not their formats.
template <class T>
T without_formats(T message) {
  if constexpr (std::is_same_v<T, Streams>) std::ranges::for_each(message.streams, forget_format);
  if constexpr (std::is_same_v<T, Links>) {
    std::ranges::for_each(message.state.streams, forget_format);
    forget_facts(message.state);
  }
  return message;
}

/// As senders write it that do not know what is measured of links.
template <class T>
T without_facts(T message) {
  if constexpr (std::is_same_v<T, Links>) forget_facts(message.state);
  return message;
}
/// Nor by what ways are chosen.
template <class T>
T without_metrics(T message) {
  const auto forget = [](StreamInfo& info) { info.metric = Metric::Cost; };
  if constexpr (std::is_same_v<T, Streams>) std::ranges::for_each(message.streams, forget);
  if constexpr (std::is_same_v<T, Links>) {
    std::ranges::for_each(message.state.streams, forget);
    forget_facts(message.state);
  }
  return message;
}

/// The message as senders write it that do not know the fields that have come later.
template <class T>
T without_later_fields(T message) {
  if constexpr (std::is_same_v<T, Report>) {
    for (StreamFigures& figures : message.figures) figures.frames_refused = 0;
  }
  if constexpr (std::is_same_v<T, WhyAnswer>) message.outcome = WhyOutcome::Answered;
  const auto forget_states = [&](std::vector<StreamInfo>& streams) {
    for (StreamInfo& info : streams) {
      forget_format(info);
      info.state = StreamState::Live;
      info.state_since = 0;
    }
  };
  if constexpr (std::is_same_v<T, Ack> || std::is_same_v<T, Speers>) message.overlay = kOverlayNameDefault;
  if constexpr (std::is_same_v<T, Start>) message.gap = message.joins = false;
  if constexpr (std::is_same_v<T, TrackerMessage>) forget_format(message.stream);
  if constexpr (std::is_same_v<T, Speers> || std::is_same_v<T, Place>) {
    message.addresses.clear();
    for (Peer& peer : message.peers) peer.at = {}, peer.addresses.clear();
  }
  if constexpr (std::is_same_v<T, Streams>) forget_states(message.streams);
  if constexpr (std::is_same_v<T, Links>) {
    forget_states(message.state.streams);
    forget_facts(message.state);
  }
  return message;
}

// ---- the page's grammar, by hand
// ---------------------------------------------------------------------------

class Wire {
 public:
  Bytes bytes;

  Wire& number(std::uint64_t value, unsigned count) {
    for (unsigned i = count; i-- > 0;) bytes.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
    return *this;
  }
  Wire& u8(std::uint64_t value) { return number(value, 1); }
  Wire& u16(std::uint64_t value) { return number(value, 2); }
  Wire& u32(std::uint64_t value) { return number(value, 4); }
  Wire& u64(std::uint64_t value) { return number(value, 8); }
  Wire& id(const NodeId& node_id) {
    for (const std::uint8_t byte : node_id.address.bytes) u8(byte);
    return u16(node_id.port);
  }
  Wire& text(const std::string& words) {
    u16(words.size());
    for (const char c : words) u8(static_cast<std::uint8_t>(c));
    return *this;
  }
  Wire& stream(const StreamInfo& info) {
    u64(info.id.value).text(info.name).text(info.kind).u32(info.width).u32(info.height);
    return u32(info.fps_milli);
  }
  Wire& states(const std::vector<StreamInfo>& streams, bool more = false) {
    const bool metrics =
        more || std::ranges::any_of(streams, [](const auto& info) { return info.metric != Metric::Cost; });
    const bool formats = metrics || std::ranges::any_of(streams, has_format);
    const bool any = formats || std::ranges::any_of(streams, [](const StreamInfo& info) {
                       return info.state != StreamState::Live || info.state_since != 0;
                     });
    for (const StreamInfo& info : streams) {
      if (any) u8(static_cast<std::uint8_t>(info.state)).u64(info.state_since);
    }
    for (const StreamInfo& info : streams) {
      if (formats) format(info);
    }
    for (const StreamInfo& info : streams) {
      if (metrics) u8(static_cast<std::uint8_t>(info.metric));
    }
    return *this;
  }
  /// Of anything but live MJPEG.
  static bool has_format(const StreamInfo& info) {
    return info.format != MediaFormat{} || info.on_request || info.duration_ms != 0;
  }
  Wire& format(const StreamInfo& info) {
    const MediaFormat& f = info.format;
    u8(static_cast<std::uint8_t>(f.media)).text(f.encoding).u32(f.clock_rate).u8(f.channels);
    return u8(f.payload_type).text(f.parameters).u8(info.on_request ? 1 : 0).u32(info.duration_ms);
  }
  Wire& greeting(const Greeting& g) {
    return u8(static_cast<std::uint8_t>(g.kind)).u64(g.incarnation).u32(g.hello_ms).u64(g.capabilities);
  }
  Wire& ids(const std::vector<NodeId>& all) {
    u16(all.size());
    for (const NodeId& each : all) id(each);
    return *this;
  }
  Wire& place(const std::vector<Peer>& peers, const std::vector<NodeId>& addresses) {
    u32(peers.size());
    for (const Peer& peer : peers) id(peer.id).u32(peer.cost).text(peer.name);
    const auto says = [](const Peer& peer) { return peer.at != NodeId{} || !peer.addresses.empty(); };
    if (addresses.empty() && std::ranges::none_of(peers, says)) return *this;
    ids(addresses);
    for (const Peer& peer : peers) id(peer.at).ids(peer.addresses);
    return *this;
  }
  Wire& tracker(const Tracker& t) {
    u8(t.flood ? 1 : 0).u16(t.hops).u16(t.visited.size());
    for (const NodeId& visited : t.visited) id(visited);
    u32(t.path.entries.size());
    for (const PathTree::Entry& entry : t.path.entries) {
      id(entry.node).u32(entry.subtree_size).u8(entry.destination ? 1 : 0);
    }
    return *this;
  }
};

inline Bytes wire_body(const Ack& m) {
  Wire wire;
  wire.greeting(m.greeting).u16(m.ids.size());
  for (const NodeId& id : m.ids) wire.id(id);
  return wire.text(m.overlay).bytes;
}
inline Bytes wire_body(const Speers& m) {
  Wire wire;
  wire.greeting(m.greeting).id(m.me).id(m.you);
  return wire.place(m.peers, m.addresses).text(m.overlay).bytes;
}
inline Bytes wire_body(const Place& m) { return Wire().place(m.peers, m.addresses).bytes; }
inline Bytes wire_body(const FinalAck& m) { return Wire().u8(static_cast<std::uint8_t>(m.relation)).bytes; }
inline Bytes wire_body(const Ping& m) {
  return Wire().tracker(m.tracker).id(m.from).u64(m.number).u64(m.time).bytes;
}
inline Bytes wire_body(const Message& m) {
  return Wire().tracker(m.tracker).id(m.from).u64(m.number).text(m.text).bytes;
}
inline Bytes wire_body(const TrackerMessage& m) {
  Wire wire;
  wire.tracker(m.tracker).u64(m.label.value).id(m.origin).stream(m.stream).u8(m.expects_start ? 1 : 0);
  if (Wire::has_format(m.stream)) wire.format(m.stream);
  return wire.bytes;
}
inline Bytes wire_body(const Start& m) {
  Wire wire;
  wire.u64(m.stream.value).u64(m.last.value).u32(m.number);
  if (m.gap || m.joins) wire.u8(static_cast<std::uint8_t>((m.gap ? 1 : 0) + (m.joins ? 2 : 0)));
  return wire.bytes;
}
inline Bytes wire_body(const Started& m) {
  return Wire().u64(m.stream.value).u32(m.number).u64(m.after.value).bytes;
}
inline Bytes wire_body(const Stop& m) { return Wire().u64(m.label.value).bytes; }
inline Bytes wire_body(const Links& m) {
  Wire wire;
  wire.tracker(m.tracker).id(m.state.reporter).u8(static_cast<std::uint8_t>(m.state.kind));
  wire.u64(m.state.incarnation).u64(m.state.number).u16(m.state.lifetime_s).u32(m.state.links.size());
  for (const Adjacency& link : m.state.links) wire.id(link.id).u32(link.cost);
  wire.u32(m.state.streams.size());
  for (const StreamInfo& stream : m.state.streams) wire.stream(stream);
  const bool facts =
      std::ranges::any_of(m.state.links, [](const auto& link) { return link.facts != LinkFacts{}; });
  wire.states(m.state.streams, facts);
  for (const Adjacency& link : m.state.links) {
    const LinkFacts& f = link.facts;
    if (facts) wire.u32(f.rtt_us).u16(f.loss).u32(f.could_carry_kbps).u32(f.carries_kbps);
  }
  if (m.state.takes_neighbours) wire.u8(1);
  return wire.bytes;
}
inline Bytes wire_body(const Watch& m) {
  Wire wire;
  wire.tracker(m.tracker).u64(m.stream.value).id(m.watcher).u64(m.incarnation).u32(m.viewers);
  return wire.u8(m.wants_tracker ? 1 : 0).u64(m.last.value).id(m.starved_by).bytes;
}
inline Bytes wire_body(const Heartbeat& m) { return Wire().u8(m.reply ? 1 : 0).u64(m.time).bytes; }
inline Bytes wire_body(const Bye& m) {
  return Wire().u8(static_cast<std::uint8_t>(m.reason)).text(m.text).bytes;
}
inline Bytes wire_body(const Streams& m) {
  Wire wire;
  wire.u32(m.streams.size());
  for (std::size_t i = 0; i < m.streams.size(); ++i) wire.stream(m.streams[i]).id(m.origins[i]);
  return wire.states(m.streams).bytes;
}

inline Bytes wire_body(const Refused& m) {
  Wire wire;
  wire.tracker(m.tracker).u64(m.stream.value).u8(static_cast<std::uint8_t>(m.reason)).text(m.text);
  return wire.bytes;
}
inline Bytes wire_body(const Query& m) { return Wire().tracker(m.tracker).id(m.asker).u32(m.number).bytes; }
inline Bytes wire_body(const Report& m) {
  Wire wire;
  wire.tracker(m.tracker).u32(m.number).u32(m.figures.size());
  for (const StreamFigures& f : m.figures) wire.u64(f.stream.value).u32(f.viewers).u64(f.bits_per_second);
  if (std::ranges::any_of(m.figures, [](const StreamFigures& f) { return f.frames_refused != 0; })) {
    for (const StreamFigures& f : m.figures) wire.u64(f.frames_refused);
  }
  return wire.bytes;
}
inline Bytes wire_body(const Sync& /*m*/) { return {}; }
inline Bytes wire_body(const Absent& m) { return Wire().u64(m.stream.value).text(m.reason).bytes; }
inline Bytes wire_body(const FilmRequest& m) {
  Wire wire;
  wire.tracker(m.tracker).id(m.asker).u32(m.number).u64(m.stream.value);
  return wire.u8(static_cast<std::uint8_t>(m.command)).u64(static_cast<std::uint64_t>(m.value)).bytes;
}
inline Bytes wire_body(const FilmAnswer& m) {
  Wire wire;
  wire.tracker(m.tracker).u32(m.number).u8(static_cast<std::uint8_t>(m.state)).text(m.reason);
  return wire.stream(m.stream).format(m.stream).u32(m.position_ms).u32(m.speed).u64(m.after.value).bytes;
}
inline Bytes wire_body(const Why& m) {
  return Wire().tracker(m.tracker).id(m.asker).u32(m.number).u64(m.stream.value).text(m.node).bytes;
}
inline Bytes wire_body(const WhyAnswer& m) {
  Wire wire;
  wire.tracker(m.tracker).u32(m.number).u32(m.lines.size());
  for (const std::string& line : m.lines) wire.text(line);
  if (m.outcome != WhyOutcome::Answered) wire.u8(static_cast<std::uint8_t>(m.outcome));
  return wire.bytes;
}
inline Bytes wire_body(const Look& m) {
  Wire wire;
  wire.tracker(m.tracker).id(m.asker).u32(m.number).u8(static_cast<std::uint8_t>(m.at)).id(m.node);
  return wire.bytes;
}
inline Bytes wire_body(const View& m) {
  Wire wire;
  wire.tracker(m.tracker).u32(m.number).u32(m.json.size());
  wire.bytes.insert(wire.bytes.end(), m.json.begin(), m.json.end());
  return wire.bytes;
}
inline Bytes wire_body(const AccessNodes& m) {
  Wire wire;
  wire.u32(m.nodes.size());
  for (const Peer& node : m.nodes) wire.id(node.id).u32(node.cost).text(node.name);
  return wire.bytes;
}

}  // namespace ott::test
