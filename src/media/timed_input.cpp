#include "media/timed_input.h"

#include <algorithm>

namespace ott {
namespace {

/// A source that is further behind than this starts counting anew, and does not catch up.
constexpr Duration kBehindMax = std::chrono::milliseconds(500);
/// Parts that are further behind the newest have come to their end, or are sparse: nobody waits for them.
constexpr Duration kApartMax = std::chrono::seconds(2);
/// What a worker reads at once: enough for a while, and little enough to be there soon.
constexpr Duration kReadAtOnce = std::chrono::milliseconds(40);
constexpr std::size_t kReadUnitsMax = 64;
constexpr std::size_t kReadBytesMax = std::size_t{256} << 10;
constexpr std::size_t kRefusedAtOnceMax = 16;
/// The pause after a read that had nothing but what is refused.
constexpr Duration kPauseAfterNothing = std::chrono::milliseconds(100);

}  // namespace

/// The job owns the source: one that takes the job takes the source with it.
class TimedInput::Reading : public Job {
 public:
  explicit Reading(std::unique_ptr<TimedSource> from) : source(std::move(from)) {}

  void run() override {
    const Duration begin = source->position();
    std::size_t bytes = 0;
    while (!source->ended() && units.size() < kReadUnitsMax && bytes < kReadBytesMax &&
           refused.size() < kRefusedAtOnceMax && source->position() - begin < kReadAtOnce) {
      const std::size_t before = units.size();
      if (const auto read = source->read(zero, units); !read) refused.push_back(read.error().message);
      for (std::size_t i = before; i < units.size(); ++i) bytes += units[i].bytes.size();
    }
  }

  std::unique_ptr<TimedSource> source;
  WallTime zero;
  std::vector<PackedUnit> units;
  std::vector<std::string> refused;
};

TimedInput::TimedInput(std::unique_ptr<TimedSource> source, InputSink& sink, Workers& workers)
    : Input(source->info()),
      sink_(sink),
      parts_(source->parts()),
      shows_time_(source->shows_time()),
      queue_(workers.make_queue(WorkKind::Input, {.jobs = 1})),
      job_(std::make_unique<Reading>(std::move(source))),
      queues_(parts_.size()) {}

TimedInput::~TimedInput() = default;

void TimedInput::start(Now now) {
  started_ = true;
  sink_.on_parts(parts_, now);
  const Queue* first = first_due();
  const Duration position = first != nullptr ? due(*first) : position_;
  zero_ = {now.mono - position, now.wall - position};
  step(now);
}

void TimedInput::stop(Now) {
  started_ = false;
  if (!shows_time_) return;
  for (Queue& queue : queues_) queue = {};
  units_ = bytes_ = 0;
  unwanted_ = job_ == nullptr;
}

/// While a worker reads there is no deadline but that of what is there: the worker says when it is done.
MonoTime TimedInput::next_deadline() const {
  if (!started_ || over_) return MonoTime::max();
  const Queue* next = first_due();
  const MonoTime due_at = next != nullptr ? time_of(due(*next)) : MonoTime::max();
  if (job_ == nullptr || source_ended_) return due_at;
  const auto until = known_until();
  const MonoTime read_at = until ? time_of(*until) - kAhead : read_at_;
  const bool is_full = units_ >= kUnitsMax || bytes_ >= kBytesMax;
  return is_full ? due_at : std::min(due_at, std::max(read_at, read_at_));
}

void TimedInput::step(Now now) {
  if (over_) return;
  collect(now);
  if (!started_) return;
  push_due(now);
  read_ahead(now);
  if (source_ended_ && !has_units() && job_ != nullptr) {
    over_ = true;
    sink_.on_end(now);
  }
}

void TimedInput::collect(Now now) {
  if (job_ != nullptr) return;
  auto done = queue_->collect();
  if (done == nullptr) return;
  job_.reset(static_cast<Reading*>(done.release()));
  position_ = job_->source->position();
  source_ended_ = job_->source->ended();
  if (job_->units.empty() && !job_->refused.empty()) read_at_ = now.mono + kPauseAfterNothing;
  for (const std::string& why : job_->refused) sink_.refuse(why, now);
  if (!std::exchange(unwanted_, false)) keep(*job_);
  job_->units.clear();
  job_->refused.clear();
}

void TimedInput::keep(Reading& done) {
  for (PackedUnit& unit : done.units) {
    Queue& queue = queues_[unit.part];
    queue.newest = std::max(queue.newest.value_or(unit.time), unit.time);
    ++units_;
    bytes_ += unit.bytes.size();
    queue.units.push_back(std::move(unit));
  }
}

/// Up to when what has been read is whole; nothing if nothing is there.
std::optional<Duration> TimedInput::known_until() const {
  std::optional<Duration> newest, until;
  for (const Queue& queue : queues_) {
    if (queue.newest) newest = std::max(newest.value_or(*queue.newest), *queue.newest);
  }
  for (const Queue& queue : queues_) {
    if (queue.newest && *queue.newest + kApartMax >= *newest)
      until = std::min(until.value_or(*queue.newest), *queue.newest);
  }
  return until;
}

void TimedInput::read_ahead(Now now) {
  if (job_ == nullptr || source_ended_ || now.mono < read_at_) return;
  if (units_ >= kUnitsMax || bytes_ >= kBytesMax) return;
  const auto until = known_until();
  if (until && has_units() && time_of(*until) > now.mono + kAhead) return;
  job_->zero = zero_.wall;
  queue_->submit(std::move(job_));
}

/// When a part's first unit is due. A picture that is shown later than those behind it, which need it, is due
/// with them.
Duration TimedInput::due(const Queue& queue) const {
  constexpr std::size_t kReorderedMax = 16;
  Duration first = queue.units.front().time;
  const std::size_t looked_at = std::min(queue.units.size(), kReorderedMax);
  for (std::size_t i = 1; i < looked_at; ++i) first = std::min(first, queue.units[i].time);
  return first;
}

TimedInput::Queue* TimedInput::first_due() {
  Queue* first = nullptr;
  for (Queue& queue : queues_) {
    if (!queue.units.empty() && (first == nullptr || due(queue) < due(*first))) first = &queue;
  }
  return first;
}

void TimedInput::push_due(Now now) {
  while (Queue* queue = first_due()) {
    const MonoTime due_at = time_of(due(*queue));
    if (now.mono < due_at) return;
    if (const Duration late = now.mono - due_at; late > kBehindMax) {
      zero_.mono += late;
      zero_.wall += late;
    }
    const PackedUnit unit = std::move(queue->units.front());
    queue->units.pop_front();
    --units_;
    bytes_ -= unit.bytes.size();
    unit.push_to(sink_, zero_.wall, now);
    if (!started_) return;
  }
}

}  // namespace ott
