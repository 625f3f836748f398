// The films on request of this node: each is listed, and has no frames itself; whoever wants to see it asks
// for a stream of its own (film_requests.h), which is a FilmSession here.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "ott/repeated_warning.h"
#include "role/film_session.h"
#include "role/role.h"
#include "role/stats.h"

namespace ott {

/// The SOURCE of a film on request begins so.
inline constexpr std::string_view kFilmPrefix = "vod:";

class FilmServer {
 public:
  FilmServer(Overlay& overlay, RoleContext& context) : overlay_(overlay), context_(context) {}

  /// `spec.source` is a file and its options. The error names the stream.
  Result<void> open(const StreamSpec& spec);
  /// Makes the next film known, in the order in which they were opened. REQUIRES: there is one, and this node
  /// has its place in the overlay.
  Result<void> announce_next();
  void step(Now now);
  [[nodiscard]] MonoTime next_deadline() const;
  void add_stats(StatsLine& line) const;
  [[nodiscard]] std::size_t sessions() const { return sessions_.size(); }

 private:
  struct Offered {
    Film film;
    StreamInfo info;
    std::unique_ptr<FilmSurveying> surveying;  // null when it is done
    std::uint64_t frames = 0;                  // of sessions that are over
    std::uint64_t refused = 0;
    std::string refusal;
    RepeatedWarning refusals;
  };
  struct Session {
    Offered* of;
    std::unique_ptr<FilmSession> session;
  };

  void survey();
  void take(const FilmRequest& request, Now now);
  void open_session(Offered& offered, const FilmRequest& request, Now now);
  void refuse(const FilmRequest& request, const std::string& why, Now now);
  void warn(Offered& offered, Now now);

  Overlay& overlay_;
  RoleContext& context_;
  std::vector<std::unique_ptr<Offered>> films_;
  std::vector<Session> sessions_;
  std::size_t announced_ = 0;  // of films_
};

}  // namespace ott
