#include "io/dump_outlet.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "io/clock.h"
#include "media/dump_writer.h"
#include "media/recording_file.h"
#include "ott/text.h"

namespace ott {
namespace {

constexpr Duration kLookInterval = std::chrono::milliseconds(100);

/// "audio2" of "cam/audio2"; "video" of a stream that is alone.
std::string file_name_of(const StreamInfo& stream) {
  const std::size_t slash = stream.name.rfind('/');
  const std::string part = slash == std::string::npos ? "" : stream.name.substr(slash + 1);
  const std::string media(to_string(stream.format.media));
  return part.starts_with(media) ? part : media;
}

bool is_ours(const std::filesystem::path& file) {
  constexpr std::string_view kExtensions[] = {".wav", ".h264", ".h265", ".ts", ".txt"};
  constexpr std::string_view kMedia[] = {"audio", "video", "text"};
  const std::string name = file.filename();
  return std::ranges::count(kExtensions, file.extension().string()) > 0 &&
         std::ranges::any_of(kMedia, [&name](std::string_view media) { return name.starts_with(media); });
}

}  // namespace

/// What the jobs of one part have in common. They run one at a time, so nothing guards it.
struct DumpOutlet::File {
  std::string path;
  std::unique_ptr<DumpWriter> writer;
  std::unique_ptr<RecordingFile> file;  // null before the first frame
  bool failed = false;

  Result<void> perform(const FileEdits& edits) {
    if (edits.before.empty() && edits.replacements.empty()) return {};
    if (file == nullptr) {
      auto made = RecordingFile::make(path);
      if (!made) return tl::unexpected<Error>(std::move(made.error()));
      if (*made == nullptr) return fail("'" + path + "' is there already");
      file = std::move(*made);
    }
    return file->perform(edits);
  }
};

/// Jobs that begin when the outlet has let go of the file do nothing.
class DumpOutlet::Writing : public Job {
 public:
  /// No frame: the file ends.
  Writing(const std::shared_ptr<File>& file, FramePtr frame) : file_(file), frame_(std::move(frame)) {}

  void run() override {
    const std::shared_ptr<File> file = file_.lock();
    if (file == nullptr || file->failed) return;
    auto edits = frame_ == nullptr ? Result<FileEdits>(file->writer->finish()) : file->writer->take(*frame_);
    if (!edits) {
      refused = edits.error().message;
      return;
    }
    done = file->perform(*edits);
    file->failed = !done;
    is_written = done.has_value() && frame_ != nullptr && !edits->before.empty();
    bytes = done ? edits->appended() : 0;
  }

  Result<void> done;
  std::string refused;  // why nothing could be made of the frame
  bool is_written = false;
  std::size_t bytes = 0;

 private:
  std::weak_ptr<File> file_;
  FramePtr frame_;
};

class DumpOutlet::Part final : public FrameTaker {
 public:
  Part(DumpOutlet& owner, StreamInfo stream) : owner_(owner), stream_(std::move(stream)) { begin_file(); }

  void on_frame(const FramePtr& frame) override { owner_.take(*this, frame); }
  /// What comes goes on in the file, if it is of the file's format.
  void on_stream(const StreamInfo& now) override {
    if (now.id == stream_.id) return;
    const bool is_same = now.format == stream_.format;
    stream_ = now;
    if (is_same && file_ != nullptr) return;
    if (file_ != nullptr) owner_.submit(*this, nullptr);
    begin_file();
  }

  [[nodiscard]] const StreamInfo& stream() const { return stream_; }
  /// Null if nothing of the part is written.
  [[nodiscard]] const std::shared_ptr<File>& file() const { return file_; }
  void give_up() { file_.reset(); }

 private:
  void begin_file() {
    file_.reset();
    auto writer = make_dump_writer(stream_.format);
    const bool fits = writer != nullptr && files_ < kFilesMax;
    if (!fits) {
      owner_.say_unwritten(stream_, writer == nullptr
                                        ? "there is no plain file of it; --record FILE.mkv holds it"
                                        : "too many files");
      return;
    }
    const std::string number = ++files_ == 1 ? "" : fmt::format("-{}", files_);
    file_ = std::make_shared<File>();
    file_->path = fmt::format("{}/{}{}{}", owner_.directory_, file_name_of(stream_), number,
                              dump_extension(stream_.format));
    file_->writer = std::move(writer);
  }

  DumpOutlet& owner_;
  StreamInfo stream_;
  std::shared_ptr<File> file_;
  unsigned files_ = 0;
};

DumpOutlet::DumpOutlet(std::string directory, std::string stream, std::unique_ptr<Outlet> pictures,
                       struct ev_loop* loop, Workers& workers, Log& log)
    : directory_(std::move(directory)),
      stream_(std::move(stream)),
      pictures_(std::move(pictures)),
      log_(log),
      // More than there are frames, for the ends of files.
      queue_(workers.make_queue(WorkKind::Output,
                                {.jobs = kFramesMax + kPartsMax * (kFilesMax + 1), .bytes = kBytesMax})),
      timer_(loop) {}

DumpOutlet::~DumpOutlet() = default;

Result<void> DumpOutlet::begin(WatchableStreams& streams, Now now) {
  if (pictures_ != nullptr) {
    if (auto begun = pictures_->begin(streams, now); !begun) return begun;
  }
  std::error_code error;
  for (std::filesystem::directory_iterator file(directory_, error), end; !error && file != end;
       file.increment(error)) {
    if (!is_ours(file->path())) continue;
    return fail(fmt::format("'{}' holds {} of an earlier run: remove it, or give --dump another directory",
                            directory_, file->path().filename().string()));
  }
  if (error) return fail("cannot read the directory '" + directory_ + "': " + error.message());
  subscription_ = streams.subscribe_parts(stream_, *this);
  return {};
}

/// Pictures are written one by one, by others.
FrameTaker* DumpOutlet::on_part(const StreamInfo& stream) {
  if (stream.format.is_jpeg() || parts_.size() == kPartsMax) return nullptr;
  auto part = std::make_unique<Part>(*this, stream);
  if (part->file() == nullptr) return nullptr;
  return parts_.emplace_back(std::move(part)).get();
}

/// The parts of a source are announced anew whenever it begins again.
void DumpOutlet::say_unwritten(const StreamInfo& stream, std::string_view why) {
  if (unwritten_.size() == kUnwrittenMax || std::ranges::count(unwritten_, stream.name) > 0) return;
  unwritten_.push_back(stream.name);
  log_.warning(fmt::format("--dump {}: '{}' ({}) is not written: {}", directory_, stream.name,
                           describe(stream.format), why));
}

void DumpOutlet::take(Part& part, const FramePtr& frame) {
  collect(frame->arrived);
  if (part.file() == nullptr || finishing_ || frame->is_jpeg()) return;
  if (queue_->unfinished() < kFramesMax && queue_->has_room(frame->bytes.size())) return submit(part, frame);
  ++left_out_;
  if (const std::uint64_t count = left_out_warning_.due(left_out_, frame->arrived)) {
    log_.warning(fmt::format("frames come faster than they can be written to '{}': {} left out, {} in all",
                             directory_, count, left_out_));
  }
}

void DumpOutlet::submit(Part& part, const FramePtr& frame) {
  queue_->submit(std::make_unique<Writing>(part.file(), frame), frame == nullptr ? 0 : frame->bytes.size());
  timer_.start<&DumpOutlet::look>(*this, kLookInterval);
}

void DumpOutlet::look() {
  collect(clock_now());
  if (queue_->unfinished() > 0) timer_.start<&DumpOutlet::look>(*this, kLookInterval);
}

void DumpOutlet::collect(Now now) {
  while (auto job = queue_->collect()) {
    auto& writing = static_cast<Writing&>(*job);
    if (!writing.done) log_.error(writing.done.error().message + "; this file ends here");
    if (!writing.refused.empty()) {
      ++refused_;
      why_refused_ = std::move(writing.refused);
    }
    frames_ += writing.is_written ? 1U : 0U;
    bytes_ += writing.bytes;
  }
  if (const std::uint64_t count = refused_warning_.due(refused_, now)) {
    log_.warning(fmt::format("--dump: {} left out, the last one: {}", counted(count, "frame"), why_refused_));
  }
}

bool DumpOutlet::finish(bool give_up, Now now) {
  subscription_.reset();
  if (!std::exchange(finishing_, true)) {
    for (const auto& part : parts_) {
      if (part->file() != nullptr) submit(*part, nullptr);
    }
  }
  collect(now);
  const bool has_pictures = pictures_ == nullptr || pictures_->finish(give_up, now);
  if (queue_->unfinished() == 0) return has_pictures;
  if (give_up) {
    for (const auto& part : parts_) part->give_up();
  }
  return give_up;
}

std::string DumpOutlet::bound_to() const { return parts_.empty() ? "" : "--dump " + directory_; }

OutletFigures DumpOutlet::figures() const {
  if (parts_.empty() && pictures_ == nullptr) return {};
  const OutletFigures pictures = pictures_ == nullptr ? OutletFigures{} : pictures_->figures();
  return {.kind = "dump",
          .at = directory_,
          .frames = pictures.frames + frames_,
          .frames_skipped = pictures.frames_skipped + left_out_ + refused_,
          .bytes = pictures.bytes + bytes_};
}

}  // namespace ott
