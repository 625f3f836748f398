// The frames of one stream into a sink, as an outlet: --dump on a node. A sink that fails ends that, and
// nothing else.
#pragma once

#include <memory>
#include <string>

#include "media/frame_sink.h"
#include "media/outlet.h"
#include "ott/log.h"

namespace ott {

class SinkOutlet final : public Outlet, private FrameTaker {
 public:
  /// `figures`: its kind, and where the frames go. `every`: the least time between two
  /// pictures; 0: all are taken.
  /// `stream`: its name; empty: the default one.
  SinkOutlet(std::unique_ptr<FrameSink> sink, OutletFigures figures, Duration every, std::string stream,
             Log& log);

  Result<void> begin(WatchableStreams& streams, Now now) override;
  bool finish(bool give_up, Now now) override;
  [[nodiscard]] OutletFigures figures() const override;

 private:
  void on_frame(const FramePtr& frame) override;
  void on_stream(const StreamInfo& stream) override { info_ = stream; }

  std::unique_ptr<FrameSink> sink_;
  OutletFigures figures_;
  FrameInterval interval_;
  std::string stream_;
  StreamInfo info_;  // of what comes
  Log& log_;
  std::unique_ptr<Subscription> wanted_;
};

}  // namespace ott
