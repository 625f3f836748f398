// The lines of a T.140 text that comes in pieces of any size, as RFC 4103 carries it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ott {

class TextLines {
 public:
  /// A line that is longer is cut, between characters.
  static constexpr std::size_t kBytesMax = 4'096;

  struct Line {
    std::string text;              // without its end; not empty
    std::uint32_t media_time = 0;  // of its first character
  };

  /// What `text`, in UTF-8, completes. Erasures (U+0008) are performed within the line; other control
  /// characters are left out (ITU-T T.140, section 8).
  std::vector<Line> take(std::string_view text, std::uint32_t media_time);
  /// The line that has no end yet; then it is complete.
  std::optional<Line> take_rest();

 private:
  Line line_;
};

}  // namespace ott
