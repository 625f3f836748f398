#include "media/clip_format.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "media/avi_splitter.h"
#include "media/classic_clip.h"
#include "media/mjpeg_splitter.h"
#include "media/source_spec.h"

namespace ott {
namespace {

using namespace std::string_view_literals;

constexpr double kClassicFps = 20;  // the exercise sends a frame every 50 ms
constexpr double kDefaultFps = 25;

struct Signature {
  std::string_view name;
  std::size_t at;
  std::string_view bytes;
};
constexpr std::array kOthers = {
    Signature{"MP4", 4, "ftyp"},
    Signature{"QuickTime", 4, "moov"},
    Signature{"Matroska", 0, "\x1A\x45\xDF\xA3"},
    Signature{"Ogg", 0, "OggS"},
    Signature{"Flash video", 0, "FLV\x01"},
    Signature{"Windows Media", 0, "\x30\x26\xB2\x75\x8E\x66\xCF\x11"},
    Signature{"an MPEG programme stream", 0, "\0\0\x01\xBA"sv},
    Signature{"an MPEG transport stream", 188, "G"},
    Signature{"an H.264 or H.265 stream", 0, "\0\0\0\x01"sv},
    Signature{"GIF", 0, "GIF8"},
    Signature{"PNG", 0, "\x89PNG"},
};

std::string_view as_text(ByteSpan bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Empty if it is nothing of that.
std::string_view name_of(std::string_view start) {
  const auto* const found = std::ranges::find_if(kOthers, [start](const Signature& signature) {
    return start.size() > signature.at && start.substr(signature.at).starts_with(signature.bytes);
  });
  return found == kOthers.end() ? "" : found->name;
}

/// A path as a word of a shell's line that itself stands between single quotes.
std::string quoted(const std::string& path) {
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+,:@%=";
  if (path.find_first_not_of(kPlain) == std::string::npos) return path;
  std::string word = "\"";
  for (const char c : path) {
    if (std::string_view("\"\\$`").find(c) != std::string_view::npos) word += '\\';
    if (c == '\'') {
      word += "'\\''";
    } else {
      word += c;
    }
  }
  return word + '"';
}

/// The SOURCE that plays it. Pictures that are JPEGs already are passed on as they are.
std::string by_ffmpeg(const std::string& path, bool is_mjpeg) {
  return fmt::format("--stream 'NAME=exec:ffmpeg -re -i {} -c:v {} -f mjpeg -'", quoted(path),
                     is_mjpeg ? "copy" : "mjpeg -q:v 3");
}

Result<ClipFormat> recognise_avi(ByteSpan start, const std::string& path) {
  const auto head = read_avi_head(start);
  if (!head) {
    return fail(fmt::format("'{}' is AVI, but {}; ffmpeg plays it: {}", path, head.error().message,
                            by_ffmpeg(path, false)));
  }
  const double fps = head->fps > 0 ? std::clamp(head->fps, kFpsMin, kFpsMax) : kDefaultFps;
  return ClipFormat{"avi", fps, std::make_unique<AviSplitter>(head->stream)};
}

}  // namespace

Result<ClipFormat> recognise_clip(ByteSpan start, const std::string& path) {
  if (is_avi(start)) return recognise_avi(start, path);
  if (ClassicClipSplitter::detect(start))
    return ClipFormat{"clip", kClassicFps, std::make_unique<ClassicClipSplitter>()};
  if (MjpegSplitter::detect(start))
    return ClipFormat{"mjpeg", kDefaultFps, std::make_unique<MjpegSplitter>()};
  const std::string_view text = as_text(start);
  if (const std::string_view name = name_of(text); !name.empty()) {
    return fail(fmt::format("'{}' is {}; ffmpeg plays it: {}", path, name,
                            by_ffmpeg(path, name == "Matroska" && text.find("V_MJPEG") != text.npos)));
  }
  return fail(fmt::format(
      "'{}' is none of AVI with MJPEG, Matroska, WAV, MPEG-TS, IVF, a byte stream of H.264 or H.265, "
      "concatenated JPEGs (.mjpeg), the parts of a multipart stream, and JPEGs each preceded by five "
      "digits of length; if ffmpeg can play it: {}",
      path, by_ffmpeg(path, false)));
}

}  // namespace ott
