#include "media/rtp_part.h"

#include <fmt/format.h>

#include <algorithm>

#include "media/text.h"

namespace ott {
namespace {

std::optional<MediaKind> kind_of(std::string_view text) {
  for (std::uint8_t kind = 0; kind <= kMediaKindLast; ++kind) {
    if (equal_no_case(text, to_string(MediaKind{kind}))) return MediaKind{kind};
  }
  return std::nullopt;
}

/// What repeats or protects another format of the same media (RFC 2198, 4588, 5109, 8627), or goes beside it
/// (RFC 4733, 3389).
bool is_beside_another(std::string_view encoding) {
  return std::ranges::any_of(std::array<std::string_view, 7>{"red", "rtx", "ulpfec", "flexfec",
                                                             "telephone-event", "CN", "parityfec"},
                             [&](std::string_view one) { return equal_no_case(encoding, one); });
}

/// Why this format cannot be taken; empty: it can be.
std::string flaw_of(const SdpFormat& format) {
  if (format.encoding.empty() && !format.flaw.empty()) return format.flaw;
  if (format.encoding.empty())
    return fmt::format("no a=rtpmap says what payload type {} is", format.payload_type);
  if (is_beside_another(format.encoding))
    return fmt::format("{} is no medium by itself", printable(format.encoding));
  if (format.encoding.size() > kEncodingBytesMax)
    return fmt::format("an encoding's name of more than {} bytes", kEncodingBytesMax);
  if (format.clock_rate == 0 || format.clock_rate > kClockRateMax)
    return fmt::format("a clock rate of {} Hz", format.clock_rate);
  if (format.channels > kChannelsMax)
    return fmt::format("{} channels; {} are the most", format.channels, kChannelsMax);
  if (format.parameters.size() > kFormatParametersBytesMax)
    return fmt::format("format parameters of more than {} bytes", kFormatParametersBytesMax);
  return "";
}

}  // namespace

Result<RtpPart> rtp_part(const SdpMedia& media) {
  if (!media.flaw.empty()) return fail(media.flaw);
  const auto kind = kind_of(media.kind);
  if (!kind) return fail("it is none of video, audio, text and application");
  if (!is_rtp(media.protocol) || media.protocol.find("SAVP") != std::string::npos)
    return fail(fmt::format("{} is not taken, but RTP/AVP", printable(media.protocol)));
  if (media.formats.empty()) return fail("its m= line names no payload type");
  if (media.direction == SdpDirection::Inactive) return fail("it is inactive");
  std::string why;
  for (const SdpFormat& format : media.formats) {
    const std::string flaw = flaw_of(format);
    if (why.empty()) why = flaw;
    if (!flaw.empty()) continue;
    RtpPart part;
    part.format = {*kind, format.encoding, format.clock_rate, 0, format.payload_type, format.parameters};
    if (*kind == MediaKind::Audio) part.format.channels = static_cast<std::uint8_t>(format.channels);
    if (part.format.is_jpeg()) part.format = MediaFormat{};
    part.payload_type = format.payload_type;
    constexpr unsigned kSideMax = 65'535;
    if (media.size && media.size->width <= kSideMax && media.size->height <= kSideMax) {
      part.size = PictureSize{static_cast<std::uint16_t>(media.size->width),
                              static_cast<std::uint16_t>(media.size->height)};
    }
    part.fps = media.fps.value_or(0);
    return part;
  }
  return fail(why);
}

MediaPart media_part(const RtpPart& part) {
  const auto size = part.size.value_or(PictureSize{0, 0});
  return {part.format, size.width, size.height, part.fps};
}

std::string unusable(const SdpMedia& media, std::string_view why) {
  const bool known = !media.formats.empty() && !media.formats[0].encoding.empty();
  const std::string place = media.flaw.empty() ? fmt::format("SDP line {}, ", media.line) : "";
  return fmt::format("{}{} {}: {}", place, printable(media.kind, 20),
                     printable(known ? media.formats[0].encoding : media.protocol, 20), why);
}

}  // namespace ott
