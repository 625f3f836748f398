#include "io/rtsp_connection.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "io/clock.h"
#include "io/rtcp_socket.h"
#include "io/rtp_identity.h"
#include "io/socket.h"

namespace ott {
namespace {

/// How much is read at once: some requests, so that a player that sends many takes turns with the others.
constexpr std::size_t kReadBytes = 4096;
/// What one round sends to one player.
constexpr std::size_t kBytesPerRound = std::size_t{256} << 10U;

}  // namespace

// ---- a connection -----------------------------------------------------------------------------------------

RtspConnection::RtspConnection(RtspOutlet& outlet, Fd fd, NodeId remote, Now now)
    : outlet_(outlet),
      fd_(std::move(fd)),
      remote_(remote),
      watcher_(outlet.loop_),
      timer_(outlet.loop_),
      server_({remote.address, fmt::format("{:016X}", random_number<std::uint64_t>()), rtp_cname()}, now) {
  watcher_.start<&RtspConnection::ready>(*this, fd_.get(), EV_READ);
}

RtspConnection::~RtspConnection() = default;

void RtspConnection::ready(int events) {
  const Now now = clock_now();
  if ((events & EV_READ) != 0) receive(now);
  if (!is_closed()) settle(now);
}

void RtspConnection::receive(Now now) {
  std::array<std::uint8_t, kReadBytes> bytes;
  const ssize_t n = receive_some(fd_, bytes);
  if (n > 0) return server_.receive(ByteSpan(bytes).first(static_cast<std::size_t>(n)), now);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  close(n == 0 ? "" : std::strerror(errno));
}

/// Draws the consequences of what the server has been told.
void RtspConnection::settle(Now now) {
  while (server_.ask()) {
    if (!std::exchange(asks_, true)) asked_at_ = now.mono;
    answer(now);
    if (server_.ask() && asks_) break;  // it has to wait
  }
  begin_or_end_playing(now);
  send(now);
}

void RtspConnection::answer(Now now) {
  if (outlet_.ending_) {
    asks_ = false;
    server_.refuse(503, "this server is about to end", now);
  } else if (server_.ask()->kind == RtspServer::Ask::Kind::Describe) {
    answer_describe(now);
  } else {
    answer_set_up(now);
  }
}

/// True if there is no such stream, which is said, or may still come.
bool RtspConnection::refuse_unknown(const std::string& name, bool late, Now now) {
  if (outlet_.is_known(name)) return false;
  if (late || !outlet_.streams_->all().empty()) {
    asks_ = false;
    server_.refuse(404, fmt::format("there is no stream '{}' here ({})", name, outlet_.names()), now);
  }
  return true;
}

void RtspConnection::answer_describe(Now now) {
  const std::string name = server_.ask()->stream;
  const bool late = now.mono - asked_at_ >= RtspOutlet::kDescribeTime;
  if (refuse_unknown(name, late, now)) return;
  want(name);
  if (auto sdp = stream_->described(late)) {
    asks_ = false;
    return server_.describe(std::move(*sdp), now);
  }
  if (!late) return;
  asks_ = false;
  server_.refuse(503, fmt::format("no picture of '{}' has come: {}", name, stream_->why_nothing()), now);
}

/// A player that has asked for no description may come before the parts are known.
void RtspConnection::answer_set_up(Now now) {
  const RtspServer::Ask ask = *server_.ask();
  const bool late = now.mono - asked_at_ >= RtspOutlet::kDescribeTime;
  if (refuse_unknown(ask.stream, late, now)) return;
  want(ask.stream);
  const bool exists = ask.track < stream_->parts().size();
  if (!exists && stream_->parts().empty() && !late) return;
  asks_ = false;
  if (!exists) return server_.refuse(404, fmt::format("'{}' has no track {}", ask.stream, ask.track), now);
  RtspServer::TrackSetUp track{stream_->parts()[ask.track]->format(), random_rtp_fields(), std::nullopt};
  if (ask.udp) {
    const auto ports = outlet_.ports_of(local_end(fd_).address);
    if (!ports) return server_.refuse(461, ports.error().message, now);
    ports_ = *ports;
    track.server_port = RtspTransport::Pair{ports_->rtp.local().port, ports_->rtcp.local().port};
  }
  server_.set_up(track, now);
}

void RtspConnection::begin_or_end_playing(Now now) {
  if (plays_ && !server_.playing()) {
    log_end("", now);
    want_until_ = now.mono + RtspOutlet::kPlayTime;  // after a pause it may go on
    timer_.stop();
  }
  if (plays_ || !server_.playing()) return;
  plays_ = true;
  want(*server_.stream());
  frames_before_ = server_.tracks().frames_sent();
  outlet_.viewer_log_.line(fmt::format("{} plays '{}' over {}", to_string(remote_), stream_->name(),
                                       server_.over_udp() ? "UDP" : "TCP"),
                           now.mono);
  for (const unsigned track : server_.tracks().ids()) {
    if (track < stream_->parts().size())
      server_.tracks().push_history(track, stream_->parts()[track]->history(), now);
  }
}

void RtspConnection::want(const std::string& stream) {
  want_until_ = clock_now().mono + RtspOutlet::kPlayTime;
  if (stream_ != nullptr && stream_->name() == stream) return;
  want_none();
  stream_ = &outlet_.join(stream, *this);
}

void RtspConnection::want_none() {
  if (stream_ != nullptr) outlet_.leave(*std::exchange(stream_, nullptr), *this);
}

void RtspConnection::push(unsigned track, const RtpFramePtr& frame, const MediaFormat* changed, Now now) {
  if (is_closed()) return;
  if (server_.playing()) {
    if (changed != nullptr) server_.tracks().change_stream(track, *changed);
    server_.tracks().push(track, frame, now);
  }
  settle(now);
}

void RtspConnection::look(Now now) {
  if (is_closed()) return;
  if (const std::string why = server_.expired(now); !why.empty()) return close(why);
  if (stream_ != nullptr && !plays_ && !server_.ask() && now.mono >= want_until_) want_none();
  settle(now);
}

// ---- sending ----------------------------------------------------------------------------------------------

void RtspConnection::send(Now now) {
  if (server_.over_udp()) send_datagrams(now);
  std::size_t sent = 0;
  bool full = false;
  while (!full && sent < kBytesPerRound) {
    const ByteSpan output = server_.output(now);
    if (output.empty()) break;
    const ssize_t n = send_some(fd_, output);
    if (n < 0 && errno != EAGAIN && errno != EINTR) return close(std::strerror(errno));
    const auto bytes = static_cast<std::size_t>(std::max<ssize_t>(n, 0));
    server_.sent(bytes, now);
    outlet_.sums_.bytes += bytes;
    sent += bytes;
    full = bytes < output.size();
  }
  const bool more = full || sent >= kBytesPerRound;
  if (server_.over() && !more) return close("");
  watcher_.want((server_.wants_input() ? EV_READ : 0) | (more ? EV_WRITE : 0));
}

void RtspConnection::send_datagrams(Now now) {
  std::array<std::uint8_t, kDatagramsMax * kRtpPassedBytesMax> bytes;
  std::array<ByteSpan, kDatagramsMax> batch;
  std::size_t count = 0;
  std::uint16_t port = 0;  // of those in the batch
  const auto flush = [&] {
    if (count == 0) return;
    // What the network does not take is lost, as it may be further on.
    (void)ports_->rtp.send(std::span(batch).first(count), NodeId{remote_.address, port});
    for (const ByteSpan one : std::span(batch).first(count)) outlet_.sums_.bytes += one.size();
    count = 0;
  };
  while (true) {
    const RtspTracks::Packet one = server_.tracks().next_datagram(now);
    if (one.bytes.empty()) break;
    if (one.is_control) {
      (void)ports_->rtcp.send(std::span(&one.bytes, 1), NodeId{remote_.address, one.port});
      continue;
    }
    if (one.port != port) flush();
    port = one.port;
    const auto room = MutableByteSpan(bytes).subspan(count * kRtpPassedBytesMax, one.bytes.size());
    std::ranges::copy(one.bytes, room.begin());
    batch[count++] = room;
    if (count == batch.size()) flush();
  }
  flush();
  log_large_packets(now);
  const MonoTime due = server_.tracks().datagram_due();
  if (due != MonoTime::max())
    timer_.start<&RtspConnection::datagrams_due>(*this, std::max(due - now.mono, Duration{}));
}

void RtspConnection::datagrams_due() {
  if (!is_closed() && server_.over_udp()) send_datagrams(clock_now());
}

void RtspConnection::end(Now now) {
  if (is_closed() || server_.over()) return;
  if (server_.over_udp()) {
    server_.tracks().say_bye(false, now, [this](const RtspTracks::Packet& bye) {
      (void)ports_->rtcp.send(std::span(&bye.bytes, 1), NodeId{remote_.address, bye.port});
    });
  }
  server_.end(now);
  send(now);
}

void RtspConnection::close(const std::string& why) {
  if (is_closed()) return;
  if (plays_) log_end(why, clock_now());
  watcher_.stop();
  timer_.stop();
  want_none();
  fd_ = Fd();
  outlet_.closed(*this);
}

void RtspConnection::log_large_packets(Now now) {
  if (server_.tracks().packets_too_large() == 0 || std::exchange(said_large_, true)) return;
  outlet_.viewer_log_.line(
      fmt::format("packets of '{}' that have more than the {} bytes of a datagram do not go to {}: it can "
                  "play over TCP",
                  stream_->name(), kRtpPassedBytesMax, to_string(remote_)),
      now.mono);
}

void RtspConnection::log_end(const std::string& why, Now now) {
  plays_ = false;
  outlet_.viewer_log_.line(
      fmt::format("{} plays '{}' no more, after {} frames{}{}", to_string(remote_), stream_->name(),
                  server_.tracks().frames_sent() - frames_before_, why.empty() ? "" : ": ", why),
      now.mono);
}

// ---- ports ------------------------------------------------------------------------------------------------

RtspPorts::RtspPorts(RtspOutlet& owner, std::pair<UdpSocket, UdpSocket> sockets)
    : outlet(owner), rtp(std::move(sockets.first)), rtcp(std::move(sockets.second)), watcher(owner.loop_) {
  constexpr std::size_t kSendBufferBytes = std::size_t{4} << 20U;
  rtp.set_send_buffer(kSendBufferBytes);
  watcher.start<&RtspPorts::rtcp_ready>(*this, rtcp.fd(), EV_READ);
}

void RtspPorts::rtcp_ready(int) {
  read_rtcp(rtcp, [this](const RtcpPacket& packet, const NodeId& from) { outlet.hear(packet, from); });
}

}  // namespace ott
