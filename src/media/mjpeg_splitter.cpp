#include "media/mjpeg_splitter.h"

#include <algorithm>
#include <cstring>
#include <string_view>

namespace ott {
namespace {

constexpr std::size_t kStartBytes = 3;  // of a JPEG, that it is known by

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

}  // namespace

bool MjpegSplitter::detect(ByteSpan start) {
  const std::size_t jpeg = find_jpeg(start);
  const ByteSpan before = start.first(jpeg);
  return jpeg < start.size() && (std::ranges::all_of(before, is_padding) || is_part_head(before));
}

void MjpegSplitter::on_reset() {
  in_frame_ = reported_ = false;
  walker_.reset();
}

Result<std::optional<ByteSpan>> MjpegSplitter::next() {
  drop_taken();
  if (!in_frame_) {
    const auto found = find_start();
    if (!found) return tl::unexpected<Error>(found.error());
    if (!*found) return std::nullopt;
  }
  const JpegWalker::Found found = walker_.walk(window());
  if (walker_.at() > kFrameBytesMax) return give_up("a frame of more than 16 MiB");
  switch (found) {
    case JpegWalker::Found::Eoi:
      return take_frame(walker_.at());
    case JpegWalker::Found::NextSoi:
      return take_without_eoi(walker_.at());
    case JpegWalker::Found::Broken:
      return give_up(walker_.why());
    case JpegWalker::Found::NeedBytes:
      break;
  }
  if (!finished()) return std::nullopt;
  const std::size_t size = window().size();
  if (walker_.has_image_data(size)) return take_without_eoi(size);
  return give_up("the frame is cut off after " + std::to_string(size) + " bytes");
}

ByteSpan MjpegSplitter::take_frame(std::size_t bytes) {
  on_reset();
  return take(0, bytes);
}

ByteSpan MjpegSplitter::take_without_eoi(std::size_t end) {
  return take_frame(end - part_head_bytes(window().first(end)));
}

/// True if a frame begins in the window, where it is now; false if more bytes are needed.
Result<bool> MjpegSplitter::find_start() {
  const ByteSpan data = window();
  const std::size_t start = find_jpeg(data);
  const bool found = start < data.size();
  // The last bytes may be the start of an SOI.
  const std::size_t keep = finished() || found ? 0 : std::min(data.size(), kStartBytes - 1);
  const std::size_t skip = found ? start : data.size() - keep;
  const ByteSpan between = data.first(skip);
  const bool padding = std::ranges::all_of(between, is_padding);
  // Text may turn out to be the head of a part when the rest of it has come.
  const bool undecided = !padding && !found && !finished() && skip <= kPartHeadBytesMax && !reported_;
  if (undecided && std::ranges::all_of(between, is_text)) return false;
  if (!padding && !reported_ && !is_part_head(between)) {
    reported_ = true;
    return bad(0, "no JPEG begins here; skipping to the next");
  }
  drop(skip);
  in_frame_ = found;
  return found;
}

tl::unexpected<Error> MjpegSplitter::give_up(const std::string& what) {
  auto error = bad(0, what);
  drop(std::min(walker_.resume_at(), window().size()));
  on_reset();
  reported_ = true;
  return error;
}

}  // namespace ott
