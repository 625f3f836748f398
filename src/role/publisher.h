// Streams that begin at this node: takes frames from their sources when they are due, cuts them into records
// and puts these into the streams' rings. A source that is read from a file rests while nobody watches.
#pragma once

#include <memory>
#include <vector>

#include "media/source.h"
#include "overlay/overlay.h"
#include "role/role.h"

namespace ott {

class Publisher {
 public:
  Publisher(Overlay& overlay, Log& log) : overlay_(overlay), log_(log) {}

  /// Opens all sources. The error names the stream.
  Result<void> open(const std::vector<StreamSpec>& specs);
  /// Makes the streams known. REQUIRES: this node has its place in the overlay.
  Result<void> announce(Now now);
  [[nodiscard]] bool announced() const { return announced_; }
  /// Publishes what is due.
  void step(Now now);
  [[nodiscard]] MonoTime next_deadline() const;
  /// Bytes of standard input, for the stream that reads it; empty: its end.
  void input(ByteSpan bytes, Now now);
  [[nodiscard]] bool reads_input() const;

 private:
  struct Stream {
    std::string name;
    std::unique_ptr<Source> source;
    StreamId id;
    FrameNumber last;
    MonoTime first_at{};
    MonoTime next_at = MonoTime::max();
    std::uint16_t rtp_sequence = 0;
    bool complained = false;
  };

  void publish_next(Stream& stream, Now now);
  bool publish(Stream& stream, ByteSpan jpeg, Now now);
  void drain_live(Stream& stream, Now now);
  [[nodiscard]] static Duration interval(const Stream& stream);

  Overlay& overlay_;
  Log& log_;
  std::vector<Stream> streams_;
  bool announced_ = false;
};

}  // namespace ott
