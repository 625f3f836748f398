// Elements of EBML (RFC 8794) as they are written; ebml.h reads them.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "ott/types.h"

namespace ott {

using EbmlBytes = std::vector<std::uint8_t>;

/// Of a size that is replaced later (long_ebml_size()), or unknown.
inline constexpr std::size_t kLongEbmlSizeBytes = 8;

void put_ebml_id(EbmlBytes& out, std::uint32_t id);
/// A size in as few bytes as hold it (section 4).
void put_ebml_size(EbmlBytes& out, std::uint64_t size);
EbmlBytes long_ebml_size(std::uint64_t size);
/// The id, and a size that means that it is not known.
void put_unknown_size(EbmlBytes& out, std::uint32_t id);

void put_ebml(EbmlBytes& out, std::uint32_t id, ByteSpan body);
void put_ebml_text(EbmlBytes& out, std::uint32_t id, std::string_view text);
void put_ebml_number(EbmlBytes& out, std::uint32_t id, std::uint64_t value);
/// In all eight bytes, so that its length is always the same.
void put_long_ebml_number(EbmlBytes& out, std::uint32_t id, std::uint64_t value);
void put_ebml_float(EbmlBytes& out, std::uint32_t id, double value);
/// An element of so many bytes, with its id, that is passed over. REQUIRES: 2 to 127.
void put_ebml_void(EbmlBytes& out, std::size_t bytes);

}  // namespace ott
