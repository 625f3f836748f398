#include "media/http_pictures.h"

#include <algorithm>
#include <cstring>

#include "media/jpeg_walker.h"
#include "media/mjpeg_splitter.h"
#include "media/multipart.h"
#include "media/text.h"

namespace ott {
namespace {

/// What is looked at to tell what a body is; no more spaces than this may come before it.
constexpr std::size_t kStartBytes = 64;
constexpr std::size_t kEnoughBytes = 8;

std::string_view as_text(ByteSpan bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

HttpPictures::HttpPictures(std::string_view content_type) : type_(parse_content_type(content_type)) {
  if (!type_.type.starts_with("multipart/")) return;
  multipart_ = true;
  splitter_ = std::make_unique<MultipartSplitter>(type_.boundary);
}

Result<void> HttpPictures::feed(ByteSpan bytes) {
  if (splitter_ != nullptr) {
    pass_on(bytes);
    return {};
  }
  start_.insert(start_.end(), bytes.begin(), bytes.end());
  const auto chosen = choose();
  if (!chosen) return tl::unexpected<Error>(chosen.error());
  if (*chosen) pass_on(std::exchange(start_, {}));
  return {};
}

void HttpPictures::finish() {
  if (splitter_ != nullptr) splitter_->finish();
}

Result<std::optional<ByteSpan>> HttpPictures::next() {
  if (splitter_ == nullptr) return std::nullopt;
  return splitter_->next();
}

void HttpPictures::pass_on(ByteSpan bytes) {
  while (!bytes.empty()) {
    const MutableByteSpan space = splitter_->space();
    const std::size_t count = std::min(bytes.size(), space.size());
    std::memcpy(space.data(), bytes.data(), count);
    splitter_->advance(count);
    bytes = bytes.subspan(count);
  }
}

Result<bool> HttpPictures::choose() {
  const auto is_space = [](std::uint8_t byte) { return byte == '\r' || byte == '\n' || byte == ' '; };
  const auto first = std::ranges::find_if_not(start_, is_space);
  const ByteSpan data(first, start_.end());
  const std::string_view text = as_text(data);
  if (begins_jpeg(data)) {
    splitter_ = std::make_unique<MjpegSplitter>();
    return true;
  }
  if (starts_no_case(text, "--") || starts_no_case(text, "content-")) {
    multipart_ = true;
    splitter_ = std::make_unique<MultipartSplitter>(type_.boundary);
    return true;
  }
  if (data.size() < kEnoughBytes && start_.size() < kStartBytes) return false;
  return fail(what_it_is(text));
}

std::string HttpPictures::what_it_is(std::string_view start) const {
  if (type_.type == "text/html" || starts_no_case(start, "<!doctype") || starts_no_case(start, "<html")) {
    return "it answers with a page (text/html), not with pictures: is this the address of its stream, and "
           "does it "
           "want a user and password?";
  }
  const std::string type = type_.type.empty() ? "without a type" : "of type " + printable(type_.type);
  std::string what = "it sends bytes " + type + " that are neither JPEGs nor multipart";
  if (type_.type.starts_with("video/") || type_.type.starts_with("audio/") ||
      type_.type.find("mpegurl") != std::string::npos) {
    what += "; ffmpeg may read it: 'exec:ffmpeg -i URL -c:v mjpeg -q:v 5 -f mjpeg -'";
  }
  return what;
}

}  // namespace ott
