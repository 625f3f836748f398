#include "io/rtp_port.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <utility>

#include "io/clock.h"
#include "io/random.h"
#include "media/text.h"
#include "ott/text.h"

namespace ott {
namespace {

constexpr Retry::Pauses kPauses = {std::chrono::milliseconds(500), std::chrono::seconds(30)};
/// A few frames of the largest cameras; the kernel may give less.
constexpr std::size_t kReceiveBufferBytes = std::size_t{8} << 20;
constexpr unsigned kBatchesPerRound = 4;

/// Bound and joined as the address says, here.
Result<UdpSocket> listen_at(const RtpAddress& address, const NodeId& at) {
  auto socket = UdpSocket::bind(at, address.interface);
  if (!socket && at.address.is_unspecified() && !at.address.is_v4()) {  // perhaps this host has no IPv6
    if (auto v4 = UdpSocket::bind({*parse_ip("0.0.0.0"), at.port}, address.interface)) socket = std::move(v4);
  }
  if (!socket || !is_multicast(at.address)) return socket;
  if (auto joined = socket->join(at.address, address.source); !joined)
    return tl::unexpected<Error>(std::move(joined.error()));
  return socket;
}

}  // namespace

DatagramRooms::DatagramRooms()
    : bytes_(std::make_unique_for_overwrite<std::uint8_t[]>(kDatagramsMax * kBytesMax)) {
  for (std::size_t i = 0; i < kDatagramsMax; ++i)
    batch[i].room = MutableByteSpan(bytes_.get() + i * kBytesMax, kBytesMax);
}

RtpPort::RtpPort(std::string name, RtpAddress address, std::size_t index, InputSink& sink,
                 const InputContext& context)
    : name_(std::move(name)),
      address_(std::move(address)),
      sink_(sink),
      log_(context.log),
      media_ready_(context.loop),
      control_ready_(context.loop),
      timer_(context.loop),
      random_(random_number<std::uint64_t>()),
      flow_(make_rtp_flow(name_, address_.part(), index, sink)) {}

void RtpPort::open(DatagramRooms& rooms, Now now) {
  rooms_ = &rooms;
  listen(now);
}

void RtpPort::close() {
  close_sockets();
  retry_.succeeded();
  timer_.stop();
  rooms_ = nullptr;
  flow_->begin_anew();
}

void RtpPort::listen(Now now) {
  auto media = listen_at(address_, address_.at);
  if (!media) return lose(media.error().message, now);
  retry_.succeeded();
  receive_buffer_ = media->set_receive_buffer(kReceiveBufferBytes);
  dropped_ = 0;
  media_ = std::move(*media);
  media_ready_.start<&RtpPort::on_media>(*this, media_->fd(), EV_READ);
  if (address_.rtcp_mux || (!address_.rtcp_at && address_.at.port == UINT16_MAX)) return;
  const NodeId next{address_.at.address, static_cast<std::uint16_t>(address_.at.port + 1)};
  auto control = listen_at(address_, address_.rtcp_at.value_or(next));
  if (!control) return;  // RTCP only adds to what is known; another program may have the port
  control_ = std::move(*control);
  control_ready_.start<&RtpPort::on_control>(*this, control_->fd(), EV_READ);
}

void RtpPort::close_sockets() {
  media_ready_.stop();
  control_ready_.stop();
  media_.reset();
  control_.reset();
}

void RtpPort::lose(const std::string& why, Now now) {
  close_sockets();
  sink_.on_lost(fmt::format("{}: {}", name_, why), now);
  retry_.schedule(kPauses, random_, now);
  set_timer(now);
}

void RtpPort::set_timer(Now now) {
  const MonoTime next = std::min(flow_->next_deadline(), retry_.due_at());
  if (next == MonoTime::max()) return timer_.stop();
  timer_.start<&RtpPort::on_time>(*this, std::max(next - now.mono, Duration{}));
}

void RtpPort::on_time() {
  const Now now = clock_now();
  if (retry_.take_due(now)) listen(now);
  flow_->step(now);
  set_timer(now);
}

void RtpPort::on_media(int) {
  const Now now = clock_now();
  for (unsigned batches = 0; batches < kBatchesPerRound; ++batches) {
    const auto count = media_->receive(rooms_->batch);
    if (!count) return lose(count.error().message, now);
    for (const Datagram& datagram : std::span(rooms_->batch).first(*count)) take(datagram, now);
    if (*count < kDatagramsMax) break;
  }
  say_strange(now);
  say_dropped(now);
  for (const std::string& warning : flow_->take_warnings(now)) log_.warning(warning);
  set_timer(now);
}

void RtpPort::on_control(int) {
  const auto count = control_->receive(rooms_->batch);
  if (!count) {
    control_ready_.stop();
    return;
  }
  const Now now = clock_now();
  for (const Datagram& datagram : std::span(rooms_->batch).first(*count)) {
    if (is_wanted(datagram)) take_rtcp(datagram.bytes, now);
  }
}

bool RtpPort::is_wanted(const Datagram& datagram) const {
  return !address_.source || *address_.source == datagram.from.address;
}

void RtpPort::take(const Datagram& datagram, Now now) {
  if (!is_wanted(datagram)) return;
  if (is_rtcp(datagram.bytes)) return take_rtcp(datagram.bytes, now);
  if (datagram.cut_short) {
    ++oversized_;
    return;
  }
  const std::uint64_t wrong_type = flow_->packets().wrong_type;
  const std::uint64_t senders = flow_->senders();
  flow_->push(datagram.bytes, now);
  if (flow_->packets().wrong_type != wrong_type) wrong_type_ = datagram.bytes[1] & 0x7FU;
  if (flow_->senders() == senders) return;
  sink_.on_connected(
      fmt::format("{}: from {} port {}", name_, to_string(datagram.from.address), datagram.from.port), now);
}

void RtpPort::take_rtcp(ByteSpan bytes, Now now) {
  const auto bye = flow_->push_rtcp(bytes);
  if (!bye) return;
  const std::string reason = bye->bye_reason.empty() ? "" : " (" + printable(bye->bye_reason) + ")";
  sink_.on_lost(fmt::format("{}: the sender says that it ends{}", name_, reason), now);
}

/// What comes and is not what was asked for; at a rate.
void RtpPort::say_strange(Now now) {
  const RtpReceiver::Counters counters = flow_->packets();
  warn(wrong_type_warning_, counters.wrong_type, "packet", now, [this] {
    const std::string how =
        address_.format.is_jpeg() ? fmt::format("; ?pt={} takes them, if they are JPEG", wrong_type_) : "";
    return fmt::format("of payload type {} instead of {}{}", wrong_type_, address_.payload_type, how);
  });
  warn(malformed_warning_, counters.malformed, "datagram", now, [] { return "without an RTP header"; });
  warn(strange_warning_, counters.strange, "packet", now,
       [] { return "of another sender; one alone can send here, ?source=ADDRESS says which"; });
  warn(oversized_warning_, oversized_, "datagram", now, [] {
    return fmt::format("of more than {} bytes; the sender is to use smaller ones", DatagramRooms::kBytesMax);
  });
}

/// A frame that is incomplete may be so since the kernel had no room for it.
void RtpPort::say_dropped(Now now) {
  if (flow_->frames_incomplete() == incomplete_) return;
  incomplete_ = flow_->frames_incomplete();
  if (media_) dropped_ = media_->dropped();
  warn(dropped_warning_, dropped_, "datagram", now, [this] {
    return fmt::format(
        "dropped, since this host's receive buffer of {} KiB was full; raise net.core.rmem_max",
        receive_buffer_ >> 10U);
  });
}

void RtpPort::warn(RepeatedWarning& warning, std::uint64_t total, std::string_view noun, Now now,
                   const auto& what) {
  if (const std::uint64_t count = warning.due(total, now))
    log_.warning(fmt::format("{}: {} {}", name_, counted(count, noun), what()));
}

}  // namespace ott
