// Lines of text as units of RFC 4103: UTF-8, each line with the end that T.140 gives it, CR LF (ITU-T T.140,
// section 7.3: that, or U+2028). A line that is longer than a packet is cut between characters. What is no
// UTF-8 is named once by its line and byte, and is U+FFFD from then on.
#pragma once

#include <string>
#include <string_view>

#include "media/media_splitter.h"

namespace ott {

class TextSplitter final : public MediaSplitter {
 public:
  /// Of one unit. A line without an end is cut here as well, so no more than that waits.
  static constexpr std::size_t kUnitBytesMax = 1'024;

  TextSplitter();
  Result<std::optional<ByteSpan>> next() override;

 private:
  std::size_t fill_unit(std::string_view text, bool is_whole);
  void on_reset() override;

  std::uint64_t line_ = 1;
  bool at_start_ = true;  // of the bytes, where a byte order mark may be
  bool named_ = false;    // bytes that are no UTF-8
  std::string unit_;
};

}  // namespace ott
