#include "media/rtsp_tracks.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace ott {
namespace {

/// Where packets of a track go: two ports, or two channels.
const RtspTransport::Pair& pair_of(const RtspTransport& transport) {
  return transport.tcp ? *transport.interleaved : *transport.client_port;
}

}  // namespace

std::string rtsp_track_url(unsigned id) { return fmt::format("trackID={}", id); }

// ---- tracks ----------------------------------------------------------------------------------------------

std::uint32_t RtspTracks::set_up(unsigned id, const RtspTransport& transport, const MediaFormat& format,
                                 const RtpFields& first) {
  const auto pace = transport.tcp ? RtpSender::Pace::AtOnce : RtpSender::Pace::Spread;
  Track* track = find(id);
  if (track == nullptr) {
    const auto place = format.media == MediaKind::Video
                           ? tracks_.end()
                           : std::ranges::find(tracks_, MediaKind::Video, &Track::media);
    track =
        &*tracks_.insert(place, Track{id, format.media, transport, RtpSender(format, first, cname_, pace)});
  }
  track->transport = transport;
  track->sender.set_pace(pace);
  return track->sender.ssrc();
}

void RtspTracks::clear() {
  frames_sent_ = frames_sent();
  frames_skipped_ = frames_skipped();
  tracks_.clear();
}

const RtspTracks::Track* RtspTracks::find(unsigned id) const {
  const auto at = std::ranges::find(tracks_, id, &Track::id);
  return at == tracks_.end() ? nullptr : &*at;
}

RtspTracks::Track* RtspTracks::find(unsigned id) { return const_cast<Track*>(std::as_const(*this).find(id)); }

std::vector<unsigned> RtspTracks::ids() const {
  std::vector<unsigned> ids;
  for (const Track& track : tracks_) ids.push_back(track.id);
  return ids;
}

bool RtspTracks::has_channel(const RtspTransport::Pair& channels, unsigned id) const {
  return std::ranges::any_of(tracks_, [&](const Track& track) {
    if (track.id == id || !track.transport.tcp) return false;
    const RtspTransport::Pair& taken = pair_of(track.transport);
    return channels.first <= taken.second && taken.first <= channels.second;
  });
}

bool RtspTracks::any_over_tcp() const {
  return std::ranges::any_of(tracks_, [](const Track& track) { return track.transport.tcp; });
}

bool RtspTracks::any_over_udp() const {
  return std::ranges::any_of(tracks_, [](const Track& track) { return !track.transport.tcp; });
}

std::string RtspTracks::rtp_info(const std::string& base) const {
  std::string text;
  for (const Track& track : tracks_) {
    text += fmt::format("{}url={}{}", text.empty() ? "" : ",", base, rtsp_track_url(track.id));
    const auto fields = track.sender.fields();
    if (!fields) continue;
    text += fmt::format(";seq={}", fields->sequence);
    if (!track.has_played) text += fmt::format(";rtptime={}", fields->timestamp);
  }
  return text;
}

void RtspTracks::play() {
  for (Track& track : tracks_) {
    track.has_played = true;
    track.report_due = MonoTime::max();
  }
}

void RtspTracks::pause() {
  for (Track& track : tracks_) {
    track.sender.clear();
    track.report_due = MonoTime::max();
  }
}

// ---- frames ----------------------------------------------------------------------------------------------

/// Before the first frame's packets, so that a player can align them from the first one on.
void RtspTracks::report_first(Track& track, Now now) {
  if (track.report_due == MonoTime::max() && track.sender.has_begun()) track.report_due = now.mono;
}

void RtspTracks::push(unsigned id, RtpFramePtr frame, Now now) {
  Track* track = find(id);
  if (track == nullptr) return;
  track->sender.push(std::move(frame), now);
  report_first(*track, now);
}

void RtspTracks::push_history(unsigned id, const std::vector<FramePtr>& frames, Now now) {
  Track* track = find(id);
  if (track == nullptr) return;
  track->sender.push_history(frames, now);
  report_first(*track, now);
}

void RtspTracks::change_stream(unsigned id, const MediaFormat& format) {
  if (Track* track = find(id)) track->sender.change_stream(format);
}

// ---- packets ---------------------------------------------------------------------------------------------

RtspTracks::Packet RtspTracks::next(Track& track, const RtspTransport::Pair& at, Now now) {
  if (now.mono >= track.report_due) {
    track.report_due = now.mono + RtpSender::kReportInterval;
    report_ = track.sender.report(now);
    return {report_, at.second, true};
  }
  return {track.sender.next(now), at.first, false};
}

RtspTracks::Packet RtspTracks::next_interleaved(Now now) {
  for (Track& track : tracks_) {
    if (!track.transport.tcp) continue;
    if (const Packet packet = next(track, pair_of(track.transport), now); !packet.bytes.empty())
      return packet;
  }
  return {};
}

RtspTracks::Packet RtspTracks::next_datagram(Now now) {
  for (Track& track : tracks_) {
    if (track.transport.tcp) continue;
    if (const Packet packet = next(track, pair_of(track.transport), now); !packet.bytes.empty())
      return packet;
  }
  return {};
}

MonoTime RtspTracks::datagram_due() const {
  MonoTime due = MonoTime::max();
  for (const Track& track : tracks_) {
    if (!track.transport.tcp) due = std::min({due, track.sender.next_deadline(), track.report_due});
  }
  return due;
}

void RtspTracks::say_bye(bool tcp, Now now, const std::function<void(const Packet&)>& say) const {
  for (const Track& track : tracks_) {
    if (track.transport.tcp != tcp) continue;
    const auto bye = track.sender.bye(now);
    say({bye, pair_of(track.transport).second, true});
  }
}

bool RtspTracks::is_of_player(const RtcpPacket& packet, std::uint16_t port) const {
  return std::ranges::any_of(tracks_, [&](const Track& track) {
    if (track.transport.tcp) return false;
    return pair_of(track.transport).second == port ||
           std::ranges::count(packet.reports, track.sender.ssrc(), &RtcpReport::ssrc) > 0;
  });
}

std::uint64_t RtspTracks::sum(std::uint64_t (RtpSender::*of)() const) const {
  std::uint64_t total = 0;
  for (const Track& track : tracks_) total += (track.sender.*of)();
  return total;
}

std::uint64_t RtspTracks::frames_sent() const { return frames_sent_ + sum(&RtpSender::frames_sent); }
std::uint64_t RtspTracks::frames_skipped() const { return frames_skipped_ + sum(&RtpSender::frames_skipped); }
std::uint64_t RtspTracks::packets_too_large() const { return sum(&RtpSender::packets_too_large); }

}  // namespace ott
