// Any text as a session description: what is understood can be written, and means the same when it is read
// again. So can a URL.
#include "media/sdp.h"

#include "media/url.h"
#include "ott/assert.h"
#include "ott/bytes.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(data, data + size);
  const auto sdp = ott::parse_sdp(text);
  if (sdp) {
    const std::string written = to_string(*sdp);
    const auto again = ott::parse_sdp(written);
    if (again) OTT_ASSERT(again->media.size() == sdp->media.size());
    OTT_ASSERT(!ott::has_control_character(offered(*sdp)));
  } else {
    OTT_ASSERT(!ott::has_control_character(sdp.error().message));
  }

  (void)ott::without_credentials(text);
  if (const auto url = ott::parse_url(text)) {
    const auto again = ott::parse_url(to_string(*url));
    OTT_ASSERT(again && again->host == url->host && again->port == url->port && again->path == url->path);
    OTT_ASSERT(!again->has_user);
    const std::string reference = text.substr(text.size() / 2);
    if (const auto resolved = ott::resolve(*url, reference)) OTT_ASSERT(!resolved->host.empty());
  }
  return 0;
}
