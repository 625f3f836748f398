// TCP sockets as the overlay uses them: non-blocking, no Nagle delay, little unsent data in the kernel.
#pragma once

#include <sys/types.h>

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/fd.h"
#include "ott/types.h"

namespace ott {

/// Bytes that the kernel holds unsent before a socket stops being writable. What waits behind them can still
/// be left out when a child is slow.
inline constexpr int kNotSentLowAtBytes = 16 << 10;

/// Listens on exactly this address and port. The error says what to do.
Result<Fd> listen_on(const NodeId& id);
/// The same for others than the overlay. The unspecified address means all of this host, IPv4 and IPv6.
Result<Fd> listen_for_clients(const NodeId& at);
/// Where a server for clients listens: [ADDRESS:]PORT. Without an address it is the unspecified one. The
/// error says how to write it.
Result<NodeId> parse_listen_address(std::string_view text);

struct Accepted {
  Fd fd;
  NodeId remote;
};
/// The next connection that waits; nothing when none does. The error is the process's (no descriptors left).
Result<std::optional<Accepted>> accept_from(const Fd& listener);

/// Begins to connect; connect_result gives the result once the socket is writable. The connection comes from
/// one of the addresses of `from`: the one that the host would take itself, if it is among them, or else the
/// first of the same IP version. Where there is none, the host decides.
Result<Fd> connect_to(const NodeId& to, std::span<const IpAddress> from);
Result<void> connect_result(const Fd& socket);

/// send(2) without SIGPIPE, and recv(2). In a process with threads the C library makes each of those a point
/// at which its thread can be cancelled, which costs more than all else it does; nobody is cancelled here.
[[gnu::hot]] ssize_t send_some(const Fd& socket, ByteSpan bytes);
[[gnu::hot]] ssize_t receive_some(const Fd& socket, MutableByteSpan into);
/// Sends these, one after the other, in one call. REQUIRES: at most kPiecesMax.
inline constexpr std::size_t kPiecesMax = 64;
[[gnu::hot]] ssize_t send_gathered(const Fd& socket, std::span<const ByteSpan> pieces);

/// This end's address and port.
NodeId local_end(const Fd& socket);

/// The addresses of a host, as the system's resolver orders them. Blocks, for seconds where no name service
/// answers. The error names the host.
Result<std::vector<IpAddress>> look_up_host(const std::string& host);

/// True if this host can use the address as its own.
bool can_bind(const IpAddress& address);

/// The addresses of this host's interfaces that are up, loopback last; without link-local ones.
std::vector<IpAddress> interface_addresses();

}  // namespace ott
