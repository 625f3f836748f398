// The classic .Mjpeg container of the RTSP/RTP exercise: each JPEG is preceded by its length as five ASCII
// digits. Line ends and spaces between records are passed over. A wrong length is reported, and reading goes
// on at the next place that looks like a record. The last record may be cut off.
#pragma once

#include "media/frame_splitter.h"

namespace ott {

class ClassicClipSplitter final : public FrameSplitter {
 public:
  /// Whether a file with these first bytes is one.
  static bool detect(ByteSpan start);

  Result<std::optional<ByteSpan>> next() override;

 private:
  Result<std::optional<ByteSpan>> resynchronise();
  tl::unexpected<Error> give_up(const std::string& what);
  void on_reset() override { lost_ = false; }

  bool lost_ = false;  // looking for the next record
};

}  // namespace ott
