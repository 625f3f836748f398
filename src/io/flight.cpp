#include "io/flight.h"

#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>

namespace ott {

Flight flight_of(const Fd& socket) {
  using std::chrono::microseconds;
  tcp_info info{};
  socklen_t length = sizeof info;
  int bytes = 0;
  if (::getsockopt(socket.get(), IPPROTO_TCP, TCP_INFO, &info, &length) != 0) return {};
  if (::ioctl(socket.get(), SIOCOUTQ, &bytes) != 0) return {};
  Flight flight;
  flight.bytes = static_cast<std::size_t>(std::max(bytes, 0));
  flight.acknowledged = info.tcpi_bytes_acked;
  flight.busy = microseconds(info.tcpi_busy_time);
  flight.round_trip = microseconds(info.tcpi_rtt);
  flight.least_round_trip = microseconds(info.tcpi_min_rtt);
  flight.segments_sent = info.tcpi_data_segs_out;
  // Those that the peer had already were not lost (RFC 2883).
  flight.segments_resent = info.tcpi_total_retrans - std::min(info.tcpi_total_retrans, info.tcpi_dsack_dups);
  flight.segments_received = info.tcpi_data_segs_in;
  return flight;
}

}  // namespace ott
