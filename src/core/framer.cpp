#include "ott/framer.h"

#include "ott/bytes.h"

namespace ott {

void store_header(std::uint8_t* at, const Header& header) {
  at[0] = kProtocolVersion;
  at[1] = static_cast<std::uint8_t>(header.type);
  at[2] = header.flags;
  at[3] = header.hops;
  store_be<std::uint32_t>(at + 4, header.length);
}

namespace {

Framed malformed(const char* complaint) {
  Framed framed;
  framed.kind = Framed::Kind::Malformed;
  framed.complaint = complaint;
  return framed;
}

}  // namespace

Framed next_message(ByteSpan bytes, std::uint32_t body_bytes_max) {
  if (!bytes.empty() && bytes[0] != kProtocolVersion)
    return malformed("it is not ottd's protocol, version 2");
  if (bytes.size() >= 2 &&
      (bytes[1] == 0 || (bytes[1] > kMessageTypeLast && bytes[1] < kMessageTypeOptional))) {
    return malformed("unknown message type");
  }
  Framed framed;
  if (bytes.size() < kHeaderBytes) return framed;
  framed.header.type = MessageType{bytes[1]};
  framed.header.flags = bytes[2];
  framed.header.hops = bytes[3];
  framed.header.length = load_be<std::uint32_t>(bytes.data() + 4);
  framed.has_header = true;
  const bool record = is_record(framed.header.type);
  const bool optional = bytes[1] >= kMessageTypeOptional;
  if (!record && !optional && (framed.header.flags != 0 || framed.header.hops != 0)) {
    return malformed("flags or hops on a message that has none");
  }
  if (framed.header.length > body_bytes_max ||
      (record && framed.header.length > kRecordHeaderBytes - kHeaderBytes + kRtpBytesMax)) {
    return malformed("message too long");
  }
  if (bytes.size() >= framed.header.total()) framed.kind = Framed::Kind::Whole;
  return framed;
}

std::optional<Record> parse_record(const Header& header, ByteSpan message) {
  if (header.total() < kRecordHeaderBytes) return std::nullopt;
  Record record;
  record.header = header;
  record.label = Label{load_be<std::uint64_t>(message.data() + 8)};
  record.frame = FrameNumber{load_be<std::uint64_t>(message.data() + 16)};
  record.time_or_last = load_be<std::uint64_t>(message.data() + 24);
  record.rtp = message.subspan(kRecordHeaderBytes, header.total() - kRecordHeaderBytes);
  if (record.frame.value == 0 || record.frame.value > kFrameNumberMax) return std::nullopt;
  if (record.is_skip()) {
    if (!record.rtp.empty() || header.flags != 0 || record.last_skipped() < record.frame) return std::nullopt;
    if (record.last_skipped().value > kFrameNumberMax) return std::nullopt;
    if (record.last_skipped().value - record.frame.value >= kSkipFramesMax) return std::nullopt;
  } else if (record.time_or_last > kSourceTimeMax || record.rtp.size() < kRtpBytesMin ||
             (header.flags & ~kRecordFlags) != 0) {
    return std::nullopt;
  }
  return record;
}

void store_record_header(std::uint8_t* at, const Header& header, Label label, FrameNumber frame,
                         std::uint64_t time_or_last) {
  store_header(at, header);
  store_be<std::uint64_t>(at + 8, label.value);
  store_be<std::uint64_t>(at + 16, frame.value);
  store_be<std::uint64_t>(at + 24, time_or_last);
}

}  // namespace ott
