// Where --dump - puts a stream of any format: pictures one after the other, or the bytes of another format
// (dump_writer.h).
#pragma once

#include <memory>

#include "media/dump_writer.h"
#include "media/frame_sink.h"

namespace ott {

class DumpSink final : public FrameSink {
 public:
  /// `pictures` gets whole JPEGs, `bytes` what other formats are made of, in order; both write to one place.
  DumpSink(std::unique_ptr<FrameSink> pictures, std::unique_ptr<FrameSink> bytes);

  Result<void> write(ByteSpan jpeg) override { return pictures_->write(jpeg); }
  Result<void> write_packets(const StreamInfo& stream, const FramePtr& frame) override;
  Result<void> failure() override;
  [[nodiscard]] bool idle() const override { return pictures_->idle() && bytes_->idle(); }
  void give_up() override;
  [[nodiscard]] std::uint64_t frames_left_out() const override;

 private:
  std::unique_ptr<FrameSink> pictures_, bytes_;
  std::unique_ptr<DumpWriter> writer_;
  StreamInfo stream_;           // that writer_ is for
  std::uint64_t unusable_ = 0;  // frames that nothing could be made of
};

}  // namespace ott
