// The parts of a SOURCE of the command line: a name, and options behind the last '?', joined by '&'.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "media/source.h"
#include "media/text.h"

namespace ott {

inline constexpr double kFpsMin = 1;
inline constexpr double kFpsMax = 240;

/// What `?fps=` and `?eof=` say; nothing where they are left out.
struct SourceOptions {
  double fps = 0;
  std::optional<AtEnd> at_end{};
};

struct SourceSpec {
  std::string_view name;
  SourceOptions options;
};

/// A source that has no other options than these two. The error names the option and what there is.
Result<SourceSpec> parse_source(std::string_view spec);

/// Takes an option out of a source whose query has others, which may be its own: "http://cam/?poll=1s&x=1".
/// Returns its value, empty if it has none; nullopt if it is not there.
std::optional<std::string> take_option(std::string& source, std::string_view option);

/// The options that all sources have.
struct CommonOptions {
  bool standby = false;              // ?standby
  std::optional<Duration> linger{};  // ?linger=TIME
};
/// Takes them out of a source.
Result<CommonOptions> take_common_options(std::string& source);

/// A rate from kFpsMin to kFpsMax. The error names `source`.
Result<double> parse_fps(std::string_view text, std::string_view source);

/// "10s", "500ms", "2m", or a number of seconds; above 0. The error begins with `what`.
Result<Duration> parse_time(std::string_view what, std::string_view text);

}  // namespace ott
