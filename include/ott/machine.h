// The contract between code that decides and code that performs. A Machine has no sockets and no clock. Its
// driver (src/io, or a simulated network) tells it what happened and when. Received bytes go where recv_slice
// says, bytes to send are where send_slice says. After each call, or a few of them, the driver performs what
// requests() holds; it sends on a link that is in Requests::send until send_slice or send_advance says that
// nothing is left, or the connection is blocked. A Machine never calls its driver.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ott/duration_histogram.h"
#include "ott/time.h"
#include "ott/types.h"

namespace ott {

struct Requests {
  struct Connect {
    LinkId link;
    NodeId to;
    /// The connection comes from one of these: the one that the host would take itself, if it is among them,
    /// or else the first of the same IP version. Empty: from any.
    std::vector<IpAddress> from;
  };
  struct Exit {
    int status = 0;
    std::string message;  // for the user; empty: nothing to say
  };

  std::vector<NodeId> listen;    // each answered by listening(), once
  std::vector<Connect> connect;  // answered by opened() or closed()
  std::vector<LinkId> send;      // links that have something to send and did not before
  std::vector<LinkId> measure;   // set_flight is called before each send on them from now on
  std::vector<LinkId> sample;    // set_flight is called once, soon
  std::vector<LinkId> close;     // send what send_slice still gives if it can be had at once, then close
  std::optional<Exit> exit;
};

/// How many bytes are under way on a connection, and how fast they drain.
struct Flight {
  std::size_t bytes = 0;                // taken by the connection, and not acknowledged by its peer
  std::uint64_t acknowledged = 0;       // bytes, since the connection began
  Duration busy{};                      // for how long something was under way, since then
  Duration round_trip{};                // smoothed
  Duration least_round_trip{};          // 0: the driver does not know what is under way
  std::uint64_t segments_sent = 0;      // with data, since the connection began
  std::uint64_t segments_resent = 0;    // of them, since they were lost
  std::uint64_t segments_received = 0;  // with data, whether or not it could be read yet
};

/// What a driver measures of its loop.
struct LoopFigures {
  /// The longest time from the end of a wait to the next wait: for so long nothing was read or sent.
  Duration pause_max{};
  /// All such times.
  DurationHistogram pauses;
};

enum class Signal : std::uint8_t {
  Terminate,  // leave in good order
  Report,     // log the state
  Reload,     // read again what may have changed
};

class Machine {
 public:
  Machine() = default;
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;
  virtual ~Machine() = default;

  /// Once, before anything else.
  virtual void begin(Now now) = 0;
  /// The listening socket asked for is there, or cannot be had (`error` says why).
  virtual void listening(const NodeId& at, const std::optional<Error>& error, Now now) = 0;
  /// A connection has come in.
  virtual LinkId accepted(const NodeId& remote, Now now) = 0;
  /// A connection asked for is there; `local` is this end's address and port.
  virtual void opened(LinkId link, const NodeId& local, Now now) = 0;
  /// The connection is gone (or never came to be). The last call that names this link.
  virtual void closed(LinkId link, std::string_view why, Now now) = 0;

  /// Where received bytes go, and how many at most. Valid until the next call. Empty: the link is closing.
  virtual MutableByteSpan recv_slice(LinkId link) = 0;
  /// `bytes` (> 0) were received there.
  virtual void recv_advance(LinkId link, std::size_t bytes, Now now) = 0;
  /// All that can be sent in one call; empty: nothing. Valid until the next call.
  virtual ByteSpan send_slice(LinkId link, Now now) = 0;
  /// The same in several pieces, which are sent one after the other. Returns how many there are, at most
  /// pieces.size() > 0; none: nothing. What send_advance is told then is the sum.
  virtual std::size_t send_slices(LinkId link, Now now, std::span<ByteSpan> pieces) {
    pieces[0] = send_slice(link, now);
    return pieces[0].empty() ? 0 : 1;
  }
  /// `bytes` of that were taken by the connection. False if that was all: send_slice would be empty.
  virtual bool send_advance(LinkId link, std::size_t bytes, Now now) = 0;
  /// Called before what is sent on links of Requests::measure, and for each of Requests::sample.
  virtual void set_flight(LinkId, const Flight&, Now) {}
  /// The connection takes no more now (true), or takes bytes again (false); then send_slice is called, asked
  /// for or not.
  virtual void set_blocked(LinkId link, bool blocked, Now now) = 0;

  /// When tick() wants to be called at the latest.
  [[nodiscard]] virtual MonoTime next_deadline() const = 0;
  /// Does what is due. Called in each round of the driver's loop, when all that has arrived is read and
  /// before anything is sent: what is nearly due can be done then, instead of waking the process once more.
  virtual void tick(Now now) = 0;
  virtual void signal(Signal signal, Now now) = 0;

  /// Jobs that were submitted to Workers (worker.h) are done and can be collected.
  virtual void worked(Now) {}

  /// What the driver is to do; it empties what it has done.
  virtual Requests& requests() = 0;
};

}  // namespace ott
