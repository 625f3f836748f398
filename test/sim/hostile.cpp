#include "hostile.h"

#include <algorithm>
#include <array>

namespace ott::sim {
namespace {

using std::chrono::milliseconds;

constexpr Duration kActInterval = milliseconds(10);
constexpr Duration kDialInterval = milliseconds(300);
constexpr Duration kHelloInterval = milliseconds(80);
/// How many bytes may wait for a peer that reads slowly.
constexpr std::size_t kOutboxMax = 256U << 10U;
constexpr std::size_t kLinksMax = 48;
constexpr std::uint32_t kVersions = 1U << kTreeVersionBits;

}  // namespace

Hostile::Hostile(HostileOptions options)
    : options_(std::move(options)), random_(options_.seed), scratch_(64U << 10U) {
  // Some peers do a bit of everything, some do a few things all the time.
  rows_ = options_.access.empty() ? node_rows() : guest_rows();
  if (chance(70)) {
    std::shuffle(rows_.begin(), rows_.end(), random_);
    rows_.resize(1 + pick(std::min<std::size_t>(rows_.size(), 6)));
  }
  conduct_ = Conduct{static_cast<std::uint8_t>(pick(4))};
  const std::array<std::uint32_t, 5> hellos = {100, 100, kHelloMsMin, 1'000, kHelloMsMax};
  hello_ms_ = hellos[pick(hellos.size())];
  for (unsigned i = 0; i < 3; ++i) {
    KnownStream stream;
    stream.origin = chance(50) ? options_.id : invented_node();
    stream.info.id = StreamId{1 + any_u64() % ((std::uint64_t{1} << 40U) - 1)};
    stream.info.name = chance(50) ? "live" : "invented";
    stream.info.kind = "test";
    stream.label = make_label(stream.info.id, static_cast<std::uint32_t>(pick(kVersions)));
    invented_streams_.push_back(stream);
  }
}

std::string Hostile::summary() const {
  static constexpr std::array<std::string_view, 4> kConducts = {"starves", "refuses", "mangles", "invents"};
  std::string text(kConducts[static_cast<std::size_t>(conduct_)]);
  for (const Row& row : rows_) text += ", " + std::string(row.name);
  return text;
}

// ---- links -----------------------------------------------------------------------------------------------

LinkId Hostile::add(Purpose purpose, const NodeId& remote, Now now) {
  const LinkId id = make_link_id(0, ++links_made_);
  Link& link = links_[id];
  link.purpose = purpose;
  link.remote = link.peer = remote;
  link.hello_at = now.mono + kHelloInterval;
  return id;
}

void Hostile::dial(Purpose purpose, const NodeId& to, Now now) {
  if (links_.size() >= kLinksMax) return;
  const LinkId id = add(purpose, to, now);
  requests_.connect.push_back({id, to, {options_.id.address}});
}

void Hostile::begin(Now now) {
  dial_missing(now);
  act_at_ = now.mono + kActInterval;
}

void Hostile::dial_missing(Now now) {
  dial_at_ = now.mono + kDialInterval;
  const auto linked = [this](Purpose purpose, const NodeId& to) {
    return std::ranges::any_of(links_, [&](const auto& entry) {
      const Link& link = entry.second;
      if (link.purpose == Purpose::Accepted) return link.up && link.peer == to;
      return link.purpose == purpose && link.remote == to;
    });
  };
  if (options_.bootstrap && !linked(Purpose::Registration, *options_.bootstrap))
    dial(Purpose::Registration, *options_.bootstrap, now);
  for (const NodeId& id : neighbours_) {
    if (id != options_.bootstrap && !linked(Purpose::Neighbour, id)) dial(Purpose::Neighbour, id, now);
  }
  for (const NodeId& id : options_.access) {
    if (!linked(Purpose::Access, id)) dial(Purpose::Access, id, now);
  }
}

void Hostile::listening(const NodeId&, const std::optional<Error>&, Now) {}

LinkId Hostile::accepted(const NodeId& remote, Now now) { return add(Purpose::Accepted, remote, now); }

void Hostile::opened(LinkId id, const NodeId& local, Now now) {
  Link& link = links_.at(id);
  Ack ack;
  ack.greeting = {options_.access.empty() ? PeerKind::Node : PeerKind::Guest, options_.incarnation, hello_ms_,
                  any_u64()};
  ack.ids = {options_.access.empty() ? options_.id : local};
  if (link.purpose == Purpose::Mischief) {
    link.ends_at = now.mono + milliseconds(100 + pick(8'000));
    ack.greeting.kind = PeerKind{static_cast<std::uint8_t>(pick(4))};
    ack.greeting.incarnation = any_u64();
    ack.ids.clear();
    for (std::uint64_t i = 1 + pick(3); i > 0; --i) ack.ids.push_back(any_node());
    std::vector<std::uint8_t> bytes;
    encode(bytes, ack);
    switch (pick(4)) {
      case 0:
        return;  // it sends nothing
      case 1:
        return say_raw(id, link, ByteSpan(bytes).first(pick(bytes.size())));
      case 2:
        say(id, link, ack);
        return say(id, link, FinalAck{Relation{static_cast<std::uint8_t>(pick(3))}});
      default:
        return say(id, link, ack);
    }
  }
  say(id, link, ack);
}

void Hostile::closed(LinkId id, std::string_view, Now) {
  for (auto& [stream, known] : streams_) std::erase(known.children, id);
  links_.erase(id);
}

void Hostile::close(LinkId id, Link& link) {
  if (std::exchange(link.closing, true)) return;
  requests_.close.push_back(id);
}

MutableByteSpan Hostile::recv_slice(LinkId id) {
  const auto found = links_.find(id);
  if (found == links_.end() || found->second.closing) return {};
  if (found->second.reads_from != MonoTime{}) return {};
  return scratch_;
}

void Hostile::recv_advance(LinkId id, std::size_t bytes, Now now) {
  Link& link = links_.at(id);
  link.in.insert(link.in.end(), scratch_.begin(), scratch_.begin() + static_cast<std::ptrdiff_t>(bytes));
  std::size_t taken = 0;
  while (!link.closing) {
    const ByteSpan rest = ByteSpan(link.in).subspan(taken);
    const Framed framed = next_message(rest, kBodyBytesMax);
    if (framed.kind == Framed::Kind::Malformed) return close(id, link);
    if (framed.kind == Framed::Kind::Incomplete) break;
    taken += framed.header.total();
    take(id, link, framed.header, rest.first(framed.header.total()), now);
  }
  link.in.erase(link.in.begin(), link.in.begin() + static_cast<std::ptrdiff_t>(taken));
}

ByteSpan Hostile::send_slice(LinkId id, Now) {
  const auto found = links_.find(id);
  if (found == links_.end()) return {};
  return ByteSpan(found->second.out).subspan(found->second.out_sent);
}

bool Hostile::send_advance(LinkId id, std::size_t bytes, Now) {
  Link& link = links_.at(id);
  link.out_sent += bytes;
  if (link.out_sent < link.out.size()) return true;
  link.out.clear();
  link.out_sent = 0;
  return false;
}

void Hostile::set_blocked(LinkId id, bool blocked, Now) {
  const auto found = links_.find(id);
  if (found != links_.end()) found->second.blocked = blocked;
}

void Hostile::want_send(LinkId id, Link& link) {
  if (!link.blocked) requests_.send.push_back(id);
}

void Hostile::say_raw(LinkId id, Link& link, ByteSpan bytes) {
  if (link.closing || link.mute || link.out.size() - link.out_sent > kOutboxMax) return;
  link.out.insert(link.out.end(), bytes.begin(), bytes.end());
  want_send(id, link);
}

// ---- what it hears ---------------------------------------------------------------------------------------

void Hostile::is_up(Link& link, Now now) {
  link.up = true;
  link.hello_at = now.mono;
}

void Hostile::take_handshake(LinkId id, Link& link, const Header& header, ByteSpan body, Now now) {
  if (header.type == MessageType::Ack) {
    const auto ack = decode<Ack>(body);
    if (!ack) return close(id, link);
    link.peer = ack->ids.front();
    link.relation = Relation::Neighbour;
    say(id, link,
        Speers{{PeerKind::Node, options_.incarnation, hello_ms_, 0}, options_.id, ack->ids.front(), {}});
  } else if (header.type == MessageType::Speers) {
    const auto speers = decode<Speers>(body);
    if (!speers) return close(id, link);
    link.peer = speers->me;
    const auto is_me = [&](const Peer& peer) { return peer.id == speers->me; };
    link.relation = link.purpose == Purpose::Access             ? Relation::Guest
                    : link.purpose == Purpose::Neighbour        ? Relation::Neighbour
                    : std::ranges::any_of(speers->peers, is_me) ? Relation::Neighbour
                                                                : Relation::Control;
    if (link.purpose == Purpose::Registration) {
      neighbours_.clear();
      for (const Peer& peer : speers->peers) neighbours_.push_back(peer.id);
      if (!std::exchange(listening_, true)) requests_.listen.push_back(options_.id);
      dial_missing(now);
    }
    say(id, link, FinalAck{link.relation});
  } else {
    if (link.purpose == Purpose::Accepted) say(id, link, FinalAck{link.relation});
    is_up(link, now);
    if (link.relation == Relation::Neighbour) own_state(id, link, now);
  }
}

void Hostile::take(LinkId id, Link& link, const Header& header, ByteSpan message, Now now) {
  if (link.purpose == Purpose::Mischief) return;
  const ByteSpan body = message.subspan(kHeaderBytes);
  switch (header.type) {
    case MessageType::Ack:
    case MessageType::Speers:
    case MessageType::FinalAck:
      return take_handshake(id, link, header, body, now);
    case MessageType::Heartbeat: {
      const auto heartbeat = decode<Heartbeat>(body);
      if (heartbeat && !heartbeat->reply && heartbeat->time != 0)
        say(id, link, Heartbeat{true, chance(80) ? heartbeat->time : near(heartbeat->time, kNumberMax)});
      return;
    }
    case MessageType::Links: {
      const auto links = decode<Links>(body);
      if (!links) return;
      const LinkState& state = links->state;
      if (state.reporter == options_.id) own_number_ = std::max(own_number_, state.number);
      db_.update(state);
      for (const StreamInfo& info : state.streams) {
        KnownStream& known = streams_[info.id];
        known.origin = state.reporter;
        known.info = info;
        if (known.label.value == 0) known.label = make_label(info.id, 1);
      }
      return;
    }
    case MessageType::Streams: {
      const auto streams = decode<Streams>(body);
      for (std::size_t i = 0; streams && i < streams->streams.size(); ++i) {
        const StreamInfo& info = streams->streams[i];
        streams_[info.id] = {streams->origins[i], info, make_label(info.id, 1), {}, 0, {}};
      }
      return;
    }
    case MessageType::Tracker:
      if (const auto tracker = decode<TrackerMessage>(body)) take_tracker(id, link, *tracker);
      return;
    case MessageType::Start: {
      const auto start = decode<Start>(body);
      const auto known = start ? streams_.find(start->stream) : streams_.end();
      if (known == streams_.end() || conduct_ == Conduct::Refuses) return;
      known->second.start_number = start->number;
      if (std::ranges::find(known->second.children, id) == known->second.children.end())
        known->second.children.push_back(id);
      return say(id, link, Started{start->stream, start->number, start->last});
    }
    case MessageType::Stop: {
      const auto stop = decode<Stop>(body);
      const auto known = stop ? streams_.find(stream_of(stop->label)) : streams_.end();
      if (known != streams_.end()) std::erase(known->second.children, id);
      return;
    }
    case MessageType::Data:
    case MessageType::Skip:
      if (const auto record = parse_record(header, message)) take_record(*record, message);
      return;
    default:
      return;
  }
}

/// It is in a stream's tree: takes its place, and passes the tree on, so that others depend on it.
void Hostile::take_tracker(LinkId id, Link& link, const TrackerMessage& message) {
  KnownStream& known = streams_[message.stream.id];
  known.origin = message.origin;
  known.info = message.stream;
  known.label = message.label;
  if (conduct_ == Conduct::Refuses && chance(50)) return say(id, link, Stop{message.label});
  if (message.expects_start)
    say(id, link, Start{message.stream.id, FrameNumber{0}, static_cast<std::uint32_t>(pick(5))});
  if (!message.tracker.path.valid() || message.tracker.path.root().node != options_.id) return;
  for (Branch& branch : split(message.tracker)) {
    for (auto& [to, other] : links_) {
      if (!other.up || other.peer != branch.next || other.relation != Relation::Neighbour) continue;
      say(to, other, TrackerMessage{branch.tracker, message.label, message.origin, message.stream, true});
      break;
    }
  }
}

void Hostile::take_record(const Record& record, ByteSpan message) {
  const auto found = streams_.find(stream_of(record.label));
  if (found == streams_.end()) return;
  KnownStream& known = found->second;
  known.frame = std::max(known.frame, record.is_skip() ? record.last_skipped() : record.frame);
  if (conduct_ != Conduct::Mangles || !active_) return;
  std::vector<std::uint8_t> bytes(message.begin(), message.end());
  for (const LinkId child : known.children) {
    const auto link = links_.find(child);
    if (link == links_.end()) continue;
    switch (pick(12)) {
      case 0:
        continue;
      case 1:
        bytes.back() ^= 1U;
        break;
      case 2:
        store_be<std::uint64_t>(bytes.data() + 16, near(record.frame.value, kFrameNumberMax - 1));
        break;
      case 3:
        say_raw(child, link->second, bytes);
        break;
      default:
        break;
    }
    say_raw(child, link->second, bytes);
  }
}

// ---- time ------------------------------------------------------------------------------------------------

MonoTime Hostile::next_deadline() const { return std::min(act_at_, dial_at_); }

void Hostile::tick(Now now) {
  if (now.mono >= dial_at_) dial_missing(now);
  if (now.mono >= act_at_) {
    act_at_ = now.mono + kActInterval;
    act(now);
  }
}

void Hostile::act(Now now) {
  std::vector<LinkId> up;
  for (auto& [id, link] : links_) {
    if (now.mono >= link.ends_at) {
      close(id, link);
      continue;
    }
    if (link.reads_from != MonoTime{} && (now.mono >= link.reads_from || !active_)) link.reads_from = {};
    if (!link.up || link.closing) continue;
    if (now.mono >= link.hello_at) {  // a hello
      link.hello_at = now.mono + kHelloInterval;
      say(id, link, Heartbeat{});
    }
    if (link.relation != Relation::Control) up.push_back(id);
  }
  if (!active_ || up.empty()) return;
  const double mean =
      static_cast<double>(options_.messages_per_s) * std::chrono::duration<double>(kActInterval).count();
  const std::uint64_t count = pick(1 + static_cast<std::uint64_t>(2 * mean));
  for (std::uint64_t i = 0; i < count; ++i) {
    const LinkId id = up[pick(up.size())];
    const Trick trick = rows_[pick(rows_.size())].act;
    (this->*trick)(id, links_.at(id), now);
  }
  if (conduct_ != Conduct::Invents) return;
  // Sends frames to children that it has for streams of other origins.
  for (auto& [stream, known] : streams_) {
    for (const LinkId child : known.children) {
      const auto link = links_.find(child);
      if (link != links_.end() && chance(20)) data(child, link->second, now);
    }
  }
}

}  // namespace ott::sim
