// An Overlay with peers that a test speaks for: what each sends goes in, what each is sent comes out, whole
// message by whole message, and is right. Also the ground of the fuzz target.
#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "../core/random_messages.h"
#include "ott/assert.h"
#include "overlay/overlay.h"

namespace ott::test {

struct LineLog : Log {
  void line(LogLevel level, const std::string& text) override {
    if (level != LogLevel::Debug) lines.push_back(text);
  }
  std::vector<std::string> lines;
};

inline constexpr std::string_view kStarTopology = R"({
  "10.0.0.10": { "neighbors": ["10.0.0.1", "10.0.0.20"] },
  "10.0.0.1":  { "neighbors": ["10.0.0.2"] },
  "10.0.0.2":  { "neighbors": ["10.0.0.20", "10.0.0.3"] },
  "10.0.0.3":  { "neighbors": ["10.0.0.20"] },
  "10.0.0.20": { "neighbors": [] }
})";

inline Ack ack(PeerKind kind, std::uint64_t incarnation, const NodeId& id) {
  return {Greeting{kind, incarnation}, {id}};
}
/// One that its reporter has just made.
inline Links links_of(const NodeId& reporter, std::uint64_t number, std::vector<Adjacency> links = {},
                      std::vector<StreamInfo> streams = {}, PeerKind kind = PeerKind::Node,
                      std::uint64_t incarnation = 1) {
  return {Tracker::everywhere(),
          {reporter, kind, incarnation, number, kLifetimeMaxS, std::move(links), std::move(streams)}};
}

class Engine {
 public:
  struct Link {
    NodeId peer;
    Bytes sent;  // to the peer, and not a whole message yet
    bool closed = false;
    Flight flight;  // as its kernel has it
  };

  LineLog log;
  Overlay overlay;
  std::map<LinkId, Link> links;
  std::vector<NodeId> listening;  // on which it has asked to listen
  std::vector<Requests::Connect> connecting;
  std::size_t messages_out = 0;
  std::size_t records_out = 0;

  explicit Engine(OverlayConfig config) : overlay(std::move(config), log) {
    overlay.begin(now());
    perform();
  }

  /// The bootstrapper of kStarTopology: 10.0.0.10.
  static OverlayConfig bootstrapper() {
    OverlayConfig config;
    config.kind = PeerKind::Bootstrap;
    config.id = node("10.0.0.10");
    static const Topology kTopology = parse_topology(kStarTopology, "star.json").value();
    config.topology = kTopology;
    config.incarnation = 1'000;
    config.ring_bytes = 1U << 17U;
    return config;
  }
  /// A node that has the bootstrapper for a neighbour: 10.0.0.20.
  static OverlayConfig relay() {
    OverlayConfig config;
    config.id = node("10.0.0.20");
    config.bootstrap = node("10.0.0.10");
    config.incarnation = 1'001;
    config.ring_bytes = 1U << 17U;
    return config;
  }

  [[nodiscard]] Now now() const { return {mono_, WallTime(mono_.time_since_epoch())}; }

  LinkId accept(const NodeId& remote) {
    const LinkId link = overlay.accepted(remote, now());
    links[link].peer = remote;
    return link;
  }

  /// False once the engine has closed the link.
  bool receive(LinkId link, ByteSpan bytes, std::size_t piece_bytes = 1U << 16U) {
    while (!bytes.empty() && !links.at(link).closed) {
      const MutableByteSpan room = overlay.recv_slice(link);
      if (room.empty()) break;
      const std::size_t size = std::min({room.size(), bytes.size(), piece_bytes});
      std::copy_n(bytes.begin(), size, room.begin());
      bytes = bytes.subspan(size);
      overlay.recv_advance(link, size, now());
      perform();
    }
    return !links.at(link).closed;
  }
  template <class T>
  bool say(LinkId link, const T& message) {
    Bytes bytes;
    encode(bytes, message);
    return receive(link, bytes);
  }
  /// The peer is gone.
  void lose(LinkId link) {
    if (links.at(link).closed) return;
    links.at(link).closed = true;
    overlay.closed(link, "reset by peer", now());
    perform();
  }

  /// The handshake of a peer that connects, or that was connected to; then nothing waits to be sent.
  void shake_hands(LinkId link, PeerKind kind, std::uint64_t incarnation,
                   Relation relation = Relation::Neighbour) {
    say(link, ack(kind, incarnation, links.at(link).peer));
    say(link, FinalAck{relation});
    OTT_ASSERT(drain(link) > 0 && !links.at(link).closed);
  }
  /// A relay registers, and is told its neighbours. Returns the link to the bootstrapper.
  LinkId register_with_bootstrapper() {
    OTT_ASSERT(connecting.size() == 1);
    const LinkId link = connecting.front().link;
    connecting.clear();
    links[link].peer = node("10.0.0.10");
    overlay.opened(link, node("10.0.0.20:4000"), now());
    perform();
    say(link, Speers{Greeting{PeerKind::Bootstrap, 7'777},
                     node("10.0.0.10"),
                     node("10.0.0.20"),
                     {{node("10.0.0.10"), 1, "boot"}, {node("10.0.0.2"), 1, ""}, {node("10.0.0.3"), 1, ""}}});
    say(link, FinalAck{Relation::Neighbour});
    drain(link);
    refuse_connections();
    return link;
  }
  void refuse_connections() {
    for (const Requests::Connect& request : std::exchange(connecting, {})) {
      overlay.closed(request.link, "Connection refused", now());
    }
    perform();
  }

  /// In steps, as a process that is in time is called.
  void pass(Duration time) {
    for (Duration left = time; left > Duration{};) {
      const Duration step = std::min<Duration>(left, std::chrono::milliseconds(50));
      left -= step;
      stand_still(step);
    }
  }
  /// The process is not called meanwhile.
  void stand_still(Duration time) {
    mono_ += time;
    overlay.tick(now());
    perform();
  }

  /// Takes what waits for the peer, at most `bytes_max`; all of it must be messages. Returns the bytes.
  std::size_t drain(LinkId id, std::size_t bytes_max = ~std::size_t{0}) {
    std::size_t taken = 0;
    Link& link = links.at(id);
    while (taken < bytes_max) {
      const ByteSpan slice = overlay.send_slice(id, now());
      if (slice.empty()) break;
      const std::size_t size = std::min(slice.size(), bytes_max - taken);
      link.sent.insert(link.sent.end(), slice.begin(), slice.begin() + static_cast<std::ptrdiff_t>(size));
      overlay.send_advance(id, size, now());
      taken += size;
    }
    check(link);
    return taken;
  }
  /// Hands each whole message that was sent to the peer since to `take(header, message)`.
  template <class Take>
  void each_sent(LinkId id, const Take& take) {
    drain(id);
    each_drained(id, take);
  }
  /// As above, but nothing more is taken from the engine for it.
  template <class Take>
  void each_drained(LinkId id, const Take& take) {
    for (const auto& [header, message] : std::exchange(whole_[id], {})) take(header, message);
  }
  /// How many messages of a type were sent to the peer since.
  std::size_t count_sent(LinkId id, MessageType type) {
    std::size_t count = 0;
    each_sent(id, [&](const Header& header, const Bytes&) { count += header.type == type ? 1 : 0; });
    return count;
  }
  /// The last message of type T that was sent to the peer since.
  template <class T>
  std::optional<T> last_sent(LinkId id) {
    std::optional<T> last;
    each_sent(id, [&last](const Header& header, const Bytes& message) {
      if (header.type == T::kType) last = decode<T>(ByteSpan(message).subspan(kHeaderBytes));
    });
    return last;
  }
  /// Why it was closed; 0 if it was not, or without a word.
  ByeReason bye(LinkId id) {
    const auto last = last_sent<Bye>(id);
    return last ? last->reason : ByeReason{};
  }
  /// The connection that was asked for last is there.
  LinkId open(const NodeId& local) {
    OTT_ASSERT(!connecting.empty());
    const Requests::Connect request = connecting.back();
    connecting.pop_back();
    links[request.link].peer = request.to;
    overlay.opened(request.link, local, now());
    perform();
    return request.link;
  }
  void keep_messages(bool keep) { keep_ = keep; }

 private:
  void perform() {
    Requests& requests = overlay.requests();
    while (!requests.listen.empty() || !requests.connect.empty() || !requests.close.empty()) {
      for (const NodeId& id : std::exchange(requests.listen, {})) {
        listening.push_back(id);
        overlay.listening(id, std::nullopt, now());
      }
      for (const Requests::Connect& request : std::exchange(requests.connect, {}))
        connecting.push_back(request);
      for (const LinkId id : std::exchange(requests.close, {})) close(id);
    }
    for (const LinkId id : std::exchange(requests.sample, {})) {
      const auto link = links.find(id);
      if (link != links.end() && !link->second.closed) overlay.set_flight(id, link->second.flight, now());
    }
    for (const LinkId id : std::exchange(requests.close, {})) close(id);
    requests.send.clear();
  }

  void close(LinkId id) {
    std::erase_if(connecting, [id](const Requests::Connect& request) { return request.link == id; });
    const auto link = links.find(id);
    if (link != links.end() && !link->second.closed) {
      drain(id);
      link->second.closed = true;
    }
    overlay.closed(id, "", now());
  }

  /// Whole messages leave the run of sent bytes; each must be one that the peer accepts.
  void check(Link& link) {
    ByteSpan rest(link.sent);
    while (true) {
      const Framed framed = next_message(rest, kBodyBytesMax);
      OTT_ASSERT(framed.kind != Framed::Kind::Malformed);
      if (framed.kind == Framed::Kind::Incomplete) break;
      const ByteSpan message = rest.first(framed.header.total());
      rest = rest.subspan(message.size());
      OTT_ASSERT(is_good(framed.header, message));
      ++messages_out;
      if (is_record(framed.header.type)) ++records_out;
      if (!keep_) continue;
      for (const auto& [id, known] : links) {
        if (&known == &link) whole_[id].emplace_back(framed.header, Bytes(message.begin(), message.end()));
      }
    }
    link.sent.erase(link.sent.begin(), link.sent.end() - static_cast<std::ptrdiff_t>(rest.size()));
  }

  static bool is_good(const Header& header, ByteSpan message) {
    if (is_record(header.type)) return parse_record(header, message).has_value();
    bool good = false;
    for_each_message([&]<class T>(const T&) {
      if (T::kType == header.type) good = decode<T>(message.subspan(kHeaderBytes)).has_value();
    });
    return good;
  }

  MonoTime mono_{std::chrono::hours(1)};
  std::map<LinkId, std::vector<std::pair<Header, Bytes>>> whole_;
  bool keep_ = true;
};

}  // namespace ott::test
