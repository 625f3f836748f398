// Numbers that nobody can guess, from the kernel.
#pragma once

#include <sys/random.h>

#include <concepts>

#include "ott/assert.h"

namespace ott {

template <std::unsigned_integral T>
T random_number() {
  T number{};
  OTT_ASSERT(::getrandom(&number, sizeof number, 0) == sizeof number);
  return number;
}

}  // namespace ott
