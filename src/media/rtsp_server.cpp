#include "media/rtsp_server.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "media/text.h"
#include "media/url.h"
#include "ott/assert.h"
#include "ott/bytes.h"

namespace ott {
namespace {

constexpr std::string_view kMethods =
    "OPTIONS, DESCRIBE, SETUP, PLAY, PAUSE, TEARDOWN, GET_PARAMETER, SET_PARAMETER";
/// Of RFC 2326, and nothing that a server of live streams does.
constexpr std::array kOtherMethods = {"ANNOUNCE", "RECORD", "REDIRECT"};
constexpr std::string_view kTrack = "trackID=0";
constexpr RtspReader::Limits kLimits = {.header_bytes = 8 << 10, .headers = 64, .body_bytes = 4 << 10};

constexpr unsigned kOk = 200, kBadRequest = 400, kNotFound = 404, kMethodNotAllowed = 405,
                   kNotAcceptable = 406, kParameterNotUnderstood = 451, kSessionNotFound = 454,
                   kNotValidInThisState = 455, kAggregateNotAllowed = 459, kUnsupportedTransport = 461,
                   kNotImplemented = 501, kVersionNotSupported = 505, kOptionNotSupported = 551;

/// RFC 2326, section 7.1.1.
std::string_view reason_of(unsigned status) {
  switch (status) {
    case kOk:
      return "OK";
    case kBadRequest:
      return "Bad Request";
    case kNotFound:
      return "Stream Not Found";
    case kMethodNotAllowed:
      return "Method Not Allowed";
    case kNotAcceptable:
      return "Not Acceptable";
    case kParameterNotUnderstood:
      return "Parameter Not Understood";
    case 453:
      return "Not Enough Bandwidth";
    case kSessionNotFound:
      return "Session Not Found";
    case kNotValidInThisState:
      return "Method Not Valid in This State";
    case kAggregateNotAllowed:
      return "Aggregate Operation Not Allowed";
    case kUnsupportedTransport:
      return "Unsupported Transport";
    case kNotImplemented:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    case kVersionNotSupported:
      return "RTSP Version Not Supported";
    case kOptionNotSupported:
      return "Option Not Supported";
    default:
      return "Internal Server Error";
  }
}

/// With a sentence for people.
RtspMessage text_response(const std::string& text) {
  RtspMessage response;
  response.add("Content-Type", "text/plain; charset=utf-8");
  response.body = text + "\n";
  return response;
}

/// The control URL of a session, with its '/': the request's, without the track and the query.
std::string base_of(std::string_view uri) {
  std::string base(cut(uri, '?').first);
  if (base.ends_with(kTrack)) base.resize(base.size() - kTrack.size());
  if (!base.ends_with('/')) base += '/';
  return base;
}

/// RFC 2326, section 12.1; without the header anything is.
bool accepts_sdp(const RtspMessage& request) {
  const std::string* accept = request.find("Accept");
  if (accept == nullptr) return true;
  std::string_view rest = *accept;
  while (!rest.empty()) {
    const std::string_view type = trimmed(cut(take_until(rest, ','), ';').first);
    if (equal_no_case(type, "application/sdp") || equal_no_case(type, "application/*") || type == "*/*")
      return true;
  }
  return false;
}

/// The first way that this server goes; a destination other than the peer itself is none.
std::optional<RtspTransport> choose_transport(const RtspMessage& request, const IpAddress& peer) {
  const std::string* header = request.find("Transport");
  const auto offered = parse_rtsp_transports(header == nullptr ? "" : *header);
  if (!offered) return std::nullopt;
  for (const RtspTransport& one : *offered) {
    if (!equal_no_case(one.profile, "RTP/AVP") || one.multicast) continue;
    if (!one.mode.empty() && !equal_no_case(one.mode, "PLAY")) continue;
    if (!one.tcp && !one.client_port) continue;
    const auto destination = parse_ip(one.destination);
    if (!one.destination.empty() && (!destination || *destination != peer)) continue;
    return one;
  }
  return std::nullopt;
}

}  // namespace

Result<std::string> rtsp_stream_name(std::string_view uri) {
  const auto url = parse_url(uri);
  if (!url) return tl::unexpected<Error>(url.error());
  if (url->scheme != "rtsp") return fail("not a URL of rtsp");
  std::string_view path = url->path;
  if (path.starts_with('/')) path.remove_prefix(1);
  if (path == kTrack || path.ends_with(fmt::format("/{}", kTrack))) path.remove_suffix(kTrack.size());
  if (path.ends_with('/')) path.remove_suffix(1);
  auto name = percent_decoded(path);
  if (!name || has_control_character(*name)) return fail("the path of the URL is no name");
  return *name;
}

RtspServer::RtspServer(Config config, Now now)
    : config_(std::move(config)),
      reader_(kLimits),
      sender_(config_.first, config_.cname, RtpSender::Pace::AtOnce),
      heard_(now.mono),
      partial_since_(now.mono),
      output_moved_(now.mono) {}

// ---- requests --------------------------------------------------------------------------------------------

void RtspServer::receive(ByteSpan bytes, Now now) {
  while (!bytes.empty()) {
    const MutableByteSpan space = reader_.space();
    const std::size_t some = std::min(space.size(), bytes.size());
    std::ranges::copy(bytes.first(some), space.begin());
    reader_.advance(some);
    bytes = bytes.subspan(some);
  }
  if (!partial_since_) partial_since_ = now.mono;
  handle_next(now);
}

bool RtspServer::wants_input() const {
  return !over_ && !ask_ && output_.size() - output_sent_ < kOutputBytes;
}

void RtspServer::handle_next(Now now) {
  handle_units(now);
  if (reader_.empty()) partial_since_.reset();
}

void RtspServer::handle_units(Now now) {
  while (!over_ && !ask_) {
    auto unit = reader_.next();
    if (!unit) {
      cseq_.clear();
      answer(kBadRequest, text_response(unit.error().message));
      over_ = true;
      return;
    }
    if (!*unit) return;
    partial_since_ = heard_ = now.mono;
    // Interleaved packets of a player are its RTCP, which says that it is there.
    if (const auto* message = std::get_if<RtspMessage>(&**unit)) handle(*message, now);
  }
}

/// What is wrong with a request before it is looked at what it asks for.
std::optional<unsigned> RtspServer::objection(const RtspMessage& request) const {
  if (request.version != "1.0") return kVersionNotSupported;
  if (!request.cseq()) return kBadRequest;
  if (request.find("Require") != nullptr) return kOptionNotSupported;
  if (std::ranges::find(kOtherMethods, request.method) != kOtherMethods.end()) return kMethodNotAllowed;
  const std::string* session = request.find("Session");
  if (session != nullptr) {
    const auto parsed = parse_rtsp_session(*session);
    if (!parsed || state_ == State::Init || parsed->id != config_.session_id) return kSessionNotFound;
  }
  const bool needs_session =
      request.method == "PLAY" || request.method == "PAUSE" || request.method == "TEARDOWN";
  if (needs_session && session == nullptr) return kSessionNotFound;
  return std::nullopt;
}

void RtspServer::handle(const RtspMessage& request, Now now) {
  if (request.is_response()) return;  // nothing was asked
  cseq_ = request.cseq() ? std::to_string(*request.cseq()) : "";
  if (const auto status = objection(request)) {
    RtspMessage response;
    if (*status == kMethodNotAllowed) response.add("Allow", std::string(kMethods));
    if (*status == kOptionNotSupported) response.add("Unsupported", *request.find("Require"));
    return answer(*status, std::move(response));
  }
  if (request.method == "OPTIONS") {
    RtspMessage response;
    response.add("Public", std::string(kMethods));
    return answer(kOk, std::move(response));
  }
  if (request.method == "DESCRIBE") return on_describe(request);
  if (request.method == "SETUP") return on_set_up(request);
  if (request.method == "PLAY") return on_play(request, now);
  if (request.method == "PAUSE") {
    stop(State::Ready, now);
    return answer(kOk);
  }
  if (request.method == "TEARDOWN") return on_tear_down(now);
  // Without parameters these say that the player is there (section 10.8).
  if (request.method == "GET_PARAMETER" || request.method == "SET_PARAMETER")
    return answer(request.body.empty() ? kOk : kParameterNotUnderstood);
  answer(kNotImplemented);
}

void RtspServer::on_describe(const RtspMessage& request) {
  auto name = rtsp_stream_name(request.uri);
  if (!name) return answer(kBadRequest, text_response(name.error().message));
  if (!accepts_sdp(request)) return answer(kNotAcceptable);
  asked_base_ = base_of(request.uri);
  ask_ = Ask{Ask::Kind::Describe, std::move(*name)};
}

void RtspServer::describe(Sdp sdp, Now now) {
  OTT_ASSERT(ask_ && ask_->kind == Ask::Kind::Describe);
  ask_.reset();
  sdp.connection = SdpConnection{config_.peer.is_v4() ? "0.0.0.0" : "::", std::nullopt};
  sdp.control = "*";
  sdp.other.emplace_back("range", "npt=now-");
  for (SdpMedia& media : sdp.media) media.control = kTrack;
  RtspMessage response;
  response.add("Content-Type", "application/sdp");
  response.add("Content-Base", asked_base_);
  response.body = to_string(sdp);
  answer(kOk, std::move(response));
  handle_next(now);
}

void RtspServer::on_set_up(const RtspMessage& request) {
  auto name = rtsp_stream_name(request.uri);
  if (!name) return answer(kBadRequest, text_response(name.error().message));
  if (state_ == State::Playing) return answer(kNotValidInThisState);
  if (request.find("Session") != nullptr && *name != stream_) return answer(kAggregateNotAllowed);
  const auto transport = choose_transport(request, config_.peer);
  if (!transport) return answer(kUnsupportedTransport);
  asked_transport_ = *transport;
  asked_base_ = base_of(request.uri);
  ask_ = Ask{Ask::Kind::SetUp, std::move(*name), !transport->tcp};
}

void RtspServer::set_up(const std::optional<RtspTransport::Pair>& server_port, Now now) {
  OTT_ASSERT(ask_ && ask_->kind == Ask::Kind::SetUp && ask_->udp == server_port.has_value());
  stream_ = std::move(ask_->stream);
  ask_.reset();
  state_ = State::Ready;
  base_ = asked_base_;
  transport_ = asked_transport_;
  RtspTransport chosen;
  chosen.tcp = transport_.tcp;
  chosen.ssrc = sender_.ssrc();
  if (transport_.tcp) {
    if (!transport_.interleaved) transport_.interleaved = {0, 1};
    chosen.interleaved = transport_.interleaved;
  } else {
    chosen.client_port = transport_.client_port;
    chosen.server_port = server_port;
  }
  sender_.set_pace(transport_.tcp ? RtpSender::Pace::AtOnce : RtpSender::Pace::Spread);
  RtspMessage response;
  response.add("Transport", to_string(chosen));
  answer(kOk, std::move(response));
  handle_next(now);
}

void RtspServer::refuse(unsigned status, const std::string& why, Now now) {
  OTT_ASSERT(ask_);
  ask_.reset();
  answer(status, text_response(why));
  handle_next(now);
}

void RtspServer::on_play(const RtspMessage&, Now now) {
  RtspMessage response;
  // The stream is live: there is nothing to seek in, whatever the request says (section 12.29).
  response.add("Range", "npt=now-");
  if (state_ == State::Ready) {
    std::string info = fmt::format("url={}{};seq={}", base_, kTrack, sender_.fields().sequence);
    if (!was_playing_) info += fmt::format(";rtptime={}", sender_.fields().timestamp);
    response.add("RTP-Info", info);
    state_ = State::Playing;
    was_playing_ = true;
    report_due_ = MonoTime::max();
    output_moved_ = now.mono;
  }
  answer(kOk, std::move(response));
}

void RtspServer::on_tear_down(Now now) {
  stop(State::Init, now);
  stream_.reset();
  answer(kOk);
}

void RtspServer::stop(State to, Now) {
  if (state_ == State::Playing) sender_.clear();
  report_due_ = MonoTime::max();
  state_ = to;
}

/// Appends a response to the request under way.
void RtspServer::answer(unsigned status, RtspMessage response) {
  response.status = status;
  response.reason = reason_of(status);
  if (!cseq_.empty()) response.headers.insert(response.headers.begin(), {"CSeq", cseq_});
  if (state_ != State::Init && status == kOk)
    response.add("Session", fmt::format("{};timeout={}", config_.session_id,
                                        std::chrono::duration_cast<std::chrono::seconds>(kTimeout).count()));
  response.add("Server", "ottd");
  const std::string text = to_string(response);
  output_.insert(output_.end(), text.begin(), text.end());
}

// ---- packets ---------------------------------------------------------------------------------------------

void RtspServer::push(RtpFramePtr frame, Now now) {
  OTT_ASSERT(playing());
  sender_.push(std::move(frame), now);
  if (report_due_ == MonoTime::max()) report_due_ = now.mono;  // with the first frame, for alignment
}

void RtspServer::send_interleaved(std::uint8_t channel, ByteSpan packet) {
  const auto header = interleaved_header(channel, packet.size());
  output_.insert(output_.end(), header.begin(), header.end());
  output_.insert(output_.end(), packet.begin(), packet.end());
}

/// Section 10.12: packets stand between whole messages, and each is whole. No more are taken than the
/// connection is about to send, so a slow player is given the newest frame after the one under way.
ByteSpan RtspServer::output(Now now) {
  if (output_sent_ == output_.size() || output_sent_ >= kOutputBytes) {
    output_.erase(output_.begin(), output_.begin() + static_cast<std::ptrdiff_t>(output_sent_));
    output_sent_ = 0;
  }
  if (output_.empty()) output_moved_ = now.mono;  // what is put there begins to wait now
  if (playing() && transport_.tcp) {
    const auto channel = static_cast<std::uint8_t>(transport_.interleaved->first);
    while (output_.size() - output_sent_ < kOutputBytes) {
      const ByteSpan packet = sender_.next(now);
      if (packet.empty()) break;
      send_interleaved(channel, packet);
    }
    if (now.mono >= report_due_ && output_.size() - output_sent_ < kOutputBytes) {
      report_due_ = now.mono + RtpSender::kReportInterval;
      send_interleaved(rtcp_channel(), sender_.report(now));
    }
  }
  return ByteSpan(output_).subspan(output_sent_);
}

void RtspServer::sent(std::size_t bytes, Now now) {
  output_sent_ += bytes;
  OTT_ASSERT(output_sent_ <= output_.size());
  if (bytes > 0) output_moved_ = now.mono;
}

RtspServer::Datagram RtspServer::next_datagram(Now now) {
  OTT_ASSERT(over_udp());
  if (const ByteSpan packet = sender_.next(now); !packet.empty())
    return {packet, transport_.client_port->first};
  if (now.mono < report_due_) return {};
  report_due_ = now.mono + RtpSender::kReportInterval;
  report_ = sender_.report(now);
  return {report_, transport_.client_port->second};
}

MonoTime RtspServer::datagram_due() const {
  return over_udp() ? std::min(sender_.next_deadline(), report_due_) : MonoTime::max();
}

// ---- the end ---------------------------------------------------------------------------------------------

void RtspServer::end(Now now) {
  if (playing() && transport_.tcp) send_interleaved(rtcp_channel(), sender_.bye(now));
  over_ = true;
}

std::string RtspServer::expired(Now now) const {
  const bool waits = output_sent_ < output_.size();
  if (waits && now.mono - output_moved_ >= kStallTime) return "it takes nothing of what is sent to it";
  if (partial_since_ && !ask_ && now.mono - *partial_since_ >= kRequestTime) return "no whole request came";
  // A player over TCP is there as long as it takes what is sent.
  const MonoTime heard = playing() && transport_.tcp ? std::max(heard_, output_moved_) : heard_;
  if (!ask_ && now.mono - heard >= kTimeout) return "nothing was heard of it";
  return {};
}

}  // namespace ott
