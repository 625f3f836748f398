// Where decoding can begin, in packets of real senders and in such as the formats allow.
#include "media/payload_format.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <string>

#include "real_units.h"
#include "unit_helpers.h"

namespace ott {
namespace {

using test::Packet;
using test::rtp_of;

const PayloadFormat& video(const std::string& encoding) {
  MediaFormat format;
  format.encoding = encoding;
  return payload_format(format);
}

/// "S" for a unit at which decoding can begin, "p" for what only goes before one, "-" for others.
std::string kinds(const std::string& encoding, const std::vector<std::vector<Packet>>& units) {
  const PayloadFormat& format = video(encoding);
  std::string text;
  for (const auto& unit : units) {
    const auto packets = test::spans_of(unit);
    if (format.flaw_of != nullptr) {
      for (const ByteSpan packet : packets) CHECK(format.flaw_of(packet) == "");
    }
    const bool preamble = format.is_preamble != nullptr && format.is_preamble(packets);
    text += format.is_sync_point(packets) ? "S" : preamble ? "p" : "-";
  }
  return text;
}

std::string kind(const std::string& encoding, std::string_view payload) {
  return kinds(encoding, {{rtp_of(payload)}});
}

TEST_CASE("Real senders' key frames are sync points, and nothing else is", "[payload_format]") {
  CHECK(kinds("H264", test::units_from(test::kFfmpegH264)) == "S---S");
  CHECK(kinds("h264", test::units_from(test::kGstH264)) == "S---S-");
  CHECK(kinds("H264", test::units_from(test::kFfmpegRecovery)) == "---S--");
  CHECK(kinds("H265", test::units_from(test::kFfmpegH265)) == "---S-");
  CHECK(kinds("H265", test::units_from(test::kGstH265)) == "S---S");
  CHECK(kinds("VP8", test::units_from(test::kFfmpegVp8)) == "S---S");
  CHECK(kinds("VP8", test::units_from(test::kGstVp8)) == "S---S");
  CHECK(kinds("VP9", test::units_from(test::kFfmpegVp9)) == "S---S");
  CHECK(kinds("VP9", test::units_from(test::kGstVp9)) == "S---S");
}

TEST_CASE("H.264: fragments, aggregates, recovery points and parameter sets", "[payload_format]") {
  CHECK(kind("H264", "65aabb") == "S");
  CHECK(kind("H264", "41aabb") == "-");
  CHECK(kind("H264", "7c85aa") == "S");                        // FU-A, the start of an IDR slice
  CHECK(kind("H264", "7c81aa") == "-");                        // of another
  CHECK(kind("H264", "7d850001aa") == "S");                    // FU-B
  CHECK(kind("H264", "780002674200026842000365aabb") == "S");  // STAP-A: SPS, PPS, IDR
  CHECK(kind("H264", "790001000265aa") == "S");                // STAP-B
  CHECK(kind("H264", "7a0001000200000065aa") == "S");          // MTAP16
  CHECK(kind("H264", "7b000100020000000065aa") == "S");        // MTAP24
  CHECK(kind("H264", "06060180") == "S");                      // SEI: a recovery point
  CHECK(kind("H264", "0605020000060180") == "S");              // behind another message
  CHECK(kind("H264", "0605040000030000060180") == "S");        // which has an emulation prevention byte
  CHECK(kind("H264", "060502aabb80") == "-");
  CHECK(kind("H264", "06ffff0102") == "-");
  CHECK(kind("H264", "67420a") == "p");
  CHECK(kind("H264", "68ce") == "p");
  CHECK(kind("H264", "09f0") == "-");  // a delimiter alone
  CHECK(kinds("H264", {{rtp_of("67420a"), rtp_of("68ce"), rtp_of("09f0")}}) == "p");
  CHECK(kinds("H264", {{rtp_of("67420a"), rtp_of("41aa")}}) == "-");
}

TEST_CASE("H.265: fragments, aggregates and pictures", "[payload_format]") {
  CHECK(kind("H265", "2601aa") == "S");        // IDR_W_RADL
  CHECK(kind("H265", "2a01aa") == "S");        // CRA
  CHECK(kind("H265", "0201aa") == "-");        // TRAIL_R
  CHECK(kind("H265", "620193aa") == "S");      // FU: the start of an IDR
  CHECK(kind("H265", "600100022601") == "S");  // AP
  CHECK(kind("H265", "64012600aabb") == "S");  // PACI around an IDR
  CHECK(kind("H265", "400100") == "p");        // VPS
  CHECK(kind("H265", "4e0100") == "-");        // a prefix SEI alone
}

TEST_CASE("VP8 and VP9: descriptors of all lengths", "[payload_format]") {
  CHECK(kind("VP8", "1000") == "S");
  CHECK(kind("VP8", "1001") == "-");  // not a key frame
  CHECK(kind("VP8", "1100") == "-");  // of another partition
  CHECK(kind("VP8", "0000") == "-");  // not its start
  CHECK(kind("VP8", "90f0810203a000") == "S");
  CHECK(kind("VP9", "0882") == "S");
  CHECK(kind("VP9", "4882") == "-");          // predicted
  CHECK(kind("VP9", "0886") == "-");          // it does not say so, but its own header does
  CHECK(kind("VP9", "088a") == "-");          // a frame that is shown again
  CHECK(kind("VP9", "a88001000082") == "S");  // picture id of 15 bits, layers, TL0PICIDX
  CHECK(kind("VP9",
             "a80102"
             "0082") == "-");                         // spatial layer 1
  CHECK(kind("VP9", "0a180010001001040182") == "S");  // a scalability structure
}

TEST_CASE("AV1 and MPEG-TS", "[payload_format]") {
  CHECK(kind("AV1", "180a0b") == "S");  // N
  CHECK(kind("AV1", "1032aa") == "-");
  CHECK(kind("AV1", "100a0b") == "S");  // a sequence header
  CHECK(kind("AV1", "00020a0b0232aa") == "S");
  CHECK(kind("AV1", "980a0b") == "-");  // the rest of what has begun before
  std::string ts =
      "47400030"
      "0740" +
      std::string(2 * 182, '0');
  CHECK(kind("MP2T", ts) == "S");
  ts[11] = '0';
  ts[10] = '0';
  CHECK(kind("MP2T", ts) == "-");
  CHECK(video("MP2T").packet_is_unit);
}

TEST_CASE("What cannot be of a format is said", "[payload_format]") {
  const auto flaw = [](const std::string& encoding, std::string_view payload) {
    return std::string(video(encoding).flaw_of(rtp_of(payload)));
  };
  CHECK_FALSE(flaw("H264", "").empty());
  CHECK_FALSE(flaw("H264", "00aa").empty());
  CHECK_FALSE(flaw("H264", "1eaa").empty());
  CHECK_FALSE(flaw("H264", "7c85").empty());
  CHECK_FALSE(flaw("H264", "78000565").empty());
  CHECK_FALSE(flaw("H264", "780002674200").empty());
  CHECK_FALSE(flaw("H265", "26").empty());
  CHECK_FALSE(flaw("H265", "6001").empty());
  CHECK_FALSE(flaw("H265", "7e01aa").empty());
  CHECK_FALSE(flaw("VP8", "90ff80").empty());
  CHECK_FALSE(flaw("VP9", "0a18").empty());
  CHECK_FALSE(flaw("AV1", "0005aa").empty());
  CHECK_FALSE(flaw("MP2T", "47").empty());
  MediaFormat text{MediaKind::Text, "t140", 1'000, 0, 98, ""};
  CHECK(payload_format(text).flaw_of(rtp_of("c3a4")).empty());
  CHECK_FALSE(payload_format(text).flaw_of(rtp_of("c3")).empty());
}

TEST_CASE("Audio, text and what is not known have a unit in each packet", "[payload_format]") {
  const MediaFormat opus{MediaKind::Audio, "opus", 48'000, 2, 97, ""};
  CHECK(payload_format(opus).packet_is_unit);
  CHECK(is_known_payload(opus));
  const std::vector<Packet> packets = {rtp_of("00")};
  CHECK(payload_format(opus).is_sync_point(test::spans_of(packets)));
  CHECK_FALSE(payload_format(opus).inter_coded);
  MediaFormat strange;
  strange.encoding = "x-strange";
  CHECK(payload_format(strange).packet_is_unit);
  CHECK_FALSE(is_known_payload(strange));
  CHECK(is_known_payload(MediaFormat{}));
}

}  // namespace
}  // namespace ott
