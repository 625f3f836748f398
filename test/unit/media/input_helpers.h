// A sink for inputs under test: keeps what they push and say.
#pragma once

#include <string>
#include <vector>

#include "media/input.h"

namespace ott::test {

inline Now at_ms(std::int64_t ms) {
  return {MonoTime(std::chrono::milliseconds(ms)), WallTime(std::chrono::milliseconds(ms))};
}

struct Sink final : InputSink {
  /// An access unit of packets.
  struct Unit {
    std::size_t part = 0;
    std::vector<std::vector<std::uint8_t>> packets;
    Now arrived;
    std::uint32_t media_time = 0;
    std::optional<WallTime> instant;
    bool sync_point = false;

    /// Behind the fixed header.
    [[nodiscard]] std::vector<std::uint8_t> payload(std::size_t packet = 0) const {
      return {packets[packet].begin() + 12, packets[packet].end()};
    }
  };

  void on_parts(const std::vector<MediaPart>& now_there, Now) override { parts = now_there; }
  void push(const AccessUnit& unit) override {
    if (!unit.packets.empty()) {
      units.push_back(
          {unit.part, {}, unit.arrived, unit.media_time.value_or(0), unit.instant, unit.sync_point});
      for (const ByteSpan packet : unit.packets)
        units.back().packets.emplace_back(packet.begin(), packet.end());
      return;
    }
    frames.emplace_back(unit.bytes.begin(), unit.bytes.end());
    arrived.push_back(unit.arrived.mono);
    media_times.push_back(unit.media_time);
    instants.push_back(unit.instant);
    if (hold_after_each != nullptr) hold_after_each->hold(true, unit.arrived);
  }
  void refuse(const std::string& why, Now) override { refused.push_back(why); }
  void on_connected(const std::string& what, Now) override { connected.push_back(what); }
  void on_lost(const std::string& why, Now) override { lost.push_back(why); }
  void on_end(Now) override { ended = true; }

  std::vector<MediaPart> parts;
  std::vector<Unit> units;
  std::vector<std::vector<std::uint8_t>> frames;  // of JPEG
  std::vector<MonoTime> arrived;
  std::vector<std::optional<std::uint32_t>> media_times;
  std::vector<std::optional<WallTime>> instants;
  std::vector<std::string> refused, connected, lost;
  bool ended = false;
  Input* hold_after_each = nullptr;
};

}  // namespace ott::test
