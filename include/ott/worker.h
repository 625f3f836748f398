// Work that takes longer than a loop may pause (a disk's reads and writes, converting a JPEG) runs elsewhere:
// on a pool of threads (src/io/worker_pool.h), or at once in a simulation. A Job owns all that it touches
// while it is away. Its owner gets it back from collect(), on the loop, when it is done: Machine::worked()
// says that there is something to collect. A worker never calls back.
#pragma once

#include <cstdint>
#include <memory>

namespace ott {

/// One piece of work, with its input and its result.
class Job {
 public:
  Job() = default;
  Job(const Job&) = delete;
  Job& operator=(const Job&) = delete;
  virtual ~Job() = default;
  /// Touches what the job owns, and nothing else. Throws nothing.
  virtual void run() = 0;
};

/// What becomes of jobs that wait when the process ends.
enum class WorkKind : std::uint8_t {
  Input,   // reading and converting: they are dropped
  Output,  // writing: they are finished, within a bound
};

struct WorkLimits {
  std::size_t jobs = 1;  // that wait or run
  std::size_t bytes = SIZE_MAX;
  bool collected = true;  // false: nobody wants the jobs back, and collect() is never called
};

/// The jobs of one owner: they run one at a time, in their order. Their owner calls it from one thread. When
/// it is destroyed, jobs that wait are dropped (Input) or still done (Output), and their results are
/// destroyed.
class WorkQueue {
 public:
  WorkQueue() = default;
  WorkQueue(const WorkQueue&) = delete;
  WorkQueue& operator=(const WorkQueue&) = delete;
  virtual ~WorkQueue() = default;

  /// False if a job of so many bytes is beyond the limits now. An idle queue has room for any.
  [[nodiscard]] virtual bool has_room(std::size_t bytes = 0) const = 0;
  /// REQUIRES: has_room(bytes).
  virtual void submit(std::unique_ptr<Job> job, std::size_t bytes = 0) = 0;
  /// The next job that is done, in the order of submission; null if there is none.
  virtual std::unique_ptr<Job> collect() = 0;
  /// Jobs that wait or run.
  [[nodiscard]] virtual std::size_t unfinished() const = 0;
};

class Workers {
 public:
  Workers() = default;
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;
  virtual ~Workers() = default;
  virtual std::unique_ptr<WorkQueue> make_queue(WorkKind kind, WorkLimits limits) = 0;
};

}  // namespace ott
