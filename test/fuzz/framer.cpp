// Any bytes as a run of messages: it comes apart the same way wherever it is cut, a message's kind is known
// no later than its last byte, and records hold nothing but what is there.
#include "ott/framer.h"

#include <algorithm>
#include <array>

#include "ott/assert.h"

namespace {

using Kind = ott::Framed::Kind;

void check_record(const ott::Header& header, ott::ByteSpan message) {
  const auto record = ott::parse_record(header, message);
  if (!record) return;
  OTT_ASSERT(record->frame.value > 0);
  OTT_ASSERT(record->rtp.size() + ott::kRecordHeaderBytes == header.total());
  OTT_ASSERT(record->is_skip() ? record->last_skipped() >= record->frame
                               : record->rtp.size() >= ott::kRtpBytesMin);
  std::array<std::uint8_t, ott::kRecordHeaderBytes> again{};
  ott::store_record_header(again.data(), header, record->label, record->frame, record->time_or_last);
  OTT_ASSERT(std::equal(again.begin(), again.end(), message.begin()));
}

/// What is said of a prefix is never taken back.
void check_prefixes(ott::ByteSpan bytes, std::uint32_t bound, const ott::Framed& whole) {
  for (std::size_t size = 0; size <= std::min<std::size_t>(bytes.size(), 2 * ott::kHeaderBytes); ++size) {
    const ott::Framed framed = ott::next_message(bytes.first(size), bound);
    OTT_ASSERT(framed.kind == Kind::Incomplete || framed.kind == whole.kind);
    OTT_ASSERT(framed.kind != Kind::Incomplete || framed.has_header == (size >= ott::kHeaderBytes));
  }
}

void take_apart(ott::ByteSpan bytes, std::uint32_t bound) {
  while (true) {
    const ott::Framed framed = ott::next_message(bytes, bound);
    check_prefixes(bytes, bound, framed);
    OTT_ASSERT((framed.kind == Kind::Malformed) == (framed.complaint != nullptr));
    if (framed.kind == Kind::Incomplete) {
      OTT_ASSERT(!framed.has_header || framed.header.total() > bytes.size());
    }
    if (framed.kind != Kind::Whole) return;
    OTT_ASSERT(framed.header.total() <= bytes.size() && framed.header.length <= bound);
    std::array<std::uint8_t, ott::kHeaderBytes> again{};
    ott::store_header(again.data(), framed.header);
    OTT_ASSERT(std::equal(again.begin(), again.end(), bytes.begin()));
    if (ott::is_record(framed.header.type)) check_record(framed.header, bytes);
    bytes = bytes.subspan(framed.header.total());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  take_apart({data, size}, ott::kBodyBytesMax);
  take_apart({data, size}, ott::kBodyBytesMaxUnauthenticated);
  take_apart({data, size}, 32);
  return 0;
}
