// Topologies that change at random under running overlays: no viewer loses a frame by it, or gets one twice,
// and in the end the links are those of the last topology.
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <set>

#include "lab.h"

namespace ott::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const std::string kServer = "10.0.0.10";
const std::vector<std::string> kRelays = {"10.0.1.1", "10.0.1.2", "10.0.1.3", "10.0.1.4", "10.0.1.5"};
const std::vector<std::string> kClients = {"10.0.2.1", "10.0.2.2", "10.0.2.3"};

/// Links between the server (0), relays and clients, such that the relays and the server are connected, and
/// each client has a relay or the server for a neighbour.
class RandomTopology {
 public:
  explicit RandomTopology(std::mt19937_64& random) {
    nodes_ = {kServer};
    nodes_.insert(nodes_.end(), kRelays.begin(), kRelays.end());
    const std::size_t relays = nodes_.size();
    for (std::size_t i = 1; i < relays; ++i) links_.insert({random() % i, i});
    for (int extra = 0; extra < 3; ++extra) {
      const std::size_t a = random() % relays;
      const std::size_t b = random() % relays;
      if (a != b) links_.insert(std::minmax(a, b));
    }
    for (const std::string& client : kClients) {
      nodes_.push_back(client);
      links_.insert({random() % relays, nodes_.size() - 1});
      if (random() % 2 == 0) links_.insert({random() % relays, nodes_.size() - 1});
    }
  }

  [[nodiscard]] std::set<std::string> neighbours(std::size_t node) const {
    std::set<std::string> all;
    for (const auto& [a, b] : links_) {
      if (a == node) all.insert(nodes_[b]);
      if (b == node) all.insert(nodes_[a]);
    }
    return all;
  }
  [[nodiscard]] const std::vector<std::string>& nodes() const { return nodes_; }
  [[nodiscard]] std::string json() const {
    std::string text;
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      std::string list;
      for (const std::string& neighbour : neighbours(i))
        list += (list.empty() ? "\"" : ", \"") + neighbour + "\"";
      text += (i == 0 ? "{\"" : ",\n \"") + nodes_[i] + R"(": {"neighbors": [)" + list + "]}";
    }
    return text + "}\n";
  }

 private:
  std::vector<std::string> nodes_;
  std::set<std::pair<std::size_t, std::size_t>> links_;
};

/// The peers of a process's links that are CONNECTED, by its last statistics.
std::set<std::string> linked(const Process& process) {
  rapidjson::Document line;
  line.Parse(process.stats.lines.back().c_str());
  std::set<std::string> peers;
  for (const auto& link : line["links"].GetArray()) {
    if (std::string_view(link["state"].GetString()) == "CONNECTED") peers.insert(link["peer"].GetString());
  }
  return peers;
}

TEST_CASE("a topology that changes all the time costs no viewer a frame") {
  const std::uint64_t seed = GENERATE(range(1U, 13U));
  CAPTURE(seed);
  const std::filesystem::path file =
      std::filesystem::temp_directory_path() / ("ottd-topology." + std::to_string(::getpid()) + ".json");
  std::mt19937_64 random(seed);
  std::optional<RandomTopology> topology;
  const auto change = [&] {
    topology.emplace(random);
    std::ofstream(file) << topology->json();
  };
  change();
  Lab lab(seed, topology->json());
  Process& server = lab.prepare(kBootstrapRole, kServer);
  server.context->options.topology_file = file.string();
  lab.network.start(ip(kServer), kBootstrapRole.create(*server.context));
  for (const std::string& relay : kRelays) lab.start(kNodeRole, relay);
  for (const std::string& client : kClients) lab.start(kClientRole, client);
  const auto frames = [&lab](const std::string& client) {
    return lab.processes[client].frames.frames.size();
  };
  for (const std::string& client : kClients) {
    REQUIRE(lab.network.run_until([&] { return frames(client) > 0; }, seconds(10)));
  }
  for (int round = 0; round < 20; ++round) {
    change();
    lab.network.signal(ip(kServer), Signal::Reload);
    lab.network.run_for(milliseconds(100 + random() % 1900));
  }
  lab.network.run_for(seconds(8));  // in which all links are there, and statistics are written
  std::filesystem::remove(file);

  for (std::size_t i = 0; i < topology->nodes().size(); ++i) {
    CAPTURE(topology->nodes()[i]);
    CHECK(linked(lab.processes[topology->nodes()[i]]) == topology->neighbours(i));
  }
  for (const std::string& client : kClients) {
    lab.network.signal(ip(client), Signal::Terminate);
    const Process& process = lab.processes[client];
    CAPTURE(client, process.stats.lines.back());
    CHECK(process.stat("frames_received") > 300);
    CHECK(process.stat("frames_lost") == 0);
    CHECK(process.stat("frames_skipped") == 0);
    CHECK(process.stat("frames_duplicate") == 0);
  }
  CHECK_FALSE(server.log.has("going on with the topology as it was"));
}

}  // namespace
}  // namespace ott::sim
