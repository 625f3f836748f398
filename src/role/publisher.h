// Streams that begin at this node: takes frames from their sources when they are due, cuts them into records
// and puts these into the streams' rings. Workers read and convert, one frame ahead; a frame that is not
// ready when it is due is published as soon as it is. A source that is read from a file rests while the
// stream has no watchers.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "media/frame_ahead.h"
#include "media/live_frames.h"
#include "overlay/overlay.h"
#include "role/repeated_warning.h"
#include "role/role.h"

namespace ott {

class Publisher {
 public:
  Publisher(Overlay& overlay, Workers& workers, Log& log) : overlay_(overlay), workers_(workers), log_(log) {}

  /// Opens all sources. The error names the stream.
  Result<void> open(const std::vector<StreamSpec>& specs);
  /// Makes the streams known. REQUIRES: this node has its place in the overlay.
  Result<void> announce(Now now);
  [[nodiscard]] bool announced() const { return announced_; }
  /// Publishes what is due, and what workers have made ready.
  void step(Now now);
  [[nodiscard]] MonoTime next_deadline() const;
  /// Bytes of standard input, for the stream that reads it; empty: its end.
  void input(ByteSpan bytes, Now now);

 private:
  struct Stream {
    std::string name;
    std::optional<FrameAhead> ahead;  // either this one
    std::optional<LiveFrames> live;   // or that one
    StreamId id;
    FrameNumber last;
    MonoTime first_at{};
    MonoTime next_at = MonoTime::max();
    std::uint16_t rtp_sequence = 0;
    bool end_said = false;
    RepeatedWarning left_out;

    [[nodiscard]] const SourceInfo& info() const { return ahead ? ahead->info() : live->info(); }
    [[nodiscard]] Duration interval() const;
  };

  void step_ahead(Stream& stream, Now now);
  void read_ahead(Stream& stream, Now now);
  void publish_ahead(Stream& stream, const Result<SourceFrame>& frame, Now now);
  void drain_live(Stream& stream, Now now);
  void publish(Stream& stream, const SourceFrame& frame, Now arrived, Now now);

  Overlay& overlay_;
  Workers& workers_;
  Log& log_;
  std::vector<Stream> streams_;
  bool announced_ = false;
};

}  // namespace ott
