// A player's connection as an RTSP server sees it (RFC 2326), without I/O: its requests in, answers and RTP
// packets out. A connection has at most one session, of one name: a track for each of the streams that the
// name means, trackID=0 and so on below the session's URL. It ends with the connection at the latest.
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
#include <vector>

#include "media/rtsp_message.h"
#include "media/rtsp_tracks.h"
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
    unsigned track = 0;  // SetUp: below RtspTracks::kTracksMax
    bool udp = false;    // SetUp: the answer names ports
  };

  struct Config {
    IpAddress peer;
    std::string session_id;  // that nobody can guess
    std::string cname;
  };
  struct TrackSetUp {
    MediaFormat format;
    RtpFields first;                                 // RtpSender's
    std::optional<RtspTransport::Pair> server_port;  // of a track over UDP
  };
  RtspServer(Config config, Now now);

  /// What the player has sent. The rest of what was received waits while there is an ask().
  void receive(ByteSpan bytes, Now now);
  /// False while it has enough to do: then nothing is to be received.
  [[nodiscard]] bool wants_input() const;
  [[nodiscard]] const std::optional<Ask>& ask() const { return ask_; }
  /// The media's control URLs are rtsp_track_url()'s.
  void describe(Sdp sdp, Now now);
  void set_up(const TrackSetUp& track, Now now);
  /// `why` is for people.
  void refuse(unsigned status, const std::string& why, Now now);

  /// The name of its session; nothing without one.
  [[nodiscard]] const std::optional<std::string>& stream() const { return stream_; }
  [[nodiscard]] bool playing() const { return state_ == State::Playing; }
  [[nodiscard]] bool over_udp() const { return playing() && tracks_.any_over_udp(); }
  /// What it plays, and has sent; frames are pushed while it plays.
  [[nodiscard]] RtspTracks& tracks() { return tracks_; }
  [[nodiscard]] const RtspTracks& tracks() const { return tracks_; }

  /// What is to be sent to the player next, from here on; sent() says how much of it was.
  ByteSpan output(Now now);
  void sent(std::size_t bytes, Now now);

  /// The player's RTCP, by UDP: it is there.
  void hear(Now now) { heard_ = now.mono; }

  /// Ends the session: says BYE. For a stream that will not come any more, or a server that ends.
  void end(Now now);
  /// True if nothing more is to come: the connection is closed when its output is sent.
  [[nodiscard]] bool over() const { return over_; }
  /// Why the connection is to be closed now, without further words; empty: it is not.
  [[nodiscard]] std::string expired(Now now) const;

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
  void on_tear_down();
  void answer(unsigned status, RtspMessage response = {});
  void send_interleaved(const RtspTracks::Packet& packet);
  void stop(State to);

  Config config_;
  RtspReader reader_;
  RtspTracks tracks_;

  State state_ = State::Init;
  std::optional<std::string> stream_;
  std::string base_;  // of the session's control URL, with its '/'

  std::optional<Ask> ask_;
  RtspTransport asked_transport_;
  std::string asked_base_;
  std::string cseq_;  // of the request under way

  std::vector<std::uint8_t> output_;
  std::size_t output_sent_ = 0;

  MonoTime heard_;                         // when the last whole unit came
  std::optional<MonoTime> partial_since_;  // of a request that is not whole yet
  MonoTime output_moved_;                  // when output was sent last, or began to wait
  bool over_ = false;
};

/// The name of a stream that a URL of RTSP asks for: its path, decoded, without the track. The error says
/// what is wrong with it.
Result<std::string> rtsp_stream_name(std::string_view uri);

}  // namespace ott
