// The parts of a source that are not pictures, each into a file of its own in the directory of --dump:
// DIR/audio.wav, DIR/text.txt, DIR/video.h264 (media/dump_writer.h). A worker writes them. What waits for a
// slow disk is bounded: beyond that, frames are left out, and video goes on where decoding can begin. A file
// that cannot be written ends, and nothing else.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "io/watcher.h"
#include "media/outlet.h"
#include "ott/log.h"
#include "ott/repeated_warning.h"
#include "ott/worker.h"

namespace ott {

class DumpOutlet final : public Outlet, private PartsTaker {
 public:
  static constexpr std::size_t kFramesMax = 1'024;
  static constexpr std::size_t kBytesMax = std::size_t{32} << 20U;
  static constexpr std::size_t kPartsMax = 16;
  /// Streams that are not written and are named, each once.
  static constexpr std::size_t kUnwrittenMax = 64;
  /// Of one part: another begins where its format changes.
  static constexpr unsigned kFilesMax = 20;

  /// `stream`: its name; empty: the default one. `pictures` writes the pictures of the stream, as a part of
  /// this outlet, and may make the directory; null: they are written elsewhere, and it is there.
  DumpOutlet(std::string directory, std::string stream, std::unique_ptr<Outlet> pictures,
             struct ev_loop* loop, Workers& workers, Log& log);
  ~DumpOutlet() override;

  Result<void> begin(WatchableStreams& streams, Now now) override;
  /// True when the files are complete.
  bool finish(bool give_up, Now now) override;
  [[nodiscard]] OutletFigures figures() const override;
  /// Pictures of another stream go on in the same directory; files of sound, text or video cannot.
  [[nodiscard]] std::string bound_to() const override;

 private:
  struct File;
  class Writing;
  class Part;

  FrameTaker* on_part(const StreamInfo& stream) override;
  void say_unwritten(const StreamInfo& stream, std::string_view why);
  void take(Part& part, const FramePtr& frame);
  void submit(Part& part, const FramePtr& frame);
  void look();
  void collect(Now now);

  std::string directory_;
  std::string stream_;
  std::unique_ptr<Outlet> pictures_;
  Log& log_;
  std::unique_ptr<WorkQueue> queue_;
  TimerWatcher timer_;  // looks what has become of what waits
  std::vector<std::unique_ptr<Part>> parts_;
  std::vector<std::string> unwritten_;  // streams of which the log has said so
  std::unique_ptr<PartsSubscription> subscription_;
  bool finishing_ = false;
  std::uint64_t frames_ = 0, bytes_ = 0;
  std::uint64_t left_out_ = 0;  // for want of time
  std::uint64_t refused_ = 0;
  std::string why_refused_;
  RepeatedWarning left_out_warning_, refused_warning_;
};

}  // namespace ott
