// A SOURCE with a pace of ours whose file is open, so that nothing waits for the disk any more.
#pragma once

#include <memory>
#include <string>

#include "media/source.h"
#include "media/timed_source.h"

namespace ott {

/// One of the two; none: it is not open.
struct OpenedSource {
  std::unique_ptr<Source> pictures;
  std::unique_ptr<TimedSource> timed;
};

/// Opens it: for a worker, or before the loop runs. The error says what about the specification is wrong.
/// `first_ssrc`: of its packets.
Result<OpenedSource> open_paced_source(const std::string& spec, std::uint32_t first_ssrc);

}  // namespace ott
