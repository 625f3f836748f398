// WHY: asks a stream's origin why the stream goes to a node the way it does (way_report.h). It travels like
// QUERY; a guest's goes to its access node, which asks in its own name.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "overlay/origin.h"
#include "overlay/stream_list.h"

namespace ott {

class Whys {
 public:
  Whys(OverlayState& state, const StreamList& streams, Origin& origin)
      : state_(state), streams_(streams), origin_(origin) {}

  using Number = std::uint32_t;
  /// Asks for this process itself; `node` is an id or a name that the origin knows, empty: all that watch it.
  /// Names the question.
  Number ask(const KnownStream& stream, const std::string& node, Now now);
  /// The answer, once it is here. It is kept for a while only.
  std::optional<Origin::Why> take_answer(Number number);

  void on_why(PeerLink& link, const Why& message, Now now);
  void on_answer(PeerLink& link, const WhyAnswer& message);

 private:
  struct Asked {
    std::optional<LinkId> guest;  // that asks; none: this process itself
    Number number = 0;            // by the asker's count
    MonoTime at;
  };
  void send(Why question, Asked asked, Now now);
  void answer(const Asked& asked, Origin::Why why);

  OverlayState& state_;
  const StreamList& streams_;
  Origin& origin_;
  struct Answer {
    MonoTime asked_at;
    Origin::Why why;
  };
  std::map<Number, Asked> asked_;  // those without an answer so far
  Number number_ = 0;
  std::map<Number, Answer> answers_;  // to questions of this process itself
};

}  // namespace ott
