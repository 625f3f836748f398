// Finds the pictures in a multipart body (multipart/x-mixed-replace and the like, RFC 2046 section 5.1) as
// cameras send it, not as it was meant:
//
//  * The boundary that the Content-Type names may have its hyphens already, others than the lines have, or be
//    another one altogether: any line between two parts that begins with "--" is taken for the boundary that
//    is in use. The first one may be missing, or be there twice.
//  * Line ends may be LF only. Header lines come in any case and order, or not at all.
//  * A part is a picture if a JPEG begins it, whatever its type says; others are refused by their type.
//  * A picture ends where its Content-Length says if there is its EOI; or else at its EOI (jpeg_walker.h), or
//    before the next boundary. So a picture never waits for the next one's boundary, unless it has no EOI. A
//    length that proved wrong is the last that is believed.
//
//     Head --an empty line--> Body, or a JPEG--> Picture --its end--> Head
//      |                       |--something else, an error--> Lost --a boundary--> Head
//      |--bytes that are no text--> Lost
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "media/content_type.h"
#include "media/frame_splitter.h"
#include "media/jpeg_walker.h"

namespace ott {

class MultipartSplitter final : public FrameSplitter {
 public:
  /// Of a line, and of all header lines of a part.
  static constexpr std::size_t kLineBytesMax = std::size_t{8} << 10;
  static constexpr std::size_t kHeadBytesMax = std::size_t{64} << 10;

  /// `boundary`: as the Content-Type names it; may be empty.
  explicit MultipartSplitter(std::string_view boundary);

  Result<std::optional<ByteSpan>> next() override;

 private:
  enum class State : std::uint8_t { Head, Body, Picture, Lost };
  enum class Step : std::uint8_t { Again, NeedBytes };

  Result<Step> read_head();
  void read_line(std::string_view line);
  Result<Step> begin_body();
  Step find_line();
  Result<std::optional<ByteSpan>> read_picture();
  [[nodiscard]] std::optional<std::size_t> believed_length() const;
  Result<std::optional<ByteSpan>> give_up_picture();

  void begin_head(bool quiet);
  void take_header(std::string_view name, std::string_view value);
  tl::unexpected<Error> lose(std::size_t bytes, const std::string& what);
  ByteSpan take_picture(std::size_t bytes);
  /// True if the line is one with the boundary, which is in use from now on.
  bool take_boundary(std::string_view line);
  /// Where the picture ends that a line with the boundary follows: the line end before that is the line's.
  std::optional<std::size_t> find_delimiter();
  void on_reset() override;

  std::string declared_;  // without the hyphens before it
  std::string boundary_;  // the one in use, likewise
  State state_ = State::Head;
  bool quiet_ = false;           // what follows a picture is no error
  bool in_line_ = false;         // Lost: the window does not begin at a line's beginning
  bool lengths_wrong_ = false;   // Content-Length is believed no more
  bool without_eoi_ = false;     // pictures here have no EOI
  std::size_t search_from_ = 0;  // the picture's bytes before it hold no delimiter
  JpegWalker walker_;
  JpegWalker::Found walked_ = JpegWalker::Found::NeedBytes;

  // The head of the part.
  std::size_t head_bytes_ = 0;
  bool any_header_ = false;
  ContentType type_;
  std::optional<std::size_t> length_;
};

}  // namespace ott
