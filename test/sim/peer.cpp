#include "peer.h"

#include <fmt/format.h>

#include <algorithm>

namespace ott::sim {
namespace {

unsigned parts_of(FrameNumber frame, bool audio) {
  return audio ? 1 : 1 + static_cast<unsigned>(frame.value % 4);
}

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

Peer::Peer(RoleContext& context, Duty duty) : OverlayRole(context), duty_(duty) {
  if (duty.ledger != nullptr) watched_.push_back({duty.ledger});
  if (duty.audio_ledger != nullptr) watched_.push_back({duty.audio_ledger, true});
}

std::uint64_t Peer::frames_published() const {
  std::uint64_t frames = 0;
  for (std::size_t i = 0; i < published_.size(); ++i) {
    if (i == 0 || published_[i].audio) frames += published_[i].last.value;
  }
  return frames;
}

MonoTime Peer::role_deadline() const {
  MonoTime next = MonoTime::max();
  for (const Published& own : published_) next = std::min(next, own.at);
  return next;
}

void Peer::step(Now now) {
  if (duty_.publishes > 0 && published_.empty()) announce(now);
  for (Published& own : published_) publish(own, now);
  if (watched_.empty()) return;
  if (!watching_over_ && seen_version_ != overlay_.streams_version()) {
    seen_version_ = overlay_.streams_version();
    const std::vector<KnownStream> streams = overlay_.streams();
    for (Watched& watched : watched_) choose(watched, streams, now);
  }
  for (Watched& watched : watched_) read(watched, now);
}

void Peer::announce(Now now) {
  if (!overlay_.self()) return;
  StreamInfo info;
  info.kind = "test";
  for (unsigned i = 0; i < duty_.publishes; ++i) {
    info.name = stream_name(i);
    published_.push_back({overlay_.origin().add_stream(info).value(), false, kFrameInterval, now.mono});
  }
  if (!duty_.audio) return;
  info.name = kAudioName;
  info.format.media = MediaKind::Audio;
  published_.push_back({overlay_.origin().add_stream(info).value(), true, kAudioInterval, now.mono});
}

void Peer::publish(Published& own, Now now) {
  if (now.mono < own.at) return;
  own.at += own.interval;
  if (own.at < now.mono) own.at = now.mono + own.interval;
  const FrameNumber frame{++own.last.value};
  (*duty_.times)[own.id].push_back(now.mono);
  Flow& flow = *overlay_.flow(own.id);
  const unsigned parts = parts_of(frame, own.audio);
  for (unsigned part = 0; part < parts; ++part) {
    const OwnRecord record{frame, part == 0, part + 1 == parts, kRtpBytesMin + payload_bytes(frame, part),
                           own.audio || (frame.value - 1) % duty_.gop == 0};
    overlay_.write_record(flow, record, now, [&](MutableByteSpan rtp) {
      std::fill_n(rtp.begin(), kRtpBytesMin, std::uint8_t{0});
      store_be<std::uint16_t>(rtp.data() + 2, own.sequence++);
      for (std::size_t i = kRtpBytesMin; i < rtp.size(); ++i) rtp[i] = payload_byte(frame, part, i);
    });
  }
  overlay_.published(flow);
}

void Peer::choose(Watched& watched, const std::vector<KnownStream>& streams, Now now) {
  const auto same = [&watched](const KnownStream& known) { return known.info.id == watched.stream->info.id; };
  if (watched.stream && std::any_of(streams.begin(), streams.end(), same)) return;
  const auto fits = [this, &watched](const KnownStream& known) {
    return known.info.name == (watched.audio ? kAudioName : wanted_);
  };
  const auto found = std::find_if(streams.begin(), streams.end(), fits);
  if (found == streams.end()) return;
  if (watched.stream) overlay_.watch(*watched.stream, false, now);
  watched.stream = *found;
  overlay_.watch(*watched.stream, true, now);
}

void Peer::stop_watching(Now now) {
  watching_over_ = true;
  for (Watched& watched : watched_) {
    if (watched.stream) overlay_.watch(*watched.stream, false, now);
    watched.stream.reset();
  }
}

void Peer::pause(Now now) {
  stop_watching(now);
  for (Watched& watched : watched_) watched.reading.reset();
}

void Peer::resume(unsigned stream, Now now) {
  if (!watching_over_) pause(now);
  watching_over_ = false;
  wanted_ = stream_name(stream);
  seen_version_.reset();
  wake();
}

void Peer::complain(Watched& w, const std::string& what) {
  context_.log.info(what);
  if (w.ledger->complaints.size() < 5) w.ledger->complaints.push_back(what);
}

bool Peer::is_guest() const {
  for (const PeerLink& link : overlay_.links().all()) {
    if (link.is_access()) return true;
  }
  return false;
}

void Peer::read(Watched& w, Now now) {
  const Flow* flow = w.stream ? overlay_.flow(w.stream->info.id) : nullptr;
  if (flow == nullptr) return;
  if (w.reading != flow->id()) {
    w.reading = flow->id();
    w.position = flow->buffer.tail();
    w.buffer_number = flow->buffer_number;
    w.numbering = flow->numbering;
    w.known = w.last = w.open = FrameNumber{};
    w.begun_anew = !flow->children.empty();
    w.skipped.clear();
  }
  if (w.numbering != flow->numbering) {  // frames before this do not belong to the stream
    w.known = w.last = w.open = FrameNumber{};
    w.skipped.clear();
  }
  w.numbering = flow->numbering;
  if (w.buffer_number != flow->buffer_number) {
    w.position = flow->buffer.tail();
    w.known = w.last;
    w.begun_anew = true;
  }
  w.buffer_number = flow->buffer_number;
  w.position = std::max(w.position, flow->buffer.tail());
  while (w.position < flow->buffer.head()) {
    const Record record = flow->buffer.record_at(w.position);
    w.position.value += record.header.total();
    if (record.frame > w.known) take(w, record, now);
  }
}

void Peer::take(Watched& w, const Record& record, Now now) {
  if (record.is_skip()) {
    const std::uint64_t from = std::max(record.frame.value, w.last.value + 1);
    if (w.last.value == 0 || record.last_skipped().value < from) return;
    w.skipped.emplace_back(from, record.last_skipped().value);
    std::uint64_t& count = is_guest() ? w.ledger->skipped_as_guest : w.skipped_as_member;
    count += record.last_skipped().value - from + 1;
    return;
  }
  if (record.first()) {
    // A buffer that was begun anew for others may begin between two sync points.
    w.passes_over = w.begun_anew && !record.sync_point() && w.last.value + 1 != record.frame.value;
    if (w.passes_over) {
      w.skipped.emplace_back(record.frame.value, record.frame.value);
    } else if (!record.sync_point() && w.last.value + 1 != record.frame.value) {
      complain(w, fmt::format("frame {} comes after {}, and needs the one before it", record.frame.value,
                              w.last.value));
    }
    w.open = record.frame;
    w.next_part = 0;
    w.forged = false;
  }
  if (w.passes_over) return;
  if (record.frame != w.open)
    return complain(w, fmt::format("frame {} goes on inside {}", record.frame.value, w.open.value));
  bool right = record.rtp.size() == kRtpBytesMin + payload_bytes(record.frame, w.next_part);
  for (std::size_t i = kRtpBytesMin; right && i < record.rtp.size(); ++i) {
    right = record.rtp[i] == payload_byte(record.frame, w.next_part, i);
  }
  if (!right) complain(w, fmt::format("frame {} part {}: wrong bytes", record.frame.value, w.next_part));
  ++w.next_part;
  w.forged = w.forged || !right;
  if (!record.last()) return;
  if (w.next_part != parts_of(record.frame, w.audio)) {
    complain(w, fmt::format("frame {} has {} parts", record.frame.value, w.next_part));
    w.forged = true;
  }
  complete(w, record.frame, now);
}

void Peer::complete(Watched& w, FrameNumber frame, Now now) {
  if (frame <= w.last) return complain(w, fmt::format("frame {} after {}", frame.value, w.last.value));
  if (frame.value > (*duty_.times)[*w.reading].size()) {
    complain(w, fmt::format("frame {} was never published", frame.value));
    w.forged = true;
  }
  if (!w.forged) account(w, frame, now);
  w.last = frame;
  w.begun_anew = false;
  w.skipped.clear();
}

void Peer::account(Watched& w, FrameNumber frame, Now now) {
  Ledger& ledger = *w.ledger;
  if (w.last.value != 0) {
    // A ring holds the history. Finding another path takes a while on top of an outage.
    const Duration bridged = context_.options.overlay.history - std::chrono::milliseconds(600);
    const auto& times = (*duty_.times)[*w.reading];
    const auto in_rings = std::lower_bound(times.begin(), times.end(), now.mono - bridged);
    const auto first_young = static_cast<std::uint64_t>(in_rings - times.begin()) + 1;
    std::uint64_t lost = 0;
    std::uint64_t young = 0;
    const auto note_missing = [&](std::uint64_t from, std::uint64_t end) {
      lost += end - from;
      young += end - std::clamp(first_young, from, end);
    };
    std::uint64_t next = w.last.value + 1;
    for (const auto& [first, last] : w.skipped) {
      if (first > next) note_missing(next, first);
      next = std::max(next, last + 1);
    }
    if (frame.value > next) note_missing(next, frame.value);
    // After an outage that is longer than the history all is left out up to the next sync point.
    if (lost == 0) ledger.skipped += w.skipped_as_member;
    w.skipped_as_member = 0;
    (is_guest() ? ledger.lost_as_guest : ledger.lost) += young;
    if (lost > 0) {
      context_.log.info(fmt::format("{} frames of {} to {} are missing, {} of them without excuse", lost,
                                    w.last.value + 1, frame.value - 1, young));
    }
    ledger.lost_with_age += lost - young;
    if (ledger.last_at) ledger.gap_max = std::max(ledger.gap_max, now.mono - *ledger.last_at);
  }
  ++ledger.frames;
  ledger.last_at = now.mono;
}

}  // namespace ott::sim
