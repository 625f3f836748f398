// What a stream carries, as a session description says it (RFC 8866): one RTP flow's media, encoding, clock
// rate, channels and format parameters. Relays only hand it on.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

namespace ott {

/// The media of an m= line (RFC 8866, section 5.14).
enum class MediaKind : std::uint8_t { Video = 0, Audio = 1, Text = 2, Application = 3 };
inline constexpr std::uint8_t kMediaKindLast = 3;
std::string_view to_string(MediaKind kind);

inline constexpr std::uint32_t kClockRateMax = 1'000'000'000;
inline constexpr std::uint8_t kChannelsMax = 64;
inline constexpr std::uint8_t kRtpPayloadTypeMax = 127;
inline constexpr std::size_t kEncodingBytesMax = 64;
inline constexpr std::size_t kFormatParametersBytesMax = 4'096;

struct MediaFormat {
  MediaKind media = MediaKind::Video;
  std::string encoding = "JPEG";      // as registered, "H264"; compare with is(); empty: not known yet
  std::uint32_t clock_rate = 90'000;  // of RTP timestamps, Hz; 1 to kClockRateMax
  std::uint8_t channels = 0;          // of audio; 0: not said, or not audio
  std::uint8_t payload_type = 26;     // of its packets; RFC 3551: JPEG
  std::string parameters{};           // of a=fmtp, without the payload type; no control characters

  auto operator<=>(const MediaFormat&) const = default;

  /// Encoding names have no case (RFC 4855, section 3).
  [[nodiscard]] bool is(std::string_view name) const;
  /// JPEG of RFC 2435, which is taken apart and put together again at the ends of the overlay; packets of all
  /// others pass as they are.
  [[nodiscard]] bool is_jpeg() const { return media == MediaKind::Video && is("JPEG"); }
};

/// "video H264", "audio opus 48000 Hz, 2 channels"; for people.
std::string describe(const MediaFormat& format);

}  // namespace ott
