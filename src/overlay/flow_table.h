// The flows of a node, and how they start and end. A TRACKER comes down and installs a flow; START goes up
// and begins it; STOP goes up, or a link's end, takes it away: a flow lasts as long as somebody below or
// here wants it. WATCH asks a stream's origin for a place in its tree.
#pragma once

#include <map>
#include <memory>

#include "overlay/overlay_config.h"

namespace ott {

class FlowTable {
 public:
  explicit FlowTable(OverlayState& state) : state_(state) {}

  [[gnu::hot]] Flow* find(StreamId id);
  [[nodiscard]] const std::map<StreamId, std::unique_ptr<Flow>>& all() const { return flows_; }
  /// Makes the flow of a stream of which this node is the origin.
  Result<Flow*> create_own(const StreamInfo& info);

  void on_tracker(PeerLink& link, const TrackerMessage& message, Now now);
  void on_start(PeerLink& link, const Start& message, Now now);
  void on_started(PeerLink& link, const Started& message);
  void on_stop(PeerLink& link, const Stop& message, Now now);
  /// A guest of ours wants a stream, or no longer.
  void on_guest_watch(PeerLink& link, const Watch& message, Now now);
  void on_link_ended(PeerLink& link, Now now);
  /// The overlay's graph or some origin's streams have changed.
  void on_overlay_changed(Now now);

  /// This process itself wants a stream (its local reader reads the flow's buffer), or no longer.
  void watch_here(StreamId stream, const NodeId& origin, bool wanted, Now now);
  /// Installs a tree of a stream of our own and sends it down.
  void install_own(Flow& flow, Label label, PathTree tree);

  void set_receiver(Flow& flow, PeerLink* link);
  void stop_former_parent(Flow& flow);

  [[nodiscard]] MonoTime next_deadline() const;
  void tick(Now now);

  /// Viewers of a stream at this node: its guests, and this process.
  [[nodiscard]] std::uint32_t viewers(StreamId stream) const;

 private:
  struct Watching {
    NodeId origin;
    std::vector<LinkId> guests;
    bool here = false;
    std::uint32_t told = 0;  // viewers as the origin knows them
    MonoTime tell_at = MonoTime::max();

    [[nodiscard]] std::uint32_t viewers() const {
      return static_cast<std::uint32_t>(guests.size()) + (here ? 1U : 0U);
    }
  };

  [[nodiscard]] Result<StreamBuffer> make_buffer();
  Flow* create(const NodeId& origin, const StreamInfo& info);
  void erase(Flow& flow);
  void erase_if_unneeded(Flow& flow);
  void set_parent(Flow& flow, PeerLink& link);
  void stop_parent(Flow& flow, LinkId link);
  void leave_link(Flow& flow, LinkId link);
  void install_children(Flow& flow, const Tracker& tracker);
  void install_guests(Flow& flow);
  void send_guest_tracker(Flow& flow, PeerLink& link);
  void drop_child(Flow& flow, PeerLink& link);
  void maybe_start(Flow& flow, Now now);
  [[nodiscard]] bool must_rewind(const Flow& flow, const Child& child, Now now) const;
  [[nodiscard]] bool rewind(Flow& flow, Now now);
  void watching_changed(StreamId stream, Now now);
  void ask_for_children(const Flow& flow, Now now);
  void tell_origin(StreamId stream, Watching& watching, Now now);
  [[nodiscard]] bool has_path(const Flow* flow) const;

  OverlayState& state_;
  std::map<StreamId, std::unique_ptr<Flow>> flows_;
  std::map<StreamId, Watching> watching_;
};

}  // namespace ott
