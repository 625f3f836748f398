#include "io/record_outlet.h"

#include <fmt/format.h>

#include "io/clock.h"
#include "media/matroska_entries.h"
#include "ott/text.h"

namespace ott {
namespace {

constexpr Duration kLookInterval = std::chrono::milliseconds(100);

}  // namespace

/// What the jobs have in common. They run one at a time, so nothing guards it.
struct RecordOutlet::Shared {
  explicit Shared(RecordingRules rules) : recording(make_recording(std::move(rules))) {}

  std::unique_ptr<Recording> recording;
  bool failed = false;
};

/// Jobs that begin when the outlet has let go of what they share do nothing.
class RecordOutlet::Writing : public Job {
 public:
  /// Without a frame: a part of which frames may come. Without a stream: the recording ends.
  Writing(const std::shared_ptr<Shared>& shared, FramePtr frame, std::shared_ptr<const StreamInfo> stream)
      : is_frame(frame != nullptr), shared_(shared), frame_(std::move(frame)), stream_(std::move(stream)) {}

  void run() override {
    const std::shared_ptr<Shared> shared = shared_.lock();
    if (shared == nullptr || shared->failed) return;
    Recording& recording = *shared->recording;
    if (is_frame) {
      done = recording.write(frame_, *stream_);
    } else if (stream_ != nullptr) {
      recording.expect(*stream_);
    } else {
      done = recording.finish();
    }
    shared->failed = !done;
    written = done.has_value();
    path = recording.path();
    frames = recording.frames();
    bytes = recording.bytes();
    refused = recording.frames_refused();
    why_refused = recording.why_refused();
  }

  const bool is_frame;
  bool written = false;
  Result<void> done;
  std::string path, why_refused;
  std::uint64_t frames = 0, bytes = 0, refused = 0;  // so far

 private:
  std::weak_ptr<Shared> shared_;
  FramePtr frame_;
  std::shared_ptr<const StreamInfo> stream_;
};

class RecordOutlet::Part final : public FrameTaker {
 public:
  Part(RecordOutlet& owner, const StreamInfo& is)
      : stream(std::make_shared<const StreamInfo>(is)), owner_(owner) {}

  void on_frame(const FramePtr& frame) override { owner_.take(*this, frame); }
  void on_stream(const StreamInfo& now) override { stream = std::make_shared<const StreamInfo>(now); }

  std::shared_ptr<const StreamInfo> stream;

 private:
  RecordOutlet& owner_;
};

RecordOutlet::RecordOutlet(RecordingRules rules, std::string stream, struct ev_loop* loop, Workers& workers,
                           Log& log)
    : rules_(std::move(rules)),
      stream_(std::move(stream)),
      log_(log),
      shared_(std::make_shared<Shared>(rules_)),
      // More than there are frames, for what is said of each part, and for the end.
      queue_(workers.make_queue(WorkKind::Output, {.jobs = kFramesMax + kPartsMax + 1, .bytes = kBytesMax})),
      timer_(loop) {}

RecordOutlet::~RecordOutlet() = default;

Result<void> RecordOutlet::begin(WatchableStreams& streams, Now /*now*/) {
  if (auto checked = check_recording(rules_); !checked) return checked;
  subscription_ = streams.subscribe_parts(stream_, *this);
  return {};
}

FrameTaker* RecordOutlet::on_part(const StreamInfo& stream) {
  const auto refuse = [&](const std::string& why) {
    log_.warning(fmt::format("--record {}: '{}' ({}) is not recorded: {}", rules_.path, stream.name,
                             describe(stream.format), why));
    return nullptr;
  };
  if (holds_all_parts(rules_)) {
    if (!matroska_can_hold(stream.format)) return refuse("Matroska has no track for it");
    if (parts_.size() == kPartsMax) return refuse(fmt::format("there are {} parts already", kPartsMax));
  } else {
    if (!stream.format.is_jpeg()) return refuse("this format holds JPEG only; .mkv holds all parts");
    if (!parts_.empty()) return refuse("this format holds one stream; .mkv holds all parts");
  }
  parts_.push_back(std::make_unique<Part>(*this, stream));
  if (holds_all_parts(rules_)) submit(nullptr, parts_.back()->stream);
  return parts_.back().get();
}

void RecordOutlet::take(Part& part, const FramePtr& frame) {
  collect(frame->arrived);
  if (failed_ || finishing_) return;
  if (part.stream->fps_milli == 0 && subscription_ != nullptr) {  // it may be known by now
    for (const StreamInfo& stream : subscription_->parts()) {
      if (stream.id == part.stream->id && stream.fps_milli != 0) part.on_stream(stream);
    }
  }
  if (waiting_ < kFramesMax && queue_->has_room(frame->bytes.size())) {
    submit(frame, part.stream);
  } else {
    ++left_out_;
    warn_of_left_out(frame->arrived);
  }
}

void RecordOutlet::submit(FramePtr frame, std::shared_ptr<const StreamInfo> stream) {
  const std::size_t bytes = frame == nullptr ? 0 : frame->bytes.size();
  if (frame != nullptr) ++waiting_;
  queue_->submit(std::make_unique<Writing>(shared_, std::move(frame), std::move(stream)), bytes);
  timer_.start<&RecordOutlet::look>(*this, kLookInterval);
}

void RecordOutlet::look() {
  collect(clock_now());
  if (queue_->unfinished() > 0) timer_.start<&RecordOutlet::look>(*this, kLookInterval);
}

void RecordOutlet::collect(Now now) {
  while (auto job = queue_->collect()) take_outcome(static_cast<Writing&>(*job), now);
}

void RecordOutlet::take_outcome(Writing& writing, Now now) {
  if (writing.is_frame) --waiting_;
  if (failed_) return;
  if (!writing.done) {
    failed_ = true;
    log_.error(writing.done.error().message + "; the recording ends here");
    subscription_.reset();
  }
  if (writing.is_frame && !writing.written) ++left_out_;
  if (!writing.path.empty() && writing.path != path_) log_.info("recording to '" + writing.path + "'");
  path_ = std::move(writing.path);
  frames_ = writing.frames;
  bytes_ = writing.bytes;
  refused_ = writing.refused;
  if (const std::uint64_t count = refused_warning_.due(refused_, now)) {
    log_.warning(
        fmt::format("--record: {} left out, the last one: {}", counted(count, "frame"), writing.why_refused));
  }
}

void RecordOutlet::warn_of_left_out(Now now) {
  if (const std::uint64_t count = left_out_warning_.due(left_out_, now)) {
    log_.warning(fmt::format("frames come faster than '{}' can be written: {} left out, {} in all",
                             path_.empty() ? rules_.path : path_, count, left_out_));
  }
}

bool RecordOutlet::finish(bool give_up, Now now) {
  if (!finishing_ && !failed_) submit(nullptr, nullptr);
  finishing_ = true;
  subscription_.reset();
  collect(now);
  if (queue_->unfinished() == 0) return true;
  if (!give_up) return false;
  shared_.reset();
  log_.warning(fmt::format("--record is too slow: {} left out at the end", counted(waiting_, "frame")));
  left_out_ += std::exchange(waiting_, 0);
  return true;
}

OutletFigures RecordOutlet::figures() const {
  return {.kind = "record",
          .at = path_.empty() ? rules_.path : path_,
          .frames = frames_,
          .frames_skipped = left_out_ + refused_,
          .bytes = bytes_};
}

namespace {

constexpr OutletFlag kRoll{"--roll", "TIME|SIZE", "begin a new file after so much: 30s, 10m, 1h, 500MB, 2GB"};

Result<std::unique_ptr<Outlet>> open_record(const OutletArguments& arguments, const OutletContext& context) {
  const auto roll = arguments.options.find(kRoll.name);
  const bool rolls = roll != arguments.options.end();
  auto rules = parse_recording(arguments.value, rolls ? roll->second : "");
  if (!rules) return tl::unexpected<Error>(std::move(rules.error()));
  return std::make_unique<RecordOutlet>(std::move(*rules), arguments.stream, context.loop, context.workers,
                                        context.log);
}

}  // namespace

const OutletSpec kRecordOutlet{{"--record", "FILE",
                                "record the stream: .mkv with all its parts, or JPEG: .avi, .Mjpeg (the "
                                "classic clip) or .mjpeg; {time} in "
                                "the name is that of its beginning"},
                               std::span(&kRoll, 1),
                               true,
                               open_record};

}  // namespace ott
