// Any bytes as a Matroska stream: the units and the error at the end are the same however it is cut into
// pieces, and no unit is larger than what came. The first byte says how large the pieces are.
#include "media/matroska_reader.h"

#include <algorithm>
#include <tuple>

#include "ott/assert.h"

namespace {

using namespace ott;
using Bytes = std::vector<std::uint8_t>;
using Seen = std::vector<std::tuple<std::size_t, Duration, bool, Bytes>>;

Seen read(ByteSpan stream, std::size_t piece_bytes, std::string& error) {
  MatroskaReader reader;
  Seen seen;
  while (!stream.empty()) {
    const ByteSpan piece = stream.first(std::min(piece_bytes, stream.size()));
    stream = stream.subspan(piece.size());
    const auto pushed = reader.push(piece);
    while (const auto unit = reader.next()) {
      OTT_ASSERT(unit->track < reader.tracks().size() && reader.cluster() && !unit->bytes.empty());
      seen.emplace_back(unit->track, unit->time, unit->sync_point,
                        Bytes(unit->bytes.begin(), unit->bytes.end()));
    }
    if (pushed) continue;
    error = pushed.error().message;
    OTT_ASSERT(!error.empty());
    break;
  }
  OTT_ASSERT(reader.tracks().size() <= MatroskaReader::kTracksMax);
  return seen;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const ByteSpan stream(data + 1, size - 1);
  std::string error, error_in_pieces;
  OTT_ASSERT(read(stream, stream.size(), error) == read(stream, std::size_t{data[0]} + 1, error_in_pieces));
  OTT_ASSERT(error == error_in_pieces);
  return 0;
}
