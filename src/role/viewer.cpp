#include "role/viewer.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

namespace ott {

void Viewer::begin(const Flow& flow) {
  stream_ = flow.id();
  position_ = flow.buffer.tail();
  buffer_number_ = flow.buffer_number;
  numbering_ = flow.numbering;
  known_ = last_ = FrameNumber{};
  record_bytes_ = 0;
  depacketizer_.reset();
  taker_.on_stream(flow.info);
}

void Viewer::join(const Flow& flow) {
  begin(flow);
  const auto* newest = flow.buffer.newest_complete();
  if (newest == nullptr) return;
  position_ = newest->start;
  history_ = {newest->number, newest->arrived};
}

void Viewer::read(const Flow& flow, Now now) {
  if (stream_ != flow.id() || numbering_ != flow.numbering) begin(flow);
  if (buffer_number_ != flow.buffer_number) {
    position_ = flow.buffer.tail();
    known_ = last_;
  }
  buffer_number_ = flow.buffer_number;
  position_ = std::max(position_, flow.buffer.tail());
  while (position_ < flow.buffer.head()) {
    const Record record = flow.buffer.record_at(position_);
    position_.value += record.header.total();
    const bool known = !record.is_skip() && record.frame <= known_;
    if (!known) take(record, now);  // the buffer was begun anew, with frames that were taken already
  }
}

void Viewer::take(const Record& record, Now now) {
  record_bytes_ += record.header.total();
  if (record.is_skip()) return taker_.on_skip(record.frame, record.last_skipped());
  const auto jpeg = depacketizer_.push(record.rtp);
  if (!jpeg) {
    taker_.on_broken(fmt::format("frame {}: {}", record.frame.value, jpeg.error().message), now);
  } else if (*jpeg) {
    complete(record, **jpeg, now);
  }
}

void Viewer::complete(const Record& record, ByteSpan jpeg, Now now) {
  const std::size_t bytes = std::exchange(record_bytes_, 0);
  if (record.frame <= last_) return taker_.on_duplicate(record.frame);
  last_ = record.frame;
  auto frame = std::make_shared<Frame>();
  frame->stream = *stream_;
  frame->number = record.frame;
  if (const auto rtp = parse_rtp(record.rtp)) frame->media_time = rtp->header.timestamp;
  // A peer may claim any time: one before the epoch would leave the range of a Duration.
  frame->source_time = WallTime(Duration(std::max<std::int64_t>(record.source_time_ns(), 0)));
  frame->arrived = now;
  if (record.frame == history_.frame) {
    frame->arrived = {history_.arrived, now.wall - std::max(now.mono - history_.arrived, Duration{})};
    history_ = {};
  }
  frame->hops = record.header.hops;
  frame->record_bytes = bytes;
  frame->bytes.assign(jpeg.begin(), jpeg.end());
  taker_.on_frame(frame);
}

}  // namespace ott
