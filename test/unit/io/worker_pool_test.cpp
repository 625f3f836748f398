#include "io/worker_pool.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "io/output.h"

namespace ott {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// What jobs are held up by, and what they leave behind. Jobs own it together.
struct Bench {
  std::mutex mutex;
  std::condition_variable changed;
  bool open = true;
  unsigned running = 0;
  unsigned running_most = 0;
  std::vector<int> order;

  void set_open(bool to) {
    const std::lock_guard lock(mutex);
    open = to;
    changed.notify_all();
  }
  bool wait_for_running(unsigned count) {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, seconds(20), [this, count] { return running == count; });
  }
};

class Step : public Job {
 public:
  Step(std::shared_ptr<Bench> bench, int its_number) : number(its_number), bench_(std::move(bench)) {}

  void run() override {
    std::unique_lock lock(bench_->mutex);
    bench_->running_most = std::max(bench_->running_most, ++bench_->running);
    bench_->changed.notify_all();
    bench_->changed.wait(lock, [this] { return bench_->open; });
    bench_->order.push_back(number);
    --bench_->running;
    bench_->changed.notify_all();
    thread = std::this_thread::get_id();
  }

  int number;
  std::thread::id thread;

 private:
  std::shared_ptr<Bench> bench_;
};

std::unique_ptr<Step> collect(WorkerPool& pool, WorkQueue& queue) {
  while (true) {
    if (auto job = queue.collect()) return std::unique_ptr<Step>(static_cast<Step*>(job.release()));
    pollfd ready{pool.ready_fd(), POLLIN, 0};
    if (::poll(&ready, 1, 20'000) != 1) return nullptr;
    pool.acknowledge();
  }
}

TEST_CASE("an owner's jobs run elsewhere, one at a time, and come back in order", "[workers]") {
  const WorkKind kind = GENERATE(WorkKind::Input, WorkKind::Output);
  WorkerPool pool;
  const auto bench = std::make_shared<Bench>();
  const auto queue = pool.make_queue(kind, {.jobs = 100});
  for (int i = 0; i < 100; ++i) queue->submit(std::make_unique<Step>(bench, i));
  for (int i = 0; i < 100; ++i) {
    const auto step = collect(pool, *queue);
    REQUIRE(step);
    CHECK(step->number == i);
    CHECK(step->thread != std::this_thread::get_id());
  }
  CHECK(queue->unfinished() == 0);
  CHECK(bench->running_most == 1);
  CHECK(pool.shut_down(seconds(20)));
}

TEST_CASE("different owners' jobs run side by side, and one that hangs holds up no other kind", "[workers]") {
  WorkerPool pool;
  const auto hung = std::make_shared<Bench>();
  hung->open = false;
  std::vector<std::unique_ptr<WorkQueue>> outputs;
  for (unsigned i = 0; i < WorkerPool::kOutputThreads; ++i) {
    outputs.push_back(pool.make_queue(WorkKind::Output, {}));
    outputs.back()->submit(std::make_unique<Step>(hung, 0));
  }
  REQUIRE(hung->wait_for_running(WorkerPool::kOutputThreads));
  const auto inputs = pool.make_queue(WorkKind::Input, {});
  inputs->submit(std::make_unique<Step>(std::make_shared<Bench>(), 7));
  const auto step = collect(pool, *inputs);
  REQUIRE(step);
  CHECK(step->number == 7);
  CHECK_FALSE(pool.finish_output(milliseconds(1)));
  hung->set_open(true);
  CHECK(pool.finish_output(seconds(20)));
  CHECK(pool.shut_down(seconds(20)));
}

TEST_CASE("a queue is bounded in jobs and bytes, and takes any job when it is idle", "[workers]") {
  WorkerPool pool;
  const auto bench = std::make_shared<Bench>();
  bench->open = false;
  const auto queue = pool.make_queue(WorkKind::Output, {.jobs = 3, .bytes = 100});
  CHECK(queue->has_room(1'000));
  queue->submit(std::make_unique<Step>(bench, 1), 60);
  CHECK_FALSE(queue->has_room(41));
  CHECK(queue->has_room(40));
  queue->submit(std::make_unique<Step>(bench, 2), 10);
  queue->submit(std::make_unique<Step>(bench, 3), 10);
  CHECK(queue->unfinished() == 3);
  CHECK_FALSE(queue->has_room());
  bench->set_open(true);
  for (int i = 0; i < 3; ++i) REQUIRE(collect(pool, *queue));
  CHECK(pool.finish_output(seconds(20)));
  CHECK(queue->has_room(1'000));
}

TEST_CASE("at the end what is to be written is written, and what is to be read is not", "[workers]") {
  WorkerPool pool;
  const auto written = std::make_shared<Bench>();
  const auto read = std::make_shared<Bench>();
  written->open = read->open = false;
  auto outputs = pool.make_queue(WorkKind::Output, {.jobs = 10});
  auto inputs = pool.make_queue(WorkKind::Input, {.jobs = 10});
  for (int i = 0; i < 10; ++i) {
    outputs->submit(std::make_unique<Step>(written, i));
    inputs->submit(std::make_unique<Step>(read, i));
  }
  REQUIRE(written->wait_for_running(1));
  REQUIRE(read->wait_for_running(1));
  CHECK_FALSE(pool.shut_down(milliseconds(1)));
  const bool owners_go_first = GENERATE(false, true);
  if (owners_go_first) {
    outputs.reset();
    inputs.reset();
  }
  written->set_open(true);
  read->set_open(true);
  CHECK(pool.shut_down(seconds(20)));
  CHECK(written->order == std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
  CHECK(read->order == std::vector<int>{0});
}

TEST_CASE("a worker that hangs outlives its pool without harm", "[workers]") {
  const auto bench = std::make_shared<Bench>();
  bench->open = false;
  {
    WorkerPool pool;
    const auto queue = pool.make_queue(WorkKind::Output, {});
    queue->submit(std::make_unique<Step>(bench, 1));
    REQUIRE(bench->wait_for_running(1));
  }
  bench->set_open(true);
  REQUIRE(bench->wait_for_running(0));
}

/// A pipe in the place of a file, which takes nothing until it is emptied.
class FullPipe {
 public:
  FullPipe() {
    REQUIRE(::pipe2(fds_, O_NONBLOCK | O_CLOEXEC) == 0);
    const std::string block(4096, '.');
    while (::write(fds_[1], block.data(), block.size()) > 0) {
    }
    REQUIRE(::fcntl(fds_[1], F_SETFL, 0) == 0);
  }
  ~FullPipe() {
    ::close(fds_[0]);
    ::close(fds_[1]);
  }
  FullPipe(const FullPipe&) = delete;
  FullPipe& operator=(const FullPipe&) = delete;

  [[nodiscard]] std::string path() const { return "/proc/self/fd/" + std::to_string(fds_[1]); }
  /// All that comes until `end` does, without what filled it.
  std::string read_until(const std::string& end) {
    std::string text;
    pollfd in{fds_[0], POLLIN, 0};
    while (!text.ends_with(end) && ::poll(&in, 1, 20'000) == 1) {
      char block[4096];
      const ssize_t n = ::read(fds_[0], block, sizeof block);
      if (n > 0) text.append(block, static_cast<std::size_t>(n));
    }
    return text.substr(std::min(text.find_first_not_of('.'), text.size()));
  }

 private:
  int fds_[2] = {-1, -1};
};

std::string say_left_out(std::uint64_t count) { return "left out: " + std::to_string(count) + "\n"; }

TEST_CASE("text for a file that takes none is bounded: the oldest goes, and the file is told", "[workers]") {
  FullPipe pipe;
  WorkerPool pool;
  auto writer = TextWriter::open(pipe.path(), {5, 1'000}, pool);
  (*writer)->set_left_out(&say_left_out);
  REQUIRE((*writer)->write("first\n"));
  (*writer)->wait_until_idle(milliseconds(50));  // the worker has it by then, or else it is left out as well
  CHECK_FALSE((*writer)->idle());
  for (int i = 0; i < 20; ++i) REQUIRE((*writer)->write(std::to_string(i) + "\n"));
  CHECK((*writer)->left_out() >= 15);
  const std::string text = pipe.read_until("19\n");
  CHECK(text.ends_with("left out: " + std::to_string((*writer)->left_out()) + "\n15\n16\n17\n18\n19\n"));
  CHECK(pool.shut_down(seconds(20)));
}

TEST_CASE("a text that cannot be written is the next one's error", "[workers]") {
  WorkerPool pool;
  auto writer = TextWriter::open("/dev/full", {5, 1'000}, pool);
  REQUIRE(writer);
  CHECK((*writer)->write("one\n"));
  CHECK(pool.finish_output(seconds(20)));
  const auto second = (*writer)->write("two\n");
  REQUIRE_FALSE(second);
  CHECK(second.error().message == "cannot write /dev/full: No space left on device");
}

}  // namespace
}  // namespace ott
