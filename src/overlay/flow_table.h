// The flows of a node, and how they start and end. A TRACKER comes down and installs a flow; START goes up
// and begins it; STOP, or the end of a link, takes it away. A flow lasts as long as this node or its subtree
// wants the stream. Interests knows what this node and its guests want. WatchRequests asks origins for places
// in their trees, and learns from take_changed() which streams have lost their way here.
#pragma once

#include <array>
#include <map>
#include <memory>

#include "overlay/interests.h"
#include "overlay/link_states.h"

namespace ott {

/// What a stream's ring takes of the budget at first, and how far it may grow.
enum class RingSize : std::uint8_t { Usual, Small };

class FlowTable {
 public:
  FlowTable(OverlayState& state, LinkStates& states, const Interests& interests)
      : state_(state), states_(states), interests_(interests) {}

  [[gnu::hot]] Flow* find(StreamId id);
  [[nodiscard]] const Flow* find(StreamId id) const { return const_cast<FlowTable*>(this)->find(id); }
  [[nodiscard]] const std::map<StreamId, std::unique_ptr<Flow>>& all() const { return flows_; }
  /// True if the stream comes here, or begins here.
  [[nodiscard]] bool has_path(StreamId id) const;
  /// True if this link is the parent of some stream here.
  [[nodiscard]] bool comes_by(LinkId link) const;
  /// True if it comes from an access node although this member has a path to its origin.
  [[nodiscard]] bool may_come_by_tree(StreamId id) const;
  /// Makes the flow of a stream of which this node is the origin.
  Result<Flow*> create_own(const StreamInfo& info, RingSize size = RingSize::Usual);
  /// Ends the flow of a stream of our own.
  void erase_own(Flow& flow);
  /// Forgets the frames of a flow of our own: its source was away for a while, and what it had before is of
  /// no use to whoever comes now.
  void forget_frames(Flow& flow, Now now);

  void on_tracker(PeerLink& link, const TrackerMessage& message, Now now);
  void on_start(PeerLink& link, const Start& message, Now now);
  void on_started(PeerLink& link, const Started& message, Now now);
  void on_stop(PeerLink& link, const Stop& message, Now now);
  void on_link_ended(PeerLink& link, Now now);
  /// The origin refuses the stream, by this link: if it is the parent, it is told to stop.
  void give_up_parent(StreamId stream, const PeerLink& link, Now now);
  /// The overlay's graph or some origin's streams have changed.
  void on_overlay_changed(Now now);

  /// Interests has changed: the stream is now wanted here, or no longer.
  void on_interest_changed(StreamId stream, Now now);
  /// Makes a guest a child of the stream if the stream comes here; drop_guest takes it away.
  void feed_guest(StreamId stream, PeerLink& link);
  void drop_guest(StreamId stream, PeerLink& link);
  /// Installs a tree of a stream of our own and sends it down. REQUIRES: its root is this node.
  void install_own(Flow& flow, Label label, const PathTree& tree, Now now);

  void set_receiver(Flow& flow, PeerLink* link);
  void stop_former_parent(Flow& flow);
  /// Sends STARTED again: the child's feed has begun anew, since the stream does not have what it asked for.
  void tell_restarted(Flow& flow, Child& child);

  /// Streams that have lost their way here, or that a child has asked for, since the last call.
  std::vector<StreamId> take_changed() { return std::exchange(changed_, {}); }
  /// Streams whose origin is wrong about whether this node watches them.
  std::vector<StreamId> take_miscounted() { return std::exchange(miscounted_, {}); }
  /// Streams that could not be taken for want of room, since the last call.
  std::vector<StreamId> take_roomless() { return std::exchange(roomless_, {}); }
  /// Streams whose parents live and have sent nothing of them for too long, since the last call.
  std::vector<StreamId> take_starving() { return std::exchange(starving_, {}); }

  [[nodiscard]] MonoTime next_deadline() const;
  void tick(Now now);

 private:
  [[nodiscard]] Result<StreamBuffer> make_buffer(RingSize size = RingSize::Usual);
  Flow* create(const NodeId& origin, const StreamInfo& info, RingSize size = RingSize::Usual);
  [[nodiscard]] bool is_invention(const TrackerMessage& message);
  void erase(Flow& flow);
  void erase_if_unneeded(Flow& flow);
  void set_parent(Flow& flow, PeerLink& link, Now now);
  void stop_parent(Flow& flow, LinkId link);
  void leave_link(Flow& flow, LinkId link);
  [[nodiscard]] bool comes_by_access(const Flow& flow) const;
  [[nodiscard]] bool is_outranked(const Flow& flow, const PeerLink& link, const TrackerMessage& message,
                                  Now now) const;
  [[nodiscard]] bool is_announced(PeerLink& link, const TrackerMessage& message) const;
  void install_children(Flow& flow, const Tracker& tracker, Now now);
  void install_guests(Flow& flow);
  void send_guest_tracker(Flow& flow, PeerLink& link);
  void drop_child(Flow& flow, PeerLink& link);
  void maybe_start(Flow& flow, Now now);
  [[nodiscard]] bool must_rewind(const Flow& flow, const Child& child, Now now) const;
  bool empty(Flow& flow);
  void rewind(Flow& flow, Now now);
  void begin_anew(Flow& flow, Now now);
  void forget_reached(Flow& flow);
  void drop_silent_children(Flow& flow, Now now);
  void note_lost_sync_points(Flow& flow);
  void erase_unlisted(Now now);

  OverlayState& state_;
  LinkStates& states_;
  const Interests& interests_;
  std::map<StreamId, std::unique_ptr<Flow>> flows_;
  std::array<Flow*, 256> recent_{};  // found last, by their ids' last bits: each record asks for its flow
  unsigned buffers_made_ = 0;
  std::vector<StreamId> changed_;
  std::vector<StreamId> miscounted_;
  std::vector<StreamId> starving_;
  std::vector<StreamId> roomless_;
  MonoTime look_at_{};  // the next look for parents that send nothing
};

}  // namespace ott
