#include "media/multipart.h"

#include <algorithm>
#include <cstring>

#include "media/rtp_jpeg_format.h"
#include "media/text.h"

namespace ott {
namespace {

/// The longest boundary. RFC 2046 has 70; a longer one is none.
constexpr std::size_t kBoundaryBytesMax = 200;
/// Spaces that a line may have behind it.
constexpr std::size_t kSpacesMax = 50;
/// A line with a boundary has no more bytes than this.
constexpr std::size_t kDelimiterBytesMax = 2 * kBoundaryBytesMax;
/// A boundary as long as this is one without hyphens before it, too.
constexpr std::size_t kTellingBytes = 4;

std::string_view as_text(ByteSpan bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

bool is_text(std::string_view line) {
  return std::ranges::none_of(line, [](char c) { return (c >= 0 && c < ' ' && c != '\t') || c == 0x7F; });
}

bool is_line_end(std::uint8_t byte) { return byte == '\r' || byte == '\n'; }

/// Whether a JPEG may begin here when more bytes have come.
bool may_begin_jpeg(ByteSpan data) {
  return data.size() < 3 && (data.empty() || data[0] == 0xFF) && (data.size() < 2 || data[1] == kSoi);
}

std::string_view without_hyphens(std::string_view text) {
  return text.substr(std::min(text.find_first_not_of('-'), text.size()));
}

std::string boundary_of(std::string_view declared) {
  return std::string(without_hyphens(declared).substr(0, kBoundaryBytesMax));
}

/// The line's bytes without its line end, and how many bytes that is. nullopt: there is no LF within `most`.
struct Line {
  std::string_view text;
  std::size_t bytes;  // with its end
};
std::optional<Line> first_line(ByteSpan data, std::size_t most, bool finished) {
  const ByteSpan within = data.first(std::min(data.size(), most));
  const auto lf = std::ranges::find(within, std::uint8_t{'\n'});
  const auto length = static_cast<std::size_t>(lf - within.begin());
  if (lf == within.end() && !(finished && data.size() < most)) return std::nullopt;
  std::string_view text = as_text(within.first(length));
  if (text.ends_with('\r')) text.remove_suffix(1);
  return Line{text, length + (lf == within.end() ? 0 : 1)};
}

}  // namespace

MultipartSplitter::MultipartSplitter(std::string_view boundary)
    : declared_(boundary_of(boundary)), boundary_(declared_) {}

void MultipartSplitter::on_reset() {
  boundary_ = declared_;
  lengths_wrong_ = without_eoi_ = false;
  begin_head(false);
}

Result<std::optional<ByteSpan>> MultipartSplitter::next() {
  drop_taken();
  for (;;) {
    Result<Step> step = Step::Again;
    switch (state_) {
      case State::Head:
        step = read_head();
        break;
      case State::Body:
        step = begin_body();
        break;
      case State::Picture:
        return read_picture();
      case State::Lost:
        step = find_line();
        break;
    }
    if (!step) return tl::unexpected<Error>(std::move(step.error()));
    if (*step == Step::NeedBytes) return std::nullopt;
  }
}

// ---- between the pictures --------------------------------------------------------------------------------

void MultipartSplitter::begin_head(bool quiet) {
  state_ = State::Head;
  quiet_ = quiet;
  head_bytes_ = 0;
  any_header_ = false;
  type_ = {};
  length_.reset();
}

/// Goes on at the next boundary, after so many bytes of the window.
tl::unexpected<Error> MultipartSplitter::lose(std::size_t bytes, const std::string& what) {
  auto error = bad(0, what);
  drop(std::min(bytes, window().size()));
  state_ = State::Lost;
  in_line_ = bytes > 0;
  return error;
}

Result<MultipartSplitter::Step> MultipartSplitter::read_head() {
  const ByteSpan data = window();
  if (data.empty() || (may_begin_jpeg(data) && !finished())) return Step::NeedBytes;
  if (begins_jpeg(data)) {
    state_ = State::Body;
    return Step::Again;
  }
  if (data[0] == 0 || data[0] == 0xFF) {  // padding
    drop(1);
    return Step::Again;
  }
  const auto line = first_line(data, kLineBytesMax, finished());
  if (!line && data.size() < kLineBytesMax) return Step::NeedBytes;
  if (!line || !is_text(line->text)) {
    if (quiet_) {
      state_ = State::Lost;
      in_line_ = false;
      return Step::Again;
    }
    return lose(0, line ? "no part begins here; skipping to the next boundary"
                        : "a line of more than 8 KiB in a part's head");
  }
  head_bytes_ += line->bytes;
  if (head_bytes_ > kHeadBytesMax) return lose(0, "a part's head of more than 64 KiB");
  read_line(line->text);
  drop(line->bytes);
  return Step::Again;
}

void MultipartSplitter::read_line(std::string_view line) {
  if (take_boundary(line)) return begin_head(false);
  if (line.empty() && type_.type.starts_with("multipart/")) {  // the head of the whole, before the first part
    boundary_ = boundary_of(type_.boundary);
    return begin_head(false);
  }
  if (line.empty() && any_header_) {
    state_ = State::Body;
    return;
  }
  const auto [name, value] = cut(line, ':');
  if (name.size() < line.size()) take_header(trimmed(name), trimmed(value));
}

void MultipartSplitter::take_header(std::string_view name, std::string_view value) {
  any_header_ = true;
  if (equal_no_case(name, "Content-Type")) type_ = parse_content_type(value);
  if (equal_no_case(name, "Content-Length")) length_ = parse_number<std::size_t>(value);
}

bool MultipartSplitter::take_boundary(std::string_view line) {
  while (line.ends_with(' ') || line.ends_with('\t')) line.remove_suffix(1);
  const std::string_view core = without_hyphens(line);
  const bool has_hyphens = line.starts_with("--");
  if (core.empty()) return has_hyphens;
  if (core.size() > kBoundaryBytesMax || !is_text(core)) return false;
  for (const std::string_view known : {std::string_view(declared_), std::string_view(boundary_)}) {
    if (known.empty() || !core.starts_with(known)) continue;
    const std::string_view behind = core.substr(known.size());
    if (!behind.empty() && behind != "--") continue;
    if (!has_hyphens && known.size() < kTellingBytes) continue;
    boundary_ = known;
    return true;
  }
  if (has_hyphens) boundary_ = core;
  return has_hyphens;
}

/// What a part's empty line is followed by.
Result<MultipartSplitter::Step> MultipartSplitter::begin_body() {
  while (!window().empty() && is_line_end(window()[0])) {
    drop(1);
    length_.reset();  // it counts from elsewhere
  }
  const ByteSpan data = window();
  if (data.empty() || (may_begin_jpeg(data) && !finished())) {
    if (finished()) begin_head(false);
    return Step::NeedBytes;
  }
  if (begins_jpeg(data)) {
    state_ = State::Picture;
    search_from_ = 0;
    walker_.reset();
    walked_ = JpegWalker::Found::NeedBytes;
    return Step::Again;
  }
  const auto line = first_line(data, kDelimiterBytesMax, finished());
  if (!line && data.size() < kDelimiterBytesMax) return Step::NeedBytes;
  if (line && take_boundary(line->text)) {
    begin_head(false);  // an empty part
    return Step::Again;
  }
  const std::string type = type_.type.empty() ? "without a type" : "of type " + printable(type_.type);
  return lose(0, "a part " + type + " that is no JPEG");
}

/// Lost: skips what is no line with a boundary.
MultipartSplitter::Step MultipartSplitter::find_line() {
  const ByteSpan data = window();
  if (data.empty()) {
    if (finished()) begin_head(false);
    return Step::NeedBytes;
  }
  const auto line = first_line(data, in_line_ ? SIZE_MAX : kDelimiterBytesMax, finished());
  if (!line) {
    if (!in_line_ && data.size() < kDelimiterBytesMax) return Step::NeedBytes;
    if (in_line_) drop(data.size());  // a long line, as far as it has come
    in_line_ = true;
    return Step::Again;
  }
  if (!in_line_ && take_boundary(line->text)) {
    begin_head(false);
    return Step::Again;  // the head reads it again
  }
  drop(line->bytes);
  in_line_ = false;
  return Step::Again;
}

// ---- a picture -------------------------------------------------------------------------------------------

std::optional<std::size_t> MultipartSplitter::find_delimiter() {
  if (boundary_.empty()) return std::nullopt;
  const ByteSpan data = window();
  while (search_from_ < data.size()) {
    const ByteSpan rest = data.subspan(search_from_);
    const void* found = ::memmem(rest.data(), rest.size(), boundary_.data(), boundary_.size());
    if (found == nullptr) {
      search_from_ = std::max(search_from_, data.size() - std::min(data.size(), boundary_.size() - 1));
      return std::nullopt;
    }
    const auto core = static_cast<std::size_t>(static_cast<const std::uint8_t*>(found) - data.data());
    search_from_ = core;
    // Behind it there is the end of its line, and hyphens if it is the last one.
    std::string_view behind = as_text(data.subspan(core + boundary_.size()));
    behind = behind.substr(0, kSpacesMax + 4);
    if (behind.starts_with("--")) behind.remove_prefix(2);
    const std::size_t line_end = behind.find_first_not_of(" \t\r");
    if (line_end == std::string_view::npos && !finished() && behind.size() <= kSpacesMax) return std::nullopt;
    if (behind == "-" && !finished()) return std::nullopt;
    // Before it there are hyphens, and a line end or the picture's EOI.
    std::size_t at = core;
    while (at > 0 && data[at - 1] == '-') --at;
    const bool told = core - at >= 2 || boundary_.size() >= kTellingBytes;
    const bool begins_line = at > 0 && data[at - 1] == '\n';
    const bool after_eoi = at > 1 && data[at - 1] == kEoi && data[at - 2] == 0xFF;
    const bool ends_line = line_end == std::string_view::npos || behind[line_end] == '\n';
    if (told && (begins_line || after_eoi) && ends_line) {
      if (begins_line) --at;
      if (begins_line && at > 0 && data[at - 1] == '\r') --at;
      return at;
    }
    ++search_from_;
  }
  return std::nullopt;
}

std::optional<std::size_t> MultipartSplitter::believed_length() const {
  if (lengths_wrong_ || !length_ || *length_ < 4 || *length_ > kFrameBytesMax) return std::nullopt;
  return length_;
}

Result<std::optional<ByteSpan>> MultipartSplitter::read_picture() {
  const ByteSpan data = window();
  const auto delimiter = find_delimiter();
  if (const auto length = believed_length()) {
    if (delimiter && *delimiter < *length) {
      lengths_wrong_ = true;
    } else if (data.size() < *length) {
      if (!finished()) return std::nullopt;
    } else if (data[*length - 2] == 0xFF && data[*length - 1] == kEoi) {
      return take_picture(*length);
    }
  }
  if (walked_ == JpegWalker::Found::NeedBytes) walked_ = walker_.walk(data);
  const bool ends = walked_ == JpegWalker::Found::Eoi || walked_ == JpegWalker::Found::NextSoi;
  std::size_t end = ends ? walker_.at() : data.size();
  if (delimiter && *delimiter < end) {
    end = *delimiter;
    without_eoi_ = walker_.has_image_data(end);
  } else if (!ends) {
    if (data.size() <= kFrameBytesMax + kDelimiterBytesMax && !finished()) return std::nullopt;
    return give_up_picture();
  }
  if (end > kFrameBytesMax) return give_up_picture();
  if (length_ && *length_ != end) lengths_wrong_ = true;
  return take_picture(end);
}

ByteSpan MultipartSplitter::take_picture(std::size_t bytes) {
  begin_head(true);
  return take(0, bytes);
}

/// It has grown too long, or nothing follows it.
Result<std::optional<ByteSpan>> MultipartSplitter::give_up_picture() {
  const std::size_t size = window().size();
  if (size > kFrameBytesMax) return lose(kFrameBytesMax, "a frame of more than 16 MiB");
  if (without_eoi_ && walker_.has_image_data(size)) return take_picture(size);
  const bool broken = walked_ == JpegWalker::Found::Broken;
  auto error =
      bad(0, broken ? walker_.why() : "the frame is cut off after " + std::to_string(size) + " bytes");
  drop(size);
  begin_head(false);
  return error;
}

}  // namespace ott
