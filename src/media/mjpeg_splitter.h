// Finds the JPEGs in a stream of concatenated ones (.mjpeg files, `ffmpeg -f mjpeg -`, cameras), by walking
// their marker segments and then scanning the entropy-coded data for EOI: a thumbnail inside a segment is
// never taken for a frame. A frame whose image data has begun may also end without EOI, where the next one
// begins or the stream ends. Between frames, padding (0x00, 0xFF, line ends) and the head of a part of a
// multipart stream (RFC 2046, as cameras send it over HTTP: a boundary, header lines) are normal; other bytes
// are reported.
//
// Finding an end is the job of jpeg_walker.h.
#pragma once

#include "media/frame_splitter.h"
#include "media/jpeg_walker.h"

namespace ott {

class MjpegSplitter final : public FrameSplitter {
 public:
  /// Whether a file with these first bytes is one, or holds the parts of a multipart stream.
  static bool detect(ByteSpan start);

  Result<std::optional<ByteSpan>> next() override;

 private:
  Result<bool> find_start();
  ByteSpan take_frame(std::size_t bytes);
  ByteSpan take_without_eoi(std::size_t end);
  tl::unexpected<Error> give_up(const std::string& what);
  void on_reset() override;

  bool in_frame_ = false;
  JpegWalker walker_;
  bool reported_ = false;  // the bytes skipped now have been reported
};

}  // namespace ott
