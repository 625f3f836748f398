#include "process_watch.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace ott::load {
namespace {

std::string read_all(const std::filesystem::path& path) {
  std::ifstream in(path);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

/// A "Name:   12 kB" of /proc/PID/status, in bytes.
std::size_t status_bytes(const std::string& status, std::string_view name) {
  const std::size_t at = status.find(name);
  if (at == std::string::npos) return 0;
  std::istringstream in(status.substr(at + name.size()));
  std::size_t kib = 0;
  in >> kib;
  return kib << 10U;
}

}  // namespace

Result<ProcessUse> process_use(pid_t pid) {
  const std::filesystem::path folder = fmt::format("/proc/{}", pid);
  ProcessUse use;
  const std::string stat = read_all(folder / "stat");
  // proc(5): the name in parentheses may hold anything; utime and stime are fields 14 and 15, after it 12
  // and 13.
  const std::size_t name_end = stat.rfind(')');
  if (name_end == std::string::npos) return fail(fmt::format("there is no process {}", pid));
  std::istringstream fields(stat.substr(name_end + 1));
  std::string skipped;
  for (int i = 0; i < 11; ++i) fields >> skipped;
  double user_ticks = 0;
  double system_ticks = 0;
  fields >> user_ticks >> system_ticks;
  const auto ticks_per_s = static_cast<double>(::sysconf(_SC_CLK_TCK));
  use.user_s = user_ticks / ticks_per_s;
  use.system_s = system_ticks / ticks_per_s;

  std::error_code error;
  for (const auto& task : std::filesystem::directory_iterator(folder / "task", error)) {
    std::istringstream in(read_all(task.path() / "schedstat"));
    double on_cpu_ns = 0;
    if (in >> on_cpu_ns) use.cpu_s += on_cpu_ns / 1e9;
  }
  // A thread that has ended is only in the ticks.
  use.cpu_s = std::max(use.cpu_s, use.user_s + use.system_s - 2 / ticks_per_s);
  const std::string status = read_all(folder / "status");
  use.resident_bytes = status_bytes(status, "VmRSS:");
  use.anonymous_bytes = status_bytes(status, "RssAnon:");
  return use;
}

}  // namespace ott::load
