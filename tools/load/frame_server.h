// The source of relays that pull: synthetic frames as multipart/x-mixed-replace over HTTP, or as the floor's
// records. Each client gets every frame from its connection on; one that has not taken a frame when the next
// is due misses the next one.
#pragma once

#include <memory>
#include <vector>

#include "frames.h"
#include "io/fd.h"
#include "io/watcher.h"
#include "plan.h"
#include "published.h"

namespace ott::load {

class FrameServer {
 public:
  FrameServer(struct ev_loop* loop, const Plan& plan);
  FrameServer(const FrameServer&) = delete;
  FrameServer& operator=(const FrameServer&) = delete;
  ~FrameServer();

  /// Begins to serve. The error says what to do.
  Result<void> listen();
  [[nodiscard]] const Published& published() const { return published_; }

 private:
  struct Puller;

  void accept_ready(int events);
  void due();
  void publish();
  void cut_into_records(const Stamp& stamp);
  void publish_what_is_taken();
  void offer(Puller& puller);
  void pump(Puller& puller);
  void reap();
  void note_watched();

  struct ev_loop* loop_;
  const Plan& plan_;
  Duration interval_{};
  Fd listener_;
  IoWatcher accept_watcher_;
  TimerWatcher timer_;
  MonoTime next_at_{};
  std::vector<std::unique_ptr<Puller>> pullers_;
  std::vector<std::uint8_t> rest_;  // of every frame, after its stamp
  std::vector<std::uint8_t> head_;  // of the newest one, with its stamp
  std::uint64_t number_ = 0;
  Published published_;
};

}  // namespace ott::load
