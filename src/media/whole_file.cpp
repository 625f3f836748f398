#include "media/whole_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>

namespace ott {
namespace {

std::string reason(int error) { return std::system_category().message(error); }

/// Returns 0 or errno.
int write_all(int fd, ByteSpan bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno != EINTR) return errno;
    if (written > 0) bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  return 0;
}

int write_file(const std::string& path, ByteSpan bytes) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (fd < 0) return errno;
  int error = write_all(fd, bytes);
  if (::close(fd) != 0 && error == 0 && errno != EINTR) error = errno;
  return error;
}

}  // namespace

Result<void> check_directory_of(const std::string& path) {
  std::string folder = std::filesystem::path(path).parent_path().string();
  if (folder.empty()) folder = ".";
  struct stat status {};
  if (::stat(folder.c_str(), &status) != 0)
    return fail(errno == ENOENT ? "there is no directory '" + folder + "'; make it first"
                                : "'" + folder + "': " + reason(errno));
  if (!S_ISDIR(status.st_mode)) return fail("'" + folder + "' is no directory");
  if (::access(folder.c_str(), W_OK | X_OK) != 0)
    return fail("no file can be made in '" + folder + "': " + reason(errno));
  if (::lstat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode) && !S_ISLNK(status.st_mode))
    return fail("'" + path + "' is there already, and is no file");
  return {};
}

Result<void> write_whole_file(const std::string& path, ByteSpan bytes) {
  const std::size_t name = path.rfind('/') + 1;  // 0 if there is no directory
  const std::string temporary = path.substr(0, name) + "." + path.substr(name) + ".part";
  int error = write_file(temporary, bytes);
  if (error == 0 && ::rename(temporary.c_str(), path.c_str()) != 0) error = errno;
  if (error == 0) return {};
  ::unlink(temporary.c_str());
  return fail("cannot write '" + path + "': " + reason(error));
}

}  // namespace ott
