// FILM and FILM-ANSWER: a viewer asks a film's origin for a stream of its own and for what that is to show.
// Requests travel like WATCH: a guest's go to its access node, which asks the origin in its own name and so
// becomes the one who watches, as for any stream. Whoever has asked for such a stream knows it beside the
// list of streams (stream_list.h), until nobody has watched it for a while.
//
// A request is repeated until it is answered; the origin takes one with the same number for the same.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "overlay/interests.h"
#include "overlay/stream_list.h"

namespace ott {

/// How long a viewer's own stream of a film is kept while nobody watches it, at its origin and at whoever has
/// asked for it.
inline constexpr Duration kFilmUnwatchedMax = std::chrono::seconds(10);

class FilmRequests {
 public:
  FilmRequests(OverlayState& state, StreamList& streams, const Interests& interests)
      : state_(state), streams_(streams), interests_(interests) {}

  // ---- of a viewer in this process

  /// Asks, and again until the answer with the number that is returned is among take_answers(). `stream` is a
  /// listed film for Open, else one that an answer has named. `film_origin` has it.
  std::uint32_t ask(const NodeId& film_origin, StreamId stream, FilmCommand command, std::int64_t value,
                    Now now);
  /// The answer to this request is of no interest any more.
  void give_up(std::uint32_t number) { asked_.erase(number); }
  /// Answers to what this process has asked for, and what origins have said unasked.
  std::vector<FilmAnswer> take_answers() { return std::exchange(answers_, {}); }
  /// False if a stream that an answer has named is no more: its origin or its access node does not know it.
  [[nodiscard]] bool is_known(StreamId stream) const { return granted_.contains(stream); }

  // ---- of an origin in this process

  /// From now on requests for films of this node are taken.
  void serve() { serves_ = true; }
  std::vector<FilmRequest> take_requests() { return std::exchange(requests_, {}); }
  void answer(const FilmRequest& request, FilmAnswer answer, Now now);
  /// Says something unasked to who has asked for a stream.
  void tell(const NodeId& asker, FilmAnswer answer, Now now);

  // ---- what peers say

  void on_request(PeerLink& link, const FilmRequest& message, Now now);
  void on_answer(PeerLink& link, const FilmAnswer& message, Now now);
  /// A WATCH was refused, since there is no such stream.
  void on_unknown(StreamId stream);
  void on_link_ended(const PeerLink& link);

  [[nodiscard]] MonoTime next_deadline() const;
  void tick(Now now);

  /// For tests: what is kept here.
  [[nodiscard]] std::size_t asked() const { return asked_.size(); }
  [[nodiscard]] std::size_t granted() const { return granted_.size(); }

 private:
  struct Asked {
    std::optional<LinkId> guest;     // who waits for the answer; none: this process
    std::uint32_t guest_number = 0;  // of the guest's request, or our own
    NodeId origin;
    FilmRequest message;
    MonoTime send_at = MonoTime::max();  // when this process asks again
    MonoTime forget_at = MonoTime::max();
  };
  struct Granted {
    std::optional<LinkId> guest;
    NodeId origin;
    MonoTime unwatched_since = MonoTime::max();
  };

  std::uint32_t add(Asked asked);
  void send(const FilmRequest& message, const NodeId& origin, Now now);
  void take_here(const FilmRequest& message, Now now);
  void on_guest_request(PeerLink& link, const FilmRequest& message, Now now);
  void refuse_guest(PeerLink& link, const FilmRequest& message, const std::string& why);
  void take_answer(const FilmAnswer& message, Now now);
  [[nodiscard]] bool grant(const Asked& asked, const FilmAnswer& answer, Now now);
  void hand_on(const std::optional<LinkId>& guest, std::uint32_t number, FilmAnswer answer);
  [[nodiscard]] std::size_t granted_to(LinkId guest) const;
  void forget(StreamId stream);

  OverlayState& state_;
  StreamList& streams_;
  const Interests& interests_;
  bool serves_ = false;
  std::map<std::uint32_t, Asked> asked_;  // by our own number
  std::map<StreamId, Granted> granted_;
  std::vector<FilmAnswer> answers_;
  std::vector<FilmRequest> requests_;
  MonoTime look_at_ = MonoTime::max();
};

}  // namespace ott
