#include "media/classic_clip.h"

#include <algorithm>

namespace ott {
namespace {

constexpr std::size_t kDigits = 5;
constexpr std::size_t kRecordStartBytes = kDigits + 2;  // and SOI

bool is_digit(std::uint8_t byte) { return byte >= '0' && byte <= '9'; }

bool is_record_start(ByteSpan data) {
  return data.size() >= kRecordStartBytes && std::ranges::all_of(data.first(kDigits), is_digit) &&
         data[kDigits] == 0xFF && data[kDigits + 1] == 0xD8;
}

bool ends_with_eoi(ByteSpan jpeg) {
  return jpeg.size() >= 4 && jpeg[jpeg.size() - 2] == 0xFF && jpeg[jpeg.size() - 1] == 0xD9;
}

}  // namespace

bool ClassicClipSplitter::detect(ByteSpan start) { return is_record_start(start); }

Result<std::optional<ByteSpan>> ClassicClipSplitter::next() {
  drop_taken();
  if (lost_) return resynchronise();
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
    return give_up("the frame of " + std::to_string(length) + " bytes is cut off after " +
                   std::to_string(data.size() - kDigits));
  }
  if (!ends_with_eoi(data.subspan(kDigits, length))) {  // then the length counts only if a record follows
    if (data.size() < end + kRecordStartBytes && !finished()) return std::nullopt;
    if (data.size() != end && !is_record_start(data.subspan(end))) {
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
  std::size_t at = 0;
  while (at + kRecordStartBytes <= data.size() && !is_record_start(data.subspan(at))) ++at;
  if (at + kRecordStartBytes <= data.size()) {
    drop(at);
    lost_ = false;
    return next();
  }
  drop(finished() ? data.size() : at);
  return std::nullopt;
}

}  // namespace ott
