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

  /// Asks for this process itself; `node` is an id or a name that the origin knows, empty: all that watch it.
  void ask(const KnownStream& stream, const std::string& node, Now now);
  /// The answer, once.
  std::optional<std::vector<std::string>> take_answer() { return std::exchange(answer_, std::nullopt); }

  void on_why(PeerLink& link, const Why& message, Now now);
  void on_answer(PeerLink& link, const WhyAnswer& message);

 private:
  struct Asked {
    std::optional<LinkId> guest;  // that asks; none: this process itself
    std::uint32_t guest_number = 0;
    MonoTime at;
  };
  void send(Why question, Asked asked, Now now);
  void answer(const Asked& asked, std::vector<std::string> lines);

  OverlayState& state_;
  const StreamList& streams_;
  Origin& origin_;
  std::map<std::uint32_t, Asked> asked_;  // by number; those without an answer so far
  std::uint32_t number_ = 0;
  std::optional<std::vector<std::string>> answer_;
};

}  // namespace ott
