// A headless viewer: a member of the overlay, or a guest of one of its nodes.
#include <fmt/format.h>

#include <algorithm>

#include "media/text.h"
#include "ott/repeated_warning.h"
#include "ott/text.h"
#include "role/client_commands.h"
#include "role/delayed_frames.h"
#include "role/frame_counter.h"
#include "role/overlay_role.h"
#include "role/role_table.h"
#include "role/stats.h"
#include "role/stream_table.h"

namespace ott {
namespace {

constexpr Duration kStatusInterval = std::chrono::milliseconds(500);

double milliseconds(Duration duration) { return std::chrono::duration<double, std::milli>(duration).count(); }

/// How long --list waits for an answer, and --say for a way, unless --duration says it.
constexpr Duration kListTime = std::chrono::seconds(5);
/// How long a member that has just been linked waits for what there is.
constexpr Duration kListPatience = std::chrono::milliseconds(500);
/// How often --top shows the overlay anew.
constexpr Duration kTopInterval = std::chrono::seconds(1);
/// How often --say looks whether there is a way now.
constexpr Duration kSayRetry = std::chrono::milliseconds(50);
/// How long the live line shows the answer to a key, or a message.
constexpr Duration kNoteTime = std::chrono::seconds(3);

void add_latency(JsonLine& line, const LatencyHistogram& latency) {
  line.begin("latency_ms");
  line.add("p50", latency.quantile_ms(0.5));
  line.add("p99", latency.quantile_ms(0.99));
  line.add("max", latency.max_ms());
  line.end();
}

/// "400 ms", "12.3 s", "125 s".
std::string for_people(Duration duration) {
  const double seconds = std::chrono::duration<double>(duration).count();
  if (seconds < 1) return fmt::format("{:.0f} ms", seconds * 1000);
  return seconds < 100 ? fmt::format("{:.3g} s", seconds) : fmt::format("{:.0f} s", seconds);
}

/// The parts of a stream that this process watches and does nothing with.
class Unseen final : public PartsTaker, private FrameTaker {
  FrameTaker* on_part(const StreamInfo&) override { return this; }
  void on_frame(const FramePtr&) override {}
};

class Client : public OverlayRole, private Watching {
 public:
  explicit Client(RoleContext& context)
      : OverlayRole(context),
        counter_(context.frames, context.options.every, context.options.frames, overlay_.peer_log()) {}

  void begin(Now now) override {
    began_at_ = status_shown_at_ = now.mono;
    name_wanted_ = context_.options.watch;
    if (context_.options.duration > Duration{}) {
      end_at_ = now.mono + context_.options.duration;
    } else if ((context_.options.only_asks() && !context_.options.top) || !context_.options.watches) {
      end_at_ = now.mono + kListTime;
    }
    hub_.set_film_start(context_.options.film_start);
    if (!context_.options.say.empty()) say_at_ = now.mono;
    if (context_.status != nullptr && watches()) status_at_ = now.mono + kStatusInterval;
    if (watches()) take_up();
    OverlayRole::begin(now);
    if (context_.options.top || context_.options.why) api().serve();
    if (context_.options.top) top_at_ = now.mono;
  }

 protected:
  void step(Now now) override {
    if (quits_) return end_well(now);
    if (context_.options.list) return list(now);
    if (context_.options.why) return why(now);
    if (context_.options.top) return top(now);
    if (now.mono >= say_at_) say(now);
    if (!context_.options.watches) return;
    delayed_.tick(now);
    counter_.tick(now);
    if (!counter_.written()) return leave_for_sink(counter_.written(), now);
    note_absence(now);
    watch_other_parts();
    note_film(now);
    check_sink(now);
    if (now.mono >= end_at_) end(now);
    if (now.mono >= status_at_) show_status(now);
  }

  [[nodiscard]] MonoTime role_deadline() const override {
    return std::min({end_at_, status_at_, say_at_, list_at_, top_at_, delayed_.next_deadline()});
  }
  [[nodiscard]] std::string_view name() const override { return kClientRole.name; }

  void add_stats(StatsLine& line, bool) override {
    const FrameCounts& counts = counter_.counts();
    line.add("stream", stream_name());
    line.add("frames_received", counts.frames_received);
    line.add("frames_lost", counts.frames_lost);
    line.add("frames_skipped", counter_.frames_skipped());
    line.add("frames_duplicate", counts.frames_duplicate);
    line.add("bytes_received", counts.bytes_received);
    add_latency(line, counts.latency);
    line.add("hops", static_cast<std::uint64_t>(counts.hops));
    line.add("gap_ms_max", milliseconds(counts.gap_max));
  }

  [[nodiscard]] std::optional<DurationHistogram> latency() const override {
    return counter_.counts().latency.in_few_buckets();
  }

  std::optional<ViewerFigures> own_viewer() override {
    if (!watches() || stream_name().empty()) return std::nullopt;
    const FrameCounts& counts = counter_.counts();
    ViewerFigures figures{stream_name(),
                          "",
                          counts.frames_received,
                          counts.frames_lost,
                          counter_.frames_skipped(),
                          counts.frames_duplicate,
                          milliseconds(counts.gap_max),
                          {}};
    if (counts.frames_received > 0)
      figures.latency_ms = {counts.latency.quantile_ms(0.5), counts.latency.quantile_ms(0.99),
                            counts.latency.max_ms()};
    return figures;
  }

  CommandAnswer obey(const Command& command, Now now) override {
    if (const auto answer = obey_watching(command, *this, overlay_, now)) return *answer;
    return OverlayRole::obey(command, now);
  }

  void show_note(const std::string& text, Now now) override {
    if (context_.status == nullptr) return;
    note_ = text;
    note_until_ = now.mono + kNoteTime;
    status_at_ = std::min(status_at_, now.mono);
  }

  bool finish(bool give_up, Now now) override {
    forget_stream();
    FrameSink* frames = context_.frames;
    if (frames != nullptr && sink_failure_.empty() && !(frames->failure() && frames->idle())) {
      if (frames->failure() && !give_up) return false;
      const std::uint64_t before = frames->frames_left_out();
      frames->give_up();
      const std::uint64_t count = frames->frames_left_out() - before;
      if (frames->failure() && count > 0) {
        context_.log.warning(
            fmt::format("--dump is too slow: {} left out at the end", counted(count, "frame")));
      }
    }
    sum_up(now);
    return true;
  }

 private:
  // What commands do to what is watched.

  [[nodiscard]] bool watches() const override {
    return !context_.options.only_asks() && context_.options.watches;
  }
  [[nodiscard]] bool is_paused() const override { return paused_; }
  /// Null while no stream is watched.
  [[nodiscard]] const StreamInfo* watched() const override { return wanted_ ? wanted_->stream() : nullptr; }
  [[nodiscard]] std::string stream_name() const override { return name_.empty() ? name_wanted_ : name_; }

  [[nodiscard]] bool has_ended() const override {
    const auto film = hub_.film(name_wanted_);
    return film && (*film)->ended();
  }

  void take_up() { wanted_ = hub_.subscribe(name_wanted_, delayed_); }

  /// To watch `cam` is to watch all its parts, though one alone is counted and written here.
  void watch_other_parts() {
    const StreamInfo* stream = watched();
    if (stream == nullptr) return;
    const std::string source = stream->name == name_wanted_ ? "" : source_of(stream->name);
    if (source == other_parts_of_) return;
    other_parts_of_ = source;
    other_parts_ = source.empty() || source == stream->name ? nullptr : hub_.subscribe_parts(source, unseen_);
  }
  void forget_stream() {
    wanted_.reset();
    other_parts_.reset();
    other_parts_of_.clear();
  }

  void pause(Now now) override {
    counter_.note_pause();
    stopped_.reset();
    paused_ = true;
    if (const auto film = hub_.film(name_wanted_)) return (*film)->pause(now);
    if (context_.options.timeshift) return delayed_.pause();
    forget_stream();
    hub_.give_up(name_wanted_, now);
    hub_.pause_own(now);
  }
  void resume(Now now) override {
    paused_ = false;
    if (const auto film = hub_.film(name_wanted_)) return (*film)->resume(now);
    if (delayed_.paused()) return delayed_.resume(now);
    take_up();
    hub_.resume_own();
  }
  Result<void> watch(const std::string& name, Now now) override {
    const std::string here = stream_name();
    if (source_of(name) != source_of(here)) {
      if (const std::string holder = held_by(); !holder.empty()) {
        return fail(
            fmt::format("{} is of '{}': another stream needs a client of its own", holder, source_of(here)));
      }
    }
    counter_.note_pause();
    counter_.forget_place();
    stopped_.reset();
    paused_ = false;
    delayed_.go_live();
    forget_stream();
    const std::string before = std::exchange(name_wanted_, name);
    take_up();
    if (before != name) hub_.give_up(before, now);
    hub_.resume_own();
    name_ = name;
    return {};
  }
  Result<void> seek(const command::Seek& to, Now now) override {
    const auto film = hub_.film(name_wanted_);
    if (!film) return tl::unexpected<Error>(film.error());
    counter_.note_pause();
    if (to.relative) {
      (*film)->seek_by(to.to, now);
    } else {
      (*film)->seek_to(to.to, now);
    }
    return {};
  }
  Result<void> set_speed(double factor, Now now) override {
    const auto film = hub_.film(name_wanted_);
    return film ? (*film)->set_speed(factor, now) : tl::unexpected<Error>(film.error());
  }
  /// In the next step: whoever says it may still be answered.
  void quit() override { quits_ = true; }
  void add_status(AnswerLine& line, Now now) const override {
    const FrameCounts& counts = counter_.counts();
    line.add("frames_received", counts.frames_received).add("frames_lost", counts.frames_lost);
    line.add("frames_skipped", counter_.frames_skipped());
    add_latency(line, counts.latency);
    line.add("hops", std::uint64_t{counts.hops}).add("delay_ms", milliseconds(delayed_.delay(now)));
    if (stopped_) line.add("why", stopped_->reason);
    const auto film = hub_.film(name_wanted_);
    if (!film) return;
    line.add("position_ms", milliseconds((*film)->position()));
    line.add("duration_ms", milliseconds((*film)->duration())).add("speed", (*film)->speed());
  }

  /// The outlet that has begun with the stream and cannot go on with another; empty: there is none.
  [[nodiscard]] std::string held_by() const {
    if (context_.outlets == nullptr) return "";
    for (const auto& outlet : *context_.outlets) {
      if (std::string holder = outlet->bound_to(); !holder.empty()) return holder;
    }
    return "";
  }

  /// Sends the text of --say as soon as there is a way.
  void say(Now now) {
    const auto said = overlay_.attached() ? overlay_.say(context_.options.say, context_.options.say_to, now)
                                          : fail(trouble());
    if (!said && now.mono < std::min(end_at_, began_at_ + kListTime)) {
      say_at_ = now.mono + kSayRetry;
      return;
    }
    say_at_ = MonoTime::max();
    if (!said) return leave(1, "--say: " + said.error().message, now);
    if (!context_.options.watches) leave(0, "", now);
  }

  /// With status 1 if what was to be written has not been.
  void end_well(Now now) { leave(sink_failure_.empty() ? 0 : 1, sink_failure_, now); }

  /// The last word on the stream: as the live line, or else as a line of the log.
  void sum_up(Now now) {
    if (!context_.options.watches) return;
    if (context_.status != nullptr) return show_status(now);
    if (name_.empty()) return;
    const FrameCounts& counts = counter_.counts();
    context_.log.info(fmt::format("'{}': {} received, {} lost, {} skipped", name_,
                                  counted(counts.frames_received, "frame"), counts.frames_lost,
                                  counter_.frames_skipped()));
  }

  /// The time given is over.
  void end(Now now) {
    if (counter_.counts().frames_received > 0) return end_well(now);
    leave(
        1,
        fmt::format("no frame has come within {}: {}", for_people(context_.options.duration), why_nothing()),
        now);
  }

  /// Why there is nothing to see at this moment.
  [[nodiscard]] std::string why_nothing() const { return hub_.why_nothing(name_wanted_); }

  /// Says when the stream stops, why, whenever the reason changes, and when it goes on.
  void note_absence(Now now) {
    if (watched() != nullptr) name_ = watched()->name;
    if (is_paused()) return;
    const Absences::Absence* absence = hub_.absence(name_wanted_);
    const FrameCounts& counts = counter_.counts();
    if (stopped_ && counts.frames_received > stopped_->frames_received) {
      const std::uint64_t lost = counts.frames_lost - stopped_->frames_lost;
      const std::uint64_t skipped = counter_.frames_skipped() - stopped_->frames_skipped;
      overlay_.peer_log().warning(fmt::format("'{}' {} after {}: {} lost, {} skipped", name_,
                                              stopped_->frames_received == 0 ? "begins" : "goes on",
                                              for_people(overlay_.own(now).mono - stopped_->since),
                                              counted(lost, "frame"), skipped));
      stopped_.reset();
    }
    if (absence == nullptr || (stopped_ && stopped_->reason == absence->reason)) return;
    const std::string time = for_people(overlay_.own(now).mono - absence->since);
    overlay_.peer_log().warning(fmt::format("no frame of '{}' for {}: {}", name_, time, absence->reason));
    if (!stopped_)
      stopped_ = {{}, absence->since, counts.frames_received, counts.frames_lost, counter_.frames_skipped()};
    stopped_->reason = absence->reason;
  }

  /// The end of a film is the end of who has nothing else to do; --http and --rtsp serve others.
  void note_film(Now now) {
    if (watched() == nullptr) return;
    const auto film = hub_.film(name_wanted_);
    if (!film) {
      if (context_.options.film_start != Duration{} && !std::exchange(start_said_, true))
        context_.log.warning("--start: " + film.error().message);
      return;
    }
    if (!(*film)->ended() || std::exchange(end_said_, true)) {
      end_said_ = end_said_ && (*film)->ended();
      return;
    }
    context_.log.info(fmt::format("'{}': {}", watched()->name, (*film)->why_nothing()));
    if (has_outlet([](const Outlet& outlet) { return outlet.serves_others(); })) return;
    if ((*film)->why_ended().empty()) return end_well(now);
    leave(1, (*film)->why_ended(), now);
  }

  template <class Is>
  [[nodiscard]] bool has_outlet(Is is) const {
    return context_.outlets != nullptr &&
           std::ranges::any_of(*context_.outlets, [&is](const auto& outlet) { return is(*outlet); });
  }

  /// The sink takes no more: the end, unless somebody else takes the stream. Its error is empty when the
  /// reader has closed its end.
  void leave_for_sink(const Result<void>& written, Now now) {
    const std::string why = written.error().message;
    const bool others_go_on = has_outlet([](const Outlet& outlet) {
      const std::string kind = outlet.figures().kind;
      return !kind.empty() && kind != "dump";
    });
    if (why.empty() || !others_go_on) return leave(why.empty() ? 0 : 1, why, now);
    context_.log.error(why + "; the others go on");
    counter_.give_up_sink();
    sink_failure_ = why;
  }

  /// Frames may be written later than they are received.
  void check_sink(Now now) {
    const std::uint64_t wanted = context_.options.frames;
    bool idle = true;
    if (context_.frames != nullptr && sink_failure_.empty()) {
      idle = context_.frames->idle();  // first: the last frame to be written may be the one that fails
      if (const auto written = context_.frames->failure(); !written) {
        return leave_for_sink(written, now);
      }
    }
    const std::uint64_t left_out = counter_.frames_left_out();
    if (const std::uint64_t count = left_out_.due(left_out, now)) {
      context_.log.warning(fmt::format("frames come faster than they can be written: {} left out, {} in all",
                                       count, left_out));
    }
    if (wanted != 0 && counter_.frames_kept() >= wanted && idle) end_well(now);
  }

  void show_status(Now now) {
    const FrameCounts& counts = counter_.counts();
    const double seconds =
        std::max(std::chrono::duration<double>(now.mono - status_shown_at_).count(), 0.001);
    const double rate = static_cast<double>(counts.frames_received - status_frames_) / seconds;
    status_frames_ = counts.frames_received;
    status_shown_at_ = now.mono;
    status_at_ = now.mono + kStatusInterval;
    const std::string line = now.mono < note_until_ ? note_ + " | " + status(rate, now) : status(rate, now);
    if (!context_.status->write(line)) status_at_ = MonoTime::max();
  }

  [[nodiscard]] std::string status(double rate, Now now) const {
    if (is_paused()) return fmt::format("{}: paused", stream_name());
    if (name_.empty()) return "waiting for a stream: " + why_nothing();
    const FrameCounts& counts = counter_.counts();
    const std::string frames = counted(counts.frames_received, "frame");
    const std::string missing =
        fmt::format("{} lost, {} skipped", counts.frames_lost, counter_.frames_skipped());
    if (stopped_) {
      return fmt::format("{}: no frame for {}: {}; {}, {}", name_,
                         for_people(overlay_.own(now).mono - stopped_->since), stopped_->reason, frames,
                         missing);
    }
    if (has_ended()) return fmt::format("{}: {}; {}, {}", name_, why_nothing(), frames, missing);
    const Duration delay = delayed_.delay(now);
    const std::string behind = delay > Duration{} ? fmt::format("{} behind live, ", for_people(delay)) : "";
    return fmt::format("{}: {}{}, {:.1f}/s, latency {:.1f} ms, {}, {}", name_, behind, frames, rate,
                       counts.latency.quantile_ms(0.5), counted(counts.hops, "hop"), missing);
  }

  void list(Now now) {
    if (now.mono >= end_at_) return leave_unanswered(why_nothing(), now);
    if (!overlay_.attached()) return;
    // A member hears of streams one after the other.
    if (!std::exchange(list_begun_, true) && !overlay_.is_guest()) list_at_ = now.mono + kListPatience;
    if (list_at_ != MonoTime::max() && now.mono < list_at_) return;
    list_at_ = MonoTime::max();
    if (!asked_) {
      asked_ = overlay_.figures().round();
      overlay_.figures().ask(now);
    }
    if (overlay_.figures().round() == *asked_) return;
    const auto printed = context_.print->write(stream_table(overlay_));
    leave(printed ? 0 : 1, printed ? "" : printed.error().message, now);
  }

  void leave_unanswered(const std::string& reason, Now now) {
    leave(1, fmt::format("nobody has answered within {}: {}", for_people(end_at_ - began_at_), reason), now);
  }

  void why(Now now) {
    const RoleOptions::Why& wanted = *context_.options.why;
    if (const auto why = question_ ? question_->answer(now) : std::nullopt) return tell_why(*why, now);
    if (now.mono >= end_at_) {
      if (question_)
        return leave_unanswered("the stream's origin does not answer; it may be an older ottd", now);
      const std::string reason = hub_.why_nothing(wanted.stream);
      return overlay_.attached() ? leave(1, "--why: " + reason, now) : leave_unanswered(reason, now);
    }
    if (question_ || !overlay_.attached()) return;
    if (const KnownStream* stream = stream_called(overlay_.streams(), wanted.stream))
      question_ = api().ask_why(*stream, wanted.node, now);
  }

  void tell_why(const Origin::Why& why, Now now) {
    std::string text;
    for (const std::string& line : why.lines) text += (text.empty() ? "" : "\n") + to_utf8(line);
    if (why.outcome != WhyOutcome::Answered && why.outcome != WhyOutcome::NotInTree)
      return leave(1, text, now);
    const auto printed = context_.print->write(text);
    leave(printed ? 0 : 1, printed ? "" : printed.error().message, now);
  }

  /// Shows the overlay, each second once this process is attached.
  void top(Now now) {
    if (now.mono >= end_at_) return leave(0, "", now);
    if (now.mono < top_at_) return;
    top_at_ = now.mono + kTopInterval;
    const ScreenSize size = context_.screen->size();
    const auto shown = context_.screen->show(
        overlay_.attached() ? api().screen(size, now) : std::vector<std::string>{"waiting: " + trouble()});
    if (!shown) leave(shown.error().message.empty() ? 0 : 1, shown.error().message, now);
  }

  FrameCounter counter_;
  DelayedFrames delayed_{counter_};
  std::string name_wanted_;               // the stream's; empty: the default one
  std::unique_ptr<Subscription> wanted_;  // null in a pause that keeps no place
  Unseen unseen_;
  std::string other_parts_of_;  // the source of which the other parts are watched
  std::unique_ptr<PartsSubscription> other_parts_;
  std::string sink_failure_;  // while others go on
  bool paused_ = false;
  std::string name_;  // of the stream that is watched, or was last
  RepeatedWarning left_out_;
  std::optional<unsigned> asked_;          // the round of figures before --list asked for one
  std::unique_ptr<WhyQuestion> question_;  // --why's
  /// The stream does not come: what was said of it, and the counts when it stopped.
  struct Stopped {
    std::string reason;
    MonoTime since;
    std::uint64_t frames_received = 0;
    std::uint64_t frames_lost = 0;
    std::uint64_t frames_skipped = 0;
  };
  std::optional<Stopped> stopped_;
  bool start_said_ = false;  // that --start is of no use
  bool end_said_ = false;    // that the film has ended
  MonoTime began_at_{};
  MonoTime end_at_ = MonoTime::max();
  MonoTime status_at_ = MonoTime::max();
  MonoTime status_shown_at_{};
  std::uint64_t status_frames_ = 0;
  std::string note_;  // for the live line, until then
  MonoTime note_until_{};
  bool quits_ = false;
  MonoTime say_at_ = MonoTime::max();
  MonoTime list_at_ = MonoTime::max();
  MonoTime top_at_ = MonoTime::max();
  bool list_begun_ = false;
};

}  // namespace

const RoleSpec kClientRole = {
    "client", "headless viewer: writes a stream's frames to a directory or a pipe",
    [](RoleContext& context) -> std::unique_ptr<Machine> { return std::make_unique<Client>(context); }};

}  // namespace ott
