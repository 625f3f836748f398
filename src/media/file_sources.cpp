#include "media/file_sources.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "media/clip_format.h"

namespace ott {
namespace {

constexpr double kDirectoryFps = 25;

std::string reason(int error) { return std::system_category().message(error); }

SourceInfo file_info(const std::string& kind, const SourceOptions& options, double default_fps) {
  return {kind, 0, 0, options.fps != 0 ? options.fps : default_fps, options.at_end.value_or(AtEnd::Loop)};
}

/// Converts a frame and notes the size of the stream's first one.
Result<SourceFrame> hand_out(ByteSpan jpeg, JpegConverter& converter, SourceInfo& info) {
  auto converted = converter.make_carriable(jpeg);
  if (converted && info.width == 0) {
    info.width = converted->image.width;
    info.height = converted->image.height;
  }
  return converted;
}

}  // namespace

Result<InputFile> InputFile::open(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return fail("cannot open '" + path + "': " + reason(errno));
  return InputFile(fd, path);
}

InputFile::InputFile(InputFile&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), path_(std::move(other.path_)) {}

InputFile::~InputFile() {
  if (fd_ >= 0) ::close(fd_);
}

Result<std::size_t> InputFile::read(MutableByteSpan into) {
  for (;;) {
    const ssize_t bytes = ::read(fd_, into.data(), into.size());
    if (bytes >= 0) return static_cast<std::size_t>(bytes);
    if (errno != EINTR) return fail("cannot read '" + path_ + "': " + reason(errno));
  }
}

Result<std::vector<std::uint8_t>> InputFile::read_start(std::size_t bytes_max) {
  std::vector<std::uint8_t> start(bytes_max);
  std::size_t used = 0;
  while (used < start.size()) {
    const auto bytes = read(MutableByteSpan(start).subspan(used));
    if (!bytes) return tl::unexpected<Error>(bytes.error());
    if (*bytes == 0) break;
    used += *bytes;
  }
  start.resize(used);
  return start;
}

Result<void> InputFile::rewind() {
  if (::lseek(fd_, 0, SEEK_SET) < 0) return fail("cannot rewind '" + path_ + "': " + reason(errno));
  return {};
}

Result<void> InputFile::seek(std::uint64_t offset) {
  if (::lseek(fd_, static_cast<off_t>(offset), SEEK_SET) < 0)
    return fail("cannot seek in '" + path_ + "': " + reason(errno));
  return {};
}

ClipSource::ClipSource(SourceInfo info, std::string path, InputFile file,
                       std::unique_ptr<FrameSplitter> splitter)
    : Source(std::move(info)),
      path_(std::move(path)),
      file_(std::move(file)),
      splitter_(std::move(splitter)) {}

Result<std::unique_ptr<Source>> ClipSource::open(const std::string& path, const SourceOptions& options) {
  auto file = InputFile::open(path);
  if (!file) return tl::unexpected<Error>(file.error());
  auto start = file->read_start(kClipStartBytes);
  if (!start) return tl::unexpected<Error>(start.error());
  if (start->empty()) return fail("'" + path + "' is empty");
  auto format = recognise_clip(*start, path);
  if (!format) return tl::unexpected<Error>(std::move(format.error()));
  std::unique_ptr<ClipSource> source(new ClipSource(file_info(format->kind, options, format->fps), path,
                                                    std::move(*file), std::move(format->splitter)));
  if (auto probed = source->probe(); !probed) return tl::unexpected<Error>(std::move(probed.error()));
  return source;
}

// Reads up to the first good frame, to learn its size, and goes back.
Result<void> ClipSource::probe() {
  if (auto done = rewind(); !done) return done;
  std::optional<Error> first;
  for (;;) {
    const auto frame = next_of_round();
    if (frame && *frame) return rewind();
    if (frame) return tl::unexpected<Error>(first.value_or(Error{"'" + path_ + "' holds no frame"}));
    if (!first) first = frame.error();
  }
}

Result<void> ClipSource::rewind() {
  splitter_->reset();
  frames_ = 0;
  return file_.rewind();
}

Result<void> ClipSource::read_more() {
  const auto bytes = file_.read(splitter_->space());
  if (!bytes) return tl::unexpected<Error>(bytes.error());
  if (*bytes == 0) {
    splitter_->finish();
  } else {
    splitter_->advance(*bytes);
  }
  return {};
}

tl::unexpected<Error> ClipSource::bad(const std::string& what) const {
  return fail("'" + path_ + "': frame " + std::to_string(frames_) + ": " + what);
}

Result<SourceFrame> ClipSource::next(FrameNumber /*number*/, WallTime /*wall*/) {
  for (bool rewound = false;; rewound = true) {
    auto frame = next_of_round();
    if (!frame) return tl::unexpected<Error>(std::move(frame.error()));
    if (*frame) return **frame;
    if (info_.at_end != AtEnd::Loop) {
      ended_ = true;
      return fail("'" + path_ + "' has ended");
    }
    if (rewound) return fail("'" + path_ + "' holds no frame any more");
    if (auto done = rewind(); !done) return tl::unexpected<Error>(std::move(done.error()));
  }
}

/// nullopt: the end of the file.
Result<std::optional<SourceFrame>> ClipSource::next_of_round() {
  for (;;) {
    const auto frame = splitter_->next();
    if (!frame || *frame) ++frames_;
    if (!frame) return bad(frame.error().message);
    if (*frame) {
      auto jpeg = hand_out(**frame, converter_, info_);
      if (jpeg) return std::optional<SourceFrame>(*jpeg);
      return bad("byte " + std::to_string(splitter_->frame_offset()) + ": " + jpeg.error().message);
    }
    if (splitter_->at_end()) return std::nullopt;
    if (auto done = read_more(); !done) return tl::unexpected<Error>(std::move(done.error()));
  }
}

DirectorySource::DirectorySource(SourceInfo info, std::vector<std::string> paths)
    : Source(std::move(info)), paths_(std::move(paths)) {}

Result<std::unique_ptr<Source>> DirectorySource::open(const std::string& path, const SourceOptions& options) {
  std::vector<std::string> paths;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(path, error), end; !error && entry != end;
       entry.increment(error)) {
    std::string extension = entry->path().extension().string();
    std::ranges::transform(extension, extension.begin(), [](unsigned char c) { return std::tolower(c); });
    if (extension == ".jpg" || extension == ".jpeg") paths.push_back(entry->path().string());
  }
  if (error) return fail("cannot read the directory '" + path + "': " + error.message());
  if (paths.empty()) return fail("the directory '" + path + "' holds no *.jpg or *.jpeg");
  std::ranges::sort(paths);

  std::unique_ptr<DirectorySource> source(
      new DirectorySource(file_info("directory", options, kDirectoryFps), std::move(paths)));
  std::optional<Error> first;
  for (std::size_t i = 0; i < source->paths_.size(); ++i) {  // up to the first good one, for its size
    const auto frame = source->next({}, {});
    if (frame) {
      source->next_ = 0;
      return source;
    }
    if (!first) first = frame.error();
  }
  return tl::unexpected<Error>(std::move(*first));
}

Result<ByteSpan> DirectorySource::read(const std::string& path) {
  auto file = InputFile::open(path);
  if (!file) return tl::unexpected<Error>(file.error());
  std::size_t used = 0;
  for (;;) {
    if (used == buffer_.size()) buffer_.resize(std::max(used * 2, FrameSplitter::kReadBytes));
    const auto bytes = file->read(MutableByteSpan(buffer_).subspan(used));
    if (!bytes) return tl::unexpected<Error>(bytes.error());
    if (*bytes == 0) return ByteSpan(buffer_).first(used);
    used += *bytes;
    if (used > FrameSplitter::kFrameBytesMax) return fail("'" + path + "' is larger than 16 MiB");
  }
}

Result<SourceFrame> DirectorySource::next(FrameNumber /*number*/, WallTime /*wall*/) {
  if (next_ == paths_.size() && info_.at_end != AtEnd::Loop) {
    ended_ = true;
    return fail("the directory has ended");
  }
  if (next_ == paths_.size()) next_ = 0;
  const std::string& path = paths_[next_++];
  const auto bytes = read(path);
  if (!bytes) return tl::unexpected<Error>(bytes.error());
  auto jpeg = hand_out(*bytes, converter_, info_);
  if (!jpeg) return fail("'" + path + "': " + jpeg.error().message);
  return jpeg;
}

}  // namespace ott
