#include "io/listeners.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <utility>

#include "io/socket.h"
#include "media/text.h"

namespace ott {
namespace {

constexpr int kFirstPassed = 3;
/// The kinds of outlets that listen.
constexpr std::array<std::string_view, 2> kKinds = {"http", "rtsp"};

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

int option_of(int fd, int option) {
  int value = -1;
  socklen_t length = sizeof value;
  return ::getsockopt(fd, SOL_SOCKET, option, &value, &length) == 0 ? value : -1;
}

bool is_listening_tcp(int fd) {
  const int domain = option_of(fd, SO_DOMAIN);
  return option_of(fd, SO_TYPE) == SOCK_STREAM && option_of(fd, SO_ACCEPTCONN) == 1 &&
         (domain == AF_INET || domain == AF_INET6);
}

}  // namespace

void Listeners::take_passed() {
  const bool is_meant = variable("LISTEN_PID") == std::to_string(::getpid());
  const auto count = parse_number<std::size_t>(variable("LISTEN_FDS"));
  const std::string names = variable("LISTEN_FDNAMES");
  for (const char* name : {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"}) ::unsetenv(name);
  if (!is_meant || !count) return;
  if (*count > kPassedMax)
    warnings_.push_back(fmt::format("{} sockets were passed, {} are taken", *count, kPassedMax));
  std::string_view rest = names;
  for (std::size_t i = 0; i < std::min(*count, kPassedMax); ++i)
    take(kFirstPassed + static_cast<int>(i), std::string(take_until(rest, ':')));
}

void Listeners::take(int fd, std::string name) {
  const std::string shown = fmt::format("descriptor {} ('{}'), which was passed,", fd, printable(name));
  if (::fcntl(fd, F_GETFD) < 0) return warnings_.push_back(shown + " is not open");
  ::fcntl(fd, F_SETFD, FD_CLOEXEC);
  if (!is_listening_tcp(fd)) return warnings_.push_back(shown + " is no TCP socket that listens");
  ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
  auto socket = std::make_shared<const Fd>(fd);
  const NodeId at = local_end(*socket);
  passed_.push_back({std::move(socket), at, std::move(name)});
}

Listeners::Passed* Listeners::find_passed(const NodeId& at, std::string_view kind) {
  auto found = std::ranges::find(passed_, kind, &Passed::name);
  if (found == passed_.end()) {
    found = std::ranges::find_if(passed_, [&](const Passed& each) {
      const bool is_there =
          each.at.address == at.address || (each.at.address.is_unspecified() && at.address.is_unspecified());
      const bool is_free = each.user.empty() || each.user == kind;
      return is_there && each.at.port == at.port && is_free && std::ranges::count(kKinds, each.name) == 0;
    });
  }
  return found == passed_.end() ? nullptr : &*found;
}

Result<std::shared_ptr<const Fd>> Listeners::listen(const NodeId& at, std::string_view kind) {
  if (Passed* passed = find_passed(at, kind)) {
    passed->user = kind;
    return passed->socket;
  }
  std::erase_if(own_, [](const Own& each) { return each.socket.expired(); });
  const auto own =
      std::ranges::find_if(own_, [&](const Own& each) { return each.at == at && each.user == kind; });
  if (own != own_.end()) return own->socket.lock();
  auto fd = listen_for_clients(at);
  if (!fd) return tl::unexpected<Error>(fd.error());
  auto socket = std::make_shared<const Fd>(std::move(*fd));
  own_.push_back({socket, at, std::string(kind)});
  return socket;
}

std::vector<std::string> Listeners::take_warnings() {
  for (Passed& each : passed_) {
    if (!each.user.empty() || std::exchange(each.said, true)) continue;
    warnings_.push_back(fmt::format("nothing here serves port {} of {}, whose socket was passed as '{}'",
                                    each.at.port, to_string(each.at.address), printable(each.name)));
  }
  return std::exchange(warnings_, {});
}

}  // namespace ott
