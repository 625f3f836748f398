#include "io/outlets.h"

#include <array>

#include "io/http_outlet.h"

namespace ott {
namespace {

constexpr std::array kOutlets = {&kHttpOutlet};

}  // namespace

std::span<const OutletSpec* const> outlet_specs() { return kOutlets; }

}  // namespace ott
