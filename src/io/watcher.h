// libev's watchers as members: each watches for one member function of its owner, stops when it dies, and
// never moves, since libev keeps its address. Callbacks come from the loop only, one at a time.
#pragma once

#include <ev.h>

#include <chrono>

#include "ott/time.h"

namespace ott {

class IoWatcher {
 public:
  explicit IoWatcher(struct ev_loop* loop) noexcept : loop_(loop) { ev_init(&io_, nullptr); }
  ~IoWatcher() { ev_io_stop(loop_, &io_); }
  IoWatcher(const IoWatcher&) = delete;
  IoWatcher& operator=(const IoWatcher&) = delete;

  /// `events`: EV_READ, EV_WRITE or both. OnReady is a member `void f(int events)`.
  template <auto OnReady, class Owner>
  void start(Owner& owner, int fd, int events) noexcept {
    ev_io_stop(loop_, &io_);
    io_.data = &owner;
    ev_set_cb(&io_, [](struct ev_loop*, ev_io* io, int revents) {
      (static_cast<Owner*>(io->data)->*OnReady)(revents);
    });
    ev_io_set(&io_, fd, events);
    ev_io_start(loop_, &io_);
  }
  /// Changes what a started watcher waits for.
  void want(int events) noexcept {
    if (!ev_is_active(&io_) || (io_.events & (EV_READ | EV_WRITE)) == events) return;
    ev_io_stop(loop_, &io_);
    ev_io_modify(&io_, events);  // the kernel gets the new set once in a round
    ev_io_start(loop_, &io_);
  }
  void stop() noexcept { ev_io_stop(loop_, &io_); }
  [[nodiscard]] bool active() const noexcept { return ev_is_active(&io_); }

 private:
  struct ev_loop* loop_;
  ev_io io_{};
};

class TimerWatcher {
 public:
  explicit TimerWatcher(struct ev_loop* loop) noexcept : loop_(loop) { ev_init(&timer_, nullptr); }
  ~TimerWatcher() { ev_timer_stop(loop_, &timer_); }
  TimerWatcher(const TimerWatcher&) = delete;
  TimerWatcher& operator=(const TimerWatcher&) = delete;

  /// Once, after `delay` from now. OnTime is a member `void f()`.
  template <auto OnTime, class Owner>
  void start(Owner& owner, Duration delay) noexcept {
    ev_timer_stop(loop_, &timer_);
    timer_.data = &owner;
    ev_set_cb(&timer_,
              [](struct ev_loop*, ev_timer* timer, int) { (static_cast<Owner*>(timer->data)->*OnTime)(); });
    // libev counts from its own idea of now, which is from the start of this round of the loop.
    ev_now_update(loop_);
    ev_timer_set(&timer_, std::chrono::duration<double>(delay).count(), 0.);
    ev_timer_start(loop_, &timer_);
  }
  void stop() noexcept { ev_timer_stop(loop_, &timer_); }

 private:
  struct ev_loop* loop_;
  ev_timer timer_{};
};

/// Calls its owner in each round of the loop, after all events are dealt with and before it waits.
class RoundWatcher {
 public:
  /// What outlets do follows what the driver does: links come first.
  enum class Turn : int { Driver = 0, Outlet = -1 };

  explicit RoundWatcher(struct ev_loop* loop, Turn turn = Turn::Driver) noexcept : loop_(loop) {
    ev_init(&prepare_, nullptr);
    ev_set_priority(&prepare_, static_cast<int>(turn));
    ev_idle_init(&idle_, [](struct ev_loop*, ev_idle*, int) {});
  }
  ~RoundWatcher() {
    ev_prepare_stop(loop_, &prepare_);
    ev_idle_stop(loop_, &idle_);
  }
  RoundWatcher(const RoundWatcher&) = delete;
  RoundWatcher& operator=(const RoundWatcher&) = delete;

  /// OnRound is a member `void f()`.
  template <auto OnRound, class Owner>
  void start(Owner& owner) noexcept {
    prepare_.data = &owner;
    ev_set_cb(&prepare_, [](struct ev_loop*, ev_prepare* prepare, int) {
      (static_cast<Owner*>(prepare->data)->*OnRound)();
    });
    ev_prepare_start(loop_, &prepare_);
  }
  /// Whether the next round is to follow without waiting.
  void hurry(bool on) noexcept {
    if (on == ev_is_active(&idle_)) return;
    if (on) {
      ev_idle_start(loop_, &idle_);
    } else {
      ev_idle_stop(loop_, &idle_);
    }
  }

 private:
  struct ev_loop* loop_;
  ev_prepare prepare_{};
  ev_idle idle_{};
};

class SignalWatcher {
 public:
  explicit SignalWatcher(struct ev_loop* loop) noexcept : loop_(loop) { ev_init(&signal_, nullptr); }
  ~SignalWatcher() { ev_signal_stop(loop_, &signal_); }
  SignalWatcher(const SignalWatcher&) = delete;
  SignalWatcher& operator=(const SignalWatcher&) = delete;

  /// OnSignal is a member `void f(int number)`.
  template <auto OnSignal, class Owner>
  void start(Owner& owner, int number) noexcept {
    signal_.data = &owner;
    ev_set_cb(&signal_, [](struct ev_loop*, ev_signal* signal, int) {
      (static_cast<Owner*>(signal->data)->*OnSignal)(signal->signum);
    });
    ev_signal_set(&signal_, number);
    ev_signal_start(loop_, &signal_);
  }

 private:
  struct ev_loop* loop_;
  ev_signal signal_{};
};

}  // namespace ott
