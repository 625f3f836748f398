// What happens in the overlay, as this process sees it: nodes, links and streams that come and go, and
// streams that take other ways. By comparing what is known now with what was known before.
#pragma once

#include <deque>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "media/live_events.h"
#include "role/overview.h"

namespace ott {

class OverlayEvents {
 public:
  OverlayEvents(const Overlay& overlay, EventLog& log) : overlay_(overlay), log_(log) {}

  /// Looks whether something has happened. True if links have come or gone.
  bool step(const Overview& overview, Now now);
  [[nodiscard]] MonoTime next_deadline() const { return std::min(look_at_, fared_at_); }
  struct Said {
    WallTime time;
    std::string text;
  };
  /// The newest last, at most kRecentMax.
  [[nodiscard]] const std::deque<Said>& recent() const { return recent_; }
  static constexpr std::size_t kRecentMax = 50;

 private:
  struct Event : JsonLine {
    Event(std::string_view kind, std::string_view text, Now now);
    Said said;
  };
  struct Watched {
    PathTree tree;
    std::vector<std::uint32_t> viewers;
    /// Of nodes that have gone: their guests watch on at others, and tell those.
    std::uint64_t homeless = 0;
    std::uint64_t homeless_lost = 0;  // frames, so far
    MonoTime homeless_since{};
  };
  /// Viewers that have another way: how they fared is known a little later.
  struct Moved {
    MonoTime at;
    std::string stream;
    std::map<NodeId, std::uint64_t> lost;  // frames, by the node where they watch, before
    std::uint64_t viewers = 0;
    std::string by;
  };
  void compare_graph(const Overview& overview, Now now);
  void compare_streams(const Overview& overview, Now now);
  void compare_ways(const Overview& overview, Now now);
  void way_changed(const std::string& stream, const Watched& before, const Overview::Known& now_known,
                   const Overview& overview, Now now);
  void look_for_homeless(const std::string& stream, Watched& before, const Overview::Known& now_known,
                         const Overview& overview, Now now);
  void say_how_they_fared(const Overview& overview, Now now);
  bool is_alone(std::size_t nodes, Now now);
  void say(Event& event);

  const Overlay& overlay_;
  EventLog& log_;
  bool begun_ = false;                         // what is there at first has not come
  bool alone_ = false;                         // all links are lost: nothing is known of the others
  std::uint64_t edition_ = ~std::uint64_t{0};  // of the graph; for a guest, of what its access node shows
  std::uint64_t streams_version_ = ~std::uint64_t{0};
  MonoTime looked_at_{};
  MonoTime look_at_ = MonoTime::max();  // what has changed is looked at then
  MonoTime fared_at_ = MonoTime::max();
  std::set<NodeId> nodes_;
  std::set<std::pair<NodeId, NodeId>> links_;
  std::map<StreamId, KnownStream> streams_;
  std::map<StreamId, Watched> ways_;
  std::vector<Moved> moved_;
  std::deque<Said> recent_;
  MonoTime failed_at_{};  // when a node or link has gone last
};

}  // namespace ott
