#include "role/published_input.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "media/outlet.h"
#include "ott/assert.h"
#include "ott/text.h"

namespace ott {
namespace {

/// A source that is further behind than this starts counting anew, and does not catch up.
constexpr Duration kBehindMax = std::chrono::milliseconds(500);
/// When a node that has come newly knows which streams others offer.
constexpr Duration kOthersKnownAfter = std::chrono::seconds(2);
/// How long another origin must have had a stream before this one stands by.
constexpr Duration kStandByAfter = std::chrono::seconds(3);
/// What a list shows behind the kind of such a stream's source.
constexpr const char* kOnStandby = " (standby)";

/// What is not known yet.
MediaPart unknown_part() {
  MediaPart part;
  part.format.encoding.clear();
  return part;
}

std::string describe_size_and_rate(const StreamInfo& info) {
  return fmt::format("{}x{} at {} frames/s", info.width, info.height, info.fps_milli / 1000.0);
}

}  // namespace

std::vector<std::string> stream_names(const std::string& name, const std::vector<MediaPart>& parts) {
  if (parts.size() == 1) return {name};
  std::vector<std::string> names;
  std::array<unsigned, kMediaKindLast + 1> counts{};
  for (const MediaPart& part : parts) {
    const unsigned count = ++counts.at(static_cast<std::size_t>(part.format.media));
    names.push_back(
        fmt::format("{}/{}{}", name, to_string(part.format.media), count == 1 ? "" : std::to_string(count)));
  }
  return names;
}

PublishedInput::PublishedInput(Overlay& overlay, RoleContext& context, Generations& generations,
                               std::function<void()> wake)
    : overlay_(overlay),
      context_(context),
      log_(context.log),
      wake_(std::move(wake)),
      generations_(generations) {}

std::string PublishedInput::log_name() const { return fmt::format("stream '{}'", name_); }

Result<void> PublishedInput::open(OpenedStream stream) {
  name_ = stream.spec.name;
  metric_ = stream.spec.metric;
  auto input = context_.inputs->open(stream.spec.source, std::move(stream.source), *this);
  if (!input) return fail(fmt::format("stream '{}': {}", name_, input.error().message));
  input_ = std::move(*input);
  return {};
}

void PublishedInput::begin(Now now) {
  const MediaPart part = source().parts_unknown ? unknown_part() : MediaPart{};
  streams_.push_back(make_stream(name_, part, false));
  if (paced()) {  // until there is somebody to publish to
    held_ = true;
    input_->hold(true, now);
  }
  if (!source().on_demand) start_input(now);
}

Result<void> PublishedInput::announce(Now now) {
  if (!started_) input_->probe(now);
  announced_ = true;
  say_what_it_is();
  if (!source().standby) return offer(now);
  stand_by_at_ = now.mono + kOthersKnownAfter;
  return {};
}

void PublishedInput::close(Now now) {
  if (started_) input_->stop(now);
  for (const auto& stream : streams_) {
    if (stream->offered()) stream->withdraw();
  }
}

void PublishedInput::say_what_it_is() const {
  for (const auto& stream : streams_) {
    const StreamInfo& info = stream->info();
    std::string what;
    if (info.format.is_jpeg()) {
      what = paced()         ? fmt::format(", read at {} frames/s", source().fps)
             : source().live ? ""
                             : " " + describe_size_and_rate(info);
    } else if (stream->is_known()) {
      what = ", " + describe(info.format);
    }
    log_.info(fmt::format("{}: {}{}", stream->log_name(), info.kind, what));
  }
}

/// Makes the streams known.
Result<void> PublishedInput::offer(Now now) {
  offered_ = true;
  for (std::size_t part = 0; part < streams_.size(); ++part) {
    PublishedStream& stream = *streams_[part];
    if (stream.offered() || stream.gone()) continue;
    if (auto offered = stream.offer(started_, now); !offered) return offered;
    stream.set_frames_refused(refused_of(part));
  }
  return {};
}

// ---- what it has -----------------------------------------------------------------------------------------

std::unique_ptr<PublishedStream> PublishedInput::make_stream(const std::string& name, const MediaPart& part,
                                                             bool has_other_parts) {
  StreamInfo info;
  info.name = name;
  info.kind = source().kind + (source().standby ? kOnStandby : "");
  info.metric = metric_;
  info.format = part.format;
  info.width = part.width;
  info.height = part.height;
  double fps = part.fps;
  if (part.format.is_jpeg() && !source().live) {
    if (info.width == 0) info.width = source().width;
    if (info.height == 0) info.height = source().height;
    if (fps == 0) fps = source().fps;
  }
  if (!source().live) info.fps_milli = static_cast<std::uint32_t>(std::lround(fps * 1000));
  return std::make_unique<PublishedStream>(
      overlay_, context_, source(),
      PublishedStream::Config{std::move(info), generations_[name]++, has_other_parts});
}

/// A stream that has not changed goes on. The others end, and those in their place begin in the same step.
void PublishedInput::on_parts(const std::vector<MediaPart>& parts, Now now) {
  OTT_ASSERT(!parts.empty());
  wake_();
  const bool first = !std::exchange(parts_known_, true);
  const auto names = stream_names(name_, parts);
  Streams before = std::exchange(streams_, {});
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const auto same = std::ranges::find_if(before, [&](const auto& stream) {
      return stream != nullptr && stream->info().name == names[i] && stream->info().format == parts[i].format;
    });
    streams_.push_back(same != before.end() ? std::move(*same)
                                            : make_stream(names[i], parts[i], parts.size() > 1));
  }
  const bool changed = std::ranges::any_of(before, [](const auto& stream) { return stream != nullptr; });
  // A source whose format changes all the time is spoken of at a rate.
  const bool told = changed && (first || format_notice_.due(++format_changes_, now) > 0);
  for (const auto& stream : before) {
    if (stream == nullptr) continue;
    if (told && !first) log_.info(fmt::format("{}: its source has another format now", stream->log_name()));
    if (stream->offered()) stream->withdraw();
  }
  if (!announced_) return;
  if (told) say_what_it_is();
  if (!offered_) return;
  if (const auto offered = offer(now); !offered) log_.error(offered.error().message);
}

// ---- standing by -----------------------------------------------------------------------------------------

/// True if another origin offers a stream of this name, or a part of it, that has frames. Of several on
/// standby the one with the smallest id stays.
bool PublishedInput::is_served_elsewhere() const {
  const auto elsewhere = [this](const KnownStream& stream) {
    if (!is_part_of(stream.info.name, name_) || stream.info.state != StreamState::Live) return false;
    const bool gives_way = offered_ && stream.info.kind.ends_with(kOnStandby);
    return gives_way ? stream.origin < *overlay_.self() : stream.origin != *overlay_.self();
  };
  return std::ranges::any_of(overlay_.streams(), elsewhere);
}

/// Offers the streams at once when no other does, and no more when another has for a while.
void PublishedInput::stand_by(Now now) {
  const bool wanted = !is_served_elsewhere();
  if (wanted == offered_) {
    stand_by_at_ = MonoTime::max();
    others_known_ = others_known_ || !wanted;
    return;
  }
  if (stand_by_at_ == MonoTime::max()) stand_by_at_ = wanted ? now.mono : now.mono + kStandByAfter;
  if (now.mono < stand_by_at_ && !(wanted && others_known_)) return;
  stand_by_at_ = MonoTime::max();
  others_known_ = true;
  if (wanted) {
    log_.info(fmt::format("{}: no other origin has it: it is offered here", log_name()));
    if (const auto offered = offer(now); !offered) log_.error(offered.error().message);
    return;
  }
  log_.info(fmt::format("{}: another origin has it: it stands by", log_name()));
  if (started_ && source().on_demand) stop_input(now);
  for (const auto& stream : streams_) {
    if (stream->offered()) stream->withdraw();
  }
  offered_ = false;
}

// ---- the input -------------------------------------------------------------------------------------------

bool PublishedInput::is_watched() const {
  return std::ranges::any_of(streams_, [](const auto& stream) { return stream->is_watched(); });
}

void PublishedInput::start_input(Now now) {
  started_ = true;
  for (const auto& stream : streams_) stream->expect_frames(true, now);
  input_->start(now);
}

void PublishedInput::stop_input(Now now) {
  started_ = lost_ = false;
  stop_at_ = MonoTime::max();
  for (const auto& stream : streams_) stream->expect_frames(false, now);
  input_->stop(now);
  if (source().parts_unknown && !parts_known_) input_->probe(now);
}

/// An input on demand runs while somebody watches, and for its linger time after.
void PublishedInput::run_input(Now now) {
  if (over_ || !source().on_demand) return;
  if (is_watched()) {
    stop_at_ = MonoTime::max();
    if (!started_) start_input(now);
  } else if (started_) {
    // While it is tried whether a source is there again, its streams do not say that they have frames.
    const bool stalled = std::ranges::all_of(
        streams_, [](const auto& stream) { return stream->info().state == StreamState::Stalled; });
    if (stalled && is_served_elsewhere()) return;
    if (stop_at_ == MonoTime::max()) stop_at_ = now.mono + source().linger;
    if (now.mono >= stop_at_) stop_input(now);
  }
}

bool PublishedInput::gone() const {
  return over_ && std::ranges::all_of(streams_, [](const auto& stream) { return stream->gone(); });
}

void PublishedInput::step(Now now) {
  if (!announced_ || gone()) return;
  if (source().standby) stand_by(now);
  if (offered_) run_input(now);
  input_->step(now);
  drain(now);
  release(now);
  warn(now);
  for (const auto& stream : streams_) stream->step(now);
}

bool PublishedInput::busy() const {
  return std::ranges::any_of(streams_, [](const auto& stream) { return stream->busy(); });
}

/// Lets a paced input push its next frame, when that is due.
void PublishedInput::release(Now now) {
  if (!held_ || busy() || (next_at_ != MonoTime::max() && now.mono < next_at_)) return;
  held_ = false;
  input_->hold(false, now);
}

void PublishedInput::hold_until_due(Now now) {
  held_ = true;
  input_->hold(true, now);
}

/// The time of a paced input's next frame, one after the last, unless that is long over.
void PublishedInput::count_time(Now now) {
  if (!paced()) return;
  const auto interval =
      std::chrono::duration_cast<Duration>(std::chrono::duration<double>(1.0 / source().fps));
  next_at_ = (next_at_ == MonoTime::max() ? now.mono : next_at_) + interval;
  if (next_at_ + kBehindMax < now.mono) next_at_ = now.mono + interval;
}

MonoTime PublishedInput::next_deadline() const {
  if (!announced_ || gone()) return MonoTime::max();
  MonoTime next =
      std::min({stop_at_, stand_by_at_, input_->next_deadline(),
                refusals_.warning.next_deadline(refusals_.count), loss_warning_.next_deadline(losses_)});
  for (const Refusals& part : part_refusals_) next = std::min(next, part.warning.next_deadline(part.count));
  for (const auto& stream : streams_) next = std::min(next, stream->next_deadline());
  // While a worker converts a frame there is no deadline: the worker says when it is done.
  if (held_ && !busy()) next = std::min(next, next_at_);
  return next;
}

// ---- what the input says ---------------------------------------------------------------------------------

void PublishedInput::push(const AccessUnit& unit) {
  wake_();
  if (source().parts_unknown && !parts_known_) on_parts({MediaPart{}}, unit.arrived);
  OTT_ASSERT(unit.part < streams_.size());
  if (paced()) hold_until_due(unit.arrived);
  const auto published = streams_[unit.part]->push(unit);
  if (!published) return refuse_of(unit.part, published.error().message, unit.arrived);
  if (*published) return count_time(unit.arrived);
  drain(unit.arrived);
}

/// Publishes what workers have converted.
void PublishedInput::drain(Now now) {
  for (std::size_t part = 0; part < streams_.size(); ++part) {
    while (const auto published = streams_[part]->publish_converted(now)) {
      if (!*published) refuse_of(part, published->error().message, now);
      if (*published && **published) count_time(now);
    }
  }
}

void PublishedInput::refuse(const std::string& why, Now now) { count_refusal(refusals_, why, now); }

void PublishedInput::refuse_of(std::size_t part, const std::string& why, Now now) {
  OTT_ASSERT(part < streams_.size());
  if (part_refusals_.size() <= part) part_refusals_.resize(part + 1);
  count_refusal(part_refusals_[part], why, now);
}

void PublishedInput::count_refusal(Refusals& refusals, const std::string& why, Now now) {
  wake_();
  ++refusals.count;
  refusals.last = why;
  for (std::size_t part = 0; part < streams_.size(); ++part)
    streams_[part]->set_frames_refused(refused_of(part));
  warn_of(refusals, now);
}

std::uint64_t PublishedInput::refused_of(std::size_t part) const {
  return refusals_.count + (part < part_refusals_.size() ? part_refusals_[part].count : 0);
}

void PublishedInput::on_connected(const std::string& what, Now now) {
  wake_();
  const bool again = std::exchange(lost_, false);
  // A source that comes and goes all the time is spoken of at a rate.
  if (again && return_notice_.due(++returns_, now) == 0) return;
  log_.info(fmt::format("{}: {}{}", log_name(), again ? "its source is there again" : "its source is there",
                        what.empty() ? "" : ": " + what));
}

void PublishedInput::on_lost(const std::string& why, Now now) {
  wake_();
  lost_ = true;
  ++losses_;
  loss_ = why;
  warn(now);
}

void PublishedInput::on_end(Now now) {
  wake_();
  if (std::exchange(over_, true)) return;
  const bool ends = source().at_end == AtEnd::End;
  std::uint64_t frames = 0;
  for (const auto& stream : streams_) {
    stream->end(ends ? StreamState::Ended : StreamState::Stalled, now);
    frames += stream->frames();
  }
  log_.info(
      fmt::format("{}: {} has ended after {} frames; {}", log_name(),
                  source().kind == "stdin" ? "standard input" : "its source", frames,
                  ends ? "the stream ends" : "the stream stays, without frames (?eof=end would end it)"));
}

/// The first one in full, then how many more.
void PublishedInput::warn_of(Refusals& refusals, Now now) {
  const std::uint64_t refused = refusals.warning.due(refusals.count, now);
  if (refused == 1) log_.warning(fmt::format("{}: {}", log_name(), refusals.last));
  if (refused > 1)
    log_.warning(
        fmt::format("{}: {} more frames like this, the last one: {}", log_name(), refused, refusals.last));
}

void PublishedInput::warn(Now now) {
  warn_of(refusals_, now);
  for (Refusals& part : part_refusals_) warn_of(part, now);
  const std::uint64_t lost = loss_warning_.due(losses_, now);
  if (lost == 1) log_.warning(fmt::format("{}: {}; trying again", log_name(), loss_));
  if (lost > 1) {
    log_.warning(fmt::format("{}: its source was lost {}, the last time: {}", log_name(),
                             counted(lost, "more time"), loss_));
  }
}

void PublishedInput::add_stats(StatsLine& line) const {
  for (std::size_t part = 0; part < streams_.size();
       ++part)  // of one that could not be opened there are none
    streams_[part]->add_stats(line, refused_of(part), input_->figures_of(part));
}

}  // namespace ott
