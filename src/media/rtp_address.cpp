#include "media/rtp_address.h"

#include <algorithm>

#include "media/sdp.h"
#include "media/text.h"

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
              "; there are source=ADDRESS, interface=NAME, size=WIDTHxHEIGHT and pt=NUMBER, joined by '&'");
}

Result<void> take_options(std::string_view options, RtpAddress& address) {
  while (!options.empty()) {
    if (auto taken = take_option(take_until(options, '&'), address); !taken) return taken;
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
  auto taken = sender.empty() ? Result<void>() : take_source(sender, address);
  if (taken) taken = take_options(options, address);
  if (!taken) return tl::unexpected<Error>(std::move(taken.error()));
  return address;
}

/// The payload type of JPEG, if the media have it.
std::optional<std::uint8_t> jpeg_type(const SdpMedia& media) {
  const auto format = std::ranges::find_if(
      media.formats, [](const SdpFormat& one) { return equal_no_case(one.encoding, "JPEG"); });
  return format == media.formats.end() ? std::nullopt : std::optional(format->payload_type);
}

Result<void> take_filter(const SdpSourceFilter& filter, RtpAddress& address) {
  if (filter.exclude || filter.sources.size() != 1)
    return fail("its source filter does not name the one sender that is listened to");
  return take_source(filter.sources.front(), address);
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

Result<RtpAddress> parse_sdp_address(std::string_view sdp, std::string_view options) {
  const auto session = parse_sdp(sdp);
  if (!session) return tl::unexpected<Error>(session.error());
  const auto media =
      std::ranges::find_if(session->media, [](const SdpMedia& one) { return jpeg_type(one).has_value(); });
  if (media == session->media.end()) return fail("it has no JPEG video, but " + offered(*session));
  RtpAddress address;
  address.payload_type = *jpeg_type(*media);
  address.at.port = media->port;
  if (media->port == 0) return fail("it does not say which port the video is sent to");
  if (const auto& connection = session->connection_of(*media)) {
    const auto at = parse_ip(connection->address);
    if (!at) return fail(quoted(connection->address) + ", where the video is sent to, is no IP address");
    address.at.address = *at;
  }
  constexpr unsigned kSideMax = 65'535;
  if (media->size && media->size->width <= kSideMax && media->size->height <= kSideMax) {
    address.size = PictureSize{static_cast<std::uint16_t>(media->size->width),
                               static_cast<std::uint16_t>(media->size->height)};
  }
  const auto& filter = session->source_filter_of(*media);
  auto taken = filter ? take_filter(*filter, address) : Result<void>();
  if (taken) taken = take_options(options, address);
  if (!taken) return tl::unexpected<Error>(std::move(taken.error()));
  return address;
}

}  // namespace ott
