#include "ott/version.h"

// The Makefile takes it from the changelog, and passes it to this file alone. A linter's look has none.
#ifndef OTT_VERSION
#define OTT_VERSION "unknown"
#endif

namespace ott {

std::string_view version() noexcept { return OTT_VERSION; }

}  // namespace ott
