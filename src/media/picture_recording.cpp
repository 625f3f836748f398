#include "media/picture_recording.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "media/avi_writer.h"
#include "media/clip_writer.h"
#include "ott/rtp_jpeg.h"

namespace ott {
namespace {

constexpr std::string_view kAvi = ".avi";
constexpr double kFpsUnknown = 25;
/// The rate of a stream that does not say it is that of its frames of one second.
constexpr Duration kMeasuredTime = std::chrono::seconds(1);
constexpr std::size_t kMeasuredFramesMax = 240;
constexpr std::size_t kHeldBytesMax = std::size_t{32} << 20U;

struct Format {
  std::string_view extension;
  std::unique_ptr<ContainerWriter> (*make)(double fps);
  std::size_t picture_bytes_max = SIZE_MAX;
};

template <class Writer>
std::unique_ptr<ContainerWriter> make_writer(double /*fps*/) {
  return std::make_unique<Writer>();
}

constexpr std::array kFormats = {
    Format{kAvi,
           [](double fps) -> std::unique_ptr<ContainerWriter> { return std::make_unique<AviWriter>(fps); }},
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

bool is_picture_format(std::string_view path) { return format_of(path) != nullptr; }

Result<void> PictureRecording::write(const FramePtr& frame, const StreamInfo& stream) {
  if (!frame->is_jpeg()) {
    return refuse(fmt::format("frame {}: this format holds JPEG, and it is {}; record to .mkv",
                              frame->number.value, describe(stream.format)));
  }
  const double fps = stream.fps_milli / 1e3;
  const Duration time = clock_.time_of(*frame);
  times_.push_back(time);
  while (times_.size() > 2 && (time - times_.front() > kMeasuredTime || times_.size() > kMeasuredFramesMax))
    times_.pop_front();
  if (!has_rate(rules_.path) || fps_ > 0) return record(*frame, time);

  held_bytes_ += frame->bytes.size();
  held_.push_back({frame, time});
  const bool measured = time - held_.front().time >= kMeasuredTime || held_.size() >= kMeasuredFramesMax;
  if (fps > 0) fps_ = likely_rate(fps);
  return fps > 0 || measured || held_bytes_ > kHeldBytesMax ? write_held() : Result<void>{};
}

Result<void> PictureRecording::write_held() {
  if (fps_ == 0) fps_ = rate_of(times_);
  for (const Held& held : std::exchange(held_, {})) {
    if (auto done = record(*held.frame, held.time); !done) return done;
  }
  return {};
}

bool PictureRecording::is_full(const Picture& picture) const {
  constexpr Duration kRounding = std::chrono::milliseconds(1);
  return (rules_.roll_time > Duration{} && picture.time + kRounding >= rules_.roll_time) ||
         (rules_.roll_bytes > 0 && file_->size() + picture.jpeg.size() > rules_.roll_bytes);
}

Result<void> PictureRecording::record(const Frame& frame, Duration time) {
  const auto image = parse_jpeg(frame.bytes);
  if (!image) return refuse(fmt::format("frame {}: {}", frame.number.value, image.error().message));
  if (const std::size_t most = format_of(rules_.path)->picture_bytes_max; frame.bytes.size() > most) {
    return refuse(
        fmt::format("frame {}: it has {} bytes, and this format holds pictures of at most {}; record to .mkv",
                    frame.number.value, frame.bytes.size(), most));
  }
  Picture picture{frame.bytes, time - file_began_, image->width, image->height};
  if (file_ != nullptr) {
    const bool fits = writer_->fits(picture);
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
  if (auto done = perform(*file_, writer_->add(picture)); !done) {
    file_.reset();
    return done;
  }
  ++frames_;
  return {};
}

Result<void> PictureRecording::begin_file(const Frame& frame) {
  auto made = next_file(frame.source_time);
  if (!made) return tl::unexpected<Error>(std::move(made.error()));
  file_ = std::move(*made);
  writer_ = format_of(rules_.path)->make(fps_);
  return {};
}

Result<void> PictureRecording::end_file() {
  auto done = perform(*file_, writer_->finish());
  file_.reset();
  return done;
}

Result<void> PictureRecording::finish() {
  if (!held_.empty()) {
    if (auto done = write_held(); !done) return done;
  }
  return file_ == nullptr ? Result<void>{} : end_file();
}

}  // namespace ott
