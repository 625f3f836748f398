#include "role/overlay_role.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <vector>

#include "ott/text.h"
#include "ott/version.h"
#include "role/command_answer.h"
#include "role/stats.h"

namespace ott {
namespace {

constexpr Duration kStatsInterval = std::chrono::seconds(1);
/// When a process is up that no other has answered yet: it is there for those that come.
constexpr Duration kUpAfter = std::chrono::seconds(5);
/// How often a supervisor is told how this process is, where that changes.
constexpr Duration kSupervisorInterval = std::chrono::seconds(1);
constexpr const char* kAboutToEnd = "this process is about to end";

}  // namespace

OverlayRole::OverlayRole(RoleContext& context)
    : context_(context), overlay_(context.options.overlay, context.log), hub_(overlay_, [this] { wake(); }) {
  hub_.set_trouble([this] { return trouble(); });
}

void OverlayRole::begin(Now now) {
  if (context_.stats != nullptr) stats_at_ = now.mono + kStatsInterval;
  began_at_ = now.mono;
  api_.emplace(overlay_, static_cast<Shown&>(*this), static_cast<Commands&>(*this), context_.workers, now);
  up_at_ = now.mono + kUpAfter;
  overlay_.begin(now);
  if (context_.options.host) lookup_.emplace(context_, *context_.options.host).begin();
  for (const HostName& name : context_.options.join) join_lookups_.emplace_back(context_, name).begin();
  if (context_.local_links != nullptr) context_.local_links->begin(*this);
  begin_outlets(now);
  if (context_.controls != nullptr && !end_) {
    for (const auto& control : *context_.controls) {
      if (const auto begun = control->begin(*this); !begun) return leave(1, begun.error().message, now);
    }
  }
  after(now);
}

void OverlayRole::begin_outlets(Now now) {
  if (context_.outlets == nullptr) return;
  for (const auto& outlet : *context_.outlets) {
    if (const auto begun = begin_outlet(*outlet, now); !begun) return leave(1, begun.error().message, now);
  }
}

Result<void> OverlayRole::begin_outlet(Outlet& outlet, Now now) {
  outlet.take_commands(*this);
  if (outlet.take_api(*api_)) api_->serve();
  WatchableStreams& streams = outlet.serves_others() ? hub_ : hub_.own_streams();
  return outlet.begin(streams, now);
}

bool OverlayRole::finish_outlets(bool give_up, Now now) {
  bool finished = retired_outlets_.finish(give_up, now);
  if (context_.outlets == nullptr) return finished;
  for (const auto& outlet : *context_.outlets) finished = outlet->finish(give_up, now) && finished;
  return finished || give_up;
}

void OverlayRole::add_outlets(StatsLine& line) const {
  if (context_.outlets == nullptr) return;
  std::vector<OutletFigures> all;
  for (const auto& outlet : *context_.outlets) all.push_back(outlet->figures());
  std::erase_if(all, [](const OutletFigures& figures) { return figures.kind.empty(); });
  if (all.empty()) return;
  line.begin_list("outlets");
  for (const OutletFigures& figures : all) {
    line.begin();
    line.add("kind", figures.kind);
    line.add("at", figures.at);
    line.add("viewers", figures.viewers);
    line.add("connections", figures.connections);
    line.add("refused", figures.refused);
    line.add("changes_refused", figures.changes_refused);
    line.add("frames", figures.frames);
    line.add("frames_skipped", figures.frames_skipped);
    line.add("bytes", figures.bytes);
    line.end();
  }
  line.end_list();
}

CommandAnswer OverlayRole::command(std::string_view line, Now now) {
  const auto parsed = parse_command(line);
  if (end_) return refused(kAboutToEnd);
  CommandAnswer answer = parsed ? obey(*parsed, now) : refused(parsed.error().message);
  wake();
  return answer;
}

void OverlayRole::press(std::string_view line, Now now) {
  const CommandAnswer answer = command(line, now);
  if (!answer.words.empty()) show_note(answer.words, now);
}

void OverlayRole::on_datagram(ByteSpan bytes, const IpAddress& from, Now now) {
  if (left_) return;
  overlay_.heard(bytes, from, now);
  after(now);
}

/// Others on the links of this host learn of this process.
[[gnu::hot]] void OverlayRole::say_hello(Now now) {
  if (context_.local_links == nullptr) return;
  if (const auto hello = overlay_.hello_due(now))
    context_.local_links->send(encode(*hello), is_loopback(hello->id.address));
}

CommandAnswer OverlayRole::obey(const Command& command, Now now) {
  if (const auto* say = std::get_if<command::Say>(&command)) {
    const auto said = overlay_.say(say->text, say->to, now);
    return said ? done(say->to.empty() ? "said to all" : "said") : refused(said.error().message);
  }
  if (std::holds_alternative<command::ListStreams>(command))
    return streams_answer(overlay_.streams(), nullptr);
  if (std::holds_alternative<command::Status>(command)) return node_status(name(), overlay_);
  return refused(
      fmt::format("a {} watches nothing that could be changed: it takes status, streams and say", name()));
}

void OverlayRole::report(Now now) {
  overlay_.report(now);
  if (context_.outlets == nullptr) return;
  for (const auto& outlet : *context_.outlets) {
    for (const std::string& line : outlet->report()) context_.log.info(line);
  }
}

std::string OverlayRole::trouble() const {
  std::string why = lookup_ ? lookup_->trouble() : "";
  for (const HostLookup& lookup : join_lookups_) {
    if (why.empty()) why = lookup.trouble();
  }
  if (why.empty()) why = overlay_.trouble();
  return why.empty() ? "the overlay has not answered yet" : why;
}

void OverlayRole::listening(const NodeId& at, const std::optional<Error>& error, Now now) {
  listens_ = listens_ || !error;
  overlay_.listening(at, error, now);
  after(now);
}

void OverlayRole::opened(LinkId link, const NodeId& local, Now now) {
  overlay_.opened(link, local, now);
  after(now);
}

void OverlayRole::closed(LinkId link, std::string_view why, Now now) {
  overlay_.closed(link, why, now);
  after(now);
}

void OverlayRole::recv_advance(LinkId link, std::size_t bytes, Now now) {
  if (overlay_.recv_advance(link, bytes, now)) after(now);
}

void OverlayRole::tick(Now now) {
  if (now.mono >= overlay_.held_until()) overlay_.wake_held(now);
  if (now.mono < due_) return;
  overlay_.tick(now);
  if (now.mono >= stats_at_ && !left_) {
    stats_at_ = std::max(stats_at_ + kStatsInterval, now.mono);
    write_stats(now, false);
  }
  after(now);
}

void OverlayRole::signal(Signal signal, Now now) {
  if (signal == Signal::Report) return report(now);
  if (signal == Signal::Reload) return reload(nullptr, now);
  if (end_) give_up_at_ = now.mono;  // told twice
  say_that_it_ends();
  if (!overlay_.retire(now)) leave(0, "", now);
  after(now);
}

[[gnu::hot]] void OverlayRole::log_arrived(Now now) {
  for (const ArrivedPing& ping : overlay_.take_pings()) {
    const Duration latency = std::max(now.wall.time_since_epoch(), Duration{}) -
                             Duration(static_cast<Duration::rep>(ping.sent_time));
    overlay_.peer_log().info(
        fmt::format("ping {} from {}: {:.2f} ms, {}", ping.number, overlay_.describe(ping.from),
                    std::chrono::duration<double, std::milli>(latency).count(), counted(ping.hops, "hop")));
  }
  for (const ArrivedMessage& message : overlay_.take_messages()) {
    std::string route;
    for (const NodeId& node : message.route) route += overlay_.describe(node) + " > ";
    const std::string from = overlay_.describe(message.from);
    overlay_.peer_log().info(fmt::format("message from {}: {} ({}: {}here)", from, message.text,
                                         counted(message.route.size(), "hop"), route));
    show_note(fmt::format("{}: {}", from, message.text), now);
  }
}

[[gnu::hot]] void OverlayRole::look_up(Now now) {
  if (lookup_) {
    if (const auto addresses = lookup_->step(overlay_.is_in_trouble(), now)) overlay_.found(*addresses, now);
  }
  for (HostLookup& lookup : join_lookups_) {
    if (const auto addresses = lookup.step(overlay_.is_in_trouble(), now))
      overlay_.found_to_join(*addresses, now);
  }
}

[[gnu::hot]] void OverlayRole::after(Now now) {
  if (!api_) return;  // begin() is still to come
  if (std::exchange(drains_, false)) return signal(Signal::Terminate, now);
  if (!left_) {
    look_up(now);
    say_hello(now);
    log_arrived(now);
    api_->step(now);
    step_reload(now);
    (void)retired_outlets_.finish(false, now);
    if (!requests().exit && !end_) {
      hub_.step(now);
      step(now);
    }
    if (overlay_.retired(now)) leave(0, "", now);
    end_as_asked(now);
    tell_supervisor(now);
  }
  MonoTime own =
      end_ ? stats_at_ : std::min({role_deadline(), hub_.next_deadline(), stats_at_, api_->next_deadline()});
  if (lookup_) own = std::min(own, lookup_->next_deadline());
  for (const HostLookup& lookup : join_lookups_) own = std::min(own, lookup.next_deadline());
  if (end_ && !left_) own = std::min({own, give_up_at_, now.mono + kFinishLook});
  own = std::min(own, retired_outlets_.next_deadline(now));
  if (context_.supervisor != nullptr) own = std::min(own, is_up_ ? look_at_ : up_at_);
  deadline_ = std::min(overlay_.next_deadline(), own);
  due_ = std::min(overlay_.early_deadline(), own);
}

void OverlayRole::leave(int status, const std::string& message, Now now) {
  if (end_) return;
  end_ = {status, message};
  say_that_it_ends();
  hub_.leave(now);
  give_up_at_ = now.mono + kFinishTime;
  try_to_end(now);
}

void OverlayRole::try_to_end(Now now) {
  const bool give_up = now.mono >= give_up_at_;
  const bool finished = !left_ && finish_outlets(give_up, now) && finish(give_up, now);
  if (left_ || !finished) return;
  left_ = true;
  write_stats(now, true);
  overlay_.leave(end_->status, end_->message);
}

/// The overlay may have asked for the end, or it has been asked for and has to wait for finish().
void OverlayRole::end_as_asked(Now now) {
  if (left_) return;
  if (const auto exit = std::exchange(requests().exit, std::nullopt)) leave(exit->status, exit->message, now);
  if (end_) try_to_end(now);
}

std::string OverlayRole::why_not_ready() {
  const Readiness is = readiness();
  return is.ready ? "" : is.why;
}

// ---- how it is, and what it is to do otherwise -----------------------------------------------------------

Readiness OverlayRole::readiness() const {
  if (end_ || said_end_) return {false, kAboutToEnd};
  const auto self = overlay_.self();
  const bool is_bootstrapper = context_.options.overlay.kind == PeerKind::Bootstrap;
  if (is_bootstrapper && !listens_) return {false, "about to listen"};
  if (!is_bootstrapper && !overlay_.attached()) return {false, trouble()};
  return {true, overlay_.is_guest() || !self ? "up, as a guest" : "up, as " + overlay_.describe(*self)};
}

/// It is up when it can do what it is there for, or when that is for others to make possible.
void OverlayRole::tell_supervisor(Now now) {
  if (context_.supervisor == nullptr || said_end_ || (is_up_ && now.mono < look_at_)) return;
  const Readiness is = readiness();
  if (!is_up_ && !is.ready && !overlay_.is_in_trouble() && now.mono < up_at_) return;
  look_at_ = now.mono + kSupervisorInterval;
  context_.supervisor->status(is.why);
  if (!std::exchange(is_up_, true)) context_.supervisor->ready();
}

void OverlayRole::say_that_it_ends() {
  if (std::exchange(said_end_, true)) return;
  if (context_.supervisor != nullptr) context_.supervisor->stopping();
  std::ranges::move(std::exchange(reload_wanted_, {}), std::back_inserter(reloading_));
  reads_again_ = true;
  reloaded(fail(kAboutToEnd));
}

void OverlayRole::reload(ReloadTold told, Now now) {
  if (said_end_) {
    if (told) told(fail(kAboutToEnd));
    return;
  }
  reload_wanted_.push_back(std::move(told));
  if (!reads_again_) begin_reload(now);
  wake();
}

void OverlayRole::begin_reload(Now now) {
  reloading_ = std::exchange(reload_wanted_, {});
  reads_again_ = true;
  if (context_.supervisor != nullptr) context_.supervisor->reloading(now);
  if (context_.configuration != nullptr) {
    context_.configuration->read(published_specs());
  } else if (!reread()) {
    reloaded(fail("nothing can be read again: this process has no --config"));
  }
}

void OverlayRole::reloaded(const Result<std::string>& outcome) {
  if (!std::exchange(reads_again_, false)) return;
  if (context_.supervisor != nullptr && !said_end_) context_.supervisor->ready();
  is_up_ = true;
  for (const ReloadTold& told : std::exchange(reloading_, {}))
    if (told) told(outcome);
}

void OverlayRole::step_reload(Now now) {
  if (said_end_) return;
  if (reads_again_ && context_.configuration != nullptr) take_configuration(now);
  if (!reads_again_ && !reload_wanted_.empty()) begin_reload(now);
}

void OverlayRole::take_configuration(Now now) {
  auto change = context_.configuration->take();
  if (!change) return;
  const auto outcome = *change ? apply(**change, now) : tl::unexpected<Error>(change->error());
  if (outcome) {
    context_.log.info(fmt::format("{} is read again: {}", context_.configuration->name(), *outcome));
  } else {
    context_.log.error(fmt::format("{}; going on as before", outcome.error().message));
  }
  reloaded(outcome);
}

namespace {

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

}  // namespace

/// All or nothing: what may fail comes first, and can be undone.
Result<std::string> OverlayRole::apply(ConfigChange& change, Now now) {
  for (const auto& outlet : change.outlets) {
    if (const auto begun = begin_outlet(*outlet, now); !begun)
      return fail(change.located(begun.error().message));
  }
  auto words = take_change(change, now);
  if (!words) return tl::unexpected<Error>(words.error());
  change_outlets(change, now);
  context_.configuration->applied();
  words->insert(words->end(), change.words.begin(), change.words.end());
  std::string text = words->empty() ? "nothing is different" : joined(*words);
  if (change.after_restart.empty()) return text;
  const std::string later = "these take effect after a restart: " + joined(change.after_restart);
  context_.log.warning(fmt::format("{}: {}", context_.configuration->name(), later));
  return text + "; " + later;
}

void OverlayRole::change_outlets(ConfigChange& change, Now now) {
  if (context_.outlets == nullptr) return;
  auto& outlets = *context_.outlets;
  for (const Outlet* gone : change.outlets_gone) {
    const auto outlet = std::ranges::find(outlets, gone, &std::unique_ptr<Outlet>::get);
    retired_outlets_.add(std::move(*outlet), now);
    outlets.erase(outlet);
  }
  for (auto& added : change.outlets) outlets.push_back(std::move(added));
}

std::string OverlayRole::stats_line(Now now, bool final) {
  StatsLine line(name(), overlay_.self(), now.wall);
  if (final) line.add("final", true);
  add_all_but_links(line, now, final);
  line.add_links(overlay_.links(), overlay_.measurements());
  return line.finish();
}

Scrape OverlayRole::scrape(Now now) {
  StatsLine line(name(), overlay_.self(), now.wall);
  add_all_but_links(line, now, false);
  line.add_links_in_short(overlay_.links(), overlay_.measurements());
  Scrape scrape;
  scrape.figures = line.finish();
  scrape.ready = why_not_ready().empty();
  if (context_.loop != nullptr) scrape.loop_pauses = context_.loop->pauses;
  scrape.round_trips = overlay_.round_trips();
  scrape.latency = latency();
  scrape.process_facts = context_.process_facts;
  return scrape;
}

void OverlayRole::add_all_but_links(StatsLine& line, Now now, bool final) {
  line.add("version", version());
  line.add("uptime_s", std::chrono::duration<double>(now.mono - began_at_).count());
  const Duration pause = context_.loop == nullptr ? Duration{} : context_.loop->pause_max;
  line.add("loop_pause_ms_max", std::chrono::duration<double, std::milli>(pause).count());
  add_stats(line, final);
  add_outlets(line);
  line.add_limits(overlay_.counters());
  line.add_rings(overlay_.rings());
  line.add_flows(overlay_.flows());
}

void OverlayRole::write_stats(Now now, bool final) {
  if (context_.stats == nullptr) return;
  const auto written = context_.stats->write(stats_line(now, final));
  if (written) return;
  context_.log.error(written.error().message + "; no more statistics are written");
  context_.stats = nullptr;
  stats_at_ = MonoTime::max();
}

}  // namespace ott
