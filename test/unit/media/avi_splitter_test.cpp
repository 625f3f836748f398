#include "media/avi_splitter.h"

#include <catch2/catch.hpp>
#include <cstring>
#include <string>

#include "edited_file.h"
#include "media/avi_writer.h"

namespace ott {
namespace {

using Bytes = std::vector<std::uint8_t>;

void add(Bytes& to, std::string_view id) { to.insert(to.end(), id.begin(), id.end()); }
void add(Bytes& to, std::uint32_t number) {
  for (unsigned shift = 0; shift < 32; shift += 8) to.push_back(static_cast<std::uint8_t>(number >> shift));
}

Bytes chunk(std::string_view id, const Bytes& body, bool padded = true) {
  Bytes bytes;
  add(bytes, id);
  add(bytes, static_cast<std::uint32_t>(body.size()));
  bytes.insert(bytes.end(), body.begin(), body.end());
  if (padded && body.size() % 2 != 0) bytes.push_back(0);
  return bytes;
}

Bytes join(const std::vector<Bytes>& parts) {
  Bytes all;
  for (const Bytes& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

/// `size`: what it claims; recorders that were killed leave 0.
Bytes list(std::string_view id, std::string_view type, const Bytes& body, bool sized = true) {
  Bytes bytes;
  add(bytes, id);
  add(bytes, sized ? static_cast<std::uint32_t>(body.size() + 4) : 0U);
  add(bytes, type);
  bytes.insert(bytes.end(), body.begin(), body.end());
  return bytes;
}

Bytes stream(std::string_view type, std::string_view codec, std::uint32_t scale = 1,
             std::uint32_t rate = 12) {
  Bytes strh, strf(16);
  add(strh, type);
  add(strh, codec);
  strh.resize(20);
  add(strh, scale);
  add(strh, rate);
  strh.resize(56);
  add(strf, codec);
  strf.resize(40);
  return list("LIST", "strl", join({chunk("strh", strh), chunk("strf", strf)}));
}

Bytes avi(const Bytes& streams, const Bytes& movi, bool sized = true) {
  const Bytes hdrl = list("LIST", "hdrl", join({chunk("avih", Bytes(56)), streams}));
  return list("RIFF", "AVI ", join({hdrl, chunk("JUNK", Bytes(31)), list("LIST", "movi", movi, sized)}),
              sized);
}

struct Split {
  std::vector<Bytes> pictures;
  std::vector<std::string> errors;
};

Split split(const Bytes& file, unsigned stream, std::size_t piece_bytes) {
  AviSplitter splitter(stream);
  Split split;
  const auto take_all = [&] {
    for (;;) {
      const auto frame = splitter.next();
      if (frame && !*frame) return;
      if (frame) split.pictures.emplace_back((*frame)->begin(), (*frame)->end());
      if (!frame) split.errors.push_back(frame.error().message);
    }
  };
  for (std::size_t at = 0; at < file.size();) {
    const MutableByteSpan space = splitter.space();
    const std::size_t bytes = std::min({piece_bytes, space.size(), file.size() - at});
    std::memcpy(space.data(), file.data() + at, bytes);
    splitter.advance(bytes);
    at += bytes;
    take_all();
  }
  splitter.finish();
  take_all();
  CHECK(splitter.at_end());
  return split;
}

const std::vector<Bytes> kPictures = {test::picture_bytes(1, 100), test::picture_bytes(2, 33),
                                      test::picture_bytes(3, 1'001)};

TEST_CASE("the pictures of an AVI file are found, whatever the pieces it comes in", "[avi_splitter]") {
  const std::size_t piece_bytes = GENERATE(std::size_t{1}, std::size_t{7}, std::size_t{100}, SIZE_MAX);
  const bool sized = GENERATE(true, false);  // or never finished
  const bool padded = GENERATE(true, false);
  const Bytes sound(480, 0x80);
  const Bytes movi =
      join({chunk("00wb", sound), chunk("01dc", kPictures[0], padded), chunk("00wb", sound),
            list("LIST", "rec ", chunk("01dc", kPictures[1], padded)), chunk("01dc", kPictures[2], padded)});
  const Bytes streams = join({stream("auds", {"\0\0\0\0", 4}), stream("vids", "MJPG", 2, 25)});
  const Bytes file = join({avi(streams, movi, sized), chunk("idx1", Bytes(160, '0')),
                           list("RIFF", "AVIX", list("LIST", "movi", chunk("01db", kPictures[0])), sized)});
  REQUIRE(is_avi(file));
  const auto head = read_avi_head(file);
  REQUIRE(head);
  CHECK(head->stream == 1);
  CHECK(head->fps == 12.5);
  const Split found = split(file, head->stream, piece_bytes);
  CHECK(found.pictures == std::vector<Bytes>{kPictures[0], kPictures[1], kPictures[2], kPictures[0]});
  CHECK(found.errors.empty());
}

TEST_CASE("a chunk without bytes shows the former picture again", "[avi_splitter]") {
  const Bytes none = chunk("00dc", {});
  const Bytes file =
      avi(stream("vids", "MJPG"),
          join({none, chunk("00dc", kPictures[0]), none, none, chunk("00dc", kPictures[1]), none}));
  const Split found = split(file, 0, GENERATE(std::size_t{1}, SIZE_MAX));
  CHECK(found.pictures ==
        std::vector<Bytes>{kPictures[0], kPictures[0], kPictures[0], kPictures[1], kPictures[1]});
}

TEST_CASE("what AviWriter has written is read, in several RIFFs, finished or not", "[avi_splitter]") {
  AviWriter writer(10, 10'000);
  test::EditedFile file;
  std::vector<Bytes> shown;
  for (std::size_t i = 0; i < 50; ++i) {
    const Bytes picture = test::picture_bytes(i, 501 + i);
    for (int again = 0; i > 0 && again < 1; ++again) shown.push_back(shown.back());
    shown.push_back(picture);
    file.perform(writer.add({picture, std::chrono::milliseconds(200 * i), 64, 48}));
  }
  if (GENERATE(false, true)) file.perform(writer.finish());
  const auto head = read_avi_head(file.bytes);
  REQUIRE(head);
  CHECK(head->fps == 10);
  const Split found = split(file.bytes, head->stream, 64);
  CHECK(found.pictures == shown);
  CHECK(found.errors.empty());
}

TEST_CASE("a file that ends within a picture, and one with garbage, say so once", "[avi_splitter]") {
  const std::size_t piece_bytes = GENERATE(std::size_t{1}, SIZE_MAX);
  Bytes cut = avi(stream("vids", "MJPG"), join({chunk("00dc", kPictures[0]), chunk("00dc", kPictures[2])}));
  cut.resize(cut.size() - 200);
  Split found = split(cut, 0, piece_bytes);
  CHECK(found.pictures == std::vector<Bytes>{kPictures[0]});
  REQUIRE(found.errors.size() == 1);
  CHECK(found.errors[0].ends_with("the file ends within a picture"));

  const Bytes garbage(1'000, 0x99);
  found = split(avi(stream("vids", "MJPG"),
                    join({chunk("00dc", kPictures[0]), garbage, chunk("00dc", kPictures[1]), garbage})),
                0, piece_bytes);
  CHECK(found.pictures == std::vector<Bytes>{kPictures[0], kPictures[1]});
  REQUIRE(found.errors.size() == 2);
  CHECK(found.errors[0].ends_with("no chunk begins here"));

  Bytes huge = chunk("00dc", kPictures[0]);
  huge[7] = 0x7F;
  found = split(avi(stream("vids", "MJPG"), join({huge, chunk("00dc", kPictures[1])})), 0, piece_bytes);
  CHECK(found.pictures == std::vector<Bytes>{kPictures[1]});
  REQUIRE(found.errors.size() == 1);
  CHECK(found.errors[0].ends_with("a picture of more than 16 MiB"));
}

TEST_CASE("an AVI file whose video is something else says what it is", "[avi_splitter]") {
  CHECK(read_avi_head(avi(stream("vids", "H264"), {})).error().message == "its video is 'H264', not MJPEG");
  CHECK(read_avi_head(avi(stream("vids", {"\0\0\0\0", 4}), {})).error().message ==
        "its video is 'raw pictures', not MJPEG");
  CHECK(read_avi_head(avi(stream("auds", "abcd"), {})).error().message == "it has no video");
  CHECK(read_avi_head(avi(stream("vids", "MJPG", 0, 25), {}))->fps == 0);
  CHECK_FALSE(is_avi(Bytes{'R', 'I', 'F', 'F', 0, 0, 0, 0, 'W', 'A', 'V', 'E'}));
}

}  // namespace
}  // namespace ott
