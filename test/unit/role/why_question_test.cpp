#include "role/why_question.h"

#include <catch2/catch.hpp>

namespace ott {
namespace {

KnownStream stream(const std::string& name, MediaKind media) {
  KnownStream stream;
  stream.info.name = name;
  stream.info.format.media = media;
  return stream;
}

TEST_CASE("a stream is asked about by its name, or by that of its parts") {
  const std::vector<KnownStream> streams = {
      stream("cam", MediaKind::Video), stream("talk/audio", MediaKind::Audio),
      stream("talk/video", MediaKind::Video), stream("radio/text", MediaKind::Text),
      stream("radio/audio", MediaKind::Audio)};
  const auto called = [&streams](const std::string& name) {
    const KnownStream* found = stream_called(streams, name);
    return found == nullptr ? "none" : found->info.name;
  };
  CHECK(called("cam") == "cam");
  CHECK(called("talk") == "talk/video");
  CHECK(called("talk/audio") == "talk/audio");
  CHECK(called("radio") == "radio/text");
  CHECK(called("tal") == "none");
  CHECK(called("cam/video") == "none");
}

}  // namespace
}  // namespace ott
