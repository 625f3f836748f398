// A question why a stream goes to somebody the way it does, until it has its answer. The stream's origin
// answers for nodes and members. It knows no guests, whom their access nodes feed: of a guest the answer is
// its link, and the way to its access node.
#pragma once

#include <optional>
#include <string>

#include "role/overview.h"

namespace ott {

/// The stream that a name means, as for who watches it: one of this name; else the video of its parts, or the
/// first of them. Null: there is none.
const KnownStream* stream_called(const std::vector<KnownStream>& streams, const std::string& name);

class WhyQuestion {
 public:
  /// `who`: an id or a name; empty: all that watch it. Asks at once. Both outlive it.
  WhyQuestion(Overlay& overlay, Overview& overview, const KnownStream& stream, std::string who, Now now);

  /// The answer, once it is here. While there is none it is asked for again and again. It takes some round
  /// trips; of somebody whom the origin does not know, up to kLookingMax more.
  std::optional<Origin::Why> answer(Now now);
  static constexpr Duration kLookingMax = std::chrono::milliseconds(2'500);

 private:
  std::optional<Origin::Why> look_for_guest(Now now);
  [[nodiscard]] std::vector<std::string> describe_guest(const Overview::Guest& guest) const;

  Overlay& overlay_;
  Overview& overview_;
  KnownStream stream_;
  std::string who_;
  Whys::Number asked_;
  std::optional<Origin::Why> by_origin_;  // that it is nobody to whom the stream goes
  MonoTime look_until_{};                 // for a guest
  std::optional<Overview::Guest> guest_;  // is it, and its access node is asked about
};

}  // namespace ott
