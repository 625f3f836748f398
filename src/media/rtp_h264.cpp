#include "media/rtp_h264.h"

#include <fmt/format.h>

#include <algorithm>

#include "media/nal_units.h"
#include "ott/bytes.h"

namespace ott {
namespace {

constexpr std::uint8_t kFragmentStart = 0x80, kFragmentEnd = 0x40;  // RFC 6184, section 5.8
constexpr std::size_t kFragmentHeadBytes = 2;
/// Of NAL units that wait for a picture.
constexpr std::size_t kAheadBytesMax = std::size_t{64} << 10;

}  // namespace

H264Depacketizer::H264Depacketizer(const MediaFormat& format) : PayloadDepacketizer(Coding::Inter) {
  sets_.take_parameters(format.parameters);
}

Result<void> H264Depacketizer::unpack(const RtpPacket& packet) {
  media_time_ = packet.header.timestamp;
  if (sample().empty()) sample().swap(ahead_);
  const unsigned type = h264::nal_type(packet.payload[0]);
  if (type == h264::kFuA) return take_fragment(packet.payload);
  if (fragmented_) return fail("a NAL unit begins before the last fragment of another one");
  if (type == h264::kStapA) return take_aggregate(packet.payload.subspan(1));
  if (type >= h264::kStapB && type <= h264::kFuB) {
    return fail(fmt::format("NAL unit type {} of the interleaved mode, which is not taken", type));
  }
  if (type < h264::kSliceFirst || type > h264::kNalLast) return {};  // to be ignored (section 5.4)
  begin_nal();
  append(packet.payload);
  end_nal();
  return {};
}

Result<void> H264Depacketizer::take_aggregate(ByteSpan payload) {
  while (!payload.empty()) {
    const std::size_t bytes = payload.size() < 2 ? 0 : load_be<std::uint16_t>(payload.data());
    if (bytes == 0 || bytes > payload.size() - 2) return fail("a STAP-A whose NAL units are not whole");
    begin_nal();
    append(payload.subspan(2, bytes));
    end_nal();
    payload = payload.subspan(2 + bytes);
  }
  return {};
}

Result<void> H264Depacketizer::take_fragment(ByteSpan payload) {
  if (payload.size() <= kFragmentHeadBytes) return fail("an FU-A without a fragment");
  const bool starts = (payload[1] & kFragmentStart) != 0;
  if (starts == fragmented_) {
    return fail(starts ? "an FU-A begins before the last fragment of another NAL unit"
                       : "a fragment of a NAL unit whose beginning is missing");
  }
  if (starts) {
    begin_nal();
    sample().push_back(static_cast<std::uint8_t>((payload[0] & 0xE0U) | h264::nal_type(payload[1])));
  }
  append(payload.subspan(kFragmentHeadBytes));
  fragmented_ = (payload[1] & kFragmentEnd) == 0;
  if (!fragmented_) end_nal();
  return {};
}

void H264Depacketizer::begin_nal() {
  nal_at_ = sample().size() + kNalLengthBytes;
  sample().resize(nal_at_);
}

void H264Depacketizer::end_nal() {
  const ByteSpan nal = ByteSpan(sample()).subspan(nal_at_);
  store_be(sample().data() + nal_at_ - kNalLengthBytes, static_cast<std::uint32_t>(nal.size()));
  has_slice_ = has_slice_ || h264::is_slice(h264::nal_type(nal[0]));
  sets_.take(nal);
}

Result<void> H264Depacketizer::finish() {
  if (fragmented_) return fail("the last fragment of a NAL unit is missing");
  if (std::exchange(has_slice_, false)) {
    end_sample(media_time_);
  } else if (sample().size() <= kAheadBytesMax) {
    ahead_.swap(sample());
  }
  return {};
}

void H264Depacketizer::reset() {
  ahead_.clear();
  fragmented_ = false;
  has_slice_ = false;
}

Result<void> H264Packetizer::cut(const MediaSample& sample, PacketList& packets) {
  const auto units = nal_units_of_sample(sample.bytes);
  if (!units) return tl::unexpected(units.error());
  if (units->empty()) return fail("an access unit without a NAL unit");
  const std::size_t room = payload_bytes_max();
  for (const ByteSpan& nal : *units) {
    const bool last = &nal == &units->back();
    if (nal.size() <= room) {
      put(packets, sample.media_time, last, {nal});
      continue;
    }
    const std::size_t fragment_bytes = room - kFragmentHeadBytes;
    ByteSpan rest = nal.subspan(1);
    std::uint8_t position = kFragmentStart;
    while (!rest.empty()) {
      const ByteSpan fragment = rest.first(std::min(rest.size(), fragment_bytes));
      rest = rest.subspan(fragment.size());
      if (rest.empty()) position = kFragmentEnd;
      const std::array<std::uint8_t, kFragmentHeadBytes> head = {
          static_cast<std::uint8_t>((nal[0] & 0xE0U) | h264::kFuA),
          static_cast<std::uint8_t>(position | h264::nal_type(nal[0]))};
      put(packets, sample.media_time, last && rest.empty(), {head, fragment});
      position = 0;
    }
  }
  return {};
}

}  // namespace ott
