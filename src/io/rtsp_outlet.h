// Our RTSP server (--rtsp [ADDR:]PORT): plays any stream that can be watched from here by its name,
// rtsp://HOST:PORT/NAME, over the connection itself or by UDP. What is said on a connection is
// media/rtsp_server.h's. Bounded in connections, in what each may send and take its time for, and in what
// viewers that are stuck can hold.
//
// A stream is wanted while somebody plays it or has asked for its description, and is read once for all.
// Frames are sent at the end of a round of the loop, after the overlay's links have got theirs.
#pragma once

#include <list>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "io/fd.h"
#include "io/outlets.h"
#include "io/viewer_log.h"
#include "io/watcher.h"
#include "media/rtcp.h"

namespace ott {

class RtspConnection;
struct RtspPorts;
class RtspStream;

class RtspOutlet final : public Outlet {
 public:
  static constexpr std::size_t kConnectionsMax = 1024;
  /// Frames that are kept only since somebody is in the middle of one.
  static constexpr std::size_t kHeldBytesMax = std::size_t{64} << 20U;
  /// How long a description waits for the stream's first frame.
  static constexpr Duration kDescribeTime = std::chrono::seconds(5);
  /// How long a stream that was described waits to be played.
  static constexpr Duration kPlayTime = std::chrono::seconds(10);

  RtspOutlet(NodeId at, struct ev_loop* loop, Listeners& listeners, Log& log);
  ~RtspOutlet() override;

  Result<void> begin(WatchableStreams& streams, Now now) override;
  bool finish(bool give_up, Now now) override;
  [[nodiscard]] OutletFigures figures() const override;
  [[nodiscard]] bool serves_others() const override { return true; }
  [[nodiscard]] std::vector<std::string> report() const override;

 private:
  friend class RtspConnection;
  friend struct RtspPorts;
  void accept_ready(int events);
  void accept_again();
  void take(Fd fd, const NodeId& remote, Now now);
  bool make_room();
  void closed(RtspConnection& connection);
  void round();
  void tick();
  void bound_what_is_held();

  RtspStream& join(const std::string& name, RtspConnection& connection);
  void leave(RtspStream& stream, RtspConnection& connection);
  [[nodiscard]] bool is_known(const std::string& name) const;
  [[nodiscard]] std::string names() const;
  /// The ports of this address that RTP and RTCP are sent from.
  Result<RtspPorts*> ports_of(const IpAddress& local);
  void hear(const RtcpPacket& packet, const NodeId& from);

  NodeId at_;
  struct ev_loop* loop_;
  Listeners& listeners_;
  Log& log_;
  ViewerLog viewer_log_;
  WatchableStreams* streams_ = nullptr;
  std::uint64_t refused_ = 0;  // connections, or those that gave way to them
  std::size_t connections_max_ = kConnectionsMax;
  std::shared_ptr<const Fd> listener_;
  IoWatcher listener_watcher_;
  TimerWatcher accept_pause_;
  TimerWatcher tick_timer_;  // while there are connections
  RoundWatcher round_;
  MonoTime warn_of_accept_at_{};
  bool ending_ = false;

  std::map<IpAddress, std::unique_ptr<RtspPorts>> ports_;
  std::map<std::string, std::unique_ptr<RtspStream>> wanted_;
  std::list<std::unique_ptr<RtspConnection>> connections_;
  std::list<std::unique_ptr<RtspConnection>> dead_;  // until the end of the round

  struct {
    std::uint64_t frames = 0, frames_skipped = 0, bytes = 0;
  } sums_;  // of connections that are closed; bytes of all
};

extern const OutletSpec kRtspOutlet;

}  // namespace ott
