// The films on request of this node: each is listed, and has no frames itself; whoever wants to see it asks
// for a stream of its own (film_requests.h), which is a FilmSession here.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "ott/repeated_warning.h"
#include "role/film_session.h"
#include "role/opened_streams.h"
#include "role/role.h"
#include "role/stats.h"

namespace ott {

/// Opens the file of a film: vod:FILE with its options. The error says what is wrong with it.
Result<OpenedSource> open_film(const std::string& source);

class FilmServer {
 public:
  struct Offered;

  FilmServer(Overlay& overlay, RoleContext& context);
  ~FilmServer();

  /// Takes a film in, which is not known yet. `stream.source` may be open. The error names the stream.
  Result<Offered*> open(OpenedStream stream);
  /// Makes it known. `generation`: another for each stream of its name. REQUIRES: this node has its place in
  /// the overlay.
  Result<void> announce(Offered& film, std::uint32_t generation);
  /// The film is no more: its viewers' streams end.
  void close(Offered& film);
  void step(Now now);
  [[nodiscard]] MonoTime next_deadline() const;
  void add_stats(StatsLine& line) const;
  [[nodiscard]] std::size_t sessions() const { return sessions_.size(); }

 private:
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
};

}  // namespace ott
