// The links of this host, as whoever looks for others there sees them: datagrams that go to all processes on
// them that listen, and that come from these. src/io performs it, by multicast.
#pragma once

#include "ott/time.h"
#include "ott/types.h"

namespace ott {

class LocalLinks {
 public:
  class Receiver {
   public:
    virtual ~Receiver() = default;
    /// The bytes may be anything.
    virtual void on_datagram(ByteSpan bytes, const IpAddress& from, Now now) = 0;
  };

  virtual ~LocalLinks() = default;
  /// Once. `receiver` outlives this. That there is no link yet is no error.
  virtual void begin(Receiver& receiver) = 0;
  /// Sends it on all links; loopback ones alone if `loopback_only`.
  virtual void send(ByteSpan datagram, bool loopback_only) = 0;
};

}  // namespace ott
