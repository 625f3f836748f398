// What plays video and sound on our page: /player.js.
#pragma once

#include <string_view>

namespace ott {

/// Plays each `figure` with a `data-mp4` by Media Source, and shows its `data-events` as captions. Other
/// attributes that it has: data-video and data-audio, the paths of the two alone, for browsers that lack the
/// other's codec. With a `figure.unknown` the page is loaded again when more is known of the streams.
extern const std::string_view kPlayerScript;

}  // namespace ott
