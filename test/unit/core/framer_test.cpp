#include "ott/framer.h"

#include <catch2/catch.hpp>

#include "random_messages.h"

namespace ott {
namespace {

using test::Bytes;
using test::record_bytes;
using Kind = Framed::Kind;

Bytes header_bytes(MessageType type, std::uint8_t flags, std::uint8_t hops, std::uint32_t length) {
  Bytes bytes(kHeaderBytes);
  store_header(bytes.data(), {type, flags, hops, length});
  return bytes;
}

TEST_CASE("a header is version, type, flags, hops and length") {
  CHECK(header_bytes(MessageType::Data, 3, 9, 0x0001'0203) == Bytes{2, 6, 3, 9, 0, 1, 2, 3});
}

TEST_CASE("a message is incomplete until its last byte is there") {
  Bytes bytes = header_bytes(MessageType::Heartbeat, 0, 0, 9);
  bytes.resize(kHeaderBytes + 9);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const Framed framed = next_message(ByteSpan(bytes).first(size), kBodyBytesMax);
    CAPTURE(size);
    CHECK(framed.kind == Kind::Incomplete);
    CHECK(framed.has_header == (size >= kHeaderBytes));
    if (framed.has_header) CHECK(framed.header.total() == bytes.size());
  }
  const Framed framed = next_message(bytes, kBodyBytesMax);
  CHECK(framed.kind == Kind::Whole);
  CHECK(framed.header.type == MessageType::Heartbeat);
  bytes.push_back(0xFF);  // another's beginning
  CHECK(next_message(bytes, kBodyBytesMax).kind == Kind::Whole);
}

TEST_CASE("a wrong version or type shows as soon as it is there") {
  for (unsigned value = 0; value < 256; ++value) {
    const auto byte = static_cast<std::uint8_t>(value);
    CAPTURE(value);
    CHECK((next_message(Bytes{byte}, kBodyBytesMax).kind == Kind::Malformed) == (value != 2));
    const bool type = (value >= 1 && value <= kMessageTypeLast) || value >= kMessageTypeOptional;
    CHECK((next_message(Bytes{2, byte}, kBodyBytesMax).kind == Kind::Malformed) == !type);
  }
  CHECK(next_message(Bytes{'G', 'E', 'T'}, kBodyBytesMax).complaint != nullptr);
}

TEST_CASE("a message of an unknown optional type is whole, whatever its flags, up to the bound") {
  Bytes bytes = header_bytes(MessageType{kMessageTypeOptional}, 9, 1, 5);
  bytes.resize(kHeaderBytes + 5);
  CHECK(next_message(bytes, kBodyBytesMax).kind == Kind::Whole);
  CHECK(next_message(bytes, 4).kind == Kind::Malformed);
}

TEST_CASE("only records have flags and hops") {
  for (std::uint8_t type = 1; type <= kMessageTypeLast; ++type) {
    CAPTURE(static_cast<int>(type));
    const bool record = is_record(MessageType{type});
    CHECK(record == (type == 6 || type == 10));
    const auto kind = [type](std::uint8_t flags, std::uint8_t hops) {
      return next_message(header_bytes(MessageType{type}, flags, hops, 30), kBodyBytesMax).kind;
    };
    CHECK(kind(0, 0) == Kind::Incomplete);
    CHECK((kind(1, 0) == Kind::Malformed) == !record);
    CHECK((kind(0, 1) == Kind::Malformed) == !record);
  }
}

TEST_CASE("a length above the bound is malformed before any of it is there") {
  const auto kind = [](MessageType type, std::uint32_t length, std::uint32_t bound) {
    return next_message(header_bytes(type, 0, 0, length), bound).kind;
  };
  CHECK(kind(MessageType::Ack, kBodyBytesMaxUnauthenticated, kBodyBytesMaxUnauthenticated) ==
        Kind::Incomplete);
  CHECK(kind(MessageType::Ack, kBodyBytesMaxUnauthenticated + 1, kBodyBytesMaxUnauthenticated) ==
        Kind::Malformed);
  CHECK(kind(MessageType::Links, kBodyBytesMax, kBodyBytesMax) == Kind::Incomplete);
  CHECK(kind(MessageType::Links, kBodyBytesMax + 1, kBodyBytesMax) == Kind::Malformed);
  CHECK(kind(MessageType::Links, 0xFFFF'FFFF, kBodyBytesMax) == Kind::Malformed);
  constexpr std::uint32_t kRecordBodyMax = 24 + 16'384;
  CHECK(kind(MessageType::Data, kRecordBodyMax, kBodyBytesMax) == Kind::Incomplete);
  CHECK(kind(MessageType::Data, kRecordBodyMax + 1, kBodyBytesMax) == Kind::Malformed);
  CHECK(kind(MessageType::Skip, kRecordBodyMax + 1, kBodyBytesMax) == Kind::Malformed);
}

TEST_CASE("a run of messages comes apart where it was put together") {
  test::Random random(7);
  Bytes run;
  std::vector<std::size_t> sizes;
  for (int i = 0; i < 300; ++i) {
    const std::size_t before = run.size();
    test::for_each_message([&]<class T>(const T&) {
      if (random.below(13) == 0) encode(run, test::any_message<T>(random));
    });
    if (run.size() == before) {
      const Bytes record = record_bytes(Label{random.below(9)}, 1 + random.below(9), 1, 0,
                                        static_cast<std::uint16_t>(i), 12 + random.below(2000));
      run.insert(run.end(), record.begin(), record.end());
    }
    sizes.push_back(run.size() - before);
  }
  // Several messages may have come at one step; so it is the sum that must agree there.
  ByteSpan rest(run);
  for (const std::size_t size : sizes) {
    std::size_t taken = 0;
    while (taken < size) {
      const Framed framed = next_message(rest, kBodyBytesMax);
      REQUIRE(framed.kind == Kind::Whole);
      taken += framed.header.total();
      rest = rest.subspan(framed.header.total());
    }
    REQUIRE(taken == size);
  }
  CHECK(rest.empty());
}

std::optional<Record> parsed(const Bytes& bytes) {
  const Framed framed = next_message(bytes, kBodyBytesMax);
  REQUIRE(framed.kind == Kind::Whole);
  return parse_record(framed.header, bytes);
}

TEST_CASE("a DATA record is its label, frame, time and RTP packet") {
  const Bytes bytes = record_bytes(Label{0x0102'0304'0506'0708}, 77, kFirstOfFrame, 123'456, 0xBEEF, 100);
  const auto record = parsed(bytes);
  REQUIRE(record);
  CHECK_FALSE(record->is_skip());
  CHECK(record->label == Label{0x0102'0304'0506'0708});
  CHECK(record->frame == FrameNumber{77});
  CHECK((record->first() && !record->last()));
  CHECK(record->source_time_ns() == 123'456);
  CHECK(record->rtp_sequence() == 0xBEEF);
  CHECK(record->rtp.size() == 100);
  CHECK(record->rtp.data() == bytes.data() + kRecordHeaderBytes);  // in place
}

TEST_CASE("a record's numbers have their ranges") {
  CHECK(parsed(record_bytes(Label{1}, kFrameNumberMax, 3, 0, 0, 20)));
  CHECK_FALSE(parsed(record_bytes(Label{1}, kFrameNumberMax + 1, 3, 0, 0, 20)));
  CHECK(parsed(record_bytes(Label{1}, 1, 3, kSourceTimeMax, 0, 20)));
  CHECK_FALSE(parsed(record_bytes(Label{1}, 1, 3, kSourceTimeMax + 1, 0, 20)));
  CHECK(parsed(record_bytes(Label{1}, 7, 0, 6 + kSkipFramesMax, 0, 0)));
  CHECK_FALSE(parsed(record_bytes(Label{1}, 7, 0, 7 + kSkipFramesMax, 0, 0)));
}

TEST_CASE("a record with the wrong lengths, numbers or flags is none") {
  CHECK(parsed(record_bytes(Label{1}, 1, 0, 0, 0, kRtpBytesMin)));
  CHECK_FALSE(parsed(record_bytes(Label{1}, 1, 0, 0, 0, kRtpBytesMin - 1)));
  CHECK(parsed(record_bytes(Label{1}, 1, 3, 0, 0, kRtpBytesMax)));
  CHECK_FALSE(parsed(record_bytes(Label{1}, 0, 3, 0, 0, 20)));  // no frame is number 0
  for (unsigned flags = 0; flags < 256; ++flags) {
    const auto byte = static_cast<std::uint8_t>(flags);
    CHECK(parsed(record_bytes(Label{1}, 1, byte, 0, 0, 20)).has_value() == (flags <= 7));
    CHECK(parsed(record_bytes(Label{1}, 1, byte, 1, 0, 0)).has_value() == (flags == 0));
  }
  for (std::uint32_t length = 0; length < kRecordHeaderBytes - kHeaderBytes; ++length) {
    Bytes bytes = header_bytes(MessageType::Data, 3, 0, length);
    bytes.resize(kHeaderBytes + length, 1);
    CHECK_FALSE(parsed(bytes));
  }
}

TEST_CASE("a frame number is at most kFrameNumberMax") {
  CHECK(parsed(record_bytes(Label{1}, kFrameNumberMax, 3, 0, 0, 20)));
  CHECK_FALSE(parsed(record_bytes(Label{1}, kFrameNumberMax + 1, 3, 0, 0, 20)));
  CHECK_FALSE(parsed(record_bytes(Label{1}, ~std::uint64_t{0}, 3, 0, 0, 20)));
  CHECK(parsed(record_bytes(Label{1}, kFrameNumberMax, 0, kFrameNumberMax, 0, 0)));
  CHECK_FALSE(parsed(record_bytes(Label{1}, kFrameNumberMax, 0, kFrameNumberMax + 1, 0, 0)));
}

TEST_CASE("a SKIP names at most kSkipFramesMax frames") {
  CHECK(parsed(record_bytes(Label{1}, 5, 0, 4 + kSkipFramesMax, 0, 0)));
  CHECK_FALSE(parsed(record_bytes(Label{1}, 5, 0, 5 + kSkipFramesMax, 0, 0)));
  CHECK_FALSE(parsed(record_bytes(Label{1}, 1, 0, ~std::uint64_t{0}, 0, 0)));
}

TEST_CASE("a SKIP names one frame or more, and holds nothing else") {
  const auto skip = parsed(record_bytes(Label{1}, 5, 0, 9, 0, 0));
  REQUIRE(skip);
  CHECK(skip->is_skip());
  CHECK(skip->frame == FrameNumber{5});
  CHECK(skip->last_skipped() == FrameNumber{9});
  CHECK(parsed(record_bytes(Label{1}, 5, 0, 5, 0, 0)));
  CHECK_FALSE(parsed(record_bytes(Label{1}, 5, 0, 4, 0, 0)));
  CHECK_FALSE(parsed(record_bytes(Label{1}, 0, 0, 4, 0, 0)));
  Bytes longer = record_bytes(Label{1}, 5, 0, 9, 0, 20);
  longer[1] = static_cast<std::uint8_t>(MessageType::Skip);
  CHECK_FALSE(parsed(longer));
}

TEST_CASE("hops are counted in place, and stay at 255") {
  Bytes bytes = record_bytes(Label{1}, 5, 3, 9, 0, 20);
  for (unsigned hop = 1; hop <= 300; ++hop) {
    increment_hops(bytes.data());
    REQUIRE(parsed(bytes)->header.hops == std::min(hop, 255U));
  }
}

}  // namespace
}  // namespace ott
