// Matroska and WebM as a splitter: matroska_reader.h, and a way on when what follows is broken or another
// stream (a second writer of a pipe): the next beginning of a Matroska stream is looked for.
#pragma once

#include "media/matroska_reader.h"
#include "media/media_splitter.h"

namespace ott {

bool is_matroska(ByteSpan start);

class MatroskaSplitter final : public MediaSplitter {
 public:
  Result<std::optional<ByteSpan>> next() override;

 private:
  std::optional<ByteSpan> next_unit();
  bool find_beginning();
  void take_parts();
  void on_reset() override;

  MatroskaReader reader_;
  std::size_t pushed_ = 0;      // bytes at the beginning of the window that the reader has
  std::optional<Error> fault_;  // of the reader, which takes no more
  bool lost_ = false;           // what comes is of no use up to the next beginning
  bool parts_taken_ = false;
};

}  // namespace ott
