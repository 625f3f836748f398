// JPEG over RTP (RFC 2435) from the network, as an input: unicast and multicast, of any sender or of one. The
// port is bound, and the group joined, while somebody watches. Anybody can send here: what is taken in one
// round of the loop, kept and logged is bounded, and so is what a strange packet can do (rtp_receiver.h).
#pragma once

#include "io/inputs.h"

namespace ott {

extern const InputSpec kRtpInput;  // rtp://
extern const InputSpec kSdpInput;  // a file that says which address and port

}  // namespace ott
