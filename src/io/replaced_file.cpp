#include "io/replaced_file.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <mutex>
#include <utility>

#include "io/fd.h"

namespace ott {

struct ReplacedFile::Shared {
  std::mutex mutex;
  std::string failure;  // guarded
};

namespace {

std::string temporary_of(const std::string& path) { return path + ".part"; }

Fd open_new(const std::string& path) {
  return Fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
}

std::string failure_of(const std::string& path) {
  return fmt::format("cannot write '{}': {}", path, std::strerror(errno));
}

}  // namespace

class ReplacedFile::Replacing final : public Job {
 public:
  Replacing(std::shared_ptr<Shared> shared, std::string path, std::string text)
      : shared_(std::move(shared)), path_(std::move(path)), text_(std::move(text)) {}

  void run() override {
    const std::string temporary = temporary_of(path_);
    const bool done = write_to(temporary) && ::rename(temporary.c_str(), path_.c_str()) == 0;
    if (done) return;
    const std::lock_guard lock(shared_->mutex);
    shared_->failure = failure_of(path_);
  }

 private:
  [[nodiscard]] bool write_to(const std::string& path) const {
    const Fd file = open_new(path);
    std::string_view rest = text_;
    while (file.valid() && !rest.empty()) {
      const ssize_t written = ::write(file.get(), rest.data(), rest.size());
      if (written < 0 && errno != EINTR) return false;
      if (written > 0) rest.remove_prefix(static_cast<std::size_t>(written));
    }
    return file.valid();
  }

  std::shared_ptr<Shared> shared_;
  std::string path_, text_;
};

ReplacedFile::ReplacedFile(std::string path, Workers& workers)
    : path_(std::move(path)),
      shared_(std::make_shared<Shared>()),
      queue_(workers.make_queue(WorkKind::Output, {.jobs = 1, .collected = false})) {}

ReplacedFile::~ReplacedFile() = default;

Result<void> ReplacedFile::check() const {
  const std::string temporary = temporary_of(path_);
  if (!open_new(temporary).valid()) return fail(failure_of(path_));
  ::unlink(temporary.c_str());
  return {};
}

bool ReplacedFile::write(std::string text) {
  if (!queue_->has_room(text.size())) return false;
  const std::size_t bytes = text.size();
  queue_->submit(std::make_unique<Replacing>(shared_, path_, std::move(text)), bytes);
  return true;
}

std::string ReplacedFile::take_failure() {
  const std::lock_guard lock(shared_->mutex);
  return std::exchange(shared_->failure, {});
}

}  // namespace ott
