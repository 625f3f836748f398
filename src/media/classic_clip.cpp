#include "media/classic_clip.h"

#include <algorithm>

namespace ott {
namespace {

constexpr std::size_t kDigits = 5;
constexpr std::size_t kRecordStartBytes = kDigits + 2;  // and SOI
/// How much space is looked through for the record that confirms a length.
constexpr std::size_t kSpaceBytesMax = 64;

bool is_digit(std::uint8_t byte) { return byte >= '0' && byte <= '9'; }

bool is_record_start(ByteSpan data) {
  return data.size() >= kRecordStartBytes && std::ranges::all_of(data.first(kDigits), is_digit) &&
         data[kDigits] == 0xFF && data[kDigits + 1] == 0xD8;
}

/// data.size() if there is none.
std::size_t find_record_start(ByteSpan data) {
  for (std::size_t at = 0; at + kRecordStartBytes <= data.size(); ++at) {
    if (is_record_start(data.subspan(at))) return at;
  }
  return data.size();
}

/// Of line ends and spaces at the start.
std::size_t space_bytes(ByteSpan data) {
  const auto is_space = [](std::uint8_t byte) {
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
  };
  return static_cast<std::size_t>(std::ranges::find_if_not(data, is_space) - data.begin());
}

bool ends_with_eoi(ByteSpan jpeg) {
  return jpeg.size() >= 4 && jpeg[jpeg.size() - 2] == 0xFF && jpeg[jpeg.size() - 1] == 0xD9;
}

}  // namespace

bool ClassicClipSplitter::detect(ByteSpan start) {
  return is_record_start(start.subspan(space_bytes(start)));
}

Result<std::optional<ByteSpan>> ClassicClipSplitter::next() {
  drop_taken();
  if (lost_) return resynchronise();
  drop(space_bytes(window()));
  const ByteSpan data = window();
  if (data.size() < kRecordStartBytes) {
    if (!finished() || data.empty()) return std::nullopt;
    auto error = bad(0, "the file ends with " + std::to_string(data.size()) + " bytes that are no frame");
    drop(data.size());
    return error;
  }
  if (!is_record_start(data)) return give_up("no frame begins here (five digits and a JPEG)");
  std::size_t length = 0;
  for (const std::uint8_t digit : data.first(kDigits)) length = length * 10 + (digit - std::size_t{'0'});

  const std::size_t end = kDigits + length;
  if (data.size() < end) {
    if (!finished()) return std::nullopt;
    const ByteSpan rest = data.subspan(kDigits);
    if (find_record_start(rest) == rest.size()) return std::optional<ByteSpan>(take(kDigits, rest.size()));
    return give_up("the length " + std::to_string(length) + " leads beyond the end of the file");
  }
  if (!ends_with_eoi(data.subspan(kDigits, length))) {  // then the length counts only if a record follows
    const ByteSpan after = data.subspan(end);
    const ByteSpan next = after.subspan(std::min(space_bytes(after), kSpaceBytesMax));
    if (next.size() < kRecordStartBytes && !finished()) return std::nullopt;
    if (!next.empty() && !is_record_start(next)) {
      return give_up("the length " + std::to_string(length) + " does not lead to the next frame");
    }
  }
  return std::optional<ByteSpan>(take(kDigits, length));
}

tl::unexpected<Error> ClassicClipSplitter::give_up(const std::string& what) {
  auto error = bad(0, what);
  drop(kDigits);
  lost_ = true;
  return error;
}

Result<std::optional<ByteSpan>> ClassicClipSplitter::resynchronise() {
  const ByteSpan data = window();
  const std::size_t at = find_record_start(data);
  if (at < data.size()) {
    drop(at);
    lost_ = false;
    return next();
  }
  // The last bytes may be the start of a record.
  drop(finished() ? data.size() : data.size() - std::min(data.size(), kRecordStartBytes - 1));
  return std::nullopt;
}

}  // namespace ott
