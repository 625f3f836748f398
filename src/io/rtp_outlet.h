// A stream to RTP receivers: --rtp ADDR:PORT[?ttl=N&interface=NAME][,...], each a host or a multicast group,
// with RTCP on the port above. All get the same packets. An SDP file (--sdp) tells players what comes there.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "io/outlets.h"
#include "io/replaced_file.h"
#include "io/udp_socket.h"
#include "io/watcher.h"
#include "media/receiver_reports.h"
#include "media/rtp_sender.h"
#include "ott/log.h"
#include "ott/repeated_warning.h"

namespace ott {

struct RtpDestination {
  NodeId at;
  unsigned ttl = 1;       // how many routers multicast passes
  std::string interface;  // that multicast leaves by; empty: what the host's routes say
};

/// Reads what --rtp takes. The error names the part that is wrong.
Result<std::vector<RtpDestination>> parse_rtp_destinations(std::string_view text);

class RtpOutlet final : public Outlet, private FrameTaker {
 public:
  static constexpr std::size_t kDestinationsMax = 64;

  struct Config {
    std::string stream;  // its name; empty: the default one
    std::vector<RtpDestination> destinations;
    std::string sdp_path;  // empty: no file
  };
  RtpOutlet(Config config, struct ev_loop* loop, Workers& workers, Log& log);
  ~RtpOutlet() override;

  Result<void> begin(WatchableStreams& streams, Now now) override;
  bool finish(bool give_up, Now now) override;
  [[nodiscard]] OutletFigures figures() const override;

 private:
  struct Destination;
  /// What the SDP file says of the stream.
  struct Described {
    StreamId id;
    std::string name;
    std::uint32_t fps_milli = 0;
    std::uint16_t width = 0, height = 0;
    bool operator==(const Described&) const = default;
  };

  void on_frame(const FramePtr& frame) override;
  void on_stream(const StreamInfo& stream) override;
  static Result<std::pair<UdpSocket, UdpSocket>> open_sockets(const RtpDestination& to);
  void send_due();
  void report_due();
  void send_report();
  void send_to_all(std::span<const ByteSpan> packets);
  void write_sdp(const RtpFrame& frame);
  void warn(RepeatedWarning& warning, std::uint64_t count, const std::string& what, Now now);

  Config config_;
  struct ev_loop* loop_;
  Log& log_;
  RtpSender sender_;
  std::vector<std::unique_ptr<Destination>> destinations_;
  TimerWatcher packet_timer_;
  TimerWatcher report_timer_;
  std::vector<std::uint8_t> batch_;  // packets, one after the other

  ReceiverReports receivers_;
  std::optional<ReplacedFile> sdp_file_;
  std::optional<Described> described_;  // in the file
  std::uint64_t sdp_version_ = 0;

  std::uint64_t bytes_ = 0;
  std::uint64_t packets_not_sent_ = 0;
  std::uint64_t frames_refused_ = 0;
  std::uint64_t lossy_reports_ = 0;
  RepeatedWarning not_sent_warning_, refused_warning_, lossy_warning_;
  std::unique_ptr<Subscription> subscription_;  // goes first
};

extern const OutletSpec kRtpOutlet;

}  // namespace ott
