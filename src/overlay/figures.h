// How streams are doing: viewers and bit rates, which change all the time and are therefore not flooded but
// asked for. A query goes to each origin; an access node asks for its guests, all of them at once.
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

  /// Asks for this process itself; `round()` changes once the answers are here, or are late.
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
  std::set<NodeId> awaited_;                   // origins that have not answered
  std::map<LinkId, std::uint32_t> guests_;     // that are to be told, and the numbers of their queries
  MonoTime answer_at_ = MonoTime::max();       // the end of this round at the latest
  std::uint32_t number_ = 0;
  unsigned round_ = 0;
};

}  // namespace ott
