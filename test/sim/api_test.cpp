// What each process of an overlay answers to programs, of itself and of the others.
#include "media/api.h"

#include <catch2/catch.hpp>
#include <set>

#include "lab.h"
#include "overlay/overlay_config.h"

namespace ott::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// The server of a process: it asks what a test has it ask.
class FakeServer final : public Outlet {
 public:
  explicit FakeServer(Api*& api) : api_(api) {}
  bool take_api(Api& api) override {
    api_ = &api;
    return true;
  }
  Result<void> begin(WatchableStreams&, Now) override { return {}; }
  [[nodiscard]] OutletFigures figures() const override { return {}; }
  [[nodiscard]] bool serves_others() const override { return true; }

 private:
  Api*& api_;
};

/// n1 has streams; n5 watches one as a member, a guest at n4 another.
class World : public Lab {
 public:
  explicit World(const std::string& topology = kClassicTopology) : Lab(1, topology) {
    for (const char* address : {"10.0.0.10", "10.0.0.1", "10.0.1.2", "10.0.2.2"})
      start_with_server(address == std::string("10.0.0.10") ? kBootstrapRole : kNodeRole, address);
    start_with_server(kClientRole, "10.0.3.20").context->options.watch = "small";
    network.run_for(seconds(1));
    guest("10.0.9.1", "other");
    network.run_for(seconds(3));
    for (const auto& [address, process] : processes) {
      if (const auto exit = network.exit_of(ip(address))) FAIL(address << " has ended: " << exit->message);
    }
  }

  Process& start_with_server(const RoleSpec& role, const std::string& address,
                             const std::function<void(RoleOptions&)>& change = {}) {
    Process& process = prepare(role, address);
    if (change) change(process.context->options);
    outlets_[address].push_back(std::make_unique<FakeServer>(apis_[address]));
    process.context->outlets = &outlets_[address];
    network.start(ip(address), role.create(*process.context));
    return process;
  }
  void guest(const std::string& address, const std::string& stream) {
    start_with_server(kClientRole, address, [&stream](RoleOptions& options) {
      options.watch = stream;
      options.overlay.kind = PeerKind::Guest;
      options.overlay.bootstrap.reset();
      options.overlay.access = {NodeId{ip("10.0.2.2")}};
    });
  }
  Api& api(const std::string& at) { return *apis_.at(at); }

  /// The answer to GET of a path with a query.
  HttpResponse get(const std::string& at, const std::string& path,
                   std::vector<std::pair<std::string, std::string>> query = {}) {
    HttpRequest request;
    request.method = HttpMethod::Get;
    request.path = path;
    request.query = std::move(query);
    REQUIRE(api(at).has(request));
    auto answer = api(at).answer(request, network.now());
    network.wake(ip(at));
    if (auto* response = std::get_if<HttpResponse>(&answer)) return *response;
    std::optional<HttpResponse> response;
    network.run_until(
        [&] {
          response = api(at).awaited(std::get<HttpWait>(answer), network.now());
          return response.has_value();
        },
        seconds(10));
    REQUIRE(response);
    return *response;
  }
  /// The answer to POST, which is there at once.
  HttpResponse post(const std::string& at, const std::string& path, const std::string& body) {
    HttpRequest request;
    request.method = HttpMethod::Post;
    request.path = path;
    request.body = body;
    REQUIRE(api(at).has(request));
    CHECK(api(at).changes(request));
    auto answer = api(at).answer(request, network.now());
    network.wake(ip(at));
    return std::get<HttpResponse>(answer);
  }
  rapidjson::Document json(const std::string& at, const std::string& path,
                           std::vector<std::pair<std::string, std::string>> query = {}) {
    const HttpResponse response = get(at, path, std::move(query));
    INFO(at << " " << path << ": " << response.text);
    REQUIRE(response.status == 200);
    rapidjson::Document document;
    document.Parse(response.text.c_str());
    REQUIRE_FALSE(document.HasParseError());
    return document;
  }
  /// Somebody looks for so long, as a page does.
  void look(const std::string& at, Duration time) {
    const MonoTime until = network.now().mono + time;
    while (network.now().mono < until) {
      (void)get(at, "/api/v1/routes");
      network.run_for(milliseconds(500));
    }
  }
  /// The events of a process whose text has this in it.
  std::vector<std::string> events(const std::string& at, const std::string& part) {
    LiveEvents events(api(at).events());
    LiveCursor cursor = events.begin();
    std::vector<std::string> found;
    while (const LiveBytes piece = events.next(cursor, network.now())) {
      const std::string text(piece->begin(), piece->end());
      if (text.find(part) != std::string::npos) found.push_back(text);
    }
    return found;
  }

 private:
  std::map<std::string, std::vector<std::unique_ptr<Outlet>>> outlets_;
  std::map<std::string, Api*> apis_;
};

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

/// "10.0.0.1 -> 10.0.1.2, ..." of a stream's tree.
std::string ways(const rapidjson::Value& route) {
  std::string text;
  const auto& tree = route["tree"];
  for (rapidjson::SizeType i = 0; i < tree.Size(); ++i) {
    const int parent = tree[i]["parent"].GetInt();
    if (parent < 0) continue;
    text += std::string(text.empty() ? "" : ", ") +
            tree[static_cast<rapidjson::SizeType>(parent)]["node"].GetString() + " -> " +
            tree[i]["node"].GetString();
  }
  return text;
}

TEST_CASE("every process answers for the overlay: its nodes, links, streams and trees, and who watches") {
  World world;
  for (const std::string at : {"10.0.0.10", "10.0.1.2", "10.0.3.20", "10.0.9.1"}) {
    INFO("asked: " << at);
    world.look(at, seconds(5));
    const auto overlay = world.json(at, "/api/v1/overlay");
    CHECK(overlay["nodes"].Size() == 5);
    CHECK(overlay["links"].Size() == 8);
    for (const auto& link : overlay["links"].GetArray()) {
      CHECK(link["carries_kbps"].IsNull());  // all keep up: how much that is nobody says
      CHECK(link["could_carry_kbps"].GetUint64() == 0);
    }
    const auto streams = world.json(at, "/api/v1/streams");
    REQUIRE(streams["streams"].Size() == 2);
    CHECK(streams["streams"][0]["name"] == "small");
    CHECK(streams["streams"][0]["viewers"].GetUint64() == 1);
    CHECK(streams["streams"][0]["bits_per_second"].GetUint64() > 0);
    const auto routes = world.json(at, "/api/v1/routes");
    REQUIRE(routes["routes"].Size() == 2);
    CHECK(ways(routes["routes"][0]) == "10.0.0.10 -> 10.0.0.1, 10.0.0.1 -> 10.0.1.2, 10.0.1.2 -> 10.0.3.20");
    CHECK(ways(routes["routes"][1]) == "10.0.0.10 -> 10.0.0.1, 10.0.0.1 -> 10.0.2.2");
    const auto& member = routes["routes"][0]["viewers"];
    REQUIRE(member.Size() == 1);
    CHECK(member[0]["node"] == "10.0.3.20");
    CHECK(member[0]["who"] == "");
    CHECK(member[0]["frames_received"].GetUint64() > 25);
    CHECK(member[0]["latency_ms"]["p50"].GetDouble() > 0);
    const auto& guest = routes["routes"][1]["viewers"];
    REQUIRE(guest.Size() == 1);
    CHECK(guest[0]["node"] == "10.0.2.2");
    CHECK(std::string(guest[0]["who"].GetString()).starts_with("10.0.9.1"));
    CHECK(guest[0]["frames_lost"].GetUint64() == 0);
  }
}

TEST_CASE("the first answer after a while has what there is: trees, viewers and their figures, names") {
  World world;
  std::uint64_t least = 0;
  for (const std::string at : {"10.0.0.10", "10.0.2.2", "10.0.3.20", "10.0.9.1", "10.0.2.2"}) {
    INFO("asked: " << at);
    const auto routes = world.json(at, "/api/v1/routes");
    REQUIRE(routes["routes"].Size() == 2);
    CHECK(ways(routes["routes"][1]) == "10.0.0.10 -> 10.0.0.1, 10.0.0.1 -> 10.0.2.2");
    for (const char* node : {"10.0.3.20", "10.0.2.2"}) {
      const auto& viewers = routes["routes"][node == std::string("10.0.3.20") ? 0 : 1]["viewers"];
      REQUIRE(viewers.Size() == 1);
      CHECK(viewers[0]["node"].GetString() == std::string(node));
    }
    const std::uint64_t received = routes["routes"][1]["viewers"][0]["frames_received"].GetUint64();
    CHECK(received > least);
    least = received + 50;  // the next is not what was said now
    world.network.run_for(seconds(10));
    const auto streams = world.json(at, "/api/v1/streams");
    CHECK(streams["streams"][0]["viewers"].GetUint64() == 1);
    world.network.run_for(seconds(10));
    const auto overlay = world.json(at, "/api/v1/overlay");
    REQUIRE(overlay["nodes"].Size() == 5);
    for (const auto& node : overlay["nodes"].GetArray()) CHECK(*node["name"].GetString() == 'n');
    world.network.run_for(seconds(10));
  }
}

TEST_CASE("the first answer does not wait for who does not answer") {
  World world;
  world.network.stop(ip("10.0.3.20"));
  const MonoTime asked = world.network.now().mono;
  const auto routes = world.json("10.0.2.2", "/api/v1/routes");
  CHECK(world.network.now().mono - asked < milliseconds(1'500));
  CHECK(routes["routes"][1]["viewers"].Size() == 1);
}

TEST_CASE("names are those of the topology, wherever one asks") {
  World world;
  world.look("10.0.3.20", seconds(7));
  const auto overlay = world.json("10.0.3.20", "/api/v1/overlay");
  std::map<std::string, std::string> names;
  for (const auto& node : overlay["nodes"].GetArray())
    names[node["id"].GetString()] = node["name"].GetString();
  CHECK(names["10.0.2.2"] == "n4");
  CHECK(names["10.0.0.10"] == "n1");
}

TEST_CASE("who shows the overlay says who it is, a guest itself") {
  World world;
  for (const std::string at : {"10.0.0.10", "10.0.3.20", "10.0.9.1"}) {
    const auto overlay = world.json(at, "/api/v1/overlay");
    CHECK(overlay["nodes"].Size() == 5);
    CHECK(std::string(overlay["self"].GetString()).starts_with(at));
    CHECK(overlay["self"] == world.json(at, "/api/v1/node")["id"]);
  }
}

TEST_CASE("a process answers for another one, which it asks") {
  World world;
  const auto own = world.json("10.0.1.2", "/api/v1/node");
  CHECK(own["id"] == "10.0.1.2");
  for (const std::string at : {"10.0.3.20", "10.0.9.1"}) {
    const auto other = world.json(at, "/api/v1/node", {{"of", "10.0.0.10"}});
    CHECK(other["role"] == "bootstrap");
    CHECK(other["streams"].Size() == 2);
  }
  CHECK(world.get("10.0.1.2", "/api/v1/node", {{"of", ""}}).status == 400);
  // One that does not run any more is not waited for without end.
  world.network.stop(ip("10.0.2.2"));
  const HttpResponse late = world.get("10.0.1.2", "/api/v1/node", {{"of", "10.0.2.2"}});
  CHECK((late.status == 504 || late.status == 503 || late.status == 404));
  CHECK(has(late.text, "'10.0.2.2'"));
}

TEST_CASE("a process answers for another one by its name; an answer that there is none has what was asked") {
  for (const std::string at : {"10.0.0.10", "10.0.3.20", "10.0.9.1"}) {
    World world;  // nobody has looked at the overlay before
    INFO("asked: " << at);
    if (at == "10.0.9.1") world.look(at, seconds(2));  // its access node asks for names when it is asked
    CHECK(world.json(at, "/api/v1/node", {{"of", "n3"}})["id"] == "10.0.1.2");
    CHECK(world.json(at, "/api/v1/node", {{"of", "n1"}})["id"] == "10.0.0.10");
    for (const std::string nobody : {"n77", "10.0.77.7"}) {
      const HttpResponse none = world.get(at, "/api/v1/node", {{"of", nobody}});
      const bool guest_asks_on = at == "10.0.9.1" && nobody != "n77";
      CHECK(none.status == (guest_asks_on ? 504 : 404));
      CHECK(has(none.text, "'" + nobody + "'"));
    }
  }
}

TEST_CASE("why is asked of the stream's origin") {
  World world;
  for (const std::string at : {"10.0.0.10", "10.0.1.2", "10.0.9.1"}) {
    const auto why = world.json(at, "/api/v1/why", {{"stream", "small"}, {"node", "10.0.3.20"}});
    REQUIRE(why["lines"].Size() > 0);
    CHECK(std::string(why["lines"][0].GetString()).find("10.0.3.20") != std::string::npos);
  }
  CHECK(world.get("10.0.1.2", "/api/v1/why", {{"stream", "none"}}).status == 404);
  CHECK(world.get("10.0.1.2", "/api/v1/why").status == 400);
}

/// The lines of why, which there are.
std::vector<std::string> why_lines(World& world, const std::string& at, const std::string& stream,
                                   const std::string& node) {
  const auto why = world.json(at, "/api/v1/why", {{"stream", stream}, {"node", node}});
  std::vector<std::string> lines;
  for (const auto& line : why["lines"].GetArray()) lines.emplace_back(line.GetString());
  REQUIRE_FALSE(lines.empty());
  return lines;
}
TEST_CASE("why of somebody whom nobody knows is not found; of a node that has not the stream it says so") {
  World world;
  for (const std::string at : {"10.0.0.10", "10.0.1.2", "10.0.9.1"}) {
    INFO("asked: " << at);
    for (const std::string nobody : {"10.0.77.7", "n77"}) {
      const HttpResponse none = world.get(at, "/api/v1/why", {{"stream", "small"}, {"node", nobody}});
      CHECK(none.status == 404);
      CHECK(has(none.text, "no node '" + nobody + "' is known at the origin"));
    }
    CHECK(has(why_lines(world, at, "small", "10.0.2.2").front(), "small does not go to 10.0.2.2"));
  }
}

TEST_CASE("why of a guest is the way to its access node, and its link") {
  World world;
  for (const std::string at : {"10.0.0.10", "10.0.1.2", "10.0.3.20", "10.0.2.2", "10.0.9.1"}) {
    INFO("asked: " << at);
    const auto lines = why_lines(world, at, "other", "10.0.9.1");
    REQUIRE(lines.size() > 3);
    CHECK(has(lines[0], "10.0.9.1"));
    CHECK(has(lines[0], " is a guest of "));
    CHECK(has(lines[1], " -> 10.0.9.1:"));
    CHECK(has(lines[1], "a guest's link, round trip "));
    CHECK(has(lines[2], "stream other to 10.0.2.2"));
  }
}

TEST_CASE("why of a member that has become a guest is the way to its access node") {
  World world;
  world.network.kill(ip("10.0.1.2"));
  world.network.run_for(seconds(5));
  for (const std::string who : {"10.0.3.20", "n5"}) {
    INFO("asked about: " << who);
    CHECK(has(why_lines(world, "10.0.0.10", "small", who).front(), " is a guest of "));
  }
}

TEST_CASE("watch names a stream, or it is asked wrongly") {
  World world;
  for (const std::string& name : {std::string(), std::string(256, 'x'), std::string("a\\nb")})
    CHECK(world.post("10.0.3.20", "/api/v1/watch", "{\"stream\":\"" + name + "\"}").status == 400);
  CHECK(world.post("10.0.3.20", "/api/v1/watch", "{\"stream\":7}").status == 400);
  CHECK(world.post("10.0.1.2", "/api/v1/watch", "{\"stream\":\"other\"}").status == 409);
  CHECK(world.post("10.0.3.20", "/api/v1/watch", "{\"stream\":\"other\"}").status == 200);
}

TEST_CASE("what happens is told: who has gone, and who has another way for it") {
  World world;
  world.start_with_server(kClientRole, "10.0.4.20").context->options.watch = "small";
  world.network.run_for(seconds(3));
  CHECK(world.events("10.0.1.2", "node-came").size() == 1);
  world.look("10.0.1.2", seconds(3));
  world.network.kill(ip("10.0.3.20"));
  world.look("10.0.1.2", seconds(3));
  CHECK(world.events("10.0.1.2", "node-gone").size() == 1);
  CHECK_FALSE(world.events("10.0.1.2", "10.0.3.20").empty());
}

struct MemoryScreen final : Screen {
  [[nodiscard]] ScreenSize size() const override { return at; }
  Result<void> show(const std::vector<std::string>& lines) override {
    shown = lines;
    ++times;
    return {};
  }
  [[nodiscard]] bool has(const std::string& part) const {
    return std::ranges::any_of(shown,
                               [&](const std::string& line) { return line.find(part) != std::string::npos; });
  }
  ScreenSize at{160, 40};
  std::vector<std::string> shown;
  int times = 0;
};

TEST_CASE("--top shows streams with their trees, viewers, links and events, and keeps to its screen") {
  World world;
  MemoryScreen screen;
  Process& top = world.prepare(kClientRole, "10.0.8.1");
  top.context->screen = &screen;
  RoleOptions& options = top.context->options;
  options.top = true;
  options.overlay.kind = PeerKind::Guest;
  options.overlay.bootstrap.reset();
  options.overlay.access = {NodeId{ip("10.0.0.1")}};
  world.network.start(ip("10.0.8.1"), kClientRole.create(*top.context));
  world.network.run_for(seconds(6));
  CHECK(screen.times >= 5);
  CHECK(screen.has("5 nodes, 4 links, 2 streams"));
  CHECK(screen.has("small"));
  CHECK(screen.has("64x48"));
  CHECK(screen.has("n1 > n2 > "));  // names that n2 has asked the bootstrapper for
  CHECK(screen.has("10.0.9.1:"));   // the guest, at its node
  CHECK(screen.has("VIEWER"));
  CHECK(screen.has("LINK"));
  screen.at = {40, 8};
  world.network.run_for(seconds(2));
  CHECK(screen.shown.size() <= 8);
  for (const std::string& line : screen.shown) CHECK(line.size() <= 40 + 3);  // an ellipsis has three bytes
}

TEST_CASE("what happens is told: guests of a node that has died go on at another") {
  World world;
  Process& guest = world.start_with_server(kClientRole, "10.0.9.2", [](RoleOptions& options) {
    options.watch = "other";
    options.overlay.kind = PeerKind::Guest;
    options.overlay.bootstrap.reset();
    options.overlay.access = {NodeId{ip("10.0.2.2")}, NodeId{ip("10.0.1.2")}};
  });
  world.look("10.0.0.10", seconds(2));
  const bool at_n4 = guest.log.has("attached to 10.0.2.2");
  world.network.kill(ip(at_n4 ? "10.0.2.2" : "10.0.1.2"));
  world.look("10.0.0.10", seconds(8));
  CHECK_FALSE(world.events("10.0.0.10", "other: 1 viewer goes on at n").empty());
  CHECK_FALSE(world.events("10.0.0.10", "other: 1 viewer moved to n").empty());
}

TEST_CASE("what happens is told: for how long a way took is not known to a guest") {
  World world(R"({
    "10.0.0.10": { "neighbors": ["10.0.0.1"] },
    "10.0.0.1":  { "neighbors": ["10.0.0.10", "10.0.1.2", "10.0.2.2"] },
    "10.0.1.2":  { "neighbors": ["10.0.0.1", "10.0.3.20"] },
    "10.0.2.2":  { "neighbors": ["10.0.0.1", "10.0.3.20"] },
    "10.0.3.20": { "neighbors": ["10.0.1.2", "10.0.2.2"] } })");
  const auto all_look = [&world](int times) {
    for (int i = 0; i < times; ++i) {
      for (const char* at : {"10.0.0.10", "10.0.9.1"}) world.look(at, milliseconds(1));
    }
  };
  all_look(3);
  const auto routes = world.json("10.0.0.10", "/api/v1/routes", {{"stream", "small"}});
  REQUIRE(has(ways(routes["routes"][0]), "10.0.0.1 -> 10.0.1.2"));
  world.network.kill(ip("10.0.1.2"));
  all_look(4);
  const auto told = [&world](const std::string& at) {
    const auto events = world.events(at, R"("kind":"way")");
    REQUIRE_FALSE(events.empty());
    return events.front();
  };
  CHECK(has(told("10.0.0.10"), R"("took_ms":)"));
  CHECK_FALSE(has(told("10.0.0.10"), R"("took_ms":null)"));
  CHECK(has(told("10.0.9.1"), R"("took_ms":null)"));
}

TEST_CASE("what happens is told: who has lost all links says nothing of the others") {
  World world;
  world.look("10.0.3.20", seconds(1));
  world.network.kill(ip("10.0.1.2"));
  world.look("10.0.3.20", seconds(3));
  CHECK(world.events("10.0.3.20", "no link any more").size() == 1);
  CHECK(world.events("10.0.3.20", " is gone").empty());
}

TEST_CASE("each link that is shown is one between nodes that are shown") {
  World world;
  world.network.kill(ip("10.0.1.2"));
  world.network.run_for(seconds(1));
  for (const char* at : {"10.0.0.10", "10.0.0.1", "10.0.2.2", "10.0.3.20"}) {
    const rapidjson::Document overlay = world.json(at, "/api/v1/overlay");
    std::set<std::string> nodes;
    for (const auto& node : overlay["nodes"].GetArray()) nodes.insert(node["id"].GetString());
    for (const auto& link : overlay["links"].GetArray()) {
      CHECK(nodes.contains(link["from"].GetString()));
      CHECK(nodes.contains(link["to"].GetString()));
    }
  }
}

TEST_CASE("an origin knows its watchers before they ask") {
  World world;
  CHECK(world.json("10.0.0.10", "/api/v1/node")["limits"]["watches_refused"].GetUint64() == 0);
}

TEST_CASE("nobody is asked for trees and viewers while nobody looks") {
  World world;
  world.look("10.0.1.2", seconds(2));
  world.network.run_for(seconds(6));
  const auto bytes = [&world] { return world.network.bytes_between(ip("10.0.1.2"), ip("10.0.0.1")); };
  const std::uint64_t begin = bytes();
  world.network.run_for(seconds(5));
  const std::uint64_t quiet = bytes() - begin;
  world.look("10.0.1.2", seconds(5));
  CHECK(bytes() - begin - quiet > quiet + 500);
}

TEST_CASE("a process is ready once it has its place") {
  World world;
  CHECK(world.get("10.0.0.10", "/readyz").status == 200);
  CHECK(world.get("10.0.1.2", "/readyz").status == 200);
  CHECK(world.get("10.0.9.1", "/readyz").status == 200);
  world.network.kill(ip("10.0.0.1"));
  world.network.run_for(seconds(2));
  CHECK(world.get("10.0.2.2", "/readyz").status == 503);
}

}  // namespace
}  // namespace ott::sim
