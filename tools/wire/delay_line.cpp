#include "delay_line.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <utility>

namespace ott::wire {
namespace {

using Nanoseconds = std::chrono::duration<double, std::nano>;

// CORE gives netem this correlation with the last frame's jitter.
constexpr double kJitterCorrelation = 0.25;
constexpr double kDelayMaxS = 600;
constexpr double kRateMax = 1e12;
constexpr double kLimitMax = 1e6;

struct Unit {
  std::string_view name;
  double factor;
};
constexpr std::array kTimeUnits = {Unit{"ns", 1e-9}, Unit{"us", 1e-6}, Unit{"ms", 1e-3}, Unit{"s", 1}};
constexpr std::array kRateUnits = {Unit{"bit", 1}, Unit{"kbit", 1e3}, Unit{"mbit", 1e6}, Unit{"gbit", 1e9}};
constexpr std::array kShareUnits = {Unit{"%", 0.01}};
constexpr std::array kNumberUnits = {Unit{"", 1}};

/// A number with one of these units behind it, in the unit whose factor is 1. 0 needs none.
template <std::size_t N>
std::optional<double> measure(std::string_view text, const std::array<Unit, N>& units, double max) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{}) return std::nullopt;
  const std::string_view name(end, static_cast<std::size_t>(text.data() + text.size() - end));
  for (const Unit& unit : units) {
    if (name == unit.name || (number == 0 && name.empty())) {
      const double value = number * unit.factor;
      if (!(value >= 0 && value <= max)) return std::nullopt;
      return value;
    }
  }
  return std::nullopt;
}

Duration seconds(double value) { return Duration(std::llround(value * 1e9)); }

/// The error of a word's value, or nothing.
std::optional<std::string> set(Impairment& impairment, std::string_view word, std::string_view text) {
  if (word == "delay" || word == "jitter") {
    const auto value = measure(text, kTimeUnits, kDelayMaxS);
    if (!value) return "a time up to 600s, such as 20ms or 500us";
    (word == "delay" ? impairment.delay : impairment.jitter) = seconds(*value);
  } else if (word == "loss" || word == "duplicate" || word == "reorder") {
    const auto value = measure(text, kShareUnits, 1);
    if (!value) return "a share from 0% to 100%, such as 0.5%";
    (word == "loss"        ? impairment.loss
     : word == "duplicate" ? impairment.duplicate
                           : impairment.reorder) = *value;
  } else if (word == "rate") {
    const auto value = measure(text, kRateUnits, kRateMax);
    if (!value) return "bits a second up to 1000gbit, such as 10mbit";
    impairment.rate = static_cast<std::uint64_t>(std::llround(*value));
  } else {
    const auto value = measure(text, kNumberUnits, kLimitMax);
    if (!value || *value < 1 || *value != std::floor(*value)) return "a number of frames, 1 to 1000000";
    impairment.limit = static_cast<std::size_t>(*value);
  }
  return std::nullopt;
}

}  // namespace

Result<Impairment> parse_impairment(std::string_view words) {
  constexpr std::array<std::string_view, 7> kWords = {"delay",   "jitter", "loss", "duplicate",
                                                      "reorder", "rate",   "limit"};
  Impairment impairment;
  std::array<bool, kWords.size()> seen{};
  const auto next = [&words] {
    words.remove_prefix(std::min(words.find_first_not_of(' '), words.size()));
    const std::string_view word = words.substr(0, words.find(' '));
    words.remove_prefix(word.size());
    return word;
  };
  for (std::string_view word = next(); !word.empty(); word = next()) {
    const auto place = std::find(kWords.begin(), kWords.end(), word);
    if (place == kWords.end()) {
      return fail(
          fmt::format("'{}': there are delay, jitter, loss, duplicate, reorder, rate and limit", word));
    }
    if (std::exchange(seen.at(static_cast<std::size_t>(place - kWords.begin())), true)) {
      return fail(fmt::format("'{}' stands there twice", word));
    }
    const std::string_view value = next();
    if (const auto due = set(impairment, word, value)) {
      return fail(fmt::format("{} '{}': it takes {}", word, value, *due));
    }
  }
  return impairment;
}

std::string to_words(const Impairment& impairment) {
  std::string words;
  const auto add = [&words](std::string_view word, const std::string& value) {
    words += fmt::format("{}{} {}", words.empty() ? "" : " ", word, value);
  };
  const auto time = [](Duration value) {
    return fmt::format("{}ms", std::chrono::duration<double, std::milli>(value).count());
  };
  if (impairment.delay > Duration{}) add("delay", time(impairment.delay));
  if (impairment.jitter > Duration{}) add("jitter", time(impairment.jitter));
  if (impairment.loss > 0) add("loss", fmt::format("{:g}%", impairment.loss * 100));
  if (impairment.duplicate > 0) add("duplicate", fmt::format("{:g}%", impairment.duplicate * 100));
  if (impairment.reorder > 0) add("reorder", fmt::format("{:g}%", impairment.reorder * 100));
  if (impairment.rate > 0) add("rate", fmt::format("{}bit", impairment.rate));
  if (impairment.limit != Impairment{}.limit) add("limit", fmt::format("{}", impairment.limit));
  return words;
}

bool DelayLine::leaves_later(const Waiting& a, const Waiting& b) {
  return std::pair(a.due, a.number) > std::pair(b.due, b.number);
}

/// In [0, 1), the same on every machine.
double DelayLine::uniform() { return static_cast<double>(random_() >> 11U) * 0x1p-53; }

bool DelayLine::happens(double share) { return share > 0 && uniform() < share; }

Duration DelayLine::delay_of_next() {
  if (impairment_.jitter == Duration{}) return impairment_.delay;
  last_draw_ = (1 - kJitterCorrelation) * uniform() + kJitterCorrelation * last_draw_;
  const Nanoseconds jitter = Nanoseconds(impairment_.jitter) * (2 * last_draw_ - 1);
  return std::max(Duration{}, impairment_.delay + std::chrono::duration_cast<Duration>(jitter));
}

MonoTime DelayLine::due_time(std::size_t bytes, MonoTime arrived) {
  if (happens(impairment_.reorder)) {
    ++counters_.reordered;
    return arrived;
  }
  MonoTime due = arrived + delay_of_next();
  if (impairment_.rate > 0) {
    const Nanoseconds takes(8e9 * static_cast<double>(bytes) / static_cast<double>(impairment_.rate));
    due = std::max(due, last_departure_) + std::chrono::duration_cast<Duration>(takes);
  }
  last_departure_ = std::max(last_departure_, due);
  return due;
}

bool DelayLine::add(Frame& frame, std::size_t bytes, MonoTime arrived) {
  if (waiting_.size() >= impairment_.limit) {
    ++counters_.overflowed;
    return false;
  }
  waiting_.push_back({due_time(bytes, arrived), next_number_++, bytes, std::move(frame)});
  std::push_heap(waiting_.begin(), waiting_.end(), leaves_later);
  return true;
}

std::optional<Frame> DelayLine::push(Frame frame, std::size_t bytes, MonoTime arrived) {
  ++counters_.frames_in;
  counters_.bytes_in += bytes;
  const bool twice = happens(impairment_.duplicate);
  const bool lost = happens(impairment_.loss);
  if (twice && !lost) {
    ++counters_.duplicated;
    Frame copy = frame;
    (void)add(copy, bytes, arrived);
  } else if (lost && !twice) {  // one of two that is lost leaves one
    ++counters_.lost;
    return frame;
  }
  if (!add(frame, bytes, arrived)) return frame;
  return std::nullopt;
}

std::optional<MonoTime> DelayLine::next_due() const {
  if (waiting_.empty()) return std::nullopt;
  return waiting_.front().due;
}

std::optional<DelayLine::Due> DelayLine::pop(MonoTime now) {
  if (waiting_.empty() || waiting_.front().due > now) return std::nullopt;
  std::pop_heap(waiting_.begin(), waiting_.end(), leaves_later);
  Waiting next = std::move(waiting_.back());
  waiting_.pop_back();
  ++counters_.frames_out;
  counters_.bytes_out += next.bytes;
  return Due{std::move(next.frame), next.due};
}

}  // namespace ott::wire
