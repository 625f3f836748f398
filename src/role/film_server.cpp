#include "role/film_server.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "ott/text.h"

namespace ott {

/// A film that is listed, or is about to be.
struct FilmServer::Offered {
  Film film;
  StreamInfo info;
  bool announced = false;
  std::unique_ptr<FilmSurveying> surveying;  // null when it is done
  std::uint64_t frames = 0;                  // of sessions that are over
  std::uint64_t refused = 0;
  std::string refusal;
  RepeatedWarning refusals;
};

namespace {

/// The file and the options of a film's SOURCE, which is text that outlives what is returned.
Result<SourceSpec> parse_film(std::string_view source) {
  auto parsed = parse_source(source.substr(kFilmPrefix.size()));
  if (parsed && !parsed->options.at_end) parsed->options.at_end = AtEnd::End;
  return parsed;
}

}  // namespace

Result<OpenedSource> open_film(const std::string& source) {
  const auto parsed = parse_film(source);
  if (!parsed) return tl::unexpected<Error>(parsed.error());
  auto clip = ClipSource::open(std::string(parsed->name), parsed->options);
  if (!clip) return tl::unexpected<Error>(clip.error());
  return OpenedSource{std::move(*clip), nullptr};
}

FilmServer::FilmServer(Overlay& overlay, RoleContext& context) : overlay_(overlay), context_(context) {}
FilmServer::~FilmServer() = default;

Result<FilmServer::Offered*> FilmServer::open(OpenedStream stream) {
  const StreamSpec& spec = stream.spec;
  if (stream.source.pictures == nullptr) {
    auto opened = open_film(spec.source);
    if (!opened) return fail(fmt::format("stream '{}': {}", spec.name, opened.error().message));
    stream.source = std::move(*opened);
  }
  const std::string path(parse_film(spec.source)->name);
  auto offered = std::make_unique<Offered>();
  offered->film = {spec.name, path, stream.source.pictures->info(), nullptr};
  StreamInfo& info = offered->info;
  info.name = spec.name;
  info.kind = "vod";
  info.width = offered->film.source.width;
  info.height = offered->film.source.height;
  info.fps_milli = static_cast<std::uint32_t>(std::lround(offered->film.source.fps * 1000));
  info.metric = spec.metric;
  info.on_request = true;
  offered->surveying = std::make_unique<FilmSurveying>(path, *context_.workers);
  films_.push_back(std::move(offered));
  return films_.back().get();
}

Result<void> FilmServer::announce(Offered& offered, std::uint32_t generation) {
  overlay_.films().serve();
  const auto id = overlay_.origin().add_stream(offered.info, generation);
  if (!id) return tl::unexpected(id.error());
  offered.announced = true;
  offered.info.id = *id;
  context_.log.info(fmt::format("stream '{}': a film on request, {}x{} at {} frames/s", offered.info.name,
                                offered.info.width, offered.info.height, offered.film.source.fps));
  return {};
}

void FilmServer::close(Offered& film) {
  std::erase_if(sessions_, [&film](const Session& each) { return each.of == &film; });
  if (film.announced) overlay_.origin().withdraw(film.info.id);
  std::erase_if(films_, [&film](const auto& each) { return each.get() == &film; });
}

/// One film after the other; those first that somebody waits for.
void FilmServer::survey() {
  const auto surveyed = [](const auto& offered) {
    return offered->surveying == nullptr || !offered->announced;
  };
  const auto waits = [this](const Offered& offered) {
    return std::ranges::any_of(sessions_, [&](const Session& each) { return each.of == &offered; });
  };
  while (true) {
    auto next = std::ranges::find_if(
        films_, [&](const auto& offered) { return !surveyed(offered) && waits(*offered); });
    if (next == films_.end()) next = std::ranges::find_if_not(films_, surveyed);
    if (next == films_.end()) return;
    Offered& offered = **next;
    const auto survey = offered.surveying->step();
    if (survey == nullptr) return;
    offered.surveying.reset();
    offered.film.survey = survey;
    offered.info.duration_ms = offered.film.ms_of(survey->index.frames());
    overlay_.origin().describe(offered.info.id, offered.info);
    context_.log.info(fmt::format("stream '{}': {}, {:.1f} s", offered.info.name,
                                  counted(survey->index.frames(), "frame"),
                                  offered.info.duration_ms / 1000.0));
    if (survey->faults > 0)
      context_.log.warning(fmt::format("stream '{}': {} in its file {} no frame, the first: {}",
                                       offered.info.name, counted(survey->faults, "place"),
                                       survey->faults == 1 ? "is" : "are", survey->fault));
  }
}

void FilmServer::step(Now now) {
  survey();
  for (const FilmRequest& request : overlay_.films().take_requests()) take(request, now);
  for (const Session& each : sessions_) {
    each.session->step(now);
    each.of->refused += each.session->take_refused(each.of->refusal);
  }
  std::erase_if(sessions_, [now](const Session& each) {
    if (!each.session->is_over(now)) return false;
    each.of->frames += each.session->frames();
    return true;
  });
  for (const auto& offered : films_) warn(*offered, now);
}

MonoTime FilmServer::next_deadline() const {
  MonoTime next = MonoTime::max();
  for (const Session& each : sessions_) next = std::min(next, each.session->next_deadline());
  for (const auto& offered : films_) next = std::min(next, offered->refusals.next_deadline(offered->refused));
  return next;
}

void FilmServer::refuse(const FilmRequest& request, const std::string& why, Now now) {
  FilmAnswer answer;
  answer.state = FilmState::Refused;
  answer.reason = why;
  answer.stream.id = request.stream;
  overlay_.films().answer(request, std::move(answer), now);
}

void FilmServer::take(const FilmRequest& request, Now now) {
  const bool opens = request.command == FilmCommand::Open;
  const auto session = std::ranges::find_if(sessions_, [&](const Session& each) {
    return opens ? each.session->was_opened_by(request)
                 : each.session->id() == request.stream && each.session->is_of(request.asker);
  });
  if (session != sessions_.end()) return session->session->take(request, now);
  const auto film = std::ranges::find_if(films_, [&request](const auto& offered) {
    return offered->announced && offered->info.id == request.stream;
  });
  if (opens && film != films_.end()) return open_session(**film, request, now);
  if (request.command == FilmCommand::Close) return;
  refuse(request, opens ? "there is no such film here" : "there is no such stream of a film", now);
}

void FilmServer::open_session(Offered& offered, const FilmRequest& request, Now now) {
  const std::size_t most = context_.options.overlay.limits.films;
  if (sessions_.size() >= most)
    return refuse(request, fmt::format("{} of films are watched already", counted(most, "stream")), now);
  StreamInfo own = offered.info;
  own.on_request = false;
  own.duration_ms = 0;
  const auto id = overlay_.origin().add_unlisted(own);
  if (!id) return refuse(request, id.error().message, now);
  own.id = *id;
  sessions_.push_back({&offered, std::make_unique<FilmSession>(overlay_, *context_.workers, offered.film,
                                                               std::move(own), request, now)});
}

/// Of frames that cannot be shown the first one in full, then how many more.
void FilmServer::warn(Offered& offered, Now now) {
  const std::uint64_t refused = offered.refusals.due(offered.refused, now);
  if (refused == 1) context_.log.warning(fmt::format("stream '{}': {}", offered.info.name, offered.refusal));
  if (refused > 1)
    context_.log.warning(fmt::format("stream '{}': {} more frames like this, the last one: {}",
                                     offered.info.name, refused, offered.refusal));
}

void FilmServer::add_stats(StatsLine& line) const {
  for (const auto& offered : films_) {
    std::uint64_t frames = offered->frames;
    for (const Session& each : sessions_) frames += each.of == offered.get() ? each.session->frames() : 0;
    line.begin();
    line.add("name", offered->info.name);
    line.add("frames", frames);
    line.add("frames_refused", offered->refused);
    line.add("frames_completed", std::uint64_t{0});
    line.add("frames_left_out", std::uint64_t{0});
    line.add("width", std::uint64_t{offered->info.width});
    line.add("height", std::uint64_t{offered->info.height});
    line.add("fps", offered->info.fps_milli / 1000.0);
    line.add("state", to_string(offered->info.state));
    line.add("sessions",
             static_cast<std::uint64_t>(std::ranges::count(sessions_, offered.get(), &Session::of)));
    line.end();
  }
}

}  // namespace ott
