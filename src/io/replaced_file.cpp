#include "io/replaced_file.h"

#include <mutex>
#include <utility>

#include "media/whole_file.h"

namespace ott {

struct ReplacedFile::Shared {
  std::mutex mutex;
  std::string failure;  // guarded
};

class ReplacedFile::Replacing final : public Job {
 public:
  Replacing(std::shared_ptr<Shared> shared, std::string path, std::string text)
      : shared_(std::move(shared)), path_(std::move(path)), text_(std::move(text)) {}

  void run() override {
    const auto* const bytes = reinterpret_cast<const std::uint8_t*>(text_.data());
    const auto written = write_whole_file(path_, ByteSpan(bytes, text_.size()));
    if (written) return;
    const std::lock_guard lock(shared_->mutex);
    shared_->failure = written.error().message;
  }

 private:
  std::shared_ptr<Shared> shared_;
  std::string path_, text_;
};

ReplacedFile::ReplacedFile(std::string path, Workers& workers)
    : path_(std::move(path)),
      shared_(std::make_shared<Shared>()),
      queue_(workers.make_queue(WorkKind::Output, {.jobs = 1, .collected = false})) {}

ReplacedFile::~ReplacedFile() = default;

Result<void> ReplacedFile::check() const {
  const auto checked = check_directory_of(path_);
  return checked ? checked : fail("cannot write '" + path_ + "': " + checked.error().message);
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
