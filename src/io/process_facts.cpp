#include "io/process_facts.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>

namespace ott {
namespace {

constexpr const char* kDescriptors = "/proc/self/fd";

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
}

/// When the host has started, in seconds since 1970.
double boot_time_s() {
  std::ifstream stat("/proc/stat");
  for (std::string line; std::getline(stat, line);) {
    std::istringstream words(line);
    std::string name;
    double value = 0;
    if (words >> name >> value && name == "btime") return value;
  }
  return 0;
}

/// Field 22 of /proc/self/stat, in ticks since the host has started. The second field is a name in
/// parentheses, which may have blanks.
double find_start_time_s() {
  std::ifstream stat("/proc/self/stat");
  std::string line;
  std::getline(stat, line);
  std::istringstream rest(line.substr(std::min(line.rfind(')') + 1, line.size())));
  std::string passed_over;
  for (int number = 3; number < 22; ++number) rest >> passed_over;
  double ticks = 0;
  const double boot = boot_time_s();
  return boot == 0 || !(rest >> ticks) ? 0 : boot + ticks / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

/// Linux 6.2 and later say it at once; before, they have to be counted, and the one that counts is another.
std::uint64_t open_descriptors() {
  struct stat status {};
  if (::stat(kDescriptors, &status) == 0 && status.st_size > 0)
    return static_cast<std::uint64_t>(status.st_size);
  std::error_code error;
  const std::filesystem::directory_iterator all(kDescriptors, error);
  return error ? 0 : static_cast<std::uint64_t>(std::distance(begin(all), end(all))) - 1;
}

}  // namespace

ProcessFacts read_process_facts() {
  ProcessFacts facts;
  rusage usage{};
  if (::getrusage(RUSAGE_SELF, &usage) == 0) facts.cpu_s = seconds(usage.ru_utime) + seconds(usage.ru_stime);
  // Once: when the host has started is known to the second, and not always to the same one.
  static const double start_time_s = find_start_time_s();
  facts.start_time_s = start_time_s;
  std::uint64_t size = 0;
  std::uint64_t resident = 0;
  std::ifstream("/proc/self/statm") >> size >> resident;
  const auto page_bytes = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  facts.virtual_bytes = size * page_bytes;
  facts.resident_bytes = resident * page_bytes;
  facts.open_descriptors = open_descriptors();
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) facts.descriptors_max = limit.rlim_cur;
  return facts;
}

}  // namespace ott
