// Output classes of src/io know no roles: here they become a role's capabilities.
#pragma once

#include <ev.h>

#include <memory>
#include <string>

#include "io/output.h"
#include "media/frame_sink.h"
#include "role/role.h"

namespace ott {

/// --stats.
class StatsFile : public LineSink {
 public:
  static constexpr std::size_t kLinesMax = 60;  // a minute of them
  static constexpr std::size_t kBytesMax = std::size_t{4} << 20;

  static Result<std::unique_ptr<StatsFile>> open(const std::string& path, Workers& workers);
  explicit StatsFile(std::unique_ptr<TextWriter> writer) : writer_(std::move(writer)) {}
  Result<void> write(const std::string& line) override { return writer_->write(line + "\n"); }

 private:
  std::unique_ptr<TextWriter> writer_;
};

/// Standard output, a line at a time.
class StandardOutput : public LineSink {
 public:
  Result<void> write(const std::string& line) override;
};

[[nodiscard]] bool is_file(int fd);

/// Where --dump puts frames: a directory, or "-" for standard output. Null for an empty one.
Result<std::unique_ptr<FrameSink>> open_sink(const std::string& dump, struct ev_loop* loop, Workers& workers);

}  // namespace ott
