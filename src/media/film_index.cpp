#include "media/film_index.h"

#include <algorithm>

#include "media/clip_format.h"

namespace ott {
namespace {

/// What one job reads: other sources' reads wait so long for a thread.
constexpr std::size_t kBytesPerJob = std::size_t{4} << 20U;

}  // namespace

void FilmIndex::add(std::optional<std::uint64_t> offset) {
  const std::uint64_t frame = frames_++;
  if (!offset || (!entries_.empty() && frame - entries_.back().frame < stride_)) return;
  entries_.push_back({frame, *offset});
  if (entries_.size() < kEntriesMax) return;
  for (std::size_t i = 0; 2 * i < entries_.size(); ++i) entries_[i] = entries_[2 * i];
  entries_.resize((entries_.size() + 1) / 2);
  stride_ *= 2;
}

FilmIndex::Entry FilmIndex::find(std::uint64_t frame) const {
  const auto after = std::ranges::upper_bound(entries_, frame, {}, &Entry::frame);
  return after == entries_.begin() ? Entry{} : *(after - 1);
}

/// It owns the file, and goes on where the last job ended.
class FilmSurveying::Walk : public Job {
 public:
  explicit Walk(std::string path) : path_(std::move(path)) {}

  void run() override {
    if (auto read = walk(); !read) give_up(read.error().message);
  }

  bool done = false;
  FilmSurvey survey;

 private:
  void give_up(const std::string& why) {
    note(why);
    done = true;
  }
  void note(const std::string& fault) {
    if (survey.faults++ == 0) survey.fault = fault;
  }

  Result<void> open() {
    auto file = InputFile::open(path_);
    if (!file) return tl::unexpected<Error>(file.error());
    file_.emplace(std::move(*file));
    const auto start = file_->read_start(kClipStartBytes);
    if (!start) return tl::unexpected<Error>(start.error());
    auto format = recognise_clip(*start, path_);
    if (!format) return tl::unexpected<Error>(format.error());
    splitter_ = std::move(format->splitter);
    return file_->rewind();
  }

  Result<void> walk() {
    if (!file_) {
      if (auto opened = open(); !opened) return opened;
    }
    for (std::size_t bytes = 0; bytes < kBytesPerJob;) {
      const auto frame = splitter_->next();
      if (!frame) {
        note("'" + path_ + "': " + frame.error().message);
      } else if (*frame) {
        survey.index.add(splitter_->record_offset());
      } else if (splitter_->at_end()) {
        done = true;
        return {};
      } else {
        const auto read = file_->read(splitter_->space());
        if (!read) return tl::unexpected<Error>(read.error());
        bytes += *read;
        if (*read == 0) {
          splitter_->finish();
        } else {
          splitter_->advance(*read);
        }
      }
    }
    return {};
  }

  std::string path_;
  std::optional<InputFile> file_;
  std::unique_ptr<FrameSplitter> splitter_;
};

FilmSurveying::FilmSurveying(std::string path, Workers& workers)
    : queue_(workers.make_queue(WorkKind::Input, {.jobs = 1})),
      walk_(std::make_unique<Walk>(std::move(path))) {}

FilmSurveying::~FilmSurveying() = default;

std::shared_ptr<const FilmSurvey> FilmSurveying::step() {
  if (survey_ != nullptr) return survey_;
  if (walk_ == nullptr) {
    auto done = queue_->collect();
    if (done == nullptr) return nullptr;
    walk_.reset(static_cast<Walk*>(done.release()));
  }
  if (!walk_->done) {
    queue_->submit(std::move(walk_));
    return nullptr;
  }
  survey_ = std::make_shared<const FilmSurvey>(std::move(walk_->survey));
  walk_.reset();
  return survey_;
}

}  // namespace ott
