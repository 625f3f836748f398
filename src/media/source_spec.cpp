#include "media/source_spec.h"

namespace ott {
namespace {

Result<AtEnd> parse_at_end(std::string_view text, std::string_view spec) {
  if (text == "wait") return AtEnd::Wait;
  if (text == "end") return AtEnd::End;
  if (text == "loop") return AtEnd::Loop;
  return fail("source '" + std::string(spec) + "': ?eof=" + std::string(text) +
              ": there are wait (the stream stays), end (it ends) and loop (it begins again)");
}

}  // namespace

Result<double> parse_fps(std::string_view text, std::string_view spec) {
  const auto fps = parse_number<double>(text);
  if (!fps || !(*fps >= kFpsMin && *fps <= kFpsMax)) {
    return fail("source '" + std::string(spec) + "': '" + std::string(text) +
                "' is not a rate from 1 to 240 frames a second");
  }
  return *fps;
}

Result<SourceSpec> parse_source(std::string_view spec) {
  constexpr std::string_view kFps = "fps=";
  constexpr std::string_view kEof = "eof=";
  if (spec.empty()) return fail("a source without a name; 'pattern:' is the test picture");
  const auto mark = spec.rfind('?');
  SourceSpec parsed{spec.substr(0, mark), {}};
  if (mark == std::string_view::npos) return parsed;
  for (std::string_view rest = spec.substr(mark + 1);;) {
    const auto end = rest.find('&');
    const std::string_view option = rest.substr(0, end);
    if (option.starts_with(kFps)) {
      const auto fps = parse_fps(option.substr(kFps.size()), spec);
      if (!fps) return tl::unexpected<Error>(fps.error());
      parsed.options.fps = *fps;
    } else if (option.starts_with(kEof)) {
      const auto at_end = parse_at_end(option.substr(kEof.size()), spec);
      if (!at_end) return tl::unexpected<Error>(at_end.error());
      parsed.options.at_end = *at_end;
    } else {
      return fail("source '" + std::string(spec) + "': unknown option '?" + std::string(option) +
                  "'; there are ?fps=RATE, ?eof=wait|end|loop, ?linger=TIME, ?metric=cost|latency|quality "
                  "and ?standby, "
                  "joined by '&'");
    }
    if (end == std::string_view::npos) return parsed;
    rest = rest.substr(end + 1);
  }
}

std::optional<std::string> take_option(std::string& source, std::string_view option) {
  const auto mark = source.rfind('?');
  for (std::size_t begin = mark; begin != std::string::npos; begin = source.find('&', begin + 1)) {
    const std::size_t end = std::min(source.find('&', begin + 1), source.size());
    const std::string given = source.substr(begin + 1, end - begin - 1);
    const auto equals = given.find('=');
    if (given.substr(0, equals) != option) continue;
    const bool is_last = end == source.size();
    if (begin == mark) {  // what follows it is the first option now
      source.erase(is_last ? begin : begin + 1, is_last ? std::string::npos : end - begin);
    } else {
      source.erase(begin, end - begin);
    }
    return equals == std::string::npos ? "" : given.substr(equals + 1);
  }
  return std::nullopt;
}

Result<CommonOptions> take_common_options(std::string& source) {
  CommonOptions options;
  options.standby = take_option(source, "standby").has_value();
  const auto linger = take_option(source, "linger");
  if (!linger) return options;
  const auto time = parse_time("?linger", *linger);
  if (!time) return tl::unexpected<Error>(time.error());
  options.linger = *time;
  return options;
}

Result<Duration> parse_time(std::string_view what, std::string_view text) {
  double number = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string_view unit = text.substr(static_cast<std::size_t>(rest - text.data()));
  const double seconds = unit.empty() || unit == "s" ? number
                         : unit == "ms"              ? number / 1000
                         : unit == "m"               ? number * 60
                                                     : -1;
  if (error == std::errc{} && seconds > 0 && seconds <= 1e9)
    return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
  return fail(std::string(what) + " " + std::string(text) +
              ": a time is a number above 0, in seconds or with its unit: 10, 10s, 500ms, 2m");
}

}  // namespace ott
