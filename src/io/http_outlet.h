// Our HTTP server (--http): shows streams to browsers and whatever else speaks HTTP, as media/http_site.h
// says. Bounded in connections, in what each may send and take its time for, and in what viewers that are
// stuck can hold.
//
// Pictures are sent at the end of a round of the loop, after the overlay's links have got theirs.
#pragma once

#include <ev.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "io/http_connection.h"
#include "io/http_streams.h"
#include "io/outlets.h"
#include "io/viewer_log.h"
#include "io/watcher.h"
#include "media/outlet.h"
#include "ott/log.h"
#include "ott/repeated_warning.h"

namespace ott {

class HttpOutlet final : public Outlet, private HttpServer {
 public:
  static constexpr std::size_t kConnectionsMax = 4096;
  /// More than these are told that they are too many; more than that are closed without a word.
  static constexpr std::size_t kRefusedMax = 64;
  /// Pictures that are kept only since somebody is in the middle of one.
  static constexpr std::size_t kHeldBytesMax = std::size_t{64} << 20U;
  static constexpr std::size_t kBytesPerRound = std::size_t{8} << 20U;

  /// `where`: [ADDRESS:]PORT. The error says what is right.
  static Result<std::unique_ptr<HttpOutlet>> open(std::string_view where, HttpSiteOptions site,
                                                  struct ev_loop* loop, Listeners& listeners, Log& log);
  ~HttpOutlet() override;
  HttpOutlet(const HttpOutlet&) = delete;
  HttpOutlet& operator=(const HttpOutlet&) = delete;

  void take_commands(Commands& commands) override { commands_ = &commands; }
  bool take_api(Api& api) override {
    api_ = &api;
    return true;
  }
  Result<void> begin(WatchableStreams& streams, Now now) override;
  bool finish(bool give_up, Now now) override;
  [[nodiscard]] OutletFigures figures() const override;
  [[nodiscard]] bool serves_others() const override { return true; }
  [[nodiscard]] std::vector<std::string> report() const override;

 private:
  HttpOutlet(NodeId at, HttpSiteOptions site, struct ev_loop* loop, Listeners& listeners, Log& log);

  HttpAction answer(const HttpRequest& request, const NodeId& remote) override;
  [[nodiscard]] const HttpSiteOptions& site() const override { return site_; }
  HttpStream& join(const std::string& stream, HttpConnection& connection) override;
  void leave(HttpStream& stream, HttpConnection& connection) override;
  HttpLive& join(const HttpFollow& wanted, HttpConnection& connection) override;
  void leave(HttpLive& live, HttpConnection& connection) override { HttpStreams::leave(live, connection); }
  std::optional<HttpResponse> awaited(HttpWait wait) override;
  void forget(HttpWait wait) override { api_->forget(wait); }
  void asks(HttpConnection& connection, bool asks) override;
  void later(HttpConnection& connection) override { later_.push_back(&connection); }
  void at(MonoTime due) override;
  void reads(HttpConnection& connection, bool reads) override;
  void watches(const HttpConnection& connection) override;
  void closed(HttpConnection& connection, const std::string& why) override;
  HttpFigures& sums() override { return sums_; }

  void accept_ready(int events);
  void accept_again();
  void take(Fd fd, const NodeId& remote, Now now);
  void round();
  void send_pictures(Now now);
  void send_now(HttpStream& stream);
  void bound_what_is_held();
  void pictures_due();
  void second();
  void reap();

  NodeId at_;
  HttpSiteOptions site_;
  Commands* commands_ = nullptr;
  Api* api_ = nullptr;
  struct ev_loop* loop_;
  Listeners& listeners_;
  void note_change(const HttpRequest& request, const HttpAction& action, const NodeId& remote);
  void note_refusal(const HttpRequest& request, std::string_view why, const NodeId& remote);

  Log& log_;
  ViewerLog viewer_log_;
  std::string name_;  // for the log and statistics
  std::size_t connections_max_ = kConnectionsMax;
  std::shared_ptr<const Fd> listener_;
  IoWatcher listener_watcher_;
  TimerWatcher accept_pause_;
  TimerWatcher second_timer_;  // while there are connections
  TimerWatcher due_timer_;     // for viewers with a limit on their rate
  MonoTime due_at_ = MonoTime::max();
  RoundWatcher round_;
  std::unique_ptr<HttpStreams> streams_;
  // Destroyed before the streams that they take.
  HttpConnection::List reading_;  // without a whole request, the one that has been so for longest first
  HttpConnection::List busy_;
  HttpConnection::List dead_;
  std::vector<HttpConnection*> later_;
  std::vector<HttpConnection*> asking_;  // that wait for an answer of another process
  std::vector<HttpConnection*> turn_;    // to be sent pictures, while that is done
  std::size_t next_turn_ = 0;            // where a round has ended with some of them left
  bool due_ = false;                     // somebody who had to wait may have a picture
  bool ending_ = false;
  std::size_t viewers_ = 0;
  std::uint64_t refused_ = 0;  // connections, or those that gave way to them
  std::uint64_t changes_refused_ = 0;
  RepeatedWarning refusal_warning_;
  HttpFigures sums_;
  MonoTime warn_of_accept_at_{};
};

extern const OutletSpec kHttpOutlet;

}  // namespace ott
