// What a hostile peer says: the grammar of PROTOCOL.md, valid in form and wrong in meaning.
#include <algorithm>
#include <array>

#include "hostile.h"

namespace ott::sim {
namespace {

using std::chrono::milliseconds;

constexpr std::uint32_t kVersions = 1U << kTreeVersionBits;

}  // namespace

std::vector<Hostile::Row> Hostile::node_rows() {
  std::vector<Row> rows = {
      {"own state", &Hostile::own_state},
      {"state of another", &Hostile::state_of_another},
      {"hidden state", &Hostile::hidden_state},
      {"withdrawal", &Hostile::withdrawal},
      {"invented reporters", &Hostile::invented_reporters},
      {"large state", &Hostile::large_state},
      {"TRACKER", &Hostile::tracker},
      {"TRACKER of an invented stream", &Hostile::tracker_of_invented},
      {"flood of TRACKERs", &Hostile::tracker_flood},
      {"STARTED", &Hostile::started},
      {"DATA", &Hostile::data},
      {"SKIP", &Hostile::skip},
      {"WATCH of others", &Hostile::watch_of_others},
      {"complaint", &Hostile::complaint},
      {"PING", &Hostile::ping},
      {"MESSAGE", &Hostile::text_message},
      {"REPORT", &Hostile::report},
      {"REFUSED", &Hostile::refused},
      {"SYNC", &Hostile::sync},
      {"STREAMS", &Hostile::streams},
  };
  for (const Row& row : guest_rows()) rows.push_back(row);
  return rows;
}

std::vector<Hostile::Row> Hostile::guest_rows() {
  return {
      {"WATCH", &Hostile::watch},
      {"flapping WATCH", &Hostile::flapping_watch},
      {"START", &Hostile::start},
      {"STOP", &Hostile::stop},
      {"QUERY", &Hostile::query},
      {"HEARTBEAT", &Hostile::heartbeat},
      {"stops reading", &Hostile::stops_reading},
      {"BYE", &Hostile::bye},
      {"half a message", &Hostile::half_message},
      {"optional message", &Hostile::optional_message},
      {"out of place", &Hostile::out_of_place},
      {"unfinished handshake", &Hostile::unfinished_handshake},
  };
}

// ---- random things, close to what is true ----------------------------------------------------------------

std::uint64_t Hostile::any_u64() {
  const std::uint64_t bits = pick(65);
  return bits == 0 ? 0 : random_() >> (64 - bits);
}

/// A number around `value`, at an end of its range, or in its middle.
std::uint64_t Hostile::near(std::uint64_t value, std::uint64_t max) {
  switch (pick(8)) {
    case 0:
      return max;
    case 1:
      return max - 1 - pick(3);
    case 2:
      return 1;
    case 3:
      return any_u64() & max;
    case 4:
      return std::min(value - std::min<std::uint64_t>(value, pick(50)), max);
    case 5:
      return std::min(value + 1 + pick(1'000), max);
    default:
      return std::min(value + 1, max);
  }
}

NodeId Hostile::invented_node() {
  NodeId id;
  id.address = parse_ip("172.16.0.0").value();
  const std::uint64_t number = chance(50) && invented_ > 0 ? pick(invented_) : invented_++;
  id.address.bytes[13] = static_cast<std::uint8_t>(16 + (number >> 16U) % 16);
  id.address.bytes[14] = static_cast<std::uint8_t>(number >> 8U);
  id.address.bytes[15] = static_cast<std::uint8_t>(number);
  return id;
}

NodeId Hostile::any_node() {
  if (chance(10)) return invented_node();
  if (chance(10)) return options_.id;
  if (db_.all().empty()) {
    if (!options_.access.empty()) return options_.access[pick(options_.access.size())];
    return invented_node();
  }
  auto state = db_.all().begin();
  std::advance(state, static_cast<std::ptrdiff_t>(pick(db_.all().size())));
  return state->first;
}

Hostile::KnownStream Hostile::any_stream() {
  if (streams_.empty() || chance(15)) return invented_streams_[pick(invented_streams_.size())];
  auto stream = streams_.begin();
  std::advance(stream, static_cast<std::ptrdiff_t>(pick(streams_.size())));
  return stream->second;
}

FrameNumber Hostile::any_frame() {
  const std::uint64_t frame = streams_.empty() ? 100 : streams_.begin()->second.frame.value;
  return FrameNumber{near(frame, kFrameNumberMax)};
}

/// A Tracker that is valid for the link's peer: mostly along links that exist.
Tracker Hostile::any_route(const Link& link, const NodeId& to) {
  std::vector<NodeId> nodes = db_.graph().shortest_path(link.peer, to);
  if (nodes.empty() || chance(20)) {
    nodes = {link.peer};
    for (std::uint64_t i = pick(4); i > 0; --i) {
      const NodeId next = any_node();
      if (std::ranges::find(nodes, next) == nodes.end()) nodes.push_back(next);
    }
  }
  const std::vector<std::vector<NodeId>> paths = {nodes};
  Tracker tracker = Tracker::along(multicast_path(paths));
  tracker.visited = {options_.id};
  tracker.hops = static_cast<std::uint16_t>(chance(90) ? 1 : any_u64());
  if (chance(20)) tracker.visited.insert(tracker.visited.begin(), any_node());
  return tracker;
}

Tracker Hostile::any_flood() {
  Tracker tracker = Tracker::everywhere();
  tracker.hops = static_cast<std::uint16_t>(1 + pick(3));
  tracker.visited = {options_.id};
  if (chance(20)) tracker.visited.push_back(any_node());
  return tracker;
}

std::string Hostile::any_text(std::size_t bytes_max) {
  return std::string(chance(80) ? pick(20) : pick(bytes_max + 1), 'x');
}

// ---- what it says: link states ---------------------------------------------------------------------------

void Hostile::own_state(LinkId id, Link& link, Now) {
  Links m{any_flood(), {options_.id, PeerKind::Node, options_.incarnation, ++own_number_, 600, {}, {}}};
  if (chance(10)) m.state.kind = PeerKind{static_cast<std::uint8_t>(pick(3))};
  if (chance(85)) {
    for (const NodeId& neighbour : neighbours_)
      m.state.links.push_back({neighbour, chance(90) ? 1 : 1 + static_cast<std::uint32_t>(pick(kCostMax))});
  }
  for (std::uint64_t i = chance(40) ? pick(20) : 0; i > 0; --i) m.state.links.push_back({any_node(), 1});
  std::ranges::sort(m.state.links, {}, &Adjacency::id);
  const auto same = [](const Adjacency& a, const Adjacency& b) { return a.id == b.id; };
  m.state.links.erase(std::unique(m.state.links.begin(), m.state.links.end(), same), m.state.links.end());
  for (std::uint64_t i = chance(30) ? 1 + pick(4) : 0; i > 0; --i)
    m.state.streams.push_back(any_stream().info);
  // Its links count only if all neighbours receive the state.
  for (auto& [to, other] : links_) {
    if (other.up && other.relation == Relation::Neighbour) say(to, other, m);
  }
  if (!link.up) say(id, link, m);
}

void Hostile::state_of_another(LinkId id, Link& link, Now) {
  const NodeId reporter = any_node();
  const LinkState* known = db_.find(reporter);
  Links m{any_flood(), known != nullptr ? *known : LinkState{reporter}};
  m.state.number = std::max<std::uint64_t>(1, near(m.state.number, kSequenceMax - 1));
  m.state.lifetime_s = static_cast<std::uint16_t>(1 + pick(kLifetimeMaxS));
  if (chance(20)) m.state.kind = PeerKind{static_cast<std::uint8_t>(pick(4))};
  if (chance(30)) m.state.incarnation = any_u64();
  if (chance(60)) m.state.links.clear();
  if (chance(30)) m.state.links = {{options_.id, 1}};
  if (chance(40)) m.state.streams.clear();
  if (chance(20)) m.state.streams.push_back(any_stream().info);
  say(id, link, m);
}

/// As above, and with all nodes among the visited, so that its reporter does not receive it.
void Hostile::hidden_state(LinkId id, Link& link, Now) {
  const NodeId reporter = any_node();
  const LinkState* known = db_.find(reporter);
  Links m{any_flood(), known != nullptr ? *known : LinkState{reporter}};
  for (const auto& [node, state] : db_.all()) {
    if (node != link.peer && chance(90)) m.tracker.visited.push_back(node);
  }
  m.state.number = std::min(m.state.number + 1 + pick(1'000), kSequenceMax - 1);
  m.state.lifetime_s = kLifetimeMaxS;
  if (chance(70)) m.state.links.clear();
  if (chance(50)) m.state.streams.clear();
  say(id, link, m);
}

void Hostile::withdrawal(LinkId id, Link& link, Now) {
  const NodeId reporter = any_node();
  Links m{any_flood(), {reporter, PeerKind::Node, any_u64(), kSequenceMax, 600, {}, {}}};
  if (const LinkState* known = db_.find(reporter)) m.state.kind = known->kind;
  say(id, link, m);
}

/// Reporters that do not exist, behind this node.
void Hostile::invented_reporters(LinkId id, Link& link, Now) {
  std::vector<NodeId> nodes = {options_.id};
  for (std::uint64_t i = 1 + pick(8); i > 0; --i) nodes.push_back(invented_node());
  std::ranges::sort(nodes);
  nodes.erase(std::unique(nodes.begin(), nodes.end()), nodes.end());
  for (const NodeId& reporter : nodes) {
    if (reporter == options_.id) continue;
    Links m{any_flood(), {reporter, PeerKind::Node, 1, 1 + any_u64() % kSequenceMax, 600, {}, {}}};
    if (m.state.is_withdrawal()) continue;
    m.state.kind = PeerKind{static_cast<std::uint8_t>(pick(3))};
    for (const NodeId& other : nodes) {
      if (other != reporter) m.state.links.push_back({other, 1});
    }
    if (chance(30)) m.state.streams.push_back(any_stream().info);
    say(id, link, m);
  }
  Links own{any_flood(), {options_.id, PeerKind::Node, options_.incarnation, ++own_number_, 600, {}, {}}};
  for (const NodeId& node : neighbours_) nodes.push_back(node);
  std::ranges::sort(nodes);
  nodes.erase(std::unique(nodes.begin(), nodes.end()), nodes.end());
  for (const NodeId& node : nodes) {
    if (node != options_.id) own.state.links.push_back({node, 1});
  }
  say(id, link, own);
}

void Hostile::large_state(LinkId id, Link& link, Now) {
  if (!chance(10)) return;  // rarely, since they cost the simulation much
  Links m{any_flood(), {invented_node(), PeerKind::Node, 1, 1 + pick(1'000'000), 600, {}, {}}};
  NodeId other = m.state.reporter;
  for (std::size_t i = 0; i < kStateLinksMax; ++i) {
    other.address.bytes[12] = 173;
    other.address.bytes[14] = static_cast<std::uint8_t>(i >> 8U);
    other.address.bytes[15] = static_cast<std::uint8_t>(i);
    m.state.links.push_back({other, kCostMax});
  }
  StreamInfo info = any_stream().info;
  info.name.assign(kNameBytesMax, 'n');
  m.state.streams.assign(kStateStreamsMax, info);
  say(id, link, m);
}

void Hostile::sync(LinkId id, Link& link, Now) { say(id, link, Sync{}); }

// ---- trees and records -----------------------------------------------------------------------------------

void Hostile::tracker(LinkId id, Link& link, Now) {
  KnownStream stream = any_stream();
  const std::array<std::uint32_t, 4> ahead = {1, kVersions / 2 - 1, kVersions / 2,
                                              static_cast<std::uint32_t>(pick(kVersions))};
  TrackerMessage m;
  m.tracker = any_route(link, any_node());
  if (chance(70)) m.tracker.visited = {stream.origin, options_.id};
  m.label = make_label(stream.info.id, version_of(stream.label) + ahead[pick(ahead.size())]);
  m.origin = chance(80) ? stream.origin : any_node();
  m.stream = stream.info;
  m.expects_start = chance(50);
  say(id, link, m);
}

void Hostile::tracker_of_invented(LinkId id, Link& link, Now now) {
  KnownStream stream = invented_streams_[pick(invented_streams_.size())];
  if (chance(50)) {  // a stream that a reporter lists
    stream.origin = invented_node();
    stream.info.id = StreamId{1 + pick(1U << 20U)};
    Links m{any_flood(), {stream.origin, PeerKind::Node, 1, 1 + pick(1U << 30U), 600, {}, {}}};
    m.state.links = {{options_.id, 1}};
    m.state.streams = {stream.info};
    say(id, link, m);
  } else {
    own_state(id, link, now);
  }
  TrackerMessage m;
  m.tracker = any_route(link, any_node());
  m.tracker.visited = {stream.origin, options_.id};
  m.label = make_label(stream.info.id, static_cast<std::uint32_t>(pick(kVersions)));
  m.origin = stream.origin;
  m.stream = stream.info;
  m.expects_start = true;
  say(id, link, m);
}

void Hostile::tracker_flood(LinkId id, Link& link, Now now) {
  for (unsigned i = 0; i < 20; ++i) tracker(id, link, now);
}

void Hostile::started(LinkId id, Link& link, Now) {
  const KnownStream stream = any_stream();
  const auto number = chance(50) ? stream.start_number : static_cast<std::uint32_t>(any_u64());
  say(id, link, Started{stream.info.id, number, any_frame()});
}

void Hostile::data(LinkId id, Link& link, Now) {
  const KnownStream stream = any_stream();
  constexpr std::size_t kPayload = 64;
  std::vector<std::uint8_t> bytes(kRecordHeaderBytes + kRtpBytesMin + kPayload);
  for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random_());
  Header header{MessageType::Data, static_cast<std::uint8_t>(pick(kRecordFlags + 1U)),
                static_cast<std::uint8_t>(pick(4)), static_cast<std::uint32_t>(bytes.size() - kHeaderBytes)};
  if (chance(70)) header.flags = kFirstOfFrame | kLastOfFrame | kSyncPoint;
  const Label label =
      chance(70) ? stream.label : make_label(stream.info.id, static_cast<std::uint32_t>(pick(kVersions)));
  const std::uint64_t frame = std::max<std::uint64_t>(1, near(stream.frame.value, kFrameNumberMax - 1));
  const std::uint64_t time = chance(70) ? 1'700'000'000'000'000'000 : any_u64() & kSourceTimeMax;
  store_record_header(bytes.data(), header, label, FrameNumber{frame}, time);
  say_raw(id, link, bytes);
}

void Hostile::skip(LinkId id, Link& link, Now) {
  const KnownStream stream = any_stream();
  const std::uint64_t first = std::max<std::uint64_t>(1, near(stream.frame.value, kFrameNumberMax - 1));
  const std::uint64_t most = chance(90) ? kSkipFramesMax : kFrameNumberMax;
  const std::uint64_t last = std::min(first + pick(most), kFrameNumberMax - 1);
  std::array<std::uint8_t, kRecordHeaderBytes> bytes{};
  store_record_header(bytes.data(), {MessageType::Skip, 0, 0, kRecordHeaderBytes - kHeaderBytes},
                      stream.label, FrameNumber{first}, last);
  say_raw(id, link, bytes);
}

// ---- requests --------------------------------------------------------------------------------------------

void Hostile::watch(LinkId id, Link& link, Now) {
  const KnownStream stream = any_stream();
  Watch m;
  m.tracker = any_route(link, stream.origin);
  m.stream = stream.info.id;
  m.watcher = options_.id;
  m.incarnation = options_.incarnation;
  m.viewers = static_cast<std::uint32_t>(chance(80) ? 1 + pick(3) : pick(kViewersMax + 1));
  m.wants_tracker = chance(50);
  m.last = chance(50) ? FrameNumber{0} : any_frame();
  say(id, link, m);
}

void Hostile::flapping_watch(LinkId id, Link& link, Now) {
  if (streams_.empty()) return;
  const KnownStream& stream = streams_.begin()->second;
  Watch m;
  m.tracker = any_route(link, stream.origin);
  m.stream = stream.info.id;
  m.watcher = options_.id;
  m.incarnation = options_.incarnation;
  for (unsigned i = 0; i < 6; ++i) {
    m.viewers = i % 2;
    m.wants_tracker = m.viewers > 0;
    say(id, link, m);
  }
}

void Hostile::watch_of_others(LinkId id, Link& link, Now) {
  const KnownStream stream = any_stream();
  Watch m;
  m.tracker = any_route(link, stream.origin);
  m.stream = stream.info.id;
  m.watcher = any_node();
  m.incarnation = chance(30) ? any_u64() : 0;
  if (const LinkState* state = db_.find(m.watcher); state != nullptr && chance(70))
    m.incarnation = state->incarnation;
  m.viewers = static_cast<std::uint32_t>(chance(50) ? 0 : pick(kViewersMax + 1));
  m.wants_tracker = chance(50);
  say(id, link, m);
}

/// Complains that some honest node's parent sends nothing.
void Hostile::complaint(LinkId id, Link& link, Now) {
  const KnownStream stream = any_stream();
  Watch m;
  m.tracker = any_route(link, stream.origin);
  m.stream = stream.info.id;
  m.watcher = any_node();
  m.incarnation = 1;
  m.viewers = 1;
  m.wants_tracker = chance(50);
  if (const LinkState* state = db_.find(m.watcher)) {
    m.incarnation = state->incarnation;
    if (!state->links.empty()) m.starved_by = state->links[pick(state->links.size())].id;
  }
  m.last = chance(50) ? FrameNumber{0} : any_frame();
  say(id, link, m);
}

void Hostile::start(LinkId id, Link& link, Now) {
  const std::array<std::uint64_t, 3> lasts = {kFrameNumberMax, 0, any_frame().value};
  say(id, link,
      Start{any_stream_id(), FrameNumber{lasts[pick(lasts.size())]}, static_cast<std::uint32_t>(any_u64())});
}

void Hostile::stop(LinkId id, Link& link, Now) {
  const KnownStream stream = any_stream();
  say(id, link,
      Stop{chance(50) ? stream.label
                      : make_label(stream.info.id, static_cast<std::uint32_t>(pick(kVersions)))});
}

void Hostile::query(LinkId id, Link& link, Now) {
  const KnownStream stream = any_stream();
  for (unsigned i = 0; i < 5; ++i) {
    say(id, link,
        Query{any_route(link, stream.origin), chance(50) ? options_.id : any_node(),
              static_cast<std::uint32_t>(any_u64())});
  }
}

void Hostile::report(LinkId id, Link& link, Now) {
  Report m{any_route(link, any_node()), static_cast<std::uint32_t>(chance(50) ? 1 + pick(5) : any_u64()), {}};
  for (std::uint64_t i = pick(20); i > 0; --i)
    m.figures.push_back({any_stream_id(), static_cast<std::uint32_t>(any_u64()), any_u64()});
  say(id, link, m);
}

void Hostile::refused(LinkId id, Link& link, Now) {
  say(id, link,
      Refused{any_route(link, any_node()), any_stream_id(),
              chance(50) ? RefusedReason::UnknownStream : RefusedReason::NoRoom, any_text(kTextBytesMax)});
}

void Hostile::ping(LinkId id, Link& link, Now) {
  say(id, link,
      Ping{any_route(link, any_node()), any_node(), any_u64() & kNumberMax, any_u64() & kNumberMax});
}

void Hostile::text_message(LinkId id, Link& link, Now) {
  Tracker tracker = chance(70) ? any_flood() : any_route(link, any_node());
  say(id, link, Message{std::move(tracker), any_node(), any_u64() & kNumberMax, any_text(kTextBytesMax)});
}

void Hostile::streams(LinkId id, Link& link, Now) {
  Streams m;
  for (std::uint64_t i = pick(5); i > 0; --i) {
    m.streams.push_back(any_stream().info);
    m.origins.push_back(any_node());
  }
  say(id, link, m);
}

// ---- the connection itself -------------------------------------------------------------------------------

void Hostile::heartbeat(LinkId id, Link& link, Now now) {
  if (chance(5)) stops_reading(id, link, now);
  for (unsigned i = 0; i < 10; ++i)
    say(id, link, Heartbeat{chance(30), std::max<std::uint64_t>(1, any_u64() & kNumberMax)});
}

void Hostile::stops_reading(LinkId, Link& link, Now now) {
  if (link.reads_from == MonoTime{}) link.reads_from = now.mono + milliseconds(50 + pick(2'500));
}

void Hostile::bye(LinkId id, Link& link, Now) {
  if (!chance(10)) return;
  const ByeReason reason{static_cast<std::uint8_t>(1 + pick(kByeReasonLast))};
  say(id, link, Bye{reason, std::string(chance(50) ? kTextBytesMax : pick(20), 'b')});
  close(id, link);
}

/// The beginning of a long message. The rest never comes, or the connection ends.
void Hostile::half_message(LinkId id, Link& link, Now now) {
  if (!chance(10)) return;
  std::vector<std::uint8_t> bytes(kHeaderBytes + pick(60'000));
  const std::array<MessageType, 4> types = {MessageType::Links, MessageType::Tracker, MessageType::Data,
                                            MessageType::Watch};
  const MessageType type = types[pick(types.size())];
  const std::size_t longest = type == MessageType::Data ? kRtpBytesMax : kBodyBytesMax;
  store_header(bytes.data(), {type, 0, 0, static_cast<std::uint32_t>(longest)});
  bytes.resize(std::min(bytes.size(), longest / 2));
  say_raw(id, link, bytes);
  link.mute = true;
  link.ends_at = std::min(link.ends_at, now.mono + milliseconds(pick(3'000)));
}

void Hostile::optional_message(LinkId id, Link& link, Now) {
  std::vector<std::uint8_t> bytes(kHeaderBytes + pick(2'000));
  auto type = static_cast<std::uint8_t>(kMessageTypeOptional + pick(128));
  constexpr std::array kKnown = {MessageType::Absent, MessageType::Film, MessageType::FilmAnswer};
  if (std::ranges::find(kKnown, MessageType{type}) != kKnown.end())
    type = static_cast<std::uint8_t>(kMessageTypeOptional + 100);  // known here, and these bytes are none
  store_header(bytes.data(),
               {MessageType{type}, 0, 0, static_cast<std::uint32_t>(bytes.size() - kHeaderBytes)});
  say_raw(id, link, bytes);
}

/// A message of the handshake after it, or, from a guest, one that only neighbours may send.
void Hostile::out_of_place(LinkId id, Link& link, Now now) {
  if (!chance(10)) return;
  switch (pick(4)) {
    case 0:
      return say(id, link, FinalAck{Relation::Neighbour});
    case 1:
      return say(id, link, Ack{{PeerKind::Node, any_u64(), 100, 0}, {any_node()}});
    case 2:
      return say(id, link, Speers{{PeerKind::Bootstrap, any_u64(), 100, 0}, any_node(), any_node(), {}});
    default:
      return link.relation == Relation::Guest ? state_of_another(id, link, now) : stop(id, link, now);
  }
}

void Hostile::unfinished_handshake(LinkId, Link& link, Now now) {
  if (chance(30)) dial(Purpose::Mischief, link.peer, now);
}

}  // namespace ott::sim
