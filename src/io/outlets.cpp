#include "io/outlets.h"

#include <array>

#include "io/http_outlet.h"
#include "io/latest_outlet.h"
#include "io/record_outlet.h"
#include "io/rtp_outlet.h"
#include "io/rtsp_outlet.h"

namespace ott {
namespace {

constexpr std::array kOutlets = {&kRecordOutlet, &kLatestOutlet, &kHttpOutlet, &kRtpOutlet, &kRtspOutlet};

}  // namespace

std::span<const OutletSpec* const> outlet_specs() { return kOutlets; }

}  // namespace ott
