#include "io/outlets.h"

#include <array>

#include "io/latest_outlet.h"
#include "io/record_outlet.h"

namespace ott {
namespace {

constexpr std::array kOutlets = {&kRecordOutlet, &kLatestOutlet};

}  // namespace

std::span<const OutletSpec* const> outlet_specs() { return kOutlets; }

}  // namespace ott
