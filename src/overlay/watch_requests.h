// WATCH: asks a stream's origin for a place in its tree, for this process and its guests, and passes on what
// others ask. The origin hears of a first viewer at once, and again until the stream comes. It hears of other
// changes of the number of viewers a little later, since they change no tree.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "overlay/flow_table.h"
#include "overlay/origin.h"
#include "overlay/stream_list.h"

namespace ott {

class WatchRequests {
 public:
  WatchRequests(OverlayState& state, LinkStates& states, const StreamList& streams, Interests& interests,
                FlowTable& flows, Origin& origin)
      : state_(state),
        states_(states),
        streams_(streams),
        interests_(interests),
        flows_(flows),
        origin_(origin) {}

  /// This process itself wants a stream (its local reader reads the flow's buffer), or no longer.
  void watch_here(StreamId stream, bool wanted, Now now);
  void on_watch(PeerLink& link, const Watch& message, Now now);
  void on_refused(PeerLink& link, const Refused& message, Now now);
  /// A guest no longer wants a stream, or is gone.
  void on_guest_stop(PeerLink& link, StreamId stream, Now now);
  void on_link_ended(PeerLink& link, Now now);
  /// The graph or some origin's streams have changed, or origins may have lost what this node asked for.
  void on_overlay_changed(Now now);
  void tell_all(Now now);
  /// The stream has lost its way here, or children have asked for it.
  void on_flow_changed(StreamId stream, Now now);
  /// The origin counts this node as a watcher although it is none, or does not count it.
  void correct(StreamId stream, Now now);
  /// There is no room for the stream here: guests that want it hear of it.
  void refuse_guests(StreamId stream);
  /// The stream's parent lives and sends nothing of the stream.
  void complain(StreamId stream, Now now);

  [[nodiscard]] MonoTime next_deadline() const;
  void tick(Now now);

 private:
  struct Request {
    std::uint32_t told = 0;  // viewers, as the origin knows them
    /// As it was known last: it hears of the end of a stream that is known here no more.
    std::optional<NodeId> origin{};
    bool asking = false;  // repeated until the stream comes here
    MonoTime tell_at = MonoTime::max();
    MonoTime correct_at{};  // an origin that does not count this node hears of it again then
    std::string refused;    // the refusal that the log has; for the same one again, at refused_log_at
    MonoTime refused_log_at{};
  };

  void on_guest_watch(PeerLink& link, const Watch& message, Now now);
  void changed(StreamId stream, Now now);
  void tell(StreamId stream, Request& request, Now now, const NodeId& starved_by = {});
  [[nodiscard]] std::optional<NodeId> origin_of(StreamId stream) const;
  [[nodiscard]] bool wanted(StreamId stream) const;
  [[nodiscard]] bool is_served(StreamId stream) const;
  [[nodiscard]] Tracker route(const NodeId& origin, const NodeId& not_by) const;
  void refuse(PeerLink& guest, StreamId stream, RefusedReason reason, const std::string& text);

  OverlayState& state_;
  LinkStates& states_;
  const StreamList& streams_;
  Interests& interests_;
  FlowTable& flows_;
  Origin& origin_;
  std::map<StreamId, Request> requests_;
};

}  // namespace ott
