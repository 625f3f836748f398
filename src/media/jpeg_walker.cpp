#include "media/jpeg_walker.h"

#include <cstring>
#include <utility>

#include "media/rtp_jpeg_format.h"
#include "ott/rtp_jpeg.h"

namespace ott {

bool begins_jpeg(ByteSpan data) {
  return data.size() >= 3 && data[0] == 0xFF && data[1] == kSoi && data[2] == 0xFF;
}

std::size_t find_jpeg(ByteSpan data) {
  for (std::size_t at = 0; at < data.size(); ++at) {
    const void* found = std::memchr(data.data() + at, 0xFF, data.size() - at);
    if (found == nullptr) break;
    at = static_cast<std::size_t>(static_cast<const std::uint8_t*>(found) - data.data());
    if (begins_jpeg(data.subspan(at))) return at;
  }
  return data.size();
}

JpegWalker::Found JpegWalker::walk(ByteSpan jpeg) {
  Found found = Found::NeedBytes;
  while (in_scan_ ? walk_scan(jpeg) : walk_segment(jpeg, found)) {
  }
  return found;
}

bool JpegWalker::broken(Found& found, std::string why) {
  why_ = std::move(why);
  return stop(found, Found::Broken);
}

bool JpegWalker::walk_segment(ByteSpan jpeg, Found& found) {
  if (jpeg.size() < at_ + 2) return false;
  const auto at_its_byte = [this] { return " at its byte " + std::to_string(at_); };
  const std::uint8_t marker = jpeg[at_ + 1];
  if (jpeg[at_] != 0xFF) return broken(found, "the frame has no marker" + at_its_byte());
  if (marker == 0xFF) {
    ++at_;
    return true;
  }
  if (marker == kEoi) {
    at_ += 2;
    return stop(found, Found::Eoi);
  }
  if (marker == kSoi && has_image_data(at_)) return stop(found, Found::NextSoi);
  if (marker == kSoi) {
    resume_at_ = at_;
    return broken(found,
                  "the frame is cut off after " + std::to_string(at_) + " bytes, where the next begins");
  }
  if (marker < kSof0 || (marker >= kRst0 && marker <= kRst7)) {
    return broken(found, "the frame has an impossible marker" + at_its_byte());
  }
  if (jpeg.size() < at_ + 4) return false;
  const std::size_t length = load_be<std::uint16_t>(jpeg.data() + at_ + 2);
  if (length < 2) return broken(found, "the frame has an impossible segment" + at_its_byte());
  resume_at_ = at_ + 2;
  at_ += 2 + length;
  in_scan_ = marker == kSos;
  if (in_scan_ && scan_at_ == 0) scan_at_ = at_;
  return true;
}

bool JpegWalker::walk_scan(ByteSpan jpeg) {
  if (jpeg.size() <= at_) return false;
  const ByteSpan rest = jpeg.subspan(at_);
  const std::size_t end = find_scan_end(rest);
  in_scan_ = end == rest.size();
  at_ += in_scan_ ? rest.size() - 1 : end;  // a last 0xFF is read again, with what follows it
  resume_at_ = at_;
  return !in_scan_;
}

}  // namespace ott
