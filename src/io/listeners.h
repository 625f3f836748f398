// The sockets at which this process listens for others than the overlay: those that it was passed by its
// service manager (socket activation, sd_listen_fds(3)), and its own. An outlet that follows another one of
// its kind at an address shares its socket, so that nobody who connects meanwhile is refused.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "io/fd.h"
#include "ott/result.h"
#include "ott/types.h"

namespace ott {

class Listeners {
 public:
  static constexpr std::size_t kPassedMax = 64;

  /// Takes the descriptors from 3 on that LISTEN_FDS, LISTEN_PID and LISTEN_FDNAMES tell of, and these out of
  /// the environment. Called before anything else opens a descriptor.
  void take_passed();

  /// A socket that listens at `at` (the unspecified address means all of this host), for an outlet of this
  /// kind ("http"). A passed one is taken in its place: the first that is called like the kind, wherever it
  /// listens, or else one that listens there and is called like none. The error says what to do.
  Result<std::shared_ptr<const Fd>> listen(const NodeId& at, std::string_view kind);

  /// Faults of passed sockets, and those that nothing here has asked for; each is told once.
  [[nodiscard]] std::vector<std::string> take_warnings();

 private:
  struct Passed {
    std::shared_ptr<const Fd> socket;
    NodeId at;
    std::string name;
    std::string user{};  // the kind of outlet that has taken it; empty: none
    bool said = false;   // that there is none
  };
  struct Own {
    std::weak_ptr<const Fd> socket;
    NodeId at;
    std::string user;
  };

  void take(int fd, std::string name);
  Passed* find_passed(const NodeId& at, std::string_view kind);

  std::vector<Passed> passed_;
  std::vector<Own> own_;
  std::vector<std::string> warnings_;
};

}  // namespace ott
