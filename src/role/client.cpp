// A headless viewer: a member of the overlay, or a guest of one of its nodes.
#include <fmt/format.h>

#include <algorithm>

#include "ott/text.h"
#include "role/overlay_role.h"
#include "ott/repeated_warning.h"
#include "role/role_table.h"
#include "role/stats.h"
#include "role/stream_table.h"
#include "role/viewer.h"

namespace ott {
namespace {

constexpr Duration kStatusInterval = std::chrono::milliseconds(500);

double milliseconds(Duration duration) { return std::chrono::duration<double, std::milli>(duration).count(); }

/// How long --list waits for an answer, unless --duration says it.
constexpr Duration kListTime = std::chrono::seconds(5);

/// "400 ms", "12.3 s", "125 s".
std::string for_people(Duration duration) {
  const double seconds = std::chrono::duration<double>(duration).count();
  if (seconds < 1) return fmt::format("{:.0f} ms", seconds * 1000);
  return seconds < 100 ? fmt::format("{:.3g} s", seconds) : fmt::format("{:.0f} s", seconds);
}

std::string names_of(const std::vector<KnownStream>& streams) {
  std::string names;
  for (const KnownStream& stream : streams) names += (names.empty() ? "" : ", ") + stream.info.name;
  return names;
}

/// How long a viewer stays with a stream that is not listed any more, while there are others.
constexpr Duration kLetGoAfter = std::chrono::seconds(3);

class Client : public OverlayRole {
 public:
  explicit Client(RoleContext& context)
      : OverlayRole(context), viewer_(context.frames, overlay_.peer_log()) {}

  void begin(Now now) override {
    began_at_ = now.mono;
    if (context_.options.duration > Duration{}) {
      end_at_ = now.mono + context_.options.duration;
    } else if (context_.options.list) {
      end_at_ = now.mono + kListTime;
    }
    if (context_.status != nullptr) status_at_ = now.mono + kStatusInterval;
    OverlayRole::begin(now);
  }

 protected:
  void step(Now now) override {
    if (context_.options.list) return list(now);
    choose_stream(now);
    read(now);
    note_absence(now);
    check_sink(now);
    if (now.mono >= end_at_) end(now);
    if (now.mono >= status_at_) show_status(now);
  }

  [[nodiscard]] MonoTime role_deadline() const override {
    return std::min({end_at_, status_at_, let_go_at_});
  }
  [[nodiscard]] std::string_view name() const override { return kClientRole.name; }

  void add_stats(StatsLine& line, bool) override {
    const ViewerCounts& counts = viewer_.counts();
    line.add("stream", watched_ ? watched_->info.name : context_.options.watch);
    line.add("frames_received", counts.frames_received);
    line.add("frames_lost", counts.frames_lost);
    line.add("frames_skipped", viewer_.frames_skipped());
    line.add("frames_duplicate", counts.frames_duplicate);
    line.add("bytes_received", counts.bytes_received);
    line.begin("latency_ms");
    line.add("p50", counts.latency.quantile_ms(0.5));
    line.add("p99", counts.latency.quantile_ms(0.99));
    line.add("max", counts.latency.max_ms());
    line.end();
    line.add("hops", static_cast<std::uint64_t>(counts.hops));
    line.add("gap_ms_max", milliseconds(counts.gap_max));
  }

  bool finish(bool give_up, Now now) override {
    if (watched_) overlay_.watch(*watched_, false, now);
    FrameSink* frames = context_.frames;
    if (frames != nullptr && !(frames->failure() && frames->idle())) {
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
  /// The last word on the stream: as the live line, or else as a line of the log.
  void sum_up(Now now) {
    if (context_.status != nullptr) return show_status(now);
    if (!watched_) return;
    const ViewerCounts& counts = viewer_.counts();
    context_.log.info(fmt::format("'{}': {} received, {} lost, {} skipped", watched_->info.name,
                                  counted(counts.frames_received, "frame"), counts.frames_lost,
                                  viewer_.frames_skipped()));
  }

  void choose_stream(Now now) {
    if (seen_version_ == overlay_.streams_version() && now.mono < let_go_at_) return;
    seen_version_ = overlay_.streams_version();
    const std::vector<KnownStream> streams = overlay_.streams();
    const auto wanted = [this](const KnownStream& stream) {
      return context_.options.watch.empty() || stream.info.name == context_.options.watch;
    };
    const auto same = [this](const KnownStream& stream) { return stream.info.id == watched_->info.id; };
    const bool listed = watched_ && std::any_of(streams.begin(), streams.end(), same);
    if (listed) let_go_at_ = MonoTime::max();
    if (listed) return;
    const auto found = std::find_if(streams.begin(), streams.end(), wanted);
    if (found == streams.end()) return complain(streams);
    // The same origin's stream of the same name has begun anew. Another one has to wait: the origin may just
    // be out of reach for a moment, or somebody may have spoken in its name.
    const bool anew =
        !watched_ || (found->origin == watched_->origin && found->info.name == watched_->info.name);
    if (!anew && let_go_at_ == MonoTime::max()) let_go_at_ = now.mono + kLetGoAfter;
    if (!anew && now.mono < let_go_at_) return;
    let_go_at_ = MonoTime::max();
    // A stream that has ended is left only when another one takes its place: its origin may just be
    // unreachable.
    if (watched_) overlay_.watch(*watched_, false, now);
    watched_ = *found;
    overlay_.peer_log().info(
        fmt::format("watching '{}' from {}", found->info.name, overlay_.describe(found->origin)));
    overlay_.watch(*watched_, true, now);
  }

  /// The time given is over.
  void end(Now now) {
    if (viewer_.counts().frames_received > 0) return leave(0, "", now);
    leave(
        1,
        fmt::format("no frame has come within {}: {}", for_people(context_.options.duration), why_nothing()),
        now);
  }

  /// Why there is nothing to see at this moment.
  [[nodiscard]] std::string why_nothing() const {
    if (watched_) return overlay_.why_absent(watched_->info.id);
    if (!overlay_.attached()) return trouble();
    const std::string names = names_of(overlay_.streams());
    if (names.empty()) return "there is no stream";
    return fmt::format("there is no stream '{}' (there are: {})", context_.options.watch, names);
  }

  /// Says when the stream stops, why, whenever the reason changes, and when it goes on.
  void note_absence(Now now) {
    const Absences::Absence* absence = watched_ ? overlay_.absence(watched_->info.id) : nullptr;
    const ViewerCounts& counts = viewer_.counts();
    if (stopped_ && counts.frames_received > stopped_->frames_received) {
      const std::uint64_t lost = counts.frames_lost - stopped_->frames_lost;
      const std::uint64_t skipped = viewer_.frames_skipped() - stopped_->frames_skipped;
      overlay_.peer_log().warning(fmt::format("'{}' {} after {}: {} lost, {} skipped", watched_->info.name,
                                              stopped_->frames_received == 0 ? "begins" : "goes on",
                                              for_people(overlay_.own(now).mono - stopped_->since),
                                              counted(lost, "frame"), skipped));
      stopped_.reset();
    }
    if (absence == nullptr || (stopped_ && stopped_->reason == absence->reason)) return;
    const std::string time = for_people(overlay_.own(now).mono - absence->since);
    overlay_.peer_log().warning(
        fmt::format("no frame of '{}' for {}: {}", watched_->info.name, time, absence->reason));
    if (!stopped_)
      stopped_ = {{}, absence->since, counts.frames_received, counts.frames_lost, viewer_.frames_skipped()};
    stopped_->reason = absence->reason;
  }

  void complain(const std::vector<KnownStream>& streams) {
    if (complained_ || streams.empty() || context_.options.watch.empty()) return;
    complained_ = true;
    overlay_.peer_log().warning(fmt::format("there is no stream '{}' (there are: {}); waiting for it to come",
                                            context_.options.watch, names_of(streams)));
  }

  void read(Now now) {
    const Flow* flow = watched_ ? overlay_.flow(watched_->info.id) : nullptr;
    if (flow == nullptr) return;
    const auto done = viewer_.read(*flow, context_.options.frames, now);
    if (!done) return leave(done.error().message.empty() ? 0 : 1, done.error().message, now);
  }

  /// Frames may be written later than they are received.
  void check_sink(Now now) {
    const std::uint64_t wanted = context_.options.frames;
    bool idle = true;
    if (context_.frames != nullptr) {
      idle = context_.frames->idle();  // first: the last frame to be written may be the one that fails
      if (const auto written = context_.frames->failure(); !written) {
        return leave(written.error().message.empty() ? 0 : 1, written.error().message, now);
      }
    }
    const std::uint64_t left_out = viewer_.frames_left_out();
    if (const std::uint64_t count = left_out_.due(left_out, now)) {
      context_.log.warning(fmt::format("frames come faster than they can be written: {} left out, {} in all",
                                       count, left_out));
    }
    if (wanted != 0 && viewer_.frames_kept() >= wanted && idle) leave(0, "", now);
  }

  void show_status(Now now) {
    const ViewerCounts& counts = viewer_.counts();
    const double seconds = std::chrono::duration<double>(now.mono - status_at_ + kStatusInterval).count();
    const double rate = static_cast<double>(counts.frames_received - status_frames_) / seconds;
    status_frames_ = counts.frames_received;
    status_at_ = now.mono + kStatusInterval;
    if (!context_.status->write(status(rate, now))) status_at_ = MonoTime::max();
  }

  [[nodiscard]] std::string status(double rate, Now now) const {
    if (!watched_) return "waiting for a stream: " + why_nothing();
    const ViewerCounts& counts = viewer_.counts();
    const std::string frames = counted(counts.frames_received, "frame");
    const std::string missing =
        fmt::format("{} lost, {} skipped", counts.frames_lost, viewer_.frames_skipped());
    if (stopped_) {
      return fmt::format("{}: no frame for {}: {}; {}, {}", watched_->info.name,
                         for_people(overlay_.own(now).mono - stopped_->since), stopped_->reason, frames,
                         missing);
    }
    return fmt::format("{}: {}, {:.1f}/s, latency {:.1f} ms, {}, {}", watched_->info.name, frames, rate,
                       counts.latency.quantile_ms(0.5), counted(counts.hops, "hop"), missing);
  }

  void list(Now now) {
    if (now.mono >= end_at_) {
      return leave(
          1, fmt::format("nobody has answered within {}: {}", for_people(end_at_ - began_at_), why_nothing()),
          now);
    }
    if (!overlay_.attached()) return;
    if (!asked_) {
      asked_ = overlay_.figures().round();
      overlay_.figures().ask(now);
    }
    if (overlay_.figures().round() == *asked_) return;
    const auto printed = context_.print->write(stream_table(overlay_));
    leave(printed ? 0 : 1, printed ? "" : printed.error().message, now);
  }

  Viewer viewer_;
  RepeatedWarning left_out_;
  std::optional<KnownStream> watched_;
  std::optional<std::uint64_t> seen_version_;
  std::optional<unsigned> asked_;  // the round of figures before --list asked for one
  bool complained_ = false;
  /// The stream does not come: what was said of it, and the counts when it stopped.
  struct Stopped {
    std::string reason;
    MonoTime since;
    std::uint64_t frames_received = 0;
    std::uint64_t frames_lost = 0;
    std::uint64_t frames_skipped = 0;
  };
  std::optional<Stopped> stopped_;
  MonoTime let_go_at_ = MonoTime::max();  // when a stream that is not listed any more is left for another
  MonoTime began_at_{};
  MonoTime end_at_ = MonoTime::max();
  MonoTime status_at_ = MonoTime::max();
  std::uint64_t status_frames_ = 0;
};

}  // namespace

const RoleSpec kClientRole = {
    "client", "headless viewer: writes a stream's frames to a directory or a pipe",
    [](RoleContext& context) -> std::unique_ptr<Machine> { return std::make_unique<Client>(context); }};

}  // namespace ott
