// What this process answers to programs (openapi.yaml): itself, the overlay as it knows it, and what it asks
// others for. Made when a server is there that may be asked; LOOK is answered without one, too.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>

#include "media/api.h"
#include "media/commands.h"
#include "role/metrics.h"
#include "role/overlay_events.h"
#include "role/overview.h"
#include "role/stats.h"
#include "role/top.h"
#include "role/why_question.h"

namespace ott {

/// What the role says of itself.
class Shown {
 public:
  virtual ~Shown() = default;
  /// A line of --stats.
  virtual std::string stats_json(Now now) = 0;
  /// What /metrics is made of.
  virtual Scrape scrape(Now now) = 0;
  /// How this process is served as a viewer; none if it is none.
  virtual std::optional<ViewerFigures> own_viewer() = 0;
  /// Why it has no place in the overlay yet; empty: it has.
  virtual std::string why_not_ready() = 0;
  /// Has it leave in good order.
  virtual void drain(Now now) = 0;
  /// Gets what has changed, for people, or why nothing has.
  using ReloadTold = std::function<void(const Result<std::string>& outcome)>;
  /// Reads again what the process is to do, as SIGHUP has it: all of it is checked before anything changes.
  /// `told` may be null; else it is called once, on the loop, and perhaps before this returns. What has asked
  /// may be one of the outlets that end by it.
  virtual void reload(ReloadTold told, Now now) = 0;
};

class RoleApi final : public Api {
 public:
  /// `workers` outlives it.
  RoleApi(Overlay& overlay, Shown& shown, Commands& commands, Workers* workers, Now now);

  [[nodiscard]] bool has(const HttpRequest& request) const override;
  [[nodiscard]] bool changes(const HttpRequest& request) const override;
  std::variant<HttpResponse, HttpWait> answer(const HttpRequest& request, Now now) override;
  std::optional<HttpResponse> awaited(HttpWait wait, Now now) override;
  void forget(HttpWait wait) override { waiting_.erase(wait.number); }
  EventLog& events() override { return log_; }

  /// A server may ask from now on: what happens is noted.
  void serve() { serves_ = true; }
  /// The overview as a terminal shows it; what it needs is asked for, for the next time.
  std::vector<std::string> screen(const ScreenSize& size, Now now);
  /// Asks why the stream goes to a node or guest the way it does. REQUIRES: serve() was called.
  std::unique_ptr<WhyQuestion> ask_why(const KnownStream& stream, const std::string& who, Now now) {
    return std::make_unique<WhyQuestion>(overlay_, overview_, stream, who, now);
  }
  void step(Now now);
  [[nodiscard]] MonoTime next_deadline() const;

 private:
  using Answer = std::variant<HttpResponse, HttpWait>;
  struct Endpoint {
    std::string_view path;
    HttpMethod method;
    Answer (RoleApi::*answer)(const HttpRequest&, Now);
  };
  static std::span<const Endpoint> endpoints();
  static const Endpoint* find(const HttpRequest& request);
  struct Waiting {
    Looks::Number look = 0;
    std::unique_ptr<WhyQuestion> why;
    std::string stream;
    std::string node;
    MonoTime until;
    std::string missing;  // what is said when nothing has come until then
    bool scrapes = false;
    std::optional<HttpResponse> response{};
    /// What is to be told once it is known, or as far as it is known then.
    std::function<bool()> is_known{};
    std::function<Answer(Now)> tell{};
  };
  Answer node(const HttpRequest& request, Now now);
  Answer links(const HttpRequest& request, Now now);
  Answer streams(const HttpRequest& request, Now now);
  Answer overlay_graph(const HttpRequest& request, Now now);
  Answer routes(const HttpRequest& request, Now now);
  Answer why(const HttpRequest& request, Now now);
  Answer ready(const HttpRequest& request, Now now);
  Answer metrics(const HttpRequest& request, Now now);
  Answer watch(const HttpRequest& request, Now now);
  Answer drain(const HttpRequest& request, Now now);
  Answer reload(const HttpRequest& request, Now now);
  void add_viewers(JsonLine& line, const Route& route) const;
  static HttpResponse why_response(const Waiting& waiting, const Origin::Why& why);
  HttpWait wait(Waiting waiting);
  Answer tell_once(std::function<bool()> is_known, std::function<Answer(Now)> tell, Now now);
  Answer ask_node(const std::string& who, Now now);
  [[nodiscard]] HttpResponse tell_streams() const;
  [[nodiscard]] HttpResponse tell_routes(const std::optional<std::string>& wanted, Now now) const;
  void look(Now now);
  void answer_others(Now now);
  void take_answers(Now now);
  void take_metrics();

  Overlay& overlay_;
  Shown& shown_;
  Commands& commands_;
  EventLog log_;
  Overview overview_;
  OverlayEvents events_;
  Metrics metrics_;
  bool serves_ = false;
  MonoTime figures_at_{};     // when origins are asked for viewers and rates next
  unsigned figures_old_ = 0;  // the round that was the last one when somebody began to look
  std::map<std::uint64_t, Waiting> waiting_;
  std::uint64_t waits_ = 0;
};

}  // namespace ott
