// The bootstrapper's topology file while it runs. A worker looks at it each second, and at once when asked;
// it reads the file when that has changed and then stayed as it is for one look, since its writer may not be
// done.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "ott/time.h"
#include "ott/topology.h"
#include "ott/worker.h"

namespace ott {

/// Tells one state of a file from another.
struct FileStamp {
  std::int64_t modified_ns = 0;
  std::uint64_t size = 0;
  std::uint64_t inode = 0;

  bool operator==(const FileStamp&) const = default;
};

struct LoadedTopology {
  Topology topology;
  FileStamp stamp;
};
/// Reads the file, and blocks while the disk does. The error names the file, and the place in it.
Result<LoadedTopology> load_topology(const std::string& path);

class TopologyFile {
 public:
  /// `read` is the state of the file that was read already.
  TopologyFile(std::string path, FileStamp read, Workers& workers);
  ~TopologyFile();

  /// Reads the file soon, whether it has changed or not.
  void reload() { reload_ = reloads_ = true; }
  /// It was asked for, and step() has not returned it yet.
  [[nodiscard]] bool reloads() const { return reloads_; }
  /// What was read, once; nothing as long as there is nothing new.
  std::optional<Result<Topology>> step(Now now);
  [[nodiscard]] MonoTime next_deadline() const;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  class Look;

  std::string path_;
  FileStamp read_;
  std::optional<FileStamp> seen_;  // by the last look
  std::unique_ptr<WorkQueue> queue_;
  MonoTime look_at_{};
  bool reload_ = false;   // at the next look
  bool reloads_ = false;  // that look has not come to its end
  bool gone_ = false;     // there was no such file at the last look
};

}  // namespace ott
