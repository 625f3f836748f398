#include "media/recording.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <filesystem>

#include "media/parts_recording.h"
#include "media/picture_recording.h"
#include "media/whole_file.h"

namespace ott {
namespace {

constexpr std::string_view kMatroska = ".mkv";

/// `value` times a unit that `text` ends with; nullopt: it is no such number.
template <class Unit, std::size_t N>
std::optional<double> number_with_unit(std::string_view text, const std::array<Unit, N>& units) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string_view rest(end, static_cast<std::size_t>(text.data() + text.size() - end));
  const auto unit = std::ranges::find(units, rest, &Unit::first);
  if (error != std::errc{} || unit == units.end() || !std::isfinite(number)) return std::nullopt;
  return number * unit->second;
}

using Unit = std::pair<std::string_view, double>;
constexpr std::array kTimeUnits = {Unit{"s", 1}, Unit{"m", 60}, Unit{"h", 3'600}};
constexpr std::array kByteUnits = {Unit{"MB", 1e6}, Unit{"GB", 1e9}};
constexpr double kRollSecondsMin = 1, kRollSecondsMax = 1e8;
constexpr double kRollBytesMin = 1e6, kRollBytesMax = 1e15;

}  // namespace

Result<RecordingRules> parse_recording(std::string_view path, std::string_view roll) {
  RecordingRules rules{std::string(path)};
  if (!path.ends_with(kMatroska) && !is_picture_format(path)) {
    return fail(
        "the name's end says the format: .mkv (Matroska), .avi, .Mjpeg (the classic clip) or .mjpeg "
        "(concatenated JPEGs)");
  }
  const auto folder = std::filesystem::path(path).parent_path().string();
  if (folder.find(kTimeInName) != std::string::npos)
    return fail("{time} stands in the name of a file, not of a directory");
  if (roll.empty()) return rules;
  if (const auto seconds = number_with_unit(roll, kTimeUnits);
      seconds && *seconds >= kRollSecondsMin && *seconds <= kRollSecondsMax) {
    rules.roll_time = std::chrono::duration_cast<Duration>(std::chrono::duration<double>(*seconds));
  } else if (const auto bytes = number_with_unit(roll, kByteUnits);
             bytes && *bytes >= kRollBytesMin && *bytes <= kRollBytesMax) {
    rules.roll_bytes = static_cast<std::uint64_t>(*bytes);
  } else {
    return fail(fmt::format(
        "--roll {}: a new file begins after a time, like 30s, 10m or 1h, or a size, like 500MB or 2GB",
        roll));
  }
  return rules;
}

Result<void> check_recording(const RecordingRules& rules) {
  const auto say = [&rules](const std::string& why) { return fail("--record " + rules.path + ": " + why); };
  if (const auto checked = check_directory_of(rules.path); !checked) return say(checked.error().message);
  struct stat status {};
  if (rules.path.find(kTimeInName) == std::string::npos && ::lstat(rules.path.c_str(), &status) == 0)
    return say("there is such a file already; remove it, or have {time} in the name");
  return {};
}

bool holds_all_parts(const RecordingRules& rules) { return rules.path.ends_with(kMatroska); }

std::unique_ptr<Recording> make_recording(RecordingRules rules) {
  if (holds_all_parts(rules)) return std::make_unique<PartsRecording>(std::move(rules));
  return std::make_unique<PictureRecording>(std::move(rules));
}

bool Recording::may_change(Duration time) {
  if (time - minute_began_ >= std::chrono::minutes(1) || time < minute_began_) {
    minute_began_ = time;
    changes_ = 0;
  }
  return ++changes_ <= kChangesPerMinuteMax;
}

Result<void> Recording::refuse(std::string why) {
  ++refused_;
  why_refused_ = std::move(why);
  return {};
}

Result<std::unique_ptr<RecordingFile>> Recording::next_file(WallTime time) {
  auto made = make_numbered_file(rules_.path, time);
  if (made) path_ = (*made)->path();
  return made;
}

Result<void> Recording::perform(RecordingFile& file, const FileEdits& edits) {
  const std::uint64_t before = file.size();
  auto done = file.perform(edits);
  bytes_ += file.size() - before;
  return done;
}

}  // namespace ott
