#include "media/clip_writer.h"

#include <catch2/catch.hpp>
#include <cstring>

#include "edited_file.h"
#include "jpeg_helpers.h"
#include "media/classic_clip.h"
#include "media/mjpeg_splitter.h"

namespace ott {
namespace {

using Bytes = std::vector<std::uint8_t>;

template <class Writer, class Splitter>
void check_round_trip() {
  const std::vector<Bytes> pictures = {test::make_jpeg({.width = 40, .height = 24}),
                                       test::make_jpeg({.width = 400, .height = 240}),
                                       test::make_jpeg({.width = 16, .height = 16})};
  Writer writer;
  test::EditedFile file;
  for (const Bytes& picture : pictures) {
    REQUIRE(writer.fits({picture}));
    file.perform(writer.add({picture}));
  }
  file.perform(writer.finish());

  Splitter splitter;
  const MutableByteSpan space = splitter.space();
  REQUIRE(space.size() >= file.bytes.size());
  std::memcpy(space.data(), file.bytes.data(), file.bytes.size());
  splitter.advance(file.bytes.size());
  splitter.finish();
  std::vector<Bytes> read;
  while (!splitter.at_end()) {
    const auto frame = splitter.next();
    REQUIRE(frame);
    if (*frame) read.emplace_back((*frame)->begin(), (*frame)->end());
  }
  CHECK(read == pictures);
}

TEST_CASE("what is recorded as a clip is read as one", "[clip_writer]") {
  check_round_trip<ClassicClipWriter, ClassicClipSplitter>();
  check_round_trip<ConcatenatedWriter, MjpegSplitter>();
}

TEST_CASE("the classic clip has five digits for a picture's length", "[clip_writer]") {
  ClassicClipWriter writer;
  const Bytes most(ClassicClipWriter::kPictureBytesMax);
  const FileEdits edits = writer.add({most});
  CHECK(std::string(edits.before.begin(), edits.before.end()) == "99999");
  const Bytes least(7);
  const FileEdits short_one = writer.add({least});
  CHECK(std::string(short_one.before.begin(), short_one.before.end()) == "00007");
}

}  // namespace
}  // namespace ott
