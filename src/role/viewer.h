// The end of a stream: reads its records from the flow's buffer, in place, and puts the frames together
// again, once for all who take them: JPEG to whole pictures, other formats as the packets that they are.
#pragma once

#include <optional>

#include "media/outlet.h"
#include "ott/rtp_jpeg.h"
#include "plane/flow.h"

namespace ott {

class Viewer {
 public:
  explicit Viewer(FrameTaker& taker) : taker_(taker) {}

  /// The next read begins at the newest complete frame at which decoding can begin: what lies before it is
  /// history.
  void join(const Flow& flow);
  /// Reads what is new. Frames of another stream than last time are read from its beginning here.
  void read(const Flow& flow, Now now);

 private:
  void begin(const Flow& flow);
  void take(const Record& record, Now now);
  void take_jpeg(const Record& record, ByteSpan rtp, Now now);
  void take_packet(const Record& record, ByteSpan rtp, Now now);
  void complete(const Record& record, Now now);

  FrameTaker& taker_;
  RtpJpegDepacketizer depacketizer_;
  std::shared_ptr<Frame> frame_;               // under way
  std::vector<std::uint8_t> without_instant_;  // a packet that had one
  bool is_jpeg_ = true;                        // the stream is
  std::optional<StreamId> stream_;
  unsigned buffer_number_ = 0;
  unsigned numbering_ = 0;
  Position position_;
  FrameNumber known_;         // frames up to here come again and are passed over
  FrameNumber last_;          // the last one that was handed on
  bool passes_over_ = false;  // the frame under way needs one that is missing
  struct {
    FrameNumber frame;
    MonoTime arrived;
  } history_{};                   // the frame that was here when this began, and is handed on as the first
  std::size_t record_bytes_ = 0;  // since then
};

}  // namespace ott
