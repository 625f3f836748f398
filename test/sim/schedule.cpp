#include "schedule.h"

#include <fmt/format.h>

#include "faulty_overlay.h"
#include "guest_schedule.h"
#include "hostile_schedule.h"
#include "source_schedule.h"

namespace ott::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Duration kStartUp = seconds(3);
constexpr Duration kMending = seconds(12);  // the longest back-off there is, and some
constexpr std::size_t kOutboxBytesMax = 256U << 10U;

/// Of pictures that need each other it is from a tenth of a second to half a minute, longer than any history.
std::uint64_t gop_of(Kind kind, std::uint64_t seed) {
  return kind == Kind::Pictures ? std::uint64_t{2} << (seed % 9) : 1;
}

/// Whoever had to wait for a sync point has met one by the end of it.
Duration mending(std::uint64_t gop) {
  return std::max<Duration>(kMending, static_cast<Duration::rep>(gop) * Peer::kFrameInterval + seconds(3));
}

class FaultSchedule : FaultyOverlay {
 public:
  FaultSchedule(std::uint64_t seed, Kind kind, bool trace)
      : FaultyOverlay(seed, trace, gop_of(kind, seed)), kind_(kind) {
    if (commands()) members_[origin_].duty.publishes = kStreams;
  }
  ScheduleResult run();

 private:
  static constexpr unsigned kStreams = 2;

  [[nodiscard]] bool commands() const { return kind_ == Kind::Commands; }
  void command();
  void check_bounds();
  void check_viewers();
  void check_ledger(const std::string& viewer, const Ledger& ledger);

  Kind kind_;
};

/// Some viewers pause, go on or change streams, some of them several times within a moment.
void FaultSchedule::command() {
  for (std::size_t n = 1 + pick(8); n > 0; --n) {
    const std::size_t index = relays_ + 1 + pick(members_.size() - relays_ - 1);
    Peer* viewer = peer(index);
    if (viewer == nullptr || members_[index].stopped) continue;
    const Now now = network_.now_at(members_[index].address);
    const auto stream = static_cast<unsigned>(pick(kStreams));
    at_once(fmt::format("{} {}", index,
                        viewer->paused() ? fmt::format("watches {}", stream) : "pauses or changes"));
    if (viewer->paused() || pick(2) == 0) {
      viewer->resume(stream, now);
    } else {
      viewer->pause(now);
    }
    network_.wake(members_[index].address);
    if (pick(2) == 0) pass(between(milliseconds(1), milliseconds(400)));
  }
}

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
    const Ledger& ledger = members_[i].ledger;
    check_ledger(fmt::format("viewer {}", i), ledger);
    // A parent that was away longer than its history waits for a sync point, and who comes to it waits with
    // it.
    if (kind_ == Kind::Pictures) {
      result_.skipped += ledger.skipped;
    } else if (ledger.skipped > 0)
      violated(fmt::format("viewer {} was skipped {} frames on fast links", i, ledger.skipped));
    // Audio may be skipped: where something stands still, it soon lags by more than its bound.
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
}

ScheduleResult FaultSchedule::run() {
  start_all();
  pass(kStartUp);
  for (std::size_t i = 4 + pick(12); i > 0; --i) {
    fault();
    if (commands()) command();
    pass(between(milliseconds(1), milliseconds(1500)));
    check_bounds();
  }
  mend();
  for (std::size_t i = relays_ + 1; commands() && i < members_.size(); ++i) {
    peer(i)->resume(0, network_.now_at(members_[i].address));
    network_.wake(members_[i].address);
  }
  pass(mending(gop_of(kind_, seed_)));
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
    case Kind::Commands:
      return "commands";
    case Kind::Guests:
      return "guests";
    case Kind::Sources:
      return "sources";
  }
  return "?";
}

ScheduleResult run_schedule(std::uint64_t seed, Kind kind, bool trace) {
  if (kind == Kind::Hostile) return run_hostile_schedule(seed, trace);
  if (kind == Kind::Guests) return run_guest_schedule(seed, trace);
  if (kind == Kind::Sources) return run_source_schedule(seed, trace);
  return FaultSchedule(seed, kind, trace).run();
}

}  // namespace ott::sim
