#include "crowd.h"

#include <fmt/format.h>

#include <algorithm>

namespace ott::load {
namespace {

/// How many viewers wait for their first frame at once, except in a stampede, so that servers with a short
/// queue of connections can be measured, too.
constexpr std::size_t kConnectingMax = 64;
/// A guest's dead interval is a minute.
constexpr Duration kBeatInterval = std::chrono::seconds(15);
/// How often viewers are looked at after a pause, to see what they had to read first.
constexpr Duration kWakePoll = std::chrono::milliseconds(1);
constexpr Duration kFreshAge = std::chrono::milliseconds(500);
/// Viewers of one address of --from.
constexpr std::size_t kViewersPerAddress = 200;
constexpr std::size_t kHostsPerRange = 250;

double ms(Duration duration) { return std::chrono::duration<double, std::milli>(duration).count(); }

Second::Group take_second(Ages& ages, std::uint64_t frames) {
  const Second::Group group{frames, ages.this_second.quantile_ms(0.5), ages.this_second.quantile_ms(0.99)};
  ages.this_second = {};
  return group;
}

}  // namespace

Crowd::Crowd(struct ev_loop* loop, const Plan& plan, std::function<void()> changed)
    : plan_(plan),
      changed_(std::move(changed)),
      phase_timer_(loop),
      second_timer_(loop),
      beat_timer_(loop),
      pause_timer_(loop) {
  incarnation_ = static_cast<std::uint64_t>(wall_now().time_since_epoch().count());
  for (std::size_t i = 0; i < plan.viewers; ++i) {
    viewers_.push_back(std::make_unique<Viewer>(loop, static_cast<ViewerEvents&>(*this)));
    viewers_.back()->set_receive_buffer(plan.receive_buffer_bytes);
  }
}

Crowd::~Crowd() = default;

void Crowd::begin() {
  began_at_ = mono_now();
  phase_timer_.start<&Crowd::patience_is_over>(*this, plan_.patience);
  beat_timer_.start<&Crowd::beat>(*this, kBeatInterval);
  connect_some();
}

void Crowd::connect_some() {
  while (next_ < viewers_.size() && in_flight_ < kConnectingMax) connect(next_++);
}

void Crowd::connect(std::size_t index) {
  std::optional<IpAddress> from;
  if (plan_.from_range) {
    const std::size_t host = index / kViewersPerAddress;
    const auto address =
        parse_ip(fmt::format("{}{}.{}", *plan_.from_range, host / kHostsPerRange, 1 + host % kHostsPerRange));
    if (address) from = *address;
  }
  ++in_flight_;
  Viewer& viewer = *viewers_[index];
  viewer.connect(plan_.to, from, make_session(index, viewer.tally()));
}

std::unique_ptr<Session> Crowd::make_session(std::size_t index, FrameTally& tally) const {
  switch (plan_.protocol) {
    case Protocol::Ott:
      return make_ott_session(tally, incarnation_, plan_.stream, index);
    case Protocol::Floor:
      return make_floor_session(tally);
    case Protocol::Http:
      break;
  }
  return make_http_session(tally, plan_.host, plan_.path);
}

// ---- what viewers tell -----------------------------------------------------------------------------------

void Crowd::playing() {
  if (in_flight_ > 0) --in_flight_;
  if (phase_ == Phase::Connecting) connect_some();
  first_frame_ms_.push_back(ms(mono_now() - began_at_));
  if (++playing_ == viewers_.size()) all_play();
}

void Crowd::ended(const std::string& why) {
  ++results_.ended;
  if (results_.first_reason.empty()) results_.first_reason = why;
  if (in_flight_ > 0) --in_flight_;
  if (phase_ == Phase::Connecting) connect_some();
  // No viewer is left.
  if (results_.ended == viewers_.size() && phase_ != Phase::Done) {
    phase_timer_.start<&Crowd::stop>(*this, Duration{});
  }
}

// ---- one thing after the other ---------------------------------------------------------------------------

Times Crowd::times_of_first_frames() {
  std::sort(first_frame_ms_.begin(), first_frame_ms_.end());
  if (first_frame_ms_.empty()) return {};
  return {first_frame_ms_[first_frame_ms_.size() / 2], first_frame_ms_.back()};
}

void Crowd::all_play() {
  if (phase_ == Phase::Connecting) {
    results_.first_frame = times_of_first_frames();
    phase_ = Phase::WarmUp;
    phase_timer_.start<&Crowd::warm>(*this, plan_.warm_up);
  } else if (phase_ == Phase::Stampede) {
    results_.stampede = times_of_first_frames();
    phase_timer_.start<&Crowd::measure>(*this, plan_.warm_up);
  }
}

void Crowd::patience_is_over() { stop(); }

void Crowd::warm() {
  for (std::size_t i = 0; i < plan_.slow && plan_.read_rate > 0; ++i) viewers_[i]->set_rate(plan_.read_rate);
  if (!plan_.stampede) return measure();
  for (const auto& viewer : viewers_) viewer->disconnect();
  phase_ = Phase::Stampede;
  first_frame_ms_.clear();
  playing_ = in_flight_ = 0;
  began_at_ = mono_now();
  phase_timer_.start<&Crowd::patience_is_over>(*this, plan_.patience);
  for (std::size_t i = 0; i < viewers_.size(); ++i) connect(i);
}

void Crowd::measure() {
  phase_ = Phase::Measuring;
  fast_ = slow_ = {};
  for (std::size_t i = 0; i < viewers_.size(); ++i) viewers_[i]->tally().begin(is_slow(i) ? &slow_ : &fast_);
  for (const pid_t pid : plan_.processes) {
    const auto used = process_use(pid);
    used_before_.push_back(used ? *used : ProcessUse{});
    ProcessResult result;
    result.pid = pid;
    result.resident_bytes_before = result.resident_bytes_max = used_before_.back().resident_bytes;
    results_.processes.push_back(result);
  }
  if (plan_.pause > Duration{}) {
    for (std::size_t i = 0; i < plan_.slow; ++i) viewers_[i]->pause();
    pause_timer_.start<&Crowd::watch_wakers>(*this, plan_.pause);
  }
  measuring_since_ = second_at_ = mono_now();
  changed_();
  second_timer_.start<&Crowd::tick>(*this, std::chrono::seconds(1));
  if (plan_.duration > Duration{}) phase_timer_.start<&Crowd::stop>(*this, plan_.duration);
}

void Crowd::tick() {
  second_at_ += std::chrono::seconds(1);
  const MonoTime now = mono_now();
  Second second;
  second.at_s = std::chrono::duration<double>(now - measuring_since_).count();
  std::array<std::uint64_t, 2> frames{};
  for (std::size_t i = 0; i < viewers_.size(); ++i) {
    frames[is_slow(i) ? 1 : 0] += viewers_[i]->tally().counts().frames;
  }
  second.fast = take_second(fast_, frames[0] - frames_at_second_[0]);
  second.slow = take_second(slow_, frames[1] - frames_at_second_[1]);
  frames_at_second_ = frames;
  for (ProcessResult& process : results_.processes) {
    const auto used = process_use(process.pid);
    const std::size_t resident = used ? used->resident_bytes : 0;
    process.resident_bytes_max = std::max(process.resident_bytes_max, resident);
    second.resident_bytes.push_back(resident);
  }
  results_.series.push_back(std::move(second));
  second_timer_.start<&Crowd::tick>(*this, std::max(Duration{}, second_at_ + std::chrono::seconds(1) - now));
}

void Crowd::beat() {
  for (const auto& viewer : viewers_) viewer->beat();
  beat_timer_.start<&Crowd::beat>(*this, kBeatInterval);
}

/// The pause is over: from now on, measures what each viewer has to read until a fresh frame comes.
void Crowd::watch_wakers() {
  const MonoTime now = mono_now();
  if (wakers_.empty()) {
    woke_at_ = now;
    for (std::size_t i = 0; i < plan_.slow; ++i) {
      wakers_.push_back({i, viewers_[i]->tally().counts().bytes, false});
      viewers_[i]->tally().forget_age();
      viewers_[i]->resume();
    }
  }
  bool waiting = false;
  for (Waker& waker : wakers_) {
    if (waker.fresh) continue;
    const FrameTally& tally = viewers_[waker.viewer]->tally();
    const auto age = tally.last_age();
    waker.fresh = age && *age < kFreshAge;
    waiting = waiting || !waker.fresh;
    const std::uint64_t bytes = tally.counts().bytes - waker.bytes_before;
    results_.old_bytes_max = std::max(results_.old_bytes_max, bytes);
    results_.fresh_after_ms_max = ms(now - woke_at_);
  }
  if (waiting && phase_ == Phase::Measuring) pause_timer_.start<&Crowd::watch_wakers>(*this, kWakePoll);
}

void Crowd::stop() {
  if (phase_ == Phase::Done) return;
  finish();
  phase_ = Phase::Done;
  for (TimerWatcher* timer : {&phase_timer_, &second_timer_, &beat_timer_, &pause_timer_}) timer->stop();
  for (const auto& viewer : viewers_) viewer->disconnect();
  changed_();
}

void Crowd::finish() {
  for (const auto& viewer : viewers_) results_.never_played += !viewer->tally().seen_any();
  if (phase_ != Phase::Measuring) return;
  results_.seconds = std::chrono::duration<double>(mono_now() - measuring_since_).count();
  for (std::size_t i = 0; i < results_.processes.size(); ++i) {
    ProcessResult& result = results_.processes[i];
    const auto after = process_use(result.pid);
    if (!after) continue;
    result.used = *after;
    result.used.cpu_s -= used_before_[i].cpu_s;
    result.used.user_s -= used_before_[i].user_s;
    result.used.system_s -= used_before_[i].system_s;
    result.resident_bytes_max = std::max(result.resident_bytes_max, after->resident_bytes);
  }
  results_.slow = group_result(0, plan_.slow, slow_);
  results_.fast = group_result(plan_.slow, viewers_.size(), fast_);
}

GroupResult Crowd::group_result(std::size_t begin, std::size_t end, const Ages& ages) const {
  GroupResult result;
  result.viewers = end - begin;
  result.latency_p50_ms = ages.whole_window.quantile_ms(0.5);
  result.latency_p90_ms = ages.whole_window.quantile_ms(0.9);
  result.latency_p99_ms = ages.whole_window.quantile_ms(0.99);
  result.latency_max_ms = ages.whole_window.max_ms();
  for (std::size_t i = begin; i < end; ++i) {
    const FrameTally& tally = viewers_[i]->tally();
    const FrameCounts& counts = tally.counts();
    if (i == begin) {
      result.frames_of_least = counts.frames;
      result.skips_of_least = counts.skipped;
    }
    result.counts += counts;
    result.frames_of_least = std::min(result.frames_of_least, counts.frames);
    result.frames_of_most = std::max(result.frames_of_most, counts.frames);
    result.skips_of_least = std::min(result.skips_of_least, counts.skipped);
    result.skips_of_most = std::max(result.skips_of_most, counts.skipped);
    result.latency_p99_of_worst_ms =
        std::max(result.latency_p99_of_worst_ms, tally.latency().quantile_ms(0.99));
  }
  return result;
}

std::string Crowd::status() const {
  switch (phase_) {
    case Phase::Connecting:
    case Phase::Stampede:
      return fmt::format("{} of {} viewers play", playing_, viewers_.size());
    case Phase::WarmUp:
      return fmt::format("all {} viewers play", viewers_.size());
    case Phase::Measuring:
      break;
    case Phase::Done:
      return "done";
  }
  if (results_.series.empty()) return "measuring";
  const Second& second = results_.series.back();
  return fmt::format("{:.0f} s: {} frames/s, latency {:.1f} ms (p50), {:.1f} ms (p99)", second.at_s,
                     second.fast.frames + second.slow.frames, second.fast.age_ms_p50, second.fast.age_ms_p99);
}

}  // namespace ott::load
