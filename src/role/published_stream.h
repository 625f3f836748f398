// One stream that begins at this node: one part of what an input has (published_input.h). Access units become
// records in the stream's ring: a JPEG is converted where it must be and cut into packets; the RTP packets of
// other formats are written as they are. Viewers are told when no frame comes, and when the stream has ended.
#pragma once

#include <optional>
#include <string>

#include "media/input.h"
#include "media/live_frames.h"
#include "media/media_clock.h"
#include "media/placeholder.h"
#include "ott/repeated_warning.h"
#include "overlay/overlay.h"
#include "role/frame_notices.h"
#include "role/role.h"
#include "role/stats.h"
#include "role/stream_description.h"

namespace ott {

class PublishedStream {
 public:
  /// How often a frame at which decoding cannot begin tells when it was taken; the others all do.
  static constexpr Duration kInstantInterval = std::chrono::milliseconds(250);

  struct Config {
    StreamInfo info;               // as far as it is known at the start, without an id
    std::uint32_t generation = 0;  // another for each stream of this name
    bool has_other_parts = false;  // the source has more than this stream
  };
  /// `source` outlives it.
  PublishedStream(Overlay& overlay, RoleContext& context, const SourceInfo& source, Config config);

  [[nodiscard]] const StreamInfo& info() const { return description_.info(); }
  [[nodiscard]] bool is_known() const { return !info().format.encoding.empty(); }
  [[nodiscard]] std::string log_name() const;

  /// Makes the stream known. `expected`: frames are asked for.
  Result<void> offer(bool expected, Now now);
  /// Lists it no more; it may be offered again.
  void withdraw();
  [[nodiscard]] bool offered() const { return offered_; }
  /// It has ended, and is listed no more.
  [[nodiscard]] bool gone() const { return gone_; }
  [[nodiscard]] bool is_watched() const;
  /// The input has started, or stopped.
  void expect_frames(bool expected, Now now);
  /// No frame will come any more.
  void end(StreamState state, Now now);

  /// True: it is published. False: it waits for a worker, or the stream is not offered. The error says why it
  /// is refused.
  Result<bool> push(const AccessUnit& unit);
  /// The same of the next frame that a worker has converted; nullopt: none is ready.
  std::optional<Result<bool>> publish_converted(Now now);
  /// A worker has a frame.
  [[nodiscard]] bool busy() const { return frames_.busy(); }

  /// Says what there is to say.
  void step(Now now);
  [[nodiscard]] MonoTime next_deadline() const;
  [[nodiscard]] std::uint64_t frames() const { return last_.value; }
  /// So many of the input's frames were refused.
  void set_frames_refused(std::uint64_t frames);
  void add_stats(StatsLine& line, std::uint64_t refused, const InputFigures& figures) const;

 private:
  [[nodiscard]] bool paced() const { return source_.live && source_.fps != 0; }
  Result<bool> take(const Result<LiveFrame>& frame, Now now);
  void publish(const LiveFrame& frame, Now now);
  Result<bool> publish_packets(const AccessUnit& unit);
  void on_frame(unsigned width, unsigned height, Now arrived);
  void write_records(const LiveFrame& frame, Now now);
  void write_packets(const AccessUnit& unit);
  [[nodiscard]] std::uint32_t rtp_timestamp(const LiveFrame& frame);
  [[nodiscard]] std::optional<WallTime> instant_due(std::optional<WallTime> instant, bool sync_point,
                                                    Now now);
  void show_placeholder(Now now);
  void say_what_is_new(Now now);
  void log_state(StreamState before, Now now);

  Overlay& overlay_;
  const RoleContext& context_;
  Log& log_;
  const SourceInfo& source_;
  const Config config_;
  const bool is_jpeg_;
  const std::size_t packet_bytes_max_;  // of a JPEG
  LiveFrames frames_;
  StreamDescription description_;
  Placeholder placeholder_;
  MonoTime placeholder_at_ = MonoTime::max();  // when it is shown next
  bool offered_ = false;
  bool gone_ = false;
  bool over_ = false;
  MonoTime withdraw_at_ = MonoTime::max();

  FrameNumber last_;
  MonoTime last_at_{};  // when it was published
  MediaClock clock_;
  std::uint16_t rtp_sequence_ = 0;
  MonoTime instant_at_{};  // when the next frame says when it was taken

  std::uint64_t completed_ = 0;  // published frames that had no EOI
  RepeatedWarning left_out_;
  std::uint64_t stalls_ = 0;
  RepeatedWarning stall_warning_;
  bool stall_said_ = false;
  bool described_ = false;  // size and rate were logged
  FrameNotices notices_;
};

}  // namespace ott
