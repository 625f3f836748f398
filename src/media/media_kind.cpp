#include "media/media_kind.h"

#include <array>

#include "media/annex_b_splitter.h"
#include "media/ivf_splitter.h"
#include "media/matroska_splitter.h"
#include "media/ts_splitter.h"
#include "media/wav_splitter.h"

namespace ott {
namespace {

using Splitter = std::unique_ptr<MediaSplitter>;

struct Row {
  std::uint8_t first_byte;
  std::size_t bytes;  // that decide it
  const char* kind;
  bool has_times;
  /// Null if it is not of this kind.
  Splitter (*make)(ByteSpan start, double fps);
};

template <class Made, bool (*is_it)(ByteSpan)>
Splitter make_if(ByteSpan start, double) {
  return is_it(start) ? std::make_unique<Made>() : nullptr;
}

template <ByteStreamCodec codec>
Splitter make_byte_stream(ByteSpan start, double fps) {
  return recognise_byte_stream(start) == codec ? std::make_unique<AnnexBSplitter>(codec, fps) : nullptr;
}

constexpr std::array kRows = {
    Row{0x1A, 4, "matroska", true, make_if<MatroskaSplitter, is_matroska>},
    Row{'R', 12, "wav", true, make_if<WavSplitter, is_wav>},
    Row{'D', 4, "ivf", true, make_if<IvfSplitter, is_ivf>},
    Row{0x47, TsSplitter::kPacketBytes + 1, "mpegts", true, make_if<TsSplitter, is_transport_stream>},
    Row{0x00, 6, "h264", false, make_byte_stream<ByteStreamCodec::H264>},
    Row{0x00, 6, "h265", false, make_byte_stream<ByteStreamCodec::H265>},
};

}  // namespace

MediaKindFound recognise_media(ByteSpan start, bool is_all, double fps) {
  using Verdict = MediaKindFound::Verdict;
  if (start.empty()) return {is_all ? Verdict::None : Verdict::NeedBytes};
  for (const Row& row : kRows) {
    if (start[0] != row.first_byte) continue;
    if (start.size() < row.bytes && !is_all) return {Verdict::NeedBytes};
    if (Splitter splitter = row.make(start, fps))
      return {Verdict::Found, row.kind, row.has_times, std::move(splitter)};
  }
  return {Verdict::None};
}

}  // namespace ott
