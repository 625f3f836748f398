#include "media/source.h"

#include <charconv>
#include <filesystem>
#include <system_error>

#include "media/file_sources.h"
#include "media/pattern_source.h"
#include "ott/assert.h"

namespace ott {
namespace {

constexpr std::string_view kPatternPrefix = "pattern:";
constexpr std::string_view kStdin = "-";
constexpr unsigned kPatternWidth = 1280, kPatternHeight = 720;
constexpr double kPatternFps = 30;

template <class Number>
std::optional<Number> number_of(std::string_view text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

Result<double> parse_fps(std::string_view text, std::string_view spec) {
  const auto fps = number_of<double>(text);
  if (!fps || !(*fps >= kFpsMin && *fps <= kFpsMax)) {
    return fail("source '" + std::string(spec) + "': '" + std::string(text) +
                "' is not a rate from 1 to 240 frames a second");
  }
  return *fps;
}

Result<AtEnd> parse_at_end(std::string_view text, std::string_view spec) {
  if (text == "wait") return AtEnd::Wait;
  if (text == "end") return AtEnd::End;
  if (text == "loop") return AtEnd::Loop;
  return fail("source '" + std::string(spec) + "': ?eof=" + std::string(text) +
              ": there are wait (the stream stays), end (it ends) and loop (it begins again)");
}

/// The options behind '?', joined by '&'.
Result<SourceOptions> parse_options(std::string_view text, std::string_view spec) {
  constexpr std::string_view kFps = "fps=";
  constexpr std::string_view kEof = "eof=";
  SourceOptions options;
  for (std::string_view rest = text;;) {
    const auto end = rest.find('&');
    const std::string_view option = rest.substr(0, end);
    if (option.starts_with(kFps)) {
      const auto fps = parse_fps(option.substr(kFps.size()), spec);
      if (!fps) return tl::unexpected<Error>(fps.error());
      options.fps = *fps;
    } else if (option.starts_with(kEof)) {
      const auto at_end = parse_at_end(option.substr(kEof.size()), spec);
      if (!at_end) return tl::unexpected<Error>(at_end.error());
      options.at_end = *at_end;
    } else {
      return fail("source '" + std::string(spec) + "': unknown option '?" + std::string(option) +
                  "'; there are ?fps=RATE and ?eof=wait|end|loop, joined by '&'");
    }
    if (end == std::string_view::npos) return options;
    rest = rest.substr(end + 1);
  }
}

/// What cannot be opened itself, but piped in: an address, a camera. Empty: the name is of another kind.
std::string how_to_pipe(std::string_view name) {
  const std::string address = "'" + std::string(name) + "'";
  const auto by_ffmpeg = [](const std::string& input) {
    return "ffmpeg " + input + " -c:v mjpeg -q:v 5 -f mjpeg - | ottd … --stream NAME=-";
  };
  if (name.starts_with("http://") || name.starts_with("https://")) {
    return address + " is no source by itself; pipe it in: curl -sN " + address +
           " | ottd … --stream NAME=- (a camera's MJPEG), or " + by_ffmpeg("-i " + address);
  }
  if (name.find("://") != std::string_view::npos) {
    return address + " is no source by itself; pipe it in: " + by_ffmpeg("-i " + address);
  }
  if (name.starts_with("/dev/video")) {
    return address + " is no source by itself; pipe it in: " + by_ffmpeg("-f v4l2 -i " + std::string(name));
  }
  return "";
}

/// 0: not a side of a picture.
unsigned parse_side(std::string_view text) {
  const unsigned side = number_of<unsigned>(text).value_or(0);
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

Result<SourceFrame> Source::next(FrameNumber /*number*/, WallTime /*wall*/) {
  OTT_ASSERT(!live());
  return fail("this source has no frames");
}
void Source::feed(ByteSpan /*bytes*/) { OTT_ASSERT(live()); }
void Source::feed_end() { OTT_ASSERT(live()); }
Result<std::optional<RawFrame>> Source::take() {
  OTT_ASSERT(live());
  return std::nullopt;
}
Error Source::describe(const RawFrame& /*frame*/, const Error& error) const { return error; }

Result<std::unique_ptr<Source>> open_source(std::string_view spec) {
  if (spec.empty()) return fail("a source without a name; 'pattern:' is the test picture");
  if (const std::string how = how_to_pipe(spec); !how.empty()) return fail(how);
  std::string_view name = spec;
  SourceOptions options;
  if (const auto mark = spec.rfind('?'); mark != std::string_view::npos) {
    const auto given = parse_options(spec.substr(mark + 1), spec);
    if (!given) return tl::unexpected<Error>(given.error());
    options = *given;
    name = spec.substr(0, mark);
  }
  if (name == kStdin && options.at_end == AtEnd::Loop) {
    return fail("source '" + std::string(spec) +
                "': standard input cannot be read again; there are ?eof=wait and "
                "?eof=end");
  }
  if (name == kStdin) return std::make_unique<StdinSource>(options);
  if (name.starts_with(kPatternPrefix))
    return open_pattern(name.substr(kPatternPrefix.size()), options, spec);
  return open_path(std::string(name), options);
}

}  // namespace ott
