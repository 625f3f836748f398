// A source into files, with all its parts where the format holds them: --record FILE, with --roll. A worker
// writes them (media/recording.h). What waits for a slow disk is bounded: beyond that, frames are left out,
// each whole. A disk that takes no more ends the recording, and nothing else.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "io/outlets.h"
#include "io/watcher.h"
#include "media/outlet.h"
#include "media/recording.h"
#include "ott/log.h"
#include "ott/repeated_warning.h"
#include "ott/worker.h"

namespace ott {

class RecordOutlet final : public Outlet, private PartsTaker {
 public:
  static constexpr std::size_t kFramesMax = 256;
  static constexpr std::size_t kBytesMax = std::size_t{32} << 20U;
  static constexpr std::size_t kPartsMax = 16;

  /// `stream`: its name; empty: the default one.
  RecordOutlet(RecordingRules rules, std::string stream, struct ev_loop* loop, Workers& workers, Log& log);
  ~RecordOutlet() override;

  Result<void> begin(WatchableStreams& streams, Now now) override;
  /// True when the last file is complete. With `give_up` what waits is left out.
  bool finish(bool give_up, Now now) override;
  [[nodiscard]] OutletFigures figures() const override;
  [[nodiscard]] std::string bound_to() const override { return "--record " + figures().at; }

 private:
  struct Shared;
  class Writing;
  class Part;

  FrameTaker* on_part(const StreamInfo& stream) override;
  void take(Part& part, const FramePtr& frame);
  void submit(FramePtr frame, std::shared_ptr<const StreamInfo> stream);
  void look();
  void collect(Now now);
  void take_outcome(Writing& writing, Now now);
  void warn_of_left_out(Now now);

  RecordingRules rules_;
  std::string stream_;
  Log& log_;
  std::shared_ptr<Shared> shared_;
  std::unique_ptr<WorkQueue> queue_;
  std::vector<std::unique_ptr<Part>> parts_;
  std::unique_ptr<PartsSubscription> subscription_;
  TimerWatcher timer_;  // looks what has become of what waits
  bool finishing_ = false;
  bool failed_ = false;
  std::string path_;            // the file that is written
  std::uint64_t waiting_ = 0;   // frames that were submitted, and have no outcome yet
  std::uint64_t left_out_ = 0;  // for want of time
  std::uint64_t refused_ = 0;
  std::uint64_t frames_ = 0, bytes_ = 0;  // in the files
  RepeatedWarning left_out_warning_, refused_warning_;
};

extern const OutletSpec kRecordOutlet;

}  // namespace ott
