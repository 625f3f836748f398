#include "media/rtp_h265.h"

#include "media/nal_units.h"
#include "sample_helpers.h"

namespace ott {
namespace {

using test::Bytes;
using test::hex;

// x265's, of pictures of 322x182.
const char* const kVps = "40010c01ffff01600000030090000003000003003c959809";
const char* const kSps =
    "42010101600000030090000003000003003ca00a480b9c9596566924caf0168080000003008000000c84";
const char* const kPps = "4401c172b46240";

MediaFormat h265(std::string parameters = {}) {
  return {
      .media = MediaKind::Video, .encoding = "H265", .payload_type = 96, .parameters = std::move(parameters)};
}

Bytes sample_of(const std::vector<Bytes>& units) {
  Bytes sample;
  for (const Bytes& nal : units) append_nal_to_sample(nal, sample);
  return sample;
}

TEST_CASE("H.265 samples of any size are the same after they were cut and taken") {
  std::mt19937 random(1);
  const std::size_t packet_bytes_max = GENERATE(128U, 500U, 1'400U);
  const auto packetizer = make_packetizer(h265(), 7, 65'500, packet_bytes_max);
  const auto depacketizer = make_depacketizer(h265());
  for (unsigned i = 0; i < 100; ++i) {
    std::vector<Bytes> units = {hex(kVps), hex(kSps), hex(kPps)};
    for (unsigned n = 0; n < 1 + random() % 4; ++n) {
      units.push_back(test::random_bytes(random, 3 + random() % 3'000));
      units.back()[0] = static_cast<std::uint8_t>(random() % 22 << 1U | random() % 2);
    }
    const Bytes sample = sample_of(units);
    CHECK(test::cut_and_taken(*packetizer, *depacketizer, sample, i * 3'600, packet_bytes_max) == sample);
  }
  REQUIRE(depacketizer->config() != nullptr);
}

TEST_CASE("H.265 NAL units come out of aggregates, fragments and alone") {
  const auto depacketizer = make_depacketizer(h265());
  const auto frame =
      test::frame_of_payloads({hex("600100034e0150"
                                   "00044e015152"),
                               hex("62019301"), hex("62011302"), hex("62015303"), hex("0201aa")});
  CHECK(test::only_sample(*depacketizer, frame) == hex("000000034e0150"
                                                       "000000044e015152"
                                                       "000000052601010203"
                                                       "000000030201aa"));
}

TEST_CASE("An H.265 stream is configured by its description or by itself") {
  const auto in_band = make_depacketizer(h265());
  CHECK(in_band->config() == nullptr);
  test::only_sample(*in_band, test::frame_of_payloads({hex(kVps), hex(kSps), hex(kPps), hex("2601aa")}));
  REQUIRE(in_band->config() != nullptr);
  const CodecConfig config = *in_band->config();
  CHECK(config.codecs == "hvc1.1.6.L60.90");
  CHECK(config.width == 322);
  CHECK(config.height == 182);
  CHECK(config.record == hex(std::string("0101600000009000000000003c"
                                         "f000fcfdf8f80000"
                                         "0f"
                                         "03"
                                         "a000010018") +
                             kVps + "a10001002a" + kSps + "a200010007" + kPps));

  const MediaFormat said = format_of(MediaKind::Video, "H265", config);
  CHECK_THAT(said.parameters,
             Catch::StartsWith("profile-space=0;profile-id=1;tier-flag=0;level-id=60;sprop-vps="));
  const auto told = make_depacketizer(said);
  REQUIRE(told->config() != nullptr);
  CHECK(*told->config() == config);

  H265ParameterSets sets;
  REQUIRE(sets.take_record(config.record));
  CHECK(sets.config() == config);
  CHECK(hvcc_length_bytes(config.record) == 4);
  for (std::size_t bytes = 0; bytes < config.record.size(); ++bytes) {
    CHECK_FALSE(H265ParameterSets().take_record(ByteSpan(config.record).first(bytes)));
  }
}

TEST_CASE("A broken H.265 frame says why, and samples come again from a sync point on") {
  const auto depacketizer = make_depacketizer(h265());
  const auto [payloads, why] = GENERATE(table<std::vector<Bytes>, std::string>({
      {{hex("62010101")}, "beginning is missing"},
      {{hex("62018101")}, "last fragment of a NAL unit is missing"},
      {{hex("62018101"), hex("0201aa")}, "before the last fragment"},
      {{hex("620181")}, "without a fragment"},
      {{hex("6001000902")}, "not whole"},
      {{hex("600100014e")}, "not whole"},
      {{hex("02")}, "without a whole head"},
      {{hex("6201f0aa")}, "fragments of what is no NAL unit"},
      {{hex("600100036001aa")}, "with what is no NAL unit"},
      {{hex("640100")}, "interleaved mode"},
  }));
  const auto broken = depacketizer->take(test::frame_of_payloads(payloads));
  REQUIRE_FALSE(broken);
  CHECK_THAT(broken.error().message, Catch::Contains(why));
  const auto waiting = depacketizer->take(test::frame_of_payloads({hex("0201aa")}, 2'000, false));
  REQUIRE(waiting);
  CHECK(waiting->empty());
  CHECK(test::only_sample(*depacketizer, test::frame_of_payloads({hex("2601aa")}, 3'000)) ==
        sample_of({hex("2601aa")}));

  const auto reordered = make_depacketizer(h265("sprop-max-don-diff=2"));
  CHECK_FALSE(reordered->take(test::frame_of_payloads({hex("2601aa")})));
}

TEST_CASE("NAL units of H.265 that mean other things in RTP are left out") {
  const auto packetizer = make_packetizer(h265(), 7, 0);
  const auto depacketizer = make_depacketizer(h265());
  const Bytes picture = hex("2601aa"), enhancement = hex("7c01bb");  // of type 62
  CHECK(test::cut_and_taken(*packetizer, *depacketizer, sample_of({picture, enhancement}), 1) ==
        sample_of({picture}));
}

}  // namespace
}  // namespace ott
