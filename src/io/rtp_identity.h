// The identity of this process to RTP receivers: its CNAME, and the random numbers that a sender begins with.
#pragma once

#include <fmt/format.h>

#include <string>

#include "io/random.h"
#include "ott/rtp_jpeg.h"

namespace ott {

/// The same for all senders of this process, so that receivers know that their streams can be aligned;
/// another one in each run (RFC 7022, section 4.2).
inline const std::string& rtp_cname() {
  static const std::string name =
      fmt::format("{:016x}{:08x}", random_number<std::uint64_t>(), random_number<std::uint32_t>());
  return name;
}

/// RFC 3550, section 5.1.
inline RtpFields random_rtp_fields() {
  return {random_number<std::uint16_t>(), random_number<std::uint32_t>(), random_number<std::uint32_t>()};
}

}  // namespace ott
