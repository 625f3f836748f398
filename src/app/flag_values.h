// What single values of flags mean. `flag` is how the flag is called (Words::called); errors begin with it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "ott/message.h"
#include "overlay/overlay_config.h"
#include "role/role.h"

namespace ott {

/// A whole number, 1 or more.
Result<std::uint64_t> parse_count(const std::string& flag, const std::string& text);
/// A number of bytes, or one with K, M or G (powers of 1024), within what rings can have.
Result<std::size_t> parse_size(const std::string& flag, const std::string& text);
/// ADDRESS, ADDRESS:PORT, HOST or HOST:PORT.
Result<std::variant<NodeId, HostName>> parse_place(const std::string& flag, const std::string& text);
/// ADDRESS or ADDRESS:PORT.
Result<NodeId> parse_address(const std::string& flag, const std::string& text);
/// cost, latency or quality. The error begins with `what`.
Result<Metric> parse_metric(std::string_view what, std::string_view text);
/// MIN-MAX.
Result<void> parse_degree(const std::string& flag, const std::string& text, JoinConfig& join);

}  // namespace ott
