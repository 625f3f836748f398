// The seeds of the fuzzers are streams that ffmpeg has encoded, as Matroska and as RTP: both have the same
// samples.
#include <fstream>
#include <iterator>

#include "media/matroska_reader.h"
#include "sample_helpers.h"

namespace ott {
namespace {

using test::Bytes;

Bytes seed(const std::string& path) {
  std::ifstream file("test/fuzz/corpus/" + path, std::ios::binary);
  INFO(path);
  REQUIRE(file);
  return Bytes(std::istreambuf_iterator<char>(file), {});
}

/// The frames of a seed for the depacketizer (see test/fuzz/depacketizer.cpp).
std::vector<Frame> frames_in(const Bytes& seed_bytes) {
  std::vector<Frame> frames(1);
  ByteSpan rest = ByteSpan(seed_bytes).subspan(2);
  while (rest.size() >= 2) {
    const bool ends = (rest[0] & 0x80U) != 0;
    const std::size_t bytes = (rest[0] & 0x7FU) << 8U | rest[1];
    REQUIRE(bytes <= rest.size() - 2);
    Frame& frame = frames.back();
    frame.bytes.insert(frame.bytes.end(), rest.begin() + 2,
                       rest.begin() + 2 + static_cast<std::ptrdiff_t>(bytes));
    frame.packet_ends.push_back(static_cast<std::uint32_t>(frame.bytes.size()));
    rest = rest.subspan(2 + bytes);
    if (ends) frames.emplace_back();
  }
  frames.pop_back();
  return frames;
}

TEST_CASE("Packets of real senders have the samples that ffmpeg's Matroska has, and the same configuration") {
  const std::string name =
      GENERATE(std::string("h264"), std::string("h265"), std::string("vp8"), std::string("vp9"),
               std::string("av1"), std::string("opus"), std::string("aac"));
  INFO(name);
  const Bytes stream = seed("matroska_reader/" + name);
  MatroskaReader reader;
  REQUIRE(reader.push(ByteSpan(stream).subspan(1)));
  REQUIRE(reader.tracks().size() == 1);
  std::vector<Bytes> expected;
  while (const auto unit = reader.next()) expected.emplace_back(unit->bytes.begin(), unit->bytes.end());

  const MediaTrack& track = reader.tracks()[0];
  const auto depacketizer = make_depacketizer(track.format);
  std::vector<Bytes> samples;
  for (const Frame& frame : frames_in(seed("depacketizer/" + name))) {
    const auto taken = depacketizer->take(frame);
    REQUIRE(taken);
    for (const MediaSample& sample : *taken) samples.push_back(test::bytes_of(sample));
  }
  REQUIRE(samples.size() >= 3);
  expected.resize(std::min(expected.size(), samples.size()));
  CHECK(samples == expected);
  REQUIRE(depacketizer->config() != nullptr);
  CHECK(*depacketizer->config() == track.config);
}

}  // namespace
}  // namespace ott
