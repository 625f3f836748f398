#include "media/rtp_address.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>

#include "media/sdp.h"
#include "media/text.h"
#include "ott/bytes.h"

namespace ott {
namespace {

constexpr std::string_view kScheme = "rtp://";

std::string quoted(std::string_view text) { return "'" + printable(text) + "'"; }

Result<NodeId> parse_place(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  const auto port =
      colon == std::string_view::npos ? std::nullopt : parse_number<std::uint16_t>(text.substr(colon + 1));
  if (!port || *port == 0) return fail("a port is missing, as in rtp://:5004 or rtp://239.1.2.3:5004");
  std::string_view host = text.substr(0, colon);
  if (host.empty()) return NodeId{{}, *port};
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return fail("an IPv6 address is written in [ ]");
  }
  const auto address = parse_ip(host);
  if (!address) {
    return fail(
        quoted(host) +
        " is no IP address; it is an address of this host or a multicast group, where RTP is sent to");
  }
  return NodeId{*address, *port};
}

Result<void> take_source(std::string_view text, RtpAddress& address) {
  const auto source = parse_ip(text);
  if (!source) return fail("source=" + printable(text) + " is not the IP address of a sender");
  if (!address.at.address.is_unspecified() && source->is_v4() != address.at.address.is_v4()) {
    return fail("source=" + printable(text) + " and the address are not of one IP version");
  }
  address.source = *source;
  return {};
}

Result<void> take_size(std::string_view text, RtpAddress& address) {
  const auto size = parse_picture_size(text);
  if (!size) return tl::unexpected<Error>(size.error());
  address.size = *size;
  return {};
}

Result<void> take_payload_type(std::string_view text, RtpAddress& address) {
  const auto type = parse_number<std::uint8_t>(text);
  if (!type || *type > 127) return fail("pt=" + printable(text) + " is not a payload type from 0 to 127");
  address.payload_type = *type;
  return {};
}

/// What an encoding is, unless it is said; of those that have a static payload type it is theirs.
struct UsualFormat {
  std::string_view encoding;
  MediaKind media;
  std::uint32_t clock_rate;
  std::uint8_t channels;
  std::uint8_t payload_type;
};
constexpr std::uint8_t kDynamicType = 96;
constexpr std::array kUsualFormats = {
    UsualFormat{"JPEG", MediaKind::Video, 90'000, 0, 26},
    UsualFormat{"MP2T", MediaKind::Video, 90'000, 0, 33},
    UsualFormat{"opus", MediaKind::Audio, 48'000, 2, kDynamicType},
    UsualFormat{"PCMU", MediaKind::Audio, 8'000, 1, 0},
    UsualFormat{"PCMA", MediaKind::Audio, 8'000, 1, 8},
    UsualFormat{"G722", MediaKind::Audio, 8'000, 1, 9},
    UsualFormat{"L16", MediaKind::Audio, 44'100, 2, 10},
    UsualFormat{"MPA", MediaKind::Audio, 90'000, 0, 14},
    UsualFormat{"MPEG4-GENERIC", MediaKind::Audio, 48'000, 2, kDynamicType},
    UsualFormat{"MP4A-LATM", MediaKind::Audio, 48'000, 2, kDynamicType},
    UsualFormat{"t140", MediaKind::Text, 1'000, 0, 98},
};

/// As the options say it, before it is known which encoding it is.
struct FormatOptions {
  std::optional<MediaKind> media;
  std::string_view encoding;
  std::optional<std::uint32_t> clock_rate;
  std::optional<std::uint8_t> channels;
  std::optional<std::uint8_t> payload_type;
  std::string_view parameters;
  std::string_view any;  // one of those that need an encoding
};

Result<void> take_media(std::string_view text, FormatOptions& options) {
  for (std::uint8_t kind = 0; kind <= kMediaKindLast; ++kind) {
    if (text == to_string(MediaKind{kind})) options.media = MediaKind{kind};
  }
  if (!options.media)
    return fail("media=" + printable(text) + " is none of video, audio, text and application");
  return {};
}

/// True if it is one of these options.
Result<bool> take_format_option(std::string_view name, std::string_view value, FormatOptions& options) {
  const auto wrong = [&](std::string_view what) {
    return fail(std::string(name) + "=" + printable(value) + " is " + std::string(what));
  };
  if (name == "encoding") {
    if (value.empty() || value.size() > kEncodingBytesMax) return wrong("no encoding, as in encoding=H264");
    options.encoding = value;
    return true;
  }
  if (name != "media" && name != "rate" && name != "channels" && name != "fmtp") return false;
  options.any = name;
  if (name == "media") {
    if (auto taken = take_media(value, options); !taken) return tl::unexpected<Error>(taken.error());
  } else if (name == "rate") {
    options.clock_rate = parse_number<std::uint32_t>(value);
    if (!options.clock_rate || *options.clock_rate == 0 || *options.clock_rate > kClockRateMax)
      return wrong("no clock rate in Hz, as in rate=90000");
  } else if (name == "channels") {
    options.channels = parse_number<std::uint8_t>(value);
    if (!options.channels || *options.channels == 0 || *options.channels > kChannelsMax)
      return wrong("no number of channels from 1 to 64");
  } else {
    if (value.size() > kFormatParametersBytesMax || has_control_character(value))
      return wrong("too long, or has control characters");
    options.parameters = value;
  }
  return true;
}

Result<void> take_format(const FormatOptions& options, RtpAddress& address) {
  if (options.encoding.empty()) {
    if (!options.any.empty()) return fail(std::string(options.any) + "= says nothing without encoding=");
    return {};
  }
  const auto usual = std::ranges::find_if(
      kUsualFormats, [&](const UsualFormat& one) { return equal_no_case(one.encoding, options.encoding); });
  UsualFormat format{options.encoding, MediaKind::Video, 90'000, 0, kDynamicType};
  if (usual != kUsualFormats.end()) format = *usual;
  format.media = options.media.value_or(format.media);
  format.channels = options.channels.value_or(format.channels);
  if (!options.payload_type) address.payload_type = format.payload_type;
  address.format = {format.media,
                    std::string(options.encoding),
                    options.clock_rate.value_or(format.clock_rate),
                    format.media == MediaKind::Audio ? format.channels : std::uint8_t{0},
                    address.payload_type,
                    std::string(options.parameters)};
  if (address.format.is_jpeg()) address.format = MediaFormat{};
  return {};
}

Result<void> take_option(std::string_view option, RtpAddress& address) {
  const auto [name, value] = cut(option, '=');
  if (name == "source") return take_source(value, address);
  if (name == "size") return take_size(value, address);
  if (name == "pt") return take_payload_type(value, address);
  if (name == "interface" && !value.empty()) {
    address.interface = value;
    return {};
  }
  return fail("unknown option " + quoted(option) +
              "; there are source=ADDRESS, interface=NAME, size=WIDTHxHEIGHT and pt=NUMBER, and for rtp:// "
              "encoding=NAME, media=, rate=, channels= and fmtp=, joined by '&'");
}

Result<void> take_options(std::string_view options, RtpAddress& address, FormatOptions* format) {
  while (!options.empty()) {
    const std::string_view option = take_until(options, '&');
    const auto [name, value] = cut(option, '=');
    if (format != nullptr) {
      const auto is_format = take_format_option(name, value, *format);
      if (!is_format) return tl::unexpected<Error>(is_format.error());
      if (*is_format) continue;
      if (name == "pt") format->payload_type = 0;
    }
    if (auto taken = take_option(option, address); !taken) return taken;
  }
  return {};
}

Result<RtpAddress> parse(std::string_view text) {
  if (!text.starts_with(kScheme)) return fail("it does not begin with rtp://");
  auto [place, options] = cut(text.substr(kScheme.size()), '?');
  if (place.ends_with('/')) place.remove_suffix(1);
  std::string_view sender;
  if (place.find('@') != std::string_view::npos) sender = take_until(place, '@');
  RtpAddress address;
  const auto at = parse_place(place);
  if (!at) return tl::unexpected<Error>(at.error());
  address.at = *at;
  FormatOptions format;
  auto taken = sender.empty() ? Result<void>() : take_source(sender, address);
  if (taken) taken = take_options(options, address, &format);
  if (taken) taken = take_format(format, address);
  if (!taken) return tl::unexpected<Error>(std::move(taken.error()));
  return address;
}

Result<void> take_filter(const SdpSourceFilter& filter, RtpAddress& address) {
  if (filter.exclude || filter.sources.size() != 1)
    return fail("its source filter does not name the one sender that is listened to");
  return take_source(filter.sources.front(), address);
}

/// "53020", or "53020 IN IP4 126.16.64.4" (RFC 3605).
void take_rtcp(std::string_view text, RtpAddress& address) {
  text = trimmed(text);
  const auto port = parse_number<std::uint16_t>(take_until(text, ' '));
  if (!port || *port == 0) return;
  const std::size_t last = text.rfind(' ');
  const auto at = parse_ip(last == std::string_view::npos ? text : text.substr(last + 1));
  address.rtcp_at = NodeId{at ? *at : address.at.address, *port};
}

/// True if what is sent to one of them comes to the other as well. Groups may have one port, and so may the
/// senders to a group.
bool is_same_place(const RtpAddress& one, const RtpAddress& other) {
  if (one.at.port != other.at.port) return false;
  if (one.source && other.source && *one.source != *other.source) return false;
  const IpAddress& here = one.at.address;
  const IpAddress& there = other.at.address;
  return here == there || here.is_unspecified() || there.is_unspecified();
}

Result<RtpAddress> address_of(const Sdp& session, const SdpMedia& media) {
  const auto part = rtp_part(media);
  if (!part) return tl::unexpected<Error>(part.error());
  RtpAddress address;
  address.format = part->format;
  address.payload_type = part->payload_type;
  address.size = part->size;
  address.fps = part->fps;
  address.at.port = media.port;
  if (media.port == 0) return fail("it does not say which port it is sent to");
  if (const auto& connection = session.connection_of(media)) {
    const auto at = parse_ip(connection->address);
    if (!at) return fail(quoted(connection->address) + ", where it is sent to, is no IP address");
    address.at.address = *at;
  }
  for (const auto& [name, value] : media.other) {
    if (name == "rtcp") take_rtcp(value, address);
    address.rtcp_mux = address.rtcp_mux || name == "rtcp-mux";
  }
  const auto& filter = session.source_filter_of(media);
  if (filter) {
    if (auto taken = take_filter(*filter, address); !taken) return tl::unexpected<Error>(taken.error());
  }
  return address;
}

}  // namespace

Result<PictureSize> parse_picture_size(std::string_view text) {
  const auto [width_text, height_text] = cut(text, 'x');
  const auto width = parse_number<std::uint16_t>(width_text);
  const auto height = parse_number<std::uint16_t>(height_text);
  if (!width || !height || *width == 0 || *height == 0)
    return fail("size=" + printable(text) + " is not WIDTHxHEIGHT, as in size=3840x2160");
  return PictureSize{*width, *height};
}

Result<RtpAddress> parse_rtp_address(std::string_view text) {
  auto address = parse(text);
  if (!address) return fail("source " + quoted(text) + ": " + address.error().message);
  return address;
}

Result<SdpAddresses> parse_sdp_addresses(std::string_view sdp, std::string_view options) {
  const auto session = parse_sdp(sdp);
  if (!session) return tl::unexpected<Error>(session.error());
  SdpAddresses all;
  std::vector<std::size_t> lines;  // of the m= of each of its parts
  RtpAddress asked;                // what the options say
  asked.payload_type = kRtpPayloadTypeMax + 1;
  if (auto taken = take_options(options, asked, nullptr); !taken) return tl::unexpected<Error>(taken.error());
  for (const SdpMedia& media : session->media) {
    auto address = address_of(*session, media);
    if (!address) {
      all.unusable.push_back(unusable(media, address.error().message));
      continue;
    }
    if (asked.source) address->source = asked.source;
    if (!asked.interface.empty()) address->interface = asked.interface;
    if (address->format.is_jpeg() && asked.size) address->size = asked.size;
    if (address->format.is_jpeg() && asked.payload_type <= kRtpPayloadTypeMax)
      address->payload_type = asked.payload_type;
    const auto other = std::ranges::find_if(
        all.parts, [&address](const RtpAddress& one) { return is_same_place(one, *address); });
    if (other != all.parts.end()) {
      const std::size_t line = lines[static_cast<std::size_t>(other - all.parts.begin())];
      all.unusable.push_back(unusable(
          media, fmt::format("port {} is that of the media in line {} already", address->at.port, line)));
      continue;
    }
    all.parts.push_back(std::move(*address));
    lines.push_back(media.line);
  }
  std::ranges::move(passed_over(*session), std::back_inserter(all.unusable));
  if (!all.parts.empty()) return all;
  const std::string what = session->media.empty() ? "it describes no media" : "nothing of it can be taken";
  return fail(all.unusable.empty() ? what : what + ": " + all.unusable.front());
}

}  // namespace ott
