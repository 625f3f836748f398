// A million broken messages of each type, and what the parsers make of them: nothing, or a message that is
// written again as the very bytes that were read.
#include "mutation.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <utility>

#include "random_messages.h"

namespace ott {
namespace {

using test::Bytes;
using test::Random;

constexpr unsigned kRounds = 1'000'000 / test::kMutationScale;
constexpr unsigned kSeeds = 64;

/// True if `body` is no message, or one that is written as it was read.
template <class T>
bool stable(ByteSpan body, Bytes& again, unsigned& decoded) {
  const auto message = decode<T>(body);
  if (!message) return true;
  ++decoded;
  again.clear();
  Writer out(again);
  write(out, *message);
  // Bytes behind the known fields belong to later versions.
  return again.size() <= body.size() && std::ranges::equal(again, body.first(again.size()));
}

bool stable_as_framed(const Bytes& bytes, Bytes& again, unsigned& decoded) {
  const Framed framed = next_message(bytes, kBodyBytesMax);
  if (framed.kind == Framed::Kind::Malformed) return framed.complaint != nullptr;
  if (framed.kind == Framed::Kind::Incomplete) return bytes.size() < kHeaderBytes || framed.has_header;
  if (framed.header.total() > bytes.size()) return false;
  const ByteSpan body = ByteSpan(bytes).subspan(kHeaderBytes, framed.header.length);
  bool good = true;
  test::for_each_message([&]<class T>(const T&) {
    if (T::kType == framed.header.type) good = stable<T>(body, again, decoded);
  });
  return good;
}

TEST_CASE("broken messages are refused, or come out as they went in") {
  test::for_each_message([]<class T>(const T&) {
    Random random(static_cast<unsigned>(T::kType));
    std::array<Bytes, kSeeds> seeds;
    for (Bytes& seed : seeds) encode(seed, test::any_message<T>(random));
    Bytes bytes;
    Bytes again;
    unsigned decoded = 0;
    for (unsigned round = 0; round < kRounds; ++round) {
      bytes = seeds[random.below(kSeeds)];
      test::mutate(bytes, random);
      // With the header that it has now, and as if that had stayed what it was.
      const bool good =
          stable_as_framed(bytes, again, decoded) &&
          (bytes.size() < kHeaderBytes || stable<T>(ByteSpan(bytes).subspan(kHeaderBytes), again, decoded));
      if (good) continue;
      CAPTURE(static_cast<int>(T::kType), round, bytes);
      FAIL("it is not what it was");
    }
    CHECK(decoded > kRounds / 100);  // or this tested little
  });
}

TEST_CASE("broken records are refused, or hold nothing but what is there") {
  Random random(99);
  std::array<Bytes, kSeeds> seeds;
  for (unsigned i = 0; i < kSeeds; ++i) {
    const std::uint64_t frame = 1 + test::any_u64(random) / 2;
    seeds[i] = test::record_bytes(Label{test::any_u64(random)}, frame, i % 2 == 0 ? 0 : std::uint8_t{3},
                                  frame + random.below(100), static_cast<std::uint16_t>(i),
                                  i % 4 == 0 ? 0 : 12 + random.below(200));
  }
  Bytes bytes;
  Bytes again(kRecordHeaderBytes);
  unsigned parsed = 0;
  for (unsigned round = 0; round < 2 * kRounds; ++round) {
    bytes = seeds[random.below(kSeeds)];
    test::mutate(bytes, random);
    const Framed framed = next_message(bytes, kBodyBytesMax);
    if (framed.kind != Framed::Kind::Whole || !is_record(framed.header.type)) continue;
    const auto record = parse_record(framed.header, bytes);
    if (!record) continue;
    ++parsed;
    store_record_header(again.data(), record->header, record->label, record->frame, record->time_or_last);
    const bool good = std::equal(again.begin(), again.end(), bytes.begin()) &&
                      record->rtp.size() == framed.header.total() - kRecordHeaderBytes &&
                      record->rtp.size() <= bytes.size() - kRecordHeaderBytes &&
                      (record->is_skip() || record->rtp.size() >= kRtpBytesMin);
    if (good) continue;
    CAPTURE(round, bytes);
    FAIL("it is not what it was");
  }
  CHECK(parsed > kRounds / 10);
}

}  // namespace
}  // namespace ott
