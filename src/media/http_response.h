// A response of HTTP/1.1 (RFC 9110, 9112), all but the bytes of a picture, and the parts of a stream of
// pictures (multipart/x-mixed-replace, which browsers show as a moving picture).
#pragma once

#include <string>
#include <string_view>

#include "media/http_request.h"
#include "media/outlet.h"

namespace ott {

struct HttpResponse {
  int status = 200;
  std::string fields;    // whole lines: "Content-Type: text/plain\r\n"
  std::string text;      // the content, unless it is
  FramePtr picture;      // this picture
  bool endless = false;  // the content goes on until the connection ends
};

/// A short text for people as content, with a line end after it.
HttpResponse text_response(int status, std::string_view text, std::string_view more_fields = {});

/// The status line and all fields, and the text unless `request` is for the head alone. `keep`: the
/// connection is used again.
std::string to_bytes(const HttpResponse& response, const HttpRequest* request, bool keep, WallTime date);
/// Whether a response has content (RFC 9112, section 6.3).
bool has_content(const HttpResponse& response, const HttpRequest* request);

/// "Thu, 01 Jan 1970 00:00:00 GMT" (RFC 9110, section 5.6.7).
std::string http_date(WallTime time);

/// "1700000000.123456": seconds since 1970.
std::string unix_seconds(WallTime time);

/// Names a picture. A strong validator: the same tag means the same bytes.
std::string entity_tag(const Frame& frame);
/// Whether one of the tags of an If-None-Match is this one (RFC 9110, section 13.1.2).
bool matches(std::string_view if_none_match, std::string_view tag);

// A stream of pictures is kMixedReplaceBegin, and for each picture its part head, its bytes and
// kMixedReplaceNext. So the boundary comes right after the picture, without which a browser does not show it.
inline constexpr std::string_view kMixedReplaceType = "multipart/x-mixed-replace; boundary=ottdframe";
inline constexpr std::string_view kMixedReplaceBegin = "--ottdframe\r\n";
inline constexpr std::string_view kMixedReplaceNext = "\r\n--ottdframe\r\n";
/// X-Timestamp is when the origin had the picture, in seconds since 1970 by its clock; X-Frame is its number.
std::string part_head(const Frame& frame, std::uint64_t number);

}  // namespace ott
