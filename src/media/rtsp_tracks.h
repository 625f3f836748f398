// What an RTSP session plays: a track for each stream that the player has set up, with its transport (RFC
// 2326, section 12.39) and its sender. No I/O: packets come out of here in the order in which they are to be
// sent. Over a connection audio and text go before video, of which there is more than the rest can wait for.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "media/rtcp.h"
#include "media/rtp_sender.h"
#include "media/rtsp_message.h"

namespace ott {

class RtspTracks {
 public:
  static constexpr unsigned kTracksMax = 16;

  explicit RtspTracks(std::string cname) : cname_(std::move(cname)) {}

  /// A track that is there already gets another transport. Returns its SSRC. REQUIRES: id < kTracksMax;
  /// channels where it is TCP, ports where it is not.
  std::uint32_t set_up(unsigned id, const RtspTransport& transport, const MediaFormat& format,
                       const RtpFields& first);
  void clear();
  [[nodiscard]] bool empty() const { return tracks_.empty(); }
  [[nodiscard]] bool has(unsigned id) const { return find(id) != nullptr; }
  [[nodiscard]] std::vector<unsigned> ids() const;
  /// True if another track than `id` has one of these channels.
  [[nodiscard]] bool has_channel(const RtspTransport::Pair& channels, unsigned id) const;
  [[nodiscard]] bool any_over_tcp() const;
  [[nodiscard]] bool any_over_udp() const;

  /// RTP-Info (section 12.33), with the timestamps that come first if these are known and it is the first
  /// time.
  [[nodiscard]] std::string rtp_info(const std::string& base) const;
  void play();
  void pause();

  /// These do nothing without such a track.
  void push(unsigned id, RtpFramePtr frame, Now now);
  void push_history(unsigned id, const std::vector<FramePtr>& frames, Now now);
  void change_stream(unsigned id, const MediaFormat& format);

  struct Packet {
    ByteSpan bytes{};        // valid until the next call; empty: none is due
    std::uint16_t port = 0;  // the player's; or the channel
    bool is_control = false;
  };
  Packet next_interleaved(Now now);
  Packet next_datagram(Now now);
  [[nodiscard]] MonoTime datagram_due() const;
  /// BYE of each track over TCP, or of each over UDP.
  void say_bye(bool tcp, Now now, const std::function<void(const Packet&)>& say) const;

  /// True if a packet of RTCP that comes from this port of the player, or names a track, is the session's.
  [[nodiscard]] bool is_of_player(const RtcpPacket& packet, std::uint16_t port) const;

  [[nodiscard]] std::uint64_t frames_sent() const;
  [[nodiscard]] std::uint64_t frames_skipped() const;
  [[nodiscard]] std::uint64_t packets_too_large() const;
  template <class Call>
  void each_held(Call call) const {
    for (const Track& track : tracks_) track.sender.each_held(call);
  }

 private:
  struct Track {
    unsigned id = 0;
    MediaKind media = MediaKind::Video;
    RtspTransport transport;
    RtpSender sender;
    bool has_played = false;
    MonoTime report_due = MonoTime::max();
  };

  [[nodiscard]] const Track* find(unsigned id) const;
  Track* find(unsigned id);
  Packet next(Track& track, const RtspTransport::Pair& at, Now now);
  static void report_first(Track& track, Now now);
  [[nodiscard]] std::uint64_t sum(std::uint64_t (RtpSender::*of)() const) const;

  std::string cname_;
  std::vector<Track> tracks_;  // audio and text first
  std::vector<std::uint8_t> report_;
  std::uint64_t frames_sent_ = 0, frames_skipped_ = 0;  // by tracks that are gone
};

/// Its control URL below the session's (RFC 2326, section C.1.1).
std::string rtsp_track_url(unsigned id);

}  // namespace ott
