// A player's connection as an RTSP server sees it (RFC 2326), without I/O: its requests in, answers and RTP
// packets out. A connection has at most one session, of one stream, which ends with it at the latest.
//
//            SETUP           PLAY
//     Init ---------> Ready ------> Playing
//       <-------------  <------------
//          TEARDOWN        PAUSE
//
// What a request needs from outside is an Ask: the owner answers it, and until then later requests wait. RTP
// goes between the answers (interleaved, section 10.12), of each frame all packets or none, or as datagrams
// to the address that the connection comes from, and to no other.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "media/rtp_sender.h"
#include "media/rtsp_message.h"
#include "media/sdp.h"

namespace ott {

class RtspServer {
 public:
  /// A request must be whole after so long from its first byte; a new connection must send one.
  static constexpr Duration kRequestTime = std::chrono::seconds(10);
  /// A session, and a connection without one, ends when nothing is heard for so long (section 12.37).
  static constexpr Duration kTimeout = std::chrono::seconds(60);
  /// A player that takes nothing of what is sent to it, for so long, has gone.
  static constexpr Duration kStallTime = std::chrono::seconds(30);
  static constexpr std::size_t kOutputBytes = std::size_t{32} << 10;

  struct Ask {
    enum class Kind : std::uint8_t {
      Describe,  // answered by describe() or refuse()
      SetUp,     // by set_up() or refuse()
    };
    Kind kind{};
    std::string stream;  // its name; empty: the default one
    bool udp = false;    // SetUp: the answer names ports
  };

  struct Config {
    IpAddress peer;
    std::string session_id;  // that nobody can guess
    RtpFields first;         // RtpSender's
    std::string cname;
  };
  RtspServer(Config config, Now now);

  /// What the player has sent. The rest of what was received waits while there is an ask().
  void receive(ByteSpan bytes, Now now);
  /// False while it has enough to do: then nothing is to be received.
  [[nodiscard]] bool wants_input() const;
  [[nodiscard]] const std::optional<Ask>& ask() const { return ask_; }
  void describe(Sdp sdp, Now now);
  /// `server_port`: of a session over UDP.
  void set_up(const std::optional<RtspTransport::Pair>& server_port, Now now);
  /// `why` is for people.
  void refuse(unsigned status, const std::string& why, Now now);

  /// The stream of its session; nothing without one.
  [[nodiscard]] const std::optional<std::string>& stream() const { return stream_; }
  [[nodiscard]] bool playing() const { return state_ == State::Playing; }
  [[nodiscard]] bool over_udp() const { return playing() && transport_.client_port && !transport_.tcp; }
  /// While it plays.
  void push(RtpFramePtr frame, Now now);
  void change_stream() { sender_.change_stream(); }

  /// What is to be sent to the player next, from here on; sent() says how much of it was.
  ByteSpan output(Now now);
  void sent(std::size_t bytes, Now now);

  struct Datagram {
    ByteSpan bytes;  // valid until the next call; empty: none is due
    std::uint16_t port = 0;
  };
  /// What is to be sent to a port of the player next. REQUIRES: over_udp().
  Datagram next_datagram(Now now);
  /// When next_datagram() has one.
  [[nodiscard]] MonoTime datagram_due() const;
  /// Where datagrams go, and its RTCP comes from. REQUIRES: over_udp().
  [[nodiscard]] std::uint16_t rtp_port() const { return transport_.client_port->first; }
  [[nodiscard]] std::uint16_t rtcp_port() const { return transport_.client_port->second; }
  /// The player's RTCP, by UDP: it is there.
  void hear(Now now) { heard_ = now.mono; }

  /// Ends the session: says BYE. For a stream that will not come any more, or a server that ends.
  void end(Now now);
  /// True if nothing more is to come: the connection is closed when its output is sent.
  [[nodiscard]] bool over() const { return over_; }
  /// Why the connection is to be closed now, without further words; empty: it is not.
  [[nodiscard]] std::string expired(Now now) const;

  [[nodiscard]] const RtpSender& sender() const { return sender_; }
  /// When a whole request, or RTCP, came last.
  [[nodiscard]] MonoTime heard() const { return heard_; }
  /// When it took something of what is sent to it last, or nothing waited.
  [[nodiscard]] MonoTime moved() const { return output_moved_; }

 private:
  enum class State : std::uint8_t { Init, Ready, Playing };

  void handle_next(Now now);
  void handle_units(Now now);
  void handle(const RtspMessage& request, Now now);
  [[nodiscard]] std::optional<unsigned> objection(const RtspMessage& request) const;
  void on_describe(const RtspMessage& request);
  void on_set_up(const RtspMessage& request);
  void on_play(const RtspMessage& request, Now now);
  void on_tear_down(Now now);
  void answer(unsigned status, RtspMessage response = {});
  void send_interleaved(std::uint8_t channel, ByteSpan packet);
  [[nodiscard]] std::uint8_t rtcp_channel() const {
    return static_cast<std::uint8_t>(transport_.interleaved->second);
  }
  void stop(State to, Now now);

  Config config_;
  RtspReader reader_;
  RtpSender sender_;

  State state_ = State::Init;
  std::optional<std::string> stream_;
  RtspTransport transport_;
  bool was_playing_ = false;
  std::string base_;  // of the session's control URL, with its '/'

  std::optional<Ask> ask_;
  RtspTransport asked_transport_;
  std::string asked_base_;
  std::string cseq_;  // of the request under way

  std::vector<std::uint8_t> output_;
  std::size_t output_sent_ = 0;
  MonoTime report_due_ = MonoTime::max();
  std::vector<std::uint8_t> report_;  // the last datagram of RTCP

  MonoTime heard_;                         // when the last whole unit came
  std::optional<MonoTime> partial_since_;  // of a request that is not whole yet
  MonoTime output_moved_;                  // when output was sent last, or began to wait
  bool over_ = false;
};

/// The name of a stream that a URL of RTSP asks for: its path, decoded, without the track. The error says
/// what is wrong with it.
Result<std::string> rtsp_stream_name(std::string_view uri);

}  // namespace ott
