// PROTOCOL.md's example, read from the page itself: what it says is what the code writes and reads.
#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <fstream>
#include <sstream>

#include "nodes.h"
#include "ott/handshake.h"
#include "ott/message.h"

namespace ott {
namespace {

using test::node;
using Bytes = std::vector<std::uint8_t>;

/// The page, from the repository that these tests run in.
std::vector<std::string> page_lines() {
  std::ifstream file("src/core/PROTOCOL.md");
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  REQUIRE_FALSE(lines.empty());
  return lines;
}

/// The bytes of the fenced block "```hex NAME": hexadecimal up to each line's ';'.
Bytes block(const std::string& name) {
  Bytes bytes;
  bool inside = false;
  for (const std::string& line : page_lines()) {
    if (line.starts_with("```")) inside = line == "```hex " + name;
    if (!inside || line.starts_with("```")) continue;
    std::istringstream words(line.substr(0, line.find(';')));
    for (unsigned byte = 0; words >> std::hex >> byte;) bytes.push_back(static_cast<std::uint8_t>(byte));
  }
  REQUIRE_FALSE(bytes.empty());
  return bytes;
}

template <class T>
T decoded(const Bytes& message) {
  const Framed framed = next_message(message, kBodyBytesMax);
  REQUIRE(framed.kind == Framed::Kind::Whole);
  REQUIRE(framed.header.type == T::kType);
  REQUIRE(framed.header.total() == message.size());
  const auto body = decode<T>(ByteSpan(message).subspan(kHeaderBytes));
  REQUIRE(body);
  Bytes again;
  encode(again, *body);
  REQUIRE(again == message);
  return *body;
}

constexpr StreamId kStream{0x4D3C2B1A09};

TEST_CASE("the TRACKER on the protocol's page is what it says, and splits as it says") {
  const auto m = decoded<TrackerMessage>(block("tracker"));
  CHECK(m.label == make_label(kStream, 7));
  CHECK(m.origin == node("10.0.0.10"));
  CHECK(m.stream.id == kStream);
  CHECK(m.stream.name == "news");
  CHECK(m.stream.kind == "clip");
  CHECK(m.stream.width == 640);
  CHECK(m.stream.height == 480);
  CHECK(m.stream.fps_milli == 25'000);
  CHECK(m.expects_start);
  CHECK(m.tracker.hops == 1);
  CHECK(m.tracker.visited == std::vector{node("10.0.0.10")});
  CHECK(to_string(m.tracker.path) == "[10.0.0.1, [[10.0.1.2, 10.0.3.20], [10.0.2.2, 10.0.4.20]]]");
  CHECK(m.tracker.path.destinations() == std::vector{node("10.0.3.20"), node("10.0.4.20")});

  const std::vector<Branch> branches = split(m.tracker);
  REQUIRE(branches.size() == 2);
  CHECK(branches[0].next == node("10.0.1.2"));
  Bytes branch;
  Writer writer(branch);
  write(writer, branches[0].tracker);
  CHECK(branch == block("branch"));
  Bytes whole;
  encode(whole, TrackerMessage{branches[0].tracker, m.label, m.origin, m.stream, m.expects_start});
  CHECK(whole.size() == kHeaderBytes + 150);
}

TEST_CASE("the START and the DATA on the protocol's page are what they say") {
  const auto start = decoded<Start>(block("start"));
  CHECK(start.stream == kStream);
  CHECK(start.last == FrameNumber{41});

  const Bytes data = block("data");
  const Framed framed = next_message(data, kBodyBytesMax);
  REQUIRE(framed.kind == Framed::Kind::Whole);
  REQUIRE(framed.header.total() == data.size());
  const auto record = parse_record(framed.header, data);
  REQUIRE(record);
  CHECK(record->label == make_label(kStream, 7));
  CHECK(record->frame == FrameNumber{42});
  CHECK((record->first() && record->last() && !record->is_skip()));
  CHECK(record->header.hops == 1);
  CHECK(record->source_time_ns() == 1'700'000'000'123'456'789);
  CHECK(record->rtp_sequence() == 4321);
  Bytes again(data);
  std::fill_n(again.begin(), kRecordHeaderBytes, std::uint8_t{0xEE});
  store_record_header(again.data(), framed.header, record->label, record->frame, record->time_or_last);
  CHECK(again == data);
}

TEST_CASE("the page has every message by its number, and every state of the handshake") {
  const std::vector<std::string> lines = page_lines();
  const auto has_line = [&lines](const std::string& beginning) {
    return std::any_of(lines.begin(), lines.end(),
                       [&beginning](const std::string& line) { return line.starts_with(beginning); });
  };
  const std::array names = {"ACK",     "SPEERS",  "FINALACK", "PING",  "MESSAGE", "DATA",      "TRACKER",
                            "START",   "STOP",    "SKIP",     "LINKS", "WATCH",   "HEARTBEAT", "BYE",
                            "STREAMS", "STARTED", "REFUSED",  "QUERY", "REPORT",  "SYNC"};
  STATIC_REQUIRE(names.size() == kMessageTypeLast);
  for (std::size_t i = 0; i < names.size(); ++i) {
    CAPTURE(names[i]);
    CHECK(has_line("| " + std::to_string(i + 1) + " " + names[i] + " | "));
  }
  CHECK(has_line("| 128 ACCESS | "));
  CHECK(has_line("| 129 ABSENT | "));
  CHECK(has_line("| 130 PLACE | "));
  CHECK(has_line("| 131 FILM | "));
  CHECK(has_line("| 132 FILM-ANSWER | "));
  // Each row of the table begins with the state it leaves and ends with the one it enters.
  for (const HandshakeTransition& row : kHandshake) {
    const std::string from = "    " + std::string(to_string(row.from)) + " ";
    const std::string to = " " + std::string(to_string(row.to));
    CAPTURE(from, to);
    CHECK(std::any_of(lines.begin(), lines.end(),
                      [&](const std::string& line) { return line.starts_with(from) && line.ends_with(to); }));
  }
}

}  // namespace
}  // namespace ott
