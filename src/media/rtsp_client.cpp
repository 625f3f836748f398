#include "media/rtsp_client.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "media/text.h"
#include "ott/assert.h"

namespace ott {
namespace {

constexpr std::size_t kToSendMax = 64 << 10;
constexpr unsigned kOk = 200;
constexpr unsigned kUnauthorized = 401;
constexpr unsigned kForbidden = 403;
constexpr unsigned kSessionNotFound = 454;
constexpr unsigned kUnsupportedTransport = 461;
constexpr unsigned kNotImplemented = 501;

bool is_redirect(unsigned status) { return status >= 301 && status <= 308 && status != 304 && status != 306; }

/// When a session of so long a timeout is to be told that it is still wanted.
Duration keep_alive_interval(std::chrono::seconds timeout) {
  return std::clamp<Duration>(timeout / 2, std::chrono::milliseconds(500), std::chrono::seconds(30));
}

std::string not_a_url(std::string_view control) {
  return fmt::format("the description has the control attribute '{}', which is no URL", printable(control));
}

}  // namespace

Result<std::string> rtsp_control_uri(const Url& base, std::string_view control) {
  control = trimmed(control);
  if (control.empty() || control == "*") return to_string(base);
  if (control.find("://") != std::string_view::npos || control.starts_with('/')) {
    const auto url = resolve(base, control);
    if (!url) return tl::unexpected(url.error());
    return to_string(*url);
  }
  std::string uri = to_string(base);
  if (!uri.ends_with('/')) uri += '/';
  const auto url = parse_url(uri + std::string(control));
  if (!url) return tl::unexpected(url.error());
  return to_string(*url);
}

RtspClient::RtspClient(Config config)
    : config_(std::move(config)),
      auth_({config_.url.user, config_.url.password}, config_.random_seed),
      aggregate_(to_string(config_.url)) {}

void RtspClient::begin(Now now) {
  OTT_ASSERT(state_ == State::Idle);
  state_ = State::Options;
  request("OPTIONS", aggregate_, now);
}

ByteSpan RtspClient::to_send() const {
  return ByteSpan(reinterpret_cast<const std::uint8_t*>(to_send_.data()), to_send_.size()).subspan(sent_);
}

void RtspClient::sent(std::size_t bytes) {
  sent_ += bytes;
  if (sent_ < to_send_.size()) return;
  to_send_.clear();
  sent_ = 0;
}

void RtspClient::send(const RtspMessage& message) { to_send_ += to_string(message); }

void RtspClient::request(const std::string& method, const std::string& uri, Now now) {
  RtspMessage message;
  message.method = method;
  message.uri = uri;
  message.add("CSeq", std::to_string(++cseq_));
  message.add("User-Agent", "ottd");
  if (session_) message.add("Session", session_->id);
  if (const std::string value = auth_.authorization(method, uri); !value.empty()) {
    message.add("Authorization", value);
  }
  if (method == "DESCRIBE") message.add("Accept", "application/sdp");
  if (method == "SETUP") message.add("Transport", to_string(tracks_[set_up_].transport));
  if (method == "PLAY") message.add("Range", "npt=0.000-");
  send(message);
  method_ = method;
  uri_ = uri;
  answer_due_ = now.mono + kAnswerMax;
}

void RtspClient::end(Now now) {
  if (session_) request("TEARDOWN", aggregate_, now);
  session_.reset();
  state_ = State::Over;
}

std::optional<RtspClient::Event> RtspClient::next(Now now) {
  while (state_ != State::Over) {
    auto unit = reader_.next();
    if (!unit) return failed(unit.error().message);
    if (!*unit) return look_at_time(now);
    const auto* const packet = std::get_if<RtspInterleaved>(&**unit);
    auto event =
        packet != nullptr ? take_interleaved(*packet, now) : take(std::get<RtspMessage>(**unit), now);
    if (event) return event;
    if (to_send_.size() > kToSendMax) return failed("the server asks for much and reads nothing");
  }
  return std::nullopt;
}

MonoTime RtspClient::next_deadline() const {
  if (state_ == State::Over) return MonoTime::max();
  if (state_ != State::Playing) return answer_due_;
  return std::min({method_.empty() ? keep_alive_at_ : answer_due_, heard_at_ + kSilenceMax});
}

std::optional<RtspClient::Event> RtspClient::look_at_time(Now now) {
  const bool unanswered = !method_.empty() && now.mono >= answer_due_;
  if (unanswered && state_ == State::Playing) {
    method_.clear();  // some cameras answer no keep-alive, and play on
  } else if (unanswered) {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(kAnswerMax).count();
    return failed(fmt::format("no answer to {} within {} s", method_, seconds));
  }
  if (state_ != State::Playing) return std::nullopt;
  if (now.mono >= heard_at_ + kSilenceMax) {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(kSilenceMax).count();
    const bool blocked = config_.udp && !heard_any_;
    return failed(
        fmt::format("no packet within {} s{}", seconds, blocked ? ": a firewall may keep UDP out" : ""));
  }
  if (method_.empty() && now.mono >= keep_alive_at_) {
    request(has_get_parameter_ ? "GET_PARAMETER" : "OPTIONS", aggregate_, now);
    keep_alive_at_ = now.mono + keep_alive_interval(session_->timeout);
  }
  return std::nullopt;
}

std::optional<RtspClient::Event> RtspClient::take_interleaved(const RtspInterleaved& packet, Now now) {
  if (state_ != State::Play && state_ != State::Playing) return std::nullopt;
  for (std::size_t track = 0; track < set_up_; ++track) {
    const auto& channels = tracks_[track].transport.interleaved;
    if (!channels || (packet.channel != channels->first && packet.channel != channels->second)) continue;
    const bool rtcp = packet.channel != channels->first;
    if (!rtcp) heard(now);
    return Packet{track, rtcp, packet.data};
  }
  return std::nullopt;
}

std::optional<RtspClient::Event> RtspClient::take(const RtspMessage& message, Now now) {
  if (!message.is_response()) return take_request(message);
  const auto cseq = message.cseq();
  // A late answer is no answer to this request; servers that forget the number answer the last one.
  if (method_.empty() || (cseq && *cseq != cseq_)) return std::nullopt;
  return take_response(message, now);
}

/// What servers ask of clients: whether they are there, and to go elsewhere (RFC 2326, section 10.10).
std::optional<RtspClient::Event> RtspClient::take_request(const RtspMessage& request) {
  const bool known = request.method == "OPTIONS" || request.method == "GET_PARAMETER" ||
                     request.method == "SET_PARAMETER" || request.method == "REDIRECT";
  RtspMessage response;
  response.status = known ? kOk : kNotImplemented;
  response.reason = known ? "OK" : "Not Implemented";
  if (const std::string* cseq = request.find("CSeq")) response.add("CSeq", *cseq);
  send(response);
  if (request.method == "REDIRECT") return redirected(request.find("Location"));
  return std::nullopt;
}

std::optional<RtspClient::Event> RtspClient::take_response(const RtspMessage& response, Now now) {
  if (response.status < kOk) return std::nullopt;  // 100 Continue
  if (response.status == kUnauthorized) return challenged(response, now);
  auth_.accepted();
  if (is_redirect(response.status)) return redirected(response.find("Location"));
  const std::string method = std::exchange(method_, "");
  answer_due_ = MonoTime::max();
  if (state_ == State::Options) return on_options(response, now);
  if (state_ == State::Playing) return on_kept_alive(response);
  if (response.status >= 300) {
    if (state_ == State::Setup && tracks_.size() > 1 &&
        (response.status != kUnsupportedTransport || set_up_ > 0))
      return without_track(response, now);
    method_ = method;
    return refused(response);
  }
  if (state_ == State::Describe) return on_description(response);
  if (state_ == State::Setup) return on_setup(response, now);
  return on_playing(now);
}

std::optional<RtspClient::Event> RtspClient::challenged(const RtspMessage& response, Now now) {
  const auto taken = auth_.challenged(response.find_all("WWW-Authenticate"));
  if (!taken) return failed(taken.error().message, true);
  request(method_, uri_, now);
  return std::nullopt;
}

std::optional<RtspClient::Event> RtspClient::redirected(const std::string* location) {
  if (location == nullptr) return failed("the server redirects to nowhere");
  auto url = resolve(config_.url, *location);
  if (!url || url->scheme != "rtsp") {
    return failed(fmt::format("the server redirects to {}, which is no rtsp:// URL",
                              printable(without_credentials(*location), 200)));
  }
  state_ = State::Over;
  return Redirected{std::move(*url)};
}

std::optional<RtspClient::Event> RtspClient::refused(const RtspMessage& response) {
  if (state_ == State::Setup && response.status == kUnsupportedTransport && !config_.udp && set_up_ == 0) {
    state_ = State::Over;
    return NeedsUdp{};
  }
  return failed(
      fmt::format("{} is answered with {} {}", method_, response.status, printable(response.reason)),
      response.status == kForbidden);
}

std::optional<RtspClient::Event> RtspClient::on_options(const RtspMessage& response, Now now) {
  // Some cameras have no OPTIONS; all have DESCRIBE.
  for (std::string_view methods : response.find_all("Public")) {
    while (!methods.empty()) has_get_parameter_ |= trimmed(take_until(methods, ',')) == "GET_PARAMETER";
  }
  state_ = State::Describe;
  request("DESCRIBE", aggregate_, now);
  return std::nullopt;
}

std::optional<RtspClient::Event> RtspClient::on_description(const RtspMessage& response) {
  const auto sdp = parse_sdp(response.body);
  if (!sdp) return failed(sdp.error().message);
  const std::string* base = response.find("Content-Base");
  if (base == nullptr) base = response.find("Content-Location");
  const auto base_url = base == nullptr ? config_.url : resolve(config_.url, *base).value_or(config_.url);
  const auto aggregate = rtsp_control_uri(base_url, sdp->control);
  if (!aggregate) return failed(not_a_url(sdp->control));
  aggregate_ = *aggregate;
  Described described;
  for (const SdpMedia& media : sdp->media) {
    const auto part = rtp_part(media);
    const auto control = rtsp_control_uri(base_url, media.control);
    if (!part || !control) {
      described.unusable.push_back(unusable(media, part ? not_a_url(media.control) : part.error().message));
      continue;
    }
    tracks_.push_back({*part, tracks_.size(), {}});
    controls_.push_back(*control);
    described.parts.push_back(*part);
  }
  std::ranges::move(passed_over(*sdp), std::back_inserter(described.unusable));
  if (tracks_.empty()) {
    std::string why;
    if (!described.unusable.empty()) {
      why = (sdp->media.empty() ? ": " : ", and nothing that can be taken: ") + described.unusable.front();
    }
    return failed(fmt::format("it offers {}{}", offered(*sdp), why), true);
  }
  state_ = State::Described;
  return described;
}

void RtspClient::set_up(const std::vector<std::uint16_t>& udp_ports, Now now) {
  OTT_ASSERT(state_ == State::Described);
  OTT_ASSERT(udp_ports.size() == (config_.udp ? tracks_.size() : 0));
  for (std::size_t i = 0; i < tracks_.size(); ++i) {
    RtspTransport& transport = tracks_[i].transport;
    transport.tcp = !config_.udp;
    if (config_.udp) {
      transport.client_port = RtspTransport::Pair(udp_ports[i], static_cast<std::uint16_t>(udp_ports[i] + 1));
    } else {
      transport.interleaved =
          RtspTransport::Pair(static_cast<std::uint16_t>(2 * i), static_cast<std::uint16_t>(2 * i + 1));
    }
  }
  state_ = State::Setup;
  request("SETUP", controls_[0], now);
}

std::optional<RtspClient::Event> RtspClient::on_setup(const RtspMessage& response, Now now) {
  const std::string* session = response.find("Session");
  if (session == nullptr) return failed("the answer to SETUP names no session");
  auto parsed = parse_rtsp_session(*session);
  if (!parsed) return failed(parsed.error().message);
  session_ = std::move(*parsed);

  RtspTransport& asked = tracks_[set_up_].transport;
  const std::string* transport = response.find("Transport");
  const auto transports = transport == nullptr ? std::vector{asked} : parse_rtsp_transports(*transport);
  if (!transports) return failed(transports.error().message);
  RtspTransport granted = transports->front();
  if (granted.tcp != asked.tcp || granted.multicast) {
    return failed(fmt::format("the server sends by '{}' and not as it was asked to", printable(*transport)));
  }
  if (granted.tcp && !granted.interleaved) granted.interleaved = asked.interleaved;
  if (!granted.tcp) granted.interleaved.reset();
  asked = std::move(granted);
  ++set_up_;
  return set_up_next(now);
}

/// The server does not give this one of several.
std::optional<RtspClient::Event> RtspClient::without_track(const RtspMessage& refusal, Now now) {
  refused_.push_back(fmt::format("{}: SETUP is answered with {} {}", describe(tracks_[set_up_].part.format),
                                 refusal.status, printable(refusal.reason)));
  tracks_.erase(tracks_.begin() + static_cast<std::ptrdiff_t>(set_up_));
  controls_.erase(controls_.begin() + static_cast<std::ptrdiff_t>(set_up_));
  return set_up_next(now);
}

std::optional<RtspClient::Event> RtspClient::set_up_next(Now now) {
  if (set_up_ < tracks_.size()) {
    request("SETUP", controls_[set_up_], now);
    return std::nullopt;
  }
  state_ = State::Play;
  request("PLAY", aggregate_, now);
  return Prepared{tracks_, refused_};
}

std::optional<RtspClient::Event> RtspClient::on_playing(Now now) {
  state_ = State::Playing;
  heard_at_ = now.mono;
  keep_alive_at_ = now.mono + keep_alive_interval(session_->timeout);
  return Playing{};
}

std::optional<RtspClient::Event> RtspClient::on_kept_alive(const RtspMessage& response) {
  if (response.status == kSessionNotFound) return failed("the server has ended the session");
  return std::nullopt;
}

RtspClient::Failed RtspClient::failed(std::string why, bool lasting) {
  state_ = State::Over;
  return {std::move(why), lasting};
}

}  // namespace ott
