#include "media/rtp_nal.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "media/nal_units.h"
#include "ott/assert.h"
#include "ott/bytes.h"

namespace ott {
namespace {

constexpr std::uint8_t kFragmentStart = 0x80, kFragmentEnd = 0x40;  // RFC 6184, section 5.8
/// Of NAL units that wait for a picture.
constexpr std::size_t kAheadBytesMax = std::size_t{64} << 10;

}  // namespace

Result<void> NalDepacketizer::unpack(const RtpPacket& packet) {
  media_time_ = packet.header.timestamp;
  if (sample().empty()) sample().swap(ahead_);
  const ByteSpan payload = packet.payload;
  const unsigned type = scheme_.type(payload[0]);
  if (payload.size() < scheme_.head_bytes) return fail("a NAL unit without a whole head");
  if (type == scheme_.fragment) return take_fragment(payload);
  if (fragmented_) return fail("a NAL unit begins before the last fragment of another one");
  if (type == scheme_.aggregate) return take_aggregate(payload.subspan(scheme_.head_bytes));
  if (scheme_.is_interleaved(type)) {
    return fail(fmt::format("NAL unit type {} of the interleaved mode, which is not taken", type));
  }
  if (scheme_.is_nal(type)) take_nal(payload);
  return {};
}

Result<void> NalDepacketizer::take_aggregate(ByteSpan payload) {
  while (!payload.empty()) {
    const std::size_t bytes = payload.size() < 2 ? 0 : load_be<std::uint16_t>(payload.data());
    if (bytes < scheme_.head_bytes || bytes > payload.size() - 2) {
      return fail("an aggregation packet whose NAL units are not whole");
    }
    if (!scheme_.is_nal(scheme_.type(payload[2])))
      return fail("an aggregation packet with what is no NAL unit");
    take_nal(payload.subspan(2, bytes));
    payload = payload.subspan(2 + bytes);
  }
  return {};
}

Result<void> NalDepacketizer::take_fragment(ByteSpan payload) {
  const std::size_t head_bytes = scheme_.head_bytes;
  if (payload.size() <= head_bytes + 1) return fail("a fragmentation unit without a fragment");
  const std::uint8_t head = payload[head_bytes];
  const bool starts = (head & kFragmentStart) != 0;
  if (starts == fragmented_) {
    return fail(starts ? "a NAL unit begins before the last fragment of another one"
                       : "a fragment of a NAL unit whose beginning is missing");
  }
  if (starts) {
    const unsigned type = head & scheme_.fragment_type_mask;
    if (!scheme_.is_nal(type)) return fail("fragments of what is no NAL unit");
    begin_nal();
    sample().push_back(scheme_.with_type(payload[0], type));
    append(payload.subspan(1, head_bytes - 1));
  }
  append(payload.subspan(head_bytes + 1));
  fragmented_ = (head & kFragmentEnd) == 0;
  if (!fragmented_) end_nal();
  return {};
}

void NalDepacketizer::take_nal(ByteSpan nal) {
  begin_nal();
  append(nal);
  end_nal();
}

void NalDepacketizer::begin_nal() {
  nal_at_ = sample().size() + kNalLengthBytes;
  sample().resize(nal_at_);
}

void NalDepacketizer::end_nal() {
  const ByteSpan nal = ByteSpan(sample()).subspan(nal_at_);
  store_be(sample().data() + nal_at_ - kNalLengthBytes, static_cast<std::uint32_t>(nal.size()));
  has_slice_ = has_slice_ || scheme_.is_slice(scheme_.type(nal[0]));
  on_nal(nal);
}

Result<void> NalDepacketizer::finish() {
  if (fragmented_) return fail("the last fragment of a NAL unit is missing");
  if (std::exchange(has_slice_, false)) {
    end_sample(media_time_);
  } else if (sample().size() <= kAheadBytesMax) {
    ahead_.swap(sample());
  }
  return {};
}

void NalDepacketizer::reset() {
  ahead_.clear();
  fragmented_ = false;
  has_slice_ = false;
}

Result<void> NalPacketizer::cut(const MediaSample& sample, PacketList& packets) {
  auto units = nal_units_of_sample(sample.bytes);
  if (!units) return tl::unexpected(units.error());
  // Types that are not specified mean other things in RTP.
  std::erase_if(*units, [this](ByteSpan nal) { return !scheme_.is_nal(scheme_.type(nal[0])); });
  if (units->empty()) return fail("an access unit without a NAL unit");
  for (const ByteSpan& nal : *units) {
    if (nal.size() < scheme_.head_bytes) return fail("a NAL unit without a whole head");
  }
  for (const ByteSpan& nal : *units) cut_nal(nal, sample.media_time, &nal == &units->back(), packets);
  return {};
}

void NalPacketizer::cut_nal(ByteSpan nal, std::uint32_t media_time, bool last, PacketList& packets) {
  if (nal.size() <= payload_bytes_max()) return put(packets, media_time, last, {nal});
  const std::size_t head_bytes = scheme_.head_bytes;
  const std::size_t fragment_bytes = payload_bytes_max() - head_bytes - 1;
  ByteSpan rest = nal.subspan(head_bytes);
  std::uint8_t position = kFragmentStart;
  while (!rest.empty()) {
    const ByteSpan fragment = rest.first(std::min(rest.size(), fragment_bytes));
    rest = rest.subspan(fragment.size());
    if (rest.empty()) position = kFragmentEnd;
    const std::array<std::uint8_t, 1> first = {scheme_.with_type(nal[0], scheme_.fragment)};
    const std::array<std::uint8_t, 1> behind = {static_cast<std::uint8_t>(position | scheme_.type(nal[0]))};
    put(packets, media_time, last && rest.empty(), {first, nal.subspan(1, head_bytes - 1), behind, fragment});
    position = 0;
  }
}

}  // namespace ott
