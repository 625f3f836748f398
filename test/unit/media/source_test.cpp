#include "media/source.h"

#include <catch2/catch.hpp>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "edited_file.h"
#include "jpeg_helpers.h"
#include "media/avi_writer.h"
#include "media/test_picture.h"
#include "ott/rtp_jpeg.h"

namespace ott {
namespace {

using Bytes = std::vector<std::uint8_t>;

std::unique_ptr<Source> open(const std::string& spec) {
  auto source = open_source(spec);
  if (!source) FAIL(source.error().message);
  return std::move(*source);
}

std::string open_error(const std::string& spec) {
  const auto source = open_source(spec);
  return source ? "no error" : source.error().message;
}

Bytes next(Source& source, std::uint64_t number = 1, WallTime wall = {}) {
  const auto frame = source.next(FrameNumber{number}, wall);
  if (!frame) FAIL(frame.error().message);
  CHECK(frame->image.carriable());
  CHECK(frame->image.bytes == frame->jpeg.size());
  return {frame->jpeg.begin(), frame->jpeg.end()};
}

std::string next_error(Source& source) {
  const auto frame = source.next(FrameNumber{1}, {});
  return frame ? "no error" : frame.error().message;
}

Bytes classic(const std::vector<Bytes>& jpegs) {
  Bytes clip;
  for (const Bytes& jpeg : jpegs) {
    std::array<char, 16> digits{};
    std::snprintf(digits.data(), digits.size(), "%05zu", jpeg.size());
    clip.insert(clip.end(), digits.begin(), digits.begin() + 5);
    test::append(clip, jpeg);
  }
  return clip;
}

TEST_CASE("the test pattern is a carriable JPEG of the size asked for", "[source]") {
  const auto [spec, width, height, fps] = GENERATE(table<std::string, unsigned, unsigned, double>({
      {"pattern:", 1280, 720, 30},
      {"pattern:640x360@25", 640, 360, 25},
      {"pattern:@12.5", 1280, 720, 12.5},
      {"pattern:17x33", 17, 33, 30},
      {"pattern:16x16?fps=240", 16, 16, 240},
      {"pattern:2050x16@1", 2050, 16, 1},
  }));
  CAPTURE(spec);
  const auto source = open(spec);
  CHECK(source->info().kind == "pattern");
  CHECK(source->info().width == width);
  CHECK(source->info().height == height);
  CHECK(source->info().fps == fps);
  const Bytes jpeg = next(*source);
  CHECK(parse_jpeg(jpeg)->carriable());
  const auto pixels = test::decode(jpeg);
  CHECK(pixels.width == width);
  CHECK(pixels.height == height);
}

TEST_CASE("the pattern shows the frame's number and time, and nothing else decides it", "[source]") {
  const auto source = open("pattern:320x240");
  const WallTime time{std::chrono::milliseconds(1'234'567'890)};
  const Bytes first = next(*source, 7, time);
  CHECK(next(*source, 8, time) != first);
  CHECK(next(*source, 7, time + std::chrono::milliseconds(1)) != first);
  CHECK(next(*source, 7, time) == first);
}

TEST_CASE("each specification that cannot be says what can", "[source]") {
  const auto bad = GENERATE(table<std::string, std::string>({
      {"", "a source without a name; 'pattern:' is the test picture"},
      {"pattern:15x16", "'15x16' is not a size from 16x16 to 8192x8192"},
      {"pattern:8193x16", "'8193x16' is not a size from 16x16 to 8192x8192"},
      {"pattern:640", "'640' is not a size from 16x16 to 8192x8192"},
      {"pattern:640x", "'640x' is not a size"},
      {"pattern:-64x64", "'-64x64' is not a size"},
      {"pattern:640x360@", "'' is not a rate from 1 to 240 frames a second"},
      {"pattern:640x360@0", "'0' is not a rate from 1 to 240"},
      {"pattern:640x360@241", "'241' is not a rate from 1 to 240"},
      {"pattern:640x360@nan", "'nan' is not a rate from 1 to 240"},
      {"pattern:?fps=25x", "'25x' is not a rate from 1 to 240"},
      {"pattern:?speed=2",
       "unknown option '?speed=2'; there are ?fps=RATE, ?eof=wait|end|loop, ?linger=TIME"},
      {"pattern:?fps=5&speed=2", "unknown option '?speed=2'"},
      {"pattern:?eof=never",
       "?eof=never: there are wait (the stream stays), end (it ends) and loop (it begins again)"},
      {"pattern:?eof=end", "a test picture has no end"},
      {"/nowhere/clip.mjpeg", "there is no '/nowhere/clip.mjpeg'; a source is an .mjpeg file, a directory"},
      {"/dev/null", "'/dev/null' is neither a file nor a directory"},
  }));
  const std::string message = open_error(std::get<0>(bad));
  CAPTURE(message);
  CHECK(message.find(std::get<1>(bad)) != std::string::npos);
}

TEST_CASE("files that are no clip are told apart", "[source]") {
  const test::TemporaryDirectory directory;
  const std::string empty = directory.write("empty.mjpeg", {});
  CHECK(open_error(empty) == "'" + empty + "' is empty");
  const std::string text = directory.write("text", Bytes(100, 'a'));
  CHECK(open_error(text).starts_with("'" + text + "' is none of AVI with MJPEG, Matroska, WAV, "));
  Bytes broken = test::make_jpeg({});
  broken.resize(300);
  const std::string cut = directory.write("cut.mjpeg", broken);
  CHECK(open_error(cut) == "'" + cut + "': frame 1: byte 0: the frame is cut off after 300 bytes");
  CHECK(open_error(directory.path()) == "the directory '" + directory.path() + "' holds no *.jpg or *.jpeg");
}

Bytes text_bytes(std::string_view text) { return {text.begin(), text.end()}; }

TEST_CASE("what only other programs play is named, and there is the SOURCE that has them do it", "[source]") {
  const auto [name, start] = GENERATE(table<std::string, std::string>({
      {"MP4", std::string(4, 0) + "ftypisom"},
      {"Matroska", "\x1A\x45\xDF\xA3"},
      {"an MPEG transport stream", "G" + std::string(187, 'x') + "G"},
  }));
  const test::TemporaryDirectory directory;
  const std::string path = directory.write("film.mjpeg", text_bytes(start + std::string(100, 'x')));
  CHECK(open_error(path) == "'" + path + "' is " + name +
                                "; ffmpeg plays it: --stream 'NAME=exec:ffmpeg -re -i " + path +
                                " -c:v mjpeg -q:v 3 -f mjpeg -'");
  const std::string own = directory.write("own.mkv", text_bytes("\x1A\x45\xDF\xA3 V_MJPEG"));
  CHECK(open_error(own).ends_with("-i " + own + " -c:v copy -f mjpeg -'"));
  const std::string odd = directory.write("it's $1 \"film\"", text_bytes("    ftyp    "));
  CHECK(open_error(odd).find("-i \"" + directory.path() + "/it'\\''s \\$1 \\\"film\\\"\" -c:v") !=
        std::string::npos);
}

TEST_CASE("the parts of a multipart stream are a clip, with or without the head of the response",
          "[source]") {
  const std::string before =
      GENERATE("", "\r\n", "HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace\r\n\r\n");
  const test::TemporaryDirectory directory;
  const std::vector<Bytes> jpegs = {test::make_jpeg({.width = 40, .height = 24}),
                                    test::make_jpeg({.seed = 2})};
  Bytes bytes = text_bytes(before);
  for (const Bytes& jpeg : jpegs) {
    test::append(bytes, text_bytes("--part\r\nContent-Type: image/jpeg\r\n\r\n"));
    test::append(bytes, jpeg);
    test::append(bytes, text_bytes("\r\n"));
  }
  const auto source = open(directory.write("saved", bytes));
  CHECK(source->info().width == 40);
  for (int round = 0; round < 2; ++round) {
    for (const Bytes& jpeg : jpegs) CHECK(next(*source) == jpeg);
  }
}

TEST_CASE("an AVI file plays at its own rate, or at the one that is asked for", "[source]") {
  const test::TemporaryDirectory directory;
  const Bytes first = test::make_jpeg({.width = 40, .height = 24});
  const Bytes second = test::make_jpeg({.width = 40, .height = 24, .seed = 2});
  AviWriter writer(12.5);
  test::EditedFile file;
  file.perform(writer.add({first, {}, 40, 24}));
  file.perform(writer.add({second, std::chrono::milliseconds(160), 40, 24}));
  file.perform(writer.finish());
  const std::string path = directory.write("film", file.bytes);
  const auto source = open(path);
  CHECK(source->info().kind == "avi");
  CHECK(source->info().fps == 12.5);
  CHECK(open(path + "?fps=50")->info().fps == 50);
  for (int round = 0; round < 2; ++round) {
    CHECK(next(*source) == first);
    CHECK(next(*source) == first);
    CHECK(next(*source) == second);
  }
}

TEST_CASE("a clip plays its frames in turn, for ever, converting what must be", "[source]") {
  const test::TemporaryDirectory directory;
  const std::vector<Bytes> jpegs = {test::make_jpeg({.width = 40, .height = 24}),
                                    test::make_jpeg({.width = 48, .height = 32, .progressive = true}),
                                    test::make_jpeg({.colour = test::JpegOptions::Colour::Grey})};
  const bool is_classic = GENERATE(true, false);
  Bytes bytes = is_classic ? classic(jpegs) : Bytes{};
  for (const Bytes& jpeg : jpegs) {
    if (!is_classic) test::append(bytes, jpeg);
  }
  const std::string path = directory.write("clip", bytes);
  const auto source = open(path);
  CHECK(source->info().kind == (is_classic ? "clip" : "mjpeg"));
  CHECK(source->info().width == 40);
  CHECK(source->info().height == 24);
  CHECK(source->info().fps == (is_classic ? 20 : 25));
  CHECK(open(path + "?fps=50")->info().fps == 50);
  for (int round = 0; round < 3; ++round) {
    for (const Bytes& jpeg : jpegs) {
      const Bytes frame = next(*source);
      CHECK(parse_jpeg(frame)->carriable());
      CHECK(test::decode(frame) == test::decode(jpeg));
    }
  }
}

TEST_CASE("a bad frame in a clip is named once a round, and the rest plays on", "[source]") {
  const test::TemporaryDirectory directory;
  const Bytes good = test::make_jpeg({});
  Bytes bad = test::make_jpeg({.progressive = true});
  for (std::size_t at = bad.size() / 2; at < bad.size() / 2 + 40; ++at) bad[at] = 0x55;
  const std::string path = directory.write("clip", classic({good, bad, good}));
  const auto source = open(path);
  for (int round = 0; round < 2; ++round) {
    CHECK(next(*source) == good);
    const std::string message = next_error(*source);
    CAPTURE(message);
    CHECK(message.starts_with("'" + path + "': frame 2: byte " + std::to_string(good.size() + 10) +
                              ": the JPEG"));
    CHECK(next(*source) == good);
  }
}

TEST_CASE("a clip that is emptied while it plays is an error, not the end of the program", "[source]") {
  const test::TemporaryDirectory directory;
  const std::string path = directory.write("clip.mjpeg", test::make_jpeg({}));
  const auto source = open(path);
  next(*source);
  (void)directory.write("clip.mjpeg", {});
  CHECK(next_error(*source) == "'" + path + "' holds no frame any more");
}

TEST_CASE("a directory plays in the order of its names", "[source]") {
  const test::TemporaryDirectory directory;
  const Bytes first = test::make_jpeg({.width = 40, .height = 24});
  const Bytes second = test::make_jpeg({.width = 48, .height = 24});
  (void)directory.write("b.JPEG", second);
  (void)directory.write("a.jpg", first);
  (void)directory.write("0.txt", first);
  const std::string bad = directory.write("c.jpg", Bytes{1, 2, 3, 4, 5});
  const auto source = open(directory.path() + "?fps=5");
  CHECK(source->info().kind == "directory");
  CHECK(source->info().width == 40);
  CHECK(source->info().fps == 5);
  for (int round = 0; round < 2; ++round) {
    CHECK(next(*source) == first);
    CHECK(next(*source) == second);
    CHECK(next_error(*source) == "'" + bad + "': byte 0 of the JPEG: no SOI marker");
  }
}

TEST_CASE("files begin again at their end, or stop there", "[source]") {
  const test::TemporaryDirectory directory;
  const Bytes first = test::make_jpeg({.width = 40});
  const Bytes second = test::make_jpeg({.width = 48});
  const bool is_directory = GENERATE(false, true);
  std::string path = directory.path("pictures");
  std::filesystem::create_directory(path);
  (void)directory.write("pictures/1.jpg", first);
  (void)directory.write("pictures/2.jpg", second);
  if (!is_directory) path = directory.write("clip", classic({first, second}));
  const auto looping = open(path + GENERATE(as<std::string>{}, "", "?eof=loop"));
  CHECK(looping->info().at_end == AtEnd::Loop);
  for (int i = 0; i < 5; ++i) next(*looping);
  CHECK_FALSE(looping->ended());

  const auto stopping = open(path + "?fps=5&eof=" + GENERATE(as<std::string>{}, "wait", "end"));
  CHECK(stopping->info().fps == 5);
  CHECK(next(*stopping) == first);
  CHECK(next(*stopping) == second);
  CHECK_FALSE(stopping->ended());
  CHECK(next_error(*stopping).find("has ended") != std::string::npos);
  CHECK(stopping->ended());
}

TEST_CASE("the classic clip plays whole, frame by frame", "[source][clip]") {
  const char* clip = std::getenv("OTT_TEST_CLIP");
  if (clip == nullptr) {
    WARN("skipped: OTT_TEST_CLIP is not set");
    return;
  }
  const auto source = open(clip);
  CHECK(source->info().kind == "clip");
  CHECK(source->info().width == 320);
  CHECK(source->info().height == 240);
  Bytes played;
  std::vector<Bytes> jpegs;
  for (int i = 0; i < 373; ++i) jpegs.push_back(next(*source));
  CHECK(classic(jpegs) == test::read_file(clip));
  CHECK(next(*source) == jpegs[0]);
}

}  // namespace
}  // namespace ott
