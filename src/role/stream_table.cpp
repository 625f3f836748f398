#include "role/stream_table.h"

#include <fmt/format.h>

namespace ott {
namespace {

constexpr const char* kRow = "{:<16} {:<10} {:<18} {:>11} {:>7} {:>8} {:>12} {:>8} {:>8} {:<8} {}";

/// As a media type and what an rtpmap says: "video/H264", "audio/opus/48000/2".
std::string format_of(const MediaFormat& format) {
  if (format.encoding.empty()) return "-";
  std::string text = fmt::format("{}/{}", to_string(format.media), format.encoding);
  if (format.media == MediaKind::Audio) text += fmt::format("/{}", format.clock_rate);
  if (format.channels > 1) text += fmt::format("/{}", format.channels);
  return text;
}

std::string size_of(const StreamInfo& info) {
  return info.width == 0 ? "-" : fmt::format("{}x{}", info.width, info.height);
}

std::string rate_of(const StreamInfo& info) {
  return info.fps_milli == 0 ? "-" : fmt::format("{}", info.fps_milli / 1000.0);
}

/// "1:02:03", "2:03"
std::string duration_of(const StreamInfo& info) {
  const std::uint32_t seconds = info.duration_ms / 1'000;
  if (info.duration_ms == 0) return "-";
  if (seconds < 3'600) return fmt::format("{}:{:02}", seconds / 60, seconds % 60);
  return fmt::format("{}:{:02}:{:02}", seconds / 3'600, seconds / 60 % 60, seconds % 60);
}

std::string bit_rate_of(const StreamFigures& figures) {
  if (figures.bits_per_second == 0) return "-";
  return fmt::format("{:.2f} Mbit/s", static_cast<double>(figures.bits_per_second) / 1e6);
}

}  // namespace

std::string stream_table(Overlay& overlay) {
  std::string table = fmt::format(fmt::runtime(kRow), "NAME", "SOURCE", "FORMAT", "SIZE", "FPS", "DURATION",
                                  "BITRATE", "VIEWERS", "REFUSED", "STATE", "ORIGIN");
  for (const KnownStream& stream : overlay.streams()) {
    const StreamInfo& info = stream.info;
    const StreamFigures figures = overlay.figures().of(info.id);
    table +=
        "\n" + fmt::format(fmt::runtime(kRow), info.name, info.kind, format_of(info.format), size_of(info),
                           rate_of(info), duration_of(info), bit_rate_of(figures), figures.viewers,
                           figures.frames_refused, to_string(info.state), to_string(stream.origin));
  }
  return table;
}

}  // namespace ott
