// Films that are read from anywhere: each frame by its number is the one that reading from the beginning
// comes to, in every container.
#include "media/film_source.h"

#include <catch2/catch.hpp>

#include "../../sim/inline_workers.h"
#include "jpeg_helpers.h"
#include "media/avi_writer.h"
#include "media/clip_format.h"

namespace ott {
namespace {

using Bytes = std::vector<std::uint8_t>;

/// Of sizes odd and even.
std::vector<Bytes> pictures(unsigned count) {
  std::vector<Bytes> all;
  for (unsigned i = 0; i < count; ++i)
    all.push_back(test::make_jpeg({.width = 32 + 8 * (i % 3), .height = 32, .quality = 60, .seed = i}));
  return all;
}

Bytes chunk(const std::string& id, const Bytes& body) {
  Bytes bytes(id.begin(), id.end());
  for (unsigned shift = 0; shift < 32; shift += 8)
    bytes.push_back(static_cast<std::uint8_t>(body.size() >> shift));
  bytes.insert(bytes.end(), body.begin(), body.end());
  if (body.size() % 2 != 0) bytes.push_back(0);
  return bytes;
}

Bytes list(const std::string& id, const std::string& type, const Bytes& body) {
  Bytes all(type.begin(), type.end());
  all.insert(all.end(), body.begin(), body.end());
  return chunk(id, all);
}

/// With chunks of sound between the pictures, and one that shows the former picture again.
Bytes avi_of(const std::vector<Bytes>& frames) {
  Bytes strh(56), strf(40), movi;
  std::copy_n("vidsMJPG", 8, strh.begin());
  strh[20] = 1, strh[24] = 25;
  std::copy_n("MJPG", 4, strf.begin() + 16);
  Bytes strl = chunk("strh", strh);
  test::append(strl, chunk("strf", strf));
  for (std::size_t i = 0; i < frames.size(); ++i) {
    test::append(movi, chunk("00dc", frames[i]));
    if (i == 1) test::append(movi, chunk("00dc", {}));
    if (i % 2 == 0) test::append(movi, chunk("01wb", Bytes(37, 5)));
  }
  Bytes hdrl = chunk("avih", Bytes(56));
  test::append(hdrl, list("LIST", "strl", strl));
  Bytes body = list("LIST", "hdrl", hdrl);
  test::append(body, list("LIST", "movi", movi));
  return list("RIFF", "AVI ", body);
}

Bytes mjpeg_of(const std::vector<Bytes>& frames) {
  Bytes all;
  for (const Bytes& frame : frames) test::append(all, frame);
  return all;
}

/// With what is no frame between some of them.
Bytes damaged_of(const std::vector<Bytes>& frames) {
  Bytes all;
  for (std::size_t i = 0; i < frames.size(); ++i) {
    test::append(all, frames[i]);
    if (i % 5 == 2) test::append(all, Bytes(200, 7));
  }
  return all;
}

Bytes classic_of(const std::vector<Bytes>& frames) {
  Bytes all;
  for (const Bytes& frame : frames) {
    std::string length = std::to_string(frame.size());
    length.insert(0, 5 - length.size(), '0');
    test::append(all, Bytes(length.begin(), length.end()));
    test::append(all, frame);
  }
  return all;
}

std::shared_ptr<const FilmSurvey> survey_of(const std::string& path) {
  sim::InlineWorkers workers;
  FilmSurveying surveying(path, workers);
  for (int i = 0; i < 1'000; ++i) {
    if (auto survey = surveying.step()) return survey;
  }
  return nullptr;
}

SourceInfo info() { return {"vod", 32, 32, 25, AtEnd::End}; }

TEST_CASE("each frame of a film is found by its number, in every container", "[film]") {
  const test::TemporaryDirectory directory;
  const std::vector<Bytes> frames = pictures(23);
  const std::string kind = GENERATE(std::string("mjpeg"), "avi", "classic", "damaged");
  CAPTURE(kind);
  const std::string path = directory.write("film", kind == "avi"       ? avi_of(frames)
                                                   : kind == "classic" ? classic_of(frames)
                                                   : kind == "damaged" ? damaged_of(frames)
                                                                       : mjpeg_of(frames));
  std::vector<Bytes> in_order;
  FilmSource first(info(), path, nullptr);
  for (std::uint64_t number = 1;; ++number) {
    const auto frame = first.next(FrameNumber{number}, {});
    if (!frame) break;
    in_order.emplace_back(frame->jpeg.begin(), frame->jpeg.end());
  }
  CHECK(first.ended());
  CHECK(in_order.size() == frames.size() + (kind == "avi" ? 1 : 0));
  const auto survey = survey_of(path);
  REQUIRE(survey != nullptr);
  REQUIRE(survey->index.frames() == in_order.size());
  CHECK((survey->faults > 0) == (kind == "damaged"));
  FilmSource film(info(), path, survey);
  std::size_t at = 0;
  for (std::size_t i = 0; i < 3 * in_order.size(); ++i) {
    at = (at + 7) % in_order.size();
    const std::size_t run = 1 + i % 3;  // and some that follow
    for (std::size_t k = at; k < std::min(at + run, in_order.size()); ++k) {
      const auto frame = film.next(FrameNumber{k + 1}, {});
      REQUIRE(frame);
      REQUIRE(std::ranges::equal(frame->jpeg, in_order[k]));
    }
  }
  CHECK_FALSE(film.next(FrameNumber{in_order.size() + 1}, {}));
  CHECK(film.ended());
  REQUIRE(film.next(FrameNumber{2}, {}));
  CHECK_FALSE(film.ended());
}

TEST_CASE("a film whose file is gone, or no film any more, has ended with a reason", "[film]") {
  const test::TemporaryDirectory directory;
  const std::string path = directory.write("film.mjpeg", mjpeg_of(pictures(3)));
  const auto survey = survey_of(path);
  FilmSource film(info(), directory.path("nothing.mjpeg"), survey);
  const auto frame = film.next(FrameNumber{1}, {});
  REQUIRE_FALSE(frame);
  CHECK(film.ended());
  CHECK(frame.error().message.find("nothing.mjpeg': No such file") != std::string::npos);
  (void)directory.write("film.mjpeg", Bytes(100, 'x'));
  FilmSource other(info(), path, survey);
  CHECK_FALSE(other.next(FrameNumber{2}, {}));
  CHECK(other.ended());
  CHECK(survey_of(path)->faults == 1);
}

TEST_CASE("a film that is cut short while it is seen ends there", "[film]") {
  const test::TemporaryDirectory directory;
  const std::vector<Bytes> frames = pictures(9);
  const std::string path = directory.write("film.mjpeg", mjpeg_of(frames));
  const auto survey = survey_of(path);
  (void)directory.write("film.mjpeg", mjpeg_of({frames[0], frames[1]}));
  FilmSource film(info(), path, survey);
  REQUIRE(film.next(FrameNumber{2}, {}));
  CHECK_FALSE(film.next(FrameNumber{8}, {}));
  CHECK(film.ended());
}

TEST_CASE("an index has a bound, and leads to a frame not far before the one that is wanted", "[film]") {
  FilmIndex index;
  constexpr std::uint64_t kFrames = 1'000'003;
  for (std::uint64_t frame = 0; frame < kFrames; ++frame)
    index.add(frame % 1'000 == 999 ? std::nullopt : std::optional(frame * 1'000));
  CHECK(index.frames() == kFrames);
  for (const std::uint64_t frame : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{65'537},
                                    std::uint64_t{999'999}, kFrames - 1, kFrames + 10}) {
    const FilmIndex::Entry entry = index.find(frame);
    CHECK(entry.frame <= frame);
    CHECK(frame - entry.frame <= 2 * kFrames / FilmIndex::kEntriesMax + 20);
    CHECK(entry.offset == entry.frame * 1'000);
  }
}

TEST_CASE("a long film is surveyed by jobs that each read a part", "[film]") {
  const test::TemporaryDirectory directory;
  const Bytes frame = test::make_jpeg({.width = 640, .height = 480, .quality = 95});
  Bytes film;
  while (film.size() < (std::size_t{9} << 20U)) test::append(film, frame);
  const std::string path = directory.write("film.mjpeg", film);
  sim::InlineWorkers workers(false);
  FilmSurveying surveying(path, workers);
  int jobs = 0;
  while (surveying.step() == nullptr) {
    REQUIRE(jobs < 10);
    if (workers.run_one()) ++jobs;
  }
  CHECK(jobs >= 3);
  CHECK(surveying.step()->index.frames() == film.size() / frame.size());
}

}  // namespace
}  // namespace ott
