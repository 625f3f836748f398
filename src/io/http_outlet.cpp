#include "io/http_outlet.h"

#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <set>

#include "io/clock.h"
#include "io/socket.h"
#include "media/http_control.h"
#include "media/text.h"
#include "ott/text.h"

namespace ott {
namespace {

constexpr int kAcceptsPerTurn = 64;
constexpr Duration kAcceptPause = std::chrono::milliseconds(100);
constexpr Duration kSecond = std::chrono::seconds(1);
/// How often it is said that connections cannot be accepted.
constexpr Duration kAcceptWarnings = std::chrono::seconds(10);
constexpr std::size_t kReportLinesMax = 100;

/// A quarter of the descriptors that this process may have.
std::size_t descriptors_for_connections() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return HttpOutlet::kConnectionsMax;
  return std::min<std::size_t>(HttpOutlet::kConnectionsMax, limit.rlim_cur / 4);
}

std::string name_of(const NodeId& at) {
  if (at.address.is_unspecified()) return fmt::format("{}", at.port);
  return fmt::format(fmt::runtime(at.address.is_v4() ? "{}:{}" : "[{}]:{}"), to_string(at.address), at.port);
}

}  // namespace

Result<std::unique_ptr<HttpOutlet>> HttpOutlet::open(std::string_view where, HttpSiteOptions site,
                                                     struct ev_loop* loop, Listeners& listeners, Log& log) {
  const auto at = parse_listen_address(where);
  if (!at) return tl::unexpected(at.error());
  if (!site.cors.empty()) {
    if (auto good = check_cors(site.cors); !good)
      return fail("--http-cors " + site.cors + ": " + good.error().message);
  }
  return std::unique_ptr<HttpOutlet>(new HttpOutlet(*at, std::move(site), loop, listeners, log));
}

HttpOutlet::HttpOutlet(NodeId at, HttpSiteOptions site, struct ev_loop* loop, Listeners& listeners, Log& log)
    : at_(at),
      site_(std::move(site)),
      loop_(loop),
      listeners_(listeners),
      log_(log),
      viewer_log_(log, "http"),
      name_(name_of(at)),
      listener_watcher_(loop),
      accept_pause_(loop),
      second_timer_(loop),
      due_timer_(loop),
      round_(loop, RoundWatcher::Turn::Outlet) {}

HttpOutlet::~HttpOutlet() {
  for (auto* list : {&reading_, &busy_}) {
    while (!list->empty()) list->front()->close("");
  }
}

Result<void> HttpOutlet::begin(WatchableStreams& streams, Now) {
  auto listener = listeners_.listen(at_, "http");
  if (!listener) return fail("--http: " + listener.error().message);
  listener_ = std::move(*listener);
  at_ = local_end(*listener_);  // of a passed one
  name_ = name_of(at_);
  connections_max_ = descriptors_for_connections();
  streams_ = std::make_unique<HttpStreams>(streams, [this](HttpStream& stream) { send_now(stream); });
  accept_again();
  round_.start<&HttpOutlet::round>(*this);
  if (at_.address.is_unspecified()) {
    log_.info(fmt::format("http: the streams are shown on port {} of all addresses", at_.port));
  } else {
    log_.info(fmt::format("http: the streams are shown at http://{}/", name_));
  }
  return {};
}

bool HttpOutlet::finish(bool give_up, Now now) {
  ending_ = true;
  listener_watcher_.stop();
  accept_pause_.stop();
  for (auto* list : {&reading_, &busy_}) {
    for (auto at = list->begin(); at != list->end();) {
      HttpConnection& connection = **at++;
      if (give_up) {
        connection.close("");
      } else {
        connection.end(now);
      }
    }
  }
  return reading_.empty() && busy_.empty();
}

OutletFigures HttpOutlet::figures() const {
  return {.kind = "http",
          .at = name_,
          .viewers = viewers_,
          .connections = reading_.size() + busy_.size(),
          .refused = refused_,
          .changes_refused = changes_refused_,
          .frames = sums_.frames,
          .frames_skipped = sums_.frames_skipped,
          .bytes = sums_.bytes};
}

std::vector<std::string> HttpOutlet::report() const {
  std::vector<std::string> lines = {fmt::format(
      "http {}: {}, {}, {} frames, {} skipped", name_, counted(reading_.size() + busy_.size(), "connection"),
      counted(viewers_, "viewer"), sums_.frames, sums_.frames_skipped)};
  for (const auto& connection : busy_) {
    const std::string* stream = connection->watched();
    if (stream == nullptr) continue;
    if (lines.size() > kReportLinesMax) {
      lines.emplace_back("  and more");
      break;
    }
    lines.push_back(fmt::format("  {} watches '{}', {} frames", to_string(connection->remote()), *stream,
                                connection->frames()));
  }
  return lines;
}

// ---- connections ----------------------------------------------------------------------------------------

void HttpOutlet::accept_ready(int) {
  const Now now = clock_now();
  for (int i = 0; i < kAcceptsPerTurn; ++i) {
    auto accepted = accept_from(*listener_);
    if (!accepted) {
      if (now.mono >= warn_of_accept_at_) {
        log_.warning(fmt::format("http: {}; waiting for others to go", accepted.error().message));
        warn_of_accept_at_ = now.mono + kAcceptWarnings;
      }
      listener_watcher_.stop();
      return accept_pause_.start<&HttpOutlet::accept_again>(*this, kAcceptPause);
    }
    if (!*accepted) return;
    take(std::move((*accepted)->fd), (*accepted)->remote, now);
  }
}

void HttpOutlet::accept_again() {
  listener_watcher_.start<&HttpOutlet::accept_ready>(*this, listener_->get(), EV_READ);
}

/// Where there are too many, the one that has waited longest for a request gives way; if all are being
/// answered, the new one is told.
void HttpOutlet::take(Fd fd, const NodeId& remote, Now now) {
  bool full = reading_.size() + busy_.size() >= connections_max_;
  if (full) ++refused_;
  if (full && !reading_.empty()) {
    reading_.front()->close("");
    full = false;
  }
  if (reading_.size() + busy_.size() >= connections_max_ + std::min(kRefusedMax, connections_max_ / 4))
    return;
  // A viewer of a stream that stands still may go without a word.
  const int on = 1;
  (void)::setsockopt(fd.get(), SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  if (reading_.empty() && busy_.empty()) second_timer_.start<&HttpOutlet::second>(*this, kSecond);
  reading_.push_back(std::make_unique<HttpConnection>(loop_, static_cast<HttpServer&>(*this), std::move(fd),
                                                      remote, now.mono));
  HttpConnection& connection = *reading_.back();
  connection.place = std::prev(reading_.end());
  if (full)
    connection.refuse({503, fmt::format("this server has {} connections already", connections_max_)}, now);
}

void HttpOutlet::reads(HttpConnection& connection, bool reads) {
  auto& from = reads ? busy_ : reading_;
  auto& to = reads ? reading_ : busy_;
  to.splice(to.end(), from, connection.place);
}

void HttpOutlet::closed(HttpConnection& connection, const std::string& why) {
  if (const std::string* stream = connection.watched()) {
    --viewers_;
    viewer_log_.line(
        fmt::format("{} watches '{}' no more, after {} frames{}{}", to_string(connection.remote()), *stream,
                    connection.frames(), why.empty() ? "" : ": ", why),
        clock_now().mono);
  }
  auto& from = connection.is_reading() ? reading_ : busy_;
  dead_.splice(dead_.end(), from, connection.place);
}

void HttpOutlet::second() {
  const Now now = clock_now();
  for (auto* list : {&reading_, &busy_}) {
    for (auto at = list->begin(); at != list->end();) (*at++)->check_time(now);
  }
  bound_what_is_held();
  if (!reading_.empty() || !busy_.empty()) second_timer_.start<&HttpOutlet::second>(*this, kSecond);
}

/// Viewers that are stuck hold a picture each, or a fragment. Those that have been so for longest go when
/// that is too much.
void HttpOutlet::bound_what_is_held() {
  std::vector<HttpConnection*> holding;
  for (const auto& connection : busy_) {
    if (connection->held().what != nullptr) holding.push_back(connection.get());
  }
  std::ranges::sort(holding, std::greater(), &HttpConnection::last_progress);
  std::set<const void*> seen;
  std::size_t bytes = 0;
  for (HttpConnection* connection : holding) {
    const HttpConnection::Held held = connection->held();
    if (seen.insert(held.what).second) bytes += held.bytes;
    if (bytes > kHeldBytesMax) connection->close("too much is held for viewers that take nothing");
  }
}

void HttpOutlet::reap() {
  if (dead_.empty() || !turn_.empty()) return;
  std::erase_if(later_, [](const HttpConnection* each) { return each->is_closed(); });
  dead_.clear();
}

// ---- requests and pictures ------------------------------------------------------------------------------

HttpAction HttpOutlet::answer(const HttpRequest& request, const NodeId& remote) {
  if (ending_) return text_response(503, "this server is about to end");
  if (request.path == kControlPath && commands_ != nullptr) {
    auto command = command_of(request, remote.address);
    if (auto* refusal = std::get_if<HttpResponse>(&command)) {
      if (refusal->status == 403) note_refusal(request, refusal->text, remote);
      return std::move(*refusal);
    }
    return control_response(commands_->command(std::get<std::string>(command), clock_now()));
  }
  HttpAction action = ott::answer(request, streams_->all(), api_, site_, clock_now());
  if (api_ != nullptr && api_->has(request) && api_->changes(request)) note_change(request, action, remote);
  if (const auto* follow = std::get_if<HttpFollow>(&action);
      follow != nullptr && !streams_->has_room(*follow)) {
    ++refused_;
    return error_response(503,
                          fmt::format("{} sets of pictures are made already: ask for one of them, or later",
                                      HttpStreams::kPictureSetsMax));
  }
  return action;
}

/// Logs who has this process do something, and now and then who wants to and may not.
void HttpOutlet::note_change(const HttpRequest& request, const HttpAction& action, const NodeId& remote) {
  const auto* response = std::get_if<HttpResponse>(&action);
  if (response == nullptr || (response->status != 401 && response->status != 403)) {
    log_.info(fmt::format("http: POST {} by {}", request.path, to_string(remote)));
    return;
  }
  note_refusal(request, "it has not the token of --http-token", remote);
}

void HttpOutlet::note_refusal(const HttpRequest& request, std::string_view why, const NodeId& remote) {
  ++changes_refused_;
  if (const std::uint64_t count = refusal_warning_.due(changes_refused_, clock_now()))
    log_.warning(fmt::format("http: {} may not POST {}: {}{}", to_string(remote), request.path, trimmed(why),
                             count > 1 ? fmt::format("; {} such requests", count) : ""));
}

std::optional<HttpResponse> HttpOutlet::awaited(HttpWait wait) { return api_->awaited(wait, clock_now()); }

void HttpOutlet::asks(HttpConnection& connection, bool asks) {
  if (asks) return asking_.push_back(&connection);
  std::erase(asking_, &connection);
}

HttpStream& HttpOutlet::join(const std::string& stream, HttpConnection& connection) {
  return streams_->join(stream, connection);
}

HttpLive& HttpOutlet::join(const HttpFollow& wanted, HttpConnection& connection) {
  return streams_->join(wanted, api_ == nullptr ? nullptr : &api_->events(), connection);
}

void HttpOutlet::leave(HttpStream& stream, HttpConnection& connection) {
  streams_->leave(stream, connection);
}

void HttpOutlet::watches(const HttpConnection& connection) {
  ++viewers_;
  viewer_log_.line(fmt::format("{} watches '{}'", to_string(connection.remote()), *connection.watched()),
                   clock_now().mono);
}

void HttpOutlet::round() {
  if (streams_->wanted().empty() && streams_->followed().empty() && later_.empty() && asking_.empty() &&
      dead_.empty())
    return;
  const Now now = clock_now();
  for (auto& [key, live] : streams_->followed()) live.content->step(now);
  for (HttpConnection* connection : std::vector(asking_)) connection->picture_is_here(now);
  for (HttpConnection* connection : std::exchange(later_, {})) connection->go_on(now);
  send_pictures(now);
  reap();
  streams_->drop_unwanted(now);
  round_.hurry(!later_.empty() || !turn_.empty());
}

/// Each viewer's turn comes once for each new picture; viewers that a round has no time for are the first of
/// the next, and are then sent what is newest then.
void HttpOutlet::send_pictures(Now now) {
  if (turn_.empty()) {
    const bool due = std::exchange(due_, false);
    for (const auto& [name, stream] : streams_->wanted()) {
      if (!stream->take_fresh() && !due) continue;
      turn_.insert(turn_.end(), stream->connections.begin(), stream->connections.end());
    }
    for (auto& [key, live] : streams_->followed()) {
      if (live.take_fresh()) turn_.insert(turn_.end(), live.connections.begin(), live.connections.end());
    }
    next_turn_ = 0;
  }
  std::size_t bytes = 0;
  while (next_turn_ < turn_.size() && bytes < kBytesPerRound)
    bytes += turn_[next_turn_++]->picture_is_here(now);
  if (next_turn_ == turn_.size()) turn_.clear();
}

/// Where a round has no time for all viewers, a picture gives way to the next one.
void HttpOutlet::send_now(HttpStream& stream) {
  if (!turn_.empty()) return;
  const Now now = clock_now();
  turn_ = stream.connections;
  for (HttpConnection* connection : turn_) connection->picture_is_here(now);
  turn_.clear();
}

void HttpOutlet::at(MonoTime due) {
  if (due >= due_at_) return;
  due_at_ = due;
  due_timer_.start<&HttpOutlet::pictures_due>(*this, std::max(due - clock_now().mono, Duration{}));
}

void HttpOutlet::pictures_due() {
  due_at_ = MonoTime::max();
  due_ = true;
}

// ---- the row --------------------------------------------------------------------------------------------

namespace {

constexpr OutletFlag kCors = {
    "--http-cors", "ORIGIN",
    "http: let pages of this origin (https://host), or of all (*), read what is sent"};
constexpr OutletFlag kToken = {
    "--http-token", "FILE",
    "http: let whoever sends the token in this file change something (POST /api/v1/...); else nobody may",
    true};
constexpr std::array kOptions = {kCors, kToken};

Result<std::unique_ptr<Outlet>> open_http(const OutletArguments& arguments, const OutletContext& context) {
  HttpSiteOptions site;
  if (const auto cors = arguments.options.find(kCors.name); cors != arguments.options.end())
    site.cors = cors->second;
  site.token = arguments.token;
  auto outlet =
      HttpOutlet::open(arguments.value, std::move(site), context.loop, context.listeners, context.log);
  if (!outlet) return tl::unexpected(outlet.error());
  return std::unique_ptr<Outlet>(std::move(*outlet));
}

}  // namespace

const OutletSpec kHttpOutlet = {
    .flag = {"--http", "[ADDR:]PORT",
             "show the streams to browsers: /, /NAME.mjpg, /NAME.jpg, /NAME.mp4, /NAME.events, "
             "/streams.json; without ADDR on all "
             "addresses"},
    .options = kOptions,
    .open = open_http,
};

}  // namespace ott
