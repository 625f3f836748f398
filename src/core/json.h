// RapidJSON, as this program includes it. Its stack adds to a null pointer before it first allocates, which
// clang's undefined-behaviour sanitizer would report in every test. Only RapidJSON is exempt from that check.
#pragma once

#include <istream>  // before the exemption begins, which would spread to it

#ifdef __clang__
#pragma clang attribute push(__attribute__((no_sanitize("pointer-overflow"))), apply_to = function)
#endif

#include <rapidjson/document.h>
#include <rapidjson/error/en.h>

#ifdef __clang__
#pragma clang attribute pop
#endif
