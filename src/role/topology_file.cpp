#include "role/topology_file.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

namespace ott {
namespace {

constexpr Duration kLookInterval = std::chrono::seconds(1);

std::optional<FileStamp> stamp_of(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return std::nullopt;
  return FileStamp{std::int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec,
                   static_cast<std::uint64_t>(status.st_size), status.st_ino};
}

Result<std::string> read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  if (in.peek() != std::ifstream::traits_type::eof()) text << in.rdbuf();
  if (in.fail() || text.fail()) return fail(fmt::format("cannot read {}: {}", path, std::strerror(errno)));
  return text.str();
}

}  // namespace

Result<LoadedTopology> load_topology(const std::string& path) {
  // The stamp first: what is written after it is seen as a change.
  const FileStamp stamp = stamp_of(path).value_or(FileStamp{});
  const auto text = read_file(path);
  if (!text) return tl::unexpected(text.error());
  auto topology = parse_topology(*text, path);
  if (!topology) return tl::unexpected(topology.error());
  return LoadedTopology{std::move(*topology), stamp};
}

class TopologyFile::Look : public Job {
 public:
  explicit Look(std::string file) : path(std::move(file)) {}

  void run() override {
    seen = stamp_of(path);
    const bool settled = seen && seen != read && seen == seen_before;
    if (at_once || settled) loaded = load_topology(path);
  }

  std::string path;
  FileStamp read;
  std::optional<FileStamp> seen_before;
  bool at_once = false;

  std::optional<FileStamp> seen;
  std::optional<Result<LoadedTopology>> loaded;
};

TopologyFile::TopologyFile(std::string path, FileStamp read, Workers& workers)
    : path_(std::move(path)), read_(read), queue_(workers.make_queue(WorkKind::Input, {.jobs = 1})) {}
TopologyFile::~TopologyFile() = default;

MonoTime TopologyFile::next_deadline() const {
  if (queue_->unfinished() > 0) return MonoTime::max();  // the worker says when it has looked
  return reload_ ? MonoTime{} : look_at_;
}

std::optional<Result<Topology>> TopologyFile::step(Now now) {
  std::optional<Result<Topology>> changed;
  if (const auto done = queue_->collect()) {
    Look& look = static_cast<Look&>(*done);
    seen_ = look.seen;
    if (!look.seen && !look.loaded && !gone_) changed = fail(fmt::format("{} is gone", path_));
    gone_ = !look.seen;
    look_at_ = now.mono + kLookInterval;
    if (look.at_once) reloads_ = reload_;
    if (look.loaded) {
      // A file that is wrong is not read again until it changes.
      read_ = *look.loaded ? (*look.loaded)->stamp : look.seen.value_or(FileStamp{});
      changed =
          std::move(*look.loaded).map([](LoadedTopology&& loaded) { return std::move(loaded.topology); });
    }
  }
  if (queue_->unfinished() == 0 && (reload_ || now.mono >= look_at_)) {
    auto look = std::make_unique<Look>(path_);
    look->read = read_;
    look->seen_before = seen_;
    look->at_once = std::exchange(reload_, false);
    queue_->submit(std::move(look));
  }
  return changed;
}

}  // namespace ott
