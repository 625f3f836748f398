// The newest frame of a stream in a file that is replaced as a whole: --latest FILE, with --every. A worker
// writes it. While the disk is busy, newer frames take the place of the one that waits. A disk that takes no
// more ends this, and nothing else.
#pragma once

#include <memory>
#include <string>

#include "io/outlets.h"
#include "media/frame_sink.h"
#include "media/outlet.h"
#include "ott/log.h"
#include "ott/repeated_warning.h"
#include "ott/worker.h"

namespace ott {

class LatestOutlet final : public Outlet, private FrameTaker {
 public:
  /// `every`: the least time between two frames; 0: each is written. `stream`: its name; empty: the default
  /// one.
  LatestOutlet(std::string path, Duration every, std::string stream, Workers& workers, Log& log);
  ~LatestOutlet() override;

  Result<void> begin(WatchableStreams& streams, Now now) override;
  /// True when the newest frame is written.
  bool finish(bool give_up, Now now) override;
  [[nodiscard]] OutletFigures figures() const override;
  [[nodiscard]] std::string bound_to() const override { return "--latest " + path_; }

 private:
  struct Shared;
  class Writing;

  void on_frame(const FramePtr& frame) override;

  std::string path_;
  FrameInterval interval_;
  RepeatedWarning failures_;
  std::string stream_;
  Log& log_;
  std::shared_ptr<Shared> shared_;
  std::unique_ptr<WorkQueue> queue_;
  std::unique_ptr<Subscription> subscription_;
};

extern const OutletSpec kLatestOutlet;

}  // namespace ott
