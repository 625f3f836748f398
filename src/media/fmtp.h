// The parameters of a=fmtp (RFC 8866, section 6.15) as payload formats have them: "name=value;name=value",
// and the two ways in which they write bytes.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ott/types.h"

namespace ott {

/// The value of the first parameter of that name, whose case does not count; empty for one without a value.
[[nodiscard]] std::optional<std::string_view> format_parameter(std::string_view parameters,
                                                               std::string_view name);
/// Of one that is a number; `otherwise` if there is none, or it is no number.
[[nodiscard]] unsigned format_number(std::string_view parameters, std::string_view name, unsigned otherwise);

/// Nothing if it is not base64 (RFC 4648, section 4), with or without the padding.
[[nodiscard]] std::optional<std::vector<std::uint8_t>> from_base64(std::string_view text);
[[nodiscard]] std::string to_base64(ByteSpan bytes);

/// Nothing if it is not pairs of hexadecimal digits.
[[nodiscard]] std::optional<std::vector<std::uint8_t>> from_hex(std::string_view text);
[[nodiscard]] std::string to_hex(ByteSpan bytes);

}  // namespace ott
