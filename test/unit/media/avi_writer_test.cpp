#include "media/avi_writer.h"

#include <catch2/catch.hpp>
#include <string>

#include "edited_file.h"

namespace ott {
namespace {

using std::chrono::milliseconds;
using Bytes = std::vector<std::uint8_t>;

std::uint64_t number(const Bytes& file, std::uint64_t at, unsigned bytes = 4) {
  std::uint64_t value = 0;
  for (unsigned i = bytes; i-- > 0;) value = (value << 8U) | file.at(at + i);
  return value;
}

std::string id_at(const Bytes& file, std::uint64_t at) {
  return {file.begin() + static_cast<std::ptrdiff_t>(at), file.begin() + static_cast<std::ptrdiff_t>(at) + 4};
}

struct Chunk {
  std::string id;    // of a list, its type
  std::uint64_t at;  // its head
  std::uint64_t bytes;
  [[nodiscard]] std::uint64_t body() const { return at + 8; }
};

/// The chunks between two places, and those of lists among them.
void read_chunks(const Bytes& file, std::uint64_t from, std::uint64_t to, std::vector<Chunk>& chunks) {
  while (from < to) {
    REQUIRE(from + 8 <= to);
    Chunk chunk{id_at(file, from), from, number(file, from + 4)};
    REQUIRE(chunk.body() + chunk.bytes <= to);
    const bool is_list = chunk.id == "LIST" || chunk.id == "RIFF";
    if (is_list) chunk.id = id_at(file, chunk.body());
    chunks.push_back(chunk);
    if (is_list) read_chunks(file, chunk.body() + 4, chunk.body() + chunk.bytes, chunks);
    from = chunk.body() + chunk.bytes + chunk.bytes % 2;
  }
  REQUIRE(from == to);
}

std::vector<Chunk> all_chunks(const Bytes& file) {
  std::vector<Chunk> chunks;
  read_chunks(file, 0, file.size(), chunks);
  return chunks;
}

std::vector<Chunk> chunks_of(const Bytes& file, const std::string& id) {
  std::vector<Chunk> chunks = all_chunks(file);
  std::erase_if(chunks, [&id](const Chunk& chunk) { return chunk.id != id; });
  return chunks;
}

Bytes body_of(const Bytes& file, const Chunk& chunk) {
  const auto begin = file.begin() + static_cast<std::ptrdiff_t>(chunk.body());
  return {begin, begin + static_cast<std::ptrdiff_t>(chunk.bytes)};
}

/// What is shown, slot by slot; empty: the former picture again.
std::vector<Bytes> play(const Bytes& file) {
  std::vector<Bytes> pictures;
  for (const Chunk& chunk : chunks_of(file, "00dc")) pictures.push_back(body_of(file, chunk));
  return pictures;
}

/// The numbers of the head agree with what is there.
void check_counts(const Bytes& file) {
  const auto chunks = all_chunks(file);
  std::size_t frames = 0, first_frames = 0, riffs = 0;
  for (const Chunk& chunk : chunks) {
    riffs += chunk.id == "AVI " || chunk.id == "AVIX" ? 1U : 0U;
    frames += chunk.id == "00dc" ? 1U : 0U;
    first_frames += chunk.id == "00dc" && riffs == 1 ? 1U : 0U;
  }
  CHECK(number(file, chunks_of(file, "avih").at(0).body() + 16) == first_frames);
  CHECK(number(file, chunks_of(file, "strh").at(0).body() + 32) == frames);
  CHECK(number(file, chunks_of(file, "dmlh").at(0).body()) == frames);
}

/// All indices lead to all chunks, in order.
void check_indices(const Bytes& file) {
  const auto pictures = chunks_of(file, "00dc");
  const std::uint64_t indx = chunks_of(file, "indx").at(0).body();
  const std::uint64_t entries = number(file, indx + 4);
  std::size_t i = 0;
  for (std::uint64_t entry = 0; entry < entries; ++entry) {
    const std::uint64_t ix00 = number(file, indx + 24 + 16 * entry, 8);
    CHECK(id_at(file, ix00) == "ix00");
    CHECK(number(file, ix00 + 4) + 8 == number(file, indx + 24 + 16 * entry + 8));
    const std::uint64_t chunks = number(file, ix00 + 12);
    CHECK(chunks == number(file, indx + 24 + 16 * entry + 12));
    const std::uint64_t base = number(file, ix00 + 20, 8);
    for (std::uint64_t n = 0; n < chunks; ++n, ++i) {
      REQUIRE(i < pictures.size());
      CHECK(base + number(file, ix00 + 32 + 8 * n) == pictures[i].body());
      CHECK((number(file, ix00 + 36 + 8 * n) & 0x7FFFFFFF) == pictures[i].bytes);
      CHECK((number(file, ix00 + 36 + 8 * n) >> 31 == 1) == (pictures[i].bytes == 0));
    }
  }
  CHECK(i == pictures.size());

  const auto idx1 = chunks_of(file, "idx1");
  REQUIRE(idx1.size() == 1);
  const std::uint64_t movi = chunks_of(file, "movi").at(0).body();
  for (std::uint64_t n = 0; n < idx1[0].bytes / 16; ++n) {
    const std::uint64_t at = idx1[0].body() + 16 * n;
    CHECK(id_at(file, at) == "00dc");
    CHECK((number(file, at + 4) == 0x10) == (pictures[n].bytes > 0));
    CHECK(movi + number(file, at + 8) == pictures[n].at);
    CHECK(number(file, at + 12) == pictures[n].bytes);
  }
}

struct Recorded {
  test::EditedFile file;
  std::vector<Bytes> pictures;
};

Recorded record(AviWriter& writer, const std::vector<Duration>& times, std::size_t bytes_each = 101) {
  Recorded recorded;
  for (std::size_t i = 0; i < times.size(); ++i) {
    recorded.pictures.push_back(test::picture_bytes(i, bytes_each + i % 3));
    const Picture picture{recorded.pictures.back(), times[i], 640, 360};
    REQUIRE(writer.fits(picture));
    recorded.file.perform(writer.add(picture));
    check_counts(recorded.file.bytes);
  }
  return recorded;
}

std::vector<Duration> at_rate(double fps, int count) {
  std::vector<Duration> times;
  for (int i = 0; i < count; ++i) times.emplace_back(static_cast<std::int64_t>(i * 1e9 / fps));
  return times;
}

TEST_CASE("an AVI file is whole after each picture, and indexed at its end", "[avi_writer]") {
  AviWriter writer(30);
  Recorded recorded = record(writer, at_rate(30, 100));
  CHECK(play(recorded.file.bytes) == recorded.pictures);
  recorded.file.perform(writer.finish());
  CHECK(play(recorded.file.bytes) == recorded.pictures);
  check_counts(recorded.file.bytes);
  check_indices(recorded.file.bytes);
  const std::uint64_t strh = chunks_of(recorded.file.bytes, "strh").at(0).body();
  CHECK(number(recorded.file.bytes, strh + 24) == 30 * number(recorded.file.bytes, strh + 20));
}

TEST_CASE("beyond a RIFF's size an AVI file goes on in further ones", "[avi_writer]") {
  constexpr std::uint64_t kRiffBytes = 20'000;
  AviWriter writer(30, kRiffBytes);
  Recorded recorded = record(writer, at_rate(30, 100), 1'001);
  CHECK(play(recorded.file.bytes) == recorded.pictures);
  recorded.file.perform(writer.finish());
  CHECK(play(recorded.file.bytes) == recorded.pictures);
  check_counts(recorded.file.bytes);
  check_indices(recorded.file.bytes);
  auto riffs = chunks_of(recorded.file.bytes, "AVIX");
  CHECK(riffs.size() >= 5);
  riffs.push_back(chunks_of(recorded.file.bytes, "AVI ").at(0));
  for (const Chunk& riff : riffs) CHECK(riff.bytes + 8 <= kRiffBytes);
}

TEST_CASE("a picture that comes late is in its place, and the former one is shown until then",
          "[avi_writer]") {
  AviWriter writer(10, 10'000);
  const std::vector<Duration> times = {milliseconds(0),   milliseconds(100), milliseconds(430),
                                       milliseconds(500), milliseconds(540), std::chrono::minutes(2)};
  Recorded recorded = record(writer, times);
  recorded.file.perform(writer.finish());
  const auto shown = play(recorded.file.bytes);
  REQUIRE(shown.size() == 1'201);
  for (const auto& [slot, picture] : {std::pair{0, 0}, {1, 1}, {4, 2}, {5, 3}, {6, 4}, {1'200, 5}})
    CHECK(shown[static_cast<std::size_t>(slot)] == recorded.pictures[static_cast<std::size_t>(picture)]);
  CHECK(std::ranges::count(shown, Bytes{}) == 1'201 - 6);
  check_indices(recorded.file.bytes);
}

TEST_CASE("uneven times cost an AVI file nothing", "[avi_writer]") {
  AviWriter writer(25);
  std::vector<Duration> times = at_rate(25, 200);
  for (std::size_t i = 1; i < times.size(); ++i) times[i] += milliseconds((i * 7) % 31) - milliseconds(15);
  CHECK(play(record(writer, times).file.bytes).size() == 200);
}

TEST_CASE("what an AVI file's head does not say of it is for another file", "[avi_writer]") {
  AviWriter writer(10);
  const Bytes bytes = test::picture_bytes(1, 10);
  (void)writer.add({bytes, {}, 640, 360});
  CHECK(writer.fits({bytes, std::chrono::minutes(59), 640, 360}));
  CHECK_FALSE(writer.fits({bytes, milliseconds(100), 640, 480}));
  CHECK_FALSE(writer.fits({bytes, std::chrono::hours(2), 640, 360}));

  Duration time{};
  int pictures = 0;
  for (; writer.fits({bytes, time += milliseconds(50), 640, 360}); ++pictures)
    (void)writer.add({bytes, time, 640, 360});
  CHECK(pictures < 30);  // at twice the rate

  AviWriter slightly(30);
  for (const Duration at : at_rate(30.5, 3'000)) {
    REQUIRE(slightly.fits({bytes, at, 640, 360}));
    (void)slightly.add({bytes, at, 640, 360});
  }
}

}  // namespace
}  // namespace ott
