#include "media/live_frames.h"

#include "ott/assert.h"

namespace ott {

class LiveFrames::Converting : public Job {
 public:
  void run() override { converted = converter.make_carriable(frame.jpeg); }

  Waiting frame;
  JpegConverter converter;
  Result<JpegConverter::Converted> converted;
};

LiveFrames::LiveFrames(std::unique_ptr<Source> source, Workers& workers)
    : source_(std::move(source)),
      queue_(workers.make_queue(WorkKind::Input, {.jobs = 1})),
      job_(std::make_unique<Converting>()) {
  OTT_ASSERT(source_->live());
}

LiveFrames::~LiveFrames() = default;
LiveFrames::LiveFrames(LiveFrames&&) noexcept = default;
LiveFrames& LiveFrames::operator=(LiveFrames&&) noexcept = default;

void LiveFrames::feed(ByteSpan bytes, Now now) {
  fed_ = now;
  hungry_ = false;
  if (bytes.empty()) {
    source_->feed_end();
  } else {
    source_->feed(bytes);
  }
}

Result<std::optional<LiveFrame>> LiveFrames::next(Now now) {
  while (true) {
    if (job_ == nullptr) {
      if (auto done = queue_->collect()) {
        job_.reset(static_cast<Converting*>(done.release()));
        return converted();
      }
    }
    if (job_ == nullptr && info().fps != 0) return std::nullopt;
    const auto raw = source_->take();
    if (!raw) return tl::unexpected<Error>(raw.error());
    if (!*raw) {
      hungry_ = true;
      if (job_ == nullptr || waiting_.empty()) return std::nullopt;
      convert_next(now);
      continue;
    }
    if (job_ != nullptr && waiting_.empty() && (*raw)->jpeg.size() <= kSmallBytesMax) {
      const auto image = parse_jpeg((*raw)->jpeg);
      if (!image) return tl::unexpected<Error>(source_->describe(**raw, image.error()));
      if (image->carriable()) return LiveFrame{{(*raw)->jpeg.first(image->bytes), *image}, fed_};
    }
    enqueue(**raw);
    if (job_ != nullptr) convert_next(now);
  }
}

Result<std::optional<LiveFrame>> LiveFrames::converted() {
  const Waiting& frame = job_->frame;
  if (!job_->converted) return tl::unexpected<Error>(source_->describe(frame.raw, job_->converted.error()));
  return LiveFrame{*job_->converted, frame.arrived};
}

void LiveFrames::enqueue(const RawFrame& raw) {
  waiting_.push_back({{raw.jpeg.begin(), raw.jpeg.end()}, {{}, raw.number, raw.offset}, fed_});
  waiting_bytes_ += raw.jpeg.size();
  while (waiting_.size() > 1 && (waiting_.size() > kFramesMax || waiting_bytes_ > kBytesMax))
    leave_out_oldest();
}

void LiveFrames::leave_out_oldest() {
  waiting_bytes_ -= waiting_.front().jpeg.size();
  waiting_.pop_front();
  ++left_out_;
}

void LiveFrames::convert_next(Now now) {
  while (waiting_.size() > 1 && waiting_.front().arrived.mono + kAgeMax < now.mono) leave_out_oldest();
  job_->frame = std::move(waiting_.front());
  waiting_.pop_front();
  waiting_bytes_ -= job_->frame.jpeg.size();
  queue_->submit(std::move(job_));
}

}  // namespace ott
