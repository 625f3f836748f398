#include "media/rtsp_server.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

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
constexpr std::string_view kTrack = "trackID=";
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

/// A path without the track at its end, which begins at a '/' or is all of it; and the track.
std::pair<std::string_view, std::optional<unsigned>> split_track(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  const std::size_t begin = slash == std::string_view::npos ? 0 : slash + 1;
  const std::string_view last = path.substr(begin);
  if (!last.starts_with(kTrack)) return {path, std::nullopt};
  const auto track = parse_number<unsigned>(last.substr(kTrack.size()));
  if (!track) return {path, std::nullopt};
  return {path.substr(0, begin), track};
}

/// The control URL of a session, with its '/': the request's, without the track and the query.
std::string base_of(std::string_view uri) {
  std::string base(split_track(cut(uri, '?').first).first);
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
  path = split_track(path).first;
  if (path.ends_with('/')) path.remove_suffix(1);
  auto name = percent_decoded(path);
  if (!name || has_control_character(*name)) return fail("the path of the URL is no name");
  return *name;
}

RtspServer::RtspServer(Config config, Now now)
    : config_(std::move(config)),
      reader_(kLimits),
      tracks_(config_.cname),
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
    stop(State::Ready);
    return answer(kOk);
  }
  if (request.method == "TEARDOWN") return on_tear_down();
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
  ask_ = Ask{Ask::Kind::Describe, std::move(*name), 0, false};
}

void RtspServer::describe(Sdp sdp, Now now) {
  OTT_ASSERT(ask_ && ask_->kind == Ask::Kind::Describe);
  ask_.reset();
  sdp.connection = SdpConnection{config_.peer.is_v4() ? "0.0.0.0" : "::", std::nullopt};
  sdp.control = "*";
  sdp.other.emplace_back("range", "npt=now-");
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
  const unsigned track = split_track(cut(request.uri, '?').first).second.value_or(0);
  if (track >= RtspTracks::kTracksMax) return answer(kNotFound);
  if (state_ == State::Playing) return answer(kNotValidInThisState);
  if (request.find("Session") != nullptr && *name != stream_) return answer(kAggregateNotAllowed);
  auto transport = choose_transport(request, config_.peer);
  if (!transport) return answer(kUnsupportedTransport);
  if (transport->tcp) {
    const auto channel = static_cast<std::uint16_t>(2 * track);
    if (!transport->interleaved) transport->interleaved = {channel, static_cast<std::uint16_t>(channel + 1)};
    if (*name == stream_ && tracks_.has_channel(*transport->interleaved, track))
      return answer(kUnsupportedTransport, text_response("another track has this channel"));
  }
  asked_transport_ = std::move(*transport);
  asked_base_ = base_of(request.uri);
  ask_ = Ask{Ask::Kind::SetUp, std::move(*name), track, !asked_transport_.tcp};
}

void RtspServer::set_up(const TrackSetUp& track, Now now) {
  OTT_ASSERT(ask_ && ask_->kind == Ask::Kind::SetUp && ask_->udp == track.server_port.has_value());
  if (stream_ != ask_->stream) tracks_.clear();
  stream_ = std::move(ask_->stream);
  const unsigned id = ask_->track;
  ask_.reset();
  state_ = State::Ready;
  base_ = asked_base_;
  RtspTransport chosen;
  chosen.tcp = asked_transport_.tcp;
  chosen.ssrc = tracks_.set_up(id, asked_transport_, track.format, track.first);
  if (chosen.tcp) {
    chosen.interleaved = asked_transport_.interleaved;
  } else {
    chosen.client_port = asked_transport_.client_port;
    chosen.server_port = track.server_port;
  }
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
    response.add("RTP-Info", tracks_.rtp_info(base_));
    state_ = State::Playing;
    tracks_.play();
    output_moved_ = now.mono;
  }
  answer(kOk, std::move(response));
}

void RtspServer::on_tear_down() {
  stop(State::Init);
  tracks_.clear();
  stream_.reset();
  answer(kOk);
}

void RtspServer::stop(State to) {
  if (state_ == State::Playing) tracks_.pause();
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

void RtspServer::send_interleaved(const RtspTracks::Packet& packet) {
  const auto header = interleaved_header(static_cast<std::uint8_t>(packet.port), packet.bytes.size());
  output_.insert(output_.end(), header.begin(), header.end());
  output_.insert(output_.end(), packet.bytes.begin(), packet.bytes.end());
}

/// Section 10.12: packets stand between whole messages, and each is whole. No more are taken than the
/// connection is about to send, so a slow player is given the newest frame after the one under way.
ByteSpan RtspServer::output(Now now) {
  if (output_sent_ == output_.size() || output_sent_ >= kOutputBytes) {
    output_.erase(output_.begin(), output_.begin() + static_cast<std::ptrdiff_t>(output_sent_));
    output_sent_ = 0;
  }
  if (output_.empty()) output_moved_ = now.mono;  // what is put there begins to wait now
  while (playing() && output_.size() - output_sent_ < kOutputBytes) {
    const RtspTracks::Packet packet = tracks_.next_interleaved(now);
    if (packet.bytes.empty()) break;
    send_interleaved(packet);
  }
  return ByteSpan(output_).subspan(output_sent_);
}

void RtspServer::sent(std::size_t bytes, Now now) {
  output_sent_ += bytes;
  OTT_ASSERT(output_sent_ <= output_.size());
  if (bytes > 0) output_moved_ = now.mono;
}

// ---- the end ---------------------------------------------------------------------------------------------

void RtspServer::end(Now now) {
  if (playing()) tracks_.say_bye(true, now, [this](const auto& packet) { send_interleaved(packet); });
  over_ = true;
}

std::string RtspServer::expired(Now now) const {
  const bool waits = output_sent_ < output_.size();
  if (waits && now.mono - output_moved_ >= kStallTime) return "it takes nothing of what is sent to it";
  if (partial_since_ && !ask_ && now.mono - *partial_since_ >= kRequestTime) return "no whole request came";
  // A player over TCP is there as long as it takes what is sent.
  const MonoTime heard = playing() && tracks_.any_over_tcp() ? std::max(heard_, output_moved_) : heard_;
  if (!ask_ && now.mono - heard >= kTimeout) return "nothing was heard of it";
  return {};
}

}  // namespace ott
