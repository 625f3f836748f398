#include "media/sink_outlet.h"

#include <utility>

namespace ott {

SinkOutlet::SinkOutlet(std::unique_ptr<FrameSink> sink, OutletFigures figures, Duration every,
                       std::string stream, Log& log)
    : sink_(std::move(sink)),
      figures_(std::move(figures)),
      interval_(every),
      stream_(std::move(stream)),
      log_(log) {}

Result<void> SinkOutlet::begin(WatchableStreams& streams, Now) {
  wanted_ = streams.subscribe(stream_, *this);
  return {};
}

void SinkOutlet::on_frame(const FramePtr& frame) {
  if (frame->is_jpeg() && !interval_.is_due(frame->arrived.mono)) return;
  const auto written = frame->is_jpeg() ? sink_->write(frame->bytes) : sink_->write_packets(info_, frame);
  if (written) {
    ++figures_.frames;
    figures_.bytes += frame->bytes.size();
    return;
  }
  if (!written.error().message.empty()) log_.error(written.error().message + "; no more frames are written");
  wanted_.reset();
}

bool SinkOutlet::finish(bool give_up, Now) {
  wanted_.reset();
  if (give_up) sink_->give_up();
  return give_up || sink_->idle();
}

OutletFigures SinkOutlet::figures() const {
  OutletFigures figures = figures_;
  figures.frames_skipped = sink_->frames_left_out();
  return figures;
}

}  // namespace ott
