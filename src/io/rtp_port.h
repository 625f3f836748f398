// Where one RTP flow arrives: the sockets of RTP and RTCP, and what comes out of them. Anybody can send here:
// what is taken in one round of the loop, kept and logged is bounded, and so is what a strange packet can do
// (rtp_receiver.h).
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <random>
#include <string>

#include "io/inputs.h"
#include "io/udp_socket.h"
#include "io/watcher.h"
#include "media/rtp_address.h"
#include "media/rtp_flow.h"
#include "ott/repeated_warning.h"
#include "ott/retry.h"

namespace ott {

/// Room for the datagrams of one call, which the flows of an input share.
class DatagramRooms {
 public:
  /// Datagrams above this size are dropped; senders keep to the network's, which is at most 9,000.
  static constexpr std::size_t kBytesMax = std::size_t{16} << 10;

  DatagramRooms();
  std::array<Datagram, kDatagramsMax> batch;

 private:
  std::unique_ptr<std::uint8_t[]> bytes_;
};

class RtpPort {
 public:
  /// `name`: as errors name it. The flow is the source's part of this index.
  RtpPort(std::string name, RtpAddress address, std::size_t index, InputSink& sink,
          const InputContext& context);

  /// `rooms` lives until close().
  void open(DatagramRooms& rooms, Now now);
  void close();

  [[nodiscard]] InputFigures figures() const { return flow_->figures(oversized_); }

 private:
  void listen(Now now);
  void close_sockets();
  void lose(const std::string& why, Now now);
  void set_timer(Now now);
  void on_time();
  void on_media(int);
  void on_control(int);
  [[nodiscard]] bool is_wanted(const Datagram& datagram) const;
  void take(const Datagram& datagram, Now now);
  void take_rtcp(ByteSpan bytes, Now now);
  void say_strange(Now now);
  void say_dropped(Now now);
  void warn(RepeatedWarning& warning, std::uint64_t total, std::string_view noun, Now now, const auto& what);

  const std::string name_;
  const RtpAddress address_;
  InputSink& sink_;
  Log& log_;
  IoWatcher media_ready_;
  IoWatcher control_ready_;
  TimerWatcher timer_;
  std::mt19937_64 random_;
  Retry retry_;
  std::optional<UdpSocket> media_;
  std::optional<UdpSocket> control_;  // RTCP
  DatagramRooms* rooms_ = nullptr;

  std::unique_ptr<RtpFlow> flow_;
  std::uint64_t incomplete_ = 0;  // of its frames, when it was looked last

  std::size_t receive_buffer_ = 0;
  std::uint64_t dropped_ = 0;
  std::uint64_t oversized_ = 0;
  unsigned wrong_type_ = 0;
  RepeatedWarning wrong_type_warning_, malformed_warning_, strange_warning_, oversized_warning_,
      dropped_warning_;
};

}  // namespace ott
