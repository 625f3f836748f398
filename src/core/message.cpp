#include "ott/message.h"

#include <algorithm>
#include <functional>

namespace ott {
namespace {

template <class Enum>
Enum read_enum(Reader& in, Enum first, Enum last) {
  const std::uint8_t value = in.u8();
  if (value < static_cast<std::uint8_t>(first) || value > static_cast<std::uint8_t>(last)) {
    in.fail();
    return first;
  }
  return Enum{value};
}

template <class Enum>
void write_enum(Writer& out, Enum value) {
  out.u8(static_cast<std::uint8_t>(value));
}

PeerKind read_kind(Reader& in) { return read_enum(in, PeerKind::Bootstrap, PeerKind::Guest); }

bool read_bool(Reader& in) {
  const std::uint8_t value = in.u8();
  if (value > 1) in.fail();
  return value == 1;
}

constexpr std::size_t kPeerBytesMin = kNodeIdBytes + 4 + 2;
constexpr std::size_t kAdjacencyBytes = kNodeIdBytes + 4;
constexpr std::size_t kStreamInfoBytesMin = 8 + 2 + 2 + 4 + 4 + 4 + 8 + 4;

void write(Writer& out, const StreamInfo& stream) {
  out.u64(stream.id.value);
  out.text(stream.name);
  out.text(stream.kind);
  out.u32(stream.width);
  out.u32(stream.height);
  out.u32(stream.fps_milli);
  out.u64(stream.bits_per_second);
  out.u32(stream.viewers);
}

void read(Reader& in, StreamInfo& stream) {
  stream.id = StreamId{in.u64()};
  stream.name = in.text();
  stream.kind = in.text();
  stream.width = in.u32();
  stream.height = in.u32();
  stream.fps_milli = in.u32();
  stream.bits_per_second = in.u64();
  stream.viewers = in.u32();
}

void write(Writer& out, const LinkState& state) {
  out.node_id(state.reporter);
  write_enum(out, state.kind);
  out.u64(state.incarnation);
  out.u64(state.number);
  out.u32(static_cast<std::uint32_t>(state.links.size()));
  for (const Adjacency& link : state.links) {
    out.node_id(link.id);
    out.u32(link.cost);
  }
  out.u32(static_cast<std::uint32_t>(state.streams.size()));
  for (const StreamInfo& stream : state.streams) write(out, stream);
}

void read(Reader& in, LinkState& state) {
  state.reporter = in.node_id();
  state.kind = read_kind(in);
  state.incarnation = in.u64();
  state.number = in.u64();
  state.links.resize(in.count<std::uint32_t>(kAdjacencyBytes));
  for (Adjacency& link : state.links) {
    link.id = in.node_id();
    link.cost = in.u32();
    if (link.cost == 0) in.fail();
  }
  const auto ascends = [](const Adjacency& a, const Adjacency& b) { return a.id < b.id; };
  if (std::adjacent_find(state.links.begin(), state.links.end(), std::not_fn(ascends)) != state.links.end())
    in.fail();
  state.streams.resize(in.count<std::uint32_t>(kStreamInfoBytesMin));
  for (StreamInfo& stream : state.streams) read(in, stream);
}

}  // namespace

std::string_view to_string(PeerKind kind) {
  switch (kind) {
    case PeerKind::Bootstrap:
      return "bootstrap";
    case PeerKind::Node:
      return "node";
    case PeerKind::Client:
      return "client";
    case PeerKind::Guest:
      return "guest";
  }
  return "?";
}

void write(Writer& out, const Ack& m) {
  write_enum(out, m.kind);
  out.u64(m.incarnation);
  out.u16(static_cast<std::uint16_t>(m.ids.size()));
  for (const NodeId& id : m.ids) out.node_id(id);
}

void read(Reader& in, Ack& m) {
  m.kind = read_kind(in);
  m.incarnation = in.u64();
  m.ids.resize(in.count<std::uint16_t>(kNodeIdBytes));
  for (NodeId& id : m.ids) id = in.node_id();
  if (m.ids.empty()) in.fail();
}

void write(Writer& out, const Speers& m) {
  write_enum(out, m.kind);
  out.u64(m.incarnation);
  out.node_id(m.me);
  out.node_id(m.you);
  out.u32(static_cast<std::uint32_t>(m.peers.size()));
  for (const Peer& peer : m.peers) {
    out.node_id(peer.id);
    out.u32(peer.cost);
    out.text(peer.name);
  }
}

void read(Reader& in, Speers& m) {
  m.kind = read_kind(in);
  m.incarnation = in.u64();
  m.me = in.node_id();
  m.you = in.node_id();
  m.peers.resize(in.count<std::uint32_t>(kPeerBytesMin));
  for (Peer& peer : m.peers) {
    peer.id = in.node_id();
    peer.cost = in.u32();
    peer.name = in.text();
    if (peer.cost == 0) in.fail();
  }
}

void write(Writer& out, const FinalAck& m) { write_enum(out, m.relation); }
void read(Reader& in, FinalAck& m) { m.relation = read_enum(in, Relation::Control, Relation::Guest); }

void write(Writer& out, const Ping& m) {
  write(out, m.tracker);
  out.node_id(m.from);
  out.u64(m.number);
  out.u64(m.time);
}

void read(Reader& in, Ping& m) {
  read(in, m.tracker);
  m.from = in.node_id();
  m.number = in.u64();
  m.time = in.u64();
}

void write(Writer& out, const Message& m) {
  write(out, m.tracker);
  out.node_id(m.from);
  out.u64(m.number);
  out.text(m.text);
}

void read(Reader& in, Message& m) {
  read(in, m.tracker);
  m.from = in.node_id();
  m.number = in.u64();
  m.text = in.text();
}

void write(Writer& out, const TrackerMessage& m) {
  write(out, m.tracker);
  out.u64(m.label.value);
  out.node_id(m.origin);
  write(out, m.stream);
  out.u8(m.expects_start ? 1 : 0);
}

void read(Reader& in, TrackerMessage& m) {
  read(in, m.tracker);
  m.label = Label{in.u64()};
  m.origin = in.node_id();
  read(in, m.stream);
  m.expects_start = read_bool(in);
  if (m.tracker.flood || stream_of(m.label) != m.stream.id) in.fail();
}

void write(Writer& out, const Start& m) {
  out.u64(m.stream.value);
  out.u64(m.last.value);
  out.u32(m.number);
}

void read(Reader& in, Start& m) {
  m.stream = StreamId{in.u64()};
  m.last = FrameNumber{in.u64()};
  m.number = in.u32();
}

void write(Writer& out, const Started& m) {
  out.u64(m.stream.value);
  out.u32(m.number);
}

void read(Reader& in, Started& m) {
  m.stream = StreamId{in.u64()};
  m.number = in.u32();
}

void write(Writer& out, const Stop& m) { out.u64(m.label.value); }
void read(Reader& in, Stop& m) { m.label = Label{in.u64()}; }

void write(Writer& out, const Links& m) {
  write(out, m.tracker);
  write(out, m.state);
}

void read(Reader& in, Links& m) {
  read(in, m.tracker);
  read(in, m.state);
  if (!m.tracker.flood) in.fail();
}

void write(Writer& out, const Watch& m) {
  write(out, m.tracker);
  out.u64(m.stream.value);
  out.node_id(m.watcher);
  out.u64(m.incarnation);
  out.u32(m.viewers);
  out.u8(m.wants_tracker ? 1 : 0);
}

void read(Reader& in, Watch& m) {
  read(in, m.tracker);
  m.stream = StreamId{in.u64()};
  m.watcher = in.node_id();
  m.incarnation = in.u64();
  m.viewers = in.u32();
  m.wants_tracker = read_bool(in);
  if (m.tracker.flood) in.fail();
}

void write(Writer& out, const Heartbeat& m) {
  out.u8(m.reply ? 1 : 0);
  out.u64(m.time);
}

void read(Reader& in, Heartbeat& m) {
  m.reply = read_bool(in);
  m.time = in.u64();
}

void write(Writer& out, const Bye& m) {
  write_enum(out, m.reason);
  out.text(m.text);
}

void read(Reader& in, Bye& m) {
  m.reason = read_enum(in, ByeReason::Leaving, ByeReason{kByeReasonLast});
  m.text = in.text();
}

void write(Writer& out, const Streams& m) {
  out.u32(static_cast<std::uint32_t>(m.streams.size()));
  for (std::size_t i = 0; i < m.streams.size(); ++i) {
    write(out, m.streams[i]);
    out.node_id(m.origins[i]);
  }
}

void read(Reader& in, Streams& m) {
  m.streams.resize(in.count<std::uint32_t>(kStreamInfoBytesMin + kNodeIdBytes));
  m.origins.resize(m.streams.size());
  for (std::size_t i = 0; i < m.streams.size(); ++i) {
    read(in, m.streams[i]);
    m.origins[i] = in.node_id();
  }
}

}  // namespace ott
