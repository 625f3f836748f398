#include "media/stream_sdp.h"

#include <catch2/catch.hpp>

namespace ott {
namespace {

StreamInfo stream(const std::string& name, MediaFormat format) {
  StreamInfo info;
  info.id = StreamId{7};
  info.name = name;
  info.format = std::move(format);
  return info;
}

TEST_CASE("parts of a stream are the media of one description, video first", "[stream_sdp]") {
  const auto audio = stream("cam/audio", {MediaKind::Audio, "opus", 48'000, 2, 97, "sprop-stereo=1"});
  const auto text = stream("cam/text", {MediaKind::Text, "t140", 1'000, 0, 98, ""});
  auto video = stream("cam/video", {MediaKind::Video, "H264", 90'000, 0, 96, "packetization-mode=1"});
  video.width = 1'280;
  video.height = 720;
  video.fps_milli = 25'000;
  const Sdp sdp =
      stream_sdp({{text, stream_media(text)}, {audio, stream_media(audio)}, {video, stream_media(video)}});
  CHECK(to_string(sdp) ==
        "v=0\r\no=- 7 0 IN IP4 0.0.0.0\r\ns=cam\r\nt=0 0\r\n"
        "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1\r\n"
        "a=framerate:25\r\na=framesize:96 1280-720\r\na=x-dimensions:1280,720\r\na=sendonly\r\n"
        "m=audio 0 RTP/AVP 97\r\na=rtpmap:97 opus/48000/2\r\na=fmtp:97 sprop-stereo=1\r\na=sendonly\r\n"
        "m=text 0 RTP/AVP 98\r\na=rtpmap:98 t140/1000\r\na=sendonly\r\n");
}

TEST_CASE("a stream that is alone has its own name, and the size of its pictures", "[stream_sdp]") {
  auto jpeg = stream("cam/video", {});
  jpeg.width = 100;
  jpeg.height = 100;
  const Sdp sdp = stream_sdp({{jpeg, stream_media(jpeg, SdpSize{640, 480})}});
  CHECK(sdp.name == "cam/video");
  CHECK(sdp.media.at(0).size == SdpSize{640, 480});
  CHECK(sdp.media.at(0).formats.at(0).payload_type == 26);
  CHECK(stream_sdp({{stream("", {}), {}}}).name == "ottd");
}

}  // namespace
}  // namespace ott
