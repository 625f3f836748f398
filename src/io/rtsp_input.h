// A camera that is asked for its stream by RTSP: rtsp://[USER[:PASSWORD]@]HOST[:PORT]/PATH. Interleaved, or
// with ?transport=udp by UDP. It is connected to when somebody watches, and again, after a pause, whenever it
// goes away or falls silent. What is said to it is decided in media/rtsp_client.h.
#pragma once

#include "io/inputs.h"

namespace ott {

extern const InputSpec kRtspInput;
/// Says that there is no TLS for it yet.
extern const InputSpec kRtspsInput;

}  // namespace ott
