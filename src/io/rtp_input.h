// RTP from the network, as an input: unicast and multicast, of any sender or of one, one flow or all that a
// session description describes. The ports are bound, and the groups joined, while somebody watches.
#pragma once

#include <string>

#include "io/inputs.h"
#include "media/rtp_address.h"

namespace ott {

/// `name`: as errors name it.
std::unique_ptr<Input> make_rtp_input(const std::string& name, const SdpAddresses& addresses, InputSink& sink,
                                      const InputContext& context);

extern const InputSpec kRtpInput;  // rtp://
extern const InputSpec kSdpInput;  // a file that says which addresses and ports

}  // namespace ott
