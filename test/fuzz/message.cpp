// Any bytes as the body of any message: none, or one that is written as the very bytes that were read, but
// for what a later version may have put behind them. The first byte picks the type.
#include "ott/message.h"

#include <algorithm>
#include <tuple>
#include <vector>

#include "../unit/core/random_messages.h"
#include "ott/assert.h"

namespace {

template <class T>
void check(ott::ByteSpan body) {
  const auto message = ott::decode<T>(body);
  if (!message) return;
  std::vector<std::uint8_t> again;
  ott::encode(again, *message);
  const ott::ByteSpan known = ott::ByteSpan(again).subspan(ott::kHeaderBytes);
  OTT_ASSERT(known.size() <= body.size() && std::ranges::equal(known, body.first(known.size())));
  const ott::Framed framed = ott::next_message(again, static_cast<std::uint32_t>(body.size()));
  OTT_ASSERT(framed.kind == ott::Framed::Kind::Whole && framed.header.type == T::kType);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t pick = data[0] % std::tuple_size_v<ott::test::AllMessages>;
  std::size_t at = 0;
  ott::test::for_each_message([&]<class T>(const T&) {
    if (at++ == pick) check<T>({data + 1, size - 1});
  });
  return 0;
}
