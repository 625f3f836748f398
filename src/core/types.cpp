#include "ott/types.h"

#include <arpa/inet.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstdio>
#include <cstring>

namespace ott {
namespace {

constexpr std::array<std::uint8_t, 12> kMappedPrefix = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};

/// The 128 bits of a product, folded.
std::uint64_t folded_product(std::uint64_t a, std::uint64_t b) {
  const auto product = static_cast<unsigned __int128>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64U);
}

/// Where the kernel has put the program, the C library and the stack, which is random for each process.
struct HashKey {
  HashKey() {
    const auto place = [](const void* at) {
      return static_cast<std::uint64_t>(std::bit_cast<std::uintptr_t>(at));
    };
    const int on_stack = 0;
    words[0] = folded_product(place(&kMappedPrefix), 0x9E3779B97F4A7C15ULL) ^ place(&on_stack);
    words[1] = folded_product(place(stdin), 0xD6E8FEB86659FD93ULL) | 1U;
  }
  std::array<std::uint64_t, 2> words;
};

Result<std::uint16_t> parse_port(std::string_view text, std::string_view whole) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc{} || end != text.data() + text.size() || port == 0) {
    return fail("'" + std::string(whole) + "': '" + std::string(text) + "' is not a port from 1 to 65535");
  }
  return port;
}

}  // namespace

bool IpAddress::is_v4() const {
  return std::equal(kMappedPrefix.begin(), kMappedPrefix.end(), bytes.begin());
}

bool IpAddress::is_unspecified() const {
  const std::size_t from = is_v4() ? kMappedPrefix.size() : 0;
  return std::all_of(bytes.begin() + static_cast<std::ptrdiff_t>(from), bytes.end(),
                     [](std::uint8_t byte) { return byte == 0; });
}

Result<IpAddress> parse_ip(std::string_view text) {
  const std::string terminated(text);
  if (text.find('\0') != std::string_view::npos) return fail("an address contains a zero byte");
  IpAddress address;
  if (inet_pton(AF_INET, terminated.c_str(), address.bytes.data() + kMappedPrefix.size()) == 1) {
    std::copy(kMappedPrefix.begin(), kMappedPrefix.end(), address.bytes.begin());
    return address;
  }
  if (inet_pton(AF_INET6, terminated.c_str(), address.bytes.data()) == 1) return address;
  return fail("'" + terminated + "' is not an IPv4 or IPv6 address");
}

std::string to_string(const IpAddress& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (address.is_v4()) {
    inet_ntop(AF_INET, address.bytes.data() + kMappedPrefix.size(), text.data(), text.size());
  } else {
    inet_ntop(AF_INET6, address.bytes.data(), text.data(), text.size());
  }
  return text.data();
}

Result<NodeId> parse_node_id(std::string_view text) {
  std::string_view host = text;
  std::string_view port;
  if (text.starts_with('[')) {
    const auto close = text.find(']');
    if (close == std::string_view::npos) return fail("'" + std::string(text) + "': the ']' is missing");
    host = text.substr(1, close - 1);
    port = text.substr(close + 1);
    if (!port.empty() && !port.starts_with(':')) {
      return fail("'" + std::string(text) + "': after ']' only :PORT may follow");
    }
  } else if (std::count(text.begin(), text.end(), ':') == 1) {
    host = text.substr(0, text.find(':'));
    port = text.substr(text.find(':'));
  }
  NodeId id;
  const auto address = parse_ip(host);
  if (!address) return tl::unexpected(address.error());
  id.address = *address;
  if (!port.empty()) {
    const auto number = parse_port(port.substr(1), text);
    if (!number) return tl::unexpected(number.error());
    id.port = *number;
  }
  return id;
}

std::string to_string(const NodeId& id) {
  const std::string address = to_string(id.address);
  if (id.port == kDefaultPort) return address;
  if (id.address.is_v4()) return address + ":" + std::to_string(id.port);
  return "[" + address + "]:" + std::to_string(id.port);
}

}  // namespace ott

std::size_t std::hash<ott::NodeId>::operator()(const ott::NodeId& id) const noexcept {
  static const ott::HashKey of_process;
  std::array<std::uint64_t, 2> halves;
  static_assert(sizeof halves == sizeof id.address.bytes);
  std::memcpy(halves.data(), id.address.bytes.data(), sizeof halves);
  const auto& key = of_process.words;
  std::uint64_t mixed = ott::folded_product(halves[0] ^ key[0], key[1]);
  mixed = ott::folded_product(mixed ^ halves[1], key[1]);
  return ott::folded_product(mixed ^ id.port, key[1]);
}
