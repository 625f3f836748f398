#include "media/live_frames.h"

namespace ott {
namespace {

tl::unexpected<Error> at_place(std::string_view place, const Error& error) {
  return fail(place.empty() ? error.message : std::string(place) + ": " + error.message);
}

}  // namespace

class LiveFrames::Converting : public Job {
 public:
  void run() override { converted = converter.make_carriable(frame.jpeg); }

  Waiting frame;
  JpegConverter converter;
  Result<JpegConverter::Converted> converted;
};

LiveFrames::LiveFrames(Workers& workers)
    : queue_(workers.make_queue(WorkKind::Input, {.jobs = 1})), job_(std::make_unique<Converting>()) {}

LiveFrames::~LiveFrames() = default;

Result<std::optional<LiveFrame>> LiveFrames::push(const AccessUnit& unit) {
  if (!busy() && unit.bytes.size() <= kSmallBytesMax) {
    const auto image = parse_jpeg(unit.bytes);
    if (!image) return at_place(unit.place, image.error());
    if (image->carriable())
      return LiveFrame{{unit.bytes.first(image->bytes), *image}, unit.arrived, unit.media_time, unit.instant};
  }
  waiting_.push_back({{unit.bytes.begin(), unit.bytes.end()},
                      unit.arrived,
                      unit.media_time,
                      unit.instant,
                      std::string(unit.place)});
  waiting_bytes_ += unit.bytes.size();
  while (waiting_.size() > 1 && (waiting_.size() > kFramesMax || waiting_bytes_ > kBytesMax))
    leave_out_oldest();
  convert_next(unit.arrived);
  return std::nullopt;
}

Result<std::optional<LiveFrame>> LiveFrames::next(Now now) {
  if (job_ == nullptr) {
    auto done = queue_->collect();
    if (done == nullptr) return std::nullopt;
    job_.reset(static_cast<Converting*>(done.release()));
    const Waiting& frame = job_->frame;
    if (!job_->converted) return at_place(frame.place, job_->converted.error());
    return LiveFrame{*job_->converted, frame.arrived, frame.media_time, frame.instant};
  }
  convert_next(now);  // what was handed out by the last call has been used
  return job_ == nullptr ? next(now) : std::nullopt;
}

void LiveFrames::leave_out_oldest() {
  waiting_bytes_ -= waiting_.front().jpeg.size();
  waiting_.pop_front();
  ++left_out_;
}

void LiveFrames::convert_next(Now now) {
  if (job_ == nullptr || waiting_.empty()) return;
  while (waiting_.size() > 1 && waiting_.front().arrived.mono + kAgeMax < now.mono) leave_out_oldest();
  job_->frame = std::move(waiting_.front());
  waiting_.pop_front();
  waiting_bytes_ -= job_->frame.jpeg.size();
  queue_->submit(std::move(job_));
}

}  // namespace ott
