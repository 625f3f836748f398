#include "role/metrics.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>
#include <rapidjson/document.h>

#include <array>
#include <limits>
#include <map>
#include <set>
#include <sstream>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "ott/assert.h"

namespace ott {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using rapidjson::Value;
using Labels = std::vector<ClientMetric::Label>;

struct Figure {
  std::string_view path;  // the keys on the way to it in a line of --stats; "[]" behind that of a list
  MetricType type;
  const char* help;
};

constexpr auto kCounter = MetricType::Counter;
constexpr auto kGauge = MetricType::Gauge;
constexpr std::string_view kLimits = "limits";

/// What a line may have.
constexpr std::array kFigures = {
    Figure{"uptime_s", kGauge, "How long this process has run."},
    Figure{"loop_pause_ms_max", kGauge, "The longest time for which this process read from no connection."},
    // A client's stream.
    Figure{"frames_received", kCounter, "Frames that this client has received."},
    Figure{"frames_lost", kCounter, "Frames that are missing here although no node skipped them."},
    Figure{"frames_skipped", kCounter, "Frames that a node on the way or the dump left out: too slow."},
    Figure{"frames_duplicate", kCounter, "Frames that came again."},
    Figure{"bytes_received", kCounter, "Bytes of this client's stream, with the headers of its records."},
    Figure{"latency_ms.p50", kGauge, "From the origin to here, the half of all frames since the start."},
    Figure{"latency_ms.p99", kGauge, "From the origin to here, 99 of 100 frames since the start."},
    Figure{"latency_ms.max", kGauge, "From the origin to here, the longest since the start."},
    Figure{"hops", kGauge, "Overlay links from the origin to here."},
    Figure{"gap_ms_max", kGauge, "The longest time between two frames."},
    // Streams that begin here.
    Figure{"streams", kGauge, "Streams that begin here."},
    Figure{"streams[].frames", kCounter, "Frames that were published."},
    Figure{"streams[].frames_refused", kCounter, "What the source had and was no frame, or too large."},
    Figure{"streams[].frames_completed", kCounter, "Pictures that were cut off, and published."},
    Figure{"streams[].frames_left_out", kCounter, "Live pictures that could not be converted in time."},
    Figure{"streams[].frames_incomplete", kCounter, "Frames of which packets were missing."},
    Figure{"streams[].frames_before_sync_point", kCounter, "Frames at which decoding could not begin."},
    Figure{"streams[].packets", kCounter, "RTP packets of the source."},
    Figure{"streams[].packets_lost", kCounter, "RTP packets of the source that did not come."},
    Figure{"streams[].packets_late", kCounter, "RTP packets that came too late for their place."},
    Figure{"streams[].packets_duplicate", kCounter, "RTP packets that came again."},
    Figure{"streams[].packets_refused", kCounter, "Datagrams of another sender or type, or no RTP."},
    Figure{"streams[].width", kGauge, "Of the pictures, in pixels; 0: not known."},
    Figure{"streams[].height", kGauge, "Of the pictures, in pixels; 0: not known."},
    Figure{"streams[].fps", kGauge, "Frames a second; 0: not known."},
    Figure{"streams[].state", kGauge, "1 for the state that the stream is in: live, stalled or ended."},
    Figure{"streams[].sessions", kGauge, "Viewers that see this film, each from a place of their own."},
    // Streams that this process has, its own and those that it passes on.
    Figure{"flows", kGauge, "Streams that this process has or passes on, the first 64."},
    Figure{"flows[].bytes", kCounter, "Bytes that have come of this stream."},
    Figure{"flows[].nodes", kGauge, "Neighbours that are sent this stream."},
    Figure{"flows[].guests", kGauge, "Guests that are sent this stream."},
    // Outlets.
    Figure{"outlets", kGauge, "Outlets of this process."},
    Figure{"outlets[].viewers", kGauge, "Who takes a stream from this outlet now."},
    Figure{"outlets[].connections", kGauge, "Connections to this server now."},
    Figure{"outlets[].refused", kCounter, "Connections that there was no room for."},
    Figure{"outlets[].changes_refused", kCounter, "Requests to change something, of who may not."},
    Figure{"outlets[].frames", kCounter, "Frames that went out."},
    Figure{"outlets[].frames_skipped", kCounter, "Frames left out since somebody or something was too slow."},
    Figure{"outlets[].bytes", kCounter, "Bytes that went out."},
    // Limits and memory.
    Figure{kLimits, kCounter, "How often each limit on what peers can do was reached."},
    Figure{"rings.bytes", kGauge, "Memory that the rings of all streams have."},
    Figure{"rings.bytes_max", kGauge, "Memory that they may have."},
    Figure{"rings.growths_refused", kCounter, "How often a history or a frame did not get more memory."},
    // Links.
    Figure{"links", kGauge, "Links, by what the peer is."},
    Figure{"links[].state", kGauge, "1 for the state that the link is in."},
    Figure{"links[].bytes_in", kCounter, "Bytes that came over the link."},
    Figure{"links[].bytes_out", kCounter, "Bytes that the link took."},
    Figure{"links[].frames_in", kCounter, "Frames that came over the link."},
    Figure{"links[].frames_out", kCounter, "Frames that the link took."},
    Figure{"links[].frames_skipped", kCounter, "Frames left out on this link, which was too slow for them."},
    Figure{"links[].waiting_bytes", kGauge, "Bytes for the peer that the link has not taken yet."},
    Figure{"links[].rtt_ms", kGauge, "The last round trip."},
    Figure{"links[].rtt_smoothed_ms", kGauge, "The round trip, smoothed."},
    Figure{"links[].rtt_variation_ms", kGauge, "How much round trips vary, smoothed."},
    Figure{"links[].rtt_least_ms", kGauge, "The shortest round trip of this connection."},
    Figure{"links[].loss", kGauge, "The share of segments that were sent again lately."},
    Figure{"links[].blocked", kGauge, "The share of the last two seconds in which the link took nothing."},
    Figure{"links[].carries_kbps", kGauge, "What goes over the link to the peer."},
    Figure{"links[].keeps_up", kGauge, "0 where the link is too slow for what it is to carry."},
    Figure{"links[].said.rtt_ms", kGauge, "The round trip as this node's link state has it."},
    Figure{"links[].said.loss", kGauge, "The loss as this node's link state has it."},
    Figure{"links[].said.could_carry_kbps", kGauge,
           "What the link took when it did not keep up, as this node's link state has it; 0: it keeps up."},
    Figure{"links[].said.carries_kbps", kGauge,
           "What goes over a link that does not keep up, as this node's link state has it."},
};

/// A word of a key as it is in a metric's name, and what a value is multiplied by for it.
std::pair<std::string_view, double> in_base_units(std::string_view word) {
  if (word == "ms") return {"seconds", 1e-3};
  if (word == "s") return {"seconds", 1};
  if (word == "kbps") return {"bytes_per_second", 1000.0 / 8};
  return {word, 1};
}

/// The metrics of the figures, each with all its series so far.
class Families {
 public:
  Families() {
    for (const Figure& figure : kFigures) {
      at_[figure.path] = named_.size();
      named_.push_back(name(figure));
    }
  }

  /// REQUIRES: the table has the figure; one that it has not is left out.
  void add(std::string_view path, const Labels& labels, double value) {
    const auto at = at_.find(path);
    if (at == at_.end()) return;
    Named& named = named_[at->second];
    ClientMetric metric;
    metric.label = labels;
    (named.family.type == kCounter ? metric.counter.value : metric.gauge.value) = value * named.scale;
    named.family.metric.push_back(std::move(metric));
  }
  /// Those that have a series.
  std::vector<MetricFamily> take() {
    std::vector<MetricFamily> families;
    for (Named& named : named_) {
      if (!named.family.metric.empty()) families.push_back(std::move(named.family));
    }
    return families;
  }

 private:
  struct Named {
    MetricFamily family;
    double scale = 1;
  };

  static Named name(const Figure& figure) {
    Named named{{"ottd", figure.help, figure.type, {}}};
    std::string word;
    const auto end_word = [&named, &word] {
      const auto [text, scale] = in_base_units(word);
      named.family.name.append("_").append(text);
      named.scale *= scale;
      word.clear();
    };
    for (const char c : figure.path) {
      if (c == '_' || c == '.') {
        end_word();
      } else if (c == '[') {
        word.pop_back();  // the singular
      } else if (c != ']') {
        word += c;
      }
    }
    end_word();
    if (figure.path == kLimits) named.family.name += "_reached";
    if (figure.type == kCounter) named.family.name += "_total";
    return named;
  }

  std::unordered_map<std::string_view, std::size_t> at_;  // by the figure's path
  std::vector<Named> named_;
};

std::string_view text_of(const Value& value) { return {value.GetString(), value.GetStringLength()}; }

bool is_state(const Value& name) { return text_of(name) == "state"; }

/// What tells one item of a list from others.
Labels labels_of(const Value& object) {
  Labels labels;
  for (const auto& [name, value] : object.GetObject()) {
    if (value.IsString() && !is_state(name))
      labels.push_back({std::string(text_of(name)), std::string(text_of(value))});
  }
  return labels;
}

void add_object(Families& families, const Value& object, const std::string& path, const Labels& labels);

void add_list(Families& families, const Value& list, const std::string& path) {
  std::map<std::string, double> counts;  // by relation
  std::set<std::string> seen;
  if (path != "links") counts[""] = 0;
  for (const Value& item : list.GetArray()) {
    const Labels labels = labels_of(item);
    const auto relation = item.FindMember("relation");
    const auto many = item.FindMember("links");  // a sum
    counts[relation == item.MemberEnd() ? "" : std::string(text_of(relation->value))] +=
        many == item.MemberEnd() ? 1 : many->value.GetDouble();
    // Two with the same labels would be two values of one series.
    std::string key;
    for (const ClientMetric::Label& label : labels)
      key.append(label.name).append("\n").append(label.value) += '\n';
    if (seen.insert(key).second) add_object(families, item, path + "[]", labels);
  }
  for (const auto& [relation, count] : counts)
    families.add(path, relation.empty() ? Labels{} : Labels{{"relation", relation}}, count);
}

void add_limits(Families& families, const Value& limits) {
  for (const auto& [name, value] : limits.GetObject())
    families.add(kLimits, {{"limit", std::string(text_of(name))}}, value.GetDouble());
}

void add_object(Families& families, const Value& object, const std::string& path, const Labels& labels) {
  for (const auto& [name, value] : object.GetObject()) {
    std::string at = path;
    if (!at.empty()) at += '.';
    at += text_of(name);
    if (value.IsNumber()) {
      families.add(at, labels, value.GetDouble());
    } else if (value.IsBool()) {
      families.add(at, labels, value.GetBool() ? 1 : 0);
    } else if (value.IsString() && is_state(name)) {
      Labels more = labels;
      more.push_back({"state", std::string(text_of(value))});
      families.add(at, more, 1);
    } else if (value.IsObject() && at == kLimits) {
      add_limits(families, value);
    } else if (value.IsObject()) {
      add_object(families, value, at, labels);
    } else if (value.IsArray()) {
      add_list(families, value, at);
    }
  }
}

// ---- what only a scrape has ------------------------------------------------------------------------------

MetricFamily single(const char* name, MetricType type, const char* help, double value, Labels labels = {}) {
  ClientMetric metric;
  metric.label = std::move(labels);
  (type == kCounter ? metric.counter.value : metric.gauge.value) = value;
  return {name, help, type, {std::move(metric)}};
}

MetricFamily histogram(const char* name, const char* help, const DurationHistogram& durations) {
  ClientMetric metric;
  ClientMetric::Histogram& histogram = metric.histogram;
  for (std::size_t i = 0; i < durations.counts().size(); ++i) {
    histogram.sample_count += durations.counts()[i];
    const double bound = i < DurationHistogram::kBounds.size()
                             ? std::chrono::duration<double>(DurationHistogram::kBounds[i]).count()
                             : std::numeric_limits<double>::infinity();
    histogram.bucket.push_back({histogram.sample_count, bound});
  }
  histogram.sample_sum = durations.sum_s();
  return {name, help, MetricType::Histogram, {std::move(metric)}};
}

void add_process(std::vector<MetricFamily>& families, const ProcessFacts& facts) {
  const auto add = [&families](const char* name, MetricType type, const char* help, double value) {
    families.push_back(single(name, type, help, value));
  };
  add("process_cpu_seconds_total", kCounter, "CPU time that all threads have used.", facts.cpu_s);
  add("process_start_time_seconds", kGauge, "When the process has started, since 1970.", facts.start_time_s);
  add("process_resident_memory_bytes", kGauge, "Memory of the process that is resident.",
      static_cast<double>(facts.resident_bytes));
  add("process_virtual_memory_bytes", kGauge, "Address space of the process.",
      static_cast<double>(facts.virtual_bytes));
  add("process_open_fds", kGauge, "Descriptors that are open.", static_cast<double>(facts.open_descriptors));
  add("process_max_fds", kGauge, "Descriptors that may be open.", static_cast<double>(facts.descriptors_max));
}

void add_own(std::vector<MetricFamily>& families, const Scrape& scrape, const Value& line) {
  const auto version = line.FindMember("version");
  if (version != line.MemberEnd())
    families.push_back(
        single("ottd_build_info", kGauge, "1, with how this program was built.", 1,
               {{"version", std::string(text_of(version->value))}, {"compiler", __VERSION__}}));
  families.push_back(
      single("ottd_info", kGauge, "1, with what this process says of itself.", 1, labels_of(line)));
  families.push_back(single("ottd_ready", kGauge, "1 while it has its place in the overlay, as /readyz says.",
                            scrape.ready ? 1 : 0));
  families.push_back(histogram("ottd_loop_pause_seconds",
                               "Times for which this process read from no connection.", scrape.loop_pauses));
  families.push_back(histogram("ottd_round_trip_seconds", "Round trips of links, as hellos measure them.",
                               scrape.round_trips));
  if (scrape.latency)
    families.push_back(
        histogram("ottd_latency_seconds", "From the origin to this client, of all frames.", *scrape.latency));
  if (scrape.process_facts != nullptr) add_process(families, scrape.process_facts());
}

class MetricsJob final : public Job {
 public:
  explicit MetricsJob(Scrape scrape) : scrape_(std::move(scrape)) {}
  void run() override { text_ = metrics_text(scrape_); }
  std::string take() { return std::move(text_); }

 private:
  Scrape scrape_;
  std::string text_;
};

}  // namespace

std::string metrics_text(const Scrape& scrape) {
  rapidjson::Document line;
  line.Parse(scrape.figures.data(), scrape.figures.size());
  OTT_ASSERT(!line.HasParseError() && line.IsObject());
  Families figures;
  add_object(figures, line, "", {});
  std::vector<MetricFamily> families = figures.take();
  add_own(families, scrape, line);
  std::ostringstream text;
  prometheus::TextSerializer().Serialize(text, families);
  return std::move(text).str();
}

void Metrics::begin(Scrape scrape) {
  OTT_ASSERT(!busy_ && workers_ != nullptr);
  if (work_ == nullptr) work_ = workers_->make_queue(WorkKind::Input, {});
  work_->submit(std::make_unique<MetricsJob>(std::move(scrape)));
  busy_ = true;
}

std::optional<std::string> Metrics::take() {
  const auto job = busy_ ? work_->collect() : nullptr;
  if (job == nullptr) return std::nullopt;
  busy_ = false;
  return static_cast<MetricsJob&>(*job).take();
}

}  // namespace ott
