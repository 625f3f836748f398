// Assertions that are always on: a violated one is a bug in this program, never a peer's or a user's doing.
#pragma once

#include <cstdio>
#include <cstdlib>

namespace ott::detail {
[[noreturn]] inline void assertion_failed(const char* expression, const char* file, int line) {
  std::fprintf(stderr, "ottd: bug: %s does not hold (%s:%d)\n", expression, file, line);
  std::abort();
}
}  // namespace ott::detail

#define OTT_ASSERT(expression) \
  ((expression) ? static_cast<void>(0) : ::ott::detail::assertion_failed(#expression, __FILE__, __LINE__))
