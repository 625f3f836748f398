#include "media/rtp_h265.h"

#include "media/fmtp.h"

namespace ott {
namespace {

constexpr NalScheme scheme(bool interleaved) {
  return {
      .head_bytes = h265::kHeadBytes,
      .aggregate = interleaved ? ~0U : h265::kAggregate,
      .fragment = interleaved ? ~0U : h265::kFragment,
      .fragment_type_mask = 0x3F,
      .type = h265::nal_type,
      .with_type = [](std::uint8_t first,
                      unsigned type) { return static_cast<std::uint8_t>((first & 0x81U) | type << 1U); },
      .is_slice = h265::is_slice,
      .is_nal = [](unsigned type) { return type <= h265::kNalLast; },
      .is_interleaved =
          interleaved ? [](unsigned) { return true; } : [](unsigned type) { return type == h265::kPaci; },
  };
}
constexpr NalScheme kScheme = scheme(false);
/// Every payload has a decoding order number, so none is what it looks like.
constexpr NalScheme kInterleaved = scheme(true);

}  // namespace

H265Depacketizer::H265Depacketizer(const MediaFormat& format)
    : NalDepacketizer(format_number(format.parameters, "sprop-max-don-diff", 0) == 0 ? kScheme
                                                                                     : kInterleaved) {
  sets_.take_parameters(format.parameters);
}

H265Packetizer::H265Packetizer(const Flow& flow) : NalPacketizer(kScheme, flow) {}

}  // namespace ott
