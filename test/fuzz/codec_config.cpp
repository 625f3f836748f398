// Any bytes as what a stream or a container says of a codec: what is understood is the same when it is read
// again from the record that was made of it, and from its description in SDP. The first byte says what it is.
#include <algorithm>

#include "media/aac_config.h"
#include "media/av1_config.h"
#include "media/h264_config.h"
#include "media/h265_config.h"
#include "media/nal_units.h"
#include "media/vpx_config.h"
#include "ott/assert.h"

namespace {

using namespace ott;

template <class ParameterSets>
void check_sets(const ParameterSets& sets, const std::string& encoding) {
  if (!sets.config()) return;
  OTT_ASSERT(sets.config()->width > 0 && sets.config()->height > 0);
  ParameterSets again;
  OTT_ASSERT(again.take_record(sets.config()->record));
  OTT_ASSERT(again.config() == sets.config());
  const MediaFormat format = format_of(MediaKind::Video, encoding, *sets.config());
  OTT_ASSERT(format.parameters.size() <= kFormatParametersBytesMax);
  const auto depacketizer = make_depacketizer(format);
  if (format.parameters.find("sprop") == std::string::npos) return;  // too long
  OTT_ASSERT(depacketizer->config() != nullptr && *depacketizer->config() == *sets.config());
}

template <class ParameterSets>
void check_nal(ByteSpan bytes, const std::string& encoding) {
  ParameterSets sets;
  for (const ByteSpan nal : nal_units_of_byte_stream(bytes)) sets.take(nal);
  check_sets(sets, encoding);
  ParameterSets of_record;
  if (of_record.take_record(bytes)) check_sets(of_record, encoding);
}

void check_av1(ByteSpan bytes) {
  const auto of_record = av1_config_of_record(bytes);
  if (of_record) OTT_ASSERT(av1_config_of_record(of_record->record).value() == *of_record);
  while (const auto view = take_obu(bytes)) {
    if (view->type() == obu::kSequenceHeader) {
      if (const auto config = av1_config(*view))
        OTT_ASSERT(av1_config_of_record(config->record).value() == *config);
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const ByteSpan bytes(data + 1, size - 1);
  switch (data[0] % 6) {
    case 0:
      check_nal<H264ParameterSets>(bytes, "H264");
      break;
    case 1:
      check_nal<H265ParameterSets>(bytes, "H265");
      break;
    case 2:
      check_av1(bytes);
      break;
    case 3:
      if (const auto key = vp8_key_frame(bytes)) OTT_ASSERT(vp8_config(*key).record.size() == 8);
      if (const auto key = vp9_key_frame(bytes)) OTT_ASSERT(vp9_config(*key).width > 0);
      break;
    case 4:
      if (const auto config = aac_config(bytes)) {
        const auto depacketizer = make_depacketizer(format_of(MediaKind::Audio, "MPEG4-GENERIC", *config));
        OTT_ASSERT(depacketizer->config() != nullptr && depacketizer->config()->record == config->record);
      }
      break;
    default: {
      MediaFormat format;
      format.parameters.assign(bytes.begin(), bytes.end());
      for (const char* encoding : {"H264", "H265", "MPEG4-GENERIC"}) {
        format.encoding = encoding;
        OTT_ASSERT(make_depacketizer(format) != nullptr);
      }
    }
  }
  return 0;
}
