#include "media/matroska_writer.h"

#include <algorithm>
#include <limits>
#include <string_view>
#include <utility>

#include "ott/assert.h"
#include "ott/bytes.h"

namespace ott {
namespace {

using std::chrono::milliseconds;

// Element ids (RFC 9559, section 5; RFC 8794, section 11).
constexpr std::uint32_t kEbml = 0x1A45DFA3, kEbmlVersion = 0x4286, kEbmlReadVersion = 0x42F7;
constexpr std::uint32_t kEbmlMaxIdLength = 0x42F2, kEbmlMaxSizeLength = 0x42F3;
constexpr std::uint32_t kDocType = 0x4282, kDocTypeVersion = 0x4287, kDocTypeReadVersion = 0x4285;
constexpr std::uint32_t kSegment = 0x18538067;
constexpr std::uint32_t kSeekHead = 0x114D9B74, kSeek = 0x4DBB, kSeekId = 0x53AB, kSeekPosition = 0x53AC;
constexpr std::uint32_t kInfo = 0x1549A966, kTimestampScale = 0x2AD7B1, kDuration = 0x4489;
constexpr std::uint32_t kDateUtc = 0x4461, kMuxingApp = 0x4D80, kWritingApp = 0x5741, kTracks = 0x1654AE6B;
constexpr std::uint32_t kCluster = 0x1F43B675, kTimestamp = 0xE7, kSimpleBlock = 0xA3;
constexpr std::uint32_t kBlockGroup = 0xA0, kBlock = 0xA1, kBlockDuration = 0x9B;
constexpr std::uint32_t kCues = 0x1C53BB6B, kCuePoint = 0xBB, kCueTime = 0xB3, kCueTrackPositions = 0xB7;
constexpr std::uint32_t kCueTrack = 0xF7, kCueClusterPosition = 0xF1;

constexpr std::uint64_t kLeader = 1;  // the number of the first track
constexpr std::uint64_t kNanosecondsPerTick = 1'000'000;
constexpr std::uint8_t kKeyframe = 0x80;
constexpr std::string_view kApp = "ottd";
/// Of the Millennium (UTC), from which DateUTC counts, since the epoch.
constexpr std::int64_t kMillenniumNs = 978'307'200LL * 1'000'000'000;

EbmlBytes seek(std::uint32_t id, std::uint64_t position) {
  EbmlBytes body, out, id_bytes;
  put_ebml_id(id_bytes, id);
  put_ebml(body, kSeekId, id_bytes);
  put_long_ebml_number(body, kSeekPosition, position);
  put_ebml(out, kSeek, body);
  return out;
}

EbmlBytes duration_element(double ticks) {
  EbmlBytes out;
  put_ebml_float(out, kDuration, ticks);
  return out;
}

EbmlBytes ebml_head() {
  EbmlBytes body, out;
  put_ebml_number(body, kEbmlVersion, 1);
  put_ebml_number(body, kEbmlReadVersion, 1);
  put_ebml_number(body, kEbmlMaxIdLength, 4);
  put_ebml_number(body, kEbmlMaxSizeLength, 8);
  put_ebml_text(body, kDocType, "matroska");
  put_ebml_number(body, kDocTypeVersion, 4);
  put_ebml_number(body, kDocTypeReadVersion, 2);
  put_ebml(out, kEbml, body);
  return out;
}

/// The Duration comes last in it, so that it is found again.
EbmlBytes info(WallTime began) {
  EbmlBytes body, out;
  put_ebml_number(body, kTimestampScale, kNanosecondsPerTick);
  put_ebml_text(body, kMuxingApp, kApp);
  put_ebml_text(body, kWritingApp, kApp);
  put_long_ebml_number(body, kDateUtc,
                       static_cast<std::uint64_t>(began.time_since_epoch().count() - kMillenniumNs));
  put_ebml_void(body, duration_element(0).size());
  put_ebml(out, kInfo, body);
  return out;
}

void append(EbmlBytes& to, const EbmlBytes& bytes) { to.insert(to.end(), bytes.begin(), bytes.end()); }

}  // namespace

MatroskaWriter::MatroskaWriter(WallTime began, std::vector<RecordedTrack> tracks)
    : began_(began), tracks_(std::move(tracks)), progress_(tracks_.size()) {
  OTT_ASSERT(!tracks_.empty());
}

void MatroskaWriter::write_head(FileEdits& edits) {
  EbmlBytes& out = edits.before;
  out = ebml_head();
  put_unknown_size(out, kSegment);
  segment_at_ = out.size();
  const EbmlBytes information = info(began_);
  // Positions count from the Segment's first byte; a Seek's length does not depend on its position.
  const std::size_t seek_bytes = seek(kInfo, 0).size();
  EbmlBytes body, tracks;
  put_ebml_id(body, kSeekHead);
  put_ebml_size(body, 3 * seek_bytes);
  const std::uint64_t info_at = body.size() + 3 * seek_bytes;
  append(body, seek(kInfo, info_at));
  append(body, seek(kTracks, info_at + information.size()));
  seek_cues_at_ = segment_at_ + body.size();
  put_ebml_void(body, seek_bytes);
  append(body, information);
  append(out, body);
  duration_at_ = out.size() - duration_element(0).size();
  for (std::size_t i = 0; i < tracks_.size(); ++i)
    put_matroska_entry(tracks, tracks_[i], static_cast<unsigned>(i + 1));
  put_ebml(out, kTracks, tracks);
}

/// Pictures that are all shown in their order, and sound, have times that rise; those of other video go back
/// and forth.
std::int64_t MatroskaWriter::take_time(const RecordedSample& sample) {
  const MediaFormat& format = tracks_[sample.track].format;
  Progress& progress = progress_[sample.track];
  std::int64_t time_ms = std::max<std::int64_t>(std::chrono::round<milliseconds>(sample.time).count(), 0);
  if (format.is_jpeg()) time_ms = std::max(time_ms, progress.last_ms + 1);
  if (format.media == MediaKind::Audio) time_ms = std::max(time_ms, progress.last_ms);
  if (progress.last_ms >= 0 && time_ms > progress.last_ms) progress.interval_ms = time_ms - progress.last_ms;
  progress.last_ms = std::max(progress.last_ms, time_ms);
  const std::int64_t shown_ms = std::chrono::round<milliseconds>(sample.shown_for).count();
  // After a pause, the guess is as long as that was; it must not outlive the next sample.
  progress.end_ms =
      shown_ms > 0 ? std::max(progress.end_ms, time_ms + shown_ms) : progress.last_ms + progress.interval_ms;
  return time_ms;
}

bool MatroskaWriter::fits_cluster(const RecordedSample& sample, std::int64_t time_ms) const {
  if (clusters_.empty()) return false;
  const std::int64_t since_ms = time_ms - clusters_.back().time_ms;
  using Offset = std::numeric_limits<std::int16_t>;
  if (since_ms < Offset::min() || since_ms > Offset::max()) return false;
  const bool can_begin = sample.track == 0 && sample.sync_point;
  return milliseconds(since_ms) < (can_begin ? kClusterTime : kClusterTimeMax);
}

void MatroskaWriter::begin_cluster(const RecordedSample& sample, std::int64_t time_ms, FileEdits& edits) {
  clusters_.push_back({size_ + edits.before.size(), time_ms, sample.track == 0 && sample.sync_point});
  put_unknown_size(edits.before, kCluster);
  put_ebml_number(edits.before, kTimestamp, static_cast<std::uint64_t>(time_ms));
}

/// Gives the last cluster its size, which reaches to the end of the file as it is.
void MatroskaWriter::end_cluster(FileEdits& edits) const {
  constexpr std::uint64_t kIdBytes = 4;
  const std::uint64_t size_at = clusters_.back().offset + kIdBytes;
  edits.replacements.push_back({size_at, long_ebml_size(size_ - size_at - kLongEbmlSizeBytes)});
}

FileEdits::Replacement MatroskaWriter::duration() const {
  std::int64_t end_ms = 0;
  for (const Progress& progress : progress_) end_ms = std::max(end_ms, progress.end_ms);
  return {duration_at_, duration_element(static_cast<double>(end_ms))};
}

void MatroskaWriter::put_block(const RecordedSample& sample, std::int64_t time_ms, FileEdits& edits) const {
  EbmlBytes head, group;
  put_ebml_size(head, sample.track + 1);
  Writer(head).u16(static_cast<std::uint16_t>(time_ms - clusters_.back().time_ms));
  const bool has_duration = sample.shown_for > Duration{};
  head.push_back(sample.sync_point && !has_duration ? kKeyframe : 0);
  const std::size_t bytes = head.size() + sample.bytes.size();
  if (has_duration) {
    const auto shown_ms = std::chrono::round<milliseconds>(sample.shown_for).count();
    put_ebml_number(group, kBlockDuration, static_cast<std::uint64_t>(shown_ms));
    EbmlBytes block;
    put_ebml_id(block, kBlock);
    put_ebml_size(block, bytes);
    put_ebml_id(edits.before, kBlockGroup);
    put_ebml_size(edits.before, group.size() + block.size() + bytes);
    append(edits.before, group);
    append(edits.before, block);
  } else {
    put_ebml_id(edits.before, kSimpleBlock);
    put_ebml_size(edits.before, bytes);
  }
  append(edits.before, head);
  edits.picture = sample.bytes;
}

FileEdits MatroskaWriter::add(const RecordedSample& sample) {
  OTT_ASSERT(sample.track < tracks_.size());
  FileEdits edits;
  if (size_ == 0) write_head(edits);
  const std::int64_t time_ms = take_time(sample);
  if (!fits_cluster(sample, time_ms)) {
    if (!clusters_.empty()) end_cluster(edits);
    begin_cluster(sample, time_ms, edits);
  }
  put_block(sample, time_ms, edits);
  edits.replacements.push_back(duration());
  size_ += edits.appended();
  return edits;
}

FileEdits MatroskaWriter::finish() {
  OTT_ASSERT(!clusters_.empty());
  FileEdits edits;
  EbmlBytes cues;
  for (const Cluster& cluster : clusters_) {
    if (!cluster.can_begin) continue;
    EbmlBytes position, point;
    put_ebml_number(position, kCueTrack, kLeader);
    put_ebml_number(position, kCueClusterPosition, cluster.offset - segment_at_);
    put_ebml_number(point, kCueTime, static_cast<std::uint64_t>(cluster.time_ms));
    put_ebml(point, kCueTrackPositions, position);
    put_ebml(cues, kCuePoint, point);
  }
  end_cluster(edits);
  if (!cues.empty()) {
    put_ebml(edits.before, kCues, cues);
    edits.replacements.push_back({seek_cues_at_, seek(kCues, size_ - segment_at_)});
    size_ += edits.appended();
  }
  edits.replacements.push_back({segment_at_ - kLongEbmlSizeBytes, long_ebml_size(size_ - segment_at_)});
  return edits;
}

}  // namespace ott
