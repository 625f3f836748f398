// Bootstrapper, relays and clients, the real roles, in one process on a virtual network and clock.
#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <rapidjson/document.h>

#include "network.h"
#include "role/role_table.h"

namespace ott::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

IpAddress ip(const std::string& text) { return parse_ip(text).value(); }

struct MemoryLog : Log {
  void line(LogLevel, const std::string& text) override { lines.push_back(text); }
  [[nodiscard]] bool has(const std::string& part) const {
    return std::any_of(lines.begin(), lines.end(),
                       [&part](const std::string& line) { return line.find(part) != std::string::npos; });
  }
  std::vector<std::string> lines;
};

struct MemoryLines : LineSink {
  Result<void> write(const std::string& line) override {
    lines.push_back(line);
    return {};
  }
  std::vector<std::string> lines;
};

struct MemoryFrames : FrameSink {
  Result<void> write(ByteSpan jpeg) override {
    frames.emplace_back(jpeg.begin(), jpeg.end());
    return {};
  }
  std::vector<std::vector<std::uint8_t>> frames;
};

/// One process of the overlay: its role's context, and where its output goes.
struct Process {
  MemoryLog log;
  MemoryLines stats;
  MemoryFrames frames;
  std::unique_ptr<RoleContext> context;

  [[nodiscard]] std::uint64_t stat(const char* name) const {
    rapidjson::Document line;
    line.Parse(stats.lines.back().c_str());
    return line[name].GetUint64();
  }
};

constexpr const char* kTopology = R"({
  "10.0.0.10": { "name": "server", "neighbors": ["10.0.0.1"] },
  "10.0.0.1":  { "name": "n2", "neighbors": ["10.0.0.10", "10.0.1.2", "10.0.2.2"] },
  "10.0.1.2":  { "name": "n3", "neighbors": ["10.0.0.1", "10.0.3.20"] },
  "10.0.2.2":  { "name": "n4", "neighbors": ["10.0.0.1", "10.0.4.20"] },
  "10.0.3.20": { "name": "n5", "neighbors": ["10.0.1.2"] },
  "10.0.4.20": { "name": "n6", "neighbors": ["10.0.2.2"] }
})";

class Lab {
 public:
  explicit Lab(std::uint64_t seed) : network(seed) {}

  Process& start(const RoleSpec& role, const std::string& address) {
    Process& process = processes[address];
    process.context = std::make_unique<RoleContext>(RoleContext{{}, process.log, nullptr, nullptr, nullptr, nullptr});
    process.context->stats = &process.stats;
    process.context->frames = &process.frames;
    OverlayConfig& overlay = process.context->options.overlay;
    overlay.local_addresses = {ip(address)};
    overlay.incarnation = ++incarnation;
    overlay.random_seed = incarnation;
    overlay.ring_bytes = 1U << 20U;
    if (&role == &kBootstrapRole) {
      overlay.kind = PeerKind::Bootstrap;
      overlay.id = NodeId{ip(address)};
      overlay.topology = parse_topology(kTopology, "test.json").value();
      process.context->options.publish = {{"small", "pattern:64x48@25"}, {"other", "pattern:32x32@5"}};
    } else {
      overlay.kind = &role == &kClientRole ? PeerKind::Client : PeerKind::Node;
      overlay.bootstrap = NodeId{ip("10.0.0.10")};
    }
    network.start(ip(address), role.create(*process.context));
    return process;
  }

  void start_relays() {
    for (const char* address : {"10.0.0.1", "10.0.1.2", "10.0.2.2"}) start(kNodeRole, address);
  }

  Network network;
  std::map<std::string, Process> processes;
  std::uint64_t incarnation = 0;
};

TEST_CASE("two members and a guest see every frame, whatever starts first") {
  const std::uint64_t seed = GENERATE(1, 2, 3, 4, 5, 6, 7, 8);
  CAPTURE(seed);
  Lab lab(seed);
  const bool server_first = seed % 2 == 0;
  if (server_first) lab.start(kBootstrapRole, "10.0.0.10");
  Process& n5 = lab.start(kClientRole, "10.0.3.20");
  Process& n6 = lab.start(kClientRole, "10.0.4.20");
  lab.start_relays();
  lab.network.run_for(milliseconds(700));
  if (!server_first) lab.start(kBootstrapRole, "10.0.0.10");
  Process& guest = lab.start(kClientRole, "192.168.7.7");
  REQUIRE(lab.network.run_until([&] { return !n5.frames.frames.empty() && !n6.frames.frames.empty(); }, seconds(10)));
  lab.network.run_for(seconds(10));
  for (const char* address : {"10.0.3.20", "10.0.4.20", "192.168.7.7"}) lab.network.signal(ip(address), Signal::Terminate);
  for (Process* client : {&n5, &n6, &guest}) {
    REQUIRE(client->stats.lines.back().find("\"final\":true") != std::string::npos);
    CHECK(client->stat("frames_received") > 230);
    CHECK(client->stat("frames_lost") == 0);
    CHECK(client->stat("frames_skipped") == 0);
    CHECK(client->stat("frames_duplicate") == 0);
    CHECK(client->stat("frames_received") == client->frames.frames.size());
  }
  CHECK(n5.stat("hops") == 3);
  CHECK(n5.log.has("ping"));
}

TEST_CASE("each link carries each frame once, and none when nobody watches") {
  Lab lab(11);
  lab.start(kBootstrapRole, "10.0.0.10");
  lab.start_relays();
  Process& n5 = lab.start(kClientRole, "10.0.3.20");
  Process& n6 = lab.start(kClientRole, "10.0.4.20");
  REQUIRE(lab.network.run_until([&] { return n5.frames.frames.size() > 5 && n6.frames.frames.size() > 5; }, seconds(10)));
  const auto sent = [&lab](const char* from, const char* to) { return lab.network.bytes_between(ip(from), ip(to)); };
  const std::uint64_t shared_before = sent("10.0.0.10", "10.0.0.1");
  const std::uint64_t branch_before = sent("10.0.0.1", "10.0.1.2");
  lab.network.run_for(seconds(20));
  const auto shared = static_cast<double>(sent("10.0.0.10", "10.0.0.1") - shared_before);
  const auto branch = static_cast<double>(sent("10.0.0.1", "10.0.1.2") - branch_before);
  CHECK(shared == Approx(branch).epsilon(0.01));

  lab.network.signal(ip("10.0.3.20"), Signal::Terminate);
  lab.network.signal(ip("10.0.4.20"), Signal::Terminate);
  lab.network.run_for(seconds(2));
  const std::uint64_t quiet_before = sent("10.0.0.10", "10.0.0.1");
  lab.network.run_for(seconds(10));
  // Signs of life and link states are left: far less than one frame a second.
  CHECK(sent("10.0.0.10", "10.0.0.1") - quiet_before < 10'000);
}

TEST_CASE("clients of different streams each get their own") {
  Lab lab(21);
  lab.start(kBootstrapRole, "10.0.0.10");
  lab.start_relays();
  Process& n5 = lab.start(kClientRole, "10.0.3.20");
  lab.network.run_for(milliseconds(10));
  Process& n6 = lab.start(kClientRole, "10.0.4.20");
  n6.context->options.watch = "other";
  lab.network.run_for(seconds(10));
  CHECK(n5.frames.frames.size() > 230);
  CHECK(n6.frames.frames.size() > 40);
  CHECK(n6.frames.frames.size() < 60);
}

TEST_CASE("a node whose address is not in the topology is told so and ends") {
  Lab lab(31);
  lab.start(kBootstrapRole, "10.0.0.10");
  lab.start(kNodeRole, "10.9.9.9");
  lab.network.run_for(seconds(2));
  const auto exit = lab.network.exit_of(ip("10.9.9.9"));
  REQUIRE(exit);
  CHECK(exit->status == 1);
  CHECK(exit->message.find("no node with the address 10.9.9.9") != std::string::npos);
}

TEST_CASE("a client that stands still is nobody else's trouble, and goes on afterwards") {
  Lab lab(41);
  lab.start(kBootstrapRole, "10.0.0.10");
  lab.start_relays();
  Process& n5 = lab.start(kClientRole, "10.0.3.20");
  Process& n6 = lab.start(kClientRole, "10.0.4.20");
  REQUIRE(lab.network.run_until([&] { return n5.frames.frames.size() > 5 && n6.frames.frames.size() > 5; }, seconds(10)));
  lab.network.stop(ip("10.0.3.20"));
  lab.network.run_for(seconds(5));
  const std::size_t before = n5.frames.frames.size();
  lab.network.resume(ip("10.0.3.20"));
  lab.network.run_for(seconds(5));
  CHECK(n5.frames.frames.size() > before + 100);
  CHECK(n6.stat("frames_lost") == 0);
  CHECK(n6.stat("frames_skipped") == 0);
  CHECK(n6.frames.frames.size() > 240);
}

TEST_CASE("a relay that dies is gone around") {
  Lab lab(51);
  lab.start(kBootstrapRole, "10.0.0.10");
  lab.start_relays();
  Process& n5 = lab.start(kClientRole, "10.0.3.20");
  REQUIRE(lab.network.run_until([&] { return n5.frames.frames.size() > 5; }, seconds(10)));
  lab.network.kill(ip("10.0.1.2"));
  lab.network.run_for(seconds(3));
  lab.start(kNodeRole, "10.0.1.2");
  const std::size_t before = n5.frames.frames.size();
  REQUIRE(lab.network.run_until([&] { return n5.frames.frames.size() > before + 50; }, seconds(30)));
  CHECK(n5.stat("frames_duplicate") == 0);
}

}  // namespace
}  // namespace ott::sim
