// Viewers and bit rates of streams. They change all the time, so they are asked for and not flooded. A QUERY
// goes to each origin; an access node asks once for all of its guests.
#pragma once

#include <map>
#include <set>
#include <vector>

#include "overlay/origin.h"
#include "overlay/stream_list.h"

namespace ott {

class Figures {
 public:
  Figures(OverlayState& state, const StreamList& streams, Origin& origin)
      : state_(state), streams_(streams), origin_(origin) {}

  /// Asks for this process itself. `round()` changes when all answers are here or the time for them is over.
  void ask(Now now);
  [[nodiscard]] unsigned round() const { return round_; }
  [[nodiscard]] StreamFigures of(StreamId stream) const;

  void on_query(PeerLink& link, const Query& message, Now now);
  void on_report(PeerLink& link, const Report& message, Now now);

  [[nodiscard]] MonoTime next_deadline() const { return answer_at_; }
  void tick(Now now);

 private:
  void begin_round(Now now);
  void end_round();

  OverlayState& state_;
  const StreamList& streams_;
  Origin& origin_;
  std::map<StreamId, StreamFigures> figures_;  // of the last round; at most kStreamsMax
  std::map<StreamId, StreamFigures> coming_;   // of the one under way
  std::set<NodeId> awaited_;                   // origins that have not answered
  std::map<LinkId, std::uint32_t> guests_;     // that wait for a REPORT, by the number of their QUERY
  MonoTime answer_at_ = MonoTime::max();       // the end of this round at the latest
  std::uint32_t number_ = 0;
  unsigned round_ = 0;
};

}  // namespace ott
