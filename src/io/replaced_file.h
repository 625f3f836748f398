// A file that is replaced as a whole: who reads it finds all of the newest text, or all of the one before. It
// is written by a worker, so a slow disk delays nobody.
#pragma once

#include <memory>
#include <string>

#include "ott/result.h"
#include "ott/worker.h"

namespace ott {

class ReplacedFile {
 public:
  ReplacedFile(std::string path, Workers& workers);
  ~ReplacedFile();

  /// Whether the file can be made, to be asked once, at the start: it waits for the disk.
  [[nodiscard]] Result<void> check() const;
  /// False while an earlier text is being written: this one is not taken.
  bool write(std::string text);
  [[nodiscard]] const std::string& path() const { return path_; }
  /// What writing has failed with since the last call; empty: it has not.
  std::string take_failure();
  [[nodiscard]] bool idle() const { return queue_->unfinished() == 0; }

 private:
  struct Shared;
  class Replacing;

  std::string path_;
  std::shared_ptr<Shared> shared_;
  std::unique_ptr<WorkQueue> queue_;
};

}  // namespace ott
