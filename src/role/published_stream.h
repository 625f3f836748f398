// One stream that begins at this node: takes the frames that its input pushes, cuts them into records and
// puts these into the stream's ring. The input runs while the stream is watched, and for its linger time
// after; one that does not wait for viewers runs always. What is no frame is refused, counted and warned of.
// Viewers are told when the source has no frames, and when it has ended. A stream on standby is offered only
// while no other origin offers one of its name that has frames.
#pragma once

#include <functional>
#include <memory>
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

class PublishedStream final : public InputSink {
 public:
  /// `wake`: has step() called in this round of the loop.
  PublishedStream(Overlay& overlay, RoleContext& context, std::function<void()> wake);

  /// The error names the stream.
  Result<void> open(const StreamSpec& spec, Now now);
  /// Makes the stream known. REQUIRES: this node has its place in the overlay.
  Result<void> announce(Now now);
  void step(Now now);
  [[nodiscard]] MonoTime next_deadline() const;
  void add_stats(StatsLine& line) const;

  void push(const AccessUnit& unit) override;
  void refuse(const std::string& why, Now now) override;
  void on_connected(const std::string& what, Now now) override;
  void on_lost(const std::string& why, Now now) override;
  void on_end(Now now) override;

 private:
  [[nodiscard]] const SourceInfo& source() const { return input_->info(); }
  [[nodiscard]] const std::string& name() const { return description_.info().name; }
  /// A live source that is not to be read faster than at a rate.
  [[nodiscard]] bool paced() const { return source().live && source().fps != 0; }
  [[nodiscard]] std::string log_name() const;
  void run_input(Now now);
  void start_input(Now now);
  void stop_input(Now now);
  void release(Now now);
  void drain(Now now);
  void take(const Result<LiveFrame>& frame, Now now);
  void publish(const LiveFrame& frame, Now now);
  void write_records(const LiveFrame& frame, Now now);
  [[nodiscard]] std::uint32_t rtp_timestamp(const LiveFrame& frame);
  void hold_until_due(Now now);
  void show_placeholder(Now now);
  [[nodiscard]] bool is_served_elsewhere() const;
  Result<void> offer(Now now);
  void stand_by(Now now);
  void warn(Now now);
  void say_what_is_new(Now now);
  void log_state(StreamState before, Now now);

  Overlay& overlay_;
  RoleContext& context_;
  Log& log_;
  std::function<void()> wake_;
  std::unique_ptr<Input> input_;
  LiveFrames frames_;
  StreamDescription description_;
  Placeholder placeholder_;
  MonoTime placeholder_at_ = MonoTime::max();  // when it is shown next
  bool announced_ = false;                     // this node has its place in the overlay
  bool offered_ = false;                       // the stream is known; always, but when it stands by
  MonoTime stand_by_at_ = MonoTime::max();     // when it is offered no more, or offered
  bool others_known_ = false;                  // which streams other origins offer
  bool started_ = false;                       // the input
  MonoTime stop_at_ = MonoTime::max();
  bool over_ = false;  // the source has ended
  bool withdrawn_ = false;
  MonoTime withdraw_at_ = MonoTime::max();
  bool held_ = false;                   // a paced input, until next_at_
  MonoTime next_at_ = MonoTime::max();  // when its next frame is due

  FrameNumber last_;
  MonoTime last_at_{};  // when it was published
  MediaClock clock_;
  std::uint16_t rtp_sequence_ = 0;

  std::uint64_t completed_ = 0;  // published frames that had no EOI
  std::uint64_t refused_ = 0;
  std::string refusal_;  // why the last one was refused
  RepeatedWarning refusals_;
  RepeatedWarning left_out_;
  std::uint64_t stalls_ = 0;
  RepeatedWarning stall_warning_;
  bool stall_said_ = false;
  std::uint64_t losses_ = 0;
  std::string loss_;  // why the source was lost last
  RepeatedWarning loss_warning_;
  bool lost_ = false;
  std::uint64_t returns_ = 0;
  RepeatedWarning return_notice_;
  bool described_ = false;  // size and rate were logged
  FrameNotices notices_;
};

}  // namespace ott
