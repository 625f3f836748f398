#include "media/rtp_instant.h"

#include <catch2/catch.hpp>
#include <chrono>

#include "media/rtcp.h"
#include "ott/rtp.h"

namespace ott {
namespace {

using Bytes = std::vector<std::uint8_t>;

/// With `csrcs` contributing sources, and an extension of `extension_words` words if that is not negative.
Bytes packet_with(unsigned csrcs, int extension_words) {
  Bytes packet = {0x80, 0x60, 0x12, 0x34, 0, 0, 0, 1, 0, 0, 0, 2};
  packet[0] = static_cast<std::uint8_t>(0x80U | csrcs);
  for (unsigned i = 0; i < csrcs * 4; ++i) packet.push_back(static_cast<std::uint8_t>(0xC0 + i));
  if (extension_words >= 0) {
    packet[0] |= 0x10;
    packet.insert(packet.end(), {0xBE, 0xDE, 0, static_cast<std::uint8_t>(extension_words)});
    for (int i = 0; i < extension_words * 4; ++i) packet.push_back(static_cast<std::uint8_t>(i));
  }
  packet.insert(packet.end(), {'p', 'a', 'y', 'l', 'o', 'a', 'd'});
  return packet;
}

constexpr WallTime kInstant{std::chrono::seconds(1'700'000'000) + std::chrono::microseconds(123'456)};

TEST_CASE("a packet is what it was when its instant has been taken out", "[rtp_instant]") {
  const unsigned csrcs = GENERATE(0U, 1U, 15U);
  const int words = GENERATE(-1, 0, 1, 7);
  const Bytes packet = packet_with(csrcs, words);
  Bytes carried(packet.size() + kRtpInstantBytes);
  REQUIRE(add_rtp_instant(packet, kInstant, carried) == carried.size());
  const auto seen = parse_rtp(carried);
  REQUIRE(seen);
  CHECK(seen->header.extension->profile == kRtpInstantProfile);
  CHECK(Bytes(seen->payload.begin(), seen->payload.end()) == Bytes{'p', 'a', 'y', 'l', 'o', 'a', 'd'});
  CHECK(seen->header.sequence == 0x1234);

  Bytes in_place(packet.size() + kRtpInstantBytes);
  std::copy(packet.begin(), packet.end(), in_place.begin() + kRtpInstantBytes);
  add_rtp_instant(ByteSpan(in_place).subspan(kRtpInstantBytes), kInstant, in_place);
  CHECK(in_place == carried);

  const auto instant = take_rtp_instant(carried);
  REQUIRE(instant);
  REQUIRE(*instant);
  CHECK(ntp_time(**instant) == ntp_time(kInstant));
  CHECK(carried == packet);
}

TEST_CASE("a packet without an instant stays as it is", "[rtp_instant]") {
  const Bytes packet = packet_with(1, GENERATE(-1, 2));
  Bytes same = packet;
  const auto instant = take_rtp_instant(same);
  REQUIRE(instant);
  CHECK_FALSE(*instant);
  CHECK(same == packet);
}

TEST_CASE("an instant that is not whole is an error", "[rtp_instant]") {
  Bytes carried(packet_with(0, 1).size() + kRtpInstantBytes);
  add_rtp_instant(packet_with(0, 1), kInstant, carried);
  Bytes longer = carried;
  longer[27] = 9;  // the length of the extension that the packet had
  CHECK_FALSE(take_rtp_instant(longer));
  Bytes shorter = carried;
  shorter[15] = 1;  // of the instant's own
  CHECK_FALSE(take_rtp_instant(shorter));
}

}  // namespace
}  // namespace ott
