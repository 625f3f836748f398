// Why a stream goes the way it does, in words.
#include "overlay/way_report.h"

#include <catch2/catch.hpp>
#include <map>

#include "../core/nodes.h"

namespace ott {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::node;
using Link = MeasuredTrees::Link;

/// A stream that goes from node 1 to node 4 over node 2, and could go over 3, which is nearer by 40 %; or the
/// other way around.
class Question {
 public:
  explicit Question(unsigned by = 2)
      : tree_(multicast_path(std::vector<std::vector<NodeId>>{{node(1), node(by), node(4)}})) {
    for (unsigned reporter = 1; reporter <= 4; ++reporter) {
      LinkState state;
      state.reporter = node(reporter);
      state.incarnation = state.number = 1;
      for (const unsigned other :
           reporter == 2 || reporter == 3 ? std::vector<unsigned>{1, 4} : std::vector<unsigned>{2, 3}) {
        const bool far = reporter == 2 || other == 2;
        state.links.push_back({node(other), 1, LinkFacts{far ? 28'000U : 20'000U, 0, 0, 0}});
      }
      db_.update(state);
    }
  }
  /// What is said in all, a line each.
  std::string answer() {
    question.name = [](const NodeId& id) { return to_string(id); };
    std::string text;
    for (const std::string& line : describe_way(question, node(4))) text += line + "\n";
    return text;
  }

 private:
  LinkStateDb db_;
  PathTree tree_;

 public:
  std::map<Link, MeasuredTrees::Limit> limits;
  WayQuestion question{db_, "cam",      Metric::Latency, 2'000, tree_, limits,
                       {},  seconds(2), seconds(1),      {},    {},    {}};
};

bool says(const std::string& answer, const std::string& text) {
  return answer.find(text) != std::string::npos;
}

TEST_CASE("why: a better way is told with how much better it is, and for how long it has been") {
  Question asked;
  const std::string answer = asked.answer();
  CAPTURE(answer);
  CHECK(says(answer, "stream cam to 10.0.0.4 by latency: 10.0.0.1, 10.0.0.2, 10.0.0.4: costs 29.0 ms"));
  CHECK(
      says(answer, "10.0.0.1, 10.0.0.3, 10.0.0.4: costs 21.0 ms: better by 38 % for 2.0 s, 1.0 s are asked"));
}

TEST_CASE("why: a way that is no better is told with what it would have to cost") {
  Question asked(3);
  CHECK(says(asked.answer(), "10.0.0.4: costs 29.0 ms: worse, taken at 18.2 ms or less\n"));
  asked.question.metric = Metric::Cost;
  CHECK(says(asked.answer(), "10.0.0.4: costs 2: no better, taken at 1 or less\n"));
}

TEST_CASE("why: a way with a link that has no room is told with what the link could carry and carries") {
  Question asked;
  asked.limits[{node(1), node(3)}] = {5'000, 3'000, 0, 0};
  const std::string answer = asked.answer();
  CAPTURE(answer);
  CHECK(says(answer,
             "10.0.0.1 -> 10.0.0.3 could carry 5.0 Mbit/s when it did not keep up, and carries 3.0 Mbit/s; "
             "this stream has 2.0 Mbit/s"));
}

TEST_CASE(
    "why: a limit does not matter where there is room for the stream, nor on links that it uses anyway") {
  Question asked;
  asked.limits[{node(1), node(3)}] = {6'000, 3'000, 0, 0};
  asked.limits[{node(1), node(2)}] = {2'000, 2'000, 0, 0};
  const std::string answer = asked.answer();
  CAPTURE(answer);
  CHECK_FALSE(says(answer, "could carry"));
  CHECK(says(answer, "better by 38 %"));
}

TEST_CASE("why: a stream that waits for its turn to leave a link says so, and how long at least") {
  Question asked;
  asked.question.crowded = Link{node(1), node(2)};
  asked.question.leaves_in = milliseconds(2'300);
  CHECK(says(asked.answer(),
             "10.0.0.1 -> 10.0.0.2 cannot carry it: it leaves when it is its turn, in 2.3 s at the soonest"));
  asked.question.leaves_in = -milliseconds(1);
  CHECK(says(asked.answer(), "cannot carry it: it leaves when it is its turn\n"));
}

}  // namespace
}  // namespace ott
