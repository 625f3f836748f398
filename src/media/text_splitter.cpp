#include "media/text_splitter.h"

#include <fmt/format.h>

#include <algorithm>

#include "media/media_sample.h"
#include "media/text.h"

namespace ott {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
constexpr std::string_view kReplacement = "\xEF\xBF\xBD";
constexpr std::string_view kLineEnd = "\r\n";
constexpr std::size_t kSequenceBytesMax = 4;

std::string_view as_text(ByteSpan bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Where the first bytes are that are no UTF-8; text.size() if all is.
std::size_t find_fault(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t bytes = utf8_sequence_length(text.substr(at));
    if (bytes == 0) break;
    at += bytes;
  }
  return at;
}

}  // namespace

TextSplitter::TextSplitter() { parts_ = {MediaPart{.format = format_of(MediaKind::Text, "t140", {})}}; }

void TextSplitter::on_reset() {
  line_ = 1;
  at_start_ = true;
  named_ = false;
}

Result<std::optional<ByteSpan>> TextSplitter::next() {
  drop_taken();
  if (at_start_) {
    const std::string_view start = as_text(window()).substr(0, kByteOrderMark.size());
    if (!finished() && start.size() < kByteOrderMark.size() && kByteOrderMark.starts_with(start))
      return std::nullopt;
    if (start == kByteOrderMark) drop(start.size());
    at_start_ = false;
  }
  // A byte that is no UTF-8 becomes three: what is looked at is more than enough for a unit.
  const std::string_view text = as_text(window()).substr(0, kUnitBytesMax + kSequenceBytesMax);
  const std::size_t end = text.find('\n');
  const bool has_end = end != std::string_view::npos;
  if (text.empty() || (!has_end && !finished() && text.size() < kUnitBytesMax + kSequenceBytesMax))
    return std::nullopt;
  std::string_view line = text.substr(0, end);
  const bool is_whole = has_end || (finished() && text.size() == window().size());
  if (has_end && line.ends_with('\r')) line.remove_suffix(1);

  if (const std::size_t fault = find_fault(line);
      !named_ && fault + (is_whole ? 0 : kSequenceBytesMax) < line.size()) {
    named_ = true;
    return bad(fault, fmt::format("line {} is no UTF-8 here, and what is none is shown as U+FFFD", line_));
  }
  const std::size_t taken = fill_unit(line, is_whole);
  const bool ends_line = is_whole && taken == line.size();
  if (ends_line) {
    unit_ += kLineEnd;
    ++line_;
  }
  (void)take(0, ends_line && has_end ? end + 1 : taken);
  stamp_ = {};
  return ByteSpan(reinterpret_cast<const std::uint8_t*>(unit_.data()), unit_.size());
}

/// Puts as much of the text into the unit as there is room for. Returns the bytes taken.
std::size_t TextSplitter::fill_unit(std::string_view text, bool is_whole) {
  constexpr std::size_t kRoom = kUnitBytesMax - kLineEnd.size();
  unit_.clear();
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t bytes = utf8_sequence_length(text.substr(at));
    // It may be a character that is not all there yet.
    if (bytes == 0 && !is_whole && text.size() - at < kSequenceBytesMax) break;
    const std::string_view character = bytes == 0 ? kReplacement : text.substr(at, bytes);
    if (unit_.size() + character.size() > kRoom) break;
    unit_ += character;
    at += std::max<std::size_t>(bytes, 1);
  }
  return at;
}

}  // namespace ott
