// The one place where libjpeg's errors are caught. libjpeg is C and reports by a call that must not return;
// we leave with longjmp, so what runs inside guarded() keeps no object that needs a destructor across a
// libjpeg call. Also where its output goes: a vector that is kept between frames.
#pragma once

#include <csetjmp>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <type_traits>
#include <vector>

#include "ott/types.h"

// clang-format off
#include <jpeglib.h>  // wants <cstddef> and <cstdio> before it
// clang-format on

namespace ott {

/// libjpeg's error manager and the sentence it left. `base` comes first: libjpeg hands back its address.
struct JpegErrors {
  jpeg_error_mgr base;
  std::jmp_buf where;
  char message[JMSG_LENGTH_MAX];
  bool cut_off;  // the input has ended before its EOI

  /// For `err` of a (de)compressor. Damaged data is an error too, where libjpeg by itself would only warn. A
  /// picture that is cut off is none: what is missing stays grey, as in viewers.
  jpeg_error_mgr* install();
};
static_assert(std::is_standard_layout_v<JpegErrors>);

/// Runs step(context); false if libjpeg gave up, and errors.message says why.
template <class Context>
bool guarded(JpegErrors& errors, void (*step)(Context&), Context& context) {
  if (setjmp(errors.where) != 0) return false;
  step(context);
  return true;
}

/// A destination manager that writes into a vector; `base` comes first, as above.
struct JpegOutput {
  jpeg_destination_mgr base;
  std::vector<std::uint8_t> bytes;  // its size is its room
  std::size_t used = 0;

  /// For `dest` of a compressor.
  jpeg_destination_mgr* install();
  [[nodiscard]] ByteSpan written() const { return ByteSpan(bytes).first(used); }
};
static_assert(std::is_standard_layout_v<JpegOutput>);

}  // namespace ott
