// A source with times as an input: a worker reads it a little ahead, and each unit is pushed when it is due.
// Parts that were written one behind the other wait for each other no longer than it takes to read on. A
// source that falls behind counts its time anew, all parts alike.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "media/input.h"
#include "media/timed_source.h"
#include "ott/worker.h"

namespace ott {

class TimedInput final : public Input {
 public:
  /// How far it is read ahead of what is due, and the bounds on what is kept meanwhile.
  static constexpr Duration kAhead = std::chrono::milliseconds(200);
  static constexpr std::size_t kUnitsMax = 4'096;
  static constexpr std::size_t kBytesMax = std::size_t{32} << 20;

  TimedInput(std::unique_ptr<TimedSource> source, InputSink& sink, Workers& workers);
  ~TimedInput() override;

  void probe(Now now) override { sink_.on_parts(parts_, now); }
  void start(Now now) override;
  /// The source stays where it is, and goes on from there; but what shows the time is drawn anew.
  void stop(Now now) override;
  void step(Now now) override;
  [[nodiscard]] MonoTime next_deadline() const override;

 private:
  class Reading;
  struct Queue {
    std::deque<PackedUnit> units;
    std::optional<Duration> newest;  // that was read
  };

  void collect(Now now);
  void keep(Reading& done);
  void read_ahead(Now now);
  void push_due(Now now);
  [[nodiscard]] Duration due(const Queue& queue) const;
  [[nodiscard]] Queue* first_due();
  [[nodiscard]] const Queue* first_due() const { return const_cast<TimedInput*>(this)->first_due(); }
  [[nodiscard]] std::optional<Duration> known_until() const;
  [[nodiscard]] bool has_units() const { return units_ > 0; }
  [[nodiscard]] MonoTime time_of(Duration time) const { return zero_.mono + time; }

  InputSink& sink_;
  std::vector<MediaPart> parts_;
  bool shows_time_;
  std::unique_ptr<WorkQueue> queue_;
  std::unique_ptr<Reading> job_;  // null while it is away
  std::vector<Queue> queues_;     // by part
  std::size_t units_ = 0;         // in all of them
  std::size_t bytes_ = 0;
  Now zero_{};  // of the source's times
  Duration position_{};
  MonoTime read_at_ = MonoTime::min();  // not before, after nothing but errors
  bool unwanted_ = false;               // what is being read
  bool source_ended_ = false;
  bool started_ = false;
  bool over_ = false;
};

}  // namespace ott
