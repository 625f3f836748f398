#include "media/recording.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <ctime>
#include <deque>
#include <filesystem>
#include <system_error>

#include "media/avi_writer.h"
#include "media/clip_writer.h"
#include "media/matroska_writer.h"
#include "media/whole_file.h"
#include "ott/rtp_jpeg.h"

namespace ott {
namespace {

constexpr std::string_view kTime = "{time}";
constexpr std::string_view kAvi = ".avi";
constexpr double kFpsUnknown = 25;
/// The rate of a stream that does not say it is that of its frames of one second.
constexpr Duration kMeasuredTime = std::chrono::seconds(1);
constexpr std::size_t kMeasuredFramesMax = 240;
constexpr std::size_t kHeldBytesMax = std::size_t{32} << 20U;

struct Format {
  std::string_view extension;
  std::unique_ptr<ContainerWriter> (*make)(WallTime began, double fps);
  std::size_t picture_bytes_max = SIZE_MAX;
};

template <class Writer>
std::unique_ptr<ContainerWriter> make_writer(WallTime /*began*/, double /*fps*/) {
  return std::make_unique<Writer>();
}

constexpr std::array kFormats = {
    Format{".mkv",
           [](WallTime began, double) -> std::unique_ptr<ContainerWriter> {
             return std::make_unique<MatroskaWriter>(began);
           }},
    Format{kAvi,
           [](WallTime, double fps) -> std::unique_ptr<ContainerWriter> {
             return std::make_unique<AviWriter>(fps);
           }},
    Format{".Mjpeg", &make_writer<ClassicClipWriter>, ClassicClipWriter::kPictureBytesMax},
    Format{".mjpeg", &make_writer<ConcatenatedWriter>},
};

const Format* format_of(std::string_view path) {
  const auto* const found = std::ranges::find_if(
      kFormats, [path](const Format& format) { return path.ends_with(format.extension); });
  return found == kFormats.end() ? nullptr : found;
}

/// True for the format whose pictures are all shown for the same time.
bool has_rate(std::string_view path) { return path.ends_with(kAvi); }

std::string reason(int error) { return std::system_category().message(error); }

/// `value` times a unit that `text` ends with; nullopt: it is no such number.
template <class Unit, std::size_t N>
std::optional<double> number_with_unit(std::string_view text, const std::array<Unit, N>& units) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string_view rest(end, static_cast<std::size_t>(text.data() + text.size() - end));
  const auto unit = std::ranges::find(units, rest, &Unit::first);
  if (error != std::errc{} || unit == units.end() || !std::isfinite(number)) return std::nullopt;
  return number * unit->second;
}

using Unit = std::pair<std::string_view, double>;
constexpr std::array kTimeUnits = {Unit{"s", 1}, Unit{"m", 60}, Unit{"h", 3'600}};
constexpr std::array kByteUnits = {Unit{"MB", 1e6}, Unit{"GB", 1e9}};
constexpr double kRollSecondsMin = 1, kRollSecondsMax = 1e8;
constexpr double kRollBytesMin = 1e6, kRollBytesMax = 1e15;

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
  for (std::size_t at = 0; (at = path.find(kTime, at)) != std::string::npos;)
    path.replace(at, kTime.size(), time_for_name(time));
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

/// A rate beside a whole number is meant to be that; one that is lower than the true one would not keep time.
double likely_rate(double fps) {
  const double whole = std::round(fps);
  return whole >= fps * 0.995 && whole <= fps * 1.03 ? whole : fps;
}

/// Of frames at these times: the mean time between them, without pauses and bursts.
double rate_of(const std::deque<Duration>& times) {
  std::vector<double> intervals_s;
  for (std::size_t i = 1; i < times.size(); ++i)
    intervals_s.push_back(std::chrono::duration<double>(times[i] - times[i - 1]).count());
  if (intervals_s.empty()) return kFpsUnknown;
  const auto middle = intervals_s.begin() + static_cast<std::ptrdiff_t>(intervals_s.size() / 2);
  std::ranges::nth_element(intervals_s, middle);
  const double median_s = *middle;
  double sum_s = 0, count = 0;
  for (const double interval_s : intervals_s) {
    if (interval_s < median_s / 2 || interval_s > median_s * 2) continue;
    sum_s += interval_s;
    ++count;
  }
  return likely_rate(std::clamp(count / sum_s, 0.001, 240.0));
}

}  // namespace

Result<RecordingRules> parse_recording(std::string_view path, std::string_view roll) {
  RecordingRules rules{std::string(path)};
  if (format_of(path) == nullptr) {
    return fail(
        "the name's end says the format: .mkv (Matroska), .avi, .Mjpeg (the classic clip) or .mjpeg "
        "(concatenated JPEGs)");
  }
  const auto folder = std::filesystem::path(path).parent_path().string();
  if (folder.find(kTime) != std::string::npos)
    return fail("{time} stands in the name of a file, not of a directory");
  if (roll.empty()) return rules;
  if (const auto seconds = number_with_unit(roll, kTimeUnits);
      seconds && *seconds >= kRollSecondsMin && *seconds <= kRollSecondsMax) {
    rules.roll_time = std::chrono::duration_cast<Duration>(std::chrono::duration<double>(*seconds));
  } else if (const auto bytes = number_with_unit(roll, kByteUnits);
             bytes && *bytes >= kRollBytesMin && *bytes <= kRollBytesMax) {
    rules.roll_bytes = static_cast<std::uint64_t>(*bytes);
  } else {
    return fail(fmt::format(
        "--roll {}: a new file begins after a time, like 30s, 10m or 1h, or a size, like 500MB or 2GB",
        roll));
  }
  return rules;
}

Result<void> check_recording(const RecordingRules& rules) {
  const auto say = [&rules](const std::string& why) { return fail("--record " + rules.path + ": " + why); };
  if (const auto checked = check_directory_of(rules.path); !checked) return say(checked.error().message);
  struct stat status {};
  if (rules.path.find(kTime) == std::string::npos && ::lstat(rules.path.c_str(), &status) == 0)
    return say("there is such a file already; remove it, or have {time} in the name");
  return {};
}

RecordingFile::RecordingFile(int fd, std::string path, std::unique_ptr<ContainerWriter> writer)
    : fd_(fd), path_(std::move(path)), writer_(std::move(writer)) {}

RecordingFile::~RecordingFile() { ::close(fd_); }

Result<std::unique_ptr<RecordingFile>> RecordingFile::make(const std::string& path,
                                                           std::unique_ptr<ContainerWriter> writer) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (fd < 0 && errno == EEXIST) return nullptr;
  if (fd < 0) return fail("cannot make '" + path + "': " + reason(errno));
  return std::unique_ptr<RecordingFile>(new RecordingFile(fd, path, std::move(writer)));
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

Result<void> Recording::write(FramePtr frame, double fps) {
  const Duration time = clock_.time_of(*frame);
  times_.push_back(time);
  while (times_.size() > 2 && (time - times_.front() > kMeasuredTime || times_.size() > kMeasuredFramesMax))
    times_.pop_front();
  if (!has_rate(rules_.path) || fps_ > 0) return record(*frame, time);

  held_bytes_ += frame->bytes.size();
  held_.push_back({std::move(frame), time});
  const bool measured = time - held_.front().time >= kMeasuredTime || held_.size() >= kMeasuredFramesMax;
  if (fps > 0) fps_ = likely_rate(fps);
  return fps > 0 || measured || held_bytes_ > kHeldBytesMax ? write_held() : Result<void>{};
}

Result<void> Recording::write_held() {
  if (fps_ == 0) fps_ = rate_of(times_);
  for (const Held& held : std::exchange(held_, {})) {
    if (auto done = record(*held.frame, held.time); !done) return done;
  }
  return {};
}

Result<void> Recording::refuse(std::string why) {
  ++refused_;
  why_refused_ = std::move(why);
  return {};
}

bool Recording::is_full(const Picture& picture) const {
  constexpr Duration kRounding = std::chrono::milliseconds(1);
  return (rules_.roll_time > Duration{} && picture.time + kRounding >= rules_.roll_time) ||
         (rules_.roll_bytes > 0 && file_->size() + picture.jpeg.size() > rules_.roll_bytes);
}

bool Recording::may_change(Duration time) {
  if (time - minute_began_ >= std::chrono::minutes(1)) {
    minute_began_ = time;
    changes_ = 0;
  }
  return ++changes_ <= kChangesPerMinuteMax;
}

Result<void> Recording::record(const Frame& frame, Duration time) {
  const auto image = parse_jpeg(frame.bytes);
  if (!image) return refuse(fmt::format("frame {}: {}", frame.number.value, image.error().message));
  if (const std::size_t most = format_of(rules_.path)->picture_bytes_max; frame.bytes.size() > most) {
    return refuse(
        fmt::format("frame {}: it has {} bytes, and this format holds pictures of at most {}; record to .mkv",
                    frame.number.value, frame.bytes.size(), most));
  }
  Picture picture{frame.bytes, time - file_began_, image->width, image->height};
  if (file_ != nullptr) {
    const bool fits = file_->writer().fits(picture);
    if (!fits && !may_change(time)) {
      return refuse(
          fmt::format("frame {}: it needs a file of its own, as too many did before it", frame.number.value));
    }
    if (!fits) fps_ = rate_of(times_);
    if (!fits || is_full(picture)) {
      if (auto done = end_file(); !done) return done;
    }
  }
  if (file_ == nullptr) {
    if (auto made = begin_file(frame); !made) return made;
    file_began_ = time;
    picture.time = {};
  }
  const std::uint64_t before = file_->size();
  if (auto done = file_->add(picture); !done) {
    file_.reset();
    return done;
  }
  bytes_ += file_->size() - before;
  ++frames_;
  return {};
}

Result<void> Recording::begin_file(const Frame& frame) {
  constexpr unsigned kFilesMax = 100'000;
  for (unsigned number = 1; file_ == nullptr; ++number) {
    const std::string path = name_of(rules_.path, frame.source_time, number);
    if (number == kFilesMax) return fail("cannot make '" + path + "': so many files have such a name");
    auto made = RecordingFile::make(path, format_of(rules_.path)->make(frame.source_time, fps_));
    if (!made) return tl::unexpected<Error>(std::move(made.error()));
    file_ = std::move(*made);
  }
  path_ = file_->path();
  return {};
}

Result<void> Recording::end_file() {
  const std::uint64_t before = file_->size();
  auto done = file_->finish();
  bytes_ += file_->size() - before;
  file_.reset();
  return done;
}

Result<void> Recording::finish() {
  if (!held_.empty()) {
    if (auto done = write_held(); !done) return done;
  }
  return file_ == nullptr ? Result<void>{} : end_file();
}

}  // namespace ott
