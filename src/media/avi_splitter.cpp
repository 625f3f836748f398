#include "media/avi_splitter.h"

#include <algorithm>
#include <cstring>
#include <string_view>

namespace ott {
namespace {

constexpr std::size_t kHeadBytes = 8;   // of a chunk: its id and size
constexpr std::size_t kListBytes = 12;  // of a list: its type, too

std::string_view id_of(ByteSpan chunk) { return {reinterpret_cast<const char*>(chunk.data()), 4}; }
std::string_view type_of(ByteSpan list) { return id_of(list.subspan(kHeadBytes)); }

std::uint32_t number_at(ByteSpan bytes, std::size_t at) {
  return bytes[at] | std::uint32_t{bytes[at + 1]} << 8U | std::uint32_t{bytes[at + 2]} << 16U |
         std::uint32_t{bytes[at + 3]} << 24U;
}
std::uint32_t size_of(ByteSpan chunk) { return number_at(chunk, 4); }

bool is_printable(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; });
}

bool is_list(ByteSpan chunk) { return id_of(chunk) == "RIFF" || id_of(chunk) == "LIST"; }

/// The names by which AVI files call MJPEG.
bool is_mjpeg(std::string_view codec) {
  constexpr std::string_view kNames[] = {"MJPG", "mjpg", "JPEG", "jpeg", "AVRn", "ADJV", "dmb1"};
  return std::ranges::find(kNames, codec) != std::end(kNames);
}

/// The chunk that begins `bytes`, as far as it is there, and what follows it.
struct Chunk {
  ByteSpan whole;  // with its head
  ByteSpan rest;

  explicit Chunk(ByteSpan bytes) {
    const std::uint64_t size = kHeadBytes + std::uint64_t{size_of(bytes)};
    whole = bytes.first(static_cast<std::size_t>(std::min<std::uint64_t>(size, bytes.size())));
    rest = bytes.subspan(static_cast<std::size_t>(std::min<std::uint64_t>(size + size % 2, bytes.size())));
  }
  [[nodiscard]] ByteSpan body() const { return whole.subspan(kHeadBytes); }
};

/// Of one stream: its header, and its format.
struct StreamList {
  ByteSpan strh, strf;

  explicit StreamList(ByteSpan bytes) {
    while (bytes.size() >= kHeadBytes) {
      const Chunk chunk(bytes);
      if (id_of(chunk.whole) == "strh") strh = chunk.body();
      if (id_of(chunk.whole) == "strf") strf = chunk.body();
      bytes = chunk.rest;
    }
  }
  [[nodiscard]] bool is_video() const { return strh.size() >= 28 && id_of(strh) == "vids"; }
  /// BITMAPINFOHEADER's biCompression.
  [[nodiscard]] std::string_view codec() const {
    return strf.size() >= 20 ? id_of(strf.subspan(16)) : id_of(strh.subspan(4));
  }
  [[nodiscard]] double fps() const {
    const std::uint32_t scale = number_at(strh, 20), rate = number_at(strh, 24);
    return scale == 0 ? 0 : static_cast<double>(rate) / scale;
  }
};

}  // namespace

bool is_avi(ByteSpan start) {
  return start.size() >= kListBytes && id_of(start) == "RIFF" && type_of(start) == "AVI ";
}

Result<AviHead> read_avi_head(ByteSpan start) {
  ByteSpan bytes = is_avi(start) ? start.subspan(kListBytes) : ByteSpan{};
  unsigned stream = 0;
  std::string other;
  while (bytes.size() >= kListBytes) {
    const Chunk chunk(bytes);
    const bool list = is_list(bytes) && chunk.whole.size() >= kListBytes;
    if (list && type_of(bytes) == "movi") break;
    bytes = list && type_of(bytes) == "hdrl" ? bytes.subspan(kListBytes) : chunk.rest;
    if (!list || type_of(chunk.whole) != "strl") continue;
    const StreamList found(chunk.whole.subspan(kListBytes));
    if (found.is_video() && is_mjpeg(found.codec()) && stream < 100) return AviHead{stream, found.fps()};
    if (found.is_video()) other = is_printable(found.codec()) ? found.codec() : "raw pictures";
    ++stream;
  }
  if (other.empty()) return fail("it has no video");
  return fail("its video is '" + other + "', not MJPEG");
}

void AviSplitter::on_reset() {
  skip_ = 0;
  padded_ = lost_ = false;
  shown_.clear();
}

/// REQUIRES: kHeadBytes.
bool AviSplitter::is_picture(ByteSpan chunk) const {
  const std::string_view id = id_of(chunk);
  return static_cast<unsigned>(id[0] - '0') == stream_ / 10 &&
         static_cast<unsigned>(id[1] - '0') == stream_ % 10 && (id.ends_with("dc") || id.ends_with("db"));
}

Result<std::optional<ByteSpan>> AviSplitter::next() {
  drop_taken();
  for (;;) {
    if (skip() == Step::NeedBytes) return std::nullopt;
    const ByteSpan data = window();
    if (data.size() < kListBytes && !finished()) return std::nullopt;
    if (data.size() < kHeadBytes) {
      drop(data.size());
      return std::nullopt;
    }
    if (lost_ || !is_picture(data) || size_of(data) > kFrameBytesMax) {
      const auto step = lost_ ? resynchronise() : pass_over();
      if (!step) return tl::unexpected<Error>(step.error());
      if (*step == Step::NeedBytes) return std::nullopt;
      continue;
    }
    const std::size_t size = size_of(data);
    if (data.size() - kHeadBytes < size) {
      if (!finished()) return std::nullopt;
      auto error = bad(0, "the file ends within a picture");
      drop(data.size());
      return error;
    }
    const ByteSpan picture = take(kHeadBytes, size);
    padded_ = size % 2 != 0;
    if (size == 0 && shown_.empty()) continue;
    if (size > 0) shown_.assign(picture.begin(), picture.end());
    return std::optional<ByteSpan>(shown_);
  }
}

/// Of what is to be passed over, as much as is there. Some writers leave out padding, so that a chunk's id is
/// where it should be.
AviSplitter::Step AviSplitter::skip() {
  if (padded_) {
    if (window().size() < kHeadBytes && !finished()) return Step::NeedBytes;
    const ByteSpan data = window();
    if (!data.empty() && (data.size() < kHeadBytes || !is_printable(id_of(data)))) drop(1);
    padded_ = false;
  }
  const auto bytes = static_cast<std::size_t>(std::min<std::uint64_t>(skip_, window().size()));
  drop(bytes);
  skip_ -= bytes;
  return skip_ > 0 ? Step::NeedBytes : Step::Again;
}

/// Enters a list of chunks, and passes over anything else. REQUIRES: kHeadBytes; kListBytes if not finished.
Result<AviSplitter::Step> AviSplitter::pass_over() {
  const ByteSpan data = window();
  if (!is_printable(id_of(data)) || is_picture(data)) {
    lost_ = true;
    auto error = bad(0, is_picture(data) ? "a picture of more than 16 MiB" : "no chunk begins here");
    drop(1);
    return error;
  }
  const bool enters = is_list(data) && data.size() >= kListBytes &&
                      (id_of(data) == "RIFF" || type_of(data) == "movi" || type_of(data) == "rec ");
  skip_ = enters ? kListBytes : kHeadBytes + std::uint64_t{size_of(data)} + size_of(data) % 2;
  return Step::Again;
}

/// Goes on at the next place that looks like a picture.
Result<AviSplitter::Step> AviSplitter::resynchronise() {
  const ByteSpan data = window();
  for (std::size_t at = 0; at + kHeadBytes + 2 <= data.size(); ++at) {
    const ByteSpan chunk = data.subspan(at);
    if (!is_picture(chunk) || size_of(chunk) > kFrameBytesMax) continue;
    if (chunk[kHeadBytes] != 0xFF || chunk[kHeadBytes + 1] != 0xD8) continue;
    drop(at);
    lost_ = false;
    return Step::Again;
  }
  // The last bytes may be the start of one.
  drop(finished() ? data.size() : data.size() - std::min(data.size(), kHeadBytes + 1));
  return Step::NeedBytes;
}

}  // namespace ott
