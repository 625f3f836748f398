// A source with a rate of ours as an input: a worker reads it one frame ahead, and a frame is pushed when it
// is due; one that is not ready then, as soon as it is. What is refused takes no frame's time.
#pragma once

#include "media/frame_ahead.h"
#include "media/input.h"

namespace ott {

class PacedInput final : public Input {
 public:
  PacedInput(std::unique_ptr<Source> source, InputSink& sink, Workers& workers);

  void start(Now now) override;
  /// The source stays where it is, and goes on from there; but what shows the time is drawn anew.
  void stop(Now now) override;
  void step(Now now) override;
  [[nodiscard]] MonoTime next_deadline() const override;

 private:
  void read_ahead(Now now);
  bool refuse_what_is_none(Now now);
  void count_time(Now now);

  InputSink& sink_;
  FrameAhead ahead_;
  std::uint64_t frames_ = 0;  // pushed so far
  MonoTime next_at_ = MonoTime::max();
  unsigned refused_in_a_row_ = 0;
  bool started_ = false;
  bool over_ = false;
};

}  // namespace ott
