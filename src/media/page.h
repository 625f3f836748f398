// The live page of the overlay and the player of streams, as src/page/dist has them, and the description of
// the API: they are part of the program, so that it needs no file to show them.
#pragma once

#include <string_view>

namespace ott {

/// The page in one file (HTML), and the same as gzip has it (RFC 1952).
std::string_view page();
std::string_view page_gzip();
/// What plays video, sound and text on the page of streams (JavaScript, src/page/player).
std::string_view player_script();
/// What /api/v1 answers (OpenAPI 3.0, as YAML: src/role/openapi.yaml).
std::string_view openapi();

}  // namespace ott
