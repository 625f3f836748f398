#include "media/live_events.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace ott {
namespace {

constexpr Duration kCommentInterval = std::chrono::seconds(10);
constexpr Duration kReadFor = kCommentInterval + std::chrono::seconds(5);
/// More ids than a process has in a second, and few enough for JavaScript's numbers.
constexpr std::uint64_t kIdsPerSecond = 100'000;
/// How long a reader waits before it comes again, in ms.
constexpr std::string_view kHead = "retry: 1000\n\n";

LiveBytes to_bytes(std::string_view text) {
  return std::make_shared<const std::vector<std::uint8_t>>(text.begin(), text.end());
}

}  // namespace

EventLog::EventLog(WallTime began)
    : oldest_id_(static_cast<std::uint64_t>(
                     std::chrono::duration_cast<std::chrono::seconds>(began.time_since_epoch()).count()) *
                 kIdsPerSecond) {}

void EventLog::add(std::string_view json) {
  events_.push_back(to_bytes(fmt::format("id: {}\ndata: {}\n\n", next_id(), json)));
  if (events_.size() <= kKeptMax) return;
  events_.pop_front();
  ++oldest_id_;
}

void EventLog::step(Now now) {
  if (now.mono - last_at_ < kCommentInterval) return;
  last_at_ = now.mono;
  ++comments_;
}

/// A cursor's place is the id of the event that it is sent next; its generation, how many comments there
/// were.
LiveCursor LiveEvents::begin_after(std::string_view last_id) const {
  LiveCursor cursor;
  const std::uint64_t end = log_.next_id();
  cursor.next = end - std::min(EventLog::kFirstMax, end - log_.oldest_id_);
  cursor.generation = log_.comments_;
  cursor.history = 1;  // it has been told of none that it has missed
  if (last_id.empty()) return cursor;
  std::uint64_t last = 0;
  const auto [rest, error] = std::from_chars(last_id.begin(), last_id.end(), last);
  if (error != std::errc() || rest != last_id.end()) {
    // No id of this log: what the reader has is not known.
    cursor.next = log_.oldest_id_;
    cursor.skipped = 1;
    return cursor;
  }
  // One that is still to come is of a run whose clock was ahead: what it has missed is not known.
  cursor.next = last < end ? std::max(last + 1, log_.oldest_id_) : end;
  cursor.skipped = last < end ? cursor.next - (last + 1) : 1;
  return cursor;
}

LiveBytes LiveEvents::next(LiveCursor& cursor, Now now) {
  log_.read_until_ = now.mono + kReadFor;
  if (cursor.head == nullptr) return cursor.head = to_bytes(kHead);
  if (cursor.next < log_.oldest_id_) {
    cursor.skipped += log_.oldest_id_ - cursor.next;
    cursor.next = log_.oldest_id_;
    cursor.history = 1;
  }
  if (cursor.skipped > 0 && cursor.history == 1) {
    cursor.history = 0;
    const double time = std::chrono::duration<double>(now.wall.time_since_epoch()).count();
    return to_bytes(fmt::format(
        "data: {{\"time\":{:.3f},\"kind\":\"missed\",\"text\":\"events were missed here\"}}\n\n", time));
  }
  if (cursor.next < log_.next_id())
    return log_.events_[static_cast<std::size_t>(cursor.next++ - log_.oldest_id_)];
  if (cursor.generation == log_.comments_) return nullptr;
  cursor.generation = log_.comments_;
  return to_bytes(": nothing new\n\n");
}

}  // namespace ott
