#include "media/rtp_text.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "media/text.h"
#include "ott/bytes.h"

namespace ott {
namespace {

constexpr std::array<std::uint8_t, 3> kByteOrderMark = {0xEF, 0xBB, 0xBF};  // begins a session (T.140)
/// What stands for text that has not come (RFC 4103, section 5.4).
constexpr std::array<std::uint8_t, 3> kMissingText = {0xEF, 0xBF, 0xBD};
/// Of a gap in sequence numbers that is a loss; in a larger one the sender has begun anew.
constexpr unsigned kMissingMax = 1'000;

bool is_utf8(ByteSpan bytes) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  return to_utf8(text) == text;
}

struct RedundantBlock {
  std::uint32_t before;  // how much earlier it was sent the first time, in units of the clock rate
  ByteSpan bytes;
};

/// The blocks of a payload (RFC 2198, section 3), the primary one last.
Result<std::vector<RedundantBlock>> redundant_blocks(ByteSpan payload) {
  constexpr std::size_t kHeadBytes = 4;
  constexpr std::uint8_t kMore = 0x80;
  std::vector<RedundantBlock> blocks;
  std::vector<std::size_t> sizes;
  while (!payload.empty() && (payload[0] & kMore) != 0) {
    if (payload.size() < kHeadBytes) return fail("redundant text whose headers are not whole");
    const auto head = load_be<std::uint32_t>(payload.data());
    blocks.push_back({head >> 10U & 0x3FFFU, {}});
    sizes.push_back(head & 0x3FFU);
    payload = payload.subspan(kHeadBytes);
  }
  if (payload.empty()) return fail("redundant text whose headers are not whole");
  payload = payload.subspan(1);
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    if (sizes[i] > payload.size()) return fail("a block of redundant text that is not whole");
    blocks[i].bytes = payload.first(sizes[i]);
    payload = payload.subspan(sizes[i]);
  }
  blocks.push_back({0, payload});
  return blocks;
}

}  // namespace

TextDepacketizer::TextDepacketizer(const MediaFormat& format)
    : PayloadDepacketizer(Coding::Alone),
      always_redundant_(format.is("red")),
      payload_type_(format.payload_type) {
  config_ = CodecConfig{};
}

Result<void> TextDepacketizer::unpack(const RtpPacket& packet) {
  const std::uint16_t sequence = packet.header.sequence;
  const auto step = static_cast<std::uint16_t>(last_ ? sequence - *last_ : 1);
  constexpr std::uint16_t kBackwards = 0x8000;
  if (step == 0 || (step >= kBackwards && 0x10000U - step <= kMissingMax)) return {};  // late, or again
  missing_ = step <= kMissingMax ? step - 1U : 0;
  last_ = sequence;
  if (always_redundant_ || packet.header.payload_type != payload_type_) return take_redundant(packet);
  if (missing_ > 0) {
    append(kMissingText);
    end_sample(packet.header.timestamp);
  }
  take_block(packet.payload, packet.header.timestamp);
  return {};
}

Result<void> TextDepacketizer::take_redundant(const RtpPacket& packet) {
  const auto blocks = redundant_blocks(packet.payload);
  if (!blocks) return tl::unexpected(blocks.error());
  const std::size_t redundant = blocks->size() - 1;
  const std::size_t recovered = std::min<std::size_t>(missing_, redundant);
  if (recovered < missing_) {
    append(kMissingText);
    end_sample(packet.header.timestamp);
  }
  for (std::size_t i = redundant - recovered; i <= redundant; ++i) {
    const RedundantBlock& block = (*blocks)[i];
    take_block(block.bytes, packet.header.timestamp - block.before);
  }
  return {};
}

void TextDepacketizer::take_block(ByteSpan block, std::uint32_t media_time) {
  if (block.size() >= kByteOrderMark.size() &&
      std::ranges::equal(block.first(kByteOrderMark.size()), kByteOrderMark)) {
    block = block.subspan(kByteOrderMark.size());
  }
  if (block.empty()) return;  // a sender that has nothing to say
  const std::string text = to_utf8({reinterpret_cast<const char*>(block.data()), block.size()});
  append({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
  end_sample(media_time);
}

Result<void> TextPacketizer::cut(const MediaSample& sample, PacketList& packets) {
  if (sample.bytes.empty()) return fail("an empty text");
  if (!is_utf8(sample.bytes)) return fail("a text that is no UTF-8");
  for (ByteSpan rest = sample.bytes; !rest.empty();) {
    std::size_t bytes = std::min(rest.size(), payload_bytes_max());
    while (bytes < rest.size() && (rest[bytes] & 0xC0U) == 0x80) --bytes;  // within a character
    put(packets, sample.media_time, false, {rest.first(bytes)});
    rest = rest.subspan(bytes);
  }
  return {};
}

}  // namespace ott
