#include "ott/media_format.h"

#include <fmt/format.h>

#include <algorithm>

namespace ott {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

}  // namespace

std::string_view to_string(MediaKind kind) {
  switch (kind) {
    case MediaKind::Video:
      return "video";
    case MediaKind::Audio:
      return "audio";
    case MediaKind::Text:
      return "text";
    case MediaKind::Application:
      return "application";
  }
  return "?";
}

bool MediaFormat::is(std::string_view name) const {
  return std::ranges::equal(encoding, name, [](char a, char b) { return lower(a) == lower(b); });
}

std::string describe(const MediaFormat& format) {
  if (format.encoding.empty()) return std::string(to_string(format.media));
  if (format.media != MediaKind::Audio) return fmt::format("{} {}", to_string(format.media), format.encoding);
  const std::string channels =
      format.channels > 1 ? fmt::format(", {} channels", format.channels) : std::string();
  return fmt::format("audio {} {} Hz{}", format.encoding, format.clock_rate, channels);
}

}  // namespace ott
