// The eight bytes in front of every message, and how messages are found in a run of received bytes, in
// place. PROTOCOL.md has the grammar. Nothing is read beyond what has arrived.
#pragma once

#include <optional>

#include "ott/types.h"

namespace ott {

inline constexpr std::uint8_t kProtocolVersion = 2;
inline constexpr std::size_t kHeaderBytes = 8;
/// The longest body before the handshake is over, and after it.
inline constexpr std::uint32_t kBodyBytesMaxUnauthenticated = 4096;
inline constexpr std::uint32_t kBodyBytesMax = 1U << 20U;

enum class MessageType : std::uint8_t {
  Ack = 1,
  Speers = 2,
  FinalAck = 3,
  Ping = 4,
  Message = 5,
  Data = 6,
  Tracker = 7,
  Start = 8,
  Stop = 9,
  Skip = 10,
  Links = 11,
  Watch = 12,
  Heartbeat = 13,
  Bye = 14,
  Streams = 15,
  Started = 16,
  Refused = 17,
  Query = 18,
  Report = 19,
  Sync = 20,
  AccessNodes = 128,
  Absent = 129,
  Place = 130,
  Film = 131,
  FilmAnswer = 132,
  Why = 133,
  WhyAnswer = 134,
  Look = 135,
  View = 136,
};
/// The last one that every receiver must know.
inline constexpr std::uint8_t kMessageTypeLast = 20;
/// Types from here on are optional: a receiver that does not know one passes over the message.
inline constexpr std::uint8_t kMessageTypeOptional = 128;

struct Header {
  MessageType type{};
  std::uint8_t flags = 0;    // Data: kFirstOfFrame, kLastOfFrame, kSyncPoint; 0 elsewhere
  std::uint8_t hops = 0;     // Data, Skip: overlay links crossed so far; 0 elsewhere
  std::uint32_t length = 0;  // bytes of the body

  [[nodiscard]] std::size_t total() const { return kHeaderBytes + length; }
};

/// REQUIRES: kHeaderBytes at `at`.
void store_header(std::uint8_t* at, const Header& header);

/// What the start of a run of bytes is.
struct Framed {
  enum class Kind : std::uint8_t { Incomplete, Whole, Malformed } kind = Kind::Incomplete;
  Header header;            // valid unless Malformed, or Incomplete with fewer than kHeaderBytes there
  bool has_header = false;  // Incomplete: whether `header` has been read
  const char* complaint = nullptr;  // Malformed: what is wrong, for the log
};

/// Looks at the first message in `bytes`. A body longer than `body_bytes_max` is malformed, and so is
/// anything that does not begin with our version byte and a known type. Both are found as soon as the bytes
/// are there.
[[gnu::hot]] Framed next_message(ByteSpan bytes, std::uint32_t body_bytes_max);

// ---- records: the two messages that travel through rings -------------------------------------------------

inline constexpr std::uint8_t kFirstOfFrame = 1;
inline constexpr std::uint8_t kLastOfFrame = 2;
/// On every record of a frame at which decoding can begin.
inline constexpr std::uint8_t kSyncPoint = 4;
inline constexpr std::uint8_t kRecordFlags = kFirstOfFrame | kLastOfFrame | kSyncPoint;
/// A record's bytes before its RTP packet: header, label, frame number, time.
inline constexpr std::size_t kRecordHeaderBytes = 32;
/// The longest RTP packet in a record.
inline constexpr std::size_t kRtpBytesMax = 16384;
/// A stream's frame numbers begin at 1 and stay far below this.
inline constexpr std::uint64_t kFrameNumberMax = std::uint64_t{1} << 62U;
/// DATA's time as a signed number of ns since the epoch.
inline constexpr std::uint64_t kSourceTimeMax = (std::uint64_t{1} << 63U) - 1;
/// How many frames one SKIP may name: more than an hour of 240 frames a second.
inline constexpr std::uint64_t kSkipFramesMax = std::uint64_t{1} << 20U;
/// The records of one frame together: what a source may send, and a ring makes room for.
inline constexpr std::size_t kFrameBytesMax = 16U << 20U;
/// The shortest: an RTP header (RFC 3550, section 5.1).
inline constexpr std::size_t kRtpBytesMin = 12;

/// A DATA or SKIP message. DATA carries one RTP packet of frame `frame`, sent by the source at `time`.
/// SKIP says that the frames from `frame` to `last_skipped` were left out by a slow-viewer policy.
struct Record {
  Header header;
  Label label;
  FrameNumber frame;
  std::uint64_t time_or_last = 0;
  ByteSpan rtp;

  [[nodiscard]] bool is_skip() const { return header.type == MessageType::Skip; }
  [[nodiscard]] bool first() const { return (header.flags & kFirstOfFrame) != 0; }
  [[nodiscard]] bool last() const { return (header.flags & kLastOfFrame) != 0; }
  [[nodiscard]] bool sync_point() const { return (header.flags & kSyncPoint) != 0; }
  [[nodiscard]] std::int64_t source_time_ns() const { return static_cast<std::int64_t>(time_or_last); }
  [[nodiscard]] FrameNumber last_skipped() const { return FrameNumber{time_or_last}; }
  /// RFC 3550, section 5.1. REQUIRES: !is_skip().
  [[nodiscard]] std::uint16_t rtp_sequence() const {
    return static_cast<std::uint16_t>((rtp[2] << 8U) | rtp[3]);
  }
};

inline bool is_record(MessageType type) { return type == MessageType::Data || type == MessageType::Skip; }

/// Reads the record that a Whole Framed of such a type stands for; nothing if its lengths or numbers are
/// wrong. REQUIRES: message.size() >= header.total().
[[gnu::hot]] std::optional<Record> parse_record(const Header& header, ByteSpan message);

/// Writes a record's first kRecordHeaderBytes. REQUIRES: that much space.
void store_record_header(std::uint8_t* at, const Header& header, Label label, FrameNumber frame,
                         std::uint64_t time_or_last);

/// One overlay link more. REQUIRES: a record's header at `at`. Stays at 255 rather than wrap.
inline void increment_hops(std::uint8_t* at) {
  if (at[3] != 0xFF) ++at[3];
}

}  // namespace ott
