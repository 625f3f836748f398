#include "io/rtsp_outlet.h"

#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <set>

#include "io/clock.h"
#include "io/rtsp_connection.h"
#include "io/socket.h"
#include "io/socket_address.h"
#include "ott/text.h"

namespace ott {
namespace {

constexpr int kAcceptsPerTurn = 64;
constexpr Duration kAcceptPause = std::chrono::milliseconds(100);
constexpr Duration kTick = std::chrono::milliseconds(250);
constexpr Duration kWarnTime = std::chrono::seconds(10);
constexpr std::size_t kReportLinesMax = 100;

/// A quarter of the descriptors that this process may have.
std::size_t descriptors_for_connections() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return RtspOutlet::kConnectionsMax;
  return std::min<std::size_t>(RtspOutlet::kConnectionsMax, limit.rlim_cur / 4);
}

std::string name_of(const NodeId& at) {
  if (at.address.is_unspecified()) return std::to_string(at.port);
  const std::string address = to_string(at.address);
  return fmt::format("{}:{}", at.address.is_v4() ? address : '[' + address + ']', at.port);
}

}  // namespace

RtspOutlet::RtspOutlet(NodeId at, struct ev_loop* loop, Listeners& listeners, Log& log)
    : at_(at),
      loop_(loop),
      listeners_(listeners),
      log_(log),
      viewer_log_(log, "rtsp"),
      listener_watcher_(loop),
      accept_pause_(loop),
      tick_timer_(loop),
      round_(loop, RoundWatcher::Turn::Outlet) {}

RtspOutlet::~RtspOutlet() {
  while (!connections_.empty()) connections_.front()->close("");
}

Result<void> RtspOutlet::begin(WatchableStreams& streams, Now) {
  auto listener = listeners_.listen(at_, "rtsp");
  if (!listener) return fail("--rtsp: " + listener.error().message);
  listener_ = std::move(*listener);
  at_ = local_end(*listener_);  // of a passed one
  connections_max_ = descriptors_for_connections();
  streams_ = &streams;
  accept_again();
  round_.start<&RtspOutlet::round>(*this);
  if (at_.address.is_unspecified()) {
    log_.info(fmt::format("rtsp: players find the streams at rtsp://THIS_HOST:{}/NAME", at_.port));
  } else {
    log_.info(fmt::format("rtsp: players find the streams at rtsp://{}/NAME", name_of(at_)));
  }
  return {};
}

bool RtspOutlet::finish(bool give_up, Now now) {
  ending_ = true;
  listener_watcher_.stop();
  accept_pause_.stop();
  for (auto at = connections_.begin(); at != connections_.end();) {
    RtspConnection& connection = **at++;
    if (give_up) {
      connection.close("");
    } else {
      connection.end(now);
    }
  }
  return connections_.empty();
}

OutletFigures RtspOutlet::figures() const {
  OutletFigures figures{.kind = "rtsp", .at = name_of(at_), .bytes = sums_.bytes};
  figures.connections = connections_.size();
  figures.refused = refused_;
  figures.frames = sums_.frames;
  figures.frames_skipped = sums_.frames_skipped;
  for (const auto& connection : connections_) {
    if (connection->plays()) ++figures.viewers;
    figures.frames += connection->server().tracks().frames_sent();
    figures.frames_skipped += connection->server().tracks().frames_skipped();
  }
  return figures;
}

std::vector<std::string> RtspOutlet::report() const {
  const OutletFigures sum = figures();
  std::vector<std::string> lines = {fmt::format(
      "rtsp {}: {}, {}, {} frames, {} skipped", sum.at, counted(connections_.size(), "connection"),
      counted(sum.viewers, "viewer"), sum.frames, sum.frames_skipped)};
  for (const auto& connection : connections_) {
    if (!connection->plays()) continue;
    if (lines.size() > kReportLinesMax) {
      lines.emplace_back("  and more");
      break;
    }
    const RtspServer& server = connection->server();
    lines.push_back(fmt::format("  {} plays '{}' over {}, {} frames", to_string(connection->remote()),
                                *server.stream(), server.over_udp() ? "UDP" : "TCP",
                                server.tracks().frames_sent()));
  }
  return lines;
}

// ---- connections ------------------------------------------------------------------------------------------

void RtspOutlet::accept_ready(int) {
  const Now now = clock_now();
  for (int i = 0; i < kAcceptsPerTurn; ++i) {
    auto accepted = accept_from(*listener_);
    if (!accepted) {
      if (now.mono >= warn_of_accept_at_) {
        log_.warning(fmt::format("rtsp: {}; waiting for others to go", accepted.error().message));
        warn_of_accept_at_ = now.mono + kWarnTime;
      }
      listener_watcher_.stop();
      return accept_pause_.start<&RtspOutlet::accept_again>(*this, kAcceptPause);
    }
    if (!*accepted) return;
    take(std::move((*accepted)->fd), (*accepted)->remote, now);
  }
}

void RtspOutlet::accept_again() {
  listener_watcher_.start<&RtspOutlet::accept_ready>(*this, listener_->get(), EV_READ);
}

void RtspOutlet::take(Fd fd, const NodeId& remote, Now now) {
  const bool full = connections_.size() >= connections_max_;
  if (full) ++refused_;
  if (full && !make_room()) return;
  // A player whose host has gone takes nothing and closes nothing.
  const auto unanswered_ms = static_cast<unsigned>(
      std::chrono::duration_cast<std::chrono::milliseconds>(RtspServer::kStallTime).count());
  (void)::setsockopt(fd.get(), IPPROTO_TCP, TCP_USER_TIMEOUT, &unanswered_ms, sizeof unanswered_ms);
  if (connections_.empty()) tick_timer_.start<&RtspOutlet::tick>(*this, kTick);
  connections_.push_back(std::make_unique<RtspConnection>(*this, std::move(fd), remote, now));
  connections_.back()->place = std::prev(connections_.end());
}

/// Where there are too many connections the one of which nothing was heard for longest gives way, unless it
/// plays. Viewers therefore notice nothing of others that connect and say nothing.
bool RtspOutlet::make_room() {
  RtspConnection* longest = nullptr;
  for (const auto& one : connections_) {
    if (one->plays()) continue;
    if (longest == nullptr || one->server().heard() < longest->server().heard()) longest = one.get();
  }
  if (longest == nullptr) return false;
  longest->close("");
  return true;
}

void RtspOutlet::closed(RtspConnection& connection) {
  sums_.frames += connection.server().tracks().frames_sent();
  sums_.frames_skipped += connection.server().tracks().frames_skipped();
  dead_.splice(dead_.end(), connections_, connection.place);
}

void RtspOutlet::round() {
  if (wanted_.empty() && dead_.empty()) return;
  const Now now = clock_now();
  for (const auto& [name, stream] : wanted_) stream->hand_out(now);
  std::erase_if(wanted_, [](const auto& each) { return each.second->connections.empty(); });
  dead_.clear();
}

void RtspOutlet::tick() {
  const Now now = clock_now();
  for (auto at = connections_.begin(); at != connections_.end();) (*at++)->look(now);
  bound_what_is_held();
  if (!connections_.empty()) tick_timer_.start<&RtspOutlet::tick>(*this, kTick);
}

/// Viewers that are stuck hold frames. Those that have been so for longest go when that is too much.
void RtspOutlet::bound_what_is_held() {
  std::vector<RtspConnection*> holding;
  for (const auto& connection : connections_) {
    bool holds = false;
    connection->server().tracks().each_held([&holds](const Frame&) { holds = true; });
    if (holds) holding.push_back(connection.get());
  }
  std::ranges::sort(holding, std::greater(), [](const RtspConnection* one) { return one->server().moved(); });
  std::set<const Frame*> frames;
  std::size_t bytes = 0;
  for (RtspConnection* connection : holding) {
    connection->server().tracks().each_held([&](const Frame& frame) {
      if (frames.insert(&frame).second) bytes += frame.bytes.size();
    });
    if (bytes > kHeldBytesMax) connection->close("too much is held for viewers that take nothing");
  }
}

// ---- streams and ports ------------------------------------------------------------------------------------

RtspStream& RtspOutlet::join(const std::string& name, RtspConnection& connection) {
  auto& stream = wanted_[name];
  if (stream == nullptr) stream = std::make_unique<RtspStream>(*streams_, name);
  stream->connections.push_back(&connection);
  return *stream;
}

void RtspOutlet::leave(RtspStream& stream, RtspConnection& connection) {
  stream.connections.remove(&connection);  // without any it goes at the end of the round
}

bool RtspOutlet::is_known(const std::string& name) const {
  if (wanted_.contains(name)) return true;
  return std::ranges::any_of(streams_->all(),
                             [&](const StreamInfo& stream) { return is_part_of(stream.name, name); });
}

std::string RtspOutlet::names() const {
  constexpr std::size_t kNamesMax = 50;
  const auto all = streams_->all();
  if (all.empty()) return "there is none";
  std::string names;
  for (std::size_t i = 0; i < std::min(all.size(), kNamesMax); ++i)
    names += (names.empty() ? "there are: " : ", ") + all[i].name;
  return all.size() > kNamesMax ? names + " and more" : names;
}

Result<RtspPorts*> RtspOutlet::ports_of(const IpAddress& local) {
  if (is_link_local(local)) return fail("no datagrams go to link-local addresses: play over TCP");
  auto& ports = ports_[local];
  if (ports == nullptr) {
    auto sockets = UdpSocket::bind_pair(local);
    if (!sockets) {
      ports_.erase(local);
      return tl::unexpected<Error>(std::move(sockets.error()));
    }
    ports = std::make_unique<RtspPorts>(*this, std::move(*sockets));
  }
  return ports.get();
}

/// A player's RTCP says that it is there. It comes from where its own goes, or from behind an address
/// translation, and names an SSRC of ours then.
void RtspOutlet::hear(const RtcpPacket& packet, const NodeId& from) {
  for (const auto& connection : connections_) {
    RtspServer& server = connection->server();
    if (!server.over_udp() || connection->remote().address != from.address) continue;
    if (server.tracks().is_of_player(packet, from.port)) server.hear(clock_now());
  }
}

// ---- the row ----------------------------------------------------------------------------------------------

namespace {

Result<std::unique_ptr<Outlet>> open_rtsp(const OutletArguments& arguments, const OutletContext& context) {
  const auto at = parse_listen_address(arguments.value);
  if (!at) return tl::unexpected<Error>(at.error());
  return std::make_unique<RtspOutlet>(*at, context.loop, context.listeners, context.log);
}

}  // namespace

const OutletSpec kRtspOutlet = {
    .flag = {"--rtsp", "[ADDR:]PORT",
             "serve the streams to players: rtsp://HOST:PORT/NAME; without ADDR on all addresses"},
    .options = {},
    .open = open_rtsp,
};

}  // namespace ott
