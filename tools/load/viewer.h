// One viewer: a connection, how fast it reads, and what its session makes of the bytes. Payload is discarded
// in the kernel. It runs on the loop of its crowd and reports to it by ViewerEvents, which the crowd only
// notes.
#pragma once

#include <memory>
#include <string>

#include "io/fd.h"
#include "io/watcher.h"
#include "session.h"

namespace ott::load {

/// What viewers tell their crowd.
class ViewerEvents {
 public:
  virtual ~ViewerEvents() = default;
  virtual void playing() = 0;  // the first frame is whole
  virtual void ended(const std::string& why) = 0;
};

class Viewer {
 public:
  Viewer(struct ev_loop* loop, ViewerEvents& events) : loop_(loop), events_(events), watcher_(loop) {}

  /// Connects from `from`, if given, with a new session.
  void connect(const NodeId& to, const std::optional<IpAddress>& from, std::unique_ptr<Session> session);
  /// Sends BYE, where the protocol has such a message.
  void disconnect();
  /// Sends a hello.
  void beat();

  /// For the connections from now on.
  void set_receive_buffer(std::size_t bytes) { receive_buffer_bytes_ = bytes; }
  /// Reads no more than this from now on.
  void set_rate(double bytes_per_second);
  /// Reads nothing until resume().
  void pause();
  void resume();

  [[nodiscard]] FrameTally& tally() { return tally_; }
  [[nodiscard]] bool connected() const { return connected_; }
  [[nodiscard]] bool playing() const { return connected_ && tally_.seen_any(); }

 private:
  void ready(int events);
  void finish_connect();
  void receive();
  bool receive_once();
  Result<void> parse(ByteSpan bytes);
  void frame_is_whole();
  void flush();
  void refill();
  void end(const std::string& why);
  [[nodiscard]] int wanted_events() const;
  [[nodiscard]] std::size_t limited(std::size_t bytes) const;

  struct ev_loop* loop_;
  ViewerEvents& events_;
  FrameTally tally_;
  std::unique_ptr<Session> session_;
  Fd fd_;
  IoWatcher watcher_;
  std::unique_ptr<TimerWatcher> rate_timer_;  // of a slow one
  std::size_t receive_buffer_bytes_ = 0;
  double rate_ = 0;  // bytes a second; 0: as they come
  double allowance_ = 0;
  MonoTime refilled_at_{};
  std::vector<std::uint8_t> pending_;  // an incomplete message
  std::size_t discard_ = 0;
  std::optional<FrameEnd> ends_;
  bool connected_ = false;
  bool connecting_ = false;
  bool paused_ = false;
  bool blocked_ = false;
  bool frame_came_ = false;
};

/// The clocks, for what this program measures.
MonoTime mono_now();
WallTime wall_now();

}  // namespace ott::load
