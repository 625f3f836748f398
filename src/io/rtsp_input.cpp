#include "io/rtsp_input.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <random>
#include <utility>

#include "io/clock.h"
#include "io/random.h"
#include "io/rtsp_udp.h"
#include "io/socket.h"
#include "io/watcher.h"
#include "media/rtp_address.h"
#include "media/rtp_flow.h"
#include "media/rtsp_client.h"
#include "media/source_spec.h"
#include "ott/retry.h"

namespace ott {
namespace {

constexpr Duration kConnectMax = std::chrono::seconds(5);
constexpr Retry::Pauses kPauses = {std::chrono::milliseconds(250), std::chrono::seconds(5)};
/// After a failure that will most likely come again. Cameras lock an account that is tried too often.
constexpr Retry::Pauses kLongPauses = {std::chrono::seconds(30), std::chrono::seconds(120)};
/// While nobody watches and it is only asked what it has.
constexpr Retry::Pauses kProbePauses = {std::chrono::seconds(1), std::chrono::seconds(30)};
/// A session that played for so long has not failed at once.
constexpr Duration kPlayedWell = std::chrono::seconds(5);
constexpr unsigned kRedirectsMax = 5;
constexpr std::size_t kReadBytesARound = std::size_t{256} << 10;

class LookUp : public Job {
 public:
  explicit LookUp(std::string host) : host_(std::move(host)) {}
  void run() override { found = look_up_host(host_); }

  Result<std::vector<IpAddress>> found;

 private:
  std::string host_;
};

/// Off --start--> Resolving --> Connecting --> Talking      stop, or what a probe has found: from each to Off
///                  ^              |  ^ (another address)     |
///                  `-- Pausing <--'  |                       |
///                         ^          `-- a redirect, or UDP -|
///                         `------------- a failure ----------'
class RtspInput final : public Input, private RtspUdpPorts::Owner {
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
        log_(context.log),
        loop_(context.loop),
        lookups_(context.workers.make_queue(WorkKind::Input, {})),
        random_(random_number<std::uint64_t>()),
        socket_watcher_(context.loop),
        timer_(context.loop) {}

  void start(Now now) override {
    const bool probing = std::exchange(probing_, false);
    if (!probing) return begin(now);
    if (state_ != State::Pausing) return;  // the session under way goes on, beyond the description
    if (lost_for_long_) return sink_.on_lost(lost_why_, now);
    retry_.succeeded();
    begin(now);
  }

  void probe(Now now) override {
    probing_ = true;
    begin(now);
  }

  void stop(Now now) override {
    hang_up(now);
    retry_.succeeded();
    timer_.stop();
    state_ = State::Off;
    probing_ = false;
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

  [[nodiscard]] InputFigures figures_of(std::size_t part) const override {
    return part < flows_.size() ? flows_[part].packets->figures(flows_[part].oversized) : InputFigures{};
  }

 private:
  struct Flow {
    RtpPart part;
    bool has_other_parts = false;
    std::unique_ptr<RtpFlow> packets;
    std::uint64_t oversized = 0;  // datagrams
  };
  static constexpr std::size_t kUnusableSaidMax = 64;

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
    state_ = State::Talking;
    client_.emplace(RtspClient::Config{url_, udp_, random_()});
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
    if (!prepared_) return;
    RtpFlow& flow = *flows_[packet.track].packets;
    if (packet.rtcp) return (void)flow.push_rtcp(packet.bytes);
    flow.push(packet.bytes, now);
  }

  void take(const RtspClient::Described& described, Now now) {
    say_unusable(described.unusable);
    if (probing_) {
      say_parts(described.parts, now);
      return stop(now);
    }
    std::vector<std::uint16_t> numbers;
    for (std::size_t i = 0; udp_ && i < described.parts.size(); ++i) {
      auto bound = RtspUdpPorts::bind(server_.address, i, *this, loop_);
      if (!bound) return lose(bound.error().message, false, now);
      numbers.push_back((*bound)->port());
      ports_.push_back(std::move(*bound));
    }
    client_->set_up(numbers, now);
  }

  void take(const RtspClient::Prepared& prepared, Now now) {
    say_unusable(prepared.unusable);
    std::vector<RtpPart> parts;
    for (const RtspClient::Track& track : prepared.tracks) parts.push_back(with_size(track.part));
    say_parts(parts, now);
    flows_.resize(parts.size());
    for (std::size_t i = 0; i < parts.size(); ++i) begin_flow(i, parts[i], parts.size() > 1);
    frames_before_ = frames();
    prepared_ = true;
    source_address_ = parse_ip(prepared.tracks.front().transport.source).value_or(server_.address);
    if (udp_) take_up_ports(prepared.tracks);
  }

  /// Those of what the server has refused are given up.
  void take_up_ports(const std::vector<RtspClient::Track>& tracks) {
    std::vector<std::unique_ptr<RtspUdpPorts>> wanted;
    for (std::size_t i = 0; i < tracks.size(); ++i) {
      wanted.push_back(std::move(ports_[tracks[i].described]));
      wanted[i]->set_track(i);
      wanted[i]->open_firewall(source_address_, tracks[i].transport);
    }
    ports_ = std::move(wanted);
  }

  [[nodiscard]] RtpPart with_size(RtpPart part) const {
    if (part.format.is_jpeg() && !part.size) part.size = camera_.size;
    return part;
  }

  void begin_flow(std::size_t index, const RtpPart& part, bool has_other_parts) {
    Flow& flow = flows_[index];
    if (flow.packets != nullptr && flow.part == part && flow.has_other_parts == has_other_parts)
      return flow.packets->begin_anew();
    const std::string name = has_other_parts ? fmt::format("{} ({})", name_, describe(part.format)) : name_;
    flow = {part, has_other_parts, make_rtp_flow(name, part, index, sink_), 0};
  }

  void say_parts(const std::vector<RtpPart>& described, Now now) {
    std::vector<MediaPart> parts;
    for (const RtpPart& part : described) parts.push_back(media_part(with_size(part)));
    sink_.on_parts(parts, now);
  }

  void say_unusable(const std::vector<std::string>& unusable) {
    for (const std::string& one : unusable) {
      if (std::ranges::find(said_, one) != said_.end() || said_.size() == kUnusableSaidMax) continue;
      log_.warning(fmt::format("{}: what is not taken: {}", name_, one));
      said_.push_back(one);
    }
  }

  [[nodiscard]] std::uint64_t frames() const {
    std::uint64_t sum = 0;
    for (const Flow& flow : flows_) sum += flow.packets->frames();
    return sum;
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
    for (const Flow& flow : flows_) {
      for (const std::string& warning : flow.packets->take_warnings(now)) log_.warning(warning);
    }
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

  [[nodiscard]] bool wants_datagrams() const override { return state_ == State::Talking; }

  void on_datagrams_over() override {
    if (state_ == State::Talking) go_on(clock_now());
  }

  void on_datagram(std::size_t track, const Datagram& datagram, bool rtcp) override {
    if (!prepared_) return;
    if (datagram.from.address != source_address_ && datagram.from.address != server_.address) return;
    Flow& flow = flows_[track];
    if (rtcp) return (void)flow.packets->push_rtcp(datagram.bytes);
    const Now now = clock_now();
    client_->heard(now);
    if (!datagram.cut_short) return flow.packets->push(datagram.bytes, now);
    ++flow.oversized;
  }

  void on_time() {
    const Now now = clock_now();
    if (state_ == State::Connecting && now.mono >= deadline_)
      return cannot_connect(fmt::format("no answer within {} s", kConnectMax / std::chrono::seconds(1)), now);
    if (state_ == State::Pausing && retry_.take_due(now)) return begin(now);
    for (const Flow& flow : flows_) flow.packets->step(now);
    if (state_ == State::Talking) return go_on(now);
    arm(now);
  }

  void arm(Now now) {
    MonoTime next = MonoTime::max();
    if (state_ == State::Connecting) next = deadline_;
    if (state_ == State::Pausing) next = retry_.due_at();
    if (state_ == State::Talking) {
      next = client_->next_deadline();
      for (const Flow& flow : flows_) next = std::min(next, flow.packets->next_deadline());
    }
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
    ports_.clear();
    socket_watcher_.stop();
    socket_ = Fd();
  }

  void lose(const std::string& why, bool lasting, Now now) {
    if (prepared_ && frames() > frames_before_ && now.mono - playing_since_ >= kPlayedWell)
      retry_.succeeded();
    hang_up(now);
    state_ = State::Pausing;
    retry_.schedule(lasting ? kLongPauses : probing_ ? kProbePauses : kPauses, random_, now);
    arm(now);
    lost_why_ = fmt::format("{}: {}", name_, why);
    lost_for_long_ = lasting;
    if (!probing_) sink_.on_lost(lost_why_, now);
  }

  const Camera camera_;
  const std::string name_;
  InputSink& sink_;
  Log& log_;
  struct ev_loop* loop_;
  std::unique_ptr<WorkQueue> lookups_;
  std::mt19937_64 random_;
  IoWatcher socket_watcher_;
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
  std::vector<std::unique_ptr<RtspUdpPorts>> ports_;  // of what was described; then of each track
  std::optional<RtspClient> client_;
  std::vector<Flow> flows_;          // of each track
  std::uint64_t frames_before_ = 0;  // this session
  std::vector<std::string> said_;    // what cannot be taken
  bool probing_ = false;             // it is only asked what it has
  std::string lost_why_;             // the last time
  bool lost_for_long_ = false;       // it would most likely fail again at once
  bool prepared_ = false;            // packets of this session may come
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
  info.parts_unknown = true;
  info.linger = kLinger;
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
