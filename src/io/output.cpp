#include "io/output.h"

#include <fcntl.h>
#include <poll.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <deque>
#include <mutex>

namespace ott {

struct TextWriter::Shared {
  std::string name;  // for errors
  Limits limits;
  Fd file;
  int fd = -1;  // that file, or one that is not ours to close

  std::mutex mutex;
  std::deque<std::string> waiting;  // guarded, and so is what follows
  std::size_t bytes = 0;
  std::uint64_t left_out = 0;
  std::uint64_t left_out_unsaid = 0;
  LeftOut say_left_out;
  Result<void> failure;
  std::atomic<bool> busy = false;  // there is a job

  /// Takes all that waits, as one text. If it is empty nothing waits, and the job is over.
  std::string take() {
    const std::lock_guard lock(mutex);
    std::string text;
    if (failure) {
      if (left_out_unsaid > 0 && say_left_out != nullptr) text = say_left_out(left_out_unsaid);
      left_out_unsaid = 0;
      for (const std::string& one : waiting) text += one;
    }
    waiting.clear();
    bytes = 0;
    if (text.empty()) busy = false;
    return text;
  }

  Result<void> write_all(std::string_view text) const {
    while (!text.empty()) {
      const ssize_t n = ::write(fd, text.data(), text.size());
      if (n >= 0) {
        text.remove_prefix(static_cast<std::size_t>(n));
      } else if (errno == EAGAIN) {  // another process that shares it has made it non-blocking
        pollfd out{fd, POLLOUT, 0};
        (void)::poll(&out, 1, -1);
      } else if (errno != EINTR) {
        return fail("cannot write " + name + ": " + std::strerror(errno));
      }
    }
    return {};
  }
};

/// Writes until nothing waits.
class TextWriter::Writing : public Job {
 public:
  explicit Writing(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {}

  void run() override {
    while (true) {
      const std::string text = shared_->take();
      if (text.empty()) return;
      if (auto written = shared_->write_all(text); !written) {
        const std::lock_guard lock(shared_->mutex);
        shared_->failure = std::move(written);
      }
    }
  }

 private:
  std::shared_ptr<Shared> shared_;
};

Result<std::unique_ptr<TextWriter>> TextWriter::open(const std::string& path, Limits limits,
                                                     Workers& workers) {
  auto shared = std::make_shared<Shared>();
  // A FIFO without a reader would keep the process from starting.
  shared->file = Fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NONBLOCK, 0666));
  if (!shared->file.valid() && errno == ENXIO)
    return fail("cannot write " + path + ": nobody reads this FIFO; start its reader first");
  if (!shared->file.valid()) return fail("cannot write " + path + ": " + std::strerror(errno));
  (void)::fcntl(shared->file.get(), F_SETFL, O_WRONLY);
  shared->fd = shared->file.get();
  shared->name = path;
  shared->limits = limits;
  return std::unique_ptr<TextWriter>(new TextWriter(std::move(shared), workers));
}

std::unique_ptr<TextWriter> TextWriter::to_standard_error(Limits limits, Workers& workers) {
  auto shared = std::make_shared<Shared>();
  shared->fd = STDERR_FILENO;
  shared->name = "to standard error";
  shared->limits = limits;
  return std::unique_ptr<TextWriter>(new TextWriter(std::move(shared), workers));
}

TextWriter::TextWriter(std::shared_ptr<Shared> shared, Workers& workers)
    : shared_(std::move(shared)),
      // The next job may begin while the former one is about to end.
      queue_(workers.make_queue(WorkKind::Output, {.jobs = 2, .collected = false})) {}

TextWriter::~TextWriter() = default;

void TextWriter::set_left_out(LeftOut left_out) {
  const std::lock_guard lock(shared_->mutex);
  shared_->say_left_out = std::move(left_out);
}

Result<void> TextWriter::write(std::string text) {
  bool begin = false;
  {
    const std::lock_guard lock(shared_->mutex);
    if (!shared_->failure) return shared_->failure;
    shared_->bytes += text.size();
    shared_->waiting.push_back(std::move(text));
    while (shared_->waiting.size() > 1 &&
           (shared_->waiting.size() > shared_->limits.texts || shared_->bytes > shared_->limits.bytes)) {
      shared_->bytes -= shared_->waiting.front().size();
      shared_->waiting.pop_front();
      ++shared_->left_out;
      ++shared_->left_out_unsaid;
    }
    begin = !shared_->busy;
    shared_->busy = true;
  }
  if (begin) queue_->submit(std::make_unique<Writing>(shared_));
  return {};
}

bool TextWriter::idle() const { return !shared_->busy; }

std::uint64_t TextWriter::left_out() const {
  const std::lock_guard lock(shared_->mutex);
  return shared_->left_out;
}

void TextWriter::wait_until_idle(Duration at_most) const {
  constexpr Duration kStep = std::chrono::milliseconds(1);
  constexpr timespec kStepTime{0, kStep.count()};
  for (Duration waited{}; shared_->busy && waited < at_most; waited += kStep)
    ::nanosleep(&kStepTime, nullptr);
}

FramePipe::FramePipe(struct ev_loop* loop) : watcher_(loop), flags_before_(::fcntl(STDOUT_FILENO, F_GETFL)) {
  ::fcntl(STDOUT_FILENO, F_SETFL, flags_before_ | O_NONBLOCK);
}

FramePipe::~FramePipe() {
  // Other processes may share this pipe's flags.
  ::fcntl(STDOUT_FILENO, F_SETFL, flags_before_);
}

void FramePipe::give_up() {
  watcher_.stop();
  left_out_ += (current_.empty() ? 0U : 1U) + (next_.empty() ? 0U : 1U);
  current_.clear();
  next_.clear();
  current_sent_ = 0;
}

Result<void> FramePipe::write(ByteSpan jpeg) {
  if (!failure_) {
    ++left_out_;
    return failure_;
  }
  if (!current_.empty()) {
    if (!next_.empty()) ++left_out_;
    next_.assign(jpeg.begin(), jpeg.end());
    return {};
  }
  current_.assign(jpeg.begin(), jpeg.end());
  current_sent_ = 0;
  return flush();
}

void FramePipe::writable(int) { (void)flush(); }

Result<void> FramePipe::flush() {
  while (!current_.empty()) {
    const ssize_t n =
        ::write(STDOUT_FILENO, current_.data() + current_sent_, current_.size() - current_sent_);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) {
      if (!watcher_.active()) watcher_.start<&FramePipe::writable>(*this, STDOUT_FILENO, EV_WRITE);
      return {};
    }
    if (n < 0) {
      watcher_.stop();
      failure_ =
          fail(errno == EPIPE ? "" : std::string("cannot write to standard output: ") + std::strerror(errno));
      give_up();
      return failure_;
    }
    current_sent_ += static_cast<std::size_t>(n);
    if (current_sent_ < current_.size()) continue;
    current_.swap(next_);
    next_.clear();
    current_sent_ = 0;
  }
  watcher_.stop();
  return {};
}

}  // namespace ott
