#include "media/avi_writer.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <string_view>

#include "ott/assert.h"

namespace ott {
namespace {

using Bytes = std::vector<std::uint8_t>;

constexpr std::size_t kHeadBytes = 8;                               // of a chunk: its id and size
constexpr std::uint32_t kHasIndex = 0x10, kTrustChunkType = 0x800;  // of avih
constexpr std::uint32_t kKeyFrame = 0x10;                           // of idx1
constexpr std::uint32_t kNoKeyFrame = 0x80000000;                   // of ix00
/// How many RIFFs the super index has room for.
constexpr std::uint64_t kRiffsMax = 256;
constexpr std::size_t kIx00HeadBytes = kHeadBytes + 24, kIx00EntryBytes = 8;
constexpr std::size_t kIdx1EntryBytes = 16;
constexpr std::string_view kPictureId = "00dc";

/// All numbers of AVI are little-endian.
template <class T>
void put(Bytes& out, T value) {
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    out.push_back(static_cast<std::uint8_t>(value & 0xFFU));
    value = static_cast<T>(value >> 4U >> 4U);
  }
}
void put16(Bytes& out, std::uint64_t value) { put(out, static_cast<std::uint16_t>(value)); }
void put32(Bytes& out, std::uint64_t value) { put(out, static_cast<std::uint32_t>(value)); }
void put64(Bytes& out, std::uint64_t value) { put(out, value); }
void put_id(Bytes& out, std::string_view id) { out.insert(out.end(), id.begin(), id.end()); }

FileEdits::Replacement number_at(std::uint64_t offset, std::uint64_t value) {
  FileEdits::Replacement replacement{offset, {}};
  put32(replacement.bytes, value);
  return replacement;
}

/// A chunk whose size follows from what is put between its beginning and its end.
class Chunked {
 public:
  Chunked(Bytes& out, std::string_view id, std::string_view type = "") : out_(out) {
    put_id(out_, id);
    put32(out_, 0);
    begin_ = out_.size();
    put_id(out_, type);
  }
  ~Chunked() {
    const std::size_t bytes = out_.size() - begin_;
    for (std::size_t i = 0; i < 4; ++i)
      out_[begin_ - 4 + i] = static_cast<std::uint8_t>((bytes >> (8 * i)) & 0xFFU);
  }
  Chunked(const Chunked&) = delete;
  Chunked& operator=(const Chunked&) = delete;

 private:
  Bytes& out_;
  std::size_t begin_;
};

}  // namespace

std::uint64_t AviWriter::slot_of(const Picture& picture) const {
  return static_cast<std::uint64_t>(
      std::max(0.0, std::round(std::chrono::duration<double>(picture.time).count() * fps_)));
}

bool AviWriter::fits(const Picture& picture) const {
  if (width_ == 0) return true;
  const Duration shown(static_cast<std::int64_t>(static_cast<double>(frames()) / fps_ * 1e9));
  const bool faster = interval_s_ * fps_ * kFasterMax < 1 && shown - picture.time > kBehindMax;
  const bool late = picture.time - last_time_ > kGapMax;
  return picture.width == width_ && picture.height == height_ && !faster && !late && riffs_ + 1 < kRiffsMax;
}

/// True if a RIFF of `size` bytes has room for one more chunk, and its indices after that.
bool AviWriter::has_room(std::uint64_t size, std::size_t bytes) const {
  if (chunks_.empty()) return true;
  const std::size_t chunks = chunks_.size() + 1;
  size += kHeadBytes + bytes + 1;
  size += kIx00HeadBytes + kIx00EntryBytes * chunks;
  if (riffs_ == 0) size += kHeadBytes + kIdx1EntryBytes * chunks;
  return chunks <= kChunksMax && size <= riff_bytes_max_;
}

void AviWriter::write_head(const Picture& picture, Bytes& out) {
  width_ = picture.width;
  height_ = picture.height;
  constexpr std::uint32_t kScale = 1'000;
  const auto rate = std::max<std::uint32_t>(1, static_cast<std::uint32_t>(std::lround(fps_ * kScale)));
  fps_ = static_cast<double>(rate) / kScale;
  put_id(out, "RIFF");
  put32(out, 0);
  put_id(out, "AVI ");
  const Chunked hdrl(out, "LIST", "hdrl");
  {
    const Chunked avih(out, "avih");
    put32(out, static_cast<std::uint64_t>(1e6 / fps_));  // microseconds a frame
    put32(out, 0);                                       // bytes a second at most: unknown
    put32(out, 0);                                       // padding
    flags_at_ = out.size();
    put32(out, kTrustChunkType);
    total_frames_at_ = out.size();
    put32(out, 0);
    put32(out, 0);  // initial frames
    put32(out, 1);  // streams
    buffer_sizes_at_[0] = out.size();
    put32(out, 0);
    put32(out, width_);
    put32(out, height_);
    for (int i = 0; i < 4; ++i) put32(out, 0);
  }
  {
    const Chunked strl(out, "LIST", "strl");
    {
      const Chunked strh(out, "strh");
      put_id(out, "vidsMJPG");
      for (int i = 0; i < 3; ++i) put32(out, 0);  // flags; priority and language; initial frames
      put32(out, kScale);
      put32(out, rate);
      put32(out, 0);  // start
      length_at_ = out.size();
      put32(out, 0);
      buffer_sizes_at_[1] = out.size();
      put32(out, 0);
      put32(out, 0xFFFFFFFF);  // quality: the default
      put32(out, 0);           // chunks have sizes of their own
      put16(out, 0), put16(out, 0), put16(out, width_), put16(out, height_);
    }
    {
      const Chunked strf(out, "strf");  // BITMAPINFOHEADER
      put32(out, 40);
      put32(out, width_);
      put32(out, height_);
      put16(out, 1);
      put16(out, 24);
      put_id(out, "MJPG");
      put32(out, std::uint64_t{width_} * height_ * 3);
      for (int i = 0; i < 4; ++i) put32(out, 0);
    }
    const Chunked indx(out, "indx");
    put16(out, 4);  // 32-bit words an entry
    put16(out, 0);  // an index of indices
    indx_at_ = out.size();
    put32(out, 0);
    put_id(out, kPictureId);
    for (int i = 0; i < 3; ++i) put32(out, 0);
    indx_entries_at_ = out.size();
    out.resize(out.size() + kRiffsMax * 16);
  }
  const Chunked odml(out, "LIST", "odml");
  const Chunked dmlh(out, "dmlh");
  dmlh_at_ = out.size();
  put32(out, 0);
  out.resize(out.size() + 244);
}

/// A RIFF with an open list of pictures. REQUIRES: nothing of the former is still to be added.
void AviWriter::begin_riff(const Picture& picture, FileEdits& edits) {
  Bytes& out = edits.before;
  riff_at_ = end_of(edits);
  if (riff_at_ == 0) {
    write_head(picture, out);
  } else {
    put_id(out, "RIFF");
    put32(out, 0);
    put_id(out, "AVIX");
  }
  put_id(out, "LIST");
  put32(out, 0);
  movi_at_ = end_of(edits);
  put_id(out, "movi");
}

/// Adds the indices of the RIFF that grows, and enters them where readers look for them.
void AviWriter::end_riff(FileEdits& edits) {
  Bytes& out = edits.before;
  const std::uint64_t ix00_at = end_of(edits);
  {
    const Chunked ix00(out, "ix00");
    put16(out, 2);       // 32-bit words an entry
    put16(out, 0x0100);  // an index of chunks
    put32(out, chunks_.size());
    put_id(out, kPictureId);
    put64(out, riff_at_);
    put32(out, 0);
    for (const Chunk& chunk : chunks_) {
      put32(out, chunk.offset + kHeadBytes);
      put32(out, chunk.bytes == 0 ? kNoKeyFrame : chunk.bytes);
    }
  }
  const std::uint64_t movi_end = end_of(edits);
  if (riffs_ == 0) {
    const Chunked idx1(out, "idx1");
    const std::uint64_t movi = movi_at_ - riff_at_;
    for (const Chunk& chunk : chunks_) {
      put_id(out, kPictureId);
      put32(out, chunk.bytes == 0 ? 0 : kKeyFrame);
      put32(out, chunk.offset - movi);
      put32(out, chunk.bytes);
    }
    edits.replacements.push_back(number_at(flags_at_, kTrustChunkType | kHasIndex));
  }
  count(edits, movi_end, end_of(edits));
  FileEdits::Replacement entry{indx_entries_at_ + 16 * riffs_, {}};
  put64(entry.bytes, ix00_at);
  put32(entry.bytes, kIx00HeadBytes + kIx00EntryBytes * chunks_.size());
  put32(entry.bytes, chunks_.size());
  edits.replacements.push_back(std::move(entry));
  edits.replacements.push_back(number_at(indx_at_, ++riffs_));
  frames_before_ += chunks_.size();
  chunks_.clear();
}

/// The head of a chunk; one that has no room in the RIFF that grows begins the next.
void AviWriter::begin_chunk(const Picture& picture, std::size_t bytes, FileEdits& edits) {
  if (!has_room(end_of(edits) - riff_at_, bytes)) {
    end_riff(edits);
    begin_riff(picture, edits);
  }
  const auto offset = static_cast<std::uint32_t>(end_of(edits) - riff_at_);
  chunks_.push_back({offset, static_cast<std::uint32_t>(bytes)});
  put_id(edits.before, kPictureId);
  put32(edits.before, bytes);
}

/// Replaces the numbers that say how much there is, in a RIFF that ends at `riff_end`.
void AviWriter::count(FileEdits& edits, std::uint64_t movi_end, std::uint64_t riff_end) const {
  edits.replacements.push_back(number_at(movi_at_ - 4, movi_end - movi_at_));
  edits.replacements.push_back(number_at(riff_at_ + 4, riff_end - riff_at_ - kHeadBytes));
  if (riffs_ == 0) edits.replacements.push_back(number_at(total_frames_at_, frames()));
  edits.replacements.push_back(number_at(length_at_, frames()));
  edits.replacements.push_back(number_at(dmlh_at_, frames()));
  for (const std::uint64_t at : buffer_sizes_at_) edits.replacements.push_back(number_at(at, largest_bytes_));
}

FileEdits AviWriter::add(const Picture& picture) {
  OTT_ASSERT(fits(picture));
  FileEdits edits;
  const bool first = width_ == 0;
  if (first) {
    begin_riff(picture, edits);
  } else {
    const double interval_s = std::chrono::duration<double>(picture.time - last_time_).count();
    interval_s_ = interval_s_ == 0 ? interval_s : interval_s_ + (interval_s - interval_s_) / 16;
  }
  last_time_ = picture.time;
  for (const std::uint64_t slot = slot_of(picture); frames() < slot;) begin_chunk(picture, 0, edits);
  begin_chunk(picture, picture.jpeg.size(), edits);
  edits.picture = picture.jpeg;
  if (picture.jpeg.size() % 2 != 0) edits.after.push_back(0);
  largest_bytes_ = std::max(largest_bytes_, static_cast<std::uint32_t>(picture.jpeg.size()));
  const std::uint64_t end = size_ + edits.appended();
  count(edits, end, end);
  size_ = end;
  return edits;
}

FileEdits AviWriter::finish() {
  OTT_ASSERT(width_ != 0);
  FileEdits edits;
  end_riff(edits);
  size_ += edits.appended();
  return edits;
}

}  // namespace ott
