#include "media/matroska_writer.h"

#include <bit>
#include <catch2/catch.hpp>
#include <map>
#include <optional>

#include "edited_file.h"
#include "ott/bytes.h"

namespace ott {
namespace {

using std::chrono::milliseconds;
using Bytes = std::vector<std::uint8_t>;

constexpr std::uint32_t kSegment = 0x18538067, kCluster = 0x1F43B675, kCues = 0x1C53BB6B, kInfo = 0x1549A966;
constexpr std::uint32_t kTracks = 0x1654AE6B, kSeekHead = 0x114D9B74;

struct Element {
  std::uint32_t id = 0;
  std::uint64_t offset = 0;  // of its id, in the file
  std::uint64_t size_at = 0;
  std::optional<std::uint64_t> size;  // of its body; nullopt: unknown
  std::uint64_t body = 0;
};

/// Reads EBML as RFC 8794 says, and fails the test where it is none.
class Ebml {
 public:
  explicit Ebml(const Bytes& file) : file_(file) {}

  [[nodiscard]] Element element(std::uint64_t at) const {
    Element element;
    element.offset = at;
    const unsigned id_bytes = static_cast<unsigned>(std::countl_zero(file_.at(at))) + 1;
    REQUIRE(id_bytes <= 4);
    for (unsigned i = 0; i < id_bytes; ++i) element.id = (element.id << 8U) | file_.at(at + i);
    element.size_at = at + id_bytes;
    element.size = vint(element.size_at, element.body);
    return element;
  }
  /// The elements in [from, to); of one whose size is not known, all that follows.
  [[nodiscard]] std::vector<Element> elements(std::uint64_t from, std::uint64_t to) const {
    std::vector<Element> found;
    while (from < to) {
      found.push_back(element(from));
      from = found.back().size ? found.back().body + *found.back().size : to;
    }
    REQUIRE(from == to);
    return found;
  }
  [[nodiscard]] std::vector<Element> inside(const Element& parent) const {
    return elements(parent.body, parent.size ? parent.body + *parent.size : file_.size());
  }
  [[nodiscard]] Element child(const Element& parent, std::uint32_t id) const {
    for (const Element& element : inside(parent)) {
      if (element.id == id) return element;
    }
    FAIL("no element " << id);
    return {};
  }
  [[nodiscard]] std::uint64_t number(const Element& element) const {
    std::uint64_t value = 0;
    for (std::uint64_t i = 0; i < *element.size; ++i) value = (value << 8U) | file_.at(element.body + i);
    return value;
  }

 private:
  std::optional<std::uint64_t> vint(std::uint64_t at, std::uint64_t& end) const {
    const unsigned bytes = static_cast<unsigned>(std::countl_zero(file_.at(at))) + 1;
    std::uint64_t value = file_.at(at) & (0xFFU >> bytes);
    for (unsigned i = 1; i < bytes; ++i) value = (value << 8U) | file_.at(at + i);
    end = at + bytes;
    if (value == (std::uint64_t{1} << (7 * bytes)) - 1) return std::nullopt;
    return value;
  }

  const Bytes& file_;
};

struct Block {
  std::int64_t time_ms;
  Bytes picture;
  bool operator==(const Block&) const = default;
};

/// What a player finds from the start of the file on.
std::vector<Block> play(const Bytes& file) {
  const Ebml ebml(file);
  std::vector<Block> blocks;
  const Element segment = ebml.elements(0, file.size())[1];
  REQUIRE(segment.id == kSegment);
  for (const Element& cluster : ebml.inside(segment)) {
    if (cluster.id != kCluster) continue;
    std::int64_t cluster_ms = -1;
    for (const Element& element : ebml.inside(cluster)) {
      if (element.id == 0xE7) cluster_ms = static_cast<std::int64_t>(ebml.number(element));
      if (element.id != 0xA3) continue;
      REQUIRE(cluster_ms >= 0);
      REQUIRE(file[element.body] == 0x81);
      REQUIRE(file[element.body + 3] == 0x80);
      const auto begin = file.begin() + static_cast<std::ptrdiff_t>(element.body);
      blocks.push_back(
          {cluster_ms + static_cast<std::int16_t>(load_be<std::uint16_t>(&file[element.body + 1])),
           Bytes(begin + 4, begin + static_cast<std::ptrdiff_t>(*element.size))});
    }
  }
  return blocks;
}

double duration_ms(const Bytes& file) {
  const Ebml ebml(file);
  const Element info = ebml.child(ebml.elements(0, file.size())[1], kInfo);
  return std::bit_cast<double>(ebml.number(ebml.child(info, 0x4489)));
}

CodecConfig video_config(unsigned width, unsigned height) {
  CodecConfig config;
  config.width = width;
  config.height = height;
  return config;
}

/// One track, of JPEG.
std::vector<RecordedTrack> pictures() { return {{MediaFormat{}, video_config(640, 360)}}; }

/// One track, of text.
std::vector<RecordedTrack> text() {
  return {{{.media = MediaKind::Text, .encoding = "t140", .clock_rate = 1'000, .payload_type = 98}, {}}};
}

struct Recorded {
  test::EditedFile file;
  std::vector<Block> blocks;
};

/// Checks after each picture that the file holds all that were added.
Recorded record(MatroskaWriter& writer, const std::vector<milliseconds>& times) {
  Recorded recorded;
  for (std::size_t i = 0; i < times.size(); ++i) {
    const Bytes bytes = test::picture_bytes(i, 100 + 50 * i);
    recorded.blocks.push_back({times[i].count(), bytes});
    recorded.file.perform(writer.add({.bytes = bytes, .time = times[i]}));
    REQUIRE(play(recorded.file.bytes) == recorded.blocks);
  }
  return recorded;
}

std::vector<milliseconds> each(milliseconds interval, int count) {
  std::vector<milliseconds> times;
  for (int i = 0; i < count; ++i) times.push_back(interval * i);
  return times;
}

TEST_CASE("a Matroska file is whole after each picture, and says how long it is", "[matroska_writer]") {
  MatroskaWriter writer({}, pictures());
  Recorded recorded = record(writer, each(milliseconds(40), 120));
  CHECK(duration_ms(recorded.file.bytes) == 120 * 40);
  recorded.file.perform(writer.finish());
  CHECK(play(recorded.file.bytes) == recorded.blocks);
  CHECK(duration_ms(recorded.file.bytes) == 120 * 40);
}

TEST_CASE("a pause in a Matroska file counts once", "[matroska_writer]") {
  MatroskaWriter writer({}, pictures());
  std::vector<milliseconds> times = each(milliseconds(40), 20);
  for (int i = 0; i < 5; ++i) times.emplace_back(5000 + 40 * i);
  CHECK(duration_ms(record(writer, times).file.bytes) == 5000 + 5 * 40);
}

TEST_CASE("a Matroska file ends with its longest text, not with the pause before its last one",
          "[matroska_writer]") {
  MatroskaWriter writer({}, text());
  test::EditedFile file;
  for (const auto& [time, shown_for] : {std::pair{1000, 9000}, {8000, 500}}) {
    const Bytes bytes = test::picture_bytes(0, 20);
    file.perform(
        writer.add({.bytes = bytes, .time = milliseconds(time), .shown_for = milliseconds(shown_for)}));
  }
  CHECK(duration_ms(file.bytes) == 10000);
}

TEST_CASE("a finished Matroska file has no unknown size, and its seeks and cues lead where they say",
          "[matroska_writer]") {
  MatroskaWriter writer({}, pictures());
  test::EditedFile file = record(writer, each(milliseconds(100), 50)).file;
  file.perform(writer.finish());
  const Ebml ebml(file.bytes);
  const auto top = ebml.elements(0, file.bytes.size());
  REQUIRE(top.size() == 2);
  const Element segment = top[1];
  REQUIRE(segment.size);
  std::map<std::uint64_t, std::int64_t> clusters;  // position to time
  for (const Element& element : ebml.inside(segment)) {
    CHECK(element.size);
    if (element.id == kCluster) {
      const auto time = static_cast<std::int64_t>(ebml.number(ebml.child(element, 0xE7)));
      clusters[element.offset - segment.body] = time;
    }
  }
  CHECK(clusters.size() == 3);  // of two seconds

  std::vector<std::uint32_t> sought;
  for (const Element& seek : ebml.inside(ebml.child(segment, kSeekHead))) {
    const auto id = static_cast<std::uint32_t>(ebml.number(ebml.child(seek, 0x53AB)));
    const std::uint64_t position = ebml.number(ebml.child(seek, 0x53AC));
    CHECK(ebml.element(segment.body + position).id == id);
    sought.push_back(id);
  }
  CHECK(sought == std::vector<std::uint32_t>{kInfo, kTracks, kCues});

  std::map<std::uint64_t, std::int64_t> cues;
  for (const Element& point : ebml.inside(ebml.child(segment, kCues))) {
    const std::uint64_t position = ebml.number(ebml.child(ebml.child(point, 0xB7), 0xF1));
    cues[position] = static_cast<std::int64_t>(ebml.number(ebml.child(point, 0xB3)));
  }
  CHECK(cues == clusters);
}

TEST_CASE("pictures keep their times in Matroska, however uneven these are", "[matroska_writer]") {
  MatroskaWriter writer({}, pictures());
  const std::vector<milliseconds> times = {
      milliseconds(0),       milliseconds(7),       milliseconds(1'999),   milliseconds(40'000),
      milliseconds(100'000), milliseconds(100'001), std::chrono::hours(30)};
  Recorded recorded = record(writer, times);
  recorded.file.perform(writer.finish());
  CHECK(play(recorded.file.bytes) == recorded.blocks);
}

TEST_CASE("two pictures of one millisecond are a millisecond apart", "[matroska_writer]") {
  MatroskaWriter writer({}, pictures());
  test::EditedFile file;
  const Bytes bytes = test::picture_bytes(1, 10);
  for (const int us : {0, 200, 400})
    file.perform(writer.add({.bytes = bytes, .time = std::chrono::microseconds(us)}));
  CHECK(play(file.bytes) == std::vector<Block>{{0, bytes}, {1, bytes}, {2, bytes}});
}

}  // namespace
}  // namespace ott
