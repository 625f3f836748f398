// Streams that are wanted at this node and do not come: since when, and why. A node says why from what it
// knows of the overlay: how its parent's link ended, whether there is a path to the origin, whether the
// origin lists the stream. Where it has a parent, the parent may know better: each node tells its children
// and guests by ABSENT what it says itself, so the reason of the uppermost node arrives at every viewer below
// it.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "overlay/flow_table.h"
#include "overlay/handshakes.h"
#include "overlay/neighbours.h"
#include "overlay/stream_list.h"

namespace ott {

class Absences {
 public:
  struct Absence {
    MonoTime since;      // when its last frame came, or when it was first wanted here
    std::string reason;  // for people
  };

  Absences(OverlayState& state, const Neighbours& neighbours, const Handshakes& handshakes,
           const StreamList& streams, const Interests& interests, FlowTable& flows)
      : state_(state),
        neighbours_(neighbours),
        handshakes_(handshakes),
        streams_(streams),
        interests_(interests),
        flows_(flows) {}

  /// Null while the stream comes, as long as it has not been away for a second (three frames, if these come
  /// more slowly; and a second more if there is a parent that may say why), and when nobody wants it.
  [[nodiscard]] const Absence* find(StreamId stream) const;
  /// Why a stream that is wanted does not come, at this moment.
  [[nodiscard]] std::string why(StreamId stream) const;

  /// A stream that is wanted by this process itself, is listed as live, and has been away for longer than the
  /// access node may need to get it: the first such one, and since when.
  [[nodiscard]] std::optional<std::pair<const KnownStream*, MonoTime>> withheld() const;

  /// A link is about to be taken from the flows whose parent it is.
  void on_link_ended(const PeerLink& link);
  void on_absent(const PeerLink& link, const Absent& message);
  /// The origin refuses the stream, and says why.
  void on_refused(StreamId stream, const std::string& why);
  /// A guest wants a stream: it hears at once if that is away.
  void on_guest(StreamId stream, PeerLink& guest);

  [[nodiscard]] MonoTime next_deadline() const { return wanted_.empty() ? MonoTime::max() : look_at_; }
  void tick(Now now);

 private:
  struct Wanted {
    MonoTime since;
    std::optional<NodeId> origin;  // the last one known
    std::vector<NodeId> path;      // to the origin, while the stream came
    std::string parent_lost;       // how the link of the last parent ended; empty: it has another one
    std::string said;              // by the parent or the access node, since the last frame
    FrameNumber last;              // the last frame here, and when it came
    MonoTime last_at{};
    Duration interval{};  // between frames, as they came last
    std::optional<Absence> absence;
    std::string told;  // to children and guests
    MonoTime tell_at{};
  };

  void note_wanted(Now now);
  void look_at(StreamId stream, Wanted& wanted, Now now);
  [[nodiscard]] bool has_informant(const Flow* flow) const;
  [[nodiscard]] std::string why(StreamId stream, const Wanted& wanted) const;
  [[nodiscard]] std::string why_without_parent(StreamId stream, const Wanted& wanted) const;
  [[nodiscard]] std::string broken(const std::vector<NodeId>& path) const;
  [[nodiscard]] std::string how_ended(const PeerLink& link) const;
  void tell(StreamId stream, Wanted& wanted, Now now);

  OverlayState& state_;
  const Neighbours& neighbours_;
  const Handshakes& handshakes_;
  const StreamList& streams_;
  const Interests& interests_;
  FlowTable& flows_;
  std::map<StreamId, Wanted> wanted_;
  MonoTime look_at_{};
};

}  // namespace ott
