// AudioSpecificConfig (ISO/IEC 14496-3, section 1.6.2.1): what MP4, Matroska and SDP say of an AAC stream.
#pragma once

#include "media/media_sample.h"

namespace ott {

/// The error says what cannot be.
Result<CodecConfig> aac_config(ByteSpan audio_specific_config);

}  // namespace ott
