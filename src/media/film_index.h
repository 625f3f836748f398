// Where the frames of a film lie in its file, so that it can begin at any of them. A worker walks the whole
// file once, some MiB at a time, with the splitter that plays it; containers' own indexes are not believed.
// The index has a bound: of a long film it knows every second frame, or every fourth, and what lies between
// is read on the way.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "media/file_sources.h"
#include "ott/worker.h"

namespace ott {

class FilmIndex {
 public:
  static constexpr std::size_t kEntriesMax = 65'536;

  struct Entry {
    std::uint64_t frame = 0;   // from 0
    std::uint64_t offset = 0;  // a splitter that begins there finds it first
  };

  /// The next frame; without an offset it is no place to begin at.
  void add(std::optional<std::uint64_t> offset);
  [[nodiscard]] std::uint64_t frames() const { return frames_; }
  /// The last place at or before a frame at which reading can begin; the start of the file if there is none.
  [[nodiscard]] Entry find(std::uint64_t frame) const;

 private:
  std::vector<Entry> entries_;
  std::uint64_t frames_ = 0;
  std::uint64_t stride_ = 1;  // frames between two entries, at least
};

/// What there is to know of a film's file once it has been walked.
struct FilmSurvey {
  FilmIndex index;
  std::uint64_t faults = 0;  // places that are no frame
  std::string fault;         // the first one, or why the file could not be read to its end
};

/// Has workers make a survey.
class FilmSurveying {
 public:
  FilmSurveying(std::string path, Workers& workers);
  ~FilmSurveying();

  /// Goes on. Null until it is done; then the survey, at each call.
  std::shared_ptr<const FilmSurvey> step();

 private:
  class Walk;

  std::unique_ptr<WorkQueue> queue_;
  std::unique_ptr<Walk> walk_;  // null while it is away
  std::shared_ptr<const FilmSurvey> survey_;
};

}  // namespace ott
