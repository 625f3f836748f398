// The streams of which this node is the origin: their watchers, their trees and their descriptions. A change
// (of a watcher, of the graph) only marks them; one recomputation follows for all changes.
#pragma once

#include <map>

#include "overlay/flow_table.h"
#include "overlay/measured_trees.h"
#include "overlay/neighbours.h"
#include "overlay/route_changes.h"

namespace ott {

/// One record of a frame that begins here.
struct OwnRecord {
  FrameNumber frame;
  bool first = false;  // of its frame
  bool last = false;
  std::size_t rtp_bytes = 0;
  bool sync_point = true;  // the same for all records of a frame
};

class Origin {
 public:
  Origin(OverlayState& state, FlowTable& flows, const Interests& interests, const Neighbours& neighbours)
      : state_(state),
        flows_(flows),
        interests_(interests),
        neighbours_(neighbours),
        measured_(state.db, state.config.tree_policy) {}

  /// Adds a stream; its id is derived from the origin, the name, the incarnation and, where there was another
  /// stream of this name, the generation. The error names the limit that is reached.
  Result<StreamId> add_stream(StreamInfo info, std::uint32_t generation = 0);
  /// Adds a stream that is in no list: one viewer's own of a film, which has the film's name. It is withdrawn
  /// like any other. REQUIRES: a listed stream of that name, on request.
  Result<StreamId> add_unlisted(StreamInfo info);
  /// Says anew what there is to say of a stream. REQUIRES: there is such a stream.
  void describe(StreamId id, const StreamInfo& info);
  /// Lists the stream no more, and forgets its frames. REQUIRES: there is such a stream.
  void withdraw(StreamId id);
  /// The flow that the stream's frames are written into; null if there is no such stream.
  Flow* flow(StreamId id) { return flows_.find(id); }
  /// Writes one record at the flow's head: `fill(MutableByteSpan)` writes its RTP packet, in place. When all
  /// of the frame's records are there, Overlay::published() wakes the children.
  template <class Fill>
  static void write_record(Flow& flow, const OwnRecord& record, Now now, Fill&& fill);
  /// The stream's tree as it was computed last. REQUIRES: there is such a stream.
  [[nodiscard]] const PathTree& tree(StreamId id) const;
  /// How many viewers a node has of it, by what its WATCH says. REQUIRES: there is such a stream.
  [[nodiscard]] std::uint32_t viewers_at(StreamId id, const NodeId& node) const;
  /// True while the stream has watchers.
  [[nodiscard]] bool is_watched(StreamId id);

  /// Why the request is in vain, if it is.
  struct Refusal {
    RefusedReason reason = RefusedReason::UnknownStream;
    std::string text;
  };
  std::optional<Refusal> on_watch(const Watch& message, Now now);
  void on_graph_changed(Now now);
  /// What is measured of links has changed: better ways are looked for, twice a second at most.
  void on_facts_changed(Now now);
  /// The watcher has restarted: what its former process asked for no longer counts.
  void on_restarted(const NodeId& watcher, Now now);
  struct Why {
    std::vector<std::string> lines;  // for people
    WhyOutcome outcome = WhyOutcome::Answered;
  };
  /// Why a stream goes the way it does to a node (an id, or a name that is known here), or to each that
  /// watches it where none is named.
  [[nodiscard]] Why why(StreamId id, const std::string& node, Now now) const;
  /// The same of all streams whose ways are measured, to all that watch them.
  [[nodiscard]] std::vector<std::string> why_all(Now now) const;
  /// All nodes that watch a stream of ours and can be reached.
  [[nodiscard]] std::vector<NodeId> watchers() const;

  [[nodiscard]] MonoTime next_deadline() const;
  void tick(Now now);

  /// The streams as this node's link state describes them, the default one first.
  [[nodiscard]] std::vector<StreamInfo> streams() const;
  /// How many frames of its source were refused, since the start. REQUIRES: there is such a stream.
  void set_frames_refused(StreamId id, std::uint64_t frames);
  /// Viewers, bits over the last second, and refused frames of each that is listed; a film has those of all
  /// its viewers.
  [[nodiscard]] std::vector<StreamFigures> figures() const;
  /// True if streams() has changed since the last call.
  bool take_news() { return std::exchange(news_, false); }

 private:
  struct Watcher {
    std::uint64_t incarnation = 0;
    std::uint32_t viewers = 0;
  };
  struct OwnStream {
    StreamInfo info;
    StreamFigures figures;               // as measured last
    std::map<NodeId, Watcher> watchers;  // nodes whose link states are known
    PathTree tree;
    RateLimit rate;
    bool listed = true;
    std::vector<NodeId> left_out;                // watchers that there is no room for on the way
    MonoTime roomless_since = MonoTime::max();   // and since when there has been none for others
    MonoTime better_since = MonoTime::max();     // since when there is a better tree than this one
    Duration patience{};                         // and for how long there must be
    std::optional<MeasuredTrees::Link> crowded;  // a link that it is to leave
    MonoTime due_at{};                           // and not before
    std::uint32_t kbps = 0;                      // while it flows; 0: not known yet
    std::uint32_t size = 0;                      // the same, changed when it is clearly another
    bool dirty = false;                          // the tree has to be computed again
    bool leaves = false;                         // its turn has come to leave a link that cannot carry it
    bool resend = false;                         // and sent down even if it is the same
    std::uint64_t bytes_at_measurement = 0;
    unsigned buffer_at_measurement = 0;  // Flow::buffer_number
  };

  /// A link by which a stream did not come, although both its ends live. It costs more than any way around.
  struct Avoided {
    MonoTime until;
    Duration how_long{};
  };

  Result<StreamId> add(StreamInfo info, bool listed);
  OwnStream& own(StreamId id);
  [[nodiscard]] const OwnStream& own(StreamId id) const { return const_cast<Origin*>(this)->own(id); }
  void mark(OwnStream& stream, Now now);
  void recompute_all(Now now);
  void recompute(OwnStream& stream, MeasuredTrees::Placed placed, Now now);
  [[nodiscard]] MeasuredTrees::Placed place_by_cost(const OwnStream& stream, Now now);
  [[nodiscard]] std::vector<MeasuredTrees::Demand> demands() const;
  [[nodiscard]] std::vector<MeasuredTrees::Link> avoided_links(Now now) const;
  [[nodiscard]] std::uint64_t viewers_of(const OwnStream& stream) const;
  [[nodiscard]] bool any_measured() const;
  void review(Now now);
  bool is_due(OwnStream& stream, MeasuredTrees::Placed placed, Now now);
  void wait_for_room(OwnStream& stream, MeasuredTrees::Placed& placed, Now now);
  void set_left_out(OwnStream& stream, std::vector<NodeId> left_out);
  void refuse(const OwnStream& stream, const NodeId& node);
  [[nodiscard]] std::vector<std::string> why(const OwnStream& stream, const std::vector<NodeId>& nodes,
                                             Now now) const;
  void log_routes(const OwnStream& stream, const PathTree& tree);
  [[nodiscard]] std::string what_changed(const OwnStream& stream, const RouteChange& change) const;
  void avoid(OwnStream& stream, const Watch& complaint, Now now);
  [[nodiscard]] const Graph& graph(Now now);
  void measure(OwnStream& stream, Duration elapsed);

  OverlayState& state_;
  FlowTable& flows_;
  const Interests& interests_;
  const Neighbours& neighbours_;  // for their names
  std::vector<OwnStream> streams_;
  MonoTime recompute_at_ = MonoTime::max();
  MonoTime measured_at_{};
  bool news_ = false;
  std::uint64_t unlisted_made_ = 0;
  MeasuredTrees measured_;
  MonoTime review_at_ = MonoTime::max();
  RateLimit review_rate_;
  std::map<std::pair<NodeId, NodeId>, Avoided> avoided_;
  Graph without_avoided_;  // made when it is needed
};

template <class Fill>
void Origin::write_record(Flow& flow, const OwnRecord& record, Now now, Fill&& fill) {
  const MutableByteSpan room = flow.room(kRecordHeaderBytes + record.rtp_bytes);
  fill(room.subspan(kRecordHeaderBytes));
  Header header;
  header.type = MessageType::Data;
  header.flags =
      static_cast<std::uint8_t>((record.sync_point ? kSyncPoint : 0) | (record.first ? kFirstOfFrame : 0) |
                                (record.last ? kLastOfFrame : 0));
  header.length = static_cast<std::uint32_t>(room.size() - kHeaderBytes);
  store_record_header(
      room.data(), header, flow.label, record.frame,
      static_cast<std::uint64_t>(std::max<Duration::rep>(now.wall.time_since_epoch().count(), 0)));
  flow.buffer.commit(*parse_record(header, room), now.mono);
}

}  // namespace ott
