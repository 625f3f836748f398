#include "io/outlets.h"

#include <array>

#include "io/record_outlet.h"

namespace ott {
namespace {

constexpr std::array kOutlets = {&kRecordOutlet};

}  // namespace

std::span<const OutletSpec* const> outlet_specs() { return kOutlets; }

}  // namespace ott
