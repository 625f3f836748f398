#include "io/latest_outlet.h"

#include <mutex>

#include "media/source_spec.h"
#include "media/whole_file.h"

namespace ott {

struct LatestOutlet::Shared {
  std::mutex mutex;
  FramePtr newest;    // that waits; guarded, and so is what follows
  bool busy = false;  // there is a job
  std::uint64_t failures = 0;
  std::string failure;  // the last one
  std::uint64_t frames = 0, replaced = 0, bytes = 0;

  /// The frame that is to be written; null: the job is over.
  FramePtr take() {
    const std::lock_guard lock(mutex);
    busy = newest != nullptr;
    return busy ? std::exchange(newest, nullptr) : nullptr;
  }
};

/// Writes until no frame waits.
class LatestOutlet::Writing : public Job {
 public:
  Writing(std::shared_ptr<Shared> shared, std::string path)
      : shared_(std::move(shared)), path_(std::move(path)) {}

  void run() override {
    while (const FramePtr frame = shared_->take()) {
      const auto written = write_whole_file(path_, frame->bytes);
      const std::lock_guard lock(shared_->mutex);
      if (written) {
        ++shared_->frames;
        shared_->bytes += frame->bytes.size();
      } else {
        ++shared_->failures;
        shared_->failure = written.error().message;
      }
    }
  }

 private:
  std::shared_ptr<Shared> shared_;
  std::string path_;
};

LatestOutlet::LatestOutlet(std::string path, Duration every, std::string stream, Workers& workers, Log& log)
    : path_(std::move(path)),
      interval_(every),
      stream_(std::move(stream)),
      log_(log),
      shared_(std::make_shared<Shared>()),
      // The next job may begin while the former one is about to end.
      queue_(workers.make_queue(WorkKind::Output, {.jobs = 2, .collected = false})) {}

LatestOutlet::~LatestOutlet() = default;

Result<void> LatestOutlet::begin(WatchableStreams& streams, Now) {
  if (const auto checked = check_directory_of(path_); !checked)
    return fail("--latest " + path_ + ": " + checked.error().message);
  subscription_ = streams.subscribe(stream_, *this);
  return {};
}

void LatestOutlet::on_frame(const FramePtr& frame) {
  if (!interval_.is_due(frame->arrived.mono)) return;
  bool begin = false;
  {
    const std::lock_guard lock(shared_->mutex);
    if (shared_->newest != nullptr) ++shared_->replaced;
    shared_->newest = frame;
    begin = !std::exchange(shared_->busy, true);
    // A disk that is full now may have room for a later frame.
    if (failures_.due(shared_->failures, frame->arrived) > 0)
      log_.warning(shared_->failure + "; the next frames are tried, too");
  }
  if (begin) queue_->submit(std::make_unique<Writing>(shared_, path_));
}

bool LatestOutlet::finish(bool give_up, Now) {
  subscription_.reset();
  const std::lock_guard lock(shared_->mutex);
  return give_up || !shared_->busy;
}

OutletFigures LatestOutlet::figures() const {
  const std::lock_guard lock(shared_->mutex);
  return {.kind = "latest",
          .at = path_,
          .frames = shared_->frames,
          .frames_skipped = shared_->replaced,
          .bytes = shared_->bytes};
}

namespace {

constexpr OutletFlag kEvery{"--every", "TIME",
                            "write a frame to --dump or --latest at most so often, like 10s"};

Result<std::unique_ptr<Outlet>> open_latest(const OutletArguments& arguments, const OutletContext& context) {
  Result<Duration> every = Duration{};
  if (const auto given = arguments.options.find(kEvery.name); given != arguments.options.end())
    every = parse_time(kEvery.name, given->second);
  if (!every) return tl::unexpected<Error>(std::move(every.error()));
  return std::make_unique<LatestOutlet>(arguments.value, *every, arguments.stream, context.workers,
                                        context.log);
}

}  // namespace

const OutletSpec kLatestOutlet{{"--latest", "FILE", "keep the newest frame in FILE, replaced as a whole"},
                               std::span(&kEvery, 1),
                               true,
                               open_latest};

}  // namespace ott
