// Any text as a server's challenge: what is answered can be put into a header.
#include "media/http_auth.h"

#include <array>

#include "ott/assert.h"
#include "ott/bytes.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(data, data + size);
  ott::HttpAuth auth({"user", "geheim"}, 1);
  const std::array values = {std::string_view(text)};
  const auto taken = auth.challenged(values);
  if (taken) {
    const std::string value = auth.authorization("DESCRIBE", "rtsp://h/x");
    OTT_ASSERT(!value.empty() && !ott::has_control_character(value));
    OTT_ASSERT(value.starts_with("Basic ") || value.starts_with("Digest "));
  }
  OTT_ASSERT(taken || taken.error().message.find("geheim") == std::string::npos);
  return 0;
}
