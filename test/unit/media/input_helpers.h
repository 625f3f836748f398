// A sink for inputs under test: keeps what they push and say.
#pragma once

#include <string>
#include <vector>

#include "media/input.h"

namespace ott::test {

inline Now at_ms(std::int64_t ms) {
  return {MonoTime(std::chrono::milliseconds(ms)), WallTime(std::chrono::milliseconds(ms))};
}

/// A unit that is RTP packets, with copies of what it pointed to.
struct PacketUnit {
  std::size_t part = 0;
  std::uint32_t media_time = 0;
  std::optional<WallTime> instant;
  bool sync_point = false;
  Now arrived;
  std::vector<std::vector<std::uint8_t>> packets;

  /// Behind the fixed header.
  [[nodiscard]] std::vector<std::uint8_t> payload(std::size_t packet = 0) const {
    return {packets[packet].begin() + 12, packets[packet].end()};
  }
};

struct Sink final : InputSink {
  void on_parts(const std::vector<MediaPart>& of, Now) override { parts = of; }
  void push(const AccessUnit& unit) override {
    if (!unit.packets.empty()) return push_packets(unit);
    instants.push_back(unit.instant);
    frames.emplace_back(unit.bytes.begin(), unit.bytes.end());
    arrived.push_back(unit.arrived.mono);
    media_times.push_back(unit.media_time);
    if (hold_after_each != nullptr) hold_after_each->hold(true, unit.arrived);
  }
  void refuse(const std::string& why, Now) override { refused.push_back(why); }
  void on_connected(const std::string& what, Now) override { connected.push_back(what); }
  void on_lost(const std::string& why, Now) override { lost.push_back(why); }
  void on_end(Now) override { ended = true; }

  void push_packets(const AccessUnit& unit) {
    PacketUnit copy{unit.part, unit.media_time.value_or(0), unit.instant, unit.sync_point, unit.arrived, {}};
    for (const ByteSpan packet : unit.packets) copy.packets.emplace_back(packet.begin(), packet.end());
    units.push_back(std::move(copy));
  }

  std::vector<MediaPart> parts;
  std::vector<PacketUnit> units;                  // of parts that are not JPEG
  std::vector<std::optional<WallTime>> instants;  // of the frames
  std::vector<std::vector<std::uint8_t>> frames;
  std::vector<MonoTime> arrived;
  std::vector<std::optional<std::uint32_t>> media_times;
  std::vector<std::string> refused, connected, lost;
  bool ended = false;
  Input* hold_after_each = nullptr;
};

}  // namespace ott::test
