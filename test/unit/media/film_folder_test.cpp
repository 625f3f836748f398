#include "media/film_folder.h"

#include <catch2/catch.hpp>

#include "jpeg_helpers.h"
#include "ott/message.h"

namespace ott {
namespace {

using Bytes = std::vector<std::uint8_t>;

std::vector<std::string> names(const FilmFolder& folder) {
  std::vector<std::string> all;
  for (const FilmFolder::Clip& clip : folder.clips) all.push_back(clip.name);
  return all;
}

bool notes(const FilmFolder& folder, const std::string& part) {
  for (const std::string& note : folder.notes) {
    if (note.find(part) != std::string::npos) return true;
  }
  return false;
}

TEST_CASE("a folder's clips are streams by the names of their files, whatever their extensions", "[film]") {
  const test::TemporaryDirectory directory;
  const Bytes clip = test::make_jpeg({});
  for (const char* name : {"two.mjpeg", "one.mjpg", "one.bin", "b\nc.mjpeg", "odd\xFF", ".hidden"})
    (void)directory.write(name, clip);
  (void)directory.write("notes.txt", Bytes(10, 'x'));
  (void)directory.write("nothing.avi", {});
  const auto folder = look_into(directory.path() + "/", ClipKind::Any, 64, 10);
  REQUIRE(folder);
  CHECK(names(*folder) == std::vector<std::string>{"b_c", "odd\xEF\xBF\xBD", "one", "one.mjpg", "two"});
  CHECK(notes(*folder, "2 files in"));
  CHECK(notes(*folder, "offered as 'one.mjpg'"));
  CHECK(notes(*folder, "offered as 'b_c'"));
}

TEST_CASE("of a folder with more clips than there is room for the first are taken, and it is said",
          "[film]") {
  const test::TemporaryDirectory directory;
  for (int i = 0; i < 9; ++i) (void)directory.write(std::to_string(i) + ".mjpeg", test::make_jpeg({}));
  const auto folder = look_into(directory.path() + "/", ClipKind::Any, 4, 10);
  REQUIRE(folder);
  CHECK(names(*folder) == std::vector<std::string>{"0", "1", "2", "3"});
  CHECK(notes(*folder, "5 files more than there is room for"));
}

TEST_CASE("a stream's name that leaves no room for those of clips is refused", "[film]") {
  const test::TemporaryDirectory directory;
  (void)directory.write("one.mjpeg", test::make_jpeg({}));
  CHECK(look_into(directory.path() + "/", ClipKind::Any, 4, kNameBytesMax - 38));
  for (const std::size_t prefix : {kNameBytesMax - 37, kNameBytesMax - 1, kNameBytesMax + 1}) {
    const auto folder = look_into(directory.path() + "/", ClipKind::Any, 4, prefix);
    REQUIRE_FALSE(folder);
    CHECK(folder.error().message.find("a stream's name of at most") != std::string::npos);
  }
}

TEST_CASE("names that are too long are cut, and differ nevertheless", "[film]") {
  const test::TemporaryDirectory directory;
  const std::string name(245, 'n');
  for (const char* end : {"1.mjpg", "2.mjpg", "3.mjpg"})
    (void)directory.write(name + end, test::make_jpeg({}));
  const auto folder = look_into(directory.path() + "/", ClipKind::Any, 64, 30);
  REQUIRE(folder);
  REQUIRE(folder->clips.size() == 3);
  CHECK(folder->clips[0].name != folder->clips[1].name);
  CHECK(folder->clips[1].name != folder->clips[2].name);
  for (const FilmFolder::Clip& clip : folder->clips) CHECK(clip.name.size() + 30 <= kNameBytesMax);
}

TEST_CASE("a folder of pictures is one film, and one of nothing is none", "[film]") {
  const test::TemporaryDirectory directory;
  (void)directory.write("1.JPG", test::make_jpeg({}));
  (void)directory.write("clip.mjpeg", test::make_jpeg({}));
  CHECK(look_into(directory.path() + "/", ClipKind::Any, 64, 1)->clips.empty());
  const test::TemporaryDirectory empty;
  (void)empty.write("notes.txt", Bytes(10, 'x'));
  const auto folder = look_into(empty.path() + "/", ClipKind::Any, 64, 1);
  REQUIRE_FALSE(folder);
  CHECK(folder.error().message.find("holds neither a clip nor pictures: '") != std::string::npos);
  CHECK_FALSE(look_into("/nonexistent/", ClipKind::Any, 64, 1));
}

TEST_CASE("sound is a clip of its own, but no film on request", "[film]") {
  const test::TemporaryDirectory directory;
  (void)directory.write("film.mjpeg", test::make_jpeg({}));
  const std::string wav(
      "RIFF\x24\x10\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1F\0\0\x80\x3E\0\0\x02\0\x10\0data\0\x10\0\0", 44);
  Bytes sound(wav.begin(), wav.end());
  sound.resize(4'000);
  (void)directory.write("sound.wav", sound);
  CHECK(names(*look_into(directory.path() + "/", ClipKind::Any, 64, 1)) ==
        std::vector<std::string>{"film", "sound"});
  CHECK(names(*look_into(directory.path() + "/", ClipKind::Pictures, 64, 1)) ==
        std::vector<std::string>{"film"});
}

}  // namespace
}  // namespace ott
