// Finds the frames in a stream of bytes that arrive in pieces: what is common to the splitters of
// concatenated JPEGs (mjpeg_splitter.h) and of the classic clip (classic_clip.h).
//
//     while (auto more = read(splitter.space())) { splitter.advance(more); while (splitter.next()) ...; }
//     splitter.finish(); while (splitter.next()) ...;
//
// Memory is bounded by the largest frame. Garbage is reported once per run of it, then skipped.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ott/result.h"
#include "ott/types.h"

namespace ott {

class FrameSplitter {
 public:
  static constexpr std::size_t kFrameBytesMax = std::size_t{16} << 20;
  static constexpr std::size_t kReadBytes = std::size_t{64} << 10;

  virtual ~FrameSplitter() = default;

  /// Room to receive into, at least kReadBytes. Ends the life of the frame last returned.
  MutableByteSpan space();
  void advance(std::size_t bytes);
  /// No byte follows what is there.
  void finish() { finished_ = true; }
  /// Begins anew, at this byte: 0, or where a record begins.
  void reset(std::uint64_t offset = 0);

  /// The next frame, valid until the next call of next() or space(); nullopt: more bytes are needed, or
  /// at_end(). An error names the byte it is about; the next call goes on after it.
  virtual Result<std::optional<ByteSpan>> next() = 0;

  [[nodiscard]] bool at_end() const { return finished_ && window().empty(); }
  /// Where the frame last returned began.
  [[nodiscard]] std::uint64_t frame_offset() const { return frame_offset_; }
  /// Where the record of the frame last returned began, with what its container has before the frame: a
  /// splitter that begins there finds this frame first. None if it was an earlier frame once more.
  [[nodiscard]] std::optional<std::uint64_t> record_offset() const {
    return taken_bytes_ == 0 ? std::nullopt : std::optional(record_offset_);
  }

 protected:
  FrameSplitter() = default;
  FrameSplitter(const FrameSplitter&) = delete;
  FrameSplitter& operator=(const FrameSplitter&) = delete;

  /// What has arrived and not been dropped.
  [[nodiscard]] ByteSpan window() const { return ByteSpan(buffer_).subspan(begin_, end_ - begin_); }
  void drop(std::size_t bytes);
  /// Drops the frame that was returned last.
  void drop_taken();
  /// Returns the frame in the window and drops it at the next drop_taken().
  ByteSpan take(std::size_t skip, std::size_t bytes);
  /// The frame that is returned began here; for frames that are not themselves in the window.
  void note_frame_at(std::size_t at) { frame_offset_ = offset_ + at; }
  [[nodiscard]] tl::unexpected<Error> bad(std::size_t at, const std::string& what) const;
  [[nodiscard]] bool finished() const { return finished_; }
  virtual void on_reset() {}

 private:
  std::vector<std::uint8_t> buffer_;
  std::size_t begin_ = 0, end_ = 0;  // of the window
  std::size_t taken_bytes_ = 0;
  std::uint64_t offset_ = 0;  // of the window in the stream
  std::uint64_t frame_offset_ = 0;
  std::uint64_t record_offset_ = 0;
  bool finished_ = false;
};

}  // namespace ott
