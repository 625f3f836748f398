// Ids and units of the overlay as strong types: none converts to another, or from a number, by itself.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "ott/result.h"

namespace ott {

using ByteSpan = std::span<const std::uint8_t>;
using MutableByteSpan = std::span<std::uint8_t>;

inline constexpr std::uint16_t kDefaultPort = 7000;

/// An IP address without a port; IPv4 is kept v4-mapped (::ffff:a.b.c.d), so order is numeric per family.
struct IpAddress {
  std::array<std::uint8_t, 16> bytes{};

  [[nodiscard]] bool is_v4() const;
  [[nodiscard]] bool is_unspecified() const;
  bool operator==(const IpAddress&) const = default;
  /// By the bytes in order, eight at a time: nearly all that is computed of an overlay compares ids.
  std::strong_ordering operator<=>(const IpAddress& other) const {
    const std::uint64_t high = number_at(0);
    const std::uint64_t other_high = other.number_at(0);
    return high != other_high ? high <=> other_high : number_at(8) <=> other.number_at(8);
  }

 private:
  [[nodiscard]] std::uint64_t number_at(std::size_t first) const {
    std::uint64_t number = 0;
#pragma GCC unroll 8  // it becomes one load
    for (std::size_t i = first; i < first + 8; ++i) number = number << 8U | bytes[i];
    return number;
  }
};

/// Parses "10.0.0.1" or "2001:db8::1". No host names.
Result<IpAddress> parse_ip(std::string_view text);
std::string to_string(const IpAddress& address);

/// A node's identity in the overlay: the address and port it listens on. Ordered by address, then port.
struct NodeId {
  IpAddress address;
  std::uint16_t port = kDefaultPort;

  auto operator<=>(const NodeId&) const = default;
};

/// Parses "10.0.0.1", "10.0.0.1:7001", "2001:db8::1" or "[2001:db8::1]:7001"; the port is 7000 when absent.
Result<NodeId> parse_node_id(std::string_view text);
/// The form that parse_node_id reads; the default port is left out.
std::string to_string(const NodeId& id);

/// A number that is only what its tag says.
template <class Tag, class Rep>
struct Strong {
  Rep value{};

  constexpr Strong() = default;
  constexpr explicit Strong(Rep v) : value(v) {}
  auto operator<=>(const Strong&) const = default;
};

/// Names one run of one stream at one origin: a 40-bit hash of origin, name and the time it started.
using StreamId = Strong<struct StreamIdTag, std::uint64_t>;
/// Names one tree of one stream: StreamId in the upper 40 bits, the tree's version in the lower 24.
using Label = Strong<struct LabelTag, std::uint64_t>;
/// Counts a stream's frames from 1, +1 per frame; never wraps. 0 means "none yet".
using FrameNumber = Strong<struct FrameNumberTag, std::uint64_t>;
/// Bytes since a ring's birth; never wraps.
using Position = Strong<struct PositionTag, std::uint64_t>;
/// A link of this process (an accepted or a made connection). The upper 32 bits are a slot of its tables of
/// links, so a table is as long as there were ever links at once. The lower 32 are a number that tells apart
/// the links that had the slot one after the other.
using LinkId = Strong<struct LinkIdTag, std::uint64_t>;

constexpr LinkId make_link_id(std::uint32_t slot, std::uint32_t number) {
  return LinkId{(std::uint64_t{slot} << 32U) | number};
}
constexpr std::uint32_t slot_of(LinkId link) { return static_cast<std::uint32_t>(link.value >> 32U); }

inline constexpr unsigned kTreeVersionBits = 24;

constexpr Label make_label(StreamId stream, std::uint32_t version) {
  return Label{(stream.value << kTreeVersionBits) | (version & ((1U << kTreeVersionBits) - 1))};
}
constexpr StreamId stream_of(Label label) { return StreamId{label.value >> kTreeVersionBits}; }
constexpr std::uint32_t version_of(Label label) {
  return static_cast<std::uint32_t>(label.value & ((1U << kTreeVersionBits) - 1));
}
/// Serial order of tree versions, which wrap (RFC 1982).
constexpr bool is_older_version(Label label, Label than) {
  const std::uint32_t distance = (version_of(than) - version_of(label)) & ((1U << kTreeVersionBits) - 1);
  return distance != 0 && distance < (1U << (kTreeVersionBits - 1));
}

}  // namespace ott

/// Keyed by a number that each process draws: peers choose ids, and could otherwise choose such as collide.
template <>
struct std::hash<ott::NodeId> {
  std::size_t operator()(const ott::NodeId& id) const noexcept;
};

template <class Tag, class Rep>
struct std::hash<ott::Strong<Tag, Rep>> {
  std::size_t operator()(const ott::Strong<Tag, Rep>& strong) const noexcept {
    return std::hash<Rep>{}(strong.value);
  }
};
