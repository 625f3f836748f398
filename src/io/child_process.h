// A shell command that runs beside this process, in a process group of its own: its standard output is a pipe
// to us, and so is its standard error. It is ended with us.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "io/fd.h"
#include "ott/result.h"

namespace ott {

class ChildProcess {
 public:
  /// `sh -c COMMAND`. The error is the operating system's.
  static Result<ChildProcess> start(const std::string& command);
  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess& operator=(ChildProcess&& other) noexcept;
  /// Ends the group at once, if it runs still, without waiting for it.
  ~ChildProcess();

  [[nodiscard]] int output() const { return output_.get(); }
  [[nodiscard]] int errors() const { return errors_.get(); }
  /// Asks all processes of the group to end, or ends them; also those that its first one has left behind.
  void terminate(bool at_once) const;
  /// How it has ended, in words ("ended with status 1", "was killed by signal 9"); nothing while it runs.
  std::optional<std::string> ended();

 private:
  ChildProcess(pid_t pid, Fd output, Fd errors)
      : pid_(pid), group_(pid), output_(std::move(output)), errors_(std::move(errors)) {}

  pid_t pid_ = -1;    // -1: it has ended and was waited for
  pid_t group_ = -1;  // what it has started may outlive it
  Fd output_;
  Fd errors_;
};

}  // namespace ott
