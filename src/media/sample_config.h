// The configuration of a stream whose container does not say it (a byte stream, IVF), out of its first
// samples.
#pragma once

#include <memory>
#include <optional>

#include "media/media_sample.h"

namespace ott {

class SampleConfig {
 public:
  /// REQUIRES: an encoding of media_sample.h.
  explicit SampleConfig(const std::string& encoding);

  /// Nothing while the samples so far do not say it; then always the same.
  const std::optional<CodecConfig>& take(ByteSpan sample);

 private:
  std::unique_ptr<MediaPacketizer> packetizer_;
  std::unique_ptr<MediaDepacketizer> depacketizer_;
  std::optional<CodecConfig> config_;
  std::uint32_t samples_ = 0;
};

}  // namespace ott
