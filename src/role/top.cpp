#include "role/top.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <utility>

#include "media/text.h"
#include "ott/text.h"

namespace ott {
namespace {

using Row = std::vector<std::string>;

struct Table {
  Row heads;
  std::vector<Row> rows;
  std::string left_out;  // of what there are more
};

/// How many columns a terminal needs for a text, where each code point takes one.
std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

/// The first code points of a text; the last one is an ellipsis where it is cut.
std::string cut_to(std::string text, std::size_t columns) {
  if (width_of(text) <= columns) return text;
  std::size_t end = 0;
  for (std::size_t seen = 0; end < text.size(); ++end) {
    const bool begins = (static_cast<unsigned char>(text[end]) & 0xC0U) != 0x80U;
    if (begins && seen++ + 1 == columns) break;
  }
  return text.substr(0, end) + "…";
}

/// Its heads and as many rows as there is room for, in columns.
std::vector<std::string> lines_of(const Table& table, std::size_t lines, std::size_t columns) {
  if (lines < 2 || table.rows.empty()) return {};
  const bool all = table.rows.size() < lines;
  const std::size_t shown = all ? table.rows.size() : lines - 2;
  std::vector<std::size_t> widths;
  for (const std::string& head : table.heads) widths.push_back(width_of(head));
  for (std::size_t i = 0; i < shown; ++i) {
    for (std::size_t k = 0; k < widths.size(); ++k)
      widths[k] = std::max(widths[k], width_of(table.rows[i][k]));
  }
  const auto line_of = [&](const Row& row) {
    std::string line;
    for (std::size_t k = 0; k < row.size(); ++k) {
      const bool last = k + 1 == row.size();
      line += row[k];
      if (!last) line.append(widths[k] - width_of(row[k]) + 2, ' ');
    }
    return cut_to(std::move(line), columns);
  };
  std::vector<std::string> text = {line_of(table.heads)};
  for (std::size_t i = 0; i < shown; ++i) text.push_back(line_of(table.rows[i]));
  if (!all) text.push_back(fmt::format("  … and {} more {}", table.rows.size() - shown, table.left_out));
  return text;
}

std::string name_in(const NodeNames& names, const std::string& id) {
  const auto found = names.find(id);
  return found == names.end() ? id : found->second;
}

/// "n1 > n2 > [n3 > n5, n4 > n6]", with how many viewers there are: "n5 (2)".
std::string tree_text(const Route& route, const NodeNames& names) {
  std::string text;
  std::vector<std::size_t> ends;  // of the subtrees with several children that we are in
  for (std::size_t i = 0; i < route.tree.entries.size(); ++i) {
    const PathTree::Entry& entry = route.tree.entries[i];
    text += name_in(names, to_string(entry.node));
    if (route.viewers[i] > 0) text += fmt::format(" ({})", route.viewers[i]);
    const std::size_t next = i + 1;
    const std::size_t end = i + entry.subtree_size;
    const bool has_children = next < end;
    const bool several = has_children && next + route.tree.entries[next].subtree_size < end;
    if (has_children) text += " > ";
    if (several) {
      text += "[";
      ends.push_back(end);
    }
    while (!ends.empty() && ends.back() == next) {
      text += "]";
      ends.pop_back();
    }
    if (!has_children && next < route.tree.entries.size()) text += ", ";
  }
  return text;
}

Table streams_table(Overlay& overlay, const Overview& overview, const NodeNames& names) {
  Table table{{"STREAM", "STATE", "SIZE", "FPS", "MBIT/S", "VIEWERS", "METRIC", "TREE"}, {}, "streams"};
  for (const KnownStream& stream : overlay.streams()) {
    const StreamInfo& info = stream.info;
    const StreamFigures figures = overlay.figures().of(info.id);
    const auto known = overview.routes().find(info.id);
    table.rows.push_back({info.name, std::string(to_string(info.state)),
                          info.width == 0 ? "-" : fmt::format("{}x{}", info.width, info.height),
                          info.fps_milli == 0 ? "-" : fmt::format("{:.4g}", info.fps_milli / 1e3),
                          fmt::format("{:.2f}", static_cast<double>(figures.bits_per_second) / 1e6),
                          fmt::format("{}", figures.viewers), std::string(to_string(info.metric)),
                          known == overview.routes().end() ? name_in(names, to_string(stream.origin))
                                                           : tree_text(known->second.route, names)});
  }
  return table;
}

/// Those that carry most first.
Table links_table(const OverlayShown& shown, const NodeNames& names) {
  Table table{{"LINK", "RTT MS", "LOSS %", "KEEPS UP"}, {}, "links"};
  for (const OverlayShown::Link& link : shown.links) {
    const std::string limit =
        link.could_carry_kbps == 0
            ? "yes"
            : fmt::format("no: could carry {:.1f} Mbit/s", static_cast<double>(link.could_carry_kbps) / 1e3);
    table.rows.push_back({fmt::format("{} > {}", name_in(names, link.from), name_in(names, link.to)),
                          link.rtt_ms ? fmt::format("{:.1f}", *link.rtt_ms) : "-",
                          fmt::format("{:.1f}", 100 * link.loss), limit});
  }
  const auto trouble = [](const Row& row) { return std::pair(row[3] == "yes", row[2] == "0.0"); };
  std::ranges::stable_sort(table.rows, {}, trouble);
  return table;
}

Table viewers_table(const Overview& overview, const NodeNames& names) {
  Table table{{"VIEWER", "STREAM", "FRAMES", "LOST", "SKIPPED", "P50 MS", "P99 MS"}, {}, "viewers"};
  for (const auto& [id, known] : overview.routes()) {
    for (std::size_t i = 0; i < known.route.tree.entries.size(); ++i) {
      if (known.route.viewers[i] == 0) continue;
      const NodeId& node = known.route.tree.entries[i].node;
      for (const ViewerFigures& viewer : overview.viewers(node)) {
        if (viewer.stream != known.route.stream) continue;
        const std::string at = name_in(names, to_string(node));
        const auto ms = [&viewer](double ViewerFigures::Latency::*which) {
          return viewer.latency_ms ? fmt::format("{:.1f}", *viewer.latency_ms.*which) : "-";
        };
        table.rows.push_back({viewer.who.empty() ? at : fmt::format("{} at {}", viewer.who, at),
                              viewer.stream, fmt::format("{}", viewer.frames_received),
                              fmt::format("{}", viewer.frames_lost), fmt::format("{}", viewer.frames_skipped),
                              ms(&ViewerFigures::Latency::p50), ms(&ViewerFigures::Latency::p99)});
      }
    }
  }
  return table;
}

std::string clock_text(WallTime time) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(
      std::chrono::time_point_cast<std::chrono::system_clock::duration>(time));
  return fmt::format("{:%H:%M:%S}", fmt::localtime(seconds));
}

}  // namespace

std::vector<std::string> top_screen(Overlay& overlay, const Overview& overview, const OverlayEvents& events,
                                    const ScreenSize& size, Now now) {
  const std::string json = overview.overlay_json();
  const OverlayShown shown = read_overlay(json);
  NodeNames names;
  for (const OverlayShown::Node& node : shown.nodes) names[node.id] = node.name;
  std::vector<std::string> screen = {cut_to(
      fmt::format("ottd {}  {}, {}, {}", clock_text(now.wall), counted(shown.nodes.size(), "node"),
                  counted(shown.links.size() / 2, "link"), counted(overlay.streams().size(), "stream")),
      size.columns)};
  const std::array tables = {streams_table(overlay, overview, names), viewers_table(overview, names),
                             links_table(shown, names)};
  // Each table has its share of the lines; what one does not need is for those behind it.
  std::size_t left = size.lines - std::min<std::size_t>(size.lines, 2);
  for (std::size_t i = 0; i < tables.size(); ++i) {
    const std::size_t share = left / (tables.size() + 1 - i);
    const std::vector<std::string> lines = lines_of(tables[i], share, size.columns);
    if (lines.empty()) continue;
    screen.emplace_back();
    screen.insert(screen.end(), lines.begin(), lines.end());
    left -= std::min(left, lines.size() + 1);
  }
  if (left >= 3 && !events.recent().empty()) {
    screen.emplace_back();
    screen.emplace_back("EVENTS");
    const std::size_t count = std::min(left - 2, events.recent().size());
    for (auto event = events.recent().end() - static_cast<std::ptrdiff_t>(count);
         event != events.recent().end(); ++event)
      screen.push_back(cut_to(fmt::format("{}  {}", clock_text(event->time), event->text), size.columns));
  }
  screen.resize(std::min(screen.size(), size.lines));
  for (std::string& line : screen) line = to_utf8(line);
  return screen;
}

}  // namespace ott
