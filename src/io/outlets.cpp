#include "io/outlets.h"

#include <array>

#include "io/rtp_outlet.h"

namespace ott {
namespace {

constexpr std::array<const OutletSpec*, 1> kOutlets = {&kRtpOutlet};

}  // namespace

std::span<const OutletSpec* const> outlet_specs() { return kOutlets; }

}  // namespace ott
