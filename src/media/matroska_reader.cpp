#include "media/matroska_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>

#include "ott/assert.h"
#include "ott/bytes.h"

namespace ott {
namespace {

constexpr std::uint32_t kEbml = 0x1A45DFA3, kSegment = 0x18538067, kCluster = 0x1F43B675;
constexpr std::uint32_t kInfo = 0x1549A966, kTimestampScale = 0x2AD7B1, kDuration = 0x4489;
constexpr std::uint32_t kTracks = 0x1654AE6B, kTrackEntry = 0xAE;
constexpr std::uint32_t kTimestamp = 0xE7, kSimpleBlock = 0xA3;
constexpr std::uint32_t kBlockGroup = 0xA0, kBlock = 0xA1, kReferenceBlock = 0xFB;

constexpr std::uint64_t kNsPerTickMax = 1'000'000'000;
constexpr std::uint64_t kTimeMaxNs = std::uint64_t{1} << 62U;

// Lacing (RFC 9559, section 10.3).
constexpr unsigned kNoLacing = 0, kXiph = 1, kFixed = 2;

/// Those whose children come one by one, whatever their size: an element of theirs is known by its id.
bool is_open(std::uint32_t id) { return id == kSegment || id == kCluster; }
bool is_taken_whole(std::uint32_t id) {
  constexpr std::array kIds = {kEbml, kInfo, kTracks, kTimestamp, kSimpleBlock, kBlockGroup};
  return std::ranges::find(kIds, id) != kIds.end();
}

/// The sizes of all frames of a lace but the last.
Result<std::vector<std::size_t>> lace_sizes(ByteSpan& rest, unsigned lacing, unsigned count) {
  const auto not_whole = [] { return fail("a lace whose sizes are not whole"); };
  std::vector<std::size_t> sizes;
  if (lacing == kFixed) {
    if (rest.size() % count != 0) return fail("a lace of frames that are not of one size");
    sizes.assign(count - 1, rest.size() / count);
  } else if (lacing == kXiph) {
    while (sizes.size() + 1 < count) {
      std::size_t size = 0;
      for (std::uint8_t byte = 255; byte == 255; rest = rest.subspan(1)) {
        if (rest.empty()) return not_whole();
        byte = rest[0];
        size += byte;
      }
      sizes.push_back(size);
    }
  } else {
    std::int64_t size = 0;
    while (sizes.size() + 1 < count) {
      const std::size_t before = rest.size();
      const auto number = take_ebml_number(rest);
      if (!number) return not_whole();
      // From the second one on it is the difference to the one before, a signed number.
      const std::int64_t bias = sizes.empty() ? 0 : (std::int64_t{1} << (7 * (before - rest.size()) - 1)) - 1;
      size += static_cast<std::int64_t>(*number) - bias;
      if (size < 0 || size > static_cast<std::int64_t>(MatroskaReader::kElementBytesMax)) return not_whole();
      sizes.push_back(static_cast<std::size_t>(size));
    }
  }
  return sizes;
}

}  // namespace

Result<void> MatroskaReader::push(ByteSpan bytes) {
  OTT_ASSERT(units_.empty() && !failed_);
  converted_.clear();
  const auto skipped = std::min<std::uint64_t>(skip_, bytes.size());
  buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(taken_));
  offset_ += taken_ + skipped;
  taken_ = 0;
  skip_ -= skipped;
  bytes = bytes.subspan(static_cast<std::size_t>(skipped));
  buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
  for (;;) {
    const auto taken = take_element();
    if (!taken) {
      failed_ = true;
      return fail(fmt::format("byte {}: {}", offset_ + taken_, taken.error().message));
    }
    if (!*taken) return {};
  }
}

/// False while the next one is not whole.
Result<bool> MatroskaReader::take_element() {
  const ByteSpan rest = ByteSpan(buffer_).subspan(taken_);
  const auto parsed = parse_ebml_head(rest);
  if (!parsed) return tl::unexpected(parsed.error());
  if (!*parsed) return false;
  const EbmlHead& head = **parsed;
  if (offset_ + taken_ == 0 && head.id != kEbml) return fail("no Matroska begins so");
  if (is_open(head.id)) {
    if (head.id == kCluster) {
      cluster_offset_ = offset_ + taken_;
      arriving_.reset();
    }
    taken_ += head.bytes;
    return true;
  }
  if (!head.size) return fail(fmt::format("element {:X} of unknown size", head.id));
  const std::size_t there = rest.size() - head.bytes;
  if (is_taken_whole(head.id)) {
    if (*head.size > kElementBytesMax) return fail(fmt::format("element {:X} of more than 16 MiB", head.id));
    if (*head.size > there) return false;
    if (const auto taken = take_body(head.id, rest.subspan(head.bytes, static_cast<std::size_t>(*head.size)));
        !taken) {
      return tl::unexpected(taken.error());
    }
  }
  const auto here = static_cast<std::size_t>(std::min<std::uint64_t>(*head.size, there));
  taken_ += head.bytes + here;
  skip_ = *head.size - here;
  return skip_ == 0;
}

Result<void> MatroskaReader::take_body(std::uint32_t id, ByteSpan body) {
  switch (id) {
    case kInfo:
      return take_info(body);
    case kTracks:
      return take_tracks(body);
    case kTimestamp: {
      const auto time = time_of(ebml_unsigned(body));
      if (!time) return tl::unexpected(time.error());
      arriving_ = Cluster{cluster_offset_, *time};
      return {};
    }
    case kSimpleBlock:
      return take_block(body, std::nullopt);
    case kBlockGroup:
      return take_block_group(body);
    default:
      return {};
  }
}

Result<void> MatroskaReader::take_info(ByteSpan body) {
  double ticks = 0;
  while (!body.empty()) {
    const auto element = take_ebml_element(body);
    if (!element) return tl::unexpected(element.error());
    if (element->id == kTimestampScale) {
      const std::uint64_t scale = ebml_unsigned(element->body);
      if (scale == 0 || scale > kNsPerTickMax) return fail(fmt::format("a TimestampScale of {}", scale));
      ns_per_tick_ = scale;
    }
    if (element->id == kDuration) ticks = ebml_float(element->body);
  }
  const double ns = ticks * static_cast<double>(ns_per_tick_);
  if (ns > 0 && ns < static_cast<double>(kTimeMaxNs)) duration_ = Duration(static_cast<std::int64_t>(ns));
  return {};
}

/// Those of a stream that begins again behind the first one's end are the same.
Result<void> MatroskaReader::take_tracks(ByteSpan body) {
  if (!tracks_.empty()) return {};
  passed_over_.clear();
  while (!body.empty()) {
    const auto element = take_ebml_element(body);
    if (!element) return tl::unexpected(element.error());
    if (element->id != kTrackEntry) continue;
    auto track = parse_matroska_track(element->body);
    if (track && known_.size() < kTracksMax) {
      tracks_.push_back(track->track);
      known_.push_back(std::move(*track));
    } else if (passed_over_.size() < kTracksMax) {
      passed_over_.push_back(track ? "a track too many" : track.error().message);
    }
  }
  if (!tracks_.empty()) return {};
  if (passed_over_.empty()) return fail("a stream without tracks");
  return fail("no track can be carried: " + passed_over_.front());
}

Result<void> MatroskaReader::take_block_group(ByteSpan body) {
  ByteSpan block;
  bool sync_point = true;
  while (!body.empty()) {
    const auto element = take_ebml_element(body);
    if (!element) return tl::unexpected(element.error());
    if (element->id == kBlock) block = element->body;
    if (element->id == kReferenceBlock) sync_point = false;
  }
  return block.empty() ? Result<void>() : take_block(block, sync_point);
}

/// `sync_point`: if it is said beside the block, else its flags say it (RFC 9559, section 10).
Result<void> MatroskaReader::take_block(ByteSpan body, std::optional<bool> sync_point) {
  constexpr std::size_t kHeadBytes = 3;
  constexpr std::uint8_t kKeyframe = 0x80;
  const auto number = take_ebml_number(body);
  if (!number || body.size() < kHeadBytes) return fail("a block without a whole head");
  if (tracks_.empty()) return fail("a block before the tracks");
  if (!arriving_) return fail("a block before the time of its cluster");
  const auto found = std::ranges::find(known_, *number, &MatroskaTrack::number);
  if (found == known_.end()) return {};  // one that is passed over
  const auto ticks = static_cast<std::int16_t>(load_be<std::uint16_t>(body.data()));
  const std::uint8_t flags = body[2];
  Block block;
  block.track = static_cast<std::size_t>(found - known_.begin());
  block.time =
      arriving_->time + Duration(ticks * static_cast<std::int64_t>(ns_per_tick_)) - found->codec_delay;
  block.sync_point = found->track.format.media != MediaKind::Video || found->track.format.is_jpeg() ||
                     sync_point.value_or((flags & kKeyframe) != 0);
  const unsigned lacing = flags >> 1U & 3U;
  const ByteSpan frames = body.subspan(kHeadBytes);
  return lacing == kNoLacing ? add_unit(block, frames) : take_laces(frames, lacing, block);
}

/// Only the first frame has a time of its own; the others follow by the time that each takes.
Result<void> MatroskaReader::take_laces(ByteSpan rest, unsigned lacing, Block block) {
  if (rest.empty()) return fail("a lace without a count");
  const unsigned count = rest[0] + 1U;
  rest = rest.subspan(1);
  const auto sizes = lace_sizes(rest, lacing, count);
  if (!sizes) return tl::unexpected(sizes.error());
  for (const std::size_t size : *sizes) {
    if (size > rest.size()) return fail("a lace that is not whole");
    if (auto added = add_unit(block, rest.first(size)); !added) return added;
    rest = rest.subspan(size);
    block.time += known_[block.track].block_time;
  }
  return add_unit(block, rest);
}

Result<void> MatroskaReader::add_unit(const Block& block, ByteSpan frame) {
  if (frame.empty()) return {};
  const MatroskaTrack& track = known_[block.track];
  if (track.form != BlockForm::Same) {
    converted_.emplace_back();
    if (auto appended = append_sample(track, frame, converted_.back()); !appended) return appended;
    frame = converted_.back();
  }
  units_.push_back({{block.track, block.time, block.sync_point, frame}, *arriving_});
  return {};
}

Result<Duration> MatroskaReader::time_of(std::uint64_t ticks) const {
  if (ticks > kTimeMaxNs / ns_per_tick_) return fail(fmt::format("a timestamp of {}", ticks));
  return Duration(static_cast<std::int64_t>(ticks * ns_per_tick_));
}

std::optional<MatroskaReader::Unit> MatroskaReader::next() {
  if (units_.empty()) return std::nullopt;
  const Waiting first = units_.front();
  units_.pop_front();
  cluster_ = first.cluster;
  return first.unit;
}

void MatroskaReader::resume_at(std::uint64_t offset) {
  OTT_ASSERT(!tracks_.empty());
  buffer_.clear();
  units_.clear();
  converted_.clear();
  arriving_.reset();
  taken_ = 0;
  skip_ = 0;
  offset_ = offset;
  failed_ = false;
}

}  // namespace ott
