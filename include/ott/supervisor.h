// The supervisor of this process, which wants to know how it is: a service manager such as systemd.
#pragma once

#include <string>

#include "ott/time.h"

namespace ott {

class Supervisor {
 public:
  Supervisor() = default;
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;
  virtual ~Supervisor() = default;

  /// The process is up; or, after reloading(), has done that.
  virtual void ready() = 0;
  /// It reads its configuration again.
  virtual void reloading(Now now) = 0;
  /// It is about to end.
  virtual void stopping() = 0;
  /// How it is, in a line for people.
  virtual void status(const std::string& text) = 0;
};

}  // namespace ott
