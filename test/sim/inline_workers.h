// Workers without threads: each job runs when it is submitted, or, for tests of what is slow, when they say
// so.
#pragma once

#include <deque>
#include <memory>
#include <vector>

#include "ott/assert.h"
#include "ott/worker.h"

namespace ott::sim {

class InlineWorkers : public Workers {
 public:
  /// `at_once`: jobs are done when submit() returns.
  explicit InlineWorkers(bool at_once = true) : shared_(std::make_shared<Shared>()) {
    shared_->at_once = at_once;
  }

  std::unique_ptr<WorkQueue> make_queue(WorkKind, WorkLimits limits) override {
    return std::make_unique<Queue>(shared_, limits);
  }

  void set_at_once(bool at_once) { shared_->at_once = at_once; }
  /// Runs the job that has waited longest; false if none does.
  bool run_one() {
    if (shared_->waiting.empty()) return false;
    const Waiting next = std::move(shared_->waiting.front());
    shared_->waiting.pop_front();
    next.run();
    return true;
  }
  [[nodiscard]] std::size_t waiting() const { return shared_->waiting.size(); }

 private:
  struct Jobs {
    WorkLimits limits;
    std::deque<std::pair<std::unique_ptr<Job>, std::size_t>> waiting;
    std::deque<std::unique_ptr<Job>> done;
    std::size_t bytes = 0;
  };
  struct Waiting {
    std::shared_ptr<Jobs> jobs;
    void run() const {
      auto [job, bytes] = std::move(jobs->waiting.front());
      jobs->waiting.pop_front();
      jobs->bytes -= bytes;
      job->run();
      if (jobs->limits.collected) jobs->done.push_back(std::move(job));
    }
  };
  struct Shared {
    bool at_once = true;
    std::deque<Waiting> waiting;
  };

  class Queue : public WorkQueue {
   public:
    Queue(std::shared_ptr<Shared> shared, WorkLimits limits)
        : shared_(std::move(shared)), jobs_(std::make_shared<Jobs>()) {
      jobs_->limits = limits;
    }
    [[nodiscard]] bool has_room(std::size_t bytes) const override {
      const std::size_t jobs = jobs_->waiting.size();
      return jobs == 0 || (jobs < jobs_->limits.jobs && jobs_->bytes + bytes <= jobs_->limits.bytes);
    }
    void submit(std::unique_ptr<Job> job, std::size_t bytes) override {
      OTT_ASSERT(has_room(bytes));
      jobs_->waiting.emplace_back(std::move(job), bytes);
      jobs_->bytes += bytes;
      if (shared_->at_once) return Waiting{jobs_}.run();
      shared_->waiting.push_back({jobs_});
    }
    std::unique_ptr<Job> collect() override {
      if (jobs_->done.empty()) return nullptr;
      auto job = std::move(jobs_->done.front());
      jobs_->done.pop_front();
      return job;
    }
    [[nodiscard]] std::size_t unfinished() const override { return jobs_->waiting.size(); }

   private:
    std::shared_ptr<Shared> shared_;
    std::shared_ptr<Jobs> jobs_;
  };

  std::shared_ptr<Shared> shared_;
};

}  // namespace ott::sim
