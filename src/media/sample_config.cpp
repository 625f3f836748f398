#include "media/sample_config.h"

#include "ott/assert.h"

namespace ott {
namespace {

MediaFormat bare_format(const std::string& encoding) {
  MediaFormat format;
  format.encoding = encoding;
  format.payload_type = 96;
  return format;
}

}  // namespace

SampleConfig::SampleConfig(const std::string& encoding)
    : packetizer_(make_packetizer(bare_format(encoding), 0, 0)),
      depacketizer_(make_depacketizer(bare_format(encoding))) {
  OTT_ASSERT(packetizer_ != nullptr && depacketizer_ != nullptr);
}

// Depacketizers find the configuration in the stream itself; there is no second reader of it.
const std::optional<CodecConfig>& SampleConfig::take(ByteSpan sample) {
  if (config_) return config_;
  PacketList packets;
  if (!packetizer_->cut({sample, ++samples_, true}, packets)) return config_;
  Frame frame;
  frame.media_time = samples_;
  frame.bytes = std::move(packets.bytes);
  frame.packet_ends = std::move(packets.ends);
  (void)depacketizer_->take(frame);  // what it thinks of the sample is for receivers to say
  if (depacketizer_->config() != nullptr) config_ = *depacketizer_->config();
  return config_;
}

}  // namespace ott
