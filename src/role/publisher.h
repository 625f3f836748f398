// Streams that begin at this node: takes frames from their sources when they are due, cuts them into records
// and puts these into the streams' rings. Workers read and convert, one frame ahead; a frame that is not
// ready when it is due is published as soon as it is. What is no frame is refused, counted and warned of, and
// takes no frame's time. A source that is read from a file rests while the stream has no watchers. Viewers
// are told when a source has no frames, and when it has ended.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "media/frame_ahead.h"
#include "media/live_frames.h"
#include "overlay/overlay.h"
#include "role/frame_notices.h"
#include "ott/repeated_warning.h"
#include "role/role.h"
#include "role/stats.h"
#include "role/stream_description.h"

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
  /// False while the stream that reads it has frames enough, and keeps to a rate.
  [[nodiscard]] bool wants_input() const;
  void add_stats(StatsLine& line) const;

 private:
  struct Stream {
    explicit Stream(StreamDescription what) : description(std::move(what)) {}

    std::optional<FrameAhead> ahead;  // either this one
    std::optional<LiveFrames> live;   // or that one
    StreamId id;
    FrameNumber last;
    MonoTime first_at{};
    MonoTime next_at = MonoTime::max();
    std::uint16_t rtp_sequence = 0;
    bool over = false;  // the source has ended
    bool withdrawn = false;
    MonoTime withdraw_at = MonoTime::max();
    StreamDescription description;
    bool described = false;  // size and rate were logged
    std::uint64_t stalls = 0;
    RepeatedWarning stall_warning;
    bool stall_said = false;
    std::uint64_t refused = 0;
    unsigned refused_in_a_row = 0;
    std::uint64_t completed = 0;  // published frames that had no EOI
    std::string refusal;          // why the last one was refused
    RepeatedWarning refusals;
    RepeatedWarning left_out;
    FrameNotices notices;

    [[nodiscard]] const SourceInfo& info() const { return ahead ? ahead->info() : live->info(); }
    [[nodiscard]] const std::string& name() const { return description.info().name; }
    /// A live source that is not to be read faster than at a rate.
    [[nodiscard]] bool paced() const { return live && info().fps != 0; }
    [[nodiscard]] MonoTime next_deadline() const;
    /// The time of the next frame, one after the last, unless that is long over.
    void count_time(Now now);
  };

  void say_what_is_new(Stream& stream, Now now);
  void on_end(Stream& stream, Now now);
  void log_state(Stream& stream, StreamState before, Now now);
  void step_ahead(Stream& stream, Now now);
  void read_ahead(Stream& stream, Now now);
  void refuse(Stream& stream, const std::string& why, Now now);
  void warn_of_refusals(Stream& stream, Now now);
  void drain_live(Stream& stream, Now now);
  void publish(Stream& stream, const SourceFrame& frame, Now arrived, Now now);

  Overlay& overlay_;
  Workers& workers_;
  Log& log_;
  std::vector<Stream> streams_;
  bool announced_ = false;
};

}  // namespace ott
