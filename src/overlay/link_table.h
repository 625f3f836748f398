// All connections of this process, as the overlay sees them: who is at the other end, how far the handshake
// is, what waits to be sent, and what was counted. A link that is to end is marked (closing) and leaves the
// table when its driver says that it is closed.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ott/handshake.h"
#include "ott/link_map.h"
#include "ott/machine.h"
#include "ott/message.h"
#include "overlay/feed_queue.h"
#include "overlay/flight_bound.h"
#include "overlay/limited_log.h"
#include "plane/flow.h"

namespace ott {

/// Why a connection was made.
enum class Purpose : std::uint8_t { Accepted, Registration, Neighbour, Access, Inquiry, Join };

/// Which link states are to be sent to a neighbour. They stand here by their reporters and are written out
/// when the link takes them, so a link never has more than a few of them queued, and always the newest.
struct StatesDue {
  std::set<NodeId> reporters;      // whose state is new
  std::optional<NodeId> all_from;  // and all others from this one on, in order: the link has just come up
};

/// What was counted on links.
struct LinkCounts {
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
  std::uint64_t frames_in = 0;
  std::uint64_t frames_out = 0;
  std::uint64_t frames_skipped = 0;

  LinkCounts& operator+=(const LinkCounts& more);
};

/// What each frame touches of a link comes first, like a Child's. Who the peer is and how far the handshake
/// has come is written by Handshakes and its parts alone, through the functions below where there is one.
struct alignas(64) PeerLink {
  LinkId id;
  bool blocked = false;
  bool queued = false;  // the driver is to call send_slice
  bool closing = false;
  bool ended = false;       // noted as ended
  bool states_due = false;  // link states wait for it: see StatesDue
  bool measured = false;    // the driver was asked to say what is under way
  // Outgoing: control messages first, then feeds of audio and text in turn, then the others in turn; a
  // half-sent record before everything.
  FeedQueue urgent_feeds;
  FeedQueue feeds;
  Child* sending = nullptr;  // who has a half-sent record; null: nobody
  std::vector<std::uint8_t> outbox;
  MonoTime last_sent;
  std::uint64_t bytes_out = 0;
  std::uint64_t frames_out = 0;
  std::size_t outbox_sent = 0;

  // Incoming: the beginning of a message that is not complete. For a flow's receiver it is in the ring.
  std::vector<std::uint8_t> partial;
  Flow* receiving = nullptr;
  std::size_t receiving_bytes = 0;
  std::size_t flows_in = 0;      // streams whose parent this link is
  std::size_t record_bytes = 0;  // of a link with several: how large records are, smoothed, times 16
  MonoTime last_heard;
  // While nothing can be read: what the kernel has seen of the peer (see Liveness).
  std::uint64_t segments_in = 0;
  MonoTime segments_at{};  // when that was so
  MonoTime arrived_at{};   // when there were more of them last; of a new link, when the first are due
  std::uint64_t bytes_in = 0;
  std::uint64_t frames_in = 0;

  Purpose purpose = Purpose::Accepted;
  NodeId remote;  // what was connected to, or where it came from
  NodeId local;   // this end of a connection that was made
  Handshake handshake = Handshake::accepting();
  bool up = false;          // its handshake has ended well
  bool shown = false;       // by itself, where others are summed: see LinkTable::kShownMax
  bool peer_known = false;  // and believed
  NodeId peer;
  NodeId you;         // the connecting side, as SPEERS has named it
  Greeting greeting;  // the peer's; incarnation 0: none has come yet
  Relation relation = Relation::Control;
  std::string close_reason;
  std::optional<ByeReason> closed_for;  // why this end closes
  std::optional<Bye> peer_bye;          // why the other end closes

  MonoTime opened_at;
  MonoTime echo_sent;          // when its round trip was asked for last
  bool echo_awaited = false;   // and has not been answered
  Duration rtt{-1};            // < 0: not measured
  std::uint64_t echo_due = 0;  // the time in a HEARTBEAT that waits for its answer; 0: none
  StatesDue due;
  bool states_had_turn = false;  // with feeds waiting, link states and records go by turns
  RateLimit states_in;           // link states that are new here
  RateLimit messages_in;         // PING and MESSAGE
  RateLimit requests_in;         // a guest's
  RateLimit films_in;            // FILM, of a neighbour
  RateLimit syncs_in;
  RateLimit withdrawals_out;
  std::uint64_t frames_skipped = 0;
  MonoTime blocked_at{};        // since when the connection takes no more, if blocked
  Duration blocked_before{};    // and for how long it took none before that
  bool streams_queued = false;  // a guest's: STREAMS waits in the outbox
  bool streams_due = false;     // and a newer one is to follow it
  bool view_queued = false;     // a guest's: VIEW waits in the outbox
  FlightBound flight;           // of the feeds that are not urgent, where the link has both kinds
  bool held = false;            // and is looked at again soon, since they had to wait

  /// For how long the connection has taken nothing although there was something, up to `time`.
  [[nodiscard]] Duration blocked_until(MonoTime time) const {
    return blocked_before + (blocked ? time - blocked_at : Duration{});
  }

  void add_feed(Child& child);
  void remove_feed(Child& child);
  /// Its stream's media are others than before: it may belong to the other queue now.
  void sort_feed(Child& child);
  [[nodiscard]] FeedQueue& queue_of(const Child& child) { return child.urgent ? urgent_feeds : feeds; }
  [[nodiscard]] bool has_feeds() const { return feeds.count() + urgent_feeds.count() > 0; }
  [[nodiscard]] bool several_feeds() const { return feeds.count() + urgent_feeds.count() > 1; }
  /// Feeds that must not wait for the others'.
  [[nodiscard]] bool has_both_kinds() const { return feeds.count() > 0 && urgent_feeds.count() > 0; }
  [[nodiscard]] bool feeds_wait() const {
    return feeds.first() != nullptr || urgent_feeds.first() != nullptr;
  }

  /// When the peer, or the way from it, was known to live.
  [[nodiscard]] MonoTime last_sign() const { return std::max(last_heard, arrived_at); }

  /// What this end has for the peer and the connection has not taken.
  [[nodiscard]] std::size_t waiting_bytes() const;

  /// The connection that was asked for is there.
  void opened(const NodeId& local_end, Now now) {
    local = local_end;
    opened_at = last_heard = now.mono;
  }
  /// The peer is known from here on.
  void identified(const NodeId& as) {
    peer = as;
    peer_known = true;
  }

  [[nodiscard]] bool outgoing() const { return purpose != Purpose::Accepted; }
  [[nodiscard]] bool connected() const { return !closing && handshake.state() == HandshakeState::Connected; }
  [[nodiscard]] bool is_neighbour() const { return connected() && relation == Relation::Neighbour; }
  [[nodiscard]] bool is_guest() const { return connected() && relation == Relation::Guest && !outgoing(); }
  [[nodiscard]] bool is_access() const { return connected() && relation == Relation::Guest && outgoing(); }
  [[nodiscard]] LinkCounts counts() const {
    return {bytes_in, bytes_out, frames_in, frames_out, frames_skipped};
  }
  /// The other end is a guest, whatever it wants of this node.
  [[nodiscard]] bool is_of_guest() const { return !outgoing() && greeting.kind == PeerKind::Guest; }
  /// A guest keeps it to an access node that it is not attached to, for the round trip alone; at either end.
  [[nodiscard]] bool is_measured() const { return !closing && was_measured(); }
  [[nodiscard]] bool was_measured() const {
    const bool between = purpose == Purpose::Access || is_of_guest();
    return between && handshake.state() == HandshakeState::Offline;
  }
  /// True unless one end closed the link on purpose.
  [[nodiscard]] bool has_failed() const {
    const auto meant = [](ByeReason reason) {
      return reason == ByeReason::Leaving || reason == ByeReason::NotNeeded ||
             reason == ByeReason::NotNeighbour;
    };
    return !(closed_for && meant(*closed_for)) && !(peer_bye && meant(peer_bye->reason));
  }
  /// "control", "measured", "neighbour", "guest" or "access node"; it stays that from the handshake's end to
  /// the link's.
  [[nodiscard]] std::string_view what_peer_is() const;
  /// The peer's id where it is known, or else its address.
  [[nodiscard]] std::string name() const { return to_string(peer_known ? peer : remote); }
};

class LinkTable {
 public:
  /// So many links to neighbours and access nodes at a time are shown by themselves where all others, guests
  /// in the first place, are summed. A link is shown, or is not, from the handshake's end to its own, so what
  /// was counted on the others only rises.
  static constexpr std::size_t kShownMax = 64;

  LinkTable(LimitedLog& log, const Limits& limits, LimitCounters& counters)
      : log_(log), limits_(limits), counters_(counters) {}

  PeerLink& add(Purpose purpose, const NodeId& remote, Now now);
  PeerLink* find(LinkId id) { return links_.find(id); }
  /// The overlay link to a neighbour, if it is up.
  PeerLink* neighbour(const NodeId& id);
  /// Its handshake has ended with CONNECTED or OFFLINE.
  void note_up(PeerLink& link);
  /// The link to this process's access node, if it is up: of two, the newer one.
  PeerLink* access() { return access_ ? find(*access_) : nullptr; }
  /// Any link to the node with this id that is not closing. Guests are no nodes, whatever port they come
  /// from.
  PeerLink* with_node(const NodeId& id);
  void remove(LinkId id);

  [[nodiscard]] std::vector<NodeId> neighbours() const;
  [[nodiscard]] bool has_neighbours() const { return !neighbours_.empty(); }
  [[nodiscard]] const LinkMap<PeerLink>& all() const { return links_; }
  [[nodiscard]] std::size_t guests() const { return guests_; }
  /// What was counted on links that are gone and were not shown, by what their peers were.
  [[nodiscard]] const std::map<std::string_view, LinkCounts>& counted_before() const {
    return counted_before_;
  }
  /// Accepted connections whose handshake is not over.
  [[nodiscard]] std::size_t accepted_in_handshake() const { return accepted_in_handshake_; }
  /// All links whose handshake is not over, the oldest first.
  const std::deque<LinkId>& in_handshake();

  /// Queues a message. A peer that lets too much of them wait is closed. A message that is longer than a peer
  /// may take is not sent.
  template <class T>
  void send(PeerLink& link, const T& message) {
    if (link.closing) return;
    const std::size_t before = link.outbox.size();
    encode(link.outbox, message);
    bound_message(link, before);
    bound_outbox(link);
    want_send(link);
  }
  /// Answers a HEARTBEAT: at once if nothing waits for the peer, or else when all of that is sent. Then only
  /// the newest is answered, so a peer that asks and does not read has one answer waiting and no more.
  void answer_echo(PeerLink& link, std::uint64_t time);
  /// All control messages are sent. True if there is one more now.
  bool outbox_empty(PeerLink& link);
  /// Asks the driver to send, unless it has been asked or the link is blocked.
  void want_send(PeerLink& link) {
    if (link.queued || link.blocked) return;
    link.queued = true;
    requests_.send.push_back(link.id);
  }
  /// A feed of the link has something to send.
  void want_send(PeerLink& link, Child& child) {
    link.queue_of(child).wake(child);
    want_send(link);
  }
  /// Tells the peer why (unless it was the peer that said so), and asks the driver to close.
  void close(PeerLink& link, ByeReason reason, const std::string& text);
  /// The peer has broken the protocol: says so, and closes.
  void close_for_violation(PeerLink& link, const std::string& what);
  /// Overlay links that were closed or lost since the last call.
  std::vector<LinkId> take_ended() { return std::exchange(ended_, {}); }
  /// The connection is lost: marks it, and has take_ended name it once.
  void note_ended(PeerLink& link);

  Requests& requests() { return requests_; }

 private:
  void bound_message(PeerLink& link, std::size_t begins_at);
  void bound_outbox(PeerLink& link);

  LimitedLog& log_;
  const Limits& limits_;
  LimitCounters& counters_;
  Requests requests_;
  LinkMap<PeerLink> links_;
  std::vector<std::uint32_t> free_slots_;
  std::map<NodeId, LinkId> neighbours_;
  std::optional<LinkId> access_;
  std::optional<LinkId> former_access_;
  std::deque<LinkId> in_handshake_;  // some may have ended, or finished their handshake
  std::size_t accepted_in_handshake_ = 0;
  std::size_t guests_ = 0;
  std::size_t shown_ = 0;
  std::map<std::string_view, LinkCounts> counted_before_;
  std::vector<LinkId> ended_;
  std::uint32_t links_made_ = 0;  // wraps
};

}  // namespace ott
