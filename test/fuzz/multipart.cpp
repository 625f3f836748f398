// Any bytes as a multipart body. The first byte says how large the pieces are, the second one how long the
// Content-Type before the body is.
#include "media/multipart.h"

#include "media/content_type.h"
#include "splitter_fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::size_t boundary_bytes = std::min(std::size_t{data[1]}, size - 2);
  const std::string_view field(reinterpret_cast<const char*>(data) + 2, boundary_bytes);
  const auto type = ott::parse_content_type(field);
  const std::string_view boundary = type.boundary.empty() ? field : type.boundary;
  const ott::ByteSpan stream(data + 2 + boundary_bytes, size - 2 - boundary_bytes);
  const auto split = [&](std::size_t piece_bytes) {
    return ott::fuzz::split(ott::MultipartSplitter(boundary), stream, piece_bytes);
  };
  OTT_ASSERT(split(stream.size() + 1) == split(std::size_t{data[0]} + 1));
  return 0;
}
