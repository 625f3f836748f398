#include "io/child_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

namespace ott {
namespace {

struct Pipe {
  Fd read, write;
};

Result<Pipe> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return fail(std::string("no pipe: ") + std::strerror(errno));
  Pipe pipe{Fd(ends[0]), Fd(ends[1])};
  (void)::fcntl(ends[0], F_SETFL, O_NONBLOCK);
  return pipe;
}

/// In the child, between fork and exec: only what is safe there.
[[noreturn]] void become(const char* command, int output, int errors, pid_t parent) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent) ::_exit(127);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  std::signal(SIGPIPE, SIG_DFL);
  const int nothing = ::open("/dev/null", O_RDONLY);
  ::dup2(nothing, STDIN_FILENO);
  ::dup2(output, STDOUT_FILENO);
  ::dup2(errors, STDERR_FILENO);
  ::execl("/bin/sh", "sh", "-c", command, nullptr);
  ::_exit(127);
}

}  // namespace

Result<ChildProcess> ChildProcess::start(const std::string& command) {
  auto output = make_pipe();
  if (!output) return tl::unexpected<Error>(output.error());
  auto errors = make_pipe();
  if (!errors) return tl::unexpected<Error>(errors.error());
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) return fail(std::string("no process: ") + std::strerror(errno));
  if (pid == 0) become(command.c_str(), output->write.get(), errors->write.get(), parent);
  ::setpgid(pid, pid);  // whoever is first
  return ChildProcess(pid, std::move(output->read), std::move(errors->read));
}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      group_(std::exchange(other.group_, -1)),
      output_(std::move(other.output_)),
      errors_(std::move(other.errors_)) {}

ChildProcess& ChildProcess::operator=(ChildProcess&& other) noexcept {
  std::swap(pid_, other.pid_);
  std::swap(group_, other.group_);
  output_ = std::move(other.output_);
  errors_ = std::move(other.errors_);
  return *this;
}

ChildProcess::~ChildProcess() {
  terminate(true);
  (void)ended();
}

void ChildProcess::terminate(bool at_once) const {
  if (group_ > 0) ::kill(-group_, at_once ? SIGKILL : SIGTERM);
}

std::optional<std::string> ChildProcess::ended() {
  if (pid_ < 0) return "has ended";
  int status = 0;
  if (::waitpid(pid_, &status, WNOHANG) != pid_) return std::nullopt;
  pid_ = -1;
  if (WIFSIGNALED(status)) return fmt::format("was ended by signal {}", WTERMSIG(status));
  return fmt::format("ended with status {}", WEXITSTATUS(status));
}

}  // namespace ott
