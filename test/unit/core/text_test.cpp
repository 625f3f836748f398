#include "ott/text.h"

#include <catch2/catch.hpp>

namespace ott {
namespace {

TEST_CASE("one of a thing has no plural") {
  CHECK(counted(0, "hop") == "0 hops");
  CHECK(counted(1, "hop") == "1 hop");
  CHECK(counted(2, "access node") == "2 access nodes");
}

}  // namespace
}  // namespace ott
