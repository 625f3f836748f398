// Finds the JPEGs in a stream of concatenated ones (.mjpeg files, `ffmpeg -f mjpeg -`, cameras), by walking
// their marker segments and then scanning the entropy-coded data for EOI: a thumbnail inside a segment is
// never taken for a frame. Padding between frames (0x00, 0xFF, line ends) is normal; other bytes are
// reported.
//
//     Between --SOI--> Segments --SOS--> Scan --a marker--> Segments --EOI--> Between, a frame
//                         |--SOI or nonsense--> Between, an error
#pragma once

#include "media/frame_splitter.h"

namespace ott {

class MjpegSplitter final : public FrameSplitter {
 public:
  Result<std::optional<ByteSpan>> next() override;

 private:
  enum class State : std::uint8_t { Between, Segments, Scan };
  enum class Step : std::uint8_t { Again, NeedBytes, Frame };

  Result<Step> find_start();
  Result<Step> walk_segment();
  Step walk_scan();
  tl::unexpected<Error> give_up(const std::string& what);
  void on_reset() override;

  State state_ = State::Between;
  std::size_t at_ = 0;         // what is read next, from the start of the window
  std::size_t resume_at_ = 0;  // where a frame may begin if this one proves broken
  bool reported_ = false;      // the bytes skipped now have been reported
};

}  // namespace ott
