// What peers can make a process keep, send, say and compute: each has a number here, a row in PROTOCOL.md's
// table of limits, and a counter of how often it was reached, which statistics and the report show.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "ott/time.h"

namespace ott {

struct Limits {
  // Connections.
  std::size_t handshakes = 1'024;               // connections whose handshake is not over
  std::size_t guests = 16'384;                  // at one node
  std::size_t guest_message_bytes = 4U << 10U;  // the longest body from a guest
  std::size_t guest_outbox_bytes = 32U << 10U;  // control that waits for a guest, STREAMS not counted
  std::size_t outbox_bytes = 2U << 20U;         // control that waits for a neighbour
  // What is known of the overlay.
  std::size_t link_states = 16'384;
  std::size_t link_state_bytes = 32U << 20U;
  std::size_t watches_per_guest = 16;  // streams that one guest watches
  std::size_t flows = 1'024;           // streams that pass through this node
  std::size_t unlisted_flows = 512;    // of them those that are in no list
  std::size_t films_per_guest = 16;    // a guest's own streams of films, and its requests under way
  std::size_t films = 256;             // viewers' own streams of films that begin at this node
  std::size_t looks = 256;             // LOOK that waits for its VIEW
  // Work, each a rate and a burst. What comes on top waits or is left out.
  unsigned states_per_reporter_s = 20;      // link states that are taken of one reporter
  unsigned own_states_per_s = 10;           // that this node floods
  unsigned trees_per_s = 20;                // that an origin computes for one stream
  unsigned messages_per_link_s = 100;       // PING and MESSAGE
  unsigned messages_per_guest_s = 5;        // MESSAGE
  unsigned requests_per_guest_s = 20;       // WATCH, START, STOP, QUERY, FILM, WHY, LOOK and VIEW
  unsigned looks_per_s = 100;               // LOOK that this process answers
  unsigned joins_per_s = 50;                // ACKs of nodes that find their neighbours themselves
  unsigned hellos_per_s = 100;              // datagrams of --discover that are looked at
  unsigned calls_per_s = 10;                // that such a node makes itself
  unsigned film_requests_per_link_s = 200;  // FILM by a neighbour
  unsigned log_lines_per_kind_s = 1;        // lines that peers cause, of one kind; 50 at once
  unsigned burst_s = 2;                     // how many seconds' worth may come at once
};

/// How often each limit was reached, since the start.
struct LimitCounters {
  std::uint64_t handshakes_closed = 0;
  std::uint64_t guests_refused = 0;
  std::uint64_t links_unread = 0;  // closed, since their peers read nothing
  std::uint64_t link_states_refused = 0;
  std::uint64_t watches_refused = 0;
  std::uint64_t flows_refused = 0;
  std::uint64_t states_deferred = 0;
  std::uint64_t trees_deferred = 0;
  std::uint64_t messages_dropped = 0;
  std::uint64_t numbers_refused = 0;   // out of the range in which they make sense
  std::uint64_t ids_refused = 0;       // claimed from an address that is not theirs
  std::uint64_t parents_left = 0;      // since they sent nothing
  std::uint64_t sync_points_lost = 0;  // newest ones that a ring had no room for, with what needs them
  std::uint64_t films_refused = 0;     // requests for films
  std::uint64_t joins_refused = 0;     // of nodes that find their neighbours themselves
  std::uint64_t hellos_dropped = 0;    // datagrams of --discover, unread
  std::uint64_t looks_refused = 0;     // LOOK that is not answered, or not asked
  std::uint64_t whys_refused = 0;      // WHY that is answered so
};

struct LimitCounterName {
  std::string_view name;
  std::uint64_t LimitCounters::*counter;
};
/// For statistics and the report.
inline constexpr std::array kLimitCounters = {
    LimitCounterName{"handshakes_closed", &LimitCounters::handshakes_closed},
    LimitCounterName{"guests_refused", &LimitCounters::guests_refused},
    LimitCounterName{"links_unread", &LimitCounters::links_unread},
    LimitCounterName{"link_states_refused", &LimitCounters::link_states_refused},
    LimitCounterName{"watches_refused", &LimitCounters::watches_refused},
    LimitCounterName{"flows_refused", &LimitCounters::flows_refused},
    LimitCounterName{"states_deferred", &LimitCounters::states_deferred},
    LimitCounterName{"trees_deferred", &LimitCounters::trees_deferred},
    LimitCounterName{"messages_dropped", &LimitCounters::messages_dropped},
    LimitCounterName{"numbers_refused", &LimitCounters::numbers_refused},
    LimitCounterName{"ids_refused", &LimitCounters::ids_refused},
    LimitCounterName{"parents_left", &LimitCounters::parents_left},
    LimitCounterName{"sync_points_lost", &LimitCounters::sync_points_lost},
    LimitCounterName{"films_refused", &LimitCounters::films_refused},
    LimitCounterName{"joins_refused", &LimitCounters::joins_refused},
    LimitCounterName{"hellos_dropped", &LimitCounters::hellos_dropped},
    LimitCounterName{"looks_refused", &LimitCounters::looks_refused},
    LimitCounterName{"whys_refused", &LimitCounters::whys_refused},
};

/// Lets `rate` things a second happen, and some at once after a pause.
class RateLimit {
 public:
  /// Takes one if it may happen now.
  bool take(unsigned rate_per_s, unsigned burst_s, MonoTime now) {
    const Duration each = Duration(std::chrono::seconds(1)) / rate_per_s;
    const Duration most = each * (rate_per_s * burst_s);
    if (now + most < free_at_ + each) return false;
    free_at_ = std::max(free_at_, now) + each;
    return true;
  }
  /// When the next one may happen, at the earliest.
  [[nodiscard]] MonoTime ready_at(unsigned rate_per_s, unsigned burst_s) const {
    const Duration each = Duration(std::chrono::seconds(1)) / rate_per_s;
    return free_at_ + each - each * (rate_per_s * burst_s);
  }

 private:
  MonoTime free_at_{};  // when all that was taken would have happened at the even rate
};

}  // namespace ott
