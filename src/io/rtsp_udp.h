// The two UDP ports that one part of an RTSP session's packets come to, RTP's and RTCP's.
#pragma once

#include <memory>
#include <vector>

#include "io/udp_socket.h"
#include "io/watcher.h"
#include "media/rtsp_message.h"

namespace ott {

class RtspUdpPorts {
 public:
  class Owner {
   public:
    virtual ~Owner() = default;
    /// A datagram has come for this track.
    virtual void on_datagram(std::size_t track, const Datagram& datagram, bool rtcp) = 0;
    /// False: the rest of what has come is not wanted.
    [[nodiscard]] virtual bool wants_datagrams() const = 0;
    /// The round is over. The ports may be destroyed.
    virtual void on_datagrams_over() = 0;
  };

  /// Of the address family that the server has.
  static Result<std::unique_ptr<RtspUdpPorts>> bind(const IpAddress& server, std::size_t track, Owner& owner,
                                                    struct ev_loop* loop);

  [[nodiscard]] std::uint16_t port() const { return rtp_.local().port; }
  /// Which of the session's tracks it is, once that is known.
  void set_track(std::size_t track) { track_ = track; }
  /// Sends something to where packets come from, so that a firewall on the way lets them in.
  void open_firewall(const IpAddress& server, const RtspTransport& transport) const;

 private:
  RtspUdpPorts(UdpSocket rtp, UdpSocket rtcp, std::size_t track, Owner& owner, struct ev_loop* loop);

  void rtp_ready(int) { receive(rtp_, false); }
  void rtcp_ready(int) { receive(rtcp_, true); }
  void receive(const UdpSocket& socket, bool rtcp);

  UdpSocket rtp_;
  UdpSocket rtcp_;
  std::size_t track_;
  Owner& owner_;
  IoWatcher rtp_watcher_;
  IoWatcher rtcp_watcher_;
  std::vector<std::uint8_t> room_;
};

}  // namespace ott
