#include "media/live_text.h"

#include "part_helpers.h"
#include "sample_helpers.h"

namespace ott {
namespace {

using test::FakeParts;

MediaFormat t140() {
  return {.media = MediaKind::Text, .encoding = "t140", .clock_rate = 1'000, .payload_type = 98};
}

std::string text_of(const LiveBytes& bytes) { return bytes ? std::string(bytes->begin(), bytes->end()) : ""; }

void say(FakeParts& streams, const std::string& text) {
  streams.push("cam/text", {.bytes = {text.begin(), text.end()}, .at = std::chrono::milliseconds(250)});
}

TEST_CASE("Live text: each unit is an event with its time, on one line whatever is in it") {
  FakeParts streams;
  streams.add("cam/text", t140());
  streams.add("cam/video", test::h264_format());
  LiveText live(streams, "cam");
  CHECK_FALSE(streams.wants("cam/video"));
  CHECK(live.content_type() == "text/event-stream");
  const Now now = FakeParts::now({});
  say(streams, "before");
  LiveCursor cursor = live.begin();
  CHECK(text_of(live.next(cursor, now)) == "retry: 1000\n\n");
  CHECK(live.next(cursor, now) == nullptr);
  say(streams, "a\r\n\"b\"\xE2\x80\xA8g\xC3\xBCn");
  CHECK(text_of(live.next(cursor, now)) ==
        "id: 2\ndata: {\"stream\":\"cam/text\",\"time\":1700000000.250000,"
        "\"text\":\"a\\r\\n\\\"b\\\"\xE2\x80\xA8g\xC3\xBCn\"}\n\n");
  CHECK(live.next(cursor, now) == nullptr);
}

TEST_CASE("Live text: of a packet with a byte that is no UTF-8 the rest is shown") {
  FakeParts streams;
  streams.add("cam/text", t140());
  LiveText live(streams, "cam");
  LiveCursor cursor = live.begin();
  const Now now = FakeParts::now({});
  (void)live.next(cursor, now);
  PacketList packets;
  test::add_packet(packets, {'a', 0xFF, 'b'}, 1, 0, false, 98);
  streams.push_packets("cam/text", packets, {});
  CHECK(text_of(live.next(cursor, now))
            .find("\"text\":\"a\xEF\xBF\xBD"
                  "b\"") != std::string::npos);
}

TEST_CASE("Live text: a viewer that is too slow goes on with what is kept") {
  FakeParts streams;
  streams.add("cam/text", t140());
  LiveText live(streams, "cam/text");
  LiveCursor cursor = live.begin();
  const Now now = FakeParts::now({});
  (void)live.next(cursor, now);
  for (std::size_t i = 0; i < LiveText::kKeptMax + 10; ++i) say(streams, "x");
  CHECK(text_of(live.next(cursor, now)).starts_with("id: 11\n"));
  CHECK(cursor.skipped == 10);
}

}  // namespace
}  // namespace ott
