#include "schedule.h"

#include <fmt/format.h>

#include "faulty_overlay.h"
#include "hostile_schedule.h"

namespace ott::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Duration kStartUp = seconds(3);
constexpr Duration kMending = seconds(12);  // the longest back-off there is, and some
constexpr std::size_t kOutboxBytesMax = 256U << 10U;

class FaultSchedule : FaultyOverlay {
 public:
  using FaultyOverlay::FaultyOverlay;
  ScheduleResult run();

 private:
  void check_bounds();
  void check_viewers();
  void check_ledger(const std::string& viewer, const Ledger& ledger);
};

void FaultSchedule::check_bounds() {
  for (std::size_t i = 0; i < members_.size(); ++i) {
    Peer* process = peer(i);
    if (process == nullptr) continue;
    for (const PeerLink& link : process->overlay().links().all()) {
      const std::size_t waiting = link.outbox.size() - link.outbox_sent;
      if (waiting > kOutboxBytesMax)
        violated(fmt::format("{}: {} bytes of control wait for one peer", i, waiting));
    }
  }
}

void FaultSchedule::check_viewers() {
  for (std::size_t i = relays_ + 1; i < members_.size(); ++i) {
    check_ledger(fmt::format("viewer {}", i), members_[i].ledger);
    if (members_[i].duty.audio) check_ledger(fmt::format("viewer {} of audio", i), members_[i].audio_ledger);
  }
}

void FaultSchedule::check_ledger(const std::string& viewer, const Ledger& ledger) {
  result_.frames += ledger.frames;
  result_.lost_with_age += ledger.lost_with_age;
  const MonoTime now = network_.now().mono;
  if (!ledger.last_at || now - *ledger.last_at > seconds(1))
    violated(viewer + " gets nothing although its origin can be reached");
  for (const std::string& complaint : ledger.complaints) violated(viewer + ": " + complaint);
  if (ledger.lost > 0) violated(fmt::format("{} lost {} frames that rings still held", viewer, ledger.lost));
  if (ledger.skipped > 0)
    violated(fmt::format("{} was skipped {} frames on fast links", viewer, ledger.skipped));
}

ScheduleResult FaultSchedule::run() {
  start_all();
  pass(kStartUp);
  for (std::size_t i = 4 + pick(12); i > 0; --i) {
    fault();
    pass(between(milliseconds(1), milliseconds(1500)));
    check_bounds();
  }
  mend();
  pass(kMending);
  check_viewers();
  std::vector<std::size_t> viewers;
  for (std::size_t i = relays_ + 1; i < members_.size(); ++i) viewers.push_back(i);
  if (!result_.violation) check_steady_state(viewers);
  if (!result_.violation) check_nothing_is_left();
  return result();
}

}  // namespace

std::string_view to_string(Kind kind) {
  switch (kind) {
    case Kind::Faults:
      return "faults";
    case Kind::Pictures:
      return "pictures";
    case Kind::Hostile:
      return "hostile";
  }
  return "?";
}

ScheduleResult run_schedule(std::uint64_t seed, Kind kind, bool trace) {
  if (kind == Kind::Hostile) return run_hostile_schedule(seed, trace);
  // From a tenth of a second to half a minute, longer than any history.
  const std::uint64_t gop = kind == Kind::Faults ? 1 : std::uint64_t{2} << (seed % 9);
  return FaultSchedule(seed, trace, gop).run();
}

}  // namespace ott::sim
