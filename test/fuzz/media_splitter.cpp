// Any bytes as a WAV, a text, an IVF, a byte stream, a transport stream or Matroska: the units are the same
// however the bytes come (of Matroska up to the first error, behind which the next beginning is looked for in
// what comes), each belongs to a part, it ends, and each call makes progress. The first byte says
// which container, the second how large the pieces are.
#include <cstring>
#include <memory>
#include <optional>
#include <tuple>
#include <vector>

#include "media/annex_b_splitter.h"
#include "media/ivf_splitter.h"
#include "media/matroska_splitter.h"
#include "media/part_packets.h"
#include "media/text_splitter.h"
#include "media/ts_splitter.h"
#include "media/wav_splitter.h"
#include "ott/assert.h"

namespace {

using namespace ott;
using Bytes = std::vector<std::uint8_t>;
struct Seen {
  std::vector<std::tuple<std::size_t, Bytes>> units;  // the part, and the unit
  bool over = false;                                  // what follows is not compared

  bool operator==(const Seen&) const = default;
};
constexpr unsigned kKinds = 7, kMatroska = 6;

std::unique_ptr<MediaSplitter> make(unsigned kind) {
  switch (kind % kKinds) {
    case 0:
      return std::make_unique<WavSplitter>();
    case 1:
      return std::make_unique<TextSplitter>();
    case 2:
      return std::make_unique<IvfSplitter>();
    case 3:
      return std::make_unique<AnnexBSplitter>(ByteStreamCodec::H264, 25);
    case 4:
      return std::make_unique<AnnexBSplitter>(ByteStreamCodec::H265, 0);
    case 5:
      return std::make_unique<TsSplitter>();
    default:
      return std::make_unique<MatroskaSplitter>();
  }
}

/// What finds units also makes packets of them.
class Packer {
 public:
  void take(const MediaSplitter& splitter, ByteSpan sample) {
    if (!packets_ || packets_->parts() != splitter.parts()) packets_.emplace(splitter.parts(), 1);
    const MediaSplitter::Stamp& stamp = splitter.stamp();
    std::vector<PackedUnit> units;
    if (packets_->pack(stamp.part, stamp.time.value_or(Duration{}), stamp.sync_point, sample, units)) {
      for (const PackedUnit& unit : units) OTT_ASSERT(unit.part == stamp.part && !unit.bytes.empty());
    }
  }

 private:
  std::optional<PartPackets> packets_;
};

void take_all(unsigned kind, MediaSplitter& splitter, std::size_t bytes, Seen& seen, Packer& packer) {
  // A text's byte that is no UTF-8 becomes three.
  const std::size_t calls_max = 4 * bytes + 4;
  for (std::size_t calls = 0;; ++calls) {
    OTT_ASSERT(calls <= calls_max);
    const auto unit = splitter.next();
    if (!unit) seen.over = seen.over || kind % kKinds == kMatroska;
    if (!unit) continue;
    if (!*unit) return;
    OTT_ASSERT(splitter.stamp().part < splitter.parts().size());
    OTT_ASSERT(splitter.parts().size() <= MediaSplitter::kPartsMax);
    packer.take(splitter, **unit);
    if (!seen.over) seen.units.emplace_back(splitter.stamp().part, Bytes((*unit)->begin(), (*unit)->end()));
  }
}

Seen split(unsigned kind, ByteSpan stream, std::size_t piece_bytes) {
  const auto splitter = make(kind);
  Seen seen;
  Packer packer;
  for (std::size_t at = 0; at < stream.size();) {
    const MutableByteSpan space = splitter->space();
    const std::size_t bytes = std::min({piece_bytes, space.size(), stream.size() - at});
    std::memcpy(space.data(), stream.data() + at, bytes);
    splitter->advance(bytes);
    at += bytes;
    take_all(kind, *splitter, stream.size(), seen, packer);
  }
  splitter->finish();
  take_all(kind, *splitter, stream.size(), seen, packer);
  OTT_ASSERT(splitter->at_end());
  return seen;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const ByteSpan stream(data + 2, size - 2);
  OTT_ASSERT(split(data[0], stream, stream.size() + 1) == split(data[0], stream, std::size_t{data[1]} + 1));
  return 0;
}
