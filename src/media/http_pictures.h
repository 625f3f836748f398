// The pictures in the body of an HTTP answer: the parts of a multipart body, JPEGs one after the other, or a
// single one. What comes is believed before what the Content-Type says of it, since cameras send pictures as
// text/plain and parts as image/jpeg.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "media/content_type.h"
#include "media/frame_splitter.h"

namespace ott {

class HttpPictures {
 public:
  explicit HttpPictures(std::string_view content_type);

  /// More of the body; then call next() until there is nothing. The error says what the body is instead of
  /// pictures; no more is to be fed then.
  Result<void> feed(ByteSpan bytes);
  /// The body is over; call next() again.
  void finish();
  /// As FrameSplitter's; valid until the next call of anything here.
  Result<std::optional<ByteSpan>> next();

  /// Its pictures are parts of a multipart body.
  [[nodiscard]] bool is_multipart() const { return multipart_; }
  [[nodiscard]] std::uint64_t offset() const { return splitter_ ? splitter_->frame_offset() : 0; }

 private:
  /// Looks what the body is; false if more bytes are needed for that.
  Result<bool> choose();
  void pass_on(ByteSpan bytes);
  [[nodiscard]] std::string what_it_is(std::string_view start) const;

  ContentType type_;
  std::vector<std::uint8_t> start_;  // what came before it was known
  bool multipart_ = false;
  std::unique_ptr<FrameSplitter> splitter_;  // null until it is known which
};

}  // namespace ott
