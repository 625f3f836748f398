#include "media/nal_payload.h"

#include "ott/bytes.h"

namespace ott {
namespace {

// RFC 6184, table 1; types 1 to 23 are those of H.264 itself, and 25 is STAP-B.
constexpr unsigned kStapA = 24;
constexpr unsigned kMtap16 = 26;
constexpr unsigned kMtap24 = 27;
constexpr unsigned kFuA = 28;
constexpr unsigned kFuB = 29;
// RFC 7798, section 4.4; types 0 to 47 are those of H.265 itself.
constexpr unsigned kAp = 48;
constexpr unsigned kFu = 49;
constexpr unsigned kPaci = 50;

constexpr std::size_t kDonBytes = 2;
constexpr std::uint8_t kStartOfFragments = 0x80;

unsigned type_of(NalReader::Codec codec, std::uint8_t first) {
  return codec == NalReader::Codec::H264 ? first & 0x1FU : (first >> 1U) & 0x3FU;
}

}  // namespace

NalReader::NalReader(Codec codec, ByteSpan payload)
    : codec_(codec), rest_(payload), header_bytes_(codec == Codec::H264 ? 1 : 2) {}

bool NalReader::malformed(std::string_view flaw) {
  flaw_ = flaw;
  rest_ = {};
  return false;
}

bool NalReader::take_whole(ByteSpan unit, NalUnit& into) {
  if (unit.size() < header_bytes_) return malformed("a NAL unit that is shorter than its header");
  into = {type_of(codec_, unit[0]), unit.subspan(header_bytes_), true};
  return true;
}

/// An FU header: start, end, and the type of the unit that is in fragments.
bool NalReader::take_fragment(NalUnit& into) {
  const bool has_don = codec_ == Codec::H264 && type_of(codec_, rest_[0]) == kFuB;
  const std::size_t before = header_bytes_ + 1 + (has_don ? kDonBytes : 0);
  if (rest_.size() <= before) return malformed("a fragment of a NAL unit without content");
  const std::uint8_t fu = rest_[header_bytes_];
  const unsigned type = codec_ == Codec::H264 ? fu & 0x1FU : fu & 0x3FU;
  into = {type, rest_.subspan(before), (fu & kStartOfFragments) != 0};
  rest_ = {};
  return true;
}

bool NalReader::next(NalUnit& unit) {
  if (!begun_) {
    begun_ = true;
    if (rest_.size() < header_bytes_) return malformed("a payload without a NAL unit");
    const unsigned type = type_of(codec_, rest_[0]);
    if (codec_ == Codec::H264) {
      if (type == kFuA || type == kFuB) return take_fragment(unit);
      if (type == 0 || type > kFuB) return malformed("a NAL unit of a type that RFC 6184 does not have");
      aggregate_ = type >= kStapA;
      length_at_ = type == kMtap16 ? 3 : type == kMtap24 ? 4 : 0;  // DOND and a timestamp
      if (aggregate_) rest_ = rest_.subspan(1);
      if (type != kStapA && aggregate_) {
        if (rest_.size() < kDonBytes) return malformed("an aggregate without a decoding order number");
        rest_ = rest_.subspan(kDonBytes);
      }
    } else {
      if (type == kFu) return take_fragment(unit);
      if (type ==
          kPaci) {  // what it carries is whole, or itself a fragment or an aggregate: its kind will do
        if (rest_.size() < 4) return malformed("a PACI packet that is shorter than its header");
        unit = {(unsigned{rest_[2]} >> 1U) & 0x3FU, {}, true};
        rest_ = {};
        return true;
      }
      if (type > kPaci) return malformed("a NAL unit of a type that RFC 7798 does not have");
      aggregate_ = type == kAp;
      if (aggregate_) rest_ = rest_.subspan(header_bytes_);
    }
    if (aggregate_ && rest_.empty()) return malformed("an aggregate of no NAL unit");
    if (!aggregate_) {
      const ByteSpan whole = rest_;
      rest_ = {};
      return take_whole(whole, unit);
    }
  }
  if (!aggregate_ || rest_.empty()) return false;
  if (rest_.size() < 2) return malformed("an aggregate that ends within a length");
  const std::size_t bytes = load_be<std::uint16_t>(rest_.data());
  if (bytes == 0 || rest_.size() < 2 + length_at_ + bytes)
    return malformed("an aggregate with a NAL unit that goes beyond its end");
  const ByteSpan whole = rest_.subspan(2 + length_at_, bytes);
  rest_ = rest_.subspan(2 + length_at_ + bytes);
  return take_whole(whole, unit);
}

}  // namespace ott
