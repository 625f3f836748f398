#include "io/output.h"

#include <fcntl.h>
#include <poll.h>

#include <cerrno>
#include <cstring>

namespace ott {

Result<LineFile> LineFile::open(const std::string& path) {
  Fd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
  if (!fd.valid()) return fail("cannot write " + path + ": " + std::strerror(errno));
  return LineFile(path, std::move(fd));
}

Result<void> LineFile::write(const std::string& line) {
  const std::string whole = line + "\n";
  std::size_t written = 0;
  while (written < whole.size()) {
    const ssize_t n = ::write(fd_.get(), whole.data() + written, whole.size() - written);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail("cannot write " + path_ + ": " + std::strerror(errno));
    written += static_cast<std::size_t>(n);
  }
  return {};
}

FramePipe::FramePipe(struct ev_loop* loop) : watcher_(loop), flags_before_(::fcntl(STDOUT_FILENO, F_GETFL)) {
  ::fcntl(STDOUT_FILENO, F_SETFL, flags_before_ | O_NONBLOCK);
}

FramePipe::~FramePipe() {
  // The frame under way is finished, if its reader still reads.
  constexpr int kPatienceMs = 500;
  pollfd out{STDOUT_FILENO, POLLOUT, 0};
  while (failure_ && current_sent_ > 0 && ::poll(&out, 1, kPatienceMs) > 0) {
    next_.clear();
    (void)flush();
  }
  // Others may share this pipe's flags.
  ::fcntl(STDOUT_FILENO, F_SETFL, flags_before_);
}

Result<void> FramePipe::write(ByteSpan jpeg) {
  if (!failure_) return failure_;
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
