#include "io/rtp_outlet.h"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "io/clock.h"
#include "io/rtcp_socket.h"
#include "io/rtp_identity.h"
#include "media/stream_sdp.h"
#include "media/text.h"

namespace ott {
namespace {

constexpr unsigned kHopsMax = 255;
constexpr unsigned kLostPercentToWarnOf = 2;

Result<void> read_option(std::string_view option, RtpDestination& destination) {
  const auto [name, value] = cut(option, '=');
  if (name == "ttl") {
    const auto ttl = parse_number<unsigned>(value);
    if (!ttl || *ttl < 1 || *ttl > kHopsMax) return fail("ttl= is a number from 1 to 255");
    destination.ttl = *ttl;
    return {};
  }
  if (name == "interface" && !value.empty()) {
    destination.interface = value;
    return {};
  }
  return fail(fmt::format("'{}' is none of ttl=N and interface=NAME", option));
}

Result<RtpDestination> parse_destination(std::string_view text) {
  RtpDestination destination;
  auto [at, options] = cut(text, '?');
  const std::size_t colon = at.rfind(':');
  const bool has_port = colon != std::string_view::npos && at.find(']', colon) == std::string_view::npos &&
                        (at.starts_with('[') || at.find(':') == colon);
  if (!has_port) return fail("it needs a port, as in 10.0.0.7:5004 or [2001:db8::7]:5004");
  const auto id = parse_node_id(at);
  if (!id) return fail(id.error().message);
  if (id->port == 0 || id->port == 65'535)
    return fail("its port is from 1 to 65534: RTCP takes the next one");
  destination.at = *id;
  while (!options.empty()) {
    if (auto read = read_option(take_until(options, '&'), destination); !read)
      return tl::unexpected<Error>(std::move(read.error()));
  }
  return destination;
}

std::string to_string(const RtpDestination& to) {
  const std::string address = to_string(to.at.address);
  return fmt::format("{}:{}", to.at.address.is_v4() ? address : '[' + address + ']', to.at.port);
}

Sdp described(const StreamInfo& stream, const JpegImage& image, const RtpDestination& to) {
  Sdp sdp = stream_sdp(stream, image);
  SdpConnection connection{to_string(to.at.address), std::nullopt};
  if (is_multicast(to.at.address) && to.at.address.is_v4())
    connection.ttl = static_cast<std::uint8_t>(to.ttl);
  sdp.connection = connection;
  sdp.media.front().port = to.at.port;
  return sdp;
}

}  // namespace

Result<std::vector<RtpDestination>> parse_rtp_destinations(std::string_view text) {
  std::vector<RtpDestination> destinations;
  do {
    const std::string_view one = take_until(text, ',');
    auto destination = parse_destination(one);
    if (!destination) return fail(fmt::format("'{}': {}", one, destination.error().message));
    destinations.push_back(std::move(*destination));
    if (destinations.size() > RtpOutlet::kDestinationsMax)
      return fail(fmt::format("at most {} addresses", RtpOutlet::kDestinationsMax));
  } while (!text.empty());
  return destinations;
}

/// One receiver, or one group of them.
struct RtpOutlet::Destination {
  Destination(RtpOutlet& owner, RtpDestination where, std::pair<UdpSocket, UdpSocket> sockets)
      : outlet(owner),
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
      outlet.receivers_.take(packet, outlet.sender_.ssrc(), clock_now());
    });
  }

  static constexpr std::size_t kSendBufferBytes = std::size_t{1} << 20;

  RtpOutlet& outlet;
  RtpDestination to;
  UdpSocket rtp, rtcp;
  IoWatcher watcher;
};

RtpOutlet::RtpOutlet(Config config, struct ev_loop* loop, Workers& workers, Log& log)
    : config_(std::move(config)),
      loop_(loop),
      log_(log),
      sender_(random_rtp_fields(), rtp_cname(), RtpSender::Pace::Spread),
      packet_timer_(loop),
      report_timer_(loop) {
  if (!config_.sdp_path.empty()) sdp_file_.emplace(config_.sdp_path, workers);
}

RtpOutlet::~RtpOutlet() = default;

/// Receivers in a group send their reports to it; others to where ours come from.
Result<std::pair<UdpSocket, UdpSocket>> RtpOutlet::open_sockets(const RtpDestination& to) {
  if (!is_multicast(to.at.address)) {
    IpAddress any;
    if (to.at.address.is_v4()) any = *parse_ip("0.0.0.0");
    return UdpSocket::bind_pair(any);
  }
  const IpAddress any = to.at.address.is_v4() ? *parse_ip("0.0.0.0") : IpAddress{};
  auto rtp = UdpSocket::bind({any, 0}, to.interface);
  if (!rtp) return tl::unexpected<Error>(std::move(rtp.error()));
  auto rtcp = UdpSocket::bind({to.at.address, static_cast<std::uint16_t>(to.at.port + 1)}, to.interface);
  if (!rtcp) return tl::unexpected<Error>(std::move(rtcp.error()));
  if (auto joined = rtcp->join(to.at.address); !joined)
    return tl::unexpected<Error>(std::move(joined.error()));
  rtp->set_multicast_hops(to.ttl);
  rtcp->set_multicast_hops(to.ttl);
  return std::pair(std::move(*rtp), std::move(*rtcp));
}

Result<void> RtpOutlet::begin(WatchableStreams& streams, Now) {
  for (const RtpDestination& to : config_.destinations) {
    auto sockets = open_sockets(to);
    if (!sockets) return fail(fmt::format("--rtp {}: {}", to_string(to), sockets.error().message));
    destinations_.push_back(std::make_unique<Destination>(*this, to, std::move(*sockets)));
  }
  if (sdp_file_) {
    if (auto writable = sdp_file_->check(); !writable) return fail("--sdp: " + writable.error().message);
  }
  report_timer_.start<&RtpOutlet::report_due>(*this, RtpSender::kReportInterval);
  subscription_ = streams.subscribe(config_.stream, *this);
  return {};
}

void RtpOutlet::on_stream(const StreamInfo&) { sender_.change_stream(); }

void RtpOutlet::on_frame(const FramePtr& frame) {
  const Now now = clock_now();
  auto made = make_rtp_frame(frame);
  if (!made) {
    ++frames_refused_;
    warn(refused_warning_, frames_refused_, made.error().message, now);
    return;
  }
  const bool first = sender_.frames_sent() == 0;
  write_sdp(**made);
  sender_.push(std::move(*made), now);
  send_due();
  if (first) send_report();  // receivers can align the stream from its first frame on
}

void RtpOutlet::send_due() {
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
  if (next != MonoTime::max()) packet_timer_.start<&RtpOutlet::send_due>(*this, next - now.mono);
}

void RtpOutlet::send_to_all(std::span<const ByteSpan> packets) {
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

void RtpOutlet::report_due() {
  report_timer_.start<&RtpOutlet::report_due>(*this, RtpSender::kReportInterval);
  send_report();
  const Now now = clock_now();
  if (const unsigned lost = receivers_.lost_percent_most(now); lost >= kLostPercentToWarnOf) {
    ++lossy_reports_;
    warn(lossy_warning_, lossy_reports_,
         fmt::format("a receiver reports that it has lost {} % of the packets", lost), now);
  }
  if (!sdp_file_) return;
  if (const std::string failure = sdp_file_->take_failure(); !failure.empty()) {
    log_.warning(failure);
    described_.reset();  // the next frame tries again
  }
}

void RtpOutlet::send_report() {
  const auto report = sender_.report(clock_now());
  const ByteSpan bytes = report;
  // A receiver that no report reaches is not reached by packets either, and of those there is a warning.
  for (const auto& destination : destinations_)
    (void)destination->rtcp.send(std::span(&bytes, 1), destination->rtcp_at());
}

void RtpOutlet::write_sdp(const RtpFrame& frame) {
  const StreamInfo* stream = subscription_ == nullptr ? nullptr : subscription_->stream();
  if (!sdp_file_ || stream == nullptr) return;
  const Described now{stream->id, stream->name, stream->fps_milli, frame.image.width, frame.image.height};
  if (described_ == now) return;
  Sdp sdp = described(*stream, frame.image, config_.destinations.front());
  sdp.origin.version = ++sdp_version_;
  if (sdp_file_->write(to_string(sdp))) described_ = now;
}

bool RtpOutlet::finish(bool give_up, Now now) {
  if (subscription_ != nullptr) {
    subscription_.reset();
    packet_timer_.stop();
    report_timer_.stop();
    const auto bye = sender_.bye(now);
    const ByteSpan bytes = bye;
    for (const auto& destination : destinations_)
      (void)destination->rtcp.send(std::span(&bytes, 1), destination->rtcp_at());
  }
  return give_up || !sdp_file_ || sdp_file_->idle();
}

OutletFigures RtpOutlet::figures() const {
  OutletFigures figures;
  figures.kind = "rtp";
  for (const RtpDestination& to : config_.destinations) {
    if (!figures.at.empty()) figures.at += ',';
    figures.at += to_string(to);
  }
  figures.viewers = receivers_.count(clock_now());
  figures.frames = sender_.frames_sent();
  figures.frames_skipped = sender_.frames_skipped();
  figures.bytes = bytes_;
  return figures;
}

void RtpOutlet::warn(RepeatedWarning& warning, std::uint64_t count, const std::string& what, Now now) {
  const std::uint64_t times = warning.due(count, now);
  if (times == 1) log_.warning(fmt::format("--rtp: {}", what));
  if (times > 1) log_.warning(fmt::format("--rtp: {} times, the last one: {}", times, what));
}

// ---- the row --------------------------------------------------------------------------------------------

namespace {

constexpr OutletFlag kSdp = {"--sdp", "FILE",
                             "with --rtp: write to this file what comes there, as players read it"};

Result<std::unique_ptr<Outlet>> open_rtp(const OutletArguments& arguments, const OutletContext& context) {
  auto destinations = parse_rtp_destinations(arguments.value);
  if (!destinations) return tl::unexpected<Error>(std::move(destinations.error()));
  RtpOutlet::Config config{arguments.stream, std::move(*destinations), {}};
  if (const auto sdp = arguments.options.find(kSdp.name); sdp != arguments.options.end())
    config.sdp_path = sdp->second;
  return std::make_unique<RtpOutlet>(std::move(config), context.loop, context.workers, context.log);
}

}  // namespace

const OutletSpec kRtpOutlet = {
    .flag = {"--rtp", "ADDR:PORT[?ttl=N],...",
             "send the stream by RTP to hosts and multicast groups (RTCP on PORT+1)"},
    .options = std::span(&kSdp, 1),
    .of_one_stream = true,
    .open = open_rtp,
};

}  // namespace ott
