// The codec, for every type of message: against bytes written by hand from PROTOCOL.md's grammar.
#include "ott/message.h"

#include <catch2/catch.hpp>

#include "random_messages.h"

namespace ott {
namespace {

using test::any_message;
using test::Bytes;
using test::for_each_message;
using test::node;
using test::Random;
using test::wire_body;

template <class T>
Bytes body_of(const T& message) {
  Bytes bytes;
  Writer out(bytes);
  write(out, message);
  return bytes;
}

TEST_CASE("every message is on the wire as PROTOCOL.md says, and comes back whole") {
  const unsigned seed = GENERATE(range(1U, 201U));
  CAPTURE(seed);
  for_each_message([seed]<class T>(const T&) {
    Random random(seed);
    const T message = any_message<T>(random);
    const Bytes body = wire_body(message);
    CAPTURE(static_cast<int>(T::kType));
    REQUIRE(body_of(message) == body);

    const auto back = decode<T>(body);
    REQUIRE(back);
    CHECK(wire_body(*back) == body);

    Bytes whole = {0xAA};
    encode(whole, message);
    const Framed framed = next_message(ByteSpan(whole).subspan(1), kBodyBytesMax);
    CHECK(framed.kind == Framed::Kind::Whole);
    CHECK(framed.header.type == T::kType);
    CHECK(framed.header.length == body.size());
    CHECK(whole.size() == 1 + kHeaderBytes + body.size());
  });
}

TEST_CASE("a message that is cut anywhere is none, and bytes behind its fields are passed over") {
  const unsigned seed = GENERATE(range(1U, 21U));
  CAPTURE(seed);
  for_each_message([seed]<class T>(const T&) {
    Random random(seed);
    const T message = any_message<T>(random);
    Bytes body = body_of(message);
    const std::array earlier = {
        body_of(test::without_later_fields(message)), body_of(test::without_formats(message)),
        body_of(test::without_metrics(message)), body_of(test::without_facts(message)),
        body_of(test::without_joining(message))};
    CAPTURE(static_cast<int>(T::kType));
    for (std::size_t size = 0; size < body.size(); ++size) {
      const auto cut = decode<T>(ByteSpan(body).first(size));
      // As senders write it that know no later fields, or only some of them.
      const auto known = std::ranges::find(earlier, size, &Bytes::size);
      REQUIRE(cut.has_value() == (known != earlier.end()));
      if (cut) CHECK(body_of(*cut) == *known);
    }
    const Bytes known = body;
    body.insert(body.end(), {7, 8, 9});
    const auto longer = decode<T>(body);
    REQUIRE(longer);
    CHECK(body_of(*longer) == known);
  });
}

TEST_CASE("later fields that would say nothing are left out, and what is left out says nothing") {
  Random random(7);
  StreamInfo plain = test::any_stream(random);
  test::forget_format(plain);
  StreamInfo stalled = plain;
  stalled.state = StreamState::Stalled;
  const auto listed = [](const std::vector<StreamInfo>& streams) {
    return body_of(Streams{streams, std::vector<NodeId>(streams.size(), node(1))});
  };
  CHECK(listed({plain, plain}) ==
        body_of(test::without_later_fields(*decode<Streams>(listed({plain, plain})))));
  CHECK(listed({plain, stalled}).size() == listed({plain}).size() + listed({stalled}).size() - 4 - 9 + 2 * 9);
  const auto back = decode<Streams>(listed({plain, stalled}));
  REQUIRE(back);
  CHECK(back->streams == std::vector<StreamInfo>{plain, stalled});
  CHECK(decode<Streams>(listed({plain}))->streams == std::vector<StreamInfo>{plain});

  StreamInfo opus = plain;
  opus.format = {MediaKind::Audio, "opus", 48'000, 2, 111, "minptime=10"};
  CHECK(decode<Streams>(listed({plain, opus}))->streams == std::vector<StreamInfo>{plain, opus});

  Bytes bad = listed({stalled});
  bad[bad.size() - 9] = kStreamStateLast + 1;
  CHECK_FALSE(decode<Streams>(bad));
}

/// Whether the body is still a message when one byte of it is another.
template <class T>
bool good_with(Bytes body, std::size_t at, std::uint8_t value) {
  body.at(at) = value;
  return decode<T>(body).has_value();
}

TEST_CASE("a value out of its range is no message") {
  const Bytes ack = body_of(Ack{{}, {node(1)}});
  const Bytes speers = body_of(Speers{{}, node(1), node(2), {{node(3), 1, ""}}});
  const Bytes final_ack = body_of(FinalAck{});
  const Bytes bye = body_of(Bye{ByeReason::Leaving, ""});
  const Bytes heartbeat = body_of(Heartbeat{});
  const Bytes start = body_of(Start{StreamId{1}, FrameNumber{1}, 1, true});
  const Bytes why = body_of(WhyAnswer{Tracker::along({{{node(1), 1, true}}}), 1, {}, WhyOutcome::Busy});
  const Bytes links =
      body_of(Links{Tracker::everywhere(), {node(1), PeerKind::Node, 1, 1, 60, {{node(2), 1}}, {}}});
  const Bytes watch =
      body_of(Watch{Tracker::along({{{node(1), 1, true}}}), StreamId{1}, node(2), 1, 1, false, {}, {}});
  for (unsigned value = 0; value < 256; ++value) {
    const auto byte = static_cast<std::uint8_t>(value);
    CAPTURE(value);
    CHECK(good_with<Ack>(ack, 0, byte) == (value <= 3));
    CHECK(good_with<Speers>(speers, 0, byte) == (value <= 3));
    CHECK(good_with<FinalAck>(final_ack, 0, byte) == (value <= 2));
    CHECK(good_with<Bye>(bye, 0, byte) == (value >= 1 && value <= kByeReasonLast));
    CHECK(good_with<Heartbeat>(heartbeat, 0, byte) == (value <= 1));
    CHECK(good_with<Start>(start, start.size() - 1, byte) == (value <= 3));
    CHECK(good_with<WhyAnswer>(why, why.size() - 1, byte) == (value <= kWhyOutcomeLast));
    CHECK(good_with<Links>(links, 9 + 18, byte) == (value <= 3));
    CHECK(good_with<Watch>(watch, watch.size() - 1 - 8 - 18, byte) == (value <= 1));
    CHECK(good_with<Watch>(watch, 9 + 22, byte) == (value <= 1));
  }
}

TEST_CASE("what must not be empty, zero or in disagreement is no message if it is") {
  CHECK_FALSE(decode<Ack>(body_of(Ack{})));
  CHECK(decode<Ack>(body_of(Ack{{}, {node(1)}})));
  CHECK_FALSE(decode<Speers>(body_of(Speers{{}, node(1), node(2), {{node(3), 0, ""}}})));
  const auto links = [](std::uint32_t cost) {
    return body_of(Links{Tracker::everywhere(), {node(1), PeerKind::Node, 1, 1, 60, {{node(2), cost}}, {}}});
  };
  CHECK_FALSE(decode<Links>(links(0)));
  CHECK(decode<Links>(links(kCostMax)));
  CHECK_FALSE(decode<Links>(links(kCostMax + 1)));
  const auto neighbours = [](unsigned a, unsigned b) {
    return body_of(
        Links{Tracker::everywhere(), {node(1), PeerKind::Node, 1, 1, 60, {{node(a), 1}, {node(b), 2}}, {}}});
  };
  CHECK(decode<Links>(neighbours(2, 3)));
  CHECK_FALSE(decode<Links>(neighbours(2, 2)));
  CHECK_FALSE(decode<Links>(neighbours(3, 2)));

  StreamInfo stream;
  stream.id = StreamId{5};
  const Tracker path = Tracker::along({{{node(1), 1, true}}});
  CHECK(decode<TrackerMessage>(body_of(TrackerMessage{path, make_label(stream.id, 3), node(2), stream})));
  CHECK_FALSE(
      decode<TrackerMessage>(body_of(TrackerMessage{path, make_label(StreamId{6}, 3), node(2), stream})));
}

TEST_CASE("only what may be flooded is, and only what must be") {
  const Tracker flood = Tracker::everywhere();
  const Tracker path = Tracker::along({{{node(1), 1, true}}});
  StreamInfo stream;
  stream.id = StreamId{5};
  for (const bool flooded : {false, true}) {
    const Tracker& tracker = flooded ? flood : path;
    CHECK(decode<Message>(body_of(Message{tracker, node(1), 1, "hello"})));
    CHECK(decode<Links>(body_of(Links{tracker, {node(1), PeerKind::Node, 1, 1, 60, {}, {}}})).has_value() ==
          flooded);
    CHECK(decode<Ping>(body_of(Ping{tracker, node(1), 1, 1})).has_value() != flooded);
    CHECK(decode<Watch>(body_of(Watch{tracker, StreamId{1}, node(2), 1, 1, true, {}, {}})).has_value() !=
          flooded);
    CHECK(decode<TrackerMessage>(body_of(TrackerMessage{tracker, make_label(stream.id, 1), node(2), stream}))
              .has_value() != flooded);
  }
}

TEST_CASE("a SPEERS that ends before the addresses, as older ones do, is one without any") {
  Bytes body = body_of(Speers{{}, node(1), node(2), {{node(3), 4, "n3"}}});
  const auto speers = decode<Speers>(body);
  REQUIRE(speers);
  REQUIRE(speers->peers.size() == 1);
  CHECK(speers->peers[0].where() == node(3));
  CHECK(speers->peers[0].addresses.empty());
  body.push_back(0);
  CHECK_FALSE(decode<Speers>(body));
}

TEST_CASE("counts that no body could hold make nothing large") {
  // Each count in turn says 4 billion; what is behind it stays.
  const Bytes speers = body_of(Speers{{}, node(1), node(2), {}});
  const Bytes streams = body_of(Streams{});
  const Bytes links = body_of(Links{Tracker::everywhere(), {node(1), PeerKind::Node, 1, 1, 60, {}, {}}});
  const auto with_count = [](Bytes body, std::size_t at) {
    std::fill_n(body.begin() + static_cast<std::ptrdiff_t>(at), 4, std::uint8_t{0xFF});
    return body;
  };
  CHECK_FALSE(decode<Speers>(with_count(speers, speers.size() - 4)));
  CHECK_FALSE(decode<Streams>(with_count(streams, 0)));
  CHECK_FALSE(decode<Links>(with_count(links, links.size() - 4)));
  CHECK_FALSE(decode<Links>(with_count(links, links.size() - 8)));
  CHECK_FALSE(decode<Links>(with_count(links, 5)));
}

}  // namespace
}  // namespace ott
