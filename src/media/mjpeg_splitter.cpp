#include "media/mjpeg_splitter.h"

#include <algorithm>
#include <cstring>
#include <string_view>

#include "media/rtp_jpeg_format.h"
#include "ott/rtp_jpeg.h"

namespace ott {
namespace {

constexpr std::size_t kStartBytes = 3;  // SOI and the 0xFF of the next marker

/// The longest head of a part; longer text is no such thing.
constexpr std::size_t kPartHeadBytesMax = 4'096;

bool is_padding(std::uint8_t byte) { return byte == 0 || byte == 0xFF || byte == '\r' || byte == '\n'; }

bool is_text(std::uint8_t byte) { return (byte >= ' ' && byte <= '~') || byte == '\t' || is_padding(byte); }

std::string_view as_text(ByteSpan bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Where the first line begins that starts with two hyphens, as a boundary does; npos if there is none.
std::size_t find_boundary(std::string_view text) {
  if (text.starts_with("--")) return 0;
  const std::size_t at = text.find("\n--");
  return at == std::string_view::npos ? at : at + 1;
}

/// True for the lines before a part's body: a boundary, header lines, or both. Some servers' boundaries have
/// no hyphens; then the Content-Type tells.
bool is_part_head(ByteSpan bytes) {
  constexpr std::string_view kContentType = "content-type:";
  if (bytes.size() > kPartHeadBytesMax || !std::ranges::all_of(bytes, is_text)) return false;
  const std::string_view text = as_text(bytes);
  const auto same = [](char a, char lower) { return (a >= 'A' && a <= 'Z' ? a + ('a' - 'A') : a) == lower; };
  return find_boundary(text) != std::string_view::npos ||
         std::search(text.begin(), text.end(), kContentType.begin(), kContentType.end(), same) != text.end();
}

/// How many bytes at the end of a frame without EOI are the head of the next part, its line end included.
std::size_t part_head_bytes(ByteSpan frame) {
  std::size_t begin = frame.size();
  const std::size_t least = frame.size() - std::min(frame.size(), kPartHeadBytesMax);
  while (begin > least && is_text(frame[begin - 1])) --begin;
  const std::string_view tail = as_text(frame.subspan(begin));
  std::size_t at = tail.find("\n--");
  if (at == std::string_view::npos) return 0;
  if (at > 0 && tail[at - 1] == '\r') --at;
  return tail.size() - at;
}

/// The offset of the first SOI that another marker follows; data.size() if there is none.
std::size_t find_soi(ByteSpan data) {
  for (std::size_t at = 0; at + kStartBytes <= data.size(); ++at) {
    const void* found = std::memchr(data.data() + at, 0xFF, data.size() - at);
    if (found == nullptr) break;
    at = static_cast<std::size_t>(static_cast<const std::uint8_t*>(found) - data.data());
    if (at + kStartBytes <= data.size() && data[at + 1] == kSoi && data[at + 2] == 0xFF) return at;
  }
  return data.size();
}

}  // namespace

bool MjpegSplitter::detect(ByteSpan start) {
  const std::size_t jpeg = find_soi(start);
  const ByteSpan before = start.first(jpeg);
  return jpeg < start.size() && (std::ranges::all_of(before, is_padding) || is_part_head(before));
}

void MjpegSplitter::on_reset() {
  state_ = State::Between;
  at_ = scan_at_ = resume_at_ = 0;
  reported_ = false;
}

Result<std::optional<ByteSpan>> MjpegSplitter::next() {
  drop_taken();
  for (;;) {
    Result<Step> step = Step::Again;
    switch (state_) {
      case State::Between:
        step = find_start();
        break;
      case State::Segments:
        step = walk_segment();
        break;
      case State::Scan:
        step = walk_scan();
        break;
    }
    if (!step) return tl::unexpected<Error>(std::move(step.error()));
    if (*step == Step::Frame) {
      const std::size_t bytes = at_;
      on_reset();
      return std::optional<ByteSpan>(take(0, bytes));
    }
    if (state_ != State::Between && at_ > kFrameBytesMax) return give_up("a frame of more than 16 MiB");
    if (*step == Step::NeedBytes) {
      if (!finished() || window().empty()) return std::nullopt;
      if (state_ == State::Between) continue;
      const std::size_t size = window().size();
      if (!has_image_data(size))
        return give_up("the frame is cut off after " + std::to_string(size) + " bytes");
      end_without_eoi(size);
      const std::size_t bytes = at_;
      on_reset();
      return std::optional<ByteSpan>(take(0, bytes));
    }
  }
}

MjpegSplitter::Step MjpegSplitter::end_without_eoi(std::size_t end) {
  at_ = end - part_head_bytes(window().first(end));
  return Step::Frame;
}

Result<MjpegSplitter::Step> MjpegSplitter::find_start() {
  const ByteSpan data = window();
  const std::size_t start = find_soi(data);
  const bool found = start < data.size();
  // The last bytes may be the start of an SOI.
  const std::size_t keep = finished() || found ? 0 : std::min(data.size(), kStartBytes - 1);
  const std::size_t skip = found ? start : data.size() - keep;
  const ByteSpan between = data.first(skip);
  const bool padding = std::ranges::all_of(between, is_padding);
  // Text may turn out to be the head of a part when the rest of it has come.
  const bool undecided = !padding && !found && !finished() && skip <= kPartHeadBytesMax && !reported_;
  if (undecided && std::ranges::all_of(between, is_text)) return Step::NeedBytes;
  if (!padding && !reported_ && !is_part_head(between)) {
    reported_ = true;
    return bad(0, "no JPEG begins here; skipping to the next");
  }
  drop(skip);
  if (!found) return Step::NeedBytes;
  state_ = State::Segments;
  at_ = resume_at_ = 2;
  return Step::Again;
}

Result<MjpegSplitter::Step> MjpegSplitter::walk_segment() {
  const ByteSpan data = window();
  if (data.size() < at_ + 2) return Step::NeedBytes;
  const std::uint8_t marker = data[at_ + 1];
  if (data[at_] != 0xFF) return give_up("the frame has no marker at its byte " + std::to_string(at_));
  if (marker == 0xFF) {
    ++at_;
    return Step::Again;
  }
  if (marker == kEoi) {
    at_ += 2;
    return Step::Frame;
  }
  if (marker == kSoi && has_image_data(at_)) return end_without_eoi(at_);
  if (marker == kSoi) {
    resume_at_ = at_;
    return give_up("the frame is cut off after " + std::to_string(at_) + " bytes, where the next begins");
  }
  if (marker < kSof0 || (marker >= kRst0 && marker <= kRst7)) {
    return give_up("the frame has an impossible marker at its byte " + std::to_string(at_));
  }
  if (data.size() < at_ + 4) return Step::NeedBytes;
  const std::size_t length = load_be<std::uint16_t>(data.data() + at_ + 2);
  if (length < 2) return give_up("the frame has an impossible segment at its byte " + std::to_string(at_));
  resume_at_ = at_ + 2;
  at_ += 2 + length;
  if (marker != kSos) return Step::Again;
  state_ = State::Scan;
  if (scan_at_ == 0) scan_at_ = at_;
  return Step::Again;
}

MjpegSplitter::Step MjpegSplitter::walk_scan() {
  const ByteSpan data = window();
  if (data.size() <= at_) return Step::NeedBytes;
  const ByteSpan rest = data.subspan(at_);
  const std::size_t end = find_scan_end(rest);
  if (end == rest.size()) {
    at_ += rest.size() - 1;  // a last 0xFF is read again, with what follows it
    resume_at_ = at_;
    return Step::NeedBytes;
  }
  at_ += end;
  resume_at_ = at_;
  state_ = State::Segments;
  return Step::Again;
}

tl::unexpected<Error> MjpegSplitter::give_up(const std::string& what) {
  auto error = bad(0, what);
  drop(std::min(resume_at_, window().size()));
  on_reset();
  reported_ = true;
  return error;
}

}  // namespace ott
