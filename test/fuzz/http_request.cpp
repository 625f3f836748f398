// Any bytes as the requests of a connection: they come out the same whether the bytes come at once or one by
// one, what waits is bounded, and what is accepted has nothing in it that another server could read in
// another way.
#include "media/http_request.h"

#include <algorithm>
#include <string>
#include <vector>

#include "ott/assert.h"

namespace {

using ott::HttpRequest;
using ott::HttpRequestReader;

void check(const HttpRequest& request) {
  OTT_ASSERT(request.path.starts_with('/') || request.path == "*");
  OTT_ASSERT(std::ranges::none_of(request.path, [](char c) { return static_cast<unsigned char>(c) < ' '; }));
  OTT_ASSERT(ott::percent_decode(ott::percent_encode(request.path)) == request.path);
  OTT_ASSERT(request.version == 10 || request.version == 11);
}

/// All that is read of these bytes when they come in pieces of this size.
std::vector<std::string> read_all(ott::ByteSpan bytes, std::size_t piece) {
  HttpRequestReader reader;
  std::vector<std::string> said;
  while (true) {
    const ott::HttpRead read = reader.next();
    if (const auto* request = std::get_if<HttpRequest>(&read)) {
      check(*request);
      said.push_back(request->path + ' ' + request->host + ' ' + std::to_string(request->query.size()) + ' ' +
                     request->body);
    } else if (const auto* refusal = std::get_if<ott::HttpRefusal>(&read)) {
      OTT_ASSERT(refusal->status >= 400 && !refusal->why.empty() && reader.room() == 0);
      said.push_back(std::to_string(refusal->status));
      return said;
    } else {
      OTT_ASSERT(reader.room() > 0);
      const std::size_t more = std::min({piece, bytes.size(), reader.room()});
      if (more == 0) return said;
      reader.feed(bytes.first(more));
      bytes = bytes.subspan(more);
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ott::ByteSpan bytes(data, size);
  OTT_ASSERT(read_all(bytes, size) == read_all(bytes, 1));
  return 0;
}
