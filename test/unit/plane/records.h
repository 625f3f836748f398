// Frames as records, and what a test does with a stream's buffer: write a frame at its head, read them back.
#pragma once

#include <algorithm>
#include <chrono>
#include <vector>

#include "ott/assert.h"
#include "plane/flow.h"

namespace ott::test {

using Bytes = std::vector<std::uint8_t>;

inline constexpr StreamId kTestStream{0x1234567};

inline MonoTime at_ms(std::int64_t ms) { return MonoTime(std::chrono::milliseconds(ms)); }

/// What the source's time is at each frame, in ns: ten a second.
inline constexpr std::uint64_t kFrameTimeNs = 100'000'000;

/// What a test's frames are unless it says otherwise.
inline constexpr bool kIsSyncPoint = true;

/// One DATA record whose payload follows from frame and sequence number.
inline Bytes data_record(std::uint64_t frame, std::uint16_t sequence, std::uint8_t flags,
                         std::size_t rtp_bytes, bool sync_point = kIsSyncPoint) {
  Bytes bytes(kRecordHeaderBytes + rtp_bytes);
  if (sync_point) flags |= kSyncPoint;
  const Header header{MessageType::Data, flags, 0, static_cast<std::uint32_t>(bytes.size() - kHeaderBytes)};
  store_record_header(bytes.data(), header, make_label(kTestStream, 1), FrameNumber{frame},
                      frame * kFrameTimeNs);
  std::uint8_t* rtp = bytes.data() + kRecordHeaderBytes;
  for (std::size_t i = 0; i < rtp_bytes; ++i)
    rtp[i] = static_cast<std::uint8_t>(frame * 31 + sequence * 7 + i);
  rtp[2] = static_cast<std::uint8_t>(sequence >> 8U);
  rtp[3] = static_cast<std::uint8_t>(sequence & 0xFFU);
  return bytes;
}

inline Bytes skip_record(std::uint64_t first, std::uint64_t last) {
  Bytes bytes(kRecordHeaderBytes);
  const Header header{MessageType::Skip, 0, 0, kRecordHeaderBytes - kHeaderBytes};
  store_record_header(bytes.data(), header, make_label(kTestStream, 1), FrameNumber{first}, last);
  return bytes;
}

/// REQUIRES: a whole record.
inline Record record_of(ByteSpan bytes) {
  const Framed framed = next_message(bytes, kBodyBytesMax);
  OTT_ASSERT(framed.kind == Framed::Kind::Whole);
  return *parse_record(framed.header, bytes);
}

/// Writes at the head, if the buffer takes it. `Into` is a StreamBuffer or a Flow, whose readers then move
/// on.
template <class Into>
bool put(Into& into, StreamBuffer& buffer, const Bytes& bytes, MonoTime now) {
  const Record record = record_of(bytes);
  if (!buffer.takes(record)) return false;
  const MutableByteSpan room = into.room(bytes.size());
  std::copy(bytes.begin(), bytes.end(), room.begin());
  buffer.commit(record_of(room), now);
  return true;
}
inline bool put(StreamBuffer& buffer, const Bytes& bytes, MonoTime now = {}) {
  return put(buffer, buffer, bytes, now);
}
inline bool put(Flow& flow, const Bytes& bytes, MonoTime now = {}) {
  return put(flow, flow.buffer, bytes, now);
}

/// Frames of a stream in order, with RTP sequence numbers that go on.
class Source {
 public:
  std::uint64_t last = 0;
  std::uint64_t gop = 1;  // each so many frames, from the first on, there is a sync point

  [[nodiscard]] bool is_sync_point() const { return (last - 1) % gop == 0; }

  template <class Into>
  void frame(Into& into, std::size_t records = 1, std::size_t rtp_bytes = 100, MonoTime now = {}) {
    ++last;
    for (std::size_t i = 0; i < records; ++i) {
      const auto flags =
          static_cast<std::uint8_t>((i == 0 ? kFirstOfFrame : 0) | (i + 1 == records ? kLastOfFrame : 0));
      OTT_ASSERT(put(into, data_record(last, sequence_++, flags, rtp_bytes, is_sync_point()), now));
    }
  }
  /// The beginning of a frame, or more of it.
  template <class Into>
  void part(Into& into, bool first, std::size_t rtp_bytes = 100, MonoTime now = {}) {
    if (first) ++last;
    const std::uint8_t flags = first ? kFirstOfFrame : 0;
    OTT_ASSERT(put(into, data_record(last, sequence_++, flags, rtp_bytes, is_sync_point()), now));
  }
  /// Its end.
  template <class Into>
  void end(Into& into, std::size_t rtp_bytes = 100, MonoTime now = {}) {
    OTT_ASSERT(put(into, data_record(last, sequence_++, kLastOfFrame, rtp_bytes, is_sync_point()), now));
  }
  template <class Into>
  void skip(Into& into, std::uint64_t frames, MonoTime now = {}) {
    OTT_ASSERT(put(into, skip_record(last + 1, last + frames), now));
    last += frames;
  }

 private:
  std::uint16_t sequence_ = 65'500;
};

/// Of all tests that are not about it.
inline RingBudget& ample_budget() {
  static RingBudget budget(std::size_t{4} << 30U);
  return budget;
}
inline StreamBuffer make_buffer(std::size_t capacity_bytes = 1U << 16U, std::size_t frames_max = 256) {
  return std::move(*StreamBuffer::create(ample_budget(), capacity_bytes, frames_max));
}
inline Flow make_flow(std::size_t capacity_bytes = 1U << 16U, std::size_t frames_max = 256) {
  StreamInfo info;
  info.id = kTestStream;
  return {make_buffer(capacity_bytes, frames_max), NodeId{}, std::move(info)};
}

/// "5" for a frame's only record, "5+" and "5." for the first and last of several, "5-7s" for a SKIP.
inline std::string describe(const Record& record) {
  const std::string frame = std::to_string(record.frame.value);
  if (record.is_skip()) return frame + "-" + std::to_string(record.last_skipped().value) + "s";
  return frame + (record.first() && record.last() ? "" : record.first() ? "+" : record.last() ? "." : "~");
}

/// All whole records in a run of bytes, described; "?" at the end if there is more.
inline std::string describe(ByteSpan bytes) {
  std::string text;
  while (!bytes.empty()) {
    const Framed framed = next_message(bytes, kBodyBytesMax);
    const auto record =
        framed.kind == Framed::Kind::Whole ? parse_record(framed.header, bytes) : std::nullopt;
    if (!text.empty()) text += ' ';
    if (!record) return text + '?';
    text += describe(*record);
    bytes = bytes.subspan(record->header.total());
  }
  return text;
}

}  // namespace ott::test
