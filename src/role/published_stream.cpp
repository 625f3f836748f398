#include "role/published_stream.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "ott/rtp_jpeg.h"
#include "ott/text.h"

namespace ott {
namespace {

/// A source that is further behind than this starts counting anew, and does not catch up.
constexpr Duration kBehindMax = std::chrono::milliseconds(500);
/// How long a stream is still listed, as ended.
constexpr Duration kEndedListed = std::chrono::seconds(5);
/// When a node that has come newly knows which streams others offer.
constexpr Duration kOthersKnownAfter = std::chrono::seconds(2);
/// How long another origin must have had a stream before this one stands by.
constexpr Duration kStandByAfter = std::chrono::seconds(3);
/// How often a placeholder is shown.
constexpr Duration kPlaceholderInterval = std::chrono::seconds(1);
/// How soon it is looked for again while a worker draws it.
constexpr Duration kPlaceholderLook = std::chrono::milliseconds(50);
/// What a list shows behind the kind of such a stream's source.
constexpr const char* kOnStandby = " (standby)";

std::string describe_size_and_rate(const StreamInfo& info) {
  return fmt::format("{}x{} at {} frames/s", info.width, info.height, info.fps_milli / 1000.0);
}

/// The bytes of all records of a frame, if they are too many; 0: it can be published.
std::size_t too_many_bytes(const JpegImage& image) {
  constexpr std::size_t kHeadersBytesMax = std::size_t{1} << 20U;
  if (image.scan.size() + kHeadersBytesMax <= kFrameBytesMax) return 0;
  const RtpJpegPacketizer packetizer(image, kRtpBytesMax);
  const std::size_t bytes = packetizer.bytes() + packetizer.packet_count() * kRecordHeaderBytes;
  return bytes <= kFrameBytesMax ? 0 : bytes;
}

StreamInfo first_info(const StreamSpec& spec, const SourceInfo& source) {
  StreamInfo info;
  info.name = spec.name;
  info.kind = source.kind + (source.standby ? kOnStandby : "");
  info.width = source.width;
  info.height = source.height;
  info.fps_milli = source.live ? 0 : static_cast<std::uint32_t>(std::lround(source.fps * 1000));
  return info;
}

}  // namespace

PublishedStream::PublishedStream(Overlay& overlay, RoleContext& context, std::function<void()> wake)
    : overlay_(overlay),
      context_(context),
      log_(context.log),
      wake_(std::move(wake)),
      frames_(*context.workers),
      placeholder_(context.options.placeholder, *context.workers) {}

std::string PublishedStream::log_name() const { return fmt::format("stream '{}'", name()); }

Result<void> PublishedStream::open(const StreamSpec& spec, Now now) {
  auto input = context_.inputs->open(spec.source, *this);
  if (!input) return fail(fmt::format("stream '{}': {}", spec.name, input.error().message));
  input_ = std::move(*input);
  description_ = StreamDescription(first_info(spec, source()), source().live);
  if (paced()) {  // until there is somebody to publish to
    held_ = true;
    input_->hold(true, now);
  }
  if (!source().on_demand) start_input(now);
  return {};
}

Result<void> PublishedStream::announce(Now now) {
  announced_ = true;
  const StreamInfo& info = description_.info();
  const std::string what = paced()         ? fmt::format(", read at {} frames/s", source().fps)
                           : source().live ? ""
                                           : " " + describe_size_and_rate(info);
  log_.info(fmt::format("{}: {}{}", log_name(), info.kind, what));
  if (!source().standby) return offer(now);
  stand_by_at_ = now.mono + kOthersKnownAfter;
  return {};
}

/// Makes the stream known.
Result<void> PublishedStream::offer(Now now) {
  const auto id = overlay_.origin().add_stream(description_.info());
  if (!id) return tl::unexpected(id.error());
  offered_ = true;
  description_.begin(*id, now);
  description_.expect_frames(started_, now);
  overlay_.origin().set_frames_refused(*id, refused_);
  return {};
}

// ---- standing by -----------------------------------------------------------------------------------------

/// True if another origin offers a stream of this name that has frames. Of several on standby the one with
/// the smallest id stays.
bool PublishedStream::is_served_elsewhere() const {
  const auto elsewhere = [this](const KnownStream& stream) {
    if (stream.info.name != name() || stream.info.state != StreamState::Live) return false;
    const bool gives_way = offered_ && stream.info.kind.ends_with(kOnStandby);
    return gives_way ? stream.origin < *overlay_.self() : stream.origin != *overlay_.self();
  };
  return std::ranges::any_of(overlay_.streams(), elsewhere);
}

/// Offers the stream at once when no other does, and no more when another has for a while.
void PublishedStream::stand_by(Now now) {
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
  overlay_.origin().withdraw(description_.info().id);
  offered_ = false;
}

// ---- the input -------------------------------------------------------------------------------------------

void PublishedStream::start_input(Now now) {
  started_ = true;
  description_.expect_frames(true, now);
  // What was to be seen before a rest is not what is to be seen now. But a viewer that has lost its way for a
  // moment, and comes back within the history, is owed what it has missed.
  if (offered_ && now.mono - last_at_ > context_.options.overlay.history)
    overlay_.forget_frames(*overlay_.flow(description_.info().id), now);
  input_->start(now);
}

void PublishedStream::stop_input(Now now) {
  started_ = lost_ = false;
  stop_at_ = MonoTime::max();
  description_.expect_frames(false, now);
  input_->stop(now);
}

/// An input on demand runs while somebody watches, and for its linger time after.
void PublishedStream::run_input(Now now) {
  if (over_ || !source().on_demand) return;
  if (overlay_.origin().is_watched(description_.info().id)) {
    stop_at_ = MonoTime::max();
    if (!started_) start_input(now);
  } else if (started_) {
    // While it is tried whether a source is there again, its stream does not say that it has frames.
    if (description_.info().state == StreamState::Stalled && is_served_elsewhere()) return;
    if (stop_at_ == MonoTime::max()) stop_at_ = now.mono + source().linger;
    if (now.mono >= stop_at_) stop_input(now);
  }
}

void PublishedStream::step(Now now) {
  if (!announced_ || withdrawn_) return;
  if (source().standby) stand_by(now);
  if (offered_) run_input(now);
  input_->step(now);
  drain(now);
  release(now);
  warn(now);
  if (!offered_) return;
  say_what_is_new(now);
  show_placeholder(now);
}

/// Lets a paced input push its next frame, when that is due.
void PublishedStream::release(Now now) {
  if (!held_ || frames_.busy() || (next_at_ != MonoTime::max() && now.mono < next_at_)) return;
  held_ = false;
  input_->hold(false, now);
}

void PublishedStream::hold_until_due(Now now) {
  held_ = true;
  input_->hold(true, now);
}

MonoTime PublishedStream::next_deadline() const {
  if (!announced_ || withdrawn_) return MonoTime::max();
  MonoTime next =
      std::min({withdraw_at_, stop_at_, stand_by_at_, placeholder_at_, description_.next_deadline(),
                input_->next_deadline(), refusals_.next_deadline(refused_),
                stall_warning_.next_deadline(stalls_), loss_warning_.next_deadline(losses_)});
  // While a worker converts a frame there is no deadline: the worker says when it is done.
  if (held_ && !frames_.busy()) next = std::min(next, next_at_);
  return next;
}

// ---- what the input says ---------------------------------------------------------------------------------

void PublishedStream::push(const AccessUnit& unit) {
  wake_();
  if (paced()) hold_until_due(unit.arrived);
  if (unit.carriable != nullptr)
    return take(LiveFrame{*unit.carriable, unit.arrived, unit.media_time}, unit.arrived);
  const auto frame = frames_.push(unit);
  if (!frame) return refuse(frame.error().message, unit.arrived);
  if (*frame) return take(**frame, unit.arrived);
  drain(unit.arrived);
}

void PublishedStream::refuse(const std::string& why, Now now) {
  wake_();
  ++refused_;
  refusal_ = why;
  if (offered_ && !withdrawn_) overlay_.origin().set_frames_refused(description_.info().id, refused_);
  warn(now);
}

void PublishedStream::on_connected(const std::string& what, Now now) {
  wake_();
  const bool again = std::exchange(lost_, false);
  // A source that comes and goes all the time is spoken of at a rate.
  if (again && return_notice_.due(++returns_, now) == 0) return;
  log_.info(fmt::format("{}: {}{}", log_name(), again ? "its source is there again" : "its source is there",
                        what.empty() ? "" : ": " + what));
}

void PublishedStream::on_lost(const std::string& why, Now now) {
  wake_();
  lost_ = true;
  ++losses_;
  loss_ = why;
  warn(now);
}

void PublishedStream::on_end(Now now) {
  wake_();
  if (std::exchange(over_, true)) return;
  const bool ends = source().at_end == AtEnd::End;
  description_.on_end(ends ? StreamState::Ended : StreamState::Stalled, now);
  log_.info(
      fmt::format("{}: {} has ended after {} frames; {}", log_name(),
                  source().kind == "stdin" ? "standard input" : "its source", last_.value,
                  ends ? "the stream ends" : "the stream stays, without frames (?eof=end would end it)"));
}

// ---- frames ----------------------------------------------------------------------------------------------

/// Publishes what workers have converted.
void PublishedStream::drain(Now now) {
  while (true) {
    const auto frame = frames_.next(now);
    if (frame && !*frame) return;
    take(frame ? Result<LiveFrame>(**frame) : tl::unexpected<Error>(frame.error()), now);
  }
}

void PublishedStream::take(const Result<LiveFrame>& frame, Now now) {
  const std::size_t too_many = frame ? too_many_bytes(frame->frame.image) : 0;
  if (!frame) {
    refuse(frame.error().message, now);
  } else if (too_many > 0) {
    refuse(fmt::format("a frame's {} bytes are more than {}", too_many, kFrameBytesMax), now);
  } else if (offered_ && !withdrawn_) {
    publish(*frame, now);
  }
}

void PublishedStream::publish(const LiveFrame& frame, Now now) {
  ++last_.value;
  last_at_ = now.mono;
  // A paced frame is as old as it is for viewers: what has waited in a pipe was not made then.
  LiveFrame timed = frame;
  if (paced()) timed.arrived = now;
  if (source().live) {
    const StreamState before = description_.info().state;
    description_.on_frame(frame.frame.image.width, frame.frame.image.height, timed.arrived);
    if (before == StreamState::Stalled && std::exchange(stall_said_, false))
      log_.info(fmt::format("{}: frames come again", log_name()));
  }
  placeholder_.on_frame(frame.frame);
  completed_ += frame.frame.image.cut_off ? 1 : 0;
  for (const std::string& notice : notices_.look(frame.frame))
    log_.info(fmt::format("{}: {}", log_name(), notice));
  write_records(timed, now);
  if (!paced()) return;
  const auto interval =
      std::chrono::duration_cast<Duration>(std::chrono::duration<double>(1.0 / source().fps));
  next_at_ = (next_at_ == MonoTime::max() ? now.mono : next_at_) + interval;
  if (next_at_ + kBehindMax < now.mono) next_at_ = now.mono + interval;
}

/// What has a pace of ours has a clock that is right.
std::uint32_t PublishedStream::rtp_timestamp(const LiveFrame& frame) {
  if (!source().live && frame.media_time) return *frame.media_time;
  return clock_.stamp(paced() ? std::nullopt : frame.media_time, frame.arrived.mono);
}

/// frame.arrived is the time from which viewers measure a frame's age.
void PublishedStream::write_records(const LiveFrame& frame, Now now) {
  const StreamId id = description_.info().id;
  Flow& flow = *overlay_.flow(id);
  RtpJpegPacketizer packetizer(frame.frame.image, kRtpBytesMax);
  const std::size_t packets = packetizer.packet_count();
  RtpFields fields;
  fields.timestamp = rtp_timestamp(frame);
  fields.ssrc = static_cast<std::uint32_t>(id.value);
  for (std::size_t packet = 1; packet <= packets; ++packet) {
    fields.sequence = rtp_sequence_++;
    const OwnRecord record{last_, packet == 1, packet == packets, packetizer.next_bytes()};
    overlay_.write_record(flow, record, {now.mono, frame.arrived.wall},
                          [&](MutableByteSpan rtp) { packetizer.next(rtp, fields); });
  }
  overlay_.published(flow);
}

/// While the source has no frames, and somebody watches.
void PublishedStream::show_placeholder(Now now) {
  const StreamInfo& info = description_.info();
  const bool shown = placeholder_.kind() != PlaceholderKind::None && info.state == StreamState::Stalled &&
                     overlay_.origin().is_watched(info.id);
  if (!shown) {
    placeholder_at_ = MonoTime::max();
    return;
  }
  if (placeholder_at_ == MonoTime::max()) placeholder_at_ = now.mono;
  if (now.mono < placeholder_at_) return;
  const auto* frame = placeholder_.frame(WallTime(Duration(static_cast<Duration::rep>(info.state_since))));
  placeholder_at_ = now.mono + (frame == nullptr ? kPlaceholderLook : kPlaceholderInterval);
  if (frame == nullptr) return;
  ++last_.value;
  write_records({*frame, now, std::nullopt}, now);
}

// ---- what is said of the stream --------------------------------------------------------------------------

/// Of each kind the first one in full, then how many more.
void PublishedStream::warn(Now now) {
  const std::uint64_t refused = refusals_.due(refused_, now);
  if (refused == 1) log_.warning(fmt::format("{}: {}", log_name(), refusal_));
  if (refused > 1)
    log_.warning(
        fmt::format("{}: {} more frames like this, the last one: {}", log_name(), refused, refusal_));
  const std::uint64_t lost = loss_warning_.due(losses_, now);
  if (lost == 1) log_.warning(fmt::format("{}: {}; trying again", log_name(), loss_));
  if (lost > 1) {
    log_.warning(fmt::format("{}: its source was lost {}, the last time: {}", log_name(),
                             counted(lost, "more time"), loss_));
  }
  if (const std::uint64_t count = left_out_.due(frames_.frames_left_out(), now)) {
    log_.warning(fmt::format("{}: frames come faster than they can be converted: {} left out, {} in all",
                             log_name(), count, frames_.frames_left_out()));
  }
}

void PublishedStream::say_what_is_new(Now now) {
  const StreamState before = description_.info().state;
  description_.tick(now);
  log_state(before, now);
  const StreamInfo& info = description_.info();
  if (description_.take_news(now)) {
    overlay_.origin().describe(info.id, info);
    if (info.state == StreamState::Ended) withdraw_at_ = now.mono + kEndedListed;
  }
  if (source().live && info.fps_milli != 0 && !std::exchange(described_, true))
    log_.info(fmt::format("{}: {}", log_name(), describe_size_and_rate(info)));
  if (now.mono < withdraw_at_) return;
  overlay_.origin().withdraw(info.id);
  withdrawn_ = true;
  offered_ = false;
}

void PublishedStream::log_state(StreamState before, Now now) {
  const StreamState state = description_.info().state;
  if (state == StreamState::Stalled && before == StreamState::Live) ++stalls_;
  if (const std::uint64_t count = stall_warning_.due(stalls_, now)) {
    stall_said_ = state == StreamState::Stalled;
    // One that the warnings' rate has held back may be over by now.
    log_.warning(count == 1 && stall_said_
                     ? fmt::format("{}: no frame comes: its viewers are told that it is stalled", log_name())
                     : fmt::format("{}: it was stalled {}", log_name(), counted(count, "more time")));
  }
}

void PublishedStream::add_stats(StatsLine& line) const {
  line.begin();
  line.add("name", name());
  line.add("frames", last_.value);
  line.add("frames_refused", refused_);
  line.add("frames_completed", completed_);
  line.add("frames_left_out", frames_.frames_left_out());
  if (input_)  // not one that could not be opened
    for (const auto& [figure, count] : input_->figures()) line.add(figure, count);
  const StreamInfo& info = description_.info();
  line.add("width", std::uint64_t{info.width});
  line.add("height", std::uint64_t{info.height});
  line.add("fps", info.fps_milli / 1000.0);
  line.add("state", to_string(info.state));
  line.end();
}

}  // namespace ott
