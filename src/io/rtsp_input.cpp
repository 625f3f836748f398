#include "io/rtsp_input.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <random>
#include <utility>

#include "io/clock.h"
#include "io/random.h"
#include "io/socket.h"
#include "io/udp_socket.h"
#include "io/watcher.h"
#include "media/rtcp.h"
#include "media/rtp_address.h"
#include "media/rtp_frames.h"
#include "media/rtsp_client.h"
#include "media/source_spec.h"
#include "ott/retry.h"

namespace ott {
namespace {

constexpr Duration kConnectMax = std::chrono::seconds(5);
constexpr Retry::Pauses kPauses = {std::chrono::milliseconds(250), std::chrono::seconds(5)};
/// After a failure that will most likely come again. Cameras lock an account that is tried too often.
constexpr Retry::Pauses kLongPauses = {std::chrono::seconds(30), std::chrono::seconds(120)};
/// A session that played for so long has not failed at once.
constexpr Duration kPlayedWell = std::chrono::seconds(5);
constexpr unsigned kRedirectsMax = 5;
constexpr std::size_t kReadBytesARound = std::size_t{256} << 10;
constexpr std::size_t kDatagramBytesMax = std::size_t{16} << 10;
constexpr std::size_t kDatagrams = 32;  // in one call
constexpr std::size_t kCallsARound = 8;
constexpr std::size_t kUdpBufferBytes = std::size_t{4} << 20;

class LookUp : public Job {
 public:
  explicit LookUp(std::string host) : host_(std::move(host)) {}
  void run() override { found = look_up_host(host_); }

  Result<std::vector<IpAddress>> found;

 private:
  std::string host_;
};

/// The ports that a session's packets come to.
class UdpPorts {
 public:
  static Result<UdpPorts> bind(const IpAddress& like) {
    IpAddress any;
    if (like.is_v4()) any = parse_ip("0.0.0.0").value();
    auto pair = UdpSocket::bind_pair(any);
    if (!pair) return tl::unexpected<Error>(pair.error());
    pair->first.set_receive_buffer(kUdpBufferBytes);
    return UdpPorts(std::move(pair->first), std::move(pair->second));
  }

  [[nodiscard]] const UdpSocket& rtp() const { return rtp_; }
  [[nodiscard]] const UdpSocket& rtcp() const { return rtcp_; }
  [[nodiscard]] std::uint16_t port() const { return rtp_.local().port; }

  /// Sends something to where packets come from, so that a firewall on the way lets them in.
  void open_firewall(const IpAddress& server, const RtspTransport& transport) const {
    if (!transport.server_port) return;
    const auto report = write_rtcp({.ssrc = 1, .cname = "ottd"});
    const std::array datagrams = {ByteSpan(report)};
    (void)rtp_.send(datagrams, NodeId{server, transport.server_port->first});
    (void)rtcp_.send(datagrams, NodeId{server, transport.server_port->second});
  }

 private:
  UdpPorts(UdpSocket rtp, UdpSocket rtcp) : rtp_(std::move(rtp)), rtcp_(std::move(rtcp)) {}

  UdpSocket rtp_;
  UdpSocket rtcp_;
};

/// Off --start--> Resolving --> Connecting --> Talking      stop: from each to Off
///                  ^              |  ^ (another address)     |
///                  `-- Pausing <--'  |                       |
///                         ^          `-- a redirect, or UDP -|
///                         `------------- a failure ----------'
class RtspInput final : public Input {
 public:
  struct Camera {
    Url url;
    bool udp = false;                   // at first
    bool tcp = false;                   // at most
    std::optional<PictureSize> size{};  // where its description does not say it
  };
  RtspInput(SourceInfo info, Camera camera, InputSink& sink, const InputContext& context)
      : Input(std::move(info)),
        camera_(std::move(camera)),
        name_(without_credentials(to_string(camera_.url))),
        sink_(sink),
        lookups_(context.workers.make_queue(WorkKind::Input, {})),
        random_(random_number<std::uint64_t>()),
        socket_watcher_(context.loop),
        rtp_watcher_(context.loop),
        rtcp_watcher_(context.loop),
        timer_(context.loop),
        frames_(name_, {}, sink) {}

  void start(Now now) override { begin(now); }

  void stop(Now now) override {
    hang_up(now);
    retry_.succeeded();
    timer_.stop();
    state_ = State::Off;
  }

  /// Collects the addresses that a worker has found.
  void step(Now now) override {
    const std::unique_ptr<Job> job = lookups_->collect();
    if (job == nullptr) return;
    if (looked_up_ != url_.host || state_ != State::Resolving) return resolve_again(now);
    const auto& found = static_cast<LookUp&>(*job).found;
    if (!found) return lose(found.error().message, false, now);
    addresses_ = *found;
    connect_next(now);
  }

  [[nodiscard]] InputFigures figures() const override { return frames_.figures(oversized_); }

 private:
  enum class State : std::uint8_t { Off, Resolving, Connecting, Talking, Pausing };

  void begin(Now now) {
    url_ = camera_.url;
    udp_ = camera_.udp;
    redirects_ = 0;
    begin_session(now);
  }

  void begin_session(Now now) {
    state_ = State::Resolving;
    if (const auto address = parse_ip(url_.host)) {
      addresses_ = {*address};
      return connect_next(now);
    }
    resolve_again(now);
  }

  void resolve_again(Now) {
    if (state_ != State::Resolving || !lookups_->has_room()) return;
    looked_up_ = url_.host;
    lookups_->submit(std::make_unique<LookUp>(url_.host));
  }

  void connect_next(Now now) {
    state_ = State::Connecting;
    server_ = {addresses_.front(), url_.port.value_or(kRtspPort)};
    addresses_.erase(addresses_.begin());
    auto fd = connect_to(server_, {});
    if (!fd) return cannot_connect(fd.error().message, now);
    socket_ = std::move(*fd);
    deadline_ = now.mono + kConnectMax;
    socket_watcher_.start<&RtspInput::connected>(*this, socket_.get(), EV_WRITE);
    arm(now);
  }

  void cannot_connect(const std::string& why, Now now) {
    socket_watcher_.stop();
    socket_ = Fd();
    if (!addresses_.empty()) return connect_next(now);
    lose(fmt::format("cannot connect to {} port {}: {}", to_string(server_.address), server_.port, why),
         false, now);
  }

  void connected(int) {
    const Now now = clock_now();
    if (const auto result = connect_result(socket_); !result)
      return cannot_connect(result.error().message, now);
    std::optional<std::uint16_t> port;
    if (udp_) {
      auto ports = UdpPorts::bind(server_.address);
      if (!ports) return lose(ports.error().message, false, now);
      ports_ = std::move(*ports);
      port = ports_->port();
      rtp_watcher_.start<&RtspInput::rtp_ready>(*this, ports_->rtp().fd(), EV_READ);
      rtcp_watcher_.start<&RtspInput::rtcp_ready>(*this, ports_->rtcp().fd(), EV_READ);
    }
    state_ = State::Talking;
    client_.emplace(RtspClient::Config{url_, port, random_()});
    client_->begin(now);
    socket_watcher_.start<&RtspInput::socket_ready>(*this, socket_.get(), EV_READ | EV_WRITE);
    go_on(now);
  }

  void socket_ready(int events) {
    const Now now = clock_now();
    if ((events & EV_READ) == 0) return go_on(now);
    for (std::size_t read = 0; state_ == State::Talking && read < kReadBytesARound;) {
      const ssize_t got = receive_some(socket_, client_->space());
      if (got < 0 && (errno == EAGAIN || errno == EINTR)) break;
      if (got < 0) return lose(std::strerror(errno), false, now);
      if (got == 0) return lose("the server has closed the connection", false, now);
      read += static_cast<std::size_t>(got);
      client_->advance(static_cast<std::size_t>(got));
      take_events(now);
    }
    go_on(now);
  }

  void take_events(Now now) {
    while (state_ == State::Talking) {
      auto event = client_->next(now);
      if (!event) return;
      std::visit([&](auto& one) { take(one, now); }, *event);
    }
  }

  void take(const RtspClient::Packet& packet, Now now) {
    if (packet.rtcp) return (void)frames_.push_rtcp(packet.bytes);
    frames_.push(packet.bytes, now);
  }

  void take(const RtspClient::Prepared& prepared, Now) {
    RtpFrames::Flow flow{prepared.media.formats.front().payload_type, camera_.size};
    if (const auto& size = prepared.media.size)
      flow.size =
          PictureSize{static_cast<std::uint16_t>(size->width), static_cast<std::uint16_t>(size->height)};
    frames_.begin(flow);
    frames_before_ = frames_.frames();
    prepared_ = true;
    source_address_ = parse_ip(prepared.transport.source).value_or(server_.address);
    if (ports_) ports_->open_firewall(source_address_, prepared.transport);
  }

  void take(const RtspClient::Playing&, Now now) {
    playing_since_ = now.mono;
    sink_.on_connected(
        fmt::format("{}, {}", without_credentials(to_string(url_)), udp_ ? "UDP" : "interleaved"), now);
  }

  void take(RtspClient::Redirected& redirected, Now now) {
    if (++redirects_ > kRedirectsMax) return lose("it redirects again and again", true, now);
    hang_up(now);
    url_ = std::move(redirected.url);
    begin_session(now);
  }

  void take(const RtspClient::NeedsUdp&, Now now) {
    if (camera_.tcp) return lose("it sends by UDP only, and ?transport=tcp excludes that", true, now);
    hang_up(now);
    udp_ = true;
    begin_session(now);
  }

  void take(const RtspClient::Failed& failed, Now now) { lose(failed.why, failed.lasting, now); }

  /// Sends what is to be sent, and waits for what comes next.
  void go_on(Now now) {
    take_events(now);
    if (state_ != State::Talking) return;
    flush();
    socket_watcher_.want(client_->to_send().empty() ? EV_READ : EV_READ | EV_WRITE);
    arm(now);
  }

  /// An error is one of the next read, too.
  void flush() {
    while (!client_->to_send().empty()) {
      const ssize_t sent = send_some(socket_, client_->to_send());
      if (sent <= 0) return;
      client_->sent(static_cast<std::size_t>(sent));
    }
  }

  void rtp_ready(int) { receive(ports_->rtp(), false); }
  void rtcp_ready(int) { receive(ports_->rtcp(), true); }

  void receive(const UdpSocket& socket, bool rtcp) {
    const Now now = clock_now();
    room_.resize(kDatagrams * kDatagramBytesMax);
    std::array<Datagram, kDatagrams> datagrams;
    for (std::size_t calls = 0; calls < kCallsARound && state_ == State::Talking; ++calls) {
      for (std::size_t i = 0; i < kDatagrams; ++i)
        datagrams[i] = {MutableByteSpan(room_).subspan(i * kDatagramBytesMax, kDatagramBytesMax)};
      const auto count = socket.receive(datagrams);
      if (!count || *count == 0) break;
      for (const Datagram& one : std::span(datagrams).first(*count)) take_datagram(one, rtcp, now);
    }
    if (state_ == State::Talking) go_on(now);
  }

  void take_datagram(const Datagram& datagram, bool rtcp, Now now) {
    if (!prepared_) return;
    if (datagram.from.address != source_address_ && datagram.from.address != server_.address) return;
    if (rtcp) return (void)frames_.push_rtcp(datagram.bytes);
    client_->heard(now);
    if (!datagram.cut_short) return frames_.push(datagram.bytes, now);
    ++oversized_;
  }

  void on_time() {
    const Now now = clock_now();
    if (state_ == State::Connecting && now.mono >= deadline_)
      return cannot_connect(fmt::format("no answer within {} s", kConnectMax / std::chrono::seconds(1)), now);
    if (state_ == State::Pausing && retry_.take_due(now)) return begin(now);
    frames_.step(now);
    if (state_ == State::Talking) return go_on(now);
    arm(now);
  }

  void arm(Now now) {
    MonoTime next = MonoTime::max();
    if (state_ == State::Connecting) next = deadline_;
    if (state_ == State::Pausing) next = retry_.due_at();
    if (state_ == State::Talking) next = std::min(client_->next_deadline(), frames_.next_deadline());
    if (next == MonoTime::max()) return timer_.stop();
    timer_.start<&RtspInput::on_time>(*this, std::max(next - now.mono, Duration{}));
  }

  /// Ends the session in good order as far as that can be done at once.
  void hang_up(Now now) {
    if (client_) {
      client_->end(now);
      flush();
    }
    client_.reset();
    prepared_ = false;
    rtp_watcher_.stop();
    rtcp_watcher_.stop();
    ports_.reset();
    socket_watcher_.stop();
    socket_ = Fd();
  }

  void lose(const std::string& why, bool lasting, Now now) {
    if (prepared_ && frames_.frames() > frames_before_ && now.mono - playing_since_ >= kPlayedWell)
      retry_.succeeded();
    hang_up(now);
    state_ = State::Pausing;
    retry_.schedule(lasting ? kLongPauses : kPauses, random_, now);
    arm(now);
    sink_.on_lost(fmt::format("{}: {}", name_, why), now);
  }

  const Camera camera_;
  const std::string name_;
  InputSink& sink_;
  std::unique_ptr<WorkQueue> lookups_;
  std::mt19937_64 random_;
  IoWatcher socket_watcher_;
  IoWatcher rtp_watcher_;
  IoWatcher rtcp_watcher_;
  TimerWatcher timer_;

  State state_ = State::Off;
  Url url_;  // where redirects have led
  bool udp_ = false;
  unsigned redirects_ = 0;
  std::string looked_up_;             // the host that the last job looks up
  std::vector<IpAddress> addresses_;  // not tried yet
  NodeId server_;
  MonoTime deadline_{};  // of connecting
  Fd socket_;
  std::optional<UdpPorts> ports_;
  std::vector<std::uint8_t> room_;  // for datagrams
  std::optional<RtspClient> client_;
  RtpFrames frames_;
  std::uint64_t frames_before_ = 0;  // this session
  bool prepared_ = false;            // packets of this session may come
  std::uint64_t oversized_ = 0;
  IpAddress source_address_;
  MonoTime playing_since_{};
  Retry retry_;
};

Result<std::unique_ptr<Input>> open_rtsp(const std::string& source, InputSink& sink,
                                         const InputContext& context) {
  const auto wrong = [&](const std::string& why) {
    return fail(fmt::format("source '{}': {}", without_credentials(source), why));
  };
  std::string rest = source;
  const auto transport = take_option(rest, "transport");
  if (transport && *transport != "udp" && *transport != "tcp")
    return wrong("?transport= is udp, or tcp; without it, tcp is tried first");
  const auto size_text = take_option(rest, "size");
  const auto size = size_text ? parse_picture_size(*size_text) : Result<PictureSize>();
  if (!size) return wrong(size.error().message);
  auto url = parse_url(rest);
  if (!url) return wrong(url.error().message);
  SourceInfo info;
  info.kind = "rtsp";
  info.at_end = AtEnd::Wait;
  info.live = true;
  info.linger = kLinger;
  info.linger = std::chrono::seconds(10);
  RtspInput::Camera camera{std::move(*url), transport == "udp", transport == "tcp", {}};
  if (size_text) camera.size = *size;
  return std::make_unique<RtspInput>(std::move(info), std::move(camera), sink, context);
}

Result<std::unique_ptr<Input>> open_rtsps(const std::string& source, InputSink&, const InputContext&) {
  return fail(
      fmt::format("source '{}': there is no TLS for RTSP yet, it comes later; 'exec:ffmpeg -i rtsps://... "
                  "-c:v mjpeg -q:v 5 "
                  "-f mjpeg -' plays it until then",
                  without_credentials(source)));
}

}  // namespace

const InputSpec kRtspInput{"rtsp://", "rtsp://HOST[:PORT]/PATH", open_rtsp};
const InputSpec kRtspsInput{"rtsps://", "", open_rtsps};

}  // namespace ott
