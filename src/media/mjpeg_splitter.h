// Finds the JPEGs in a stream of concatenated ones (.mjpeg files, `ffmpeg -f mjpeg -`, cameras), by walking
// their marker segments and then scanning the entropy-coded data for EOI: a thumbnail inside a segment is
// never taken for a frame. A frame whose image data has begun may also end without EOI, where the next one
// begins or the stream ends. Between frames, padding (0x00, 0xFF, line ends) and the head of a part of a
// multipart stream (RFC 2046, as cameras send it over HTTP: a boundary, header lines) are normal; other bytes
// are reported.
//
//     Between --SOI--> Segments --SOS--> Scan --a marker--> Segments --EOI--> Between, a frame
//                         |--SOI after image data--> Between, a frame
//                         |--another SOI, or nonsense--> Between, an error
#pragma once

#include "media/frame_splitter.h"

namespace ott {

class MjpegSplitter final : public FrameSplitter {
 public:
  /// Whether a file with these first bytes is one, or holds the parts of a multipart stream.
  static bool detect(ByteSpan start);

  Result<std::optional<ByteSpan>> next() override;

 private:
  enum class State : std::uint8_t { Between, Segments, Scan };
  enum class Step : std::uint8_t { Again, NeedBytes, Frame };

  Result<Step> find_start();
  [[nodiscard]] bool has_image_data(std::size_t end) const { return scan_at_ != 0 && end > scan_at_; }
  Step end_without_eoi(std::size_t end);
  Result<Step> walk_segment();
  Step walk_scan();
  tl::unexpected<Error> give_up(const std::string& what);
  void on_reset() override;

  State state_ = State::Between;
  std::size_t at_ = 0;         // what is read next, from the start of the window
  std::size_t scan_at_ = 0;    // where the frame's image data begins; 0: not known yet
  std::size_t resume_at_ = 0;  // where a frame may begin if this one proves broken
  bool reported_ = false;      // the bytes skipped now have been reported
};

}  // namespace ott
