#include "media/frame_splitter.h"

#include <algorithm>
#include <cstring>

#include "ott/assert.h"

namespace ott {

MutableByteSpan FrameSplitter::space() {
  drop_taken();
  if (begin_ != 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (buffer_.size() - end_ < kReadBytes) buffer_.resize(std::max(buffer_.size() * 2, end_ + kReadBytes));
  return MutableByteSpan(buffer_).subspan(end_);
}

void FrameSplitter::advance(std::size_t bytes) {
  OTT_ASSERT(!finished_ && bytes <= buffer_.size() - end_);
  end_ += bytes;
}

void FrameSplitter::reset(std::uint64_t offset) {
  begin_ = end_ = taken_bytes_ = 0;
  offset_ = frame_offset_ = record_offset_ = offset;
  finished_ = false;
  on_reset();
}

void FrameSplitter::drop(std::size_t bytes) {
  OTT_ASSERT(bytes <= end_ - begin_);
  begin_ += bytes;
  offset_ += bytes;
}

void FrameSplitter::drop_taken() {
  drop(taken_bytes_);
  taken_bytes_ = 0;
}

ByteSpan FrameSplitter::take(std::size_t skip, std::size_t bytes) {
  record_offset_ = offset_;
  drop(skip);
  frame_offset_ = offset_;
  taken_bytes_ = bytes;
  return window().first(bytes);
}

tl::unexpected<Error> FrameSplitter::bad(std::size_t at, const std::string& what) const {
  return fail("byte " + std::to_string(offset_ + at) + ": " + what);
}

}  // namespace ott
