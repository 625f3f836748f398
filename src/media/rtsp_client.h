// A client's session with an RTSP server (RFC 2326), from the first request to the packets of all its media
// that can be taken: what it decides. No sockets and no clock. One object for one connection.
//
//     OPTIONS -> DESCRIBE -> SETUP of each -> PLAY of all -> (keep-alive ...) -> TEARDOWN
//
// One request is under way at a time. A 401 is answered and the request sent again; a redirect and a refusal
// of the transport end the session, and its owner begins another one with what the event says. Packets come
// interleaved in the connection, or to pairs of UDP ports of the owner's. One of several media that the
// server refuses is left out.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "media/http_auth.h"
#include "media/rtp_part.h"
#include "media/rtsp_message.h"
#include "media/sdp.h"
#include "media/url.h"
#include "ott/result.h"
#include "ott/time.h"
#include "ott/types.h"

namespace ott {

class RtspClient {
 public:
  static constexpr Duration kAnswerMax = std::chrono::seconds(10);
  /// Of a server that plays: then it is taken for gone.
  static constexpr Duration kSilenceMax = std::chrono::seconds(10);

  struct Config {
    Url url;
    bool udp = false;  // without: interleaved
    std::uint64_t random_seed = 0;
  };
  explicit RtspClient(Config config);

  /// The connection is open.
  void begin(Now now);

  /// Room for received bytes.
  MutableByteSpan space() { return reader_.space(); }
  void advance(std::size_t bytes) { reader_.advance(bytes); }
  /// What is to be sent now.
  [[nodiscard]] ByteSpan to_send() const;
  void sent(std::size_t bytes);

  /// A packet that came interleaved; valid until the next call.
  struct Packet {
    std::size_t track = 0;  // of those that were prepared
    bool rtcp = false;
    ByteSpan bytes;
  };
  /// DESCRIBE was answered: now set_up() or end() is to be called.
  struct Described {
    std::vector<RtpPart> parts;         // one at least
    std::vector<std::string> unusable;  // of the others, what and why
  };
  struct Track {
    RtpPart part;
    std::size_t described = 0;  // which of those that were described
    RtspTransport transport;
  };
  /// SETUP was answered, of each: packets may come from now on.
  struct Prepared {
    std::vector<Track> tracks;          // one at least
    std::vector<std::string> unusable;  // of those that were described, what was refused and why
  };
  /// PLAY was answered.
  struct Playing {};
  /// The stream is elsewhere. A session with this URL is to be begun.
  struct Redirected {
    Url url;
  };
  /// The server does not send interleaved. A session with UDP is to be begun.
  struct NeedsUdp {};
  /// The session is of no more use.
  struct Failed {
    std::string why;
    bool lasting = false;  // it will most likely fail again: a refused password, no such kind of stream
  };
  using Event = std::variant<Packet, Described, Prepared, Playing, Redirected, NeedsUdp, Failed>;
  /// What comes of the bytes received, and of the time; to be called until it returns nothing. Nothing comes
  /// after an event that ends the session.
  std::optional<Event> next(Now now);
  /// When next() is to be called although nothing was received.
  [[nodiscard]] MonoTime next_deadline() const;

  /// Asks for all that was described. `udp_ports`: of RTP here, for each part, where RTCP's is the next one;
  /// none if it comes interleaved.
  void set_up(const std::vector<std::uint16_t>& udp_ports, Now now);

  /// A packet has come by UDP.
  void heard(Now now) {
    heard_at_ = now.mono;
    heard_any_ = true;
  }
  [[nodiscard]] bool playing() const { return state_ == State::Playing; }
  /// The session is to end, if it has not yet: what to_send() has then is the last of it.
  void end(Now now);

 private:
  enum class State : std::uint8_t { Idle, Options, Describe, Described, Setup, Play, Playing, Over };

  void request(const std::string& method, const std::string& uri, Now now);
  void send(const RtspMessage& message);
  std::optional<Event> take(const RtspMessage& message, Now now);
  std::optional<Event> take_request(const RtspMessage& request);
  std::optional<Event> take_response(const RtspMessage& response, Now now);
  std::optional<Event> take_interleaved(const RtspInterleaved& packet, Now now);
  std::optional<Event> challenged(const RtspMessage& response, Now now);
  std::optional<Event> redirected(const std::string* location);
  std::optional<Event> refused(const RtspMessage& response);
  std::optional<Event> on_options(const RtspMessage& response, Now now);
  std::optional<Event> on_description(const RtspMessage& response);
  std::optional<Event> on_setup(const RtspMessage& response, Now now);
  std::optional<Event> without_track(const RtspMessage& refusal, Now now);
  std::optional<Event> set_up_next(Now now);
  std::optional<Event> on_playing(Now now);
  std::optional<Event> on_kept_alive(const RtspMessage& response);
  std::optional<Event> look_at_time(Now now);
  Failed failed(std::string why, bool lasting = false);

  Config config_;
  HttpAuth auth_;
  RtspReader reader_;
  State state_ = State::Idle;

  std::string to_send_;
  std::size_t sent_ = 0;

  std::uint32_t cseq_ = 0;  // of the last request
  std::string method_;      // of the request under way; empty: none is
  std::string uri_;         // of the last request
  MonoTime answer_due_ = MonoTime::max();
  MonoTime keep_alive_at_ = MonoTime::max();
  MonoTime heard_at_{};
  bool heard_any_ = false;

  bool has_get_parameter_ = false;
  std::string aggregate_;              // the URI of the whole session
  std::vector<Track> tracks_;          // those that are set up, and behind them those that are not yet
  std::vector<std::string> controls_;  // the URI of each
  std::size_t set_up_ = 0;
  std::vector<std::string> refused_;
  std::optional<RtspSession> session_;
};

/// What a control attribute means (RFC 2326, section C.1.1), as servers have it: a relative one is appended
/// to the base behind a /, even behind a query. Empty and "*" are the base.
Result<std::string> rtsp_control_uri(const Url& base, std::string_view control);

}  // namespace ott
