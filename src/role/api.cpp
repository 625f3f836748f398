#include "role/api.h"

#include <fmt/format.h>
#include <rapidjson/document.h>

#include <algorithm>
#include <array>

#include "media/http_token.h"
#include "media/text.h"
#include "role/command_answer.h"

namespace ott {
namespace {

constexpr Duration kAnswerTime = Looks::kAnswerTimeMax;
/// Somebody whom the origin does not know is looked for among guests.
constexpr Duration kWhyTime = kAnswerTime + WhyQuestion::kLookingMax;
constexpr Duration kFiguresInterval = std::chrono::seconds(1);

HttpResponse no_such_stream(std::string_view name) {
  return error_response(404, fmt::format("no stream '{}' is known here", to_utf8(name)));
}

/// The text of a member of the request's JSON object.
std::optional<std::string> text_in(const HttpRequest& request, const char* name) {
  rapidjson::Document body;
  body.Parse<rapidjson::kParseIterativeFlag>(request.body.data(), request.body.size());
  if (body.HasParseError() || !body.IsObject()) return std::nullopt;
  if (!body.HasMember(name) || !body[name].IsString()) return std::nullopt;
  return std::string(body[name].GetString(), body[name].GetStringLength());
}

HttpResponse metrics_response(std::string text) {
  HttpResponse response;
  response.fields = fmt::format("Content-Type: {}\r\nCache-Control: no-store\r\n", kMetricsType);
  response.text = std::move(text);
  return response;
}

HttpResponse change_response(const CommandAnswer& answer) {
  if (!answer.ok) return error_response(409, answer.words);
  return json_response(answer.json);
}

}  // namespace

RoleApi::RoleApi(Overlay& overlay, Shown& shown, Commands& commands, Workers* workers, Now now)
    : overlay_(overlay),
      shown_(shown),
      commands_(commands),
      log_(now.wall),
      overview_(overlay),
      events_(overlay, log_),
      metrics_(workers) {}

std::span<const RoleApi::Endpoint> RoleApi::endpoints() {
  static constexpr std::array kEndpoints = {
      Endpoint{"/api/v1/node", HttpMethod::Get, &RoleApi::node},
      Endpoint{"/api/v1/links", HttpMethod::Get, &RoleApi::links},
      Endpoint{"/api/v1/streams", HttpMethod::Get, &RoleApi::streams},
      Endpoint{"/api/v1/overlay", HttpMethod::Get, &RoleApi::overlay_graph},
      Endpoint{"/api/v1/routes", HttpMethod::Get, &RoleApi::routes},
      Endpoint{"/api/v1/why", HttpMethod::Get, &RoleApi::why},
      Endpoint{"/readyz", HttpMethod::Get, &RoleApi::ready},
      Endpoint{"/metrics", HttpMethod::Get, &RoleApi::metrics},
      Endpoint{"/api/v1/watch", HttpMethod::Post, &RoleApi::watch},
      Endpoint{"/api/v1/drain", HttpMethod::Post, &RoleApi::drain},
      Endpoint{"/api/v1/reload", HttpMethod::Post, &RoleApi::reload},
  };
  return kEndpoints;
}

const RoleApi::Endpoint* RoleApi::find(const HttpRequest& request) {
  const auto found = std::ranges::find(endpoints(), request.path, &Endpoint::path);
  return found == endpoints().end() ? nullptr : &*found;
}

bool RoleApi::has(const HttpRequest& request) const { return find(request) != nullptr; }

bool RoleApi::changes(const HttpRequest& request) const {
  return request.method == HttpMethod::Post && find(request)->method == HttpMethod::Post;
}

RoleApi::Answer RoleApi::answer(const HttpRequest& request, Now now) {
  const Endpoint* found = find(request);
  const HttpMethod method = request.method == HttpMethod::Head ? HttpMethod::Get : request.method;
  if (method == found->method) return (this->*found->answer)(request, now);
  const bool gets = found->method == HttpMethod::Get;
  return error_response(405, fmt::format("{} answers {}", request.path, gets ? "GET" : "POST"),
                        gets ? "Allow: GET, HEAD\r\n" : "Allow: POST\r\n");
}

// ---- what is known here ----------------------------------------------------------------------------------

RoleApi::Answer RoleApi::links(const HttpRequest&, Now) {
  StatsLine line;
  line.add_links(overlay_.links(), overlay_.measurements());
  return json_response(line.finish());
}

/// Somebody looks: origins are asked for viewers and rates, too.
void RoleApi::look(Now now) {
  if (overview_.look(now)) {
    figures_old_ = overlay_.figures().round();
    overview_.step(shown_.own_viewer(), now);
  }
  if (now.mono < figures_at_) return;
  figures_at_ = now.mono + kFiguresInterval;
  overlay_.figures().ask(now);
}

std::vector<std::string> RoleApi::screen(const ScreenSize& size, Now now) {
  look(now);
  return top_screen(overlay_, overview_, events_, size, now);
}

/// Whoever is the first to look for a while waits until there is something to be seen.
RoleApi::Answer RoleApi::tell_once(std::function<bool()> is_known, std::function<Answer(Now)> tell, Now now) {
  look(now);
  const MonoTime until = overview_.first_answers_until();
  if (now.mono >= until || is_known()) return tell(now);
  Waiting waiting;
  waiting.until = until;
  waiting.is_known = std::move(is_known);
  waiting.tell = std::move(tell);
  return wait(std::move(waiting));
}

RoleApi::Answer RoleApi::streams(const HttpRequest&, Now now) {
  const auto is_known = [this] { return overlay_.figures().round() != figures_old_; };
  return tell_once(
      is_known, [this](Now) { return tell_streams(); }, now);
}

HttpResponse RoleApi::tell_streams() const {
  JsonLine line;
  line.begin_list("streams");
  for (const KnownStream& stream : overlay_.streams()) {
    line.begin();
    add_stream(line, stream, overlay_.figures().of(stream.info.id));
    line.end();
  }
  line.end_list();
  return json_response(line.finish());
}

RoleApi::Answer RoleApi::overlay_graph(const HttpRequest&, Now now) {
  return tell_once([this] { return overview_.knows_overlay(); },
                   [this](Now) { return json_response(overview_.overlay_json()); }, now);
}

RoleApi::Answer RoleApi::routes(const HttpRequest& request, Now now) {
  const auto parameter = request.parameter("stream");
  const auto wanted = parameter ? std::optional(std::string(*parameter)) : std::nullopt;
  const auto is_known = [this, wanted] {
    return std::ranges::all_of(overlay_.streams(), [&](const KnownStream& stream) {
      return stream.info.on_request || (wanted && stream.info.name != *wanted) ||
             overview_.knows_figures_of(stream.info.id);
    });
  };
  return tell_once(
      is_known, [this, wanted](Now at) { return tell_routes(wanted, at); }, now);
}

HttpResponse RoleApi::tell_routes(const std::optional<std::string>& wanted, Now now) const {
  bool any = false;
  JsonLine line;
  line.begin_list("routes");
  for (const KnownStream& stream : overlay_.streams()) {
    if (stream.info.on_request || (wanted && stream.info.name != *wanted)) continue;
    any = true;
    const auto known = overview_.routes().find(stream.info.id);
    line.begin();
    line.add("stream", stream.info.name).add("id", to_string(stream.info.id));
    line.add("origin", to_string(stream.origin));
    if (known == overview_.routes().end()) {
      line.add_null("age_ms");
      line.begin_list("tree");
      line.end_list();
    } else {
      line.add_milliseconds("age_ms", now.mono - known->second.at);
      add_tree(line, known->second.route);
    }
    line.begin_list("viewers");
    if (known != overview_.routes().end()) add_viewers(line, known->second.route);
    line.end_list();
    line.end();
  }
  line.end_list();
  if (wanted && !any) return no_such_stream(*wanted);
  return json_response(line.finish());
}

void RoleApi::add_viewers(JsonLine& line, const Route& route) const {
  for (std::size_t i = 0; i < route.tree.entries.size(); ++i) {
    if (route.viewers[i] == 0) continue;
    const NodeId& node = route.tree.entries[i].node;
    for (const ViewerFigures& viewer : overview_.viewers(node)) {
      if (viewer.stream != route.stream) continue;
      line.begin();
      line.add("node", to_string(node));
      add_viewer(line, viewer);
      line.end();
    }
  }
}

RoleApi::Answer RoleApi::ready(const HttpRequest&, Now) {
  const std::string why_not = shown_.why_not_ready();
  return why_not.empty() ? text_response(200, "ok") : text_response(503, to_utf8(why_not));
}

// ---- what takes its time -------------------------------------------------------------------------------

HttpWait RoleApi::wait(Waiting waiting) {
  waiting_[++waits_] = std::move(waiting);
  return {waits_};
}

/// All that ask while one scrape is put into words get the same.
RoleApi::Answer RoleApi::metrics(const HttpRequest&, Now now) {
  if (!metrics_.busy()) metrics_.begin(shown_.scrape(now));
  Waiting waiting;
  waiting.until = now.mono + kAnswerTime;
  waiting.missing = "no worker has had time for it";
  waiting.scrapes = true;
  return wait(std::move(waiting));
}

RoleApi::Answer RoleApi::node(const HttpRequest& request, Now now) {
  const auto of = request.parameter("of");
  if (!of) return json_response(shown_.stats_json(now));
  const std::string who(*of);
  if (who.empty() || who.size() > kNameBytesMax) return error_response(400, "of: no id or name of a node");
  if (overview_.node_called(who)) return ask_node(who, now);
  return tell_once([this] { return overview_.knows_overlay(); },
                   [this, who](Now at) { return ask_node(who, at); }, now);
}

RoleApi::Answer RoleApi::ask_node(const std::string& who, Now now) {
  const std::string name = to_utf8(who);
  const auto id = overview_.node_called(who);
  if (!id) return error_response(404, fmt::format("no node '{}' is known here", name));
  if (overlay_.self() == *id) return json_response(shown_.stats_json(now));
  if (const Looks::Number number = overlay_.looks().ask(*id, LookAt::Node, now))
    return wait(
        {number, nullptr, {}, who, now.mono + kAnswerTime, fmt::format("'{}' has not answered", name)});
  if (overlay_.link_states().find(*id) == nullptr && !overlay_.is_guest())
    return error_response(404, fmt::format("no node '{}' is known here", name));
  return error_response(503, fmt::format("'{}' cannot be asked now: there is no way to it", name));
}

RoleApi::Answer RoleApi::why(const HttpRequest& request, Now now) {
  const auto name = request.parameter("stream");
  if (!name) return error_response(400, "stream: which one is it about?");
  const std::string node(request.parameter("node").value_or(""));
  if (node.size() > kNameBytesMax) return error_response(400, "node: too long for an id or a name");
  const KnownStream* stream = stream_called(overlay_.streams(), std::string(*name));
  if (stream == nullptr) return no_such_stream(*name);
  Waiting waiting;
  waiting.why = ask_why(*stream, node, now);
  waiting.stream = stream->info.name;
  waiting.node = node;
  waiting.until = now.mono + kWhyTime;
  waiting.missing = fmt::format("the origin of '{}' has not answered", to_utf8(stream->info.name));
  return wait(std::move(waiting));
}

HttpResponse RoleApi::why_response(const Waiting& waiting, const Origin::Why& why) {
  const std::string words = why.lines.empty() ? "the origin says nothing of it" : why.lines.front();
  switch (why.outcome) {
    case WhyOutcome::UnknownNode:
    case WhyOutcome::UnknownStream:
      return error_response(404, words);
    case WhyOutcome::Busy:
      return error_response(503, words);
    case WhyOutcome::Answered:
    case WhyOutcome::NotInTree:
      break;
  }
  JsonLine line;
  line.add("stream", waiting.stream).add("node", waiting.node);
  line.begin_list("lines");
  for (const std::string& each : why.lines) line.item(each);
  line.end_list();
  return json_response(line.finish());
}

std::optional<HttpResponse> RoleApi::awaited(HttpWait wait, Now now) {
  const auto found = waiting_.find(wait.number);
  if (found == waiting_.end()) return error_response(504, "nobody has answered");
  Waiting& waiting = found->second;
  if (waiting.tell && (waiting.is_known() || now.mono >= waiting.until)) {
    Answer answer = std::exchange(waiting.tell, nullptr)(now);
    if (auto* told = std::get_if<HttpResponse>(&answer)) {
      waiting.response = std::move(*told);
    } else {
      auto next = waiting_.extract(std::get<HttpWait>(answer).number);
      waiting = std::move(next.mapped());  // somebody has to be asked for it
    }
  }
  std::optional<HttpResponse> response = std::move(waiting.response);
  if (const auto why = waiting.why ? waiting.why->answer(now) : std::nullopt)
    response = why_response(waiting, *why);
  if (!response && now.mono >= waiting.until) response = error_response(504, waiting.missing);
  if (response) waiting_.erase(found);
  return response;
}

// ---- what changes something ------------------------------------------------------------------------------

RoleApi::Answer RoleApi::watch(const HttpRequest& request, Now now) {
  const auto stream = text_in(request, "stream");
  if (!stream) return error_response(400, R"(the content is {"stream": "NAME"}, in JSON)");
  if (stream->empty() || stream->size() > kNameBytesMax || has_control_character(*stream))
    return error_response(400, fmt::format("stream: a name is text of 1 to {} bytes", kNameBytesMax));
  return change_response(commands_.command("watch " + *stream, now));
}

RoleApi::Answer RoleApi::drain(const HttpRequest&, Now now) {
  shown_.drain(now);
  return change_response(done("leaving"));
}

RoleApi::Answer RoleApi::reload(const HttpRequest&, Now now) {
  Waiting waiting;
  waiting.until = now.mono + kAnswerTime;
  waiting.missing = "it is still being read";
  const HttpWait waits = wait(std::move(waiting));
  shown_.reload(
      [this, number = waits.number](const Result<std::string>& outcome) {
        const auto found = waiting_.find(number);
        if (found == waiting_.end()) return;
        found->second.response = change_response(outcome ? done(*outcome) : refused(outcome.error().message));
      },
      now);
  return waits;
}

// ---- in the course of time -------------------------------------------------------------------------------

void RoleApi::answer_others(Now now) {
  for (const Looks::Asked& asked : overlay_.looks().take_asked()) {
    std::string json;
    switch (asked.at) {
      case LookAt::Node:
        json = shown_.stats_json(now);
        break;
      case LookAt::Routes:
        json = routes_json(own_routes(overlay_));
        break;
      case LookAt::Viewers:
        json = overview_.own_viewers_json(shown_.own_viewer(), now);
        break;
      case LookAt::Overlay:
        json = asked.by_guest ? overview_.overlay_json_for_guest(asked.asker, now)
                              : overlay_json(overlay_, overlay_.self(), {});
        break;
    }
    overlay_.looks().answer(asked, std::move(json));
  }
}

void RoleApi::take_answers(Now now) {
  for (const Looks::Answer& answer : overlay_.looks().take_answers()) {
    if (overview_.take(answer, now)) continue;
    const auto is_it = [&answer](const auto& entry) { return entry.second.look == answer.number; };
    const auto found = std::ranges::find_if(waiting_, is_it);
    if (found != waiting_.end()) found->second.response = json_response(answer.json);
  }
}

void RoleApi::take_metrics() {
  const auto text = metrics_.take();
  if (!text) return;
  for (auto& [number, waiting] : waiting_) {
    if (waiting.scrapes) waiting.response = metrics_response(*text);
  }
}

void RoleApi::step(Now now) {
  answer_others(now);
  take_answers(now);
  take_metrics();
  if (!serves_) return;
  if (log_.is_read(now)) look(now);
  if (now.mono >= overview_.next_deadline()) overview_.step(shown_.own_viewer(), now);
  if (events_.step(overview_, now)) overview_.on_graph_changed(now);
}

MonoTime RoleApi::next_deadline() const {
  return serves_ ? std::min(overview_.next_deadline(), events_.next_deadline()) : MonoTime::max();
}

}  // namespace ott
