// A Content-Type as a camera's answer or a part of it has it (RFC 9110, section 8.3; RFC 2046, section 5.1).
#pragma once

#include <string>
#include <string_view>

namespace ott {

struct ContentType {
  std::string type;      // "multipart/x-mixed-replace", in lower case; empty if there is none
  std::string boundary;  // as written, without quotes; may be empty
};

/// The field's value. Nothing about it is an error: cameras write `boundary = --x`, a boundary with spaces
/// and no quotes, or one that lacks its last quote.
ContentType parse_content_type(std::string_view value);

}  // namespace ott
