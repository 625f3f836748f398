#include "media/text_lines.h"

#include <algorithm>
#include <utility>

#include "media/text.h"

namespace ott {
namespace {

constexpr std::string_view kLineSeparator = "\u2028", kParagraphSeparator = "\u2029";

bool ends_line(std::string_view character) {
  return character == "\n" || character == "\r" || character == kLineSeparator ||
         character == kParagraphSeparator;
}

bool is_control(std::string_view character) {
  const auto first = static_cast<unsigned char>(character[0]);
  if (character.size() == 1) return (first < ' ' && first != '\t') || first == 0x7F;
  const auto second = static_cast<unsigned char>(character[1]);
  return first == 0xC2 && second < 0xA0;  // U+0080 to U+009F
}

void erase_last(std::string& line) {
  while (!line.empty()) {
    const auto byte = static_cast<unsigned char>(line.back());
    line.pop_back();
    if ((byte & 0xC0U) != 0x80) return;
  }
}

}  // namespace

std::vector<TextLines::Line> TextLines::take(std::string_view text, std::uint32_t media_time) {
  std::vector<Line> lines;
  const auto complete = [&] {
    if (auto line = take_rest()) lines.push_back(std::move(*line));
  };
  while (!text.empty()) {
    const std::string_view character = text.substr(0, std::max<std::size_t>(utf8_sequence_length(text), 1));
    text.remove_prefix(character.size());
    if (ends_line(character)) {
      complete();
    } else if (character == "\b") {
      erase_last(line_.text);
    } else if (!is_control(character)) {
      if (line_.text.size() + character.size() > kBytesMax) complete();
      if (line_.text.empty()) line_.media_time = media_time;
      line_.text += character;
    }
  }
  return lines;
}

std::optional<TextLines::Line> TextLines::take_rest() {
  if (line_.text.empty()) return std::nullopt;
  return std::exchange(line_, {});
}

}  // namespace ott
