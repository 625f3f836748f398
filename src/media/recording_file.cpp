#include "media/recording_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <ctime>
#include <system_error>

namespace ott {
namespace {

std::string reason(int error) { return std::system_category().message(error); }

/// The local time, as it is in a file's name.
std::string time_for_name(WallTime time) {
  const std::time_t seconds =
      std::chrono::floor<std::chrono::seconds>(time).time_since_epoch() / std::chrono::seconds(1);
  std::tm local{};
  if (::localtime_r(&seconds, &local) == nullptr) return "0";
  std::array<char, 32> text{};
  return {text.data(), std::strftime(text.data(), text.size(), "%Y%m%dT%H%M%S", &local)};
}

/// The name of the `number`th file of this time, from 1.
std::string name_of(const std::string& pattern, WallTime time, unsigned number) {
  std::string path = pattern;
  for (std::size_t at = 0; (at = path.find(kTimeInName, at)) != std::string::npos;)
    path.replace(at, kTimeInName.size(), time_for_name(time));
  if (number > 1) path.insert(path.rfind('.'), fmt::format("-{}", number));
  return path;
}

Result<void> write_at(int fd, std::uint64_t offset, ByteSpan bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (written < 0 && errno != EINTR) return fail(reason(errno));
    if (written <= 0) continue;
    bytes = bytes.subspan(static_cast<std::size_t>(written));
    offset += static_cast<std::uint64_t>(written);
  }
  return {};
}

}  // namespace

RecordingFile::~RecordingFile() { ::close(fd_); }

Result<std::unique_ptr<RecordingFile>> RecordingFile::make(const std::string& path) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (fd < 0 && errno == EEXIST) return nullptr;
  if (fd < 0) return fail("cannot make '" + path + "': " + reason(errno));
  return std::unique_ptr<RecordingFile>(new RecordingFile(fd, path));
}

Result<void> RecordingFile::perform(const FileEdits& edits) {
  appended_.clear();
  for (const ByteSpan part : {ByteSpan(edits.before), edits.picture, ByteSpan(edits.after)})
    appended_.insert(appended_.end(), part.begin(), part.end());
  auto done = write_at(fd_, size_, appended_);
  if (done) {
    size_ += appended_.size();
  } else {
    // The file goes on to be valid with what was there before.
    (void)!::ftruncate(fd_, static_cast<off_t>(size_));
  }
  for (const FileEdits::Replacement& replacement : edits.replacements) {
    if (done) done = write_at(fd_, replacement.offset, replacement.bytes);
  }
  if (!done) return fail("cannot write '" + path_ + "': " + done.error().message);
  return done;
}

Result<std::unique_ptr<RecordingFile>> make_numbered_file(const std::string& pattern, WallTime time) {
  constexpr unsigned kFilesMax = 100'000;
  for (unsigned number = 1;; ++number) {
    const std::string path = name_of(pattern, time, number);
    if (number == kFilesMax) return fail("cannot make '" + path + "': so many files have such a name");
    auto made = RecordingFile::make(path);
    if (!made || *made != nullptr) return made;
  }
}

}  // namespace ott
