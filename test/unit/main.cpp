#ifndef __clang__
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"  // g++ 12 with sanitizers, about its own std::regex
#endif

#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>
