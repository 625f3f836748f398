#include "media/matroska_writer.h"

#include <algorithm>
#include <bit>
#include <string_view>

#include "ott/assert.h"
#include "ott/bytes.h"

namespace ott {
namespace {

using Bytes = std::vector<std::uint8_t>;

// Element ids (RFC 9559, section 5; RFC 8794, section 11).
constexpr std::uint32_t kEbml = 0x1A45DFA3, kEbmlVersion = 0x4286, kEbmlReadVersion = 0x42F7;
constexpr std::uint32_t kEbmlMaxIdLength = 0x42F2, kEbmlMaxSizeLength = 0x42F3;
constexpr std::uint32_t kDocType = 0x4282, kDocTypeVersion = 0x4287, kDocTypeReadVersion = 0x4285;
constexpr std::uint32_t kVoid = 0xEC, kSegment = 0x18538067;
constexpr std::uint32_t kSeekHead = 0x114D9B74, kSeek = 0x4DBB, kSeekId = 0x53AB, kSeekPosition = 0x53AC;
constexpr std::uint32_t kInfo = 0x1549A966, kTimestampScale = 0x2AD7B1, kDuration = 0x4489;
constexpr std::uint32_t kDateUtc = 0x4461, kMuxingApp = 0x4D80, kWritingApp = 0x5741;
constexpr std::uint32_t kTracks = 0x1654AE6B, kTrackEntry = 0xAE, kTrackNumber = 0xD7, kTrackUid = 0x73C5;
constexpr std::uint32_t kTrackType = 0x83, kFlagLacing = 0x9C, kLanguage = 0x22B59C, kCodecId = 0x86;
constexpr std::uint32_t kVideo = 0xE0, kPixelWidth = 0xB0, kPixelHeight = 0xBA;
constexpr std::uint32_t kCluster = 0x1F43B675, kTimestamp = 0xE7, kSimpleBlock = 0xA3;
constexpr std::uint32_t kCues = 0x1C53BB6B, kCuePoint = 0xBB, kCueTime = 0xB3, kCueTrackPositions = 0xB7;
constexpr std::uint32_t kCueTrack = 0xF7, kCueClusterPosition = 0xF1;

constexpr std::uint64_t kTrack = 1;
constexpr std::uint64_t kVideoTrack = 1;
constexpr std::uint64_t kNanosecondsPerTick = 1'000'000;
constexpr std::uint8_t kKeyframe = 0x80;
constexpr std::string_view kApp = "ottd";
/// Of the Millennium (UTC), from which DateUTC counts, since the epoch.
constexpr std::int64_t kMillenniumNs = 978'307'200LL * 1'000'000'000;

constexpr std::size_t kSizeBytes = 8;  // of sizes that are replaced
constexpr std::uint64_t kSizeMark = std::uint64_t{1} << 56U;
constexpr std::uint64_t kSizeUnknown = kSizeMark | (kSizeMark - 1);

void put_id(Bytes& out, std::uint32_t id) {
  const int bits = 32 - std::countl_zero(id);
  for (int shift = (bits - 1) / 8 * 8; shift >= 0; shift -= 8)
    out.push_back(static_cast<std::uint8_t>(id >> static_cast<unsigned>(shift)));
}

/// A size in as few bytes as hold it (RFC 8794, section 4).
void put_size(Bytes& out, std::uint64_t size) {
  unsigned bytes = 1;
  while (size >= (std::uint64_t{1} << (7 * bytes)) - 1) ++bytes;
  const std::uint64_t marked = size | (std::uint64_t{1} << (7 * bytes));
  for (unsigned i = bytes; i-- > 0;) out.push_back(static_cast<std::uint8_t>(marked >> (8 * i)));
}

Bytes long_size(std::uint64_t size) {
  Bytes bytes;
  Writer(bytes).u64(kSizeMark | size);
  return bytes;
}

void put(Bytes& out, std::uint32_t id, const Bytes& body) {
  put_id(out, id);
  put_size(out, body.size());
  out.insert(out.end(), body.begin(), body.end());
}

void put_text(Bytes& out, std::uint32_t id, std::string_view text) {
  put(out, id, Bytes(text.begin(), text.end()));
}

void put_number(Bytes& out, std::uint32_t id, std::uint64_t value) {
  Bytes body;
  for (unsigned shift = 56; shift > 0; shift -= 8) {
    if (value >> shift != 0) body.push_back(static_cast<std::uint8_t>(value >> shift));
  }
  body.push_back(static_cast<std::uint8_t>(value));
  put(out, id, body);
}

/// In all eight bytes, so that its length is always the same.
void put_long(Bytes& out, std::uint32_t id, std::uint64_t value) {
  Bytes body;
  Writer(body).u64(value);
  put(out, id, body);
}

void put_unknown_size(Bytes& out, std::uint32_t id) {
  put_id(out, id);
  Writer(out).u64(kSizeUnknown);
}

/// An element of so many bytes, with its id, that is passed over. REQUIRES: 2 to 127.
void put_void(Bytes& out, std::size_t bytes) { put(out, kVoid, Bytes(bytes - 2)); }

Bytes seek(std::uint32_t id, std::uint64_t position) {
  Bytes body, out;
  Bytes id_bytes;
  put_id(id_bytes, id);
  put(body, kSeekId, id_bytes);
  put_long(body, kSeekPosition, position);
  put(out, kSeek, body);
  return out;
}

Bytes duration_element(double ticks) {
  Bytes out;
  put_long(out, kDuration, std::bit_cast<std::uint64_t>(ticks));
  return out;
}

Bytes ebml_head() {
  Bytes body, out;
  put_number(body, kEbmlVersion, 1);
  put_number(body, kEbmlReadVersion, 1);
  put_number(body, kEbmlMaxIdLength, 4);
  put_number(body, kEbmlMaxSizeLength, 8);
  put_text(body, kDocType, "matroska");
  put_number(body, kDocTypeVersion, 4);
  put_number(body, kDocTypeReadVersion, 2);
  put(out, kEbml, body);
  return out;
}

/// The Duration comes last in it, so that it is found again.
Bytes info(WallTime began) {
  Bytes body, out;
  put_number(body, kTimestampScale, kNanosecondsPerTick);
  put_text(body, kMuxingApp, kApp);
  put_text(body, kWritingApp, kApp);
  put_long(body, kDateUtc, static_cast<std::uint64_t>(began.time_since_epoch().count() - kMillenniumNs));
  put_void(body, duration_element(0).size());
  put(out, kInfo, body);
  return out;
}

Bytes tracks(const Picture& picture) {
  Bytes video, entry, body, out;
  put_number(video, kPixelWidth, picture.width);
  put_number(video, kPixelHeight, picture.height);
  put_number(entry, kTrackNumber, kTrack);
  put_number(entry, kTrackUid, kTrack);
  put_number(entry, kTrackType, kVideoTrack);
  put_number(entry, kFlagLacing, 0);
  put_text(entry, kLanguage, "und");
  put_text(entry, kCodecId, "V_MJPEG");
  put(entry, kVideo, video);
  put(body, kTrackEntry, entry);
  put(out, kTracks, body);
  return out;
}

void append(Bytes& to, const Bytes& bytes) { to.insert(to.end(), bytes.begin(), bytes.end()); }

}  // namespace

bool MatroskaWriter::fits(const Picture& picture) const {
  return last_ms_ < 0 || (picture.width == width_ && picture.height == height_);
}

void MatroskaWriter::write_head(const Picture& picture, FileEdits& edits) {
  width_ = picture.width;
  height_ = picture.height;
  Bytes& out = edits.before;
  out = ebml_head();
  put_unknown_size(out, kSegment);
  segment_at_ = out.size();
  const Bytes information = info(began_);
  // Positions count from the Segment's first byte; a Seek's length does not depend on its position.
  const std::size_t seek_bytes = seek(kInfo, 0).size();
  Bytes body;
  put_id(body, kSeekHead);
  put_size(body, 3 * seek_bytes);
  const std::uint64_t info_at = body.size() + 3 * seek_bytes;
  append(body, seek(kInfo, info_at));
  append(body, seek(kTracks, info_at + information.size()));
  seek_cues_at_ = segment_at_ + body.size();
  put_void(body, seek_bytes);
  append(body, information);
  append(out, body);
  duration_at_ = out.size() - duration_element(0).size();
  append(out, tracks(picture));
}

void MatroskaWriter::begin_cluster(FileEdits& edits) {
  clusters_.push_back({size_ + edits.before.size(), last_ms_});
  put_unknown_size(edits.before, kCluster);
  put_number(edits.before, kTimestamp, static_cast<std::uint64_t>(last_ms_));
}

/// Gives the last cluster its size, which reaches to the end of the file as it is.
void MatroskaWriter::end_cluster(FileEdits& edits) const {
  constexpr std::uint64_t kIdBytes = 4;
  const std::uint64_t size_at = clusters_.back().offset + kIdBytes;
  edits.replacements.push_back({size_at, long_size(size_ - size_at - kSizeBytes)});
}

FileEdits::Replacement MatroskaWriter::duration() const {
  return {duration_at_, duration_element(static_cast<double>(last_ms_ + interval_ms_))};
}

FileEdits MatroskaWriter::add(const Picture& picture) {
  using std::chrono::milliseconds;
  OTT_ASSERT(fits(picture));
  const std::int64_t time_ms =
      std::max<std::int64_t>(std::chrono::round<milliseconds>(picture.time).count(), last_ms_ + 1);
  FileEdits edits;
  const bool first = last_ms_ < 0;
  if (first) {
    write_head(picture, edits);
  } else {
    interval_ms_ = time_ms - last_ms_;
  }
  const bool ended = !first && milliseconds(time_ms - clusters_.back().time_ms) >= kClusterTime;
  if (ended) end_cluster(edits);
  last_ms_ = time_ms;
  if (first || ended) begin_cluster(edits);
  constexpr std::uint64_t kBlockHeadBytes = 4;
  put_id(edits.before, kSimpleBlock);
  put_size(edits.before, kBlockHeadBytes + picture.jpeg.size());
  put_size(edits.before, kTrack);
  Writer(edits.before).u16(static_cast<std::uint16_t>(time_ms - clusters_.back().time_ms));
  edits.before.push_back(kKeyframe);
  edits.picture = picture.jpeg;
  edits.replacements.push_back(duration());
  size_ += edits.appended();
  return edits;
}

FileEdits MatroskaWriter::finish() {
  OTT_ASSERT(last_ms_ >= 0);
  FileEdits edits;
  Bytes cues;
  for (const Cluster& cluster : clusters_) {
    Bytes position, point;
    put_number(position, kCueTrack, kTrack);
    put_number(position, kCueClusterPosition, cluster.offset - segment_at_);
    put_number(point, kCueTime, static_cast<std::uint64_t>(cluster.time_ms));
    put(point, kCueTrackPositions, position);
    put(cues, kCuePoint, point);
  }
  put(edits.before, kCues, cues);
  end_cluster(edits);
  edits.replacements.push_back({seek_cues_at_, seek(kCues, size_ - segment_at_)});
  size_ += edits.appended();
  edits.replacements.push_back({segment_at_ - kSizeBytes, long_size(size_ - segment_at_)});
  return edits;
}

}  // namespace ott
