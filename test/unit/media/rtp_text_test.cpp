#include "media/rtp_text.h"

#include "sample_helpers.h"

namespace ott {
namespace {

using test::Bytes;
using test::hex;

constexpr std::uint8_t kText = 98, kRed = 100;
const std::string kMissing = "\xEF\xBF\xBD";
const std::string kBad = kMissing;  // stands for a byte that is no UTF-8 as well

MediaFormat t140() { return format_of(MediaKind::Text, "t140", {}); }

Bytes bytes(std::string_view text) { return {text.begin(), text.end()}; }

/// What a packet says, one text behind the other.
std::string taken(MediaDepacketizer& depacketizer, std::uint16_t sequence, const Bytes& payload,
                  std::uint8_t payload_type = kText) {
  PacketList packets;
  test::add_packet(packets, payload, sequence, 1'000U * sequence, false, payload_type);
  const auto samples = depacketizer.take(test::frame_of(packets));
  if (!samples) return "error: " + samples.error().message;
  std::string text;
  for (const MediaSample& sample : *samples) text.append(sample.bytes.begin(), sample.bytes.end());
  return text;
}

/// With the two texts before it.
Bytes red(const std::string& second, const std::string& first, const std::string& text) {
  Bytes payload;
  for (const auto& [before, old] : {std::pair(600U, &second), {300U, &first}}) {
    const auto head =
        0x80000000U | std::uint32_t{kText} << 24U | before << 10U | static_cast<std::uint32_t>(old->size());
    for (unsigned shift = 32; shift > 0; shift -= 8)
      payload.push_back(static_cast<std::uint8_t>(head >> (shift - 8)));
  }
  payload.push_back(kText);
  for (const auto* part : {&second, &first, &text}) payload.insert(payload.end(), part->begin(), part->end());
  return payload;
}

TEST_CASE("Text comes as it was said, and a mark where some is missing") {
  const auto depacketizer = make_depacketizer(t140());
  CHECK(taken(*depacketizer, 65'534, bytes("\xEF\xBB\xBF")).empty());
  CHECK(taken(*depacketizer, 65'535, bytes("Grüße")) == "Grüße");
  CHECK(taken(*depacketizer, 0, bytes(", Welt")) == ", Welt");
  CHECK(taken(*depacketizer, 0, bytes(", Welt")).empty());
  CHECK(taken(*depacketizer, 2, bytes("!")) == kMissing + "!");
  CHECK(taken(*depacketizer, 1, bytes("late")).empty());
  CHECK(taken(*depacketizer, 3, bytes("gut\xC3 so\xFF\xFE")) == "gut" + kBad + " so" + kBad + kBad);
  CHECK(taken(*depacketizer, 4, bytes("on")) == "on");
  CHECK(taken(*depacketizer, 30'000, bytes("anew")) == "anew");
}

TEST_CASE("Redundant text is said once, and fills in for what has not come") {
  MediaFormat format = t140();
  std::uint8_t payload_type = kRed;
  if (GENERATE(false, true)) {
    format.encoding = "RED";
    format.payload_type = payload_type = kText;
  }
  const auto depacketizer = make_depacketizer(format);
  CHECK(taken(*depacketizer, 1, red("", "", "a"), payload_type) == "a");
  CHECK(taken(*depacketizer, 2, red("", "a", "b"), payload_type) == "b");
  CHECK(taken(*depacketizer, 4, red("b", "c\xFF", "d"), payload_type) == "c" + kBad + "d");
  CHECK(taken(*depacketizer, 7, red("e", "f", "g"), payload_type) == "efg");
  CHECK(taken(*depacketizer, 11, red("i", "j", "k"), payload_type) == kMissing + "ijk");
  CHECK_THAT(taken(*depacketizer, 12, hex("e2000001"), payload_type),
             Catch::Contains("headers are not whole"));
  CHECK_THAT(taken(*depacketizer, 13, hex("e200000262aa"), payload_type), Catch::Contains("not whole"));
  CHECK(make_packetizer({.media = MediaKind::Text, .encoding = "red"}, 1, 1) == nullptr);
}

TEST_CASE("Text is cut between characters") {
  std::string text;
  for (int i = 0; i < 100; ++i) text += "ä€𝄞x";
  const auto packetizer = make_packetizer(t140(), 7, 1, 128);
  PacketList packets;
  REQUIRE(packetizer->cut({bytes(text), 1'000, true}, packets));
  CHECK(packets.ends.size() > 5);
  const auto depacketizer = make_depacketizer(t140());
  const auto samples = depacketizer->take(test::frame_of(packets));
  REQUIRE(samples);
  std::string joined;
  for (const MediaSample& sample : *samples) joined.append(sample.bytes.begin(), sample.bytes.end());
  CHECK(joined == text);
  CHECK_FALSE(packetizer->cut({bytes("\xC3"), 0, true}, packets));
  CHECK_FALSE(packetizer->cut({bytes(""), 0, true}, packets));
}

}  // namespace
}  // namespace ott
