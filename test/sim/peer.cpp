#include "peer.h"

#include <fmt/format.h>

#include <algorithm>

namespace ott::sim {
namespace {

unsigned parts_of(FrameNumber frame) { return 1 + static_cast<unsigned>(frame.value % 4); }

std::string stream_name(unsigned index) {
  return index == 0 ? Peer::kStreamName : fmt::format("{}{}", Peer::kStreamName, index);
}

std::size_t payload_bytes(FrameNumber frame, unsigned part) {
  return 24 + (frame.value * 131 + part * 17) % 700;
}

std::uint8_t payload_byte(FrameNumber frame, unsigned part, std::size_t i) {
  return static_cast<std::uint8_t>(frame.value * 7 + part * 3 + i);
}

}  // namespace

void Peer::step(Now now) {
  if (duty_.publishes > 0) publish(now);
  if (duty_.ledger != nullptr) {
    choose(now);
    read(now);
  }
}

void Peer::publish(Now now) {
  if (own_.empty()) {
    if (!overlay_.self()) return;
    for (unsigned i = 0; i < duty_.publishes; ++i) {
      StreamInfo info;
      info.name = stream_name(i);
      info.kind = "test";
      own_.push_back(overlay_.origin().add_stream(info).value());
    }
    publish_at_ = now.mono;
  }
  if (now.mono < publish_at_) return;
  publish_at_ += kFrameInterval;
  if (publish_at_ < now.mono) publish_at_ = now.mono + kFrameInterval;
  ++published_.value;
  for (const StreamId stream : own_) write_frame(stream, now);
  sequence_ = static_cast<std::uint16_t>(sequence_ + parts_of(published_));
}

void Peer::write_frame(StreamId stream, Now now) {
  (*duty_.times)[stream].push_back(now.mono);
  Flow& flow = *overlay_.flow(stream);
  const unsigned parts = parts_of(published_);
  for (unsigned part = 0; part < parts; ++part) {
    const OwnRecord record{published_, part == 0, part + 1 == parts,
                           kRtpBytesMin + payload_bytes(published_, part)};
    overlay_.write_record(flow, record, now, [&](MutableByteSpan rtp) {
      std::fill_n(rtp.begin(), kRtpBytesMin, std::uint8_t{0});
      store_be<std::uint16_t>(rtp.data() + 2, static_cast<std::uint16_t>(sequence_ + part));
      for (std::size_t i = kRtpBytesMin; i < rtp.size(); ++i) rtp[i] = payload_byte(published_, part, i);
    });
  }
  overlay_.published(flow);
}

void Peer::choose(Now now) {
  if (watching_over_ || seen_version_ == overlay_.streams_version()) return;
  seen_version_ = overlay_.streams_version();
  const std::vector<KnownStream> streams = overlay_.streams();
  const auto same = [this](const KnownStream& stream) { return stream.info.id == watched_->info.id; };
  if (watched_ && std::any_of(streams.begin(), streams.end(), same)) return;
  const auto named = [this](const KnownStream& stream) { return stream.info.name == wanted_; };
  const auto found = std::find_if(streams.begin(), streams.end(), named);
  if (found == streams.end()) return;
  if (watched_) overlay_.watch(*watched_, false, now);
  watched_ = *found;
  overlay_.watch(*watched_, true, now);
}

void Peer::stop_watching(Now now) {
  watching_over_ = true;
  if (watched_) overlay_.watch(*watched_, false, now);
  watched_.reset();
}

void Peer::pause(Now now) {
  stop_watching(now);
  reading_.reset();
}

void Peer::resume(unsigned stream, Now now) {
  if (!watching_over_) pause(now);
  watching_over_ = false;
  wanted_ = stream_name(stream);
  seen_version_.reset();
  wake();
}

void Peer::complain(const std::string& what) {
  if (duty_.ledger->complaints.size() < 5) duty_.ledger->complaints.push_back(what);
}

bool Peer::is_guest() const {
  for (const PeerLink& link : overlay_.links().all()) {
    if (link.is_access()) return true;
  }
  return false;
}

void Peer::read(Now now) {
  const Flow* flow = watched_ ? overlay_.flow(watched_->info.id) : nullptr;
  if (flow == nullptr) return;
  if (reading_ != flow->id()) {
    reading_ = flow->id();
    position_ = flow->buffer.tail();
    buffer_number_ = flow->buffer_number;
    numbering_ = flow->numbering;
    known_ = last_ = open_ = FrameNumber{};
    skipped_since_ = 0;
  }
  if (numbering_ != flow->numbering) {  // frames before this do not belong to the stream
    known_ = last_ = open_ = FrameNumber{};
    skipped_since_ = 0;
  }
  numbering_ = flow->numbering;
  if (buffer_number_ != flow->buffer_number) {
    position_ = flow->buffer.tail();
    known_ = last_;
  }
  buffer_number_ = flow->buffer_number;
  position_ = std::max(position_, flow->buffer.tail());
  while (position_ < flow->buffer.head()) {
    const Record record = flow->buffer.record_at(position_);
    position_.value += record.header.total();
    if (record.frame > known_) take(record, now);
  }
}

void Peer::take(const Record& record, Now now) {
  if (record.is_skip()) {
    const std::uint64_t from = std::max(record.frame.value, last_.value + 1);
    if (last_.value == 0 || record.last_skipped().value < from) return;
    skipped_since_ += record.last_skipped().value - from + 1;
    std::uint64_t& count = is_guest() ? duty_.ledger->skipped_as_guest : duty_.ledger->skipped;
    count += record.last_skipped().value - from + 1;
    return;
  }
  if (record.first()) {
    open_ = record.frame;
    next_part_ = 0;
    forged_ = false;
  }
  if (record.frame != open_)
    return complain(fmt::format("frame {} goes on inside {}", record.frame.value, open_.value));
  bool right = record.rtp.size() == kRtpBytesMin + payload_bytes(record.frame, next_part_);
  for (std::size_t i = kRtpBytesMin; right && i < record.rtp.size(); ++i) {
    right = record.rtp[i] == payload_byte(record.frame, next_part_, i);
  }
  if (!right) complain(fmt::format("frame {} part {}: wrong bytes", record.frame.value, next_part_));
  ++next_part_;
  forged_ = forged_ || !right;
  if (!record.last()) return;
  if (next_part_ != parts_of(record.frame)) {
    complain(fmt::format("frame {} has {} parts", record.frame.value, next_part_));
    forged_ = true;
  }
  complete(record.frame, now);
}

void Peer::complete(FrameNumber frame, Now now) {
  if (frame <= last_) return complain(fmt::format("frame {} after {}", frame.value, last_.value));
  if (frame.value > (*duty_.times)[*reading_].size()) {
    complain(fmt::format("frame {} was never published", frame.value));
    forged_ = true;
  }
  if (!forged_) account(frame, now);
  last_ = frame;
  skipped_since_ = 0;
}

void Peer::account(FrameNumber frame, Now now) {
  Ledger& ledger = *duty_.ledger;
  if (last_.value != 0) {
    const std::uint64_t missing = frame.value - last_.value - 1;
    const std::uint64_t lost = missing - std::min(missing, skipped_since_);
    // A ring holds the history. Finding another path takes a while on top of an outage.
    const Duration bridged = context_.options.overlay.history - std::chrono::milliseconds(600);
    const auto at = [this](FrameNumber number) {
      return (*duty_.times)[*reading_].begin() + static_cast<std::ptrdiff_t>(number.value - 1);
    };
    const auto in_rings = std::lower_bound(at(FrameNumber{last_.value + 1}), at(frame), now.mono - bridged);
    const auto young = std::min(lost, static_cast<std::uint64_t>(at(frame) - in_rings));
    ledger.lost += young;
    if (lost > 0) {
      context_.log.info(fmt::format("frames {} to {} are missing ({} skipped), {} of them without excuse",
                                    last_.value + 1, frame.value - 1, skipped_since_, young));
    }
    ledger.lost_with_age += lost - young;
    if (ledger.last_at) ledger.gap_max = std::max(ledger.gap_max, now.mono - *ledger.last_at);
  }
  ++ledger.frames;
  ledger.last_at = now.mono;
}

}  // namespace ott::sim
