#include "ott/rtp_jpeg.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <cstring>
#include <numeric>
#include <string>
#include <vector>

#include "jpeg_helpers.h"

namespace ott {
namespace {

using test::JpegOptions;
using Bytes = std::vector<std::uint8_t>;

std::vector<Bytes> packetize(ByteSpan jpeg, std::size_t packet_bytes_max, RtpFields fields = {}) {
  const auto image = parse_jpeg(jpeg);
  REQUIRE(image);
  CAPTURE(to_string(image->obstacle));
  REQUIRE(image->carriable());
  RtpJpegPacketizer packetizer(*image, packet_bytes_max);
  const std::size_t count = packetizer.packet_count();
  const std::size_t bytes = packetizer.bytes();
  std::vector<Bytes> packets;
  while (!packetizer.done()) {
    Bytes packet(packetizer.next_bytes());
    REQUIRE(packet.size() <= packet_bytes_max);
    REQUIRE(packetizer.next(packet, fields) == packet.size());
    ++fields.sequence;
    packets.push_back(std::move(packet));
  }
  CHECK(packetizer.next_bytes() == 0);
  CHECK(packets.size() == count);
  CHECK(bytes == std::accumulate(packets.begin(), packets.end(), std::size_t{0},
                                 [](std::size_t sum, const Bytes& packet) { return sum + packet.size(); }));
  return packets;
}

/// The frame that the last packet completes; every other packet must be silent.
Bytes depacketize(RtpJpegDepacketizer& depacketizer, const std::vector<Bytes>& packets) {
  for (std::size_t i = 0; i < packets.size(); ++i) {
    const auto pushed = depacketizer.push(packets[i]);
    if (!pushed) FAIL(pushed.error().message);
    REQUIRE(pushed->has_value() == (i + 1 == packets.size()));
    if (*pushed) return {(*pushed)->begin(), (*pushed)->end()};
  }
  return {};
}

Bytes depacketize(const std::vector<Bytes>& packets) {
  RtpJpegDepacketizer depacketizer;
  return depacketize(depacketizer, packets);
}

std::string error_of(const Result<std::optional<ByteSpan>>& pushed) {
  return pushed ? "no error" : pushed.error().message;
}

JpegObstacle obstacle_of(const JpegOptions& options) {
  const auto image = parse_jpeg(test::make_jpeg(options));
  REQUIRE(image);
  CHECK(image->width == options.width);
  CHECK(image->height == options.height);
  return image->obstacle;
}

/// The main header of a packet without extension: type, Q, width, height at its bytes 4 to 7.
ByteSpan main_header(const Bytes& packet) { return parse_rtp(packet)->payload.first(8); }

TEST_CASE("every frame arrives with its exact size and pixels", "[rtp_jpeg]") {
  const auto [width, height] = GENERATE(table<unsigned, unsigned>({{320, 240},
                                                                   {8, 8},
                                                                   {1, 1},
                                                                   {17, 33},
                                                                   {33, 17},
                                                                   {2040, 24},
                                                                   {2041, 16},
                                                                   {2048, 64},
                                                                   {4100, 16},
                                                                   {24, 2500},
                                                                   {9000, 9}}));
  const int luma_v = GENERATE(1, 2);
  const unsigned restart_interval = GENERATE(0U, 1U, 7U);
  const std::size_t packet_bytes_max = GENERATE(std::size_t{1'200}, std::size_t{16'384});
  CAPTURE(width, height, luma_v, restart_interval, packet_bytes_max);
  JpegOptions options{.width = width, .height = height, .luma_v = luma_v};
  options.restart_interval = restart_interval;
  const Bytes jpeg = test::make_jpeg(options);

  const Bytes arrived = depacketize(packetize(jpeg, packet_bytes_max));

  CHECK(test::decode(arrived) == test::decode(jpeg));
  const auto image = parse_jpeg(arrived);
  REQUIRE(image);
  CHECK(image->bytes == arrived.size());
  CHECK(image->type == (luma_v == 2 ? 1 : 0) + (restart_interval != 0 ? 64 : 0));
  CHECK(image->restart_interval == restart_interval);
}

TEST_CASE("quantisation tables arrive whatever they are", "[rtp_jpeg]") {
  JpegOptions options;
  SECTION("of a Q that RFC 2435 defines: they need not be sent") {
    options.quality = GENERATE(1, 2, 25, 49, 50, 51, 75, 80, 98, 99);
    const Bytes jpeg = test::make_jpeg(options);
    const auto packets = packetize(jpeg, 16'384);
    CHECK(main_header(packets[0])[5] == options.quality);
    CHECK(test::decode(depacketize(packets)) == test::decode(jpeg));
  }
  SECTION("any other: in-band at Q 255") {
    SECTION("quality 100") { options.quality = 100; }
    SECTION("one table for all") { options.same_tables = true; }
    SECTION("16-bit tables") { options.wide_tables = true; }
    const Bytes jpeg = test::make_jpeg(options);
    const auto packets = packetize(jpeg, 1'200);
    CHECK(main_header(packets[0])[5] == 255);
    const Bytes arrived = depacketize(packets);
    CHECK(test::decode(arrived) == test::decode(jpeg));
    CHECK(parse_jpeg(arrived)->quant_tables[0].size() == (options.wide_tables ? 128 : 64));
  }
}

TEST_CASE("packets are laid out as RFC 2435 draws them", "[rtp_jpeg]") {
  JpegOptions options{.width = 640, .height = 480, .quality = 100};
  options.restart_interval = 40;
  const auto packets = packetize(test::make_jpeg(options), 1'400, {0xFFFF, 1234, 99});
  REQUIRE(packets.size() > 2);
  std::size_t offset = 0;
  for (std::size_t i = 0; i < packets.size(); ++i) {
    const auto packet = parse_rtp(packets[i]);
    REQUIRE(packet);
    CHECK(packet->header.marker == (i + 1 == packets.size()));
    CHECK(packet->header.payload_type == 26);
    CHECK(packet->header.sequence == static_cast<std::uint16_t>(0xFFFF + i));
    CHECK(packet->header.timestamp == 1234);
    CHECK(packet->header.ssrc == 99);
    CHECK_FALSE(packet->header.extension);
    const ByteSpan body = packet->payload;
    CHECK((body[1] << 16 | body[2] << 8 | body[3]) == static_cast<int>(offset));
    CHECK(body[4] == 65);
    CHECK(body[5] == 255);
    CHECK(body[6] == 640 / 8);
    CHECK(body[7] == 480 / 8);
    CHECK((body[8] << 8 | body[9]) == 40);
    CHECK((body[10] << 8 | body[11]) == 0xFFFF);
    std::size_t headers = 12;
    if (i == 0) {
      CHECK((body[14] << 8 | body[15]) == 128);
      headers += 4 + 128;
    }
    offset += body.size() - headers;
  }
}

TEST_CASE("a size the header cannot say travels in the extension and in the header as far as it can",
          "[rtp_jpeg]") {
  const auto packets = packetize(test::make_jpeg({.width = 17, .height = 2500, .quality = 100}), 1'200);
  const auto first = parse_rtp(packets[0]);
  REQUIRE(first->header.extension);
  CHECK(first->header.extension->profile == 0xFFD8);
  const ByteSpan extension = first->header.extension->data;
  const Bytes sof0 = {0xFF, 0xC0, 0, 17, 8,    2500 >> 8, 2500 & 255, 0,    17, 3,
                      1,    0x22, 0, 2,  0x11, 1,         3,          0x11, 1,  0xFF};
  CHECK(Bytes(extension.begin(), extension.end()) == sof0);
  CHECK(main_header(packets[0])[6] == 3);
  CHECK(main_header(packets[0])[7] == 0);
  REQUIRE(packets.size() > 1);
  CHECK_FALSE(parse_rtp(packets[1])->header.extension);
}

TEST_CASE("what RFC 2435 cannot carry is told apart", "[rtp_jpeg]") {
  using Colour = JpegOptions::Colour;
  CHECK(obstacle_of({}) == JpegObstacle::None);
  CHECK(obstacle_of({.progressive = true}) == JpegObstacle::Progressive);
  CHECK(obstacle_of({.arithmetic = true}) == JpegObstacle::Arithmetic);
  CHECK(obstacle_of({.colour = Colour::Grey}) == JpegObstacle::Grey);
  CHECK(obstacle_of({.colour = Colour::Rgb}) == JpegObstacle::ColourSpace);
  CHECK(obstacle_of({.colour = Colour::Cmyk}) == JpegObstacle::ColourSpace);
  CHECK(obstacle_of({.luma_h = 1, .luma_v = 1}) == JpegObstacle::Sampling);
  CHECK(obstacle_of({.luma_h = 4, .luma_v = 1}) == JpegObstacle::Sampling);
  CHECK(obstacle_of({.chroma_v = 2}) == JpegObstacle::Sampling);
  CHECK(obstacle_of({.optimised = true}) == JpegObstacle::HuffmanTables);
  CHECK(obstacle_of({.three_tables = true}) == JpegObstacle::QuantTables);
  CHECK(obstacle_of({.separate_scans = true}) == JpegObstacle::MultipleScans);

  Bytes twelve_bits = test::make_jpeg({});
  const Bytes sof0 = {0xFF, 0xC0, 0, 17, 8};
  *(std::search(twelve_bits.begin(), twelve_bits.end(), sof0.begin(), sof0.end()) + 4) = 12;
  CHECK(parse_jpeg(twelve_bits)->obstacle == JpegObstacle::Precision);
}

TEST_CASE("a JPEG without Huffman tables has the standard ones", "[rtp_jpeg]") {
  const Bytes jpeg = test::make_jpeg({.width = 100, .height = 75});
  Bytes bare;
  for (std::size_t at = 0; at < jpeg.size();) {
    const bool table = jpeg[at] == 0xFF && jpeg[at + 1] == 0xC4;
    const std::size_t length = at == 0 ? 2 : 2 + std::size_t{jpeg[at + 2]} * 256 + jpeg[at + 3];
    const bool scan = at != 0 && jpeg[at + 1] == 0xDA;
    const auto from = jpeg.begin() + static_cast<std::ptrdiff_t>(at);
    if (!table) bare.insert(bare.end(), from, scan ? jpeg.end() : from + static_cast<std::ptrdiff_t>(length));
    at = scan ? jpeg.size() : at + length;
  }
  REQUIRE(bare.size() < jpeg.size() - 400);
  CHECK(test::decode(depacketize(packetize(bare, 1'200))) == test::decode(jpeg));
}

TEST_CASE("what follows the JPEG is left alone", "[rtp_jpeg]") {
  Bytes jpeg = test::make_jpeg({});
  const std::size_t bytes = jpeg.size();
  test::append(jpeg, Bytes{0, 0, 0xFF, 0xD9, 1});
  const auto image = parse_jpeg(jpeg);
  REQUIRE(image);
  CHECK(image->bytes == bytes);
  CHECK(image->scan.data() + image->scan.size() == jpeg.data() + bytes - 2);
}

TEST_CASE("a JPEG that is cut off is taken as far as it goes, or is an error that says where", "[rtp_jpeg]") {
  const Bytes jpeg = test::make_jpeg({.width = 24, .height = 24});
  const std::size_t scan_at = static_cast<std::size_t>(parse_jpeg(jpeg)->scan.data() - jpeg.data());
  CHECK_FALSE(parse_jpeg(jpeg)->cut_off);
  for (std::size_t bytes = 0; bytes < jpeg.size(); ++bytes) {
    CAPTURE(bytes);
    const Bytes cut(jpeg.begin(), jpeg.begin() + static_cast<std::ptrdiff_t>(bytes));  // its own allocation
    const auto image = parse_jpeg(cut);
    if (bytes <= scan_at) {
      REQUIRE_FALSE(image);
      CHECK(image.error().message.starts_with("byte "));
      continue;
    }
    REQUIRE(image);
    CHECK(image->cut_off);
    CHECK(image->bytes == bytes);
    CHECK(image->scan.size() == std::min(bytes - scan_at, jpeg.size() - 2 - scan_at));
    const Bytes arrived = depacketize(packetize(cut, 1'200));
    const auto completed = parse_jpeg(arrived);
    REQUIRE(completed);
    CHECK_FALSE(completed->cut_off);
    CHECK(std::ranges::equal(completed->scan, image->scan));
  }
}

/// A JPEG with these segments behind its SOI.
Bytes with_segments(const Bytes& jpeg, const std::vector<Bytes>& segments) {
  Bytes made(jpeg.begin(), jpeg.begin() + 2);
  for (const Bytes& segment : segments) test::append(made, segment);
  made.insert(made.end(), jpeg.begin() + 2, jpeg.end());
  return made;
}

Bytes segment(std::uint8_t marker, const std::string& text, std::size_t bytes) {
  Bytes made = {0xFF, marker, static_cast<std::uint8_t>((bytes + 2) >> 8),
                static_cast<std::uint8_t>(bytes + 2)};
  test::append(made, Bytes(text.begin(), text.end()));
  made.resize(bytes + 4, 0x5A);
  return made;
}

TEST_CASE("EXIF, profiles and comments arrive as they were", "[rtp_jpeg]") {
  const Bytes exif = segment(0xE1, std::string("Exif\0\0", 6), 3'001);
  const Bytes comment = segment(0xFE, "Lavc59.37.100", 14);
  const Bytes jfif = {0xFF, 0xE0, 0, 16, 'J', 'F', 'I', 'F', 0, 1, 2, 0, 0, 4, 0, 3, 0, 0};  // pixels of 4:3
  const auto [width, segments] =
      GENERATE_COPY(table<unsigned, std::vector<Bytes>>({{64, {exif}},
                                                         {64, {jfif, comment}},
                                                         {61, {exif, comment}},
                                                         {2'500, {comment}},
                                                         {64, {comment, exif, jfif}}}));
  const Bytes plain = test::make_jpeg({.width = width, .height = 48});
  const Bytes jpeg = with_segments(plain, segments);
  const Bytes arrived = depacketize(packetize(jpeg, kRtpPacketBytesMax));
  CHECK(test::decode(arrived) == test::decode(plain));
  const auto before = parse_jpeg(jpeg);
  const auto after = parse_jpeg(arrived);
  REQUIRE(before->metadata.count == segments.size());
  REQUIRE(after->metadata.count == segments.size());
  CHECK(before->metadata.dropped.empty());
  for (const Bytes& one : segments) {
    CHECK(std::ranges::any_of(after->metadata.all(), [&](ByteSpan s) { return std::ranges::equal(s, one); }));
  }
  // A JFIF header stays the first of all.
  const auto begins = [&](const Bytes& bytes) {
    return std::equal(bytes.begin(), bytes.end(), arrived.begin() + 2);
  };
  CHECK(begins(std::ranges::find(segments, jfif) != segments.end() ? jfif
                                                                   : Bytes{0xFF, 0xE0, 0, 16, 'J', 'F'}));
}

TEST_CASE("metadata that there is no room for is named", "[rtp_jpeg]") {
  const Bytes large = segment(0xE1, std::string("Exif\0\0", 6), 9'000);
  const Bytes comment = segment(0xFE, "a word", 6);
  const Bytes jpeg = with_segments(test::make_jpeg({}), {large, comment});
  const auto image = parse_jpeg(jpeg);
  CHECK(image->metadata.count == 1);
  CHECK(describe_segment(image->metadata.dropped) == "EXIF (APP1, 9004 bytes)");
  CHECK(describe_segment(comment) == "a comment of 10 bytes");
  CHECK(describe_segment(segment(0xE2, "ICC_PROFILE", 20)) == "an ICC profile (APP2, 24 bytes)");
  CHECK(describe_segment(segment(0xED, "Photoshop", 20)) == "application data (APP13, 24 bytes)");

  std::vector<Bytes> many;
  for (std::size_t i = 0; i < JpegMetadata::kSegmentsMax + 1; ++i) many.push_back(comment);
  const Bytes crowded = with_segments(test::make_jpeg({}), many);
  CHECK(parse_jpeg(crowded)->metadata.count == JpegMetadata::kSegmentsMax);
  CHECK_FALSE(parse_jpeg(crowded)->metadata.dropped.empty());
  // A small packet takes what it has room for.
  const Bytes medium =
      with_segments(test::make_jpeg({.quality = 100}), {comment, segment(0xE1, "Exif", 2'000)});
  const Bytes arrived = depacketize(packetize(medium, kRtpPacketBytesMin));
  CHECK(parse_jpeg(arrived)->metadata.count == 1);
  CHECK(test::decode(arrived) == test::decode(medium));
}

TEST_CASE("a lost packet costs its frame alone, and is reported once", "[rtp_jpeg]") {
  const Bytes jpeg = test::make_jpeg({.width = 320, .height = 240, .quality = 90});
  const auto broken = packetize(jpeg, 1'200, {0, 1000, 7});
  const auto next = packetize(jpeg, 1'200, {100, 2000, 7});
  REQUIRE(broken.size() > 5);
  const std::size_t lost = GENERATE(std::size_t{0}, std::size_t{1}, std::size_t{3}, SIZE_MAX);
  const std::size_t lost_at = lost == SIZE_MAX ? broken.size() - 1 : lost;

  RtpJpegDepacketizer depacketizer;
  std::vector<std::string> errors;
  const auto push = [&](const Bytes& packet) -> Bytes {
    const auto pushed = depacketizer.push(packet);
    if (!pushed) errors.push_back(pushed.error().message);
    return pushed && *pushed ? Bytes((*pushed)->begin(), (*pushed)->end()) : Bytes{};
  };
  for (std::size_t i = 0; i < broken.size(); ++i) {
    if (i != lost_at) CHECK(push(broken[i]).empty());
  }
  Bytes arrived;
  for (const Bytes& packet : next) arrived = push(packet);
  CHECK(test::decode(arrived) == test::decode(jpeg));
  CHECK(depacketizer.frames_broken() == 1);
  REQUIRE(errors.size() == 1);
  CAPTURE(errors[0]);
  CHECK(errors[0].find(lost_at == 0                   ? "lost its first"
                       : lost_at == broken.size() - 1 ? "lost its end"
                                                      : "goes on at byte") != std::string::npos);
}

TEST_CASE("a one-packet frame after a broken one is not held up by it", "[rtp_jpeg]") {
  const auto broken = packetize(test::make_jpeg({.width = 320, .height = 240}), 1'200, {0, 1000, 7});
  const Bytes jpeg = test::make_jpeg({.width = 16, .height = 16});
  RtpJpegDepacketizer depacketizer;
  REQUIRE(depacketizer.push(broken[0]));
  CHECK(test::decode(depacketize(depacketizer, packetize(jpeg, 1'200, {9, 2000, 7}))) == test::decode(jpeg));
  CHECK(depacketizer.frames_broken() == 1);
}

/// A one-packet frame by hand, as another sender might make it.
Bytes foreign_packet(std::uint8_t type, std::uint8_t q, const Bytes& after_main_header) {
  Bytes packet(12);
  write_rtp_header({true, 26, 1, 2, 3, std::nullopt}, packet);
  test::append(packet, Bytes{0, 0, 0, 0, type, q, 2, 2});
  test::append(packet, after_main_header);
  return packet;
}

TEST_CASE("other senders' ways are understood", "[rtp_jpeg]") {
  const Bytes jpeg = test::make_jpeg({.width = 16, .height = 16, .same_tables = true});
  const auto image = *parse_jpeg(jpeg);
  const Bytes table(image.quant_tables[0].begin(), image.quant_tables[0].end());
  const Bytes scan(image.scan.begin(), image.scan.end());
  const auto body = [&](const Bytes& header, int tables, const Bytes& tail = {}) {
    Bytes bytes = header;
    for (int i = 0; i < tables; ++i) test::append(bytes, table);
    test::append(bytes, scan);
    test::append(bytes, tail);
    return bytes;
  };
  RtpJpegDepacketizer depacketizer;
  const auto arrives = [&](const Bytes& packet) {
    const auto pushed = depacketizer.push(packet);
    if (!pushed) FAIL(pushed.error().message);
    REQUIRE(*pushed);
    CHECK(test::decode(**pushed) == test::decode(jpeg));
  };
  SECTION("tables in-band at Q 255") { arrives(foreign_packet(1, 255, body({0, 0, 0, 128}, 2))); }
  SECTION("one table for both") { arrives(foreign_packet(1, 255, body({0, 0, 0, 64}, 1))); }
  SECTION("EOI and padding left in") {
    arrives(foreign_packet(1, 255, body({0, 0, 0, 128}, 2, {0xFF, 0xD9, 0, 0, 0})));
  }
  SECTION("tables sent once for a Q of 128 to 254") {
    const auto q = static_cast<std::uint8_t>(GENERATE(128, 200, 254));
    CHECK(error_of(depacketizer.push(foreign_packet(1, q, body({0, 0, 0, 0}, 0)))) ==
          "the quantisation tables of Q " + std::to_string(q) + " have not been sent");
    arrives(foreign_packet(1, q, body({0, 0, 0, 128}, 2)));
    arrives(foreign_packet(1, q, body({0, 0, 0, 0}, 0)));
    depacketizer.reset();
    CHECK_FALSE(depacketizer.push(foreign_packet(1, q, body({0, 0, 0, 0}, 0))));
  }
  SECTION("but Q 255 is never remembered") {
    arrives(foreign_packet(1, 255, body({0, 0, 0, 128}, 2)));
    CHECK_FALSE(depacketizer.push(foreign_packet(1, 255, body({0, 0, 0, 0}, 0))));
  }
}

TEST_CASE("garbage is refused with what is wrong about it", "[rtp_jpeg]") {
  const auto error = [](std::uint8_t type, std::uint8_t q, const Bytes& rest) {
    RtpJpegDepacketizer depacketizer;
    return error_of(depacketizer.push(foreign_packet(type, q, rest)));
  };
  CHECK(error(2, 50, {1, 2}) == "RTP/JPEG type 2; RFC 2435 defines 0, 1, 64 and 65");
  CHECK(error(1, 0, {1, 2}) == "RTP/JPEG Q 0 is reserved");
  CHECK(error(1, 100, {1, 2}) == "RTP/JPEG Q 100 is reserved");
  CHECK(error(65, 50, {1, 2, 3}) == "an RTP/JPEG packet ends within its restart header");
  CHECK(error(65, 50, {0, 0, 3, 4}) == "an RTP/JPEG restart interval of 0");
  CHECK(error(1, 255, {0, 0, 0}) == "an RTP/JPEG packet ends within its table header");
  CHECK(error(1, 255, {0, 0, 0, 128, 1}) == "an RTP/JPEG packet ends within its quantisation tables");
  CHECK(error(1, 255, {0, 0, 0, 2, 1, 1}) == "RTP/JPEG quantisation tables of 2 bytes");
  CHECK(error(1, 50, {}) == "a frame without image data");
  CHECK(error(1, 50, {1, 0xFF, 0xC0, 1}) == "a frame's image data holds the JPEG marker 0xC0");
  Bytes no_size = foreign_packet(1, 50, {1, 2});
  no_size[12 + 6] = 0;
  RtpJpegDepacketizer depacketizer;
  CHECK(error_of(depacketizer.push(no_size)).starts_with("an RTP/JPEG frame does not say its size"));
  CHECK_FALSE(depacketizer.push(Bytes{1, 2, 3}));
}

TEST_CASE("a frame of which every packet is refused is told of once", "[rtp_jpeg]") {
  const Bytes jpeg = test::make_jpeg({.width = 320, .height = 240, .quality = 90});
  RtpJpegDepacketizer depacketizer;
  unsigned told = 0;
  for (const std::uint32_t frame : {1U, 2U, 3U}) {
    for (Bytes& packet : packetize(jpeg, 1'200, {0, frame, 7})) {
      packet[12 + 4] = 2;  // an unknown type
      const auto pushed = depacketizer.push(packet);
      told += pushed ? 0 : 1;
      CHECK_FALSE((pushed && *pushed));
    }
  }
  CHECK(told == 3);
  CHECK(depacketizer.frames_broken() == 3);
}

TEST_CASE("a fragment at the 24-bit limit is refused, not remembered", "[rtp_jpeg]") {
  Bytes packet = foreign_packet(1, 50, Bytes(1'000, 1));
  packet[13] = packet[14] = packet[15] = 0xFF;
  RtpJpegDepacketizer depacketizer;
  CHECK(error_of(depacketizer.push(packet)) == "an RTP/JPEG frame over 16 MiB");
}

TEST_CASE("the classic clip arrives pixel by pixel", "[rtp_jpeg][clip]") {
  const char* clip = std::getenv("OTT_TEST_CLIP");
  if (clip == nullptr) {
    WARN("skipped: OTT_TEST_CLIP is not set");
    return;
  }
  const Bytes file = test::read_file(clip);
  RtpJpegDepacketizer depacketizer;
  RtpFields fields;
  unsigned frames = 0;
  for (std::size_t at = 0; at + 5 < file.size(); ++frames) {
    const auto digits = file.begin() + static_cast<std::ptrdiff_t>(at);
    const std::size_t bytes = std::stoul(std::string(digits, digits + 5));
    const ByteSpan jpeg = ByteSpan(file).subspan(at + 5, bytes);
    ++fields.timestamp;
    REQUIRE(test::decode(depacketize(depacketizer, packetize(jpeg, 1'200, fields))) == test::decode(jpeg));
    at += 5 + bytes;
  }
  CHECK(frames == 373);
}

}  // namespace
}  // namespace ott
