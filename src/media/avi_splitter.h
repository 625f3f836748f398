// The pictures of an AVI file with MJPEG, also in several RIFFs (OpenDML), and of one that was never
// finished: its chunks are walked one after the other, and neither an index nor the size of a list is
// believed. A chunk without bytes shows the former picture again. Other streams are passed over.
#pragma once

#include <vector>

#include "media/frame_splitter.h"

namespace ott {

/// What the head of an AVI file says of its video.
struct AviHead {
  unsigned stream = 0;  // the number of the stream, from 0 to 99
  double fps = 0;       // 0: it does not say
};

/// True if a file with these first bytes is AVI.
bool is_avi(ByteSpan start);
/// `start`: as much of the file as is at hand. The error says what the video is, if it is not MJPEG.
Result<AviHead> read_avi_head(ByteSpan start);

class AviSplitter final : public FrameSplitter {
 public:
  explicit AviSplitter(unsigned stream) : stream_(stream) {}

  Result<std::optional<ByteSpan>> next() override;

 private:
  enum class Step : std::uint8_t { Again, NeedBytes };

  [[nodiscard]] bool is_picture(ByteSpan chunk) const;
  Step skip();
  Result<Step> pass_over();
  Result<Step> resynchronise();
  void on_reset() override;

  unsigned stream_;
  std::uint64_t skip_ = 0;           // bytes that are passed over before the next chunk
  bool padded_ = false;              // a byte of padding may be next
  bool lost_ = false;                // looking for the next picture
  std::vector<std::uint8_t> shown_;  // the last picture
};

}  // namespace ott
