// The protocols whose frames carry a stamp: the floor's, and MJPEG over HTTP (where a part's header may have
// it).
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <string_view>

#include "session.h"

namespace ott::load {
namespace {

class FloorSession : public Session {
 public:
  using Session::Session;

  void opened(const NodeId&) override {}
  [[nodiscard]] std::size_t want(ByteSpan pending) const override { return kFloorHeadBytes - pending.size(); }
  Result<Step> take(ByteSpan bytes) override {
    if (bytes.size() < kFloorHeadBytes) return Step{};
    const std::size_t record = kFloorLengthBytes + load_be<std::uint32_t>(bytes.data());
    const auto stamp = read_stamp(bytes.data() + kFloorLengthBytes + 1);
    if (!stamp || record < kFloorHeadBytes) return fail("what it sends is no frame of this program");
    Step step{kFloorHeadBytes, record - kFloorHeadBytes, std::nullopt};
    if (bytes[kFloorLengthBytes] == 0) return step;
    step.ends = FrameEnd{stamp->number, stamp->source_time_ns};
    // A guest of a node has sent a few messages before its first frame, and so its kernel delays
    // acknowledgements. A client that only listens acknowledges more often, which costs the relay: so this
    // one sends a few bytes, too.
    if (answers_ < kAnswers) out.push_back(0);
    ++answers_;
    return step;
  }

 private:
  static constexpr unsigned kAnswers = 4;
  unsigned answers_ = 0;
};

/// The value of a header field of a block of header lines, if it is there.
std::optional<std::string_view> field(std::string_view block, std::string_view name) {
  for (std::size_t at = 0; at < block.size();) {
    const std::size_t end = std::min(block.find("\r\n", at), block.size());
    const std::string_view line = block.substr(at, end - at);
    const auto same = [](char a, char b) {
      return std::tolower(static_cast<unsigned char>(a)) == std::tolower(static_cast<unsigned char>(b));
    };
    if (line.size() > name.size() && line[name.size()] == ':' &&
        std::equal(name.begin(), name.end(), line.begin(), same)) {
      std::string_view value = line.substr(name.size() + 1);
      value.remove_prefix(std::min(value.find_first_not_of(' '), value.size()));
      return value;
    }
    at = end + 2;
  }
  return std::nullopt;
}

/// The response's header is left out by some relays, which send the parts alone: both are taken. Frames carry
/// a stamp, or their parts X-Frame and X-Timestamp, as those of our own nodes.
class HttpSession : public Session {
 public:
  HttpSession(FrameTally& tally, std::string host, std::string path)
      : Session(tally), host_(std::move(host)), path_(std::move(path)) {}

  void opened(const NodeId&) override {
    const std::string request = fmt::format("GET {} HTTP/1.0\r\nHost: {}\r\n\r\n", path_, host_);
    out.insert(out.end(), request.begin(), request.end());
  }

  [[nodiscard]] std::size_t want(ByteSpan pending) const override {
    return pending.size() < kReadBytes ? kReadBytes - pending.size() : kReadBytes;
  }

  Result<Step> take(ByteSpan bytes) override {
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    if (text.starts_with("\r\n")) return Step{2, 0, std::nullopt};  // the end of the part before
    const std::size_t end = text.find("\r\n\r\n");
    if (end == std::string_view::npos) {
      if (text.size() > kHeaderBytesMax) return fail("what it sends is not multipart over HTTP");
      return Step{};
    }
    const std::string_view header = text.substr(0, end);
    if (header.starts_with("HTTP/")) return response(header);
    if (!header.starts_with("--")) return fail("what it sends is not multipart over HTTP");
    const auto length_text = field(header, "content-length");
    std::size_t length = 0;
    if (!length_text ||
        std::from_chars(length_text->data(), length_text->data() + length_text->size(), length).ec !=
            std::errc() ||
        length < kStampBytes) {
      return fail("it sends parts without a Content-Length");
    }
    if (const auto said = said_by_header(header)) return Step{end + 4, length, said};
    const std::size_t used = end + 4 + kStampBytes;
    if (bytes.size() < used) return Step{};
    const auto stamp = read_stamp(bytes.data() + end + 4);
    if (!stamp) return fail("its parts have neither X-Frame and X-Timestamp nor a frame of this program");
    return Step{used, length - kStampBytes, FrameEnd{stamp->number, stamp->source_time_ns}};
  }

 private:
  static constexpr std::size_t kReadBytes = 512;
  static constexpr std::size_t kHeaderBytesMax = 4096;

  /// A node of ours says in the part's header which frame it is.
  static std::optional<FrameEnd> said_by_header(std::string_view header) {
    const auto number = field(header, "x-frame");
    const auto time = field(header, "x-timestamp");
    if (!number || !time) return std::nullopt;
    FrameEnd frame;
    double seconds = 0;
    const auto read = [](std::string_view text, auto& into) {
      return std::from_chars(text.data(), text.data() + text.size(), into).ec == std::errc();
    };
    if (!read(*number, frame.number) || !read(*time, seconds)) return std::nullopt;
    frame.source_time_ns =
        std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::duration<double>(seconds)).count();
    return frame;
  }

  static Result<Step> response(std::string_view header) {
    const std::string_view status = header.substr(0, header.find("\r\n"));
    if (status.find(" 200") == std::string_view::npos) return fail(fmt::format("it answers {}", status));
    return Step{header.size() + 4, 0, std::nullopt};
  }

  std::string host_;
  std::string path_;
};

}  // namespace

std::unique_ptr<Session> make_floor_session(FrameTally& tally) {
  return std::make_unique<FloorSession>(tally);
}

std::unique_ptr<Session> make_http_session(FrameTally& tally, std::string host, std::string path) {
  return std::make_unique<HttpSession>(tally, std::move(host), std::move(path));
}

}  // namespace ott::load
