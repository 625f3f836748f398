#include "media/sdp.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>

#include "media/text.h"
#include "ott/bytes.h"

namespace ott {
namespace {

constexpr std::size_t kMediaMax = 32;
constexpr std::size_t kFormatsMax = 64;      // of one of the media
constexpr std::size_t kSourcesMax = 16;      // of a source filter
constexpr std::size_t kPassedOverMax = 8;    // lines of the session, or one of the media, that are named
constexpr std::size_t kAttributesMax = 256;  // of the session, or one of the media

/// RFC 3551, section 6, those with an encoding.
struct StaticPayload {
  std::uint8_t payload_type;
  std::string_view encoding;
  std::uint32_t clock_rate;
  unsigned channels;
};
constexpr std::array kStaticPayloads = {
    StaticPayload{0, "PCMU", 8000, 1},   StaticPayload{3, "GSM", 8000, 1},
    StaticPayload{4, "G723", 8000, 1},   StaticPayload{5, "DVI4", 8000, 1},
    StaticPayload{6, "DVI4", 16000, 1},  StaticPayload{7, "LPC", 8000, 1},
    StaticPayload{8, "PCMA", 8000, 1},   StaticPayload{9, "G722", 8000, 1},
    StaticPayload{10, "L16", 44100, 2},  StaticPayload{11, "L16", 44100, 1},
    StaticPayload{12, "QCELP", 8000, 1}, StaticPayload{13, "CN", 8000, 1},
    StaticPayload{14, "MPA", 90000, 1},  StaticPayload{15, "G728", 8000, 1},
    StaticPayload{16, "DVI4", 11025, 1}, StaticPayload{17, "DVI4", 22050, 1},
    StaticPayload{18, "G729", 8000, 1},  StaticPayload{25, "CelB", 90000, 1},
    StaticPayload{26, "JPEG", 90000, 1}, StaticPayload{28, "nv", 90000, 1},
    StaticPayload{31, "H261", 90000, 1}, StaticPayload{32, "MPV", 90000, 1},
    StaticPayload{33, "MP2T", 90000, 1}, StaticPayload{34, "H263", 90000, 1},
};

constexpr std::array kDirections = {
    std::pair{SdpDirection::SendReceive, std::string_view("sendrecv")},
    std::pair{SdpDirection::SendOnly, std::string_view("sendonly")},
    std::pair{SdpDirection::ReceiveOnly, std::string_view("recvonly")},
    std::pair{SdpDirection::Inactive, std::string_view("inactive")},
};

/// Lines that say nothing that is needed here (RFC 8866, section 5).
constexpr std::string_view kOtherTypes = "uepztrk";

std::string_view take_word(std::string_view& rest) {
  rest = trimmed(rest);
  const std::string_view word = take_until(rest, ' ');
  rest = trimmed(rest);
  return word;
}

SdpFormat format_of(std::uint8_t payload_type) {
  for (const StaticPayload& one : kStaticPayloads) {
    if (one.payload_type == payload_type) {
      return {payload_type, std::string(one.encoding), one.clock_rate, one.channels, "", ""};
    }
  }
  return {payload_type, "", 0, 1, "", ""};
}

std::optional<std::uint8_t> parse_payload_type(std::string_view text) {
  const auto number = parse_number<std::uint8_t>(text);
  return number && *number <= 127 ? number : std::nullopt;
}

SdpFormat* find_format(SdpMedia& media, std::string_view payload_type) {
  const auto wanted = parse_payload_type(payload_type);
  const auto at = std::ranges::find_if(
      media.formats, [&](const SdpFormat& format) { return wanted && format.payload_type == *wanted; });
  return at == media.formats.end() ? nullptr : &*at;
}

/// "1280-720", "1280,720", "1280 720" or "1280x720".
std::optional<SdpSize> parse_size(std::string_view text) {
  const std::size_t at = text.find_first_of("-, x");
  if (at == std::string_view::npos) return std::nullopt;
  const auto width = parse_number<std::uint16_t>(trimmed(text.substr(0, at)));
  const auto height = parse_number<std::uint16_t>(trimmed(text.substr(at + 1)));
  if (!width || !height || *width == 0 || *height == 0) return std::nullopt;
  return SdpSize{*width, *height};
}

/// A number of at most so much, as "25", "25.0", "29.97" or "30000/1001".
std::optional<double> parse_fps(std::string_view text) {
  const auto decimal = [](std::string_view number) -> std::optional<double> {
    const auto [whole_text, rest] = cut(number, '.');
    const auto whole = parse_number<std::uint16_t>(whole_text);
    if (!whole) return std::nullopt;
    double value = *whole;
    double place = 0.1;
    for (const char c : rest) {
      if (c < '0' || c > '9') return std::nullopt;
      value += place * (c - '0');
      place /= 10;
    }
    return value;
  };
  const auto [above, below] = cut(text, '/');
  const auto numerator = decimal(trimmed(above));
  const auto denominator = below.empty() ? std::optional(1.0) : decimal(trimmed(below));
  if (!numerator || !denominator || *numerator <= 0 || *denominator <= 0) return std::nullopt;
  return *numerator / *denominator;
}

/// The lines of one description. Each parse_ function returns what is wrong with its line; empty: nothing.
class SdpParser {
 public:
  Result<Sdp> parse(std::string_view text) {
    if (text.size() > kSdpBytesMax) return fail(fmt::format("an SDP of more than {} bytes", kSdpBytesMax));
    while (!text.empty()) {
      std::string_view line = take_until(text, '\n');
      ++number_;
      if (line.ends_with('\r')) line.remove_suffix(1);
      line = trimmed(line);
      line_ = line;
      if (line.size() < 2 || line[1] != '=') {
        if (!line.empty()) pass_over("not TYPE=VALUE");
        continue;
      }
      const std::string wrong =
          has_control_character(line) ? "control characters" : parse_line(line[0], trimmed(line.substr(2)));
      if (wrong.empty()) continue;
      std::string flaw = flaw_here(wrong);
      const bool is_media = line[0] == 'm';
      if (has_control_character(line)) return fail(std::move(flaw));
      if (is_media ? sdp_.media.size() == kMediaMax : sdp_.media.empty()) return fail(std::move(flaw));
      if (is_media) {
        std::string_view rest = line.substr(2);
        SdpMedia& media = sdp_.media.emplace_back();
        media.line = number_;
        media.kind = take_word(rest);
      }
      if (sdp_.media.back().flaw.empty()) sdp_.media.back().flaw = std::move(flaw);
    }
    const bool usable =
        std::ranges::any_of(sdp_.media, [](const SdpMedia& media) { return media.flaw.empty(); });
    if (!usable && !sdp_.media.empty()) return fail(sdp_.media.front().flaw);
    for (SdpMedia& media : sdp_.media) size_from_parameters(media);
    return std::move(sdp_);
  }

 private:
  [[nodiscard]] std::string flaw_here(std::string_view wrong) const {
    return fmt::format("SDP line {}, '{}': {}", number_, printable(line_), wrong);
  }

  std::string parse_line(char type, std::string_view value) {
    SdpMedia* const media = sdp_.media.empty() ? nullptr : &sdp_.media.back();
    switch (type) {
      case 'v':
        return value == "0" ? "" : "a version other than 0";
      case 'o':
        parse_origin(value);
        return "";
      case 's':
        sdp_.name = value;
        return "";
      case 'i':
        if (media == nullptr) sdp_.information = value;
        return "";
      case 'c':
        return parse_connection(value, media == nullptr ? sdp_.connection : media->connection);
      case 'b':
        if (media != nullptr && value.starts_with("AS:")) {
          media->bandwidth_kbps = parse_number<std::uint32_t>(value.substr(3)).value_or(0);
        }
        return "";
      case 'm':
        return parse_media(value);
      case 'a':
        return parse_attribute(value);
      default:
        if (kOtherTypes.find(type) == std::string_view::npos) pass_over("no type that an SDP has");
        return "";
    }
  }

  void parse_origin(std::string_view value) {
    sdp_.origin.user = take_word(value);
    sdp_.origin.session = parse_number<std::uint64_t>(take_word(value)).value_or(0);
    sdp_.origin.version = parse_number<std::uint64_t>(take_word(value)).value_or(0);
    take_word(value);  // IN
    take_word(value);  // IP4 or IP6
    sdp_.origin.address = take_word(value);
  }

  static std::string parse_connection(std::string_view value, std::optional<SdpConnection>& into) {
    const std::string_view net = take_word(value);
    const std::string_view family = take_word(value);
    std::string_view rest = take_word(value);
    if (net != "IN" || (family != "IP4" && family != "IP6")) return "not IN IP4 or IN IP6";
    SdpConnection connection;
    connection.address = take_until(rest, '/');
    if (connection.address.empty()) return "no address";
    if (family == "IP4" && !rest.empty()) {
      connection.ttl = parse_number<std::uint8_t>(take_until(rest, '/'));
      if (!connection.ttl) return "a TTL is a number up to 255";
    }
    into = std::move(connection);
    return "";
  }

  std::string parse_media(std::string_view value) {
    if (sdp_.media.size() == kMediaMax) return fmt::format("more than {} media", kMediaMax);
    SdpMedia media;
    media.line = number_;
    media.kind = take_word(value);
    const auto port = parse_number<std::uint16_t>(cut(take_word(value), '/').first);
    media.protocol = take_word(value);
    if (!port || media.protocol.empty()) return "not KIND PORT PROTOCOL FORMATS";
    media.port = *port;
    while (is_rtp(media.protocol) && !value.empty()) {
      const auto payload_type = parse_payload_type(take_word(value));
      if (!payload_type) return "a payload type is a number up to 127";
      if (media.formats.size() == kFormatsMax) return fmt::format("more than {} formats", kFormatsMax);
      media.formats.push_back(format_of(*payload_type));
    }
    sdp_.media.push_back(std::move(media));
    return "";
  }

  std::string parse_attribute(std::string_view value) {
    auto [name, text] = cut(value, ':');
    text = trimmed(text);
    if (name.empty()) {
      pass_over("an attribute without a name");
      return "";
    }
    for (const auto& [direction, word] : kDirections) {
      if (name != word) continue;
      (sdp_.media.empty() ? sdp_.direction : sdp_.media.back().direction) = direction;
      return "";
    }
    if (name == "control") {
      (sdp_.media.empty() ? sdp_.control : sdp_.media.back().control) = text;
      return "";
    }
    if (name == "source-filter") return parse_source_filter(text);
    if (!sdp_.media.empty() && parse_media_attribute(name, text, sdp_.media.back())) return "";
    auto& other = sdp_.media.empty() ? sdp_.other : sdp_.media.back().other;
    if (other.size() == kAttributesMax) return fmt::format("more than {} attributes", kAttributesMax);
    other.emplace_back(name, text);
    return "";
  }

  std::string parse_source_filter(std::string_view value) {
    SdpSourceFilter filter;
    const std::string_view mode = take_word(value);
    if (mode != "incl" && mode != "excl") return "not incl or excl";
    filter.exclude = mode == "excl";
    take_word(value);  // IN
    take_word(value);  // IP4, IP6 or *
    filter.destination = take_word(value);
    while (!value.empty()) {
      if (filter.sources.size() == kSourcesMax) return fmt::format("more than {} sources", kSourcesMax);
      filter.sources.emplace_back(take_word(value));
    }
    if (filter.sources.empty()) return "no source";
    (sdp_.media.empty() ? sdp_.source_filter : sdp_.media.back().source_filter) = std::move(filter);
    return "";
  }

  void pass_over(std::string_view wrong) {
    std::vector<std::string>& lines = sdp_.media.empty() ? sdp_.passed_over : sdp_.media.back().passed_over;
    if (lines.size() < kPassedOverMax) lines.push_back(flaw_here(wrong));
  }

  /// The format of which it speaks.
  SdpFormat* take_format(SdpMedia& media, std::string_view& value) {
    SdpFormat* format = find_format(media, take_word(value));
    if (format == nullptr) pass_over("not a payload type of its m= line");
    return format;
  }

  void take_size(SdpMedia& media, std::string_view value) {
    media.size = parse_size(value);
    if (!media.size) pass_over("not WIDTH-HEIGHT");
  }

  /// False if it is no attribute of those that have a place of their own.
  bool parse_media_attribute(std::string_view name, std::string_view value, SdpMedia& media) {
    if (name == "rtpmap") {
      if (SdpFormat* format = take_format(media, value)) parse_rtpmap(value, *format);
    } else if (name == "fmtp") {
      if (SdpFormat* format = take_format(media, value)) format->parameters = value;
    } else if (name == "framerate" || name == "x-framerate") {
      media.fps = parse_fps(value);
      if (!media.fps) pass_over("not a number of frames a second");
    } else if (name == "framesize") {
      const SdpFormat* format = take_format(media, value);
      if (format != nullptr && format == media.formats.data()) take_size(media, value);
    } else if (name == "x-dimensions") {
      take_size(media, value);
    } else {
      if (name == "rtcp" && !parse_number<std::uint16_t>(take_word(value))) pass_over("not a port");
      return false;
    }
    return true;
  }

  /// "JPEG/90000" or "L16/44100/2". One that cannot be leaves the format as it was, which may be a usual one.
  void parse_rtpmap(std::string_view value, SdpFormat& format) const {
    const std::string_view encoding = take_until(value, '/');
    const auto clock_rate = parse_number<std::uint32_t>(take_until(value, '/'));
    if (encoding.empty() || !clock_rate || *clock_rate == 0) {
      format.flaw = flaw_here("not ENCODING/CLOCKRATE");
      return;
    }
    format.encoding = encoding;
    format.clock_rate = *clock_rate;
    format.channels = std::max(parse_number<std::uint8_t>(value).value_or(1), std::uint8_t{1});
  }

  /// GStreamer says the true size of a JPEG among the format's parameters, too.
  static void size_from_parameters(SdpMedia& media) {
    if (media.size || media.formats.empty()) return;
    std::string_view parameters = media.formats.front().parameters;
    while (!parameters.empty()) {
      const auto [name, value] = cut(trimmed(take_until(parameters, ';')), '=');
      if (equal_no_case(name, "x-dimensions")) media.size = parse_size(value);
    }
  }

  Sdp sdp_;
  std::size_t number_ = 0;  // of the line that is being parsed, from 1
  std::string_view line_;
};

std::string_view family(std::string_view address) {
  return address.find(':') == std::string_view::npos ? "IP4" : "IP6";
}

void write_connection(const std::optional<SdpConnection>& connection, std::string& text) {
  if (!connection) return;
  text += fmt::format("c=IN {} {}", family(connection->address), connection->address);
  if (connection->ttl) text += fmt::format("/{}", *connection->ttl);
  text += "\r\n";
}

/// The attributes that the session and its media have alike.
template <class Part>
void write_common(const Part& part, std::string& text) {
  if (part.source_filter) {
    const SdpSourceFilter& filter = *part.source_filter;
    text += fmt::format("a=source-filter:{} IN {} {}", filter.exclude ? "excl" : "incl",
                        family(filter.destination), filter.destination);
    for (const std::string& source : filter.sources) text += " " + source;
    text += "\r\n";
  }
  for (const auto& [direction, word] : kDirections) {
    if (part.direction == direction) text += fmt::format("a={}\r\n", word);
  }
  if (!part.control.empty()) text += fmt::format("a=control:{}\r\n", part.control);
  for (const auto& [name, value] : part.other) {
    text += fmt::format("a={}{}{}\r\n", name, value.empty() ? "" : ":", value);
  }
}

void write_media(const SdpMedia& media, std::string& text) {
  text += fmt::format("m={} {} {}", media.kind, media.port, media.protocol);
  for (const SdpFormat& format : media.formats) text += fmt::format(" {}", format.payload_type);
  text += "\r\n";
  write_connection(media.connection, text);
  if (media.bandwidth_kbps > 0) text += fmt::format("b=AS:{}\r\n", media.bandwidth_kbps);
  for (const SdpFormat& format : media.formats) {
    if (!format.encoding.empty()) {
      text += fmt::format("a=rtpmap:{} {}/{}", format.payload_type, format.encoding, format.clock_rate);
      if (format.channels > 1) text += fmt::format("/{}", format.channels);
      text += "\r\n";
    }
    if (!format.parameters.empty()) {
      text += fmt::format("a=fmtp:{} {}\r\n", format.payload_type, format.parameters);
    }
  }
  if (media.fps) text += fmt::format("a=framerate:{:.6g}\r\n", *media.fps);
  if (media.size && !media.formats.empty()) {
    text += fmt::format("a=framesize:{} {}-{}\r\na=x-dimensions:{},{}\r\n", media.formats[0].payload_type,
                        media.size->width, media.size->height, media.size->width, media.size->height);
  }
  write_common(media, text);
}

}  // namespace

bool is_rtp(std::string_view protocol) { return protocol.find("RTP/") != std::string_view::npos; }

Result<Sdp> parse_sdp(std::string_view text) { return SdpParser().parse(text); }

std::string to_string(const Sdp& sdp) {
  std::string text = fmt::format("v=0\r\no={} {} {} IN {} {}\r\ns={}\r\n", sdp.origin.user,
                                 sdp.origin.session, sdp.origin.version, family(sdp.origin.address),
                                 sdp.origin.address, sdp.name.empty() ? "-" : sdp.name);
  if (!sdp.information.empty()) text += fmt::format("i={}\r\n", sdp.information);
  write_connection(sdp.connection, text);
  text += "t=0 0\r\n";
  write_common(sdp, text);
  for (const SdpMedia& media : sdp.media) write_media(media, text);
  return text;
}

std::vector<std::string> passed_over(const Sdp& sdp) {
  std::vector<std::string> lines = sdp.passed_over;
  for (const SdpMedia& media : sdp.media) std::ranges::copy(media.passed_over, std::back_inserter(lines));
  return lines;
}

std::string offered(const Sdp& sdp) {
  std::string text;
  for (std::size_t i = 0; i < sdp.media.size(); ++i) {
    const SdpMedia& media = sdp.media[i];
    if (i > 0) text += i + 1 == sdp.media.size() ? " and " : ", ";
    const bool known = !media.formats.empty() && !media.formats[0].encoding.empty();
    text +=
        printable(known ? media.formats[0].encoding : media.protocol, 20) + " " + printable(media.kind, 20);
  }
  return text.empty() ? "nothing" : text;
}

}  // namespace ott
