// The overlay engine that all roles share: one process's links, what it knows of the overlay, the flows that
// pass through it and the streams that begin at it. A Machine's link side; roles put their own work on top.
// Sans-IO: bytes, events and `now` come in, and Requests go out.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "overlay/absences.h"
#include "overlay/data_path.h"
#include "overlay/discovery.h"
#include "overlay/figures.h"
#include "overlay/film_requests.h"
#include "overlay/flap_damper.h"
#include "overlay/handshakes.h"
#include "overlay/liveness.h"
#include "overlay/looks.h"
#include "overlay/measurements.h"
#include "overlay/messages.h"
#include "overlay/neighbours.h"
#include "overlay/pings.h"
#include "overlay/watch_requests.h"
#include "overlay/whys.h"

namespace ott {

class Overlay {
 public:
  Overlay(OverlayConfig config, Log& log);

  void begin(Now now);
  /// The addresses of the host that --bootstrap or --node names, as often as they are looked up.
  void found(const std::vector<NodeId>& addresses, Now now);
  /// Addresses of nodes to join at: of a host that --join names, or discovered. REQUIRES: config.join.
  void found_to_join(const std::vector<NodeId>& addresses, Now now);
  /// A datagram of --discover, from this address of a link of this host. REQUIRES: config.join->discovers.
  void heard(ByteSpan datagram, const IpAddress& from, Now now);
  /// What is to be said on the links of this host now, if anything.
  std::optional<DiscoveryHello> hello_due(Now now);
  void listening(const NodeId& at, const std::optional<Error>& error, Now now);
  LinkId accepted(const NodeId& remote, Now now);
  void opened(LinkId link, const NodeId& local, Now now);
  void closed(LinkId link, std::string_view why, Now now);
  [[gnu::hot]] MutableByteSpan recv_slice(LinkId link);
  /// False if only records that pass through came: no deadline has changed, and no other part has to act.
  [[gnu::hot]] bool recv_advance(LinkId link, std::size_t bytes, Now now);
  [[gnu::hot]] std::size_t send_slices(LinkId link, Now now, std::span<ByteSpan> pieces);
  ByteSpan send_slice(LinkId link, Now now) {
    ByteSpan piece;
    return send_slices(link, now, {&piece, 1}) == 0 ? ByteSpan{} : piece;
  }
  [[gnu::hot]] bool send_advance(LinkId link, std::size_t bytes, Now now);
  void set_flight(LinkId link, const Flight& flight, Now now);
  void set_blocked(LinkId link, bool blocked, Now now);
  [[nodiscard]] MonoTime next_deadline() const;
  /// From this time on tick() finds something to do, if it is called before the next deadline.
  [[nodiscard]] MonoTime early_deadline() const;
  /// When wake_held() wants to be called; apart from the other deadlines, since sending makes it, for a short
  /// while.
  [[nodiscard, gnu::hot]] MonoTime held_until() const {
    const MonoTime at = data_.next_deadline();
    return at == MonoTime::max() ? at : at + stalled_;
  }
  /// Asks the driver to send on links whose streams had to wait for what was under way.
  void wake_held(Now now) { data_.wake_held(own(now)); }
  void tick(Now now);
  Requests& requests() { return state_.links.requests(); }

  /// The topology is another now. Returns how many registered nodes have another place in it, or why it
  /// cannot be taken; then nothing changes. REQUIRES: this is the bootstrapper.
  Result<std::size_t> take_topology(Topology topology, Now now);

  /// Begins to leave in good order: lists no links any more, so that streams take other ways, and forwards
  /// until all children have moved (retired). False if there are no children.
  bool retire(Now now);
  [[nodiscard]] bool retired(Now now) const;
  /// Sends BYE on all links and asks to exit with `status`.
  void leave(int status, const std::string& message);

  /// `now` as the overlay sees it. Its clock stands still while the process itself is late: a peer's dead
  /// interval and a child's lag do not count time in which nothing was read or sent here.
  [[nodiscard]] Now own(Now now) const {
    now.mono -= stalled_;
    return now;
  }

  /// This node's place in the overlay, once it has one.
  [[nodiscard]] std::optional<NodeId> self() const;
  [[nodiscard]] bool is_guest() const { return state_.config.kind == PeerKind::Guest; }
  /// All streams that can be watched from here, the default one first. They change when the version does.
  [[nodiscard]] const std::vector<KnownStream>& streams() const { return streams_.all(); }
  [[nodiscard]] std::uint64_t streams_version() const { return streams_.version(); }
  /// True once this process would know of streams if there were any.
  [[nodiscard]] bool attached() const;

  /// Wants a stream delivered here, or no longer; its records then appear in flow(id)'s buffer.
  void watch(const KnownStream& stream, bool wanted, Now now);
  Flow* flow(StreamId id) { return flows_.find(id); }
  /// Null while a stream that is watched here comes; else since when and why it does not.
  [[nodiscard]] const Absences::Absence* absence(StreamId id) const { return absences_.find(id); }
  [[nodiscard]] std::string why_absent(StreamId id) const { return absences_.why(id); }
  /// Why this process is not attached.
  [[nodiscard]] std::string trouble() const { return handshakes_.trouble(); }
  /// True while neither the bootstrapper nor an access node takes this process.
  [[nodiscard]] bool is_in_trouble() const { return handshakes_.is_in_trouble(); }

  Origin& origin() { return origin_; }
  Figures& figures() { return figures_; }
  FilmRequests& films() { return films_; }
  Whys& whys() { return whys_; }
  Looks& looks() { return looks_; }
  [[nodiscard]] const FilmRequests& films() const { return films_; }
  /// Writes one record of a stream of our own: `fill(MutableByteSpan)` writes its RTP packet, in place. When
  /// all of the frame's records are there, published() wakes the children.
  template <class Fill>
  void write_record(Flow& flow, const OwnRecord& record, Now now, Fill&& fill) {
    Origin::write_record(flow, record, own(now), std::forward<Fill>(fill));
  }
  void forget_frames(Flow& flow, Now now) { flows_.forget_frames(flow, own(now)); }
  /// Records were written to a flow of our own.
  void published(Flow& flow) { data_.wake_children(flow); }

  /// Sends a PING to all nodes that watch a stream of ours. Returns how many they are.
  std::size_t ping_watchers(Now now) { return pings_.ping(origin_.watchers(), now); }
  std::vector<ArrivedPing> take_pings() { return pings_.take_arrived(); }
  /// Sends a text to nodes, or to all where none is named (messages.h).
  Result<void> say(const std::string& text, const std::vector<std::string>& to, Now now) {
    return messages_.say(text, to, own(now));
  }
  std::vector<ArrivedMessage> take_messages() { return messages_.take_arrived(); }

  [[nodiscard]] const LinkTable& links() const { return state_.links; }
  [[nodiscard]] const Measurements& measurements() const { return measurements_; }
  [[nodiscard]] const LinkStateDb& link_states() const { return state_.db; }
  [[nodiscard]] const FlowTable& flows() const { return flows_; }
  [[nodiscard]] const LimitCounters& counters() const { return state_.counters; }
  [[nodiscard]] const RingBudget& rings() const { return state_.rings; }
  /// Round trips of all links, as hellos measure them.
  [[nodiscard]] const DurationHistogram& round_trips() const { return state_.round_trips; }
  /// For lines that peers cause.
  LimitedLog& peer_log() { return state_.log; }
  /// Logs the route table, why streams that begin here go the way they do, the links, and the counters of
  /// limits that were reached.
  void report(Now now);
  [[nodiscard]] std::string describe(const NodeId& id) const { return neighbours_.describe(id); }
  /// The topology's name for a node; empty where none is known here.
  [[nodiscard]] std::string name_of(const NodeId& id) const { return neighbours_.name(id); }
  /// The overlay's own name.
  [[nodiscard]] const std::string& overlay_name() const { return state_.config.overlay_name; }

 private:
  enum class Audience : std::uint8_t;
  void handle(PeerLink& link, const DataPath::Control& control, Now now);
  [[nodiscard]] static Audience audience_of(MessageType type);
  [[nodiscard]] static bool may_say(const PeerLink& link, MessageType type);
  [[nodiscard]] bool in_turn(PeerLink& link, MessageType type, Now now);
  template <class T>
  bool dispatch(PeerLink& link, ByteSpan body, void (Overlay::*on)(PeerLink&, const T&, Now), Now now);
  bool dispatch(PeerLink& link, MessageType type, ByteSpan body, Now now);
  void on_ack(PeerLink& link, const Ack& m, Now now) { handshakes_.on_ack(link, m, now); }
  void on_speers(PeerLink& link, const Speers& m, Now now) { handshakes_.on_speers(link, m, now); }
  void on_final_ack(PeerLink& link, const FinalAck& m, Now now) { handshakes_.on_final_ack(link, m, now); }
  void on_ping(PeerLink& link, const Ping& m, Now now) { pings_.on_ping(link, m, now); }
  void on_message(PeerLink& link, const Message& m, Now now) { messages_.on_message(link, m, now); }
  void on_tracker(PeerLink& link, const TrackerMessage& m, Now now) { flows_.on_tracker(link, m, now); }
  void on_start(PeerLink& link, const Start& m, Now now) { flows_.on_start(link, m, now); }
  void on_started(PeerLink& link, const Started& m, Now now) { flows_.on_started(link, m, now); }
  void on_stop(PeerLink& link, const Stop& m, Now now);
  void on_links(PeerLink& link, const Links& m, Now now) { link_states_.on_links(link, m, now); }
  void on_watch(PeerLink& link, const Watch& m, Now now);
  void on_heartbeat(PeerLink& link, const Heartbeat& m, Now now);
  void on_bye(PeerLink& link, const Bye& m, Now now);
  void on_streams(PeerLink& link, const Streams& m, Now now);
  void on_query(PeerLink& link, const Query& m, Now now) { figures_.on_query(link, m, now); }
  void on_report(PeerLink& link, const Report& m, Now now) { figures_.on_report(link, m, now); }
  void on_refused(PeerLink& link, const Refused& m, Now now);
  void on_film(PeerLink& link, const FilmRequest& m, Now now) { films_.on_request(link, m, now); }
  void on_why(PeerLink& link, const Why& m, Now now) { whys_.on_why(link, m, now); }
  void on_why_answer(PeerLink& link, const WhyAnswer& m, Now) { whys_.on_answer(link, m); }
  void on_look(PeerLink& link, const Look& m, Now now) { looks_.on_look(link, m, now); }
  void on_view(PeerLink& link, const View& m, Now) { looks_.on_view(link, m); }
  void on_film_answer(PeerLink& link, const FilmAnswer& m, Now now) { films_.on_answer(link, m, now); }
  void on_access_nodes(PeerLink& link, const AccessNodes& m, Now now) {
    handshakes_.on_access_nodes(link, m, now);
  }
  void on_sync(PeerLink& link, const Sync&, Now now) { link_states_.on_sync(link, now); }
  void on_place(PeerLink& link, const Place& m, Now now) { handshakes_.on_place(link, m, now); }
  void on_absent(PeerLink& link, const Absent& m, Now) { absences_.on_absent(link, m); }

  std::size_t slices_with_states(PeerLink& link, Now now, std::span<ByteSpan> pieces);
  void outbox_sent(PeerLink& link);
  [[nodiscard]] const KnownStream* lacking_in(const Streams& listed) const;
  [[nodiscard]] bool forwards_for_others() const;
  [[nodiscard]] LinkState own_state(Now now);
  [[nodiscard]] std::uint64_t cost_to(const NodeId& node) const;
  [[nodiscard]] std::string measured_of(const PeerLink& link) const;
  void settle(Now now);
  void settle_links(Now now);
  void settle_flows(Now now);
  void settle_overlay(Now now);
  void link_is_up(PeerLink& link, Now now);

  OverlayState state_;
  LinkStates link_states_;
  StreamList streams_;
  Interests interests_;
  Neighbours neighbours_;
  Handshakes handshakes_;
  FlowTable flows_;
  Origin origin_;
  WatchRequests watches_;
  Absences absences_;
  Figures figures_;
  FilmRequests films_;
  Whys whys_;
  Looks looks_;
  Pings pings_;
  Messages messages_;
  Measurements measurements_;
  Liveness liveness_;
  DataPath data_;
  std::optional<Discovery> discovery_;

  bool guest_streams_known_ = false;  // the access node has said which there are
  LinkStates::Changes changes_;       // their consequences have not been drawn yet
  MonoTime settle_at_ = MonoTime::max();
  RateLimit settle_rate_;
  FlapDamper flaps_;
  MonoTime usable_at_ = MonoTime::max();  // when a link that kept failing may be used again
  MonoTime leave_at_ = MonoTime::max();
  Duration stalled_{};  // how long this process has been late so far, all in all
};

}  // namespace ott
