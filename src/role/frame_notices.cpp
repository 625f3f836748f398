#include "role/frame_notices.h"

#include <fmt/format.h>

#include <utility>

namespace ott {

std::vector<std::string> FrameNotices::look(const SourceFrame& frame) {
  using How = JpegConverter::How;
  std::vector<std::string> said;
  if (frame.how == How::Transcoded && !std::exchange(transcoded_said_, true)) {
    said.emplace_back(fmt::format("frames are converted, losslessly ({})", to_string(frame.why)));
  }
  if (frame.how == How::Reencoded && !std::exchange(reencoded_said_, true)) {
    said.emplace_back(fmt::format("frames are encoded anew, at quality {} ({})",
                                  JpegConverter::kReencodeQuality, to_string(frame.why)));
  }
  if (frame.image.cut_off && !std::exchange(cut_off_said_, true)) {
    said.emplace_back(
        "frames end without EOI: they are completed, and counted in the statistics (frames_completed)");
  }
  const ByteSpan dropped = frame.image.metadata.dropped;
  if (!dropped.empty() && !std::exchange(dropped_said_, true)) {
    said.emplace_back(
        fmt::format("{} does not travel with its frame: there is room for {} segments and {} KiB",
                    describe_segment(dropped), JpegMetadata::kSegmentsMax, JpegMetadata::kBytesMax >> 10U));
  }
  if (!frame.no_more_true.empty() && !std::exchange(profile_said_, true)) {
    said.emplace_back(
        fmt::format("{} does not travel: it is not for the colours that its frame is converted to",
                    describe_segment(frame.no_more_true)));
  }
  return said;
}

}  // namespace ott
