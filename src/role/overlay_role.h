// What all roles are: a Machine whose links are an Overlay's, with statistics. A role adds its own work in
// step(), which is called whenever something has happened.
#pragma once

#include "media/commands.h"
#include "overlay/overlay.h"
#include "role/command.h"
#include "role/host_lookup.h"
#include "role/role.h"
#include "role/stream_hub.h"

namespace ott {

class OverlayRole : public Machine, private Commands, private LocalLinks::Receiver {
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

 protected:
  /// The role's own work: something has happened, or the role's deadline has come.
  virtual void step(Now now) = 0;
  [[nodiscard]] virtual MonoTime role_deadline() const { return MonoTime::max(); }
  /// The role's name in statistics, and its own members of them.
  [[nodiscard]] virtual std::string_view name() const = 0;
  virtual void add_stats(class StatsLine&, bool /*final*/) {}
  virtual void reload(Now) {}
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
  [[nodiscard]] bool finish_outlets(bool give_up, Now now) const;
  void add_outlets(class StatsLine& line) const;
  void report(Now now);
  void try_to_end(Now now);
  void end_as_asked(Now now);
  void log_arrived(Now now);
  void write_stats(Now now, bool final);

  std::optional<HostLookup> lookup_;      // of --bootstrap or --node
  std::vector<HostLookup> join_lookups_;  // of --join

  // Computed after each event that may change them: records that only pass through do not.
  MonoTime deadline_{};
  MonoTime due_{};  // from this time on tick() has something to do
  MonoTime stats_at_ = MonoTime::max();
  std::optional<Requests::Exit> end_;  // the process is to end
  MonoTime give_up_at_{};              // and does not wait for finish() any longer then
  bool left_ = false;
};

}  // namespace ott
