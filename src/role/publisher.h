// The streams that begin at this node: live ones (published_input.h), and films on request (film_server.h).
// Which ones may change while it runs: a stream that stays flows on.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "role/film_server.h"
#include "role/published_input.h"

namespace ott {

class Publisher {
  /// One of the two.
  struct Stream {
    StreamSpec spec;
    std::unique_ptr<PublishedInput> input;
    FilmServer::Offered* film = nullptr;
  };

 public:
  /// `wake`: has step() called in this round of the loop, since an input has pushed something.
  Publisher(Overlay& overlay, RoleContext& context, std::function<void()> wake);

  /// Why the process has to end, and its exit status: 2 where another start would not help.
  struct Refusal {
    int status;
    std::string message;
  };
  /// Opens all sources; waits for disks. The refusal names the stream.
  tl::expected<void, Refusal> open(const std::vector<StreamSpec>& specs, Now now);
  /// Makes the streams known. REQUIRES: this node has its place in the overlay.
  Result<void> announce(Now now);
  [[nodiscard]] bool announced() const { return announced_; }

  /// Streams that are to take the place of others, opened and not begun.
  class Change {
   public:
    explicit Change(FilmServer& films) : films_(films) {}
    ~Change();
    Change(const Change&) = delete;
    Change& operator=(const Change&) = delete;

   private:
    friend class Publisher;
    FilmServer& films_;
    std::vector<Stream> added_;
    std::vector<StreamSpec> gone_;
  };
  /// What is to be done for these streams to be the ones that begin here; one of the same name that is
  /// different takes the place of the former one. The error names the stream, and nothing changes.
  Result<std::unique_ptr<Change>> prepare(OpenedStreams wanted);
  /// Returns what changes, for people. REQUIRES: nothing has changed since it was prepared.
  std::vector<std::string> perform(std::unique_ptr<Change> change, Now now);
  /// Those that begin here.
  [[nodiscard]] std::vector<StreamSpec> specs() const;

  void step(Now now);
  [[nodiscard]] MonoTime next_deadline() const;
  void add_stats(StatsLine& line) const;

 private:
  Result<Stream> open(OpenedStream opened);
  Result<void> announce(Stream& stream, Now now);
  void close(Stream& stream, Now now);

  Overlay& overlay_;
  RoleContext& context_;
  std::function<void()> wake_;
  PublishedInput::Generations generations_;
  FilmServer films_;
  std::vector<Stream> streams_;  // as they are listed, the default one first
  bool announced_ = false;
};

}  // namespace ott
