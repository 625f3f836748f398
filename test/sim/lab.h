// What tests of whole overlays in memory share: processes with their output in memory, and a log to look at.
#pragma once

#include <rapidjson/document.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "inline_workers.h"
#include "memory_inputs.h"
#include "network.h"
#include "role/role_table.h"

namespace ott::sim {

inline IpAddress ip(const std::string& text) { return parse_ip(text).value(); }

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
  std::unique_ptr<MemoryInputs> inputs;
  std::unique_ptr<RoleContext> context;

  /// A member of the last statistics line. REQUIRES: there is a line.
  [[nodiscard]] std::uint64_t stat(const char* name) const {
    rapidjson::Document line;
    line.Parse(stats.lines.back().c_str());
    return line[name].GetUint64();
  }
};

/// The overlay of scenario 1: server n1, relays n2, n3, n4, laptops n5, n6.
inline constexpr const char* kClassicTopology = R"({
  "10.0.0.10": { "name": "n1", "neighbors": ["10.0.0.1"] },
  "10.0.0.1":  { "name": "n2", "neighbors": ["10.0.0.10", "10.0.1.2", "10.0.2.2"] },
  "10.0.1.2":  { "name": "n3", "neighbors": ["10.0.0.1", "10.0.3.20"] },
  "10.0.2.2":  { "name": "n4", "neighbors": ["10.0.0.1", "10.0.4.20"] },
  "10.0.3.20": { "name": "n5", "neighbors": ["10.0.1.2"] },
  "10.0.4.20": { "name": "n6", "neighbors": ["10.0.2.2"] }
})";

class Lab {
 public:
  explicit Lab(std::uint64_t seed, std::string topology = kClassicTopology, NetworkOptions options = {})
      : network(seed, options), topology_(std::move(topology)) {}

  /// Makes a process without starting it, so that a test can change its options.
  Process& prepare(const RoleSpec& role, const std::string& address) {
    Process& process = processes[address];
    process.context = std::make_unique<RoleContext>(RoleContext{{}, process.log});
    process.context->stats = &process.stats;
    process.context->frames = &process.frames;
    process.context->workers = &workers;
    process.inputs = std::make_unique<MemoryInputs>(workers);
    process.context->inputs = process.inputs.get();
    OverlayConfig& overlay = process.context->options.overlay;
    overlay.local_addresses = {ip(address)};
    overlay.incarnation = ++incarnation_;
    overlay.random_seed = incarnation_;
    overlay.ring_bytes = 1U << 20U;
    if (&role == &kBootstrapRole) {
      overlay.kind = PeerKind::Bootstrap;
      overlay.id = NodeId{ip(address)};
      overlay.topology = parse_topology(topology_, "test.json").value();
      process.context->options.publish = {{"small", "pattern:64x48@25"}, {"other", "pattern:32x32@5"}};
    } else {
      overlay.kind = &role == &kClientRole ? PeerKind::Client : PeerKind::Node;
      overlay.bootstrap = NodeId{ip("10.0.0.10")};
    }
    return process;
  }

  Process& start(const RoleSpec& role, const std::string& address) {
    Process& process = prepare(role, address);
    network.start(ip(address), role.create(*process.context));
    return process;
  }

  void start_relays() {
    for (const char* address : {"10.0.0.1", "10.0.1.2", "10.0.2.2"}) start(kNodeRole, address);
  }

  InlineWorkers workers;
  std::map<std::string, Process> processes;
  Network network;

 private:
  std::string topology_;
  std::uint64_t incarnation_ = 0;
};

}  // namespace ott::sim
