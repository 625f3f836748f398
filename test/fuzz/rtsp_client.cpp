// Any bytes as a server: the session ends or goes on, what it sends are whole requests and answers, and it
// keeps little. The input is what the server says, in pieces, each preceded by its length in two bytes, whose
// uppermost bit lets ten seconds pass.
#include "media/rtsp_client.h"

#include <algorithm>

#include "ott/assert.h"
#include "ott/bytes.h"

namespace {

void check_sent(ott::RtspClient& client) {
  const ott::ByteSpan bytes = client.to_send();
  ott::RtspReader reader;
  std::size_t given = 0;
  while (given < bytes.size()) {
    const ott::MutableByteSpan space = reader.space();
    const std::size_t some = std::min(space.size(), bytes.size() - given);
    std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(given), some, space.begin());
    reader.advance(some);
    given += some;
    while (true) {
      const auto unit = reader.next();
      OTT_ASSERT(unit);
      if (!*unit) break;
      OTT_ASSERT(std::holds_alternative<ott::RtspMessage>(**unit));
    }
  }
  client.sent(bytes.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ott::ByteSpan rest(data, size);
  const auto url = ott::parse_url("rtsp://user:geheim@cam/live?channel=1");
  ott::RtspClient client({*url, size % 2 == 0, 1});
  ott::Now now{ott::MonoTime(std::chrono::seconds(1'000)), {}};
  client.begin(now);
  const bool server_says_it =
      std::string_view(reinterpret_cast<const char*>(data), size).find("geheim") != std::string_view::npos;
  bool over = false;
  while (rest.size() >= 2 && !over) {
    if ((rest[0] & 0x80) != 0) now.mono += std::chrono::seconds(10);
    const ott::MutableByteSpan space = client.space();
    const std::size_t said = static_cast<std::size_t>((rest[0] & 0x7F) << 8 | rest[1]);
    const std::size_t bytes = std::min({said, rest.size() - 2, space.size()});
    std::copy_n(rest.begin() + 2, bytes, space.begin());
    client.advance(bytes);
    rest = rest.subspan(2 + bytes);
    while (const auto event = client.next(now)) {
      if (std::holds_alternative<ott::RtspClient::Packet>(*event)) continue;
      if (const auto* prepared = std::get_if<ott::RtspClient::Prepared>(&*event)) {
        OTT_ASSERT(!prepared->tracks.empty());
        continue;
      }
      if (const auto* described = std::get_if<ott::RtspClient::Described>(&*event)) {
        std::vector<std::uint16_t> ports;
        if (size % 2 == 0) ports.assign(described->parts.size(), 5000);
        client.set_up(ports, now);
        continue;
      }
      if (std::holds_alternative<ott::RtspClient::Playing>(*event)) {
        OTT_ASSERT(client.playing());
        continue;
      }
      if (const auto* failed = std::get_if<ott::RtspClient::Failed>(&*event)) {
        OTT_ASSERT(!failed->why.empty() && !ott::has_control_character(failed->why));
        OTT_ASSERT(failed->why.find("geheim") == std::string::npos || server_says_it);
      }
      over = true;
      OTT_ASSERT(!client.next(now));
    }
    check_sent(client);
    OTT_ASSERT(over || client.next_deadline() > now.mono);
  }
  client.end(now);
  check_sent(client);
  return 0;
}
