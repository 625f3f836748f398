// What one direction of a long link does to Ethernet frames: delay, jitter, loss, duplication, reordering, a
// rate. It decides and does no I/O: frames and their times of arrival go in, frames come out once they are
// due, never earlier. One thread; the same seed gives the same decisions. The rules are those of Linux's
// netem queue (tc-netem(8)), so that a network behaves alike with either.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "ott/result.h"
#include "ott/time.h"

namespace ott::wire {

/// What happens to the frames of one direction.
struct Impairment {
  Duration delay{};
  Duration jitter{};  // each frame's delay is uniform in delay ± jitter, and never below 0
  double loss = 0;    // the share of frames, 0 to 1; so are the next two
  double duplicate = 0;
  double reorder = 0;        // these go without delay, past all that wait
  std::uint64_t rate = 0;    // bit/s of whole frames, one after the other and in order; 0: no limit
  std::size_t limit = 1000;  // frames that wait or are on their way; one more is dropped

  friend bool operator==(const Impairment&, const Impairment&) = default;
};

/// Reads words as tc-netem(8) has them: "delay 20ms jitter 2ms loss 0.5% duplicate 1% reorder 1% rate 10mbit
/// limit 500", in any order, none twice. What is not named is as in a new Impairment. The error says which
/// word is wrong.
[[nodiscard]] Result<Impairment> parse_impairment(std::string_view words);
/// In the same words; what does nothing is left out.
[[nodiscard]] std::string to_words(const Impairment& impairment);

struct LineCounters {
  std::uint64_t frames_in = 0;
  std::uint64_t bytes_in = 0;
  std::uint64_t frames_out = 0;
  std::uint64_t bytes_out = 0;
  std::uint64_t lost = 0;
  std::uint64_t duplicated = 0;
  std::uint64_t reordered = 0;
  std::uint64_t overflowed = 0;  // came when `limit` frames were there
};

/// A frame as whoever performs keeps it; the line never looks into it.
using Frame = std::vector<std::uint8_t>;

class DelayLine {
 public:
  struct Due {
    Frame frame;
    MonoTime due;
  };

  DelayLine(const Impairment& impairment, std::uint64_t seed) : impairment_(impairment), random_(seed) {}

  /// For frames from now on. Those that are on their way keep their times.
  void change(const Impairment& impairment) { impairment_ = impairment; }
  [[nodiscard]] const Impairment& impairment() const { return impairment_; }

  /// Takes a frame of so many bytes on the wire that arrived at that time. Gives it back if nothing will come
  /// of it, so that its memory can be used again.
  std::optional<Frame> push(Frame frame, std::size_t bytes, MonoTime arrived);
  /// When pop() will have a frame; nothing while the line is empty.
  [[nodiscard]] std::optional<MonoTime> next_due() const;
  /// The next frame that is due at `now`, in the order of their times.
  std::optional<Due> pop(MonoTime now);

  [[nodiscard]] std::size_t size() const { return waiting_.size(); }
  [[nodiscard]] const LineCounters& counters() const { return counters_; }

 private:
  struct Waiting {
    MonoTime due;
    std::uint64_t number;  // frames that are due at one time leave as they came
    std::size_t bytes;
    Frame frame;
  };
  static bool leaves_later(const Waiting& a, const Waiting& b);
  [[nodiscard]] double uniform();
  [[nodiscard]] bool happens(double share);
  [[nodiscard]] Duration delay_of_next();
  [[nodiscard]] MonoTime due_time(std::size_t bytes, MonoTime arrived);
  bool add(Frame& frame, std::size_t bytes, MonoTime arrived);

  Impairment impairment_;
  std::mt19937_64 random_;
  std::vector<Waiting> waiting_;  // a heap, the next one first
  std::uint64_t next_number_ = 0;
  double last_draw_ = 0.5;
  MonoTime last_departure_{};  // of a frame that keeps the order
  LineCounters counters_;
};

}  // namespace ott::wire
