// An MPEG transport stream (ISO/IEC 13818-1) as MP2T of RFC 2250: a unit is up to seven packets of 188 bytes,
// and begins with the programme's tables where these come, so that decoding can begin there. Its times are
// those of the programme clock, between two of which the bit rate counts. Which packets are the video's, and
// so which can be sync points, the tables say.
#pragma once

#include <optional>

#include "media/media_splitter.h"

namespace ott {

/// True of bytes that hold one packet, and the beginning of another.
bool is_transport_stream(ByteSpan start);

class TsSplitter final : public MediaSplitter {
 public:
  static constexpr std::size_t kPacketBytes = 188;
  static constexpr std::size_t kPacketsEach = 7;

  TsSplitter();
  Result<std::optional<ByteSpan>> next() override;

 private:
  struct ProgrammeClock {
    Duration time{};          // of the last reference
    std::uint64_t bytes = 0;  // since it
    double ns_each = 0;       // for a byte, between the two before
  };

  [[nodiscard]] bool ends_unit() const;
  [[nodiscard]] ByteSpan behind_unit() const { return window().subspan(packets_ * kPacketBytes); }
  void look_at(ByteSpan packet);
  void take_clock(std::uint64_t ticks);
  void read_tables(unsigned pid, ByteSpan payload);
  Result<std::optional<ByteSpan>> resynchronise();
  void on_reset() override;

  std::size_t packets_ = 0;  // of the unit under way
  bool is_sync_ = false;
  std::optional<Duration> unit_time_;
  std::optional<ProgrammeClock> clock_;
  std::optional<unsigned> map_pid_, clock_pid_, video_pid_;
};

}  // namespace ott
