// An Ethernet interface as the wire has it: whole frames in and out, by an AF_PACKET socket. Frames that this
// process sends there do not come back in. Whatever the interface's address is, it takes all frames.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "delay_line.h"
#include "io/fd.h"
#include "ott/result.h"

namespace ott::wire {

/// A frame begins with the kernel's note on its checksum (struct virtio_net_hdr, which C++ cannot include).
/// It goes with the frame from interface to interface, so that a checksum left to the hardware is not lost.
struct Note {
  std::uint8_t flags = 0;
  std::uint8_t gso_type = 0;
  std::uint16_t hdr_len = 0;
  std::uint16_t gso_size = 0;
  std::uint16_t csum_start = 0;
  std::uint16_t csum_offset = 0;
};
inline constexpr std::size_t kNoteBytes = 10;
static_assert(sizeof(Note) == kNoteBytes);
inline constexpr std::size_t kBatch = 32;

struct Arrival {
  Frame frame;       // the note, then the frame with its VLAN tag, if it has one
  MonoTime arrived;  // by the kernel's stamp
};

struct PortCounters {
  std::uint64_t unread = 0;     // came when the socket's buffer was full: this process was too slow
  std::uint64_t too_large = 0;  // larger than the MTU: segments that were to be cut by the hardware
  std::uint64_t refused = 0;    // the kernel did not take it: the interface or its peer is down
};

class Port {
 public:
  /// Needs the right to open such sockets (root in the network namespace). The error says what failed.
  static Result<Port> open(const std::string& interface);

  [[nodiscard]] int fd() const { return socket_.get(); }
  [[nodiscard]] const std::string& interface() const { return interface_; }
  [[nodiscard]] int mtu() const { return mtu_; }

  /// Reads what is there, at most kBatch frames, and adds it to `into`. The frames' memory is taken from
  /// `spare`. Returns whether there may be more; an error if the interface is gone.
  Result<bool> read(std::vector<Arrival>& into, std::vector<Frame>& spare);
  /// Sends these frames, at most kBatch.
  void send(std::vector<Frame>& frames);
  /// Up to now.
  const PortCounters& counters();

 private:
  Port(std::string interface, Fd socket, int mtu)
      : interface_(std::move(interface)), socket_(std::move(socket)), mtu_(mtu) {}

  std::string interface_;
  Fd socket_;
  int mtu_;
  PortCounters counters_;
  std::array<Frame, kBatch> prepared_;  // to be read into
};

}  // namespace ott::wire
