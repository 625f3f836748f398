#include "media/source.h"

#include <filesystem>
#include <system_error>

#include "media/file_sources.h"
#include "media/pattern_source.h"
#include "media/source_spec.h"

namespace ott {
namespace {

constexpr std::string_view kPatternPrefix = "pattern:";
constexpr unsigned kPatternWidth = 1280, kPatternHeight = 720;
constexpr double kPatternFps = 30;

/// 0: not a side of a picture.
unsigned parse_side(std::string_view text) {
  const unsigned side = parse_number<unsigned>(text).value_or(0);
  return side >= PatternSource::kSideMin && side <= PatternSource::kSideMax ? side : 0;
}

/// "", "640x360", "640x360@25" or "@25".
Result<std::unique_ptr<Source>> open_pattern(std::string_view text, const SourceOptions& options,
                                             std::string_view spec) {
  if (options.at_end) return fail("source '" + std::string(spec) + "': a test picture has no end");
  double fps = options.fps;
  unsigned width = kPatternWidth, height = kPatternHeight;
  const auto at = text.find('@');
  const std::string_view size = text.substr(0, at);
  if (!size.empty()) {
    const auto x = size.find('x');
    width = parse_side(size.substr(0, x));
    height = x == std::string_view::npos ? 0 : parse_side(size.substr(x + 1));
    if (width == 0 || height == 0) {
      return fail("source '" + std::string(spec) + "': '" + std::string(size) +
                  "' is not a size from 16x16 to 8192x8192; the form is pattern:WIDTHxHEIGHT@FPS");
    }
  }
  if (at != std::string_view::npos) {
    const auto rate = parse_fps(text.substr(at + 1), spec);
    if (!rate) return tl::unexpected<Error>(rate.error());
    fps = *rate;
  }
  return std::make_unique<PatternSource>(width, height, fps != 0 ? fps : kPatternFps);
}

Result<std::unique_ptr<Source>> open_path(const std::string& path, const SourceOptions& options) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  switch (status.type()) {
    case std::filesystem::file_type::directory:
      return DirectorySource::open(path, options);
    case std::filesystem::file_type::regular:
      return ClipSource::open(path, options);
    case std::filesystem::file_type::not_found:
      return fail("there is no '" + path +
                  "'; a source is an .mjpeg file, a directory of .jpg files, '-' for standard input or "
                  "'pattern:WIDTHxHEIGHT@FPS'");
    case std::filesystem::file_type::none:
      return fail("cannot look at '" + path + "': " + error.message());
    default:
      return fail("'" + path + "' is neither a file nor a directory; pipe it in and name '-' instead");
  }
}

}  // namespace

Result<std::unique_ptr<Source>> open_source(std::string_view spec) {
  const auto parsed = parse_source(spec);
  if (!parsed) return tl::unexpected<Error>(parsed.error());
  if (parsed->name.starts_with(kPatternPrefix))
    return open_pattern(parsed->name.substr(kPatternPrefix.size()), parsed->options, spec);
  return open_path(std::string(parsed->name), parsed->options);
}

}  // namespace ott
