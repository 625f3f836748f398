// RTSP/1.0 (RFC 2326) as bytes: requests, responses and interleaved frames, out of one connection and into
// it. For clients and servers. A reader belongs to one connection; its memory is bounded, and what is
// malformed is an error after which the connection is of no more use.
//
//     while (auto n = read(reader.space())) { reader.advance(n); while (... unit = reader.next()) ...; }
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "ott/result.h"
#include "ott/types.h"

namespace ott {

inline constexpr std::uint16_t kRtspPort = 554;

/// A request, or a response (`status` is not 0).
struct RtspMessage {
  std::string method;  // of a request, as are the next two
  std::string uri;     // or "*"
  std::string version = "1.0";
  unsigned status = 0;  // 100 to 599
  std::string reason;
  std::vector<std::pair<std::string, std::string>> headers;  // names and values, in their order
  std::string body;

  [[nodiscard]] bool is_response() const { return status != 0; }
  /// The first header of this name, in any case; null if there is none.
  [[nodiscard]] const std::string* find(std::string_view name) const;
  /// All of this name, in their order.
  [[nodiscard]] std::vector<std::string_view> find_all(std::string_view name) const;
  [[nodiscard]] std::optional<std::uint32_t> cseq() const;
  void add(std::string name, std::string value) { headers.emplace_back(std::move(name), std::move(value)); }
};

/// The bytes that are sent. Content-Length is added where there is a body. REQUIRES: no control characters in
/// the start line and the headers.
std::string to_string(const RtspMessage& message);

/// RFC 2326, section 10.12: a packet of RTP or RTCP between messages.
struct RtspInterleaved {
  std::uint8_t channel = 0;
  ByteSpan data;  // valid until the reader's next call
};
inline constexpr std::size_t kInterleavedHeaderBytes = 4;
inline constexpr std::size_t kInterleavedBytesMax = 0xFFFF;
/// What goes before a packet. REQUIRES: at most kInterleavedBytesMax.
std::array<std::uint8_t, kInterleavedHeaderBytes> interleaved_header(std::uint8_t channel, std::size_t bytes);

class RtspReader {
 public:
  struct Limits {
    std::size_t header_bytes = 16 << 10;  // start line and headers
    std::size_t headers = 100;
    std::size_t body_bytes = 64 << 10;
  };
  explicit RtspReader(Limits limits) : limits_(limits) {}
  RtspReader() : RtspReader(Limits{}) {}

  /// Room to receive into. Ends the life of the frame last returned.
  MutableByteSpan space();
  void advance(std::size_t bytes);
  /// True if nothing waits to be read, not even a part of a unit.
  [[nodiscard]] bool empty() const { return begin_ == end_ && !awaits_body_; }

  using Unit = std::variant<RtspMessage, RtspInterleaved>;
  /// The next whole unit; nullopt: more bytes are needed. An error says what is wrong; it stays.
  Result<std::optional<Unit>> next();

 private:
  Result<std::optional<Unit>> next_interleaved(ByteSpan window);
  Result<std::optional<Unit>> next_message(ByteSpan window);
  Result<std::size_t> find_header_end(ByteSpan window);

  Limits limits_;
  std::vector<std::uint8_t> buffer_;
  std::size_t begin_ = 0, end_ = 0;
  std::size_t searched_ = 0;  // so much of the window holds no end of headers
  std::optional<RtspMessage> awaits_body_;
  std::size_t body_bytes_ = 0;
  std::optional<Error> failed_;
};

/// Session (RFC 2326, section 12.37).
struct RtspSession {
  std::string id;
  std::chrono::seconds timeout{60};
};
/// An id of visible characters; a timeout that makes no sense is the default.
Result<RtspSession> parse_rtsp_session(std::string_view value);

/// One way of transport (RFC 2326, section 12.39). Ports are those of RTP and RTCP.
struct RtspTransport {
  using Pair = std::pair<std::uint16_t, std::uint16_t>;

  std::string profile = "RTP/AVP";  // or RTP/SAVP, ...
  bool tcp = false;
  bool multicast = false;
  std::optional<Pair> interleaved;  // channels, at most 255
  std::optional<Pair> client_port;
  std::optional<Pair> server_port;
  std::optional<Pair> port;  // of multicast
  std::optional<std::uint8_t> ttl;
  std::optional<std::uint32_t> ssrc;
  std::string source;       // an address, as the next
  std::string destination;  // or empty
  std::string mode;         // "PLAY", "RECORD" or empty
};
/// The alternatives of a Transport header, best first. An alternative with numbers out of range is an error;
/// parameters that are not known are left out.
Result<std::vector<RtspTransport>> parse_rtsp_transports(std::string_view value);
std::string to_string(const RtspTransport& transport);

}  // namespace ott
