#include "media/frame_sink.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>
#include <vector>

namespace ott {
namespace {

std::string reason(int error) { return std::system_category().message(error); }

/// Returns 0 or errno.
int write_all(int fd, ByteSpan bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno != EINTR) return errno;
    if (written > 0) bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  return 0;
}

int write_file(const std::string& path, ByteSpan bytes) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (fd < 0) return errno;
  int error = write_all(fd, bytes);
  if (::close(fd) != 0 && error == 0 && errno != EINTR) error = errno;
  return error;
}

}  // namespace

Result<DirectorySink> DirectorySink::open(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) return fail("cannot make the directory '" + path + "': " + error.message());
  return DirectorySink(path);
}

Result<void> DirectorySink::write(ByteSpan jpeg) {
  const std::uint64_t number = written_ + 1;
  std::array<char, 32> name{};
  std::snprintf(name.data(), name.size(), "%08llu.jpg", static_cast<unsigned long long>(number));
  const std::string path = path_ + "/" + name.data();
  const std::string temporary = path_ + "/." + name.data() + ".part";
  int error = write_file(temporary, jpeg);
  if (error == 0 && ::rename(temporary.c_str(), path.c_str()) != 0) error = errno;
  if (error != 0) {
    ::unlink(temporary.c_str());
    return fail("cannot write '" + path + "': " + reason(error));
  }
  ++written_;
  return {};
}

/// What jobs have in common. They run one at a time, so nothing guards it.
struct QueuedSink::Shared {
  std::unique_ptr<FrameSink> sink;
  bool failed = false;
};

class QueuedSink::Writing : public Job {
 public:
  Writing(std::shared_ptr<Shared> shared, ByteSpan jpeg)
      : shared_(std::move(shared)), jpeg_(jpeg.begin(), jpeg.end()) {}

  void run() override {
    if (shared_->failed) return;
    result = shared_->sink->write(jpeg_);
    shared_->failed = !result.has_value();
  }

  Result<void> result;

 private:
  std::shared_ptr<Shared> shared_;
  std::vector<std::uint8_t> jpeg_;
};

QueuedSink::QueuedSink(std::unique_ptr<FrameSink> sink, Workers& workers)
    : shared_(std::make_shared<Shared>(Shared{std::move(sink)})),
      queue_(workers.make_queue(WorkKind::Output, {.jobs = kFramesMax, .bytes = kBytesMax})) {}

Result<void> QueuedSink::write(ByteSpan jpeg) {
  if (auto failed = failure(); !failed) return failed;
  if (queue_->has_room(jpeg.size())) {
    queue_->submit(std::make_unique<Writing>(shared_, jpeg), jpeg.size());
  } else {
    ++left_out_;
  }
  return {};
}

Result<void> QueuedSink::failure() {
  while (auto job = queue_->collect()) {
    auto& writing = static_cast<Writing&>(*job);
    if (failure_ && !writing.result) failure_ = std::move(writing.result);
  }
  return failure_;
}

}  // namespace ott
