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
#include "media/stream_sdp.h"

namespace ott {
namespace {

/// How much is read at once: some requests, so that a player that sends many takes turns with the others.
constexpr std::size_t kReadBytes = 4096;
/// What one round sends to one player.
constexpr std::size_t kBytesPerRound = std::size_t{256} << 10U;

}  // namespace

// ---- a stream ---------------------------------------------------------------------------------------------

RtspStream::RtspStream(WatchableStreams& streams, std::string name)
    : name_(std::move(name)), subscription_(streams.subscribe(name_, *this)) {
  const FramePtr frame = subscription_->newest();
  if (auto made = frame == nullptr ? Result<RtpFramePtr>() : make_rtp_frame(frame)) newest_ = *made;
}

void RtspStream::on_frame(const FramePtr& frame) {
  auto made = make_rtp_frame(frame);
  if (!made) return;  // what comes over the overlay was carried by RTP before
  newest_ = *made;
  fresh_.push_back({std::move(*made), std::exchange(changes_, false)});
}

void RtspStream::on_stream(const StreamInfo&) {
  changes_ = true;
  newest_.reset();
}

void RtspStream::hand_out(Now now) {
  for (const Fresh& fresh : std::exchange(fresh_, {})) {
    for (auto at = connections.begin(); at != connections.end();) {
      RtspConnection& connection = **at++;  // it may leave
      connection.push(fresh.frame, fresh.first, now);
    }
  }
}

// ---- a connection -----------------------------------------------------------------------------------------

RtspConnection::RtspConnection(RtspOutlet& outlet, Fd fd, NodeId remote, Now now)
    : outlet_(outlet),
      fd_(std::move(fd)),
      remote_(remote),
      watcher_(outlet.loop_),
      timer_(outlet.loop_),
      server_({remote.address, fmt::format("{:016X}", random_number<std::uint64_t>()), random_rtp_fields(),
               rtp_cname()},
              now) {
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
    asks_ = false;
    answer_set_up(now);
  }
}

void RtspConnection::answer_describe(Now now) {
  const std::string name = server_.ask()->stream;
  const bool late = now.mono - asked_at_ >= RtspOutlet::kDescribeTime;
  if (!outlet_.is_known(name) && (late || !outlet_.streams_->all().empty())) {
    asks_ = false;
    return server_.refuse(404, fmt::format("there is no stream '{}' here ({})", name, outlet_.names()), now);
  }
  if (outlet_.is_known(name)) want(name);
  const StreamInfo* stream = stream_ == nullptr ? nullptr : stream_->subscription().stream();
  if (stream != nullptr && stream_->newest() != nullptr) {
    asks_ = false;
    return server_.describe(stream_sdp(*stream, stream_->newest()->image), now);
  }
  if (!late) return;
  asks_ = false;
  const std::string why = stream_ == nullptr ? "" : stream_->subscription().why_nothing();
  server_.refuse(503, fmt::format("no picture of '{}' has come: {}", name, why), now);
}

void RtspConnection::answer_set_up(Now now) {
  const RtspServer::Ask ask = *server_.ask();
  if (!outlet_.is_known(ask.stream)) {
    return server_.refuse(404, fmt::format("there is no stream '{}' here ({})", ask.stream, outlet_.names()),
                          now);
  }
  if (!ask.udp) return server_.set_up(std::nullopt, now);
  const auto ports = outlet_.ports_of(local_end(fd_).address);
  if (!ports) return server_.refuse(461, ports.error().message, now);
  ports_ = *ports;
  server_.set_up(RtspTransport::Pair{ports_->rtp.local().port, ports_->rtcp.local().port}, now);
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
  frames_before_ = server_.sender().frames_sent();
  outlet_.viewer_log_.line(fmt::format("{} plays '{}' over {}", to_string(remote_), stream_->name(),
                                       server_.over_udp() ? "UDP" : "TCP"),
                           now.mono);
  if (stream_->newest() != nullptr && !stream_->has_fresh()) server_.push(stream_->newest(), now);
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

void RtspConnection::push(const RtpFramePtr& frame, bool first_of_stream, Now now) {
  if (is_closed()) return;
  if (server_.playing()) {
    if (first_of_stream) server_.change_stream();
    server_.push(frame, now);
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
  std::array<std::uint8_t, kDatagramsMax * kRtpDatagramBytesMax> bytes;
  std::array<ByteSpan, kDatagramsMax> batch;
  std::size_t count = 0;
  const auto flush = [&] {
    // What the network does not take is lost, as it may be further on.
    (void)ports_->rtp.send(std::span(batch).first(count), NodeId{remote_.address, server_.rtp_port()});
    for (const ByteSpan one : std::span(batch).first(count)) outlet_.sums_.bytes += one.size();
    count = 0;
  };
  while (true) {
    const RtspServer::Datagram one = server_.next_datagram(now);
    if (one.bytes.empty()) break;
    if (one.port != server_.rtp_port()) {
      (void)ports_->rtcp.send(std::span(&one.bytes, 1), NodeId{remote_.address, one.port});
      continue;
    }
    const auto room = MutableByteSpan(bytes).subspan(count * kRtpDatagramBytesMax, one.bytes.size());
    std::ranges::copy(one.bytes, room.begin());
    batch[count++] = room;
    if (count == batch.size()) flush();
  }
  if (count > 0) flush();
  const MonoTime due = server_.datagram_due();
  if (due != MonoTime::max())
    timer_.start<&RtspConnection::datagrams_due>(*this, std::max(due - now.mono, Duration{}));
}

void RtspConnection::datagrams_due() {
  if (!is_closed() && server_.over_udp()) send_datagrams(clock_now());
}

void RtspConnection::end(Now now) {
  if (is_closed() || server_.over()) return;
  if (server_.over_udp()) {
    const auto bye = server_.sender().bye(now);
    const ByteSpan bytes = bye;
    (void)ports_->rtcp.send(std::span(&bytes, 1), NodeId{remote_.address, server_.rtcp_port()});
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

void RtspConnection::log_end(const std::string& why, Now now) {
  plays_ = false;
  outlet_.viewer_log_.line(
      fmt::format("{} plays '{}' no more, after {} frames{}{}", to_string(remote_), stream_->name(),
                  server_.sender().frames_sent() - frames_before_, why.empty() ? "" : ": ", why),
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
