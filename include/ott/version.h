// Which version of ottd this is.
#pragma once

#include <string_view>

namespace ott {

/// "0.3.0", as the newest entry of the changelog (tools/package/CHANGELOG.md) has it.
[[nodiscard]] std::string_view version() noexcept;

}  // namespace ott
