// What happens, as server-sent events (HTML standard, section 9.2): /api/v1/events.
//
//     id: 178431200000017
//     data: {"time":1784312345.678,"kind":"node-gone","text":"n6 is gone","node":"10.0.0.6"}
//
// Ids go up by one. They begin with the time at which the process began, so that those of an earlier run are
// older than all of this one's. A reader that comes again names the last one that it has. No I/O.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

#include "media/live_content.h"

namespace ott {

/// The events of a process, those of late. They are there whether somebody reads them or not.
class EventLog {
 public:
  static constexpr std::size_t kKeptMax = 1'000;
  /// How many a reader gets first that names none.
  static constexpr std::uint64_t kFirstMax = 50;

  explicit EventLog(WallTime began);
  /// `json`: an object in one line.
  void add(std::string_view json);
  /// For readers that wait: something comes each 10 s, so that they know that the process is there.
  void step(Now now);
  /// True while somebody reads them.
  [[nodiscard]] bool is_read(Now now) const { return now.mono < read_until_; }

 private:
  friend class LiveEvents;
  [[nodiscard]] std::uint64_t next_id() const { return oldest_id_ + events_.size(); }

  std::deque<LiveBytes> events_;
  std::uint64_t oldest_id_;  // that is kept; the next one, where none is
  unsigned comments_ = 0;    // so far: each reader is sent the last one, and none is kept
  MonoTime last_at_{};
  MonoTime read_until_{};
};

class LiveEvents final : public LiveContent {
 public:
  explicit LiveEvents(EventLog& log) : log_(log) {}

  void step(Now now) override { log_.step(now); }
  [[nodiscard]] std::string content_type() const override { return "text/event-stream"; }
  [[nodiscard]] std::string why_nothing() const override { return ""; }
  [[nodiscard]] LiveCursor begin() const override { return begin_after(""); }
  [[nodiscard]] LiveCursor begin_after(std::string_view last_id) const override;
  /// A reader that is too slow, or has come back too late, is told how many it has missed.
  LiveBytes next(LiveCursor& cursor, Now now) override;
  [[nodiscard]] bool has_ended(const LiveCursor&) const override { return false; }
  [[nodiscard]] std::uint64_t count() const override { return log_.next_id() + log_.comments_; }

 private:
  EventLog& log_;
};

}  // namespace ott
