#include "role/metrics.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <sstream>
#include <vector>

#include "../../sim/inline_workers.h"
#include "role/latency_histogram.h"

namespace ott {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

/// The page's series and their values, of the metrics whose names begin so.
std::vector<std::string> series(const Scrape& scrape, const std::string& begin) {
  std::vector<std::string> found = lines_of(metrics_text(scrape));
  std::erase_if(found, [&begin](const std::string& line) { return !line.starts_with(begin); });
  return found;
}
std::vector<std::string> series(const std::string& figures, const std::string& begin) {
  Scrape scrape;
  scrape.figures = figures;
  return series(scrape, begin);
}
using Lines = std::vector<std::string>;

TEST_CASE("a metric's name is its figure's, with units of Prometheus and _total") {
  CHECK(series(R"({"uptime_s":2.5})", "ottd_uptime") == Lines{"ottd_uptime_seconds 2.5"});
  CHECK(series(R"({"loop_pause_ms_max":250})", "ottd_loop_pause_seconds_max") ==
        Lines{"ottd_loop_pause_seconds_max 0.25"});
  CHECK(series(R"({"latency_ms":{"p50":1.5,"p99":20}})", "ottd_latency") ==
        Lines{"ottd_latency_seconds_p50 0.0015", "ottd_latency_seconds_p99 0.02"});
  CHECK(series(R"({"frames_lost":12345678901})", "ottd_frames") ==
        Lines{"ottd_frames_lost_total 12345678901"});
  CHECK(series(R"({"rings":{"bytes":1,"bytes_max":2}})", "ottd_rings") ==
        Lines{"ottd_rings_bytes 1", "ottd_rings_bytes_max 2"});
  CHECK(series(R"({"limits":{"guests_refused":3,"flows_refused":0}})", "ottd_limits") ==
        Lines{R"(ottd_limits_reached_total{limit="guests_refused"} 3)",
              R"(ottd_limits_reached_total{limit="flows_refused"} 0)"});
}

TEST_CASE("texts are labels, a state is 1, true is 1, and null is no value") {
  const std::string line = R"({"links":[{"peer":"10.0.0.1","state":"CONNECTED","relation":"neighbour",)"
                           R"("rtt_ms":null,"keeps_up":true,"carries_kbps":8,"said":{"rtt_ms":3}}]})";
  CHECK(series(line, "ottd_link") ==
        Lines{R"(ottd_links{relation="neighbour"} 1)",
              R"(ottd_link_state{peer="10.0.0.1",relation="neighbour",state="CONNECTED"} 1)",
              R"(ottd_link_carries_bytes_per_second{peer="10.0.0.1",relation="neighbour"} 1000)",
              R"(ottd_link_keeps_up{peer="10.0.0.1",relation="neighbour"} 1)",
              R"(ottd_link_said_rtt_seconds{peer="10.0.0.1",relation="neighbour"} 0.003)"});
}

TEST_CASE("what peers and files are called breaks no line, and two of one name are one series") {
  const std::string line = R"({"streams":[{"name":"a\"\n\\b","frames":1},{"name":"a\"\n\\b","frames":2}]})";
  CHECK(series(line, "ottd_stream") ==
        Lines{"ottd_streams 2", R"(ottd_stream_frames_total{name="a\"\n\\b"} 1)"});
}

TEST_CASE("a sum counts for as many links as it is of") {
  const std::string line = R"({"links":[{"peer":"a","relation":"neighbour"},{"relation":"guest","links":7},)"
                           R"({"relation":"neighbour","links":2}]})";
  CHECK(series(line, "ottd_links") ==
        Lines{R"(ottd_links{relation="guest"} 7)", R"(ottd_links{relation="neighbour"} 3)"});
}

TEST_CASE("histograms are cumulative, and end with all") {
  Scrape scrape;
  scrape.figures = "{}";
  for (const Duration pause : {Duration(microseconds(50)), Duration(microseconds(100)),
                               Duration(milliseconds(3)), Duration(std::chrono::seconds(60))})
    scrape.loop_pauses.add(pause);
  const auto found = series(scrape, "ottd_loop_pause_seconds");
  REQUIRE(found.size() == DurationHistogram::kBounds.size() + 3);
  const auto has = [&found](const std::string& line) { return std::ranges::count(found, line) == 1; };
  CHECK(has("ottd_loop_pause_seconds_count 4"));
  CHECK(has("ottd_loop_pause_seconds_sum 60.00315"));
  CHECK(has(R"(ottd_loop_pause_seconds_bucket{le="0.0001"} 2)"));
  CHECK(has(R"(ottd_loop_pause_seconds_bucket{le="0.0025"} 2)"));
  CHECK(has(R"(ottd_loop_pause_seconds_bucket{le="0.005"} 3)"));
  CHECK(has(R"(ottd_loop_pause_seconds_bucket{le="10"} 3)"));
  CHECK(has(R"(ottd_loop_pause_seconds_bucket{le="+Inf"} 4)"));
}

TEST_CASE("a viewer's latencies in few buckets are all there, to three percent") {
  LatencyHistogram latency;
  for (int i = 0; i < 1000; ++i) latency.add(microseconds(i * 20));
  const DurationHistogram few = latency.in_few_buckets();
  CHECK(few.sum_s() == Approx(9.99));
  std::uint64_t up_to = 0;
  for (std::size_t i = 0; i < DurationHistogram::kBounds.size(); ++i) {
    up_to += few.counts()[i];
    const auto us = std::chrono::duration_cast<microseconds>(DurationHistogram::kBounds[i]).count();
    CAPTURE(us);
    CHECK(up_to <= static_cast<std::uint64_t>(std::min<std::int64_t>(us / 20 + 1, 1000)));
    CHECK(static_cast<double>(up_to) >= std::min(static_cast<double>(us) / 20 * 0.96, 1000.0) - 1);
  }
  CHECK(up_to == 1000);
}

TEST_CASE("a scrape is put into words by a worker, one at a time") {
  sim::InlineWorkers workers(false);
  Metrics metrics(&workers);
  CHECK_FALSE(metrics.busy());
  CHECK_FALSE(metrics.take());
  Scrape scrape;
  scrape.figures = "{}";
  scrape.ready = true;
  scrape.process_facts = [] { return ProcessFacts{.cpu_s = 1.5, .open_descriptors = 7}; };
  metrics.begin(std::move(scrape));
  CHECK(metrics.busy());
  CHECK_FALSE(metrics.take());
  REQUIRE(workers.run_one());
  const auto text = metrics.take();
  REQUIRE(text);
  CHECK_FALSE(metrics.busy());
  for (const char* line : {"ottd_ready 1\n", "process_cpu_seconds_total 1.5\n", "process_open_fds 7\n"})
    CHECK(text->find(line) != std::string::npos);
}

}  // namespace
}  // namespace ott
