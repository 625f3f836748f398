#include "role/viewer.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "media/rtp_instant.h"

namespace ott {

void Viewer::begin(const Flow& flow) {
  stream_ = flow.id();
  position_ = flow.buffer.tail();
  buffer_number_ = flow.buffer_number;
  numbering_ = flow.numbering;
  known_ = last_ = FrameNumber{};
  record_bytes_ = 0;
  depacketizer_.reset();
  frame_.reset();
  is_jpeg_ = flow.info.format.is_jpeg();
  taker_.on_stream(flow.info);
}

void Viewer::join(const Flow& flow) {
  begin(flow);
  const auto* newest = flow.buffer.newest_sync_point();
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
  if (record.is_skip()) {
    frame_.reset();
    return taker_.on_skip(record.frame, record.last_skipped());
  }
  // After a gap nothing is of use up to the next sync point. Relays see to that; but what they begin anew for
  // others may begin between two of them.
  if (record.first()) passes_over_ = !record.sync_point() && record.frame.value != last_.value + 1;
  if (passes_over_) return;
  if (record.first() || frame_ == nullptr) {
    frame_ = std::make_shared<Frame>();
    frame_->sync_point = record.sync_point();
  }
  ByteSpan rtp = record.rtp;
  if (record.first()) {
    const auto parsed = parse_rtp(rtp);
    if (parsed && parsed->header.extension && parsed->header.extension->profile == kRtpInstantProfile) {
      without_instant_.assign(rtp.begin(), rtp.end());
      const auto instant = take_rtp_instant(without_instant_);
      if (!instant) {
        taker_.on_broken(fmt::format("frame {}: {}", record.frame.value, instant.error().message), now);
      } else {
        frame_->instant = *instant;
      }
      rtp = without_instant_;
    }
  }
  if (is_jpeg_) return take_jpeg(record, rtp, now);
  take_packet(record, rtp, now);
}

void Viewer::take_jpeg(const Record& record, ByteSpan rtp, Now now) {
  const auto jpeg = depacketizer_.push(rtp);
  if (!jpeg) {
    taker_.on_broken(fmt::format("frame {}: {}", record.frame.value, jpeg.error().message), now);
  } else if (*jpeg) {
    frame_->bytes.assign((**jpeg).begin(), (**jpeg).end());
    complete(record, now);
  }
}

/// A frame whose beginning is missing is none.
void Viewer::take_packet(const Record& record, ByteSpan rtp, Now now) {
  if (!record.first() && frame_->packet_ends.empty()) return;
  frame_->bytes.insert(frame_->bytes.end(), rtp.begin(), rtp.end());
  frame_->packet_ends.push_back(static_cast<std::uint32_t>(frame_->bytes.size()));
  if (record.last()) complete(record, now);
}

void Viewer::complete(const Record& record, Now now) {
  const std::size_t bytes = std::exchange(record_bytes_, 0);
  const auto frame = std::exchange(frame_, nullptr);
  if (record.frame <= last_) return taker_.on_duplicate(record.frame);
  last_ = record.frame;
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
  taker_.on_frame(frame);
}

}  // namespace ott
