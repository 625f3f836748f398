#include "io/rtsp_stream.h"

#include <algorithm>
#include <utility>

#include "io/rtsp_connection.h"
#include "media/rtsp_tracks.h"
#include "media/stream_sdp.h"

namespace ott {

// ---- all parts -------------------------------------------------------------------------------------------

RtspStream::RtspStream(WatchableStreams& streams, std::string name)
    : streams_(streams), name_(std::move(name)), subscription_(streams.subscribe_parts(name_, *this)) {}

RtspStream::~RtspStream() = default;

/// A part has a subscription of its own, which knows the newest picture of a stream that is read already.
FrameTaker* RtspStream::on_part(const StreamInfo& stream) {
  const bool known =
      std::ranges::any_of(parts_, [&](const auto& part) { return part->stream().name == stream.name; });
  if (known || parts_.size() == RtspTracks::kTracksMax) return nullptr;
  parts_.push_back(std::make_unique<RtspPart>(streams_, stream));
  has_new_parts_ = true;
  return nullptr;
}

std::optional<Sdp> RtspStream::described(bool late) const {
  std::vector<DescribedPart> described;
  for (std::size_t track = 0; track < parts_.size(); ++track) {
    const RtspPart& part = *parts_[track];
    if (!part.is_described() && !late) return std::nullopt;
    if (!part.is_described()) continue;
    DescribedPart one{part.stream(), stream_media(part.stream(), part.size())};
    one.media.control = rtsp_track_url(static_cast<unsigned>(track));
    described.push_back(std::move(one));
  }
  if (described.empty()) return std::nullopt;
  return stream_sdp(std::move(described));
}

std::string RtspStream::why_nothing() const {
  return parts_.empty() ? subscription_->why_nothing() : parts_.front()->why_nothing();
}

void RtspStream::hand_out(Now now) {
  for (std::size_t track = 0; track < parts_.size(); ++track) tell_all_of(*parts_[track], track, now);
  if (!std::exchange(has_new_parts_, false)) return;
  for (auto at = connections.begin(); at != connections.end();) (*at++)->look(now);
}

void RtspStream::tell_all_of(RtspPart& part, std::size_t track, Now now) {
  for (const RtspPart::Fresh& fresh : part.take_fresh()) {
    for (auto at = connections.begin(); at != connections.end();) {
      RtspConnection& connection = **at++;  // it may leave
      connection.push(static_cast<unsigned>(track), fresh.frame, fresh.first ? &part.format() : nullptr, now);
    }
  }
}

// ---- a part ----------------------------------------------------------------------------------------------

RtspPart::RtspPart(WatchableStreams& streams, const StreamInfo& stream)
    : first_(stream), format_(stream.format), subscription_(streams.subscribe(stream.name, *this)) {
  const FramePtr newest = subscription_->newest();
  if (newest == nullptr || !newest->is_jpeg()) return;
  on_frame(newest);
  (void)take_fresh();
}

const StreamInfo& RtspPart::stream() const {
  const StreamInfo* listed = subscription_ == nullptr ? nullptr : subscription_->stream();
  return listed == nullptr ? first_ : *listed;
}

/// What comes over the overlay was carried by RTP before.
void RtspPart::on_frame(const FramePtr& frame) {
  auto made = make_rtp_frame(frame);
  if (!made) return;
  if (frame->is_jpeg()) size_ = size_of((*made)->image);
  fresh_.push_back({std::move(*made), std::exchange(changes_, false)});
}

void RtspPart::on_stream(const StreamInfo& stream) {
  changes_ = true;
  format_ = stream.format;
  size_.reset();
}

std::vector<RtspPart::Fresh> RtspPart::take_fresh() {
  for (const Fresh& fresh : fresh_) {
    if (fresh.first) history_.clear();
    history_.push(fresh.frame->frame);
  }
  return std::exchange(fresh_, {});
}

}  // namespace ott
