#include "media/rtp_av1.h"

#include <algorithm>
#include <array>

#include "media/av1_config.h"

namespace ott {
namespace {

// The aggregation header (section 4.4).
constexpr std::uint8_t kContinues = 0x80;    // Z: the first element is the rest of one
constexpr std::uint8_t kGoesOn = 0x40;       // Y: the last element goes on in the next packet
constexpr std::uint8_t kNewSequence = 0x08;  // N
constexpr unsigned kCountShift = 4, kCountMask = 3;

bool is_carried(unsigned type) { return type != obu::kTemporalDelimiter && type != obu::kTileList; }

}  // namespace

Result<void> Av1Depacketizer::unpack(const RtpPacket& packet) {
  media_time_ = packet.header.timestamp;
  const std::uint8_t head = packet.payload[0];
  const unsigned count = head >> kCountShift & kCountMask;
  if (((head & kContinues) != 0) != fragmented_) {
    return fail(fragmented_ ? "the rest of an OBU is missing"
                            : "the rest of an OBU whose beginning is missing");
  }
  ByteSpan rest = packet.payload.subspan(1);
  for (unsigned i = 1; !rest.empty(); ++i) {
    std::size_t bytes = rest.size();
    if (count == 0 || i < count) {
      const auto length = take_leb128(rest);
      if (!length || *length > rest.size()) return fail("an OBU element that is not whole");
      bytes = *length;
    }
    const ByteSpan element = rest.first(bytes);
    rest = rest.subspan(bytes);
    if (auto taken = take_element(element, rest.empty() && (head & kGoesOn) != 0); !taken) return taken;
  }
  return {};
}

Result<void> Av1Depacketizer::take_element(ByteSpan element, bool goes_on) {
  if (fragmented_ || goes_on) {
    obu_.insert(obu_.end(), element.begin(), element.end());
    element = obu_;
  }
  fragmented_ = goes_on;
  if (goes_on || element.empty()) return {};
  const auto view = take_obu(element);
  if (!view) return tl::unexpected(view.error());
  if (is_carried(view->type())) append_obu(*view, sample());
  if (view->type() == obu::kSequenceHeader) {
    if (auto config = av1_config(*view); config && (!config_ || *config != *config_))
      config_ = std::move(*config);
  }
  obu_.clear();
  return {};
}

Result<void> Av1Depacketizer::finish() {
  if (fragmented_) return fail("the rest of an OBU is missing");
  if (!sample().empty()) end_sample(media_time_);
  return {};
}

void Av1Depacketizer::reset() {
  obu_.clear();
  fragmented_ = false;
}

Result<void> Av1Packetizer::cut(const MediaSample& sample, PacketList& packets) {
  bool any = false;
  for (ByteSpan rest = sample.bytes; !rest.empty();) {
    const auto view = take_obu(rest);
    if (!view) return tl::unexpected(view.error());
    any = any || is_carried(view->type());
  }
  if (!any) return fail("a temporal unit without an OBU");
  payload_.clear();
  head_ = sample.sync_point ? kNewSequence : 0;
  std::vector<std::uint8_t> element;
  for (ByteSpan rest = sample.bytes; !rest.empty();) {
    const auto view = take_obu(rest);
    if (!is_carried(view->type())) continue;
    element.assign(view->head.begin(), view->head.end());
    element[0] = static_cast<std::uint8_t>(element[0] & ~obu::kSizeFlag);
    element.insert(element.end(), view->payload.begin(), view->payload.end());
    add_element(element, sample, packets);
  }
  flush(sample, true, packets);
  return {};
}

void Av1Packetizer::add_element(ByteSpan obu, const MediaSample& sample, PacketList& packets) {
  constexpr std::size_t kLengthBytesMax = 3;  // of packets up to 2 MiB
  while (!obu.empty()) {
    const std::size_t used = 1 + payload_.size() + kLengthBytesMax;
    const std::size_t room = used < payload_bytes_max() ? payload_bytes_max() - used : 0;
    const ByteSpan part = obu.first(std::min(room, obu.size()));
    obu = obu.subspan(part.size());
    if (!part.empty()) {
      append_leb128(static_cast<std::uint32_t>(part.size()), payload_);
      payload_.insert(payload_.end(), part.begin(), part.end());
    }
    if (obu.empty()) return;
    if (!part.empty()) head_ |= kGoesOn;
    flush(sample, false, packets);
  }
}

void Av1Packetizer::flush(const MediaSample& sample, bool last, PacketList& packets) {
  const std::array<std::uint8_t, 1> head = {head_};
  put(packets, sample.media_time, last, {head, payload_});
  payload_.clear();
  head_ = (head_ & kGoesOn) != 0 ? kContinues : 0;
}

}  // namespace ott
