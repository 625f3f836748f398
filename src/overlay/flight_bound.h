// How much of the streams that can wait a link is given at once, where streams that must not wait share it.
// Whatever TCP has under way delays all that follows, and a congestion control fills the queue of a narrow
// link with hundreds of milliseconds. So what is under way is bounded here to what the link drains in
// kQueueAllowed, which is known only where there is a queue: then what is acknowledged while something is
// under way is the link's rate. Where round trips are short there is none, and the bound grows for as long as
// it is reached, up to one and a half times what the link takes on average: shapers let a burst pass at once.
// Therefore a link that has shown a queue must take more than such a burst without one before the bound
// grows.
#pragma once

#include "ott/machine.h"

namespace ott {

class FlightBound {
 public:
  static constexpr std::size_t kFirstBytes = 16U << 10U;
  static constexpr std::size_t kLeastBytes = 3U << 10U;
  static constexpr std::size_t kMostBytes = 16U << 20U;
  /// The delay that what is under way may add.
  static constexpr Duration kQueueAllowed = std::chrono::milliseconds(30);
  /// A round trip that is longer than the least by this is one through a queue. Receivers delay what they
  /// acknowledge for almost as long.
  static constexpr Duration kQueueSeen = std::chrono::milliseconds(25);
  /// What a shaper lets pass at once after a pause, at most: with a queue behind it, though none is seen.
  static constexpr std::size_t kBurstBytes = 128U << 10U;
  /// How soon a link that has reached its bound is looked at again.
  static constexpr Duration kLookAgain = std::chrono::milliseconds(4);

  void measured(const Flight& flight, MonoTime now);
  /// How many bytes more may be given now; no bound before the first measurement.
  [[nodiscard]] std::size_t room() const { return bytes_max_ > bytes_ ? bytes_max_ - bytes_ : 0; }
  /// True if so little is under way that a record which is longer than room() may go: hardly any of it waits.
  [[nodiscard]] bool is_drained() const { return bytes_ <= unqueued_max_; }
  void given(std::size_t bytes) { bytes_ += bytes; }
  /// Something had to wait: the bound was reached.
  void reached() { reached_ = true; }
  [[nodiscard]] std::size_t bytes_max() const { return bytes_max_; }

 private:
  struct Mark {
    MonoTime at{};
    std::uint64_t acknowledged = 0;
    Duration busy{};
  };

  std::size_t bytes_max_ = ~std::size_t{0};
  std::size_t bytes_ = 0;
  std::size_t unqueued_max_ = kLeastBytes;  // what is under way on the link itself, if the bound is reached
  std::uint64_t grows_from_ = 0;            // once so much is acknowledged
  bool known_ = false;
  bool reached_ = false;
  MonoTime grown_at_{};
  Mark newer_;  // the rate is taken from `older_` on
  Mark older_;
};

}  // namespace ott
