// Carries frames between two interfaces, each direction through a line of its own, until it is told to stop.
// One thread, which only waits for the next frame, the next time at which one is due, or a request.
//
// Requests come on a Unix socket (SOCK_SEQPACKET), each a packet, answered by one:
//   from-a WORDS, from-b WORDS   what comes in there is treated like this from now on   ok, or error SENTENCE
//   counters                     what has crossed so far                                a line of JSON
#pragma once

#include <array>
#include <string>
#include <vector>

#include "delay_line.h"
#include "io/fd.h"
#include "port.h"

namespace ott::wire {

class Carrier {
 public:
  Carrier(std::array<Port, 2> ports, const std::array<Impairment, 2>& from, std::uint64_t seed);

  /// Requests are answered here from now on. A socket that nobody listens on any more is replaced.
  Result<void> listen(const std::string& path);
  /// Returns when a signal to stop comes; an error when an interface is gone.
  Result<void> run();
  /// A line of JSON: {"a": {...}, "b": {...}}, by where frames came in.
  [[nodiscard]] std::string counters();

 private:
  struct Direction {
    std::size_t from;
    DelayLine line;
    std::uint64_t late = 0;  // frames that left more than kLate after they were due
    Duration late_max{};
  };

  Result<bool> read(Direction& direction);
  bool deliver(Direction& direction);
  [[nodiscard]] bool wait(bool at_once);
  void accept();
  void answer(Fd& client);
  [[nodiscard]] std::string answer_to(std::string_view request);

  std::array<Port, 2> ports_;
  std::array<Direction, 2> directions_;
  Fd poll_;
  Fd signals_;
  Fd listener_;
  std::vector<Fd> clients_;
  std::vector<Arrival> arrivals_;
  std::vector<Frame> leaving_;
  std::vector<Frame> spare_;
};

}  // namespace ott::wire
