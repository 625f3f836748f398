// Schedules: an overlay of the real engine, made up from a seed, and a random sequence of what may happen to
// it; then all is mended, and the invariants are checked. The same seed gives the same run.
//
// A schedule of faults has crashes, restarts, planned leaves, stalls, silent links, lost connections and
// partitions. Viewers get every frame that some ring holds, once and in order.
//
// One of pictures has the same faults, and a stream in which a frame needs those before it, back to the last
// sync point: viewers begin and go on at sync points.
//
// In one of commands viewers also pause, go on and change streams at random. When they have all gone, nothing
// that served them is left anywhere.
//
// A hostile one has, beside some of those, nodes and guests that send what is valid in form and wrong in
// meaning, and hosts whose wall clocks differ and jump. hostile_schedule.h says what holds then. For one of
// guests, guest_schedule.h does, and for one of sources source_schedule.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ott::sim {

enum class Kind : std::uint8_t { Faults, Pictures, Hostile, Commands, Guests, Sources };
std::string_view to_string(Kind kind);

/// In some overlays some viewers have one neighbour alone. When that is gone they go on as guests of others,
/// and are members again when it returns.
inline bool has_lonely_viewers(std::uint64_t seed) { return seed % 12 == 2; }

struct ScheduleResult {
  std::optional<std::string> violation;  // which invariant, of which member, with the seed
  std::uint64_t frames = 0;              // that all viewers got
  std::uint64_t lost_with_age = 0;
  std::uint64_t skipped = 0;  // up to sync points, after outages that the viewer's parents did not bridge
  std::uint64_t faults = 0;
  double virtual_seconds = 0;
};

/// `trace`: print each fault and each log line with its virtual time.
ScheduleResult run_schedule(std::uint64_t seed, Kind kind = Kind::Faults, bool trace = false);

}  // namespace ott::sim
