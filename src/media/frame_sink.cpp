#include "media/frame_sink.h"

#include <fmt/format.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include "media/whole_file.h"

namespace ott {
namespace {

/// True for the names that write() gives: eight digits or more, and .jpg.
bool is_frame_name(const std::string& name) {
  const std::size_t digits = name.find_first_not_of("0123456789");
  return digits >= 8 && digits != std::string::npos && name.substr(digits) == ".jpg";
}

}  // namespace

Result<DirectorySink> DirectorySink::open(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) return fail("cannot make the directory '" + path + "': " + error.message());
  for (std::filesystem::directory_iterator file(path, error), end; !error && file != end;
       file.increment(error)) {
    const std::string name = file->path().filename();
    if (!is_frame_name(name)) continue;
    return fail(
        fmt::format("'{}' holds frames of an earlier run, such as {}: remove them (rm {}/*.jpg), or give "
                    "--dump another directory",
                    path, name, path));
  }
  if (error) return fail("cannot read the directory '" + path + "': " + error.message());
  return DirectorySink(path);
}

Result<void> DirectorySink::write(ByteSpan jpeg) {
  const std::uint64_t number = written_ + 1;
  std::array<char, 32> name{};
  std::snprintf(name.data(), name.size(), "%08llu.jpg", static_cast<unsigned long long>(number));
  if (auto written = write_whole_file(path_ + "/" + name.data(), jpeg); !written) return written;
  ++written_;
  return {};
}

/// What jobs have in common. They run one at a time, so nothing guards it. Jobs that begin when the owner has
/// let go of it do nothing.
struct QueuedSink::Shared {
  std::unique_ptr<FrameSink> sink;
  bool failed = false;
};

class QueuedSink::Writing : public Job {
 public:
  Writing(const std::shared_ptr<Shared>& shared, ByteSpan jpeg)
      : shared_(shared), jpeg_(jpeg.begin(), jpeg.end()) {}

  void run() override {
    const std::shared_ptr<Shared> shared = shared_.lock();
    if (shared == nullptr || shared->failed) return;
    result = shared->sink->write(jpeg_);
    written = result.has_value();
    shared->failed = !written;
  }

  Result<void> result;
  bool written = false;

 private:
  std::weak_ptr<Shared> shared_;
  std::vector<std::uint8_t> jpeg_;
};

QueuedSink::QueuedSink(std::unique_ptr<FrameSink> sink, Workers& workers)
    : shared_(std::make_shared<Shared>()),
      queue_(workers.make_queue(WorkKind::Output, {.jobs = kFramesMax, .bytes = kBytesMax})) {
  shared_->sink = std::move(sink);
}

Result<void> QueuedSink::write(ByteSpan jpeg) {
  if (auto failed = failure(); !failed) {
    ++left_out_;
    return failed;
  }
  if (queue_->has_room(jpeg.size())) {
    queue_->submit(std::make_unique<Writing>(shared_, jpeg), jpeg.size());
    ++waiting_;
  } else {
    ++left_out_;
  }
  return {};
}

Result<void> QueuedSink::failure() {
  while (auto job = given_up_ ? nullptr : queue_->collect()) {
    auto& writing = static_cast<Writing&>(*job);
    --waiting_;
    if (!writing.written) ++left_out_;
    if (failure_ && !writing.result) failure_ = std::move(writing.result);
  }
  return failure_;
}

void QueuedSink::give_up() {
  shared_.reset();
  (void)failure();  // of those that are done
  given_up_ = true;
  left_out_ += std::exchange(waiting_, 0);
}

}  // namespace ott
