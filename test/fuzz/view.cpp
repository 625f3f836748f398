// Any bytes as what another process shows (VIEW): trees, viewers, nodes and links. What is taken is whole.
#include "ott/assert.h"
#include "role/overview_json.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string json(reinterpret_cast<const char*>(data), size);
  const ott::NodeId origin{ott::parse_ip("10.0.0.10").value()};
  for (const ott::Route& route : ott::read_routes(json, origin)) {
    OTT_ASSERT(route.tree.valid() && route.tree.root().node == origin);
    OTT_ASSERT(route.viewers.size() == route.tree.entries.size());
  }
  OTT_ASSERT(ott::read_viewers(json).size() <= ott::kViewersShownMax);
  OTT_ASSERT(ott::read_guests(json).size() <= ott::kGuestsShownMax);
  (void)ott::read_overlay(json);
  (void)ott::is_overlay_json(json);
  return 0;
}
