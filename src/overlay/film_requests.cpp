#include "overlay/film_requests.h"

#include <fmt/format.h>

#include <algorithm>

#include "ott/text.h"
#include "overlay/source_route.h"

namespace ott {
namespace {

/// How often this process repeats a request, and how long an access node remembers a guest's.
constexpr Duration kAskAgain = std::chrono::milliseconds(500);
constexpr Duration kGuestAskMax = std::chrono::seconds(5);
constexpr Duration kLookInterval = std::chrono::seconds(1);

FilmAnswer refusal(const FilmRequest& request, const std::string& why) {
  FilmAnswer answer;
  answer.state = FilmState::Refused;
  answer.reason = why.substr(0, kTextBytesMax);
  answer.stream.id = request.stream;
  return answer;
}

}  // namespace

// ---- asking ----------------------------------------------------------------------------------------------

/// A number is hard to guess, so that nobody who is not on the way answers.
std::uint32_t FilmRequests::add(Asked asked) {
  std::uint32_t number = 0;
  while (number == 0 || asked_.contains(number)) number = static_cast<std::uint32_t>(state_.random());
  asked.message.number = number;
  if (!asked.guest) asked.guest_number = number;
  asked_.emplace(number, std::move(asked));
  return number;
}

std::uint32_t FilmRequests::ask(const NodeId& film_origin, StreamId stream, FilmCommand command,
                                std::int64_t value, Now now) {
  Asked asked;
  asked.origin = film_origin;
  asked.message.stream = stream;
  asked.message.command = command;
  asked.message.value = value;
  asked.send_at = now.mono + kAskAgain;
  const std::uint32_t number = add(std::move(asked));
  send(asked_.at(number).message, film_origin, now);
  // A Close is said once: the stream ends by itself when nobody watches it.
  if (command == FilmCommand::Close) {
    asked_.erase(number);
    forget(stream);
  }
  return number;
}

/// On the way to the origin, in this process's name.
void FilmRequests::send(const FilmRequest& message, const NodeId& origin, Now now) {
  FilmRequest request = message;
  if (PeerLink* access = state_.access_towards(origin)) {
    request.asker = access->you;
    request.tracker = route_over_link(access->you, access->peer);
    return state_.links.send(*access, request);
  }
  if (!state_.is_member()) return;
  request.asker = state_.self;
  if (origin == state_.self) return take_here(request, now);
  request.tracker = route_to(state_, origin);
  if (request.tracker.path.entries.size() > 1) forward(state_.links, request);
}

// ---- being asked -----------------------------------------------------------------------------------------

void FilmRequests::on_request(PeerLink& link, const FilmRequest& message, Now now) {
  if (link.is_guest()) return on_guest_request(link, message, now);
  if (message.tracker.path.root().node != state_.self) return;
  const Limits& limits = state_.config.limits;
  if (!link.films_in.take(limits.film_requests_per_link_s, limits.burst_s, now.mono)) {
    ++state_.counters.films_refused;
    return;
  }
  if (!message.tracker.for_here()) return forward(state_.links, message);
  take_here(message, now);
}

void FilmRequests::take_here(const FilmRequest& message, Now now) {
  if (serves_) return requests_.push_back(message);
  if (message.command != FilmCommand::Close)
    answer(message, refusal(message, "there are no films here"), now);
}

void FilmRequests::refuse_guest(PeerLink& link, const FilmRequest& message, const std::string& why) {
  ++state_.counters.films_refused;
  hand_on(link.id, message.number, refusal(message, why));
}

void FilmRequests::on_guest_request(PeerLink& link, const FilmRequest& message, Now now) {
  const auto granted = granted_.find(message.stream);
  const bool opens = message.command == FilmCommand::Open;
  const KnownStream* film = streams_.find(message.stream);
  if (opens && (film == nullptr || !film->info.on_request))
    return refuse_guest(link, message, "no origin that can be reached has this film");
  if (!opens && (granted == granted_.end() || granted->second.guest != link.id))
    return refuse_guest(link, message, "there is no such stream of a film");
  const std::size_t most = state_.config.limits.films_per_guest;
  if (opens && granted_to(link.id) >= most) {
    return refuse_guest(link, message,
                        fmt::format("a guest has {} of films at most", counted(most, "stream")));
  }
  const NodeId origin = opens ? film->origin : granted->second.origin;
  if (message.command == FilmCommand::Close) {
    send(message, origin, now);
    return forget(message.stream);
  }
  const auto of_guest = [&link](const auto& entry) { return entry.second.guest == link.id; };
  auto same = std::ranges::find_if(asked_, [&](const auto& entry) {
    return of_guest(entry) && entry.second.guest_number == message.number;
  });
  if (same == asked_.end()) {
    if (static_cast<std::size_t>(std::ranges::count_if(asked_, of_guest)) >= most)
      return refuse_guest(link, message, "too many requests for films are under way");
    Asked asked{link.id, message.number, origin, message};
    asked.forget_at = now.mono + kGuestAskMax;
    same = asked_.find(add(std::move(asked)));
  }
  const FilmRequest again = same->second.message;
  send(again, origin, now);
}

// ---- answers ---------------------------------------------------------------------------------------------

void FilmRequests::answer(const FilmRequest& request, FilmAnswer answer, Now now) {
  answer.number = request.number;
  if (answer.state == FilmState::Refused) ++state_.counters.films_refused;
  tell(request.asker, std::move(answer), now);
}

void FilmRequests::tell(const NodeId& asker, FilmAnswer answer, Now now) {
  if (asker == state_.self) return take_answer(answer, now);
  answer.tracker = route_to(state_, asker);
  if (answer.tracker.path.entries.size() > 1) forward(state_.links, answer);
}

void FilmRequests::on_answer(PeerLink& link, const FilmAnswer& message, Now now) {
  if (!link.is_access()) {
    if (message.tracker.path.empty() || message.tracker.path.root().node != state_.self) return;
    if (!message.tracker.for_here()) return forward(state_.links, message);
  }
  take_answer(message, now);
}

void FilmRequests::take_answer(const FilmAnswer& message, Now now) {
  if (message.number == 0) {
    const auto granted = granted_.find(message.stream.id);
    if (granted == granted_.end()) return;
    const auto guest = granted->second.guest;
    if (message.state == FilmState::Refused) forget(message.stream.id);
    return hand_on(guest, 0, message);
  }
  const auto found = asked_.find(message.number);
  if (found == asked_.end()) return;
  const Asked asked = found->second;
  asked_.erase(found);
  if (message.state == FilmState::Refused) {
    if (asked.message.command != FilmCommand::Open && message.stream.id == asked.message.stream)
      forget(asked.message.stream);
  } else if (asked.message.command == FilmCommand::Open) {
    if (!grant(asked, message, now)) return;
  } else if (message.stream.id != asked.message.stream) {
    return;
  }
  hand_on(asked.guest, asked.guest_number, message);
}

/// The asker has a stream of its own now. False if what the answer names cannot be one.
bool FilmRequests::grant(const Asked& asked, const FilmAnswer& answer, Now now) {
  const KnownStream* film = streams_.find(asked.message.stream);
  const auto granted = granted_.find(answer.stream.id);
  const bool anothers = granted != granted_.end() && granted->second.guest != asked.guest;
  if (film == nullptr || film->info.name != answer.stream.name || anothers ||
      streams_.is_listed(answer.stream.id)) {
    return false;
  }
  granted_[answer.stream.id] = {asked.guest, asked.origin, now.mono};
  streams_.know_unlisted({asked.origin, answer.stream});
  look_at_ = std::min(look_at_, now.mono + kLookInterval);
  return true;
}

void FilmRequests::hand_on(const std::optional<LinkId>& guest, std::uint32_t number, FilmAnswer answer) {
  answer.number = number;
  if (!guest) return answers_.push_back(std::move(answer));
  PeerLink* link = state_.links.find(*guest);
  if (link == nullptr) return;
  answer.tracker = route_over_link(state_.self, link->peer);
  state_.links.send(*link, answer);
}

// ---- what ends -------------------------------------------------------------------------------------------

std::size_t FilmRequests::granted_to(LinkId guest) const {
  return static_cast<std::size_t>(
      std::ranges::count_if(granted_, [guest](const auto& entry) { return entry.second.guest == guest; }));
}

void FilmRequests::forget(StreamId stream) {
  if (granted_.erase(stream) > 0) streams_.forget_unlisted(stream);
}

void FilmRequests::on_unknown(StreamId stream) {
  const auto granted = granted_.find(stream);
  if (granted == granted_.end()) return;
  FilmAnswer gone;
  gone.state = FilmState::Refused;
  gone.reason = "the origin has this stream of the film no more";
  gone.stream.id = stream;
  const auto guest = granted->second.guest;
  forget(stream);
  hand_on(guest, 0, std::move(gone));
}

void FilmRequests::on_link_ended(const PeerLink& link) {
  std::erase_if(asked_, [&link](const auto& entry) { return entry.second.guest == link.id; });
  std::vector<StreamId> over;
  for (const auto& [stream, granted] : granted_) {
    if (granted.guest == link.id) over.push_back(stream);
  }
  for (const StreamId stream : over) forget(stream);
}

MonoTime FilmRequests::next_deadline() const {
  MonoTime next = look_at_;
  for (const auto& [number, asked] : asked_) next = std::min({next, asked.send_at, asked.forget_at});
  return next;
}

void FilmRequests::tick(Now now) {
  std::erase_if(asked_, [now](const auto& entry) { return now.mono >= entry.second.forget_at; });
  std::vector<std::uint32_t> due;
  for (auto& [number, asked] : asked_) {
    if (now.mono < asked.send_at) continue;
    asked.send_at = now.mono + kAskAgain;
    due.push_back(number);
  }
  for (const std::uint32_t number : due) {
    const auto asked = asked_.find(number);
    if (asked == asked_.end()) continue;
    const Asked again = asked->second;
    send(again.message, again.origin, now);
  }
  if (now.mono < look_at_) return;
  std::vector<StreamId> over;
  for (auto& [stream, granted] : granted_) {
    const bool watched = interests_.viewers(stream) > 0;
    granted.unwatched_since = watched ? MonoTime::max() : std::min(granted.unwatched_since, now.mono);
    if (!watched && now.mono - granted.unwatched_since >= kFilmUnwatchedMax) over.push_back(stream);
  }
  for (const StreamId stream : over) forget(stream);
  look_at_ = granted_.empty() ? MonoTime::max() : now.mono + kLookInterval;
}

}  // namespace ott
