#include "io/rtp_outlet_part.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "io/clock.h"
#include "io/rtcp_socket.h"
#include "io/rtp_identity.h"
#include "media/stream_sdp.h"

namespace ott {
namespace {

constexpr unsigned kLostPercentToWarnOf = 2;

}  // namespace

/// One receiver, or one group of them.
struct RtpOutletPart::Destination {
  Destination(RtpOutletPart& owner, RtpDestination where, std::pair<UdpSocket, UdpSocket> sockets)
      : part(owner),
        to(std::move(where)),
        rtp(std::move(sockets.first)),
        rtcp(std::move(sockets.second)),
        watcher(owner.loop_) {
    rtp.set_send_buffer(kSendBufferBytes);
    watcher.start<&Destination::rtcp_ready>(*this, rtcp.fd(), EV_READ);
  }

  [[nodiscard]] NodeId rtcp_at() const { return {to.at.address, static_cast<std::uint16_t>(to.at.port + 1)}; }

  void rtcp_ready(int) {
    read_rtcp(rtcp, [this](const RtcpPacket& packet, const NodeId&) {
      part.receivers_.take(packet, part.sender_.ssrc(), clock_now());
    });
  }

  static constexpr std::size_t kSendBufferBytes = std::size_t{1} << 20;

  RtpOutletPart& part;
  RtpDestination to;
  UdpSocket rtp, rtcp;
  IoWatcher watcher;
};

RtpOutletPart::RtpOutletPart(StreamInfo stream, struct ev_loop* loop, Log& log, std::function<void()> changed)
    : stream_(std::move(stream)),
      loop_(loop),
      log_(log),
      changed_(std::move(changed)),
      sender_(stream_.format, random_rtp_fields(), rtp_cname(), RtpSender::Pace::Spread),
      packet_timer_(loop) {}

RtpOutletPart::~RtpOutletPart() = default;

Result<void> RtpOutletPart::open(const std::vector<RtpDestination>& destinations) {
  for (const RtpDestination& to : destinations) {
    auto sockets = open_rtp_sockets(to);
    if (!sockets) return fail(fmt::format("--rtp {}: {}", to_string(to), sockets.error().message));
    destinations_.push_back(std::make_unique<Destination>(*this, to, std::move(*sockets)));
  }
  return {};
}

void RtpOutletPart::on_stream(const StreamInfo& stream) {
  sender_.change_stream(stream.format);
  if (stream.format != stream_.format) size_.reset();
  stream_ = stream;
  changed_();
}

void RtpOutletPart::on_frame(const FramePtr& frame) {
  const Now now = clock_now();
  auto made = make_rtp_frame(frame);
  if (!made) {
    ++frames_refused_;
    return warn(refused_warning_, frames_refused_, made.error().message, now);
  }
  const bool first = sender_.frames_sent() == 0;
  note_size(**made);
  sender_.push(std::move(*made), now);
  if (first) send_report(now);  // before its packets, so that receivers can align them from the first one on
  send_due();
  warn_of_large_packets(now);
}

void RtpOutletPart::note_size(const RtpFrame& frame) {
  if (!frame.frame->is_jpeg() || size_ == size_of(frame.image)) return;
  size_ = size_of(frame.image);
  changed_();
}

void RtpOutletPart::send_due() {
  const Now now = clock_now();
  std::array<ByteSpan, kDatagramsMax> packets;
  std::size_t count = 0;
  batch_.resize(kDatagramsMax * kRtpDatagramBytesMax);
  for (ByteSpan packet; !(packet = sender_.next(now)).empty();) {
    const auto room = MutableByteSpan(batch_).subspan(count * kRtpDatagramBytesMax, packet.size());
    std::ranges::copy(packet, room.begin());
    packets[count++] = room;
    if (count < packets.size()) continue;
    send_to_all(packets);
    count = 0;
  }
  send_to_all(std::span(packets).first(count));
  const MonoTime next = sender_.next_deadline();
  if (next != MonoTime::max()) packet_timer_.start<&RtpOutletPart::send_due>(*this, next - now.mono);
}

void RtpOutletPart::send_to_all(std::span<const ByteSpan> packets) {
  if (packets.empty()) return;
  for (const auto& destination : destinations_) {
    const auto sent = destination->rtp.send(packets, destination->to.at);
    const std::size_t count = sent.value_or(0);
    for (const ByteSpan packet : packets.first(count)) bytes_ += packet.size();
    if (count == packets.size()) continue;
    packets_not_sent_ += packets.size() - count;
    const std::string why = sent ? "this host's network takes no more" : sent.error().message;
    warn(not_sent_warning_, packets_not_sent_,
         fmt::format("a packet to {} was left out: {}", to_string(destination->to), why), clock_now());
  }
}

void RtpOutletPart::report(Now now) {
  send_report(now);
  if (const unsigned lost = receivers_.lost_percent_most(now); lost >= kLostPercentToWarnOf) {
    ++lossy_reports_;
    warn(lossy_warning_, lossy_reports_,
         fmt::format("a receiver reports that it has lost {} % of the packets", lost), now);
  }
}

void RtpOutletPart::send_report(Now now) { send_control(sender_.report(now)); }

void RtpOutletPart::say_bye(Now now) {
  packet_timer_.stop();
  send_control(sender_.bye(now));
}

/// A receiver that no report reaches is not reached by packets either, and of those there is a warning.
void RtpOutletPart::send_control(ByteSpan packet) {
  for (const auto& destination : destinations_)
    (void)destination->rtcp.send(std::span(&packet, 1), destination->rtcp_at());
}

void RtpOutletPart::warn_of_large_packets(Now now) {
  if (sender_.packets_too_large() == 0) return;
  warn(large_warning_, sender_.packets_too_large(),
       fmt::format("a packet of '{}' has more than the {} bytes of a datagram, and is left out", stream_.name,
                   kRtpDatagramBytesMax),
       now);
}

void RtpOutletPart::warn(RepeatedWarning& warning, std::uint64_t count, const std::string& what, Now now) {
  const std::uint64_t times = warning.due(count, now);
  if (times == 1) log_.warning(fmt::format("--rtp: {}", what));
  if (times > 1) log_.warning(fmt::format("--rtp: {} times, the last one: {}", times, what));
}

}  // namespace ott
