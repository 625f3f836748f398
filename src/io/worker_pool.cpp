#include "io/worker_pool.h"

#include <pthread.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <condition_variable>
#include <csignal>
#include <deque>
#include <mutex>
#include <system_error>
#include <thread>

#include "ott/assert.h"

namespace ott {
namespace {

constexpr std::size_t kKinds = 2;
constexpr std::array<unsigned, kKinds> kThreadsMax = {WorkerPool::kInputThreads, WorkerPool::kOutputThreads};

}  // namespace

/// All of it is guarded by State::mutex.
struct WorkerPool::Queue {
  struct Waiting {
    std::unique_ptr<Job> job;
    std::size_t bytes = 0;
  };

  WorkKind kind = WorkKind::Input;
  WorkLimits limits;
  std::deque<Waiting> waiting;
  std::deque<std::unique_ptr<Job>> done;
  std::size_t bytes = 0;   // of the jobs that wait or run
  bool running = false;    // one of its jobs is running
  bool scheduled = false;  // running, or among the runnable
  bool collected = true;   // if not, jobs that are done are destroyed

  [[nodiscard]] std::size_t unfinished() const { return waiting.size() + (running ? 1 : 0); }
};

struct WorkerPool::State {
  struct Lane {
    std::condition_variable wake;
    std::deque<std::shared_ptr<Queue>> runnable;
    unsigned threads = 0;
    unsigned idle = 0;
    unsigned running = 0;  // jobs
  };

  std::mutex mutex;
  std::array<Lane, kKinds> lanes;
  std::condition_variable changed;  // a thread has ended, or has done a job and found no other
  Fd ready{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  bool stopping = false;

  /// REQUIRES: the mutex is held.
  void schedule(const std::shared_ptr<Queue>& queue) {
    lanes[static_cast<std::size_t>(queue->kind)].runnable.push_back(queue);
    queue->scheduled = true;
  }

  /// One more thread if there is more to do than threads that wait for it. REQUIRES: the mutex is held.
  static void start_thread_if_needed(const std::shared_ptr<State>& state, std::size_t kind);

  void say_ready() const {
    const std::uint64_t one = 1;
    // It fails only when the counter is full: then it is readable already.
    (void)!::write(ready.get(), &one, sizeof one);
  }
};

/// What the owner of a queue holds.
class WorkerPool::Handle : public WorkQueue {
 public:
  Handle(std::shared_ptr<State> state, WorkKind kind, WorkLimits limits)
      : state_(std::move(state)), queue_(std::make_shared<Queue>()) {
    queue_->kind = kind;
    queue_->limits = limits;
    queue_->collected = limits.collected;
  }

  ~Handle() override {
    std::deque<Queue::Waiting> dropped;
    std::deque<std::unique_ptr<Job>> done;
    const std::lock_guard lock(state_->mutex);
    queue_->collected = false;
    done.swap(queue_->done);
    if (queue_->kind == WorkKind::Input) dropped.swap(queue_->waiting);
  }

  [[nodiscard]] bool has_room(std::size_t bytes) const override {
    const std::lock_guard lock(state_->mutex);
    return has_room_now(bytes);
  }

  void submit(std::unique_ptr<Job> job, std::size_t bytes) override {
    const std::lock_guard lock(state_->mutex);
    OTT_ASSERT(has_room_now(bytes));
    queue_->bytes += bytes;
    queue_->waiting.push_back({std::move(job), bytes});
    if (queue_->scheduled) return;
    state_->schedule(queue_);
    const auto kind = static_cast<std::size_t>(queue_->kind);
    State::start_thread_if_needed(state_, kind);
    state_->lanes[kind].wake.notify_one();
  }

  std::unique_ptr<Job> collect() override {
    const std::lock_guard lock(state_->mutex);
    if (queue_->done.empty()) return nullptr;
    auto job = std::move(queue_->done.front());
    queue_->done.pop_front();
    return job;
  }

  [[nodiscard]] std::size_t unfinished() const override {
    const std::lock_guard lock(state_->mutex);
    return queue_->unfinished();
  }

 private:
  [[nodiscard]] bool has_room_now(std::size_t bytes) const {
    const std::size_t jobs = queue_->unfinished();
    return jobs == 0 || (jobs < queue_->limits.jobs && queue_->bytes + bytes <= queue_->limits.bytes);
  }

  std::shared_ptr<State> state_;
  std::shared_ptr<Queue> queue_;
};

void WorkerPool::State::start_thread_if_needed(const std::shared_ptr<State>& state, std::size_t kind) {
  Lane& lane = state->lanes[kind];
  if (lane.idle >= lane.runnable.size() && lane.threads > 0) return;
  if (lane.threads >= kThreadsMax[kind]) return;
  // Signals are for the loop's thread: none may be delivered to a worker.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  try {
    std::thread(&WorkerPool::work, state, kind).detach();
    ++lane.threads;
  } catch (const std::system_error&) {
    // The host allows no more threads. The threads that there are do the work; without any the process cannot
    // go on.
    if (lane.threads == 0) throw;
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

WorkerPool::WorkerPool() : state_(std::make_shared<State>()) {
  OTT_ASSERT(state_->ready.valid());
  const std::lock_guard lock(state_->mutex);
  for (std::size_t kind = 0; kind < kKinds; ++kind) State::start_thread_if_needed(state_, kind);
}

WorkerPool::~WorkerPool() { (void)shut_down(Duration{}); }

std::unique_ptr<WorkQueue> WorkerPool::make_queue(WorkKind kind, WorkLimits limits) {
  return std::make_unique<Handle>(state_, kind, limits);
}

int WorkerPool::ready_fd() const { return state_->ready.get(); }

void WorkerPool::acknowledge() {
  std::uint64_t count = 0;
  (void)!::read(state_->ready.get(), &count, sizeof count);
}

bool WorkerPool::finish_output(Duration at_most) {
  const State::Lane& lane = state_->lanes[static_cast<std::size_t>(WorkKind::Output)];
  std::unique_lock lock(state_->mutex);
  return state_->changed.wait_for(lock, at_most,
                                  [&lane] { return lane.runnable.empty() && lane.running == 0; });
}

bool WorkerPool::shut_down(Duration at_most) {
  // An input job is not waited for, except for this moment in which a short one ends.
  constexpr Duration kInputPatience = std::chrono::milliseconds(50);
  std::unique_lock lock(state_->mutex);
  state_->stopping = true;
  for (State::Lane& lane : state_->lanes) lane.wake.notify_all();
  const auto ended = [this](WorkKind kind) {
    return state_->lanes[static_cast<std::size_t>(kind)].threads == 0;
  };
  const bool written = state_->changed.wait_for(lock, at_most, [&ended] { return ended(WorkKind::Output); });
  const bool read = state_->changed.wait_for(lock, std::min(at_most, kInputPatience),
                                             [&ended] { return ended(WorkKind::Input); });
  return written && read;
}

void WorkerPool::work(const std::shared_ptr<State>& state, std::size_t kind) {
  State::Lane& lane = state->lanes[kind];
  const bool finishes = kind == static_cast<std::size_t>(WorkKind::Output);
  std::unique_lock lock(state->mutex);
  while (true) {
    ++lane.idle;
    lane.wake.wait(lock, [&] { return state->stopping || !lane.runnable.empty(); });
    --lane.idle;
    if (state->stopping && (!finishes || lane.runnable.empty())) break;
    const std::shared_ptr<Queue> queue = std::move(lane.runnable.front());
    lane.runnable.pop_front();
    queue->scheduled = false;
    if (queue->waiting.empty()) continue;  // its owner is gone
    Queue::Waiting now = std::move(queue->waiting.front());
    queue->waiting.pop_front();
    queue->scheduled = queue->running = true;
    ++lane.running;
    lock.unlock();
    now.job->run();
    lock.lock();
    if (!queue->collected) {  // destroying it may take time, too
      lock.unlock();
      now.job.reset();
      lock.lock();
    }
    queue->running = queue->scheduled = false;
    queue->bytes -= now.bytes;
    if (now.job && queue->collected) {
      queue->done.push_back(std::move(now.job));
      state->say_ready();
    }
    if (!queue->waiting.empty()) state->schedule(queue);
    --lane.running;
    if (lane.runnable.empty()) state->changed.notify_all();
  }
  --lane.threads;
  state->changed.notify_all();
}

}  // namespace ott
