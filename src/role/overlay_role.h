// What all roles are: a Machine whose links are an Overlay's, with statistics. A role adds its own work in
// step(), which is called whenever something has happened.
#pragma once

#include <functional>

#include "media/commands.h"
#include "overlay/overlay.h"
#include "role/api.h"
#include "role/command.h"
#include "role/host_lookup.h"
#include "role/retired_outlets.h"
#include "role/role.h"
#include "role/stream_hub.h"

namespace ott {

/// Whether a process does what it is there for.
struct Readiness {
  bool ready = false;
  std::string why;  // not; or how it is. A line for people
};

class OverlayRole : public Machine, private Commands, private Shown, private LocalLinks::Receiver {
 public:
  explicit OverlayRole(RoleContext& context);

  void begin(Now now) override;
  void listening(const NodeId& at, const std::optional<Error>& error, Now now) override;
  LinkId accepted(const NodeId& remote, Now now) override { return overlay_.accepted(remote, now); }
  void opened(LinkId link, const NodeId& local, Now now) override;
  void closed(LinkId link, std::string_view why, Now now) override;
  [[gnu::hot]] MutableByteSpan recv_slice(LinkId link) override { return overlay_.recv_slice(link); }
  [[gnu::hot]] void recv_advance(LinkId link, std::size_t bytes, Now now) override;
  ByteSpan send_slice(LinkId link, Now now) override { return overlay_.send_slice(link, now); }
  [[gnu::hot]] std::size_t send_slices(LinkId link, Now now, std::span<ByteSpan> pieces) override {
    return overlay_.send_slices(link, now, pieces);
  }
  void set_flight(LinkId link, const Flight& flight, Now now) override {
    overlay_.set_flight(link, flight, now);
  }
  [[gnu::hot]] bool send_advance(LinkId link, std::size_t bytes, Now now) override {
    return overlay_.send_advance(link, bytes, now);
  }
  void set_blocked(LinkId link, bool blocked, Now now) override { overlay_.set_blocked(link, blocked, now); }
  [[nodiscard, gnu::hot]] MonoTime next_deadline() const override {
    return std::min(deadline_, overlay_.held_until());
  }
  [[gnu::hot]] void tick(Now now) override;
  void signal(Signal signal, Now now) override;
  void worked(Now now) override { after(now); }
  [[gnu::hot]] Requests& requests() override { return overlay_.requests(); }

  /// A bootstrapper listens; any other process is linked with the overlay.
  [[nodiscard]] Readiness readiness() const;
  void reload(ReloadTold told, Now now) override;

 protected:
  /// The role's own work: something has happened, or the role's deadline has come.
  virtual void step(Now now) = 0;
  [[nodiscard]] virtual MonoTime role_deadline() const { return MonoTime::max(); }
  /// The role's name in statistics, and its own members of them.
  [[nodiscard]] virtual std::string_view name() const = 0;
  virtual void add_stats(class StatsLine&, bool /*final*/) {}
  /// From origins to the viewer that this process is; none if it is none.
  [[nodiscard]] virtual std::optional<DurationHistogram> latency() const { return std::nullopt; }
  [[nodiscard]] std::string why_not_ready() override;
  std::optional<ViewerFigures> own_viewer() override { return std::nullopt; }
  /// Has what a role of its own has read again where there is no configuration; false: it has nothing.
  /// reloaded() says what came of it.
  virtual bool reread() { return false; }
  /// Takes what a configuration has for the role itself. Returns what has changed, for people, or why nothing
  /// has.
  virtual Result<std::vector<std::string>> take_change(ConfigChange& /*change*/, Now /*now*/) {
    return std::vector<std::string>{};
  }
  /// The streams that begin here.
  [[nodiscard]] virtual std::vector<StreamSpec> published_specs() const { return {}; }
  /// What was read again is in use, or is not.
  void reloaded(const Result<std::string>& outcome);
  /// Does what a command asks for. Here: what every role can do.
  virtual CommandAnswer obey(const Command& command, Now now);
  /// Shows a line to whoever sits at this process's terminal.
  virtual void show_note(const std::string& /*text*/, Now /*now*/) {}
  /// The process is about to end: finishes what the role has taken on, such as frames that are to be written.
  /// Called until it is true, the last time with `give_up`. After that come the last statistics.
  virtual bool finish(bool /*give_up*/, Now) { return true; }
  /// Has step() called in this round of the loop: an input or an outlet has done something.
  void wake() { due_ = MonoTime{}; }
  /// Ends the process in good order. The first call decides with which status.
  void leave(int status, const std::string& message, Now now);

  /// Why this process is not attached.
  [[nodiscard]] std::string trouble() const;
  /// REQUIRES: begin() was called.
  RoleApi& api() { return *api_; }

  RoleContext& context_;
  Overlay overlay_;
  StreamHub hub_;

 private:
  CommandAnswer command(std::string_view line, Now now) override;
  void press(std::string_view line, Now now) override;
  void on_datagram(ByteSpan bytes, const IpAddress& from, Now now) override;
  void say_hello(Now now);
  void after(Now now);
  void look_up(Now now);
  void begin_outlets(Now now);
  Result<void> begin_outlet(Outlet& outlet, Now now);
  [[nodiscard]] bool finish_outlets(bool give_up, Now now);
  void begin_reload(Now now);
  void step_reload(Now now);
  void take_configuration(Now now);
  Result<std::string> apply(ConfigChange& change, Now now);
  void change_outlets(ConfigChange& change, Now now);
  void tell_supervisor(Now now);
  void say_that_it_ends();
  void add_outlets(class StatsLine& line) const;
  void report(Now now);
  void try_to_end(Now now);
  void end_as_asked(Now now);
  void log_arrived(Now now);
  void write_stats(Now now, bool final);
  [[nodiscard]] std::string stats_line(Now now, bool final);
  void add_all_but_links(class StatsLine& line, Now now, bool final);
  std::string stats_json(Now now) override { return stats_line(now, false); }
  Scrape scrape(Now now) override;
  /// In the next step: whoever asks for it is answered first.
  void drain(Now) override {
    drains_ = true;
    wake();
  }

  std::optional<RoleApi> api_;  // from begin() on
  MonoTime began_at_{};
  std::optional<HostLookup> lookup_;      // of --bootstrap or --node
  std::vector<HostLookup> join_lookups_;  // of --join

  // Computed after each event that may change them: records that only pass through do not.
  MonoTime deadline_{};
  MonoTime due_{};  // from this time on tick() has something to do
  MonoTime stats_at_ = MonoTime::max();
  std::optional<Requests::Exit> end_;  // the process is to end
  MonoTime give_up_at_{};              // and does not wait for finish() any longer then
  bool left_ = false;
  bool drains_ = false;

  RetiredOutlets retired_outlets_;         // ended before what they take streams from
  std::vector<ReloadTold> reload_wanted_;  // by whom; the next time
  std::vector<ReloadTold> reloading_;      // for whom it is under way
  bool reads_again_ = false;
  bool listens_ = false;
  bool is_up_ = false;     // and the supervisor knows it
  bool said_end_ = false;  // it does, too
  MonoTime up_at_{};       // whatever the overlay answers
  MonoTime look_at_{};     // for the supervisor
};

}  // namespace ott
