#include "media/rtp_audio.h"

#include "sample_helpers.h"

namespace ott {
namespace {

using test::Bytes;
using test::hex;

TEST_CASE("An Opus packet is a sample, and its configuration is known at once") {
  const MediaFormat opus{.media = MediaKind::Audio, .encoding = "OPUS", .clock_rate = 48'000, .channels = 2};
  const auto depacketizer = make_depacketizer(opus);
  REQUIRE(depacketizer->config() != nullptr);
  CHECK(*depacketizer->config() == opus_config(2));
  CHECK(depacketizer->config()->record == hex("4f707573486561640102000080bb0000000000"));
  CHECK(test::only_sample(*depacketizer, test::frame_of_payloads({hex("fc01020304")})) == hex("fc01020304"));
  CHECK(make_depacketizer({.media = MediaKind::Application, .encoding = "smpte336m"}) == nullptr);
}

}  // namespace
}  // namespace ott
