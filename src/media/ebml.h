// Elements of EBML (RFC 8794): an id, a size and a body, which may be elements again. Nothing is read past
// what is there.
#pragma once

#include <optional>

#include "ott/result.h"
#include "ott/types.h"

namespace ott {

struct EbmlHead {
  std::uint32_t id = 0;               // with its marker bits, as RFC 9559 writes ids
  std::optional<std::uint64_t> size;  // of the body; nothing: unknown
  std::size_t bytes = 0;              // of the head itself
};
inline constexpr std::size_t kEbmlHeadBytesMax = 12;

/// The head at the front of `bytes`; nothing if it is not whole yet. The error says what no EBML is.
Result<std::optional<EbmlHead>> parse_ebml_head(ByteSpan bytes);

/// A number of 1 to 8 bytes whose length is in its first bits (RFC 8794, section 4), taken off the front;
/// nothing if it is not whole.
std::optional<std::uint64_t> take_ebml_number(ByteSpan& bytes);

struct EbmlElement {
  std::uint32_t id = 0;
  ByteSpan body;
};
/// Takes the element at the front of a body that is all there; the error says what is not whole.
Result<EbmlElement> take_ebml_element(ByteSpan& bytes);

/// Bodies that are numbers; 0 for one of another length than they may have.
std::uint64_t ebml_unsigned(ByteSpan body);
double ebml_float(ByteSpan body);

}  // namespace ott
