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

// START's flags; a START without one ends before them.
constexpr unsigned kStartGap = 1;
constexpr unsigned kStartJoins = 2;

bool read_bool(Reader& in) {
  const std::uint8_t value = in.u8();
  if (value > 1) in.fail();
  return value == 1;
}

/// A number up to `max`.
std::uint64_t read_up_to(Reader& in, std::uint64_t max) {
  const std::uint64_t value = in.u64();
  if (value > max) in.fail();
  return value;
}

std::uint32_t read_between(Reader& in, std::uint32_t least, std::uint32_t most) {
  const std::uint32_t value = in.u32();
  if (value < least || value > most) in.fail();
  return value;
}

std::string read_text(Reader& in, std::size_t bytes_max) {
  std::string text = in.text();
  if (text.size() > bytes_max) in.fail();
  return text;
}

/// 40 bits, and never 0.
StreamId read_stream_id(Reader& in) {
  const std::uint64_t value = in.u64();
  if (value == 0 || value >> (64 - kTreeVersionBits) != 0) in.fail();
  return StreamId{value};
}

Label read_label(Reader& in) {
  const Label label{in.u64()};
  if (stream_of(label).value == 0) in.fail();
  return label;
}

constexpr std::size_t kPeerBytesMin = kNodeIdBytes + 4 + 2;
constexpr std::size_t kAdjacencyBytes = kNodeIdBytes + 4;
constexpr std::size_t kStreamInfoBytesMin = 8 + 2 + 2 + 4 + 4 + 4;
constexpr std::size_t kFiguresBytes = 8 + 4 + 8;

void write(Writer& out, const Greeting& greeting) {
  write_enum(out, greeting.kind);
  out.u64(greeting.incarnation);
  out.u32(greeting.hello_ms);
  out.u64(greeting.capabilities);
}

void read(Reader& in, Greeting& greeting) {
  greeting.kind = read_kind(in);
  greeting.incarnation = in.u64();
  greeting.hello_ms = read_between(in, kHelloMsMin, kHelloMsMax);
  greeting.capabilities = in.u64();
}

void write(Writer& out, const StreamInfo& stream) {
  out.u64(stream.id.value);
  out.text(stream.name);
  out.text(stream.kind);
  out.u32(stream.width);
  out.u32(stream.height);
  out.u32(stream.fps_milli);
}

void read(Reader& in, StreamInfo& stream) {
  stream.id = read_stream_id(in);
  stream.name = read_text(in, kNameBytesMax);
  stream.kind = read_text(in, kNameBytesMax);
  stream.width = in.u32();
  stream.height = in.u32();
  stream.fps_milli = in.u32();
}

/// True for live MJPEG, which is what the first ones of this version have.
bool has_plain_format(const StreamInfo& stream) {
  return stream.format == MediaFormat{} && !stream.on_request && stream.duration_ms == 0;
}

void write_format(Writer& out, const StreamInfo& stream) {
  const MediaFormat& format = stream.format;
  write_enum(out, format.media);
  out.text(format.encoding);
  out.u32(format.clock_rate);
  out.u8(format.channels);
  out.u8(format.payload_type);
  out.text(format.parameters);
  out.u8(stream.on_request ? 1 : 0);
  out.u32(stream.duration_ms);
}

void read_format(Reader& in, StreamInfo& stream) {
  MediaFormat& format = stream.format;
  format.media = read_enum(in, MediaKind::Video, MediaKind{kMediaKindLast});
  format.encoding = read_text(in, kEncodingBytesMax);
  format.clock_rate = read_between(in, 1, kClockRateMax);
  format.channels = in.u8();
  format.payload_type = in.u8();
  format.parameters = read_text(in, kFormatParametersBytesMax);
  if (format.channels > kChannelsMax || format.payload_type > kRtpPayloadTypeMax) in.fail();
  stream.on_request = read_bool(in);
  stream.duration_ms = in.u32();
}

/// What was added to the description of streams later stands behind all that the first ones of this version
/// know. It is left out where it would say nothing, unless `more` follows it.
void write_states(Writer& out, const std::vector<StreamInfo>& streams, bool more = false) {
  const auto plain = [](const StreamInfo& stream) {
    return stream.state == StreamState::Live && stream.state_since == 0;
  };
  const auto by_cost = [](const StreamInfo& stream) { return stream.metric == Metric::Cost; };
  const bool metrics = more || !std::ranges::all_of(streams, by_cost);
  const bool formats = metrics || !std::ranges::all_of(streams, has_plain_format);
  if (!formats && std::ranges::all_of(streams, plain)) return;
  for (const StreamInfo& stream : streams) {
    write_enum(out, stream.state);
    out.u64(stream.state_since);
  }
  if (!formats) return;
  for (const StreamInfo& stream : streams) write_format(out, stream);
  if (!metrics) return;
  for (const StreamInfo& stream : streams) write_enum(out, stream.metric);
}

void read_states(Reader& in, std::vector<StreamInfo>& streams) {
  if (in.at_end()) return;
  for (StreamInfo& stream : streams) {
    stream.state = read_enum(in, StreamState::Live, StreamState{kStreamStateLast});
    stream.state_since = read_up_to(in, kNumberMax);
  }
  if (in.at_end()) return;
  for (StreamInfo& stream : streams) read_format(in, stream);
  if (in.at_end()) return;
  for (StreamInfo& stream : streams) stream.metric = read_enum(in, Metric::Cost, Metric{kMetricLast});
}

void write(Writer& out, const LinkFacts& facts) {
  out.u32(facts.rtt_us);
  out.u16(facts.loss);
  out.u32(facts.could_carry_kbps);
  out.u32(facts.carries_kbps);
}

void read(Reader& in, LinkFacts& facts) {
  facts.rtt_us = read_between(in, 0, kRttUsMax);
  facts.loss = in.u16();
  if (facts.loss > kLossMax) in.fail();
  facts.could_carry_kbps = in.u32();
  facts.carries_kbps = in.u32();
}

void write(Writer& out, const LinkState& state) {
  out.node_id(state.reporter);
  write_enum(out, state.kind);
  out.u64(state.incarnation);
  out.u64(state.number);
  out.u16(state.lifetime_s);
  out.u32(static_cast<std::uint32_t>(state.links.size()));
  for (const Adjacency& link : state.links) {
    out.node_id(link.id);
    out.u32(link.cost);
  }
  out.u32(static_cast<std::uint32_t>(state.streams.size()));
  for (const StreamInfo& stream : state.streams) write(out, stream);
  const auto measured = [](const Adjacency& link) { return link.facts != LinkFacts{}; };
  const bool facts = state.takes_neighbours || std::ranges::any_of(state.links, measured);
  write_states(out, state.streams, facts);
  if (!facts) return;
  for (const Adjacency& link : state.links) write(out, link.facts);
  if (state.takes_neighbours) out.u8(1);
}

void read(Reader& in, LinkState& state) {
  state.reporter = in.node_id();
  state.kind = read_kind(in);
  state.incarnation = in.u64();
  state.number = read_up_to(in, kSequenceMax);
  state.lifetime_s = in.u16();
  if (state.number == 0 || state.lifetime_s == 0 || state.lifetime_s > kLifetimeMaxS) in.fail();
  state.links.resize(in.count<std::uint32_t>(kAdjacencyBytes, kStateLinksMax));
  for (Adjacency& link : state.links) {
    link.id = in.node_id();
    link.cost = read_between(in, 1, kCostMax);
  }
  const auto ascends = [](const Adjacency& a, const Adjacency& b) { return a.id < b.id; };
  if (std::adjacent_find(state.links.begin(), state.links.end(), std::not_fn(ascends)) != state.links.end())
    in.fail();
  state.streams.resize(in.count<std::uint32_t>(kStreamInfoBytesMin, kStateStreamsMax));
  for (StreamInfo& stream : state.streams) read(in, stream);
  read_states(in, state.streams);
  if (!in.at_end()) {
    for (Adjacency& link : state.links) read(in, link.facts);
  }
  if (!in.at_end()) state.takes_neighbours = read_bool(in);
  if (state.is_withdrawal() && (!state.links.empty() || !state.streams.empty())) in.fail();
}

void write_peers(Writer& out, const std::vector<Peer>& peers) {
  out.u32(static_cast<std::uint32_t>(peers.size()));
  for (const Peer& peer : peers) {
    out.node_id(peer.id);
    out.u32(peer.cost);
    out.text(peer.name);
  }
}

std::vector<Peer> read_peers(Reader& in, std::size_t most = ~std::size_t{0}) {
  std::vector<Peer> peers(in.count<std::uint32_t>(kPeerBytesMin, most));
  for (Peer& peer : peers) {
    peer.id = in.node_id();
    peer.cost = read_between(in, 1, kCostMax);
    peer.name = read_text(in, kNameBytesMax);
  }
  return peers;
}

void write_ids(Writer& out, const std::vector<NodeId>& ids) {
  out.u16(static_cast<std::uint16_t>(ids.size()));
  for (const NodeId& id : ids) out.node_id(id);
}

std::vector<NodeId> read_ids(Reader& in, std::size_t most) {
  std::vector<NodeId> ids(in.count<std::uint16_t>(kNodeIdBytes, most));
  for (NodeId& id : ids) id = in.node_id();
  return ids;
}

/// The receiver's further addresses, and those of its peers in their order. They came later, and are left out
/// where they would say nothing, unless `more` follows them.
void write_addresses(Writer& out, const std::vector<NodeId>& own, const std::vector<Peer>& peers,
                     bool more = false) {
  const auto plain = [](const Peer& peer) { return peer.at == NodeId{} && peer.addresses.empty(); };
  if (!more && own.empty() && std::ranges::all_of(peers, plain)) return;
  write_ids(out, own);
  for (const Peer& peer : peers) {
    out.node_id(peer.at);
    write_ids(out, peer.addresses);
  }
}

void read_addresses(Reader& in, std::vector<NodeId>& own, std::vector<Peer>& peers) {
  if (in.at_end()) return;
  own = read_ids(in, kPeerAddressesMax);
  for (Peer& peer : peers) {
    peer.at = in.node_id();
    peer.addresses = read_ids(in, kPeerAddressesMax);
  }
}

/// The overlay's name, the last field where it stands.
void write_overlay(Writer& out, const std::string& name) {
  if (name != kOverlayNameDefault) out.text(name);
}

void read_overlay(Reader& in, std::string& name) {
  if (in.at_end()) return;
  name = read_text(in, kOverlayNameBytesMax);
  if (name.empty()) in.fail();
}

bool is_film_speed(std::int64_t speed) {
  return speed == 0 || (speed >= kFilmSpeedMin && speed <= kFilmSpeedMax);
}

bool is_in_range(FilmCommand command, std::int64_t value) {
  switch (command) {
    case FilmCommand::Open:
    case FilmCommand::Seek:
      return value >= 0 && value <= kFilmPositionMax;
    case FilmCommand::Step:
      return value >= -std::int64_t{kFilmPositionMax} && value <= kFilmPositionMax;
    case FilmCommand::Speed:
      return is_film_speed(value);
    case FilmCommand::Close:
      return value == 0;
  }
  return false;
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

std::string_view to_string(Metric metric) {
  switch (metric) {
    case Metric::Cost:
      return "cost";
    case Metric::Latency:
      return "latency";
    case Metric::Quality:
      return "quality";
  }
  return "?";
}

std::string_view to_string(StreamState state) {
  switch (state) {
    case StreamState::Live:
      return "live";
    case StreamState::Stalled:
      return "stalled";
    case StreamState::Ended:
      return "ended";
  }
  return "?";
}

void write(Writer& out, const Ack& m) {
  write(out, m.greeting);
  write_ids(out, m.ids);
  write_overlay(out, m.overlay);
}

void read(Reader& in, Ack& m) {
  read(in, m.greeting);
  m.ids = read_ids(in, kAckIdsMax);
  if (m.ids.empty()) in.fail();
  read_overlay(in, m.overlay);
}

void write(Writer& out, const Speers& m) {
  write(out, m.greeting);
  out.node_id(m.me);
  out.node_id(m.you);
  write_peers(out, m.peers);
  write_addresses(out, m.addresses, m.peers, m.overlay != kOverlayNameDefault);
  write_overlay(out, m.overlay);
}

void read(Reader& in, Speers& m) {
  read(in, m.greeting);
  m.me = in.node_id();
  m.you = in.node_id();
  m.peers = read_peers(in);
  read_addresses(in, m.addresses, m.peers);
  read_overlay(in, m.overlay);
}

void write(Writer& out, const Place& m) {
  write_peers(out, m.peers);
  write_addresses(out, m.addresses, m.peers);
}

void read(Reader& in, Place& m) {
  m.peers = read_peers(in);
  read_addresses(in, m.addresses, m.peers);
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
  m.number = read_up_to(in, kNumberMax);
  m.time = read_up_to(in, kNumberMax);
  if (m.tracker.flood) in.fail();
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
  m.number = read_up_to(in, kNumberMax);
  m.text = read_text(in, kTextBytesMax);
}

void write(Writer& out, const TrackerMessage& m) {
  write(out, m.tracker);
  out.u64(m.label.value);
  out.node_id(m.origin);
  write(out, m.stream);
  out.u8(m.expects_start ? 1 : 0);
  if (!has_plain_format(m.stream)) write_format(out, m.stream);
}

void read(Reader& in, TrackerMessage& m) {
  read(in, m.tracker);
  m.label = read_label(in);
  m.origin = in.node_id();
  read(in, m.stream);
  m.expects_start = read_bool(in);
  if (!in.at_end()) read_format(in, m.stream);
  if (m.tracker.flood || stream_of(m.label) != m.stream.id) in.fail();
}

void write(Writer& out, const Start& m) {
  out.u64(m.stream.value);
  out.u64(m.last.value);
  out.u32(m.number);
  const unsigned flags = (m.gap ? kStartGap : 0U) | (m.joins ? kStartJoins : 0U);
  if (flags != 0) out.u8(static_cast<std::uint8_t>(flags));
}

void read(Reader& in, Start& m) {
  m.stream = read_stream_id(in);
  m.last = FrameNumber{read_up_to(in, kFrameNumberMax)};
  m.number = in.u32();
  if (in.at_end()) return;
  const unsigned flags = in.u8();
  if (flags > (kStartGap | kStartJoins)) in.fail();
  m.gap = (flags & kStartGap) != 0;
  m.joins = (flags & kStartJoins) != 0;
}

void write(Writer& out, const Started& m) {
  out.u64(m.stream.value);
  out.u32(m.number);
  out.u64(m.after.value);
}

void read(Reader& in, Started& m) {
  m.stream = read_stream_id(in);
  m.number = in.u32();
  m.after = FrameNumber{read_up_to(in, kFrameNumberMax)};
}

void write(Writer& out, const Stop& m) { out.u64(m.label.value); }
void read(Reader& in, Stop& m) { m.label = read_label(in); }

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
  out.u64(m.last.value);
  out.node_id(m.starved_by);
}

void read(Reader& in, Watch& m) {
  read(in, m.tracker);
  m.stream = read_stream_id(in);
  m.watcher = in.node_id();
  m.incarnation = in.u64();
  m.viewers = read_between(in, 0, kViewersMax);
  m.wants_tracker = read_bool(in);
  m.last = FrameNumber{read_up_to(in, kFrameNumberMax)};
  m.starved_by = in.node_id();
  if (m.tracker.flood) in.fail();
}

void write(Writer& out, const Heartbeat& m) {
  out.u8(m.reply ? 1 : 0);
  out.u64(m.time);
}

void read(Reader& in, Heartbeat& m) {
  m.reply = read_bool(in);
  m.time = read_up_to(in, kNumberMax);
}

void write(Writer& out, const Bye& m) {
  write_enum(out, m.reason);
  out.text(m.text);
}

void read(Reader& in, Bye& m) {
  m.reason = read_enum(in, ByeReason::Leaving, ByeReason{kByeReasonLast});
  m.text = read_text(in, kTextBytesMax);
}

void write(Writer& out, const Streams& m) {
  out.u32(static_cast<std::uint32_t>(m.streams.size()));
  for (std::size_t i = 0; i < m.streams.size(); ++i) {
    write(out, m.streams[i]);
    out.node_id(m.origins[i]);
  }
  write_states(out, m.streams);
}

void read(Reader& in, Streams& m) {
  m.streams.resize(in.count<std::uint32_t>(kStreamInfoBytesMin + kNodeIdBytes, kStreamsMax));
  m.origins.resize(m.streams.size());
  for (std::size_t i = 0; i < m.streams.size(); ++i) {
    read(in, m.streams[i]);
    m.origins[i] = in.node_id();
  }
  read_states(in, m.streams);
}

void write(Writer& out, const Refused& m) {
  write(out, m.tracker);
  out.u64(m.stream.value);
  write_enum(out, m.reason);
  out.text(m.text);
}

void read(Reader& in, Refused& m) {
  read(in, m.tracker);
  m.stream = read_stream_id(in);
  m.reason = read_enum(in, RefusedReason::UnknownStream, RefusedReason{kRefusedReasonLast});
  m.text = read_text(in, kTextBytesMax);
  if (m.tracker.flood) in.fail();
}

void write(Writer& out, const Query& m) {
  write(out, m.tracker);
  out.node_id(m.asker);
  out.u32(m.number);
}

void read(Reader& in, Query& m) {
  read(in, m.tracker);
  m.asker = in.node_id();
  m.number = in.u32();
  if (m.tracker.flood) in.fail();
}

void write(Writer& out, const Report& m) {
  write(out, m.tracker);
  out.u32(m.number);
  out.u32(static_cast<std::uint32_t>(m.figures.size()));
  for (const StreamFigures& figures : m.figures) {
    out.u64(figures.stream.value);
    out.u32(figures.viewers);
    out.u64(figures.bits_per_second);
  }
  if (std::ranges::all_of(m.figures, [](const StreamFigures& f) { return f.frames_refused == 0; })) return;
  for (const StreamFigures& figures : m.figures) out.u64(figures.frames_refused);
}

void read(Reader& in, Report& m) {
  read(in, m.tracker);
  m.number = in.u32();
  m.figures.resize(in.count<std::uint32_t>(kFiguresBytes, kStreamsMax));
  for (StreamFigures& figures : m.figures) {
    figures.stream = read_stream_id(in);
    figures.viewers = in.u32();
    figures.bits_per_second = in.u64();
  }
  if (m.tracker.flood) in.fail();
  if (in.at_end()) return;  // the first ones of this version have no more
  for (StreamFigures& figures : m.figures) figures.frames_refused = in.u64();
}

void write(Writer& /*out*/, const Sync& /*m*/) {}
void read(Reader& /*in*/, Sync& /*m*/) {}

void write(Writer& out, const Absent& m) {
  out.u64(m.stream.value);
  out.text(m.reason);
}

void read(Reader& in, Absent& m) {
  m.stream = read_stream_id(in);
  m.reason = read_text(in, kTextBytesMax);
}

void write(Writer& out, const FilmRequest& m) {
  write(out, m.tracker);
  out.node_id(m.asker);
  out.u32(m.number);
  out.u64(m.stream.value);
  write_enum(out, m.command);
  out.u64(static_cast<std::uint64_t>(m.value));
}

void read(Reader& in, FilmRequest& m) {
  read(in, m.tracker);
  m.asker = in.node_id();
  m.number = in.u32();
  m.stream = read_stream_id(in);
  m.command = read_enum(in, FilmCommand::Open, FilmCommand{kFilmCommandLast});
  m.value = static_cast<std::int64_t>(in.u64());
  if (m.tracker.flood || m.number == 0 || !is_in_range(m.command, m.value)) in.fail();
}

void write(Writer& out, const FilmAnswer& m) {
  write(out, m.tracker);
  out.u32(m.number);
  write_enum(out, m.state);
  out.text(m.reason);
  write(out, m.stream);
  write_format(out, m.stream);
  out.u32(m.position_ms);
  out.u32(m.speed);
  out.u64(m.after.value);
}

void read(Reader& in, FilmAnswer& m) {
  read(in, m.tracker);
  m.number = in.u32();
  m.state = read_enum(in, FilmState::Playing, FilmState{kFilmStateLast});
  m.reason = read_text(in, kTextBytesMax);
  read(in, m.stream);
  read_format(in, m.stream);
  m.position_ms = in.u32();
  m.speed = in.u32();
  m.after = FrameNumber{read_up_to(in, kFrameNumberMax)};
  if (m.tracker.flood || !is_film_speed(m.speed)) in.fail();
}

void write(Writer& out, const AccessNodes& m) { write_peers(out, m.nodes); }
void read(Reader& in, AccessNodes& m) { m.nodes = read_peers(in, kAccessNodesMax); }

void write(Writer& out, const Why& m) {
  write(out, m.tracker);
  out.node_id(m.asker);
  out.u32(m.number);
  out.u64(m.stream.value);
  out.text(m.node);
}

void read(Reader& in, Why& m) {
  read(in, m.tracker);
  m.asker = in.node_id();
  m.number = in.u32();
  m.stream = read_stream_id(in);
  m.node = read_text(in, kNameBytesMax);
  if (m.tracker.flood) in.fail();
}

void write(Writer& out, const WhyAnswer& m) {
  write(out, m.tracker);
  out.u32(m.number);
  out.u32(static_cast<std::uint32_t>(m.lines.size()));
  for (const std::string& line : m.lines) out.text(line);
  if (m.outcome != WhyOutcome::Answered) write_enum(out, m.outcome);
}

void read(Reader& in, WhyAnswer& m) {
  read(in, m.tracker);
  m.number = in.u32();
  m.lines.resize(in.count<std::uint32_t>(2, kWhyLinesMax));
  for (std::string& line : m.lines) line = read_text(in, kTextBytesMax);
  if (m.tracker.flood) in.fail();
  if (in.at_end()) return;  // the first ones of this version have no more
  m.outcome = read_enum(in, WhyOutcome::Answered, WhyOutcome{kWhyOutcomeLast});
}

void write(Writer& out, const Look& m) {
  write(out, m.tracker);
  out.node_id(m.asker);
  out.u32(m.number);
  out.u8(static_cast<std::uint8_t>(m.at));
  out.node_id(m.node);
}

void read(Reader& in, Look& m) {
  read(in, m.tracker);
  m.asker = in.node_id();
  m.number = in.u32();
  m.at = read_enum(in, LookAt::Node, LookAt{kLookAtLast});
  m.node = in.node_id();
  if (m.tracker.flood) in.fail();
}

void write(Writer& out, const View& m) {
  write(out, m.tracker);
  out.u32(m.number);
  out.long_text(m.json);
}

void read(Reader& in, View& m) {
  read(in, m.tracker);
  m.number = in.u32();
  m.json = in.long_text(kViewBytesMax);
  if (m.tracker.flood) in.fail();
}

}  // namespace ott
