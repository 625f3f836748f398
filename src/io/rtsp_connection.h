// One connection of our RTSP server, and its datagrams if it plays over UDP. Owned by the outlet, which
// destroys it at the end of the round in which it was closed.
#pragma once

#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "io/fd.h"
#include "io/rtsp_outlet.h"
#include "io/rtsp_stream.h"
#include "io/udp_socket.h"
#include "io/watcher.h"
#include "media/rtsp_server.h"

namespace ott {

/// Two ports of an address of this host, that datagrams of all sessions are sent from.
struct RtspPorts {
  RtspPorts(RtspOutlet& owner, std::pair<UdpSocket, UdpSocket> sockets);
  void rtcp_ready(int events);

  RtspOutlet& outlet;
  UdpSocket rtp, rtcp;
  IoWatcher watcher;
};

class RtspConnection {
 public:
  RtspConnection(RtspOutlet& outlet, Fd fd, NodeId remote, Now now);
  RtspConnection(const RtspConnection&) = delete;
  RtspConnection& operator=(const RtspConnection&) = delete;
  ~RtspConnection();

  /// `changed`: the frame is the first one of another stream, of this format; else null.
  void push(unsigned track, const RtpFramePtr& frame, const MediaFormat* changed, Now now);
  /// Answers what has waited for a frame, or for too long; ends what has gone.
  void look(Now now);
  /// Says BYE; closed when that is sent.
  void end(Now now);
  void close(const std::string& why);

  [[nodiscard]] const NodeId& remote() const { return remote_; }
  [[nodiscard]] bool is_closed() const { return !fd_.valid(); }
  [[nodiscard]] bool plays() const { return plays_; }
  [[nodiscard]] RtspServer& server() { return server_; }
  [[nodiscard]] const RtspServer& server() const { return server_; }

  std::list<std::unique_ptr<RtspConnection>>::iterator place;  // the owner's

 private:
  void ready(int events);
  void receive(Now now);
  void settle(Now now);
  void answer(Now now);
  void answer_describe(Now now);
  void answer_set_up(Now now);
  [[nodiscard]] bool refuse_unknown(const std::string& name, bool late, Now now);
  void begin_or_end_playing(Now now);
  void want(const std::string& stream);
  void want_none();
  void send(Now now);
  void send_datagrams(Now now);
  void datagrams_due();
  void log_large_packets(Now now);
  void log_end(const std::string& why, Now now);

  RtspOutlet& outlet_;
  Fd fd_;
  NodeId remote_;
  IoWatcher watcher_;
  TimerWatcher timer_;  // for datagrams
  RtspServer server_;
  RtspStream* stream_ = nullptr;  // that it wants
  RtspPorts* ports_ = nullptr;    // of a session over UDP
  bool plays_ = false;
  bool said_large_ = false;          // that packets are too large for datagrams
  std::uint64_t frames_before_ = 0;  // it began to play
  MonoTime asked_at_{};              // what the server asks for now
  bool asks_ = false;
  MonoTime want_until_{};  // a stream that is not played
};

}  // namespace ott
