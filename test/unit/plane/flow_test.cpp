#include "plane/flow.h"

#include <catch2/catch.hpp>

#include "child_oracle.h"
#include "records.h"

namespace ott {
namespace {

using test::at_ms;
using test::make_flow;
using test::Source;
using test::TestChild;

TEST_CASE("children are known by their link, and stay where they are when others go") {
  Flow flow = make_flow();
  Child& first = flow.add_child(LinkId{1}, NodeId{});
  Child& second = flow.add_child(LinkId{2}, NodeId{});
  CHECK(flow.child(LinkId{1}) == &first);
  CHECK(first.flow == &flow);
  flow.remove_child(LinkId{1});
  CHECK(flow.child(LinkId{1}) == nullptr);
  CHECK(flow.child(LinkId{2}) == &second);
  flow.remove_child(LinkId{7});
  CHECK(flow.children.size() == 1);
}

TEST_CASE("a START asks for what this node lacks, or for the oldest that a child needs") {
  Flow flow = make_flow();
  CHECK(flow.start_after() == FrameNumber{0});
  CHECK(flow.all_children_asked());  // there are none
  Child& one = flow.add_child(LinkId{1}, NodeId{});
  Child& two = flow.add_child(LinkId{2}, NodeId{});
  Child& three = flow.add_child(LinkId{3}, NodeId{});
  CHECK_FALSE(flow.all_children_asked());
  CHECK(flow.start_after() == FrameNumber{0});
  two.asked = true;
  two.last = FrameNumber{50};
  three.asked = true;
  three.last = FrameNumber{40};
  CHECK_FALSE(flow.all_children_asked());
  CHECK(flow.start_after() == FrameNumber{40});
  one.asked = true;  // and has nothing: it is content with anything
  CHECK(flow.all_children_asked());
  CHECK(flow.start_after() == FrameNumber{40});
  Source source;
  for (int i = 0; i < 60; ++i) source.frame(flow);
  CHECK(flow.start_after() == FrameNumber{60});
  source.part(flow, true);
  CHECK(flow.start_after() == FrameNumber{60});
}

TEST_CASE("room at the head moves the children that stand in it, and no others") {
  Flow flow = make_flow(8192);
  Source source;
  source.frame(flow, 1, 1000);
  TestChild slow(flow, LinkId{1});
  TestChild quick(flow, LinkId{2});
  const Child& idle = flow.add_child(LinkId{3}, NodeId{});
  slow.start(0, at_ms(0));
  quick.start(0, at_ms(0));
  for (int i = 0; i < 6; ++i) {
    quick.send();
    source.frame(flow, 1, 1000);
  }
  const Position before = quick.feed().position();
  CHECK(flow.room(3'000).size() == 3'000);
  CHECK(flow.buffer.tail() > Position{0});
  CHECK(slow.feed().position() == flow.buffer.newest()->start);
  CHECK(quick.feed().position() == before);
  CHECK_FALSE(idle.feed.started());
  slow.send();
  CHECK(slow.text() == "1-6s 7");
  CHECK(flow.room(3'000).data() == flow.room(3'000).data());  // nothing more moves
}

}  // namespace
}  // namespace ott
