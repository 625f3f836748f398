#include "media/rtp_h264.h"

namespace ott {
namespace {

constexpr NalScheme kScheme = {
    .head_bytes = 1,
    .aggregate = h264::kStapA,
    .fragment = h264::kFuA,
    .fragment_type_mask = 0x1F,
    .type = h264::nal_type,
    .with_type = [](std::uint8_t first,
                    unsigned type) { return static_cast<std::uint8_t>((first & 0xE0U) | type); },
    .is_slice = h264::is_slice,
    .is_nal = [](unsigned type) { return type >= h264::kSliceFirst && type <= h264::kNalLast; },
    .is_interleaved = [](unsigned type) { return type >= h264::kStapB && type <= h264::kFuB; },
};

}  // namespace

H264Depacketizer::H264Depacketizer(const MediaFormat& format) : NalDepacketizer(kScheme) {
  sets_.take_parameters(format.parameters);
}

H264Packetizer::H264Packetizer(const Flow& flow) : NalPacketizer(kScheme, flow) {}

}  // namespace ott
