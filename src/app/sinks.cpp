#include "app/sinks.h"

#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "media/dump_sink.h"

namespace ott {
namespace {

class PipeSink : public FrameSink {
 public:
  explicit PipeSink(struct ev_loop* loop) : pipe_(loop) {}
  Result<void> write(ByteSpan jpeg) override { return pipe_.write(jpeg); }
  Result<void> failure() override { return pipe_.failure(); }
  [[nodiscard]] bool idle() const override { return pipe_.idle(); }
  void give_up() override { pipe_.give_up(); }
  [[nodiscard]] std::uint64_t frames_left_out() const override { return pipe_.frames_left_out(); }

 private:
  FramePipe pipe_;
};

/// Bytes into standard output, in order, by a worker that waits for the disk or the reader.
class FileSink : public FrameSink {
 public:
  Result<void> write(ByteSpan jpeg) override {
    while (!jpeg.empty()) {
      const ssize_t n = ::write(STDOUT_FILENO, jpeg.data(), jpeg.size());
      if (n < 0 && errno == EPIPE) return fail("");
      if (n < 0 && errno == EAGAIN) {  // of a pipe, which may be non-blocking
        pollfd out{STDOUT_FILENO, POLLOUT, 0};
        (void)::poll(&out, 1, -1);
      } else if (n < 0 && errno != EINTR) {
        return fail(std::string("cannot write to standard output: ") + std::strerror(errno));
      }
      if (n > 0) jpeg = jpeg.subspan(static_cast<std::size_t>(n));
    }
    return {};
  }
};

}  // namespace

Result<std::unique_ptr<StatsFile>> StatsFile::open(const std::string& path, Workers& workers) {
  auto writer = TextWriter::open(path, {kLinesMax, kBytesMax}, workers);
  if (!writer) return tl::unexpected(writer.error());
  return std::make_unique<StatsFile>(std::move(*writer));
}

Result<void> StandardOutput::write(const std::string& line) {
  if (std::printf("%s\n", line.c_str()) >= 0 && std::fflush(stdout) == 0) return {};
  return fail(std::string("cannot write to standard output: ") + std::strerror(errno));
}

bool is_file(int fd) {
  struct stat status {};
  return ::fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
}

Result<std::unique_ptr<FrameSink>> open_sink(const std::string& dump, struct ev_loop* loop,
                                             Workers& workers) {
  if (dump.empty()) return nullptr;
  if (dump == "-") {
    const auto bytes = [&workers] {
      return std::make_unique<QueuedSink>(std::make_unique<FileSink>(), workers);
    };
    std::unique_ptr<FrameSink> pictures;
    if (is_file(STDOUT_FILENO)) {
      pictures = bytes();
    } else {
      pictures = std::make_unique<PipeSink>(loop);
    }
    return std::make_unique<DumpSink>(std::move(pictures), bytes());
  }
  auto sink = DirectorySink::open(dump);
  if (!sink) return tl::unexpected(sink.error());
  return std::make_unique<QueuedSink>(std::make_unique<DirectorySink>(std::move(*sink)), workers);
}

}  // namespace ott
