// The process's worker threads. Each kind of work has a few threads of its own, started when first needed, so
// that a disk that takes no more writes delays no source. Jobs of one queue never run at the same time.
//
// A worker that hangs in the kernel (a pipe that nobody reads, a file server that is gone) cannot be stopped.
// So what a thread touches is shared with it and outlives the pool, and shut_down() waits only so long.
#pragma once

#include <chrono>
#include <memory>

#include "io/fd.h"
#include "ott/time.h"
#include "ott/worker.h"

namespace ott {

class WorkerPool : public Workers {
 public:
  static constexpr unsigned kInputThreads = 2;
  /// For the log, the statistics and each kind of file that outlets write: one may hang without the others.
  static constexpr unsigned kOutputThreads = 6;

  WorkerPool();
  /// Shuts down without waiting for any job.
  ~WorkerPool() override;

  std::unique_ptr<WorkQueue> make_queue(WorkKind kind, WorkLimits limits) override;

  /// Readable when jobs have been done since acknowledge(). For the loop.
  [[nodiscard]] int ready_fd() const;
  void acknowledge();

  /// Waits until all output jobs are done; false if that took longer.
  bool finish_output(Duration at_most);
  /// Drops waiting input jobs, finishes output jobs and ends the threads. False if some were not done within
  /// the time: their threads are left alone, and the process has to end without running destructors.
  bool shut_down(Duration at_most);

 private:
  struct State;
  struct Queue;
  class Handle;

  static void work(const std::shared_ptr<State>& state, std::size_t kind);

  std::shared_ptr<State> state_;
};

}  // namespace ott
