#include "role/overlay_role.h"

#include <fmt/format.h>

#include <algorithm>

#include "role/stats.h"

namespace ott {
namespace {

constexpr Duration kStatsInterval = std::chrono::seconds(1);

}  // namespace

OverlayRole::OverlayRole(RoleContext& context)
    : context_(context), overlay_(context.options.overlay, context.log) {}

void OverlayRole::begin(Now now) {
  if (context_.stats != nullptr) stats_at_ = now.mono + kStatsInterval;
  overlay_.begin(now);
  after(now);
}

void OverlayRole::listening(const NodeId& at, const std::optional<Error>& error, Now now) {
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
  if (now.mono < due_) return;
  overlay_.tick(now);
  if (now.mono >= stats_at_ && !left_) {
    stats_at_ = std::max(stats_at_ + kStatsInterval, now.mono);
    write_stats(now, false);
  }
  after(now);
}

void OverlayRole::signal(Signal signal, Now now) {
  if (signal == Signal::Report) return overlay_.report();
  if (signal == Signal::Reload) return reload(now);
  if (!overlay_.retire(now)) leave(0, "", now);
  after(now);
}

void OverlayRole::input(ByteSpan, Now) {}

[[gnu::hot]] void OverlayRole::log_arrived(Now now) {
  for (const Arrived& arrived : overlay_.take_arrived()) {
    const std::string from = overlay_.describe(arrived.from);
    if (!arrived.sent_time) {
      overlay_.peer_log().info(fmt::format("message from {}: {}", from, arrived.text));
      continue;
    }
    const Duration latency = std::max(now.wall.time_since_epoch(), Duration{}) -
                             Duration(static_cast<Duration::rep>(*arrived.sent_time));
    overlay_.peer_log().info(fmt::format("ping {} from {}: {:.2f} ms, {} hops", arrived.number, from,
                                         std::chrono::duration<double, std::milli>(latency).count(),
                                         arrived.hops));
  }
}

[[gnu::hot]] void OverlayRole::after(Now now) {
  if (!left_) {
    log_arrived(now);
    if (!requests().exit) step(now);
    if (overlay_.retired(now)) leave(0, "", now);
    if (requests().exit && !left_) leave(requests().exit->status, requests().exit->message, now);
  }
  const MonoTime own = std::min(role_deadline(), stats_at_);
  deadline_ = std::min(overlay_.next_deadline(), own);
  due_ = std::min(overlay_.early_deadline(), own);
}

void OverlayRole::leave(int status, const std::string& message, Now now) {
  if (left_) return;
  left_ = true;
  write_stats(now, true);
  overlay_.leave(status, message);
}

void OverlayRole::write_stats(Now now, bool final) {
  if (context_.stats == nullptr) return;
  StatsLine line(name(), overlay_.self(), now.wall);
  if (final) line.add("final", true);
  const Duration pause = context_.loop == nullptr ? Duration{} : context_.loop->pause_max;
  line.add("loop_pause_ms_max", std::chrono::duration<double, std::milli>(pause).count());
  add_stats(line, final);
  line.add_limits(overlay_.counters());
  line.add_rings(overlay_.rings());
  line.add_links(overlay_.links());
  const auto written = context_.stats->write(line.finish());
  if (written) return;
  context_.log.error(written.error().message + "; no more statistics are written");
  context_.stats = nullptr;
  stats_at_ = MonoTime::max();
}

}  // namespace ott
