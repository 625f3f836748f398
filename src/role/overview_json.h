// What processes show each other of the overlay (LOOK, VIEW), and their HTTP servers to programs: JSON as in
// openapi.yaml, and back. What comes from others is believed in nothing but its shape: it is shown to people.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "overlay/overlay.h"
#include "role/json_line.h"

namespace ott {

/// A stream's tree as its origin has it.
struct Route {
  StreamId id;
  std::string stream;
  NodeId origin;
  PathTree tree;                       // valid
  std::vector<std::uint32_t> viewers;  // of each of its entries, with its guests
};

/// How somebody who watches a stream is served.
struct ViewerFigures {
  std::string stream;
  std::string who;  // a guest's own address; empty: the process itself
  std::uint64_t frames_received = 0;
  std::uint64_t frames_lost = 0;
  std::uint64_t frames_skipped = 0;
  std::uint64_t frames_duplicate = 0;
  double gap_ms_max = 0;
  struct Latency {
    double p50 = 0;
    double p99 = 0;
    double max = 0;
  };
  std::optional<Latency> latency_ms;  // none before the first frame
};

/// The streams that begin here.
std::vector<Route> own_routes(Overlay& overlay);

/// {"routes": [...]}, without what only the reader knows (age, viewers' figures).
std::string routes_json(const std::vector<Route>& routes);
/// Those that are well formed and begin at `origin`; at most kStateStreamsMax.
std::vector<Route> read_routes(const std::string& json, const NodeId& origin);

/// A guest of a node, whether it has said how it is served or not.
struct GuestShown {
  std::string id;
  std::optional<double> rtt_ms;  // of its link, where that is measured
};

/// {"viewers": [...], "guests": [...]}
std::string viewers_json(const std::vector<ViewerFigures>& viewers, const std::vector<GuestShown>& guests);
/// Those that are well formed; at most kViewersShownMax.
std::vector<ViewerFigures> read_viewers(const std::string& json);
inline constexpr std::size_t kViewersShownMax = 64;
/// The same, at most kGuestsShownMax.
std::vector<GuestShown> read_guests(const std::string& json);
inline constexpr std::size_t kGuestsShownMax = 512;

/// By id, as to_string() writes it.
using NodeNames = std::map<std::string, std::string>;
/// The nodes and links that this process knows; `names`: of nodes whose name it does not know itself. `self`:
/// who shows them to its own readers, this process or a guest of it.
std::string overlay_json(const Overlay& overlay, const std::optional<NodeId>& self, const NodeNames& names);
/// True of an object that has such nodes and links.
bool is_overlay_json(const std::string& json);
/// The same read back, for people.
struct OverlayShown {
  struct Node {
    std::string id;
    std::string name;
  };
  struct Link {
    std::string from;
    std::string to;
    std::optional<double> rtt_ms;
    double loss = 0;  // a share of 1
    std::uint64_t could_carry_kbps = 0;
  };
  std::vector<Node> nodes;
  std::vector<Link> links;
};
OverlayShown read_overlay(const std::string& json);

void add_tree(JsonLine& line, const Route& route);
void add_viewer(JsonLine& line, const ViewerFigures& viewer);
void add_stream(JsonLine& line, const KnownStream& stream, const StreamFigures& figures);
/// 10 hexadecimal digits.
std::string to_string(StreamId id);

}  // namespace ott
