// Any bytes as what an RTSP peer sends: it comes apart the same way wherever it is cut, what comes out is
// within the limits and can be written and read again, and the headers' parsers take any value. The first
// byte says how large the pieces are.
#include "media/rtsp_message.h"

#include <algorithm>
#include <cstring>

#include "ott/assert.h"
#include "ott/bytes.h"

namespace {

constexpr ott::RtspReader::Limits kLimits{.header_bytes = 2'000, .headers = 20, .body_bytes = 2'000};

/// Each unit as text.
std::vector<std::string> read(ott::ByteSpan stream, std::size_t piece_bytes) {
  ott::RtspReader reader(kLimits);
  std::vector<std::string> units;
  while (!stream.empty()) {
    const ott::MutableByteSpan space = reader.space();
    const std::size_t bytes = std::min({piece_bytes, space.size(), stream.size()});
    std::memcpy(space.data(), stream.data(), bytes);
    reader.advance(bytes);
    stream = stream.subspan(bytes);
    while (true) {
      const auto unit = reader.next();
      if (!unit) {
        OTT_ASSERT(!ott::has_control_character(unit.error().message));
        units.push_back(unit.error().message);
        return units;
      }
      if (!*unit) break;
      if (const auto* packet = std::get_if<ott::RtspInterleaved>(&**unit)) {
        units.emplace_back(packet->data.begin(), packet->data.end());
      } else {
        units.push_back(to_string(std::get<ott::RtspMessage>(**unit)));
      }
    }
  }
  return units;
}

void check_values(const std::string& text) {
  if (const auto session = ott::parse_rtsp_session(text)) {
    OTT_ASSERT(!session->id.empty() && session->timeout.count() > 0);
  }
  const auto transports = ott::parse_rtsp_transports(text);
  if (!transports || ott::has_control_character(text)) return;
  for (const ott::RtspTransport& one : *transports) {
    const auto again = ott::parse_rtsp_transports(to_string(one));
    OTT_ASSERT(again && again->size() == 1);
    OTT_ASSERT((*again)[0].interleaved == one.interleaved && (*again)[0].client_port == one.client_port);
    OTT_ASSERT((*again)[0].tcp == one.tcp && (*again)[0].multicast == one.multicast &&
               (*again)[0].ttl == one.ttl);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const ott::ByteSpan stream(data + 1, size - 1);
  OTT_ASSERT(read(stream, stream.size() + 1) == read(stream, std::size_t{data[0]} + 1));
  check_values(std::string(stream.begin(), stream.end()));
  return 0;
}
