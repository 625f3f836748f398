// A network in memory, on a virtual clock: it drives Machines as src/io does, with latency, bandwidth, small
// socket buffers, reads and writes of any size, lost connections, silent links, stopped and killed hosts.
// Everything that happens follows from the seed and the order of calls.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "ott/machine.h"

namespace ott::sim {

struct NetworkOptions {
  Duration latency = std::chrono::microseconds(200);                            // one way
  std::function<Duration(const IpAddress&, const IpAddress&)> latency_between;  // in its place, if it is set
  double bytes_per_second = 0;             // of each direction of each connection; 0: no limit
  std::size_t buffer_bytes = 256U << 10U;  // sent and not yet read, of each direction
  bool partial = true;                     // reads and writes of random sizes
};

class Network {
 public:
  explicit Network(std::uint64_t seed, NetworkOptions options = {});

  /// Adds a host with one address and starts its machine now. The machine is the network's from here on.
  void start(const IpAddress& address, std::unique_ptr<Machine> machine);
  /// The host is gone at once: its connections break, its machine is destroyed.
  void kill(const IpAddress& address);
  /// The host does not run until resume(): nothing is read, sent or timed; its kernel still takes bytes.
  void stop(const IpAddress& address);
  void resume(const IpAddress& address);
  /// Writes are taken whole from now on, as far as there is room: what is cut is late by a latency.
  void take_writes_whole() { options_.partial = false; }
  /// How long what is sent between the two hosts takes one way, from now on; for all others it is as the
  /// options say.
  void set_latency(const IpAddress& a, const IpAddress& b, Duration latency) {
    latencies_[{std::min(a, b), std::max(a, b)}] = latency;
  }
  /// How many bytes a second each direction of a connection between the two hosts takes, from now on; for all
  /// others it is as the options say.
  void set_rate(const IpAddress& a, const IpAddress& b, double bytes_per_second) {
    rates_[{std::min(a, b), std::max(a, b)}] = bytes_per_second;
  }
  /// All that is sent between the two hosts vanishes (true), or gets through again.
  void set_silent(const IpAddress& a, const IpAddress& b, bool silent);
  /// How far the host's wall clock is ahead of virtual time, from now on; a process that starts there later
  /// has the same clock. Timers do not change.
  void set_clock(const IpAddress& address, Duration ahead) { clocks_[address] = ahead; }
  /// Their connections break; new ones are possible.
  void break_connections(const IpAddress& a, const IpAddress& b);
  void signal(const IpAddress& address, Signal signal);
  /// Performs what a machine asks for after it was called from outside.
  void wake(const IpAddress& address);

  /// The machine of a host; null if it is not running.
  [[nodiscard]] Machine* machine(const IpAddress& address);
  /// How a machine asked to exit; none if it has not.
  [[nodiscard]] std::optional<Requests::Exit> exit_of(const IpAddress& address) const;

  /// Lets virtual time pass.
  void run_for(Duration duration);
  /// Until the condition holds, at most so long; false if it never did.
  bool run_until(const std::function<bool()>& condition, Duration at_most);
  [[nodiscard]] Now now() const { return {now_, WallTime(now_.time_since_epoch())}; }
  /// The time as that host sees it.
  [[nodiscard]] Now now_at(const IpAddress& address) const;
  std::mt19937_64& random() { return random_; }

  /// Bytes that have been delivered so far, all in all.
  [[nodiscard]] std::uint64_t bytes_delivered() const {
    std::uint64_t bytes = 0;
    for (const auto& [between, count] : bytes_) bytes += count;
    return bytes;
  }
  /// Bytes that have been delivered from one host to another so far.
  [[nodiscard]] std::uint64_t bytes_between(const IpAddress& from, const IpAddress& to) const;

 private:
  struct Host;
  struct End {
    Host* host = nullptr;
    LinkId link;
    std::deque<std::vector<std::uint8_t>> received;  // delivered, not yet read
    std::size_t received_offset = 0;
    std::deque<std::vector<std::uint8_t>> held;  // by a silent link, in order
    std::uint64_t* delivered = nullptr;          // in bytes_, how many came by this way; none yet
    std::size_t unread_bytes = 0;                // on their way to this end, or there and not read
    MonoTime last_delivery{};
    bool blocked = false;      // sending from this end
    bool closed = false;       // by this end, or reported to it
    bool peer_closed = false;  // reported once all is read
    bool broken = false;       // by a reset: bytes on their way are lost
    std::string close_reason;
  };
  struct Connection {
    End ends[2];
    bool open = false;  // both machines have been told
  };
  struct Host {
    IpAddress address;
    const Duration* clock_ahead = nullptr;  // in clocks_
    std::unique_ptr<Machine> machine;
    std::optional<NodeId> listening;
    std::map<LinkId, std::pair<std::shared_ptr<Connection>, int>> links;
    std::vector<LinkId> sending;  // requests().send while it is worked on
    std::optional<Requests::Exit> exit;
    MonoTime timer_at = MonoTime::max();
    bool stopped = false;
    bool alive = true;
    bool performing = false;
    bool catching_up = false;  // reads what has arrived, and sends later
    bool reads_later = false;  // its machine has given no room for what has arrived
    std::uint16_t next_port = 40000;
  };
  struct Event {
    MonoTime at;
    std::uint64_t order;
    std::function<void()> act;
    bool operator<(const Event& other) const {
      return at != other.at ? at > other.at : order > other.order;  // the earliest on top
    }
  };

  void at(MonoTime time, std::function<void()> act);
  Host* find(const IpAddress& address);
  void perform(Host& host);
  void finish_host(Host& host);
  void connect(Host& host, const Requests::Connect& request);
  void establish(Host& host, const Requests::Connect& request, const NodeId& from);
  void pump(Host& host, LinkId link);
  void deliver(const std::shared_ptr<Connection>& connection, int to, std::vector<std::uint8_t> bytes);
  void read(const std::shared_ptr<Connection>& connection, int side);
  void unblock(const std::shared_ptr<Connection>& connection, int side);
  void close(Host& host, LinkId link);
  void tell_of_close(const std::shared_ptr<Connection>& connection, int side);
  void tell_closed(const std::shared_ptr<Connection>& connection, int side);
  void break_connection(const std::shared_ptr<Connection>& connection, const std::string& why);
  void timer(Host& host);
  void read_all(Host& host);
  [[nodiscard]] Now now(const Host& host) const {
    return {now_, WallTime(now_.time_since_epoch() + *host.clock_ahead)};
  }
  void release(const std::shared_ptr<Connection>& connection, int side);
  [[nodiscard]] Duration latency(const IpAddress& a, const IpAddress& b) const;
  [[nodiscard]] bool silent(const Host& a, const Host& b) const;
  [[nodiscard]] Duration latency(const Connection& connection) const;
  [[nodiscard]] double rate(const IpAddress& a, const IpAddress& b) const;
  std::size_t some_of(std::size_t bytes);

  NetworkOptions options_;
  std::mt19937_64 random_;
  MonoTime now_{std::chrono::hours(1)};
  std::vector<Event> events_;  // a heap
  std::uint64_t next_order_ = 0;
  std::vector<std::unique_ptr<Host>> hosts_;  // the dead ones, too: events may still name them
  std::set<std::pair<IpAddress, IpAddress>> silent_;
  std::map<std::pair<IpAddress, IpAddress>, Duration> latencies_;
  std::map<std::pair<IpAddress, IpAddress>, double> rates_;
  std::map<IpAddress, Duration> clocks_;
  std::map<std::pair<IpAddress, IpAddress>, std::uint64_t> bytes_;
};

}  // namespace ott::sim
