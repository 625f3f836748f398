#include "report.h"

#include <fmt/format.h>
#include <rapidjson/prettywriter.h>
#include <rapidjson/stringbuffer.h>

#include "ott/text.h"

namespace ott::load {
namespace {

constexpr double kGiB = 1024.0 * 1024 * 1024;
constexpr double kMiB = 1024.0 * 1024;

using Json = rapidjson::PrettyWriter<rapidjson::StringBuffer>;

void member(Json& json, const char* key, double value) {
  json.Key(key);
  json.Double(value);
}
void member(Json& json, const char* key, std::uint64_t value) {
  json.Key(key);
  json.Uint64(value);
}
void member(Json& json, const char* key, const std::string& value) {
  json.Key(key);
  json.String(value.c_str());
}

FrameCounts total(const Results& results) {
  FrameCounts all = results.fast.counts;
  all += results.slow.counts;
  return all;
}

double per(double amount, double of) { return of > 0 ? amount / of : 0; }

void group_json(Json& json, const char* key, const GroupResult& group) {
  json.Key(key);
  json.StartObject();
  member(json, "viewers", std::uint64_t{group.viewers});
  member(json, "frames", group.counts.frames);
  member(json, "bytes", group.counts.bytes);
  member(json, "frames_lost", group.counts.lost);
  member(json, "frames_skipped", group.counts.skipped);
  member(json, "frames_repeated", group.counts.repeated);
  member(json, "frames_broken", group.counts.broken);
  json.Key("latency_ms");
  json.StartObject();
  member(json, "p50", group.latency_p50_ms);
  member(json, "p90", group.latency_p90_ms);
  member(json, "p99", group.latency_p99_ms);
  member(json, "max", group.latency_max_ms);
  member(json, "p99_of_worst_viewer", group.latency_p99_of_worst_ms);
  json.EndObject();
  member(json, "frames_of_least", group.frames_of_least);
  member(json, "frames_of_most", group.frames_of_most);
  member(json, "skips_of_least", group.skips_of_least);
  member(json, "skips_of_most", group.skips_of_most);
  json.EndObject();
}

void second_json(Json& json, const Second& second) {
  json.StartObject();
  member(json, "at_s", second.at_s);
  for (const auto& [key, group] : {std::pair{"fast", &second.fast}, std::pair{"slow", &second.slow}}) {
    json.Key(key);
    json.StartObject();
    member(json, "frames", group->frames);
    member(json, "age_ms_p50", group->age_ms_p50);
    member(json, "age_ms_p99", group->age_ms_p99);
    json.EndObject();
  }
  json.Key("resident_bytes");
  json.StartArray();
  for (const std::size_t bytes : second.resident_bytes) json.Uint64(bytes);
  json.EndArray();
  json.EndObject();
}

void times_json(Json& json, const char* key, const Times& times) {
  json.Key(key);
  json.StartObject();
  member(json, "p50", times.p50_ms);
  member(json, "max", times.max_ms);
  json.EndObject();
}

void process_json(Json& json, const ProcessResult& process, const FrameCounts& all) {
  json.StartObject();
  member(json, "pid", static_cast<std::uint64_t>(process.pid));
  member(json, "cpu_s", process.used.cpu_s);
  member(json, "user_s", process.used.user_s);
  member(json, "system_s", process.used.system_s);
  member(json, "cpu_s_per_gib", per(process.used.cpu_s, static_cast<double>(all.bytes) / kGiB));
  member(json, "cpu_s_per_1000_frames", per(process.used.cpu_s, static_cast<double>(all.frames) / 1000));
  member(json, "resident_bytes_before", std::uint64_t{process.resident_bytes_before});
  member(json, "resident_bytes_max", std::uint64_t{process.resident_bytes_max});
  member(json, "resident_bytes", std::uint64_t{process.used.resident_bytes});
  member(json, "anonymous_bytes", std::uint64_t{process.used.anonymous_bytes});
  json.EndObject();
}

void results_json(Json& json, const Plan& plan, const Results& results) {
  const FrameCounts all = total(results);
  member(json, "seconds", results.seconds);
  member(json, "viewers", std::uint64_t{plan.viewers});
  member(json, "viewers_ended", std::uint64_t{results.ended});
  member(json, "viewers_never_played", std::uint64_t{results.never_played});
  member(json, "reason", results.first_reason);
  times_json(json, "first_frame_ms", results.first_frame);
  if (results.stampede) times_json(json, "stampede_ms", *results.stampede);
  member(json, "frames", all.frames);
  member(json, "bytes", all.bytes);
  member(json, "frames_per_s", per(static_cast<double>(all.frames), results.seconds));
  member(json, "bytes_per_s", per(static_cast<double>(all.bytes), results.seconds));
  member(json, "frames_lost", all.lost);
  member(json, "frames_skipped", all.skipped);
  member(json, "frames_repeated", all.repeated);
  member(json, "frames_broken", all.broken);
  group_json(json, "fast", results.fast);
  if (plan.slow > 0) group_json(json, "slow", results.slow);
  if (plan.pause > Duration{}) {
    member(json, "old_bytes_after_pause", results.old_bytes_max);
    member(json, "fresh_after_pause_ms", results.fresh_after_ms_max);
  }
  json.Key("processes");
  json.StartArray();
  for (const ProcessResult& process : results.processes) process_json(json, process, all);
  json.EndArray();
  json.Key("series");
  json.StartArray();
  for (const Second& second : results.series) second_json(json, second);
  json.EndArray();
}

std::string group_rows(const char* who, const GroupResult& group, double seconds) {
  const auto frames = [seconds](std::uint64_t count) { return per(static_cast<double>(count), seconds); };
  const auto viewers = static_cast<double>(group.viewers);
  return fmt::format(
      "{:<9} {:>14}, each {:.2f} frames/s ({:.2f} the least, {:.2f} the most)\n"
      "  frames  {} whole, {} lost, {} skipped, {} repeated, {} broken\n"
      "  rate    {:.2f} Gbit/s\n"
      "  latency {:.2f} ms (p50), {:.2f} (p90), {:.2f} (p99), {:.2f} (most); worst viewer {:.2f} (p99)\n",
      who, counted(group.viewers, "viewer"), per(frames(group.counts.frames), viewers),
      frames(group.frames_of_least), frames(group.frames_of_most), group.counts.frames, group.counts.lost,
      group.counts.skipped, group.counts.repeated, group.counts.broken,
      per(static_cast<double>(group.counts.bytes) * 8 / 1e9, seconds), group.latency_p50_ms,
      group.latency_p90_ms, group.latency_p99_ms, group.latency_max_ms, group.latency_p99_of_worst_ms);
}

std::string results_table(const Plan& plan, const Results& results) {
  std::string text;
  if (results.never_played > 0) {
    text += fmt::format("{} of {} viewers have had no frame{}{}\n", results.never_played, plan.viewers,
                        results.first_reason.empty() ? "" : ": ", results.first_reason);
  } else if (results.ended > 0) {
    text += fmt::format("{} of {} viewers have lost their connection: {}\n", results.ended, plan.viewers,
                        results.first_reason);
  }
  if (results.seconds == 0) return text + "nothing was measured\n";
  text += fmt::format("measured for {:.1f} s; first frame after {:.1f} ms (p50), {:.1f} (the last viewer)\n",
                      results.seconds, results.first_frame.p50_ms, results.first_frame.max_ms);
  if (results.stampede) {
    text +=
        fmt::format("all came again at once: first frame after {:.1f} ms (p50), {:.1f} (the last viewer)\n",
                    results.stampede->p50_ms, results.stampede->max_ms);
  }
  if (results.fast.viewers > 0) text += group_rows("viewers", results.fast, results.seconds);
  if (results.slow.viewers > 0) text += group_rows("slow", results.slow, results.seconds);
  if (plan.pause > Duration{}) {
    text += fmt::format("after the pause: {} until a fresh frame, {:.1f} ms\n",
                        counted(results.old_bytes_max, "byte"), results.fresh_after_ms_max);
  }
  const FrameCounts all = total(results);
  for (const ProcessResult& process : results.processes) {
    text += fmt::format(
        "process {}: {:.3f} s CPU ({:.0f} % of a processor), {:.3f} s/GiB, {:.2f} ms per 1,000 frames, "
        "{:.1f} MiB "
        "(at most {:.1f})\n",
        process.pid, process.used.cpu_s, 100 * per(process.used.cpu_s, results.seconds),
        per(process.used.cpu_s, static_cast<double>(all.bytes) / kGiB),
        1000 * per(process.used.cpu_s, static_cast<double>(all.frames) / 1000),
        static_cast<double>(process.used.resident_bytes) / kMiB,
        static_cast<double>(process.resident_bytes_max) / kMiB);
  }
  return text;
}

}  // namespace

bool all_watched(const Results& results) { return results.never_played == 0 && results.ended == 0; }

std::string to_table(const Plan& plan, const Results* results, const Published* published) {
  std::string text;
  if (results != nullptr) text += results_table(plan, *results);
  if (published != nullptr) {
    text += fmt::format("published {} of {} in {:.1f} s with viewers ({:.2f} frames/s)\n",
                        counted(published->frames(), "frame"), counted(plan.frame_bytes, "byte"),
                        published->seconds(),
                        per(static_cast<double>(published->frames()), published->seconds()));
  }
  return text;
}

std::string to_json(const Plan& plan, const Results* results, const Published* published) {
  rapidjson::StringBuffer buffer;
  Json json(buffer);
  json.SetMaxDecimalPlaces(6);
  json.StartObject();
  member(json, "protocol", std::string(to_string(plan.protocol)));
  if (results != nullptr) results_json(json, plan, *results);
  if (published != nullptr) {
    json.Key("published");
    json.StartObject();
    member(json, "streams", std::uint64_t{plan.publish});
    member(json, "frame_bytes", std::uint64_t{plan.frame_bytes});
    member(json, "frames", published->frames());
    member(json, "seconds", published->seconds());
    json.EndObject();
  }
  json.EndObject();
  return std::string(buffer.GetString()) + "\n";
}

}  // namespace ott::load
