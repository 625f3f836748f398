#include "role/overview.h"

#include <algorithm>

namespace ott {
namespace {

/// For how long after somebody has looked it is kept up to date.
constexpr Duration kWantedTime = std::chrono::seconds(4);
/// How long whoever is the first to look waits for answers: some round trips.
constexpr Duration kFirstAnswersTime = std::chrono::seconds(1);
constexpr Duration kStepInterval = std::chrono::milliseconds(250);
constexpr Duration kRoutesInterval = std::chrono::milliseconds(500);
/// After a link has come or gone: by then the origin has a new tree.
constexpr Duration kAfterChange = std::chrono::milliseconds(40);
constexpr Duration kGuestsInterval = std::chrono::seconds(1);
constexpr Duration kOverlayInterval = std::chrono::seconds(5);
constexpr Duration kOverlayIntervalOfGuest = std::chrono::seconds(1);
/// How many are asked in a step, and each of them how often: all of an overlay of a hundred once in a few
/// seconds. A guest may ask 20 times a second, whatever it asks.
constexpr std::size_t kNodesPerStep = 8;
constexpr std::size_t kNodesPerStepOfGuest = 2;
constexpr Duration kViewersInterval = std::chrono::seconds(1);
constexpr std::size_t kGuestsPerRound = 64;
constexpr std::size_t kNodesMax = 4'096;

}  // namespace

bool Overview::look(Now now) {
  const bool first = wanted_until_ < now.mono;
  wanted_until_ = now.mono + kWantedTime;
  if (!first) return false;
  forget();
  next_at_ = now.mono;
  first_answers_until_ = now.mono + kFirstAnswersTime;
  return true;
}

/// What is known of trees and viewers is of the last time that somebody looked.
void Overview::forget() {
  questions_.clear();
  routes_.clear();
  viewers_.clear();
}

void Overview::on_graph_changed(Now now) {
  if (next_at_ == MonoTime::max()) return;
  routes_at_ = std::min(routes_at_, now.mono + kAfterChange);
  next_at_ = std::min(next_at_, routes_at_);
}

void Overview::step(const std::optional<ViewerFigures>& own, Now now) {
  if (now.mono < next_at_) return;
  if (now.mono >= wanted_until_) {
    next_at_ = MonoTime::max();
    return forget();
  }
  next_at_ = now.mono + kStepInterval;
  forget_unanswered(now);
  if (now.mono >= routes_at_) ask_routes(now);
  if (now.mono >= overlay_at_) ask_overlay(now);
  ask_viewers(now);
  if (const auto self = overlay_.self()) {
    ask_guests(now);
    const std::uint64_t answers = viewers_[*self].answers + 1;
    viewers_[*self] = {own_viewers(own), own_guests(), now.mono, answers};
  }
  next_at_ = std::min(next_at_, routes_at_);
}

void Overview::forget_unanswered(Now now) {
  std::erase_if(questions_, [now](const auto& entry) {
    return now.mono - entry.second.asked_at >= Looks::kAnswerTimeMax;
  });
}

bool Overview::waits_for(const NodeId& node, LookAt at) const {
  return std::ranges::any_of(questions_, [&](const auto& entry) {
    return entry.second.node == node && entry.second.at == at && !entry.second.guest;
  });
}

void Overview::ask(const NodeId& node, LookAt at, Now now) {
  if (waits_for(node, at)) return;
  if (const Looks::Number number = overlay_.looks().ask(node, at, now))
    questions_[number] = {at, node, std::nullopt, now.mono};
}

/// Of each origin, the trees of all its streams.
void Overview::ask_routes(Now now) {
  routes_at_ = now.mono + kRoutesInterval;
  const std::vector<KnownStream>& streams = overlay_.streams();
  std::erase_if(routes_, [&streams](const auto& entry) {
    return std::ranges::none_of(
        streams, [id = entry.first](const KnownStream& stream) { return stream.info.id == id; });
  });
  std::vector<NodeId> origins;
  for (const KnownStream& stream : streams) {
    if (std::ranges::count(origins, stream.origin) == 0) origins.push_back(stream.origin);
  }
  for (const NodeId& origin : origins) {
    if (overlay_.self() == origin) {
      take_routes(own_routes(overlay_), origin, now);
    } else {
      ask(origin, LookAt::Routes, now);
    }
  }
}

/// Of those who watch some that have not been asked for longest.
void Overview::ask_viewers(Now now) {
  std::vector<NodeId> watch;
  for (const auto& [id, known] : routes_) {
    for (std::size_t i = 0; i < known.route.tree.entries.size() && watch.size() < kNodesMax; ++i) {
      if (known.route.viewers[i] > 0) watch.push_back(known.route.tree.entries[i].node);
    }
  }
  std::ranges::sort(watch);
  watch.erase(std::unique(watch.begin(), watch.end()), watch.end());
  std::erase_if(viewers_,
                [&watch](const auto& entry) { return !std::ranges::binary_search(watch, entry.first); });
  const auto asked_at = [this](const NodeId& node) {
    const auto found = viewers_.find(node);
    return found == viewers_.end() ? MonoTime{} : found->second.asked_at;
  };
  std::erase_if(watch, [&](const NodeId& node) {
    return overlay_.self() == node || now.mono - asked_at(node) < kViewersInterval;
  });
  std::ranges::sort(watch, {}, asked_at);
  watch.resize(std::min(watch.size(), overlay_.is_guest() ? kNodesPerStepOfGuest : kNodesPerStep));
  for (const NodeId& node : watch) {
    viewers_[node].asked_at = now.mono;
    ask(node, LookAt::Viewers, now);
  }
}

/// Some of this node's guests, in turn.
void Overview::ask_guests(Now now) {
  if (now.mono < guests_at_) return;
  if (now.mono - guests_at_ >= kWantedTime) guests_.clear();  // nobody has asked for a while
  guests_at_ = now.mono + kGuestsInterval;
  std::vector<LinkId> guests;
  for (const PeerLink& link : overlay_.links().all()) {
    if (link.is_guest()) guests.push_back(link.id);
  }
  std::erase_if(guests_,
                [&guests](const auto& entry) { return std::ranges::count(guests, entry.first) == 0; });
  const auto first = std::ranges::upper_bound(guests, last_guest_);
  std::rotate(guests.begin(), first, guests.end());
  guests.resize(std::min(guests.size(), kGuestsPerRound));
  for (const LinkId guest : guests) {
    if (const Looks::Number number = overlay_.looks().ask_guest(guest, LookAt::Viewers, now))
      questions_[number] = {LookAt::Viewers, {}, guest, now.mono};
    last_guest_ = guest;
  }
}

/// The bootstrapper knows everybody's name; a guest knows no node but its access nodes.
void Overview::ask_overlay(Now now) {
  overlay_at_ = now.mono + (overlay_.is_guest() ? kOverlayIntervalOfGuest : kOverlayInterval);
  if (overlay_.is_guest()) {
    for (const PeerLink& link : overlay_.links().all()) {
      if (link.is_access()) return ask(link.peer, LookAt::Overlay, now);
    }
    return;
  }
  for (const auto& [id, state] : overlay_.link_states().all()) {
    if (state.kind == PeerKind::Bootstrap && overlay_.self() != id) ask(id, LookAt::Overlay, now);
  }
}

bool Overview::take(const Looks::Answer& answer, Now now) {
  const auto found = questions_.find(answer.number);
  if (found == questions_.end()) return false;
  const Question question = found->second;
  questions_.erase(found);
  if (question.at == LookAt::Routes) {
    take_routes(read_routes(answer.json, question.node), question.node, now);
  } else if (question.at == LookAt::Overlay) {
    take_overlay(answer.json);
  } else if (question.guest) {
    const std::vector<ViewerFigures> viewers = read_viewers(answer.json);
    if (!viewers.empty()) guests_[*question.guest] = viewers.front();
  } else if (const auto served = viewers_.find(question.node); served != viewers_.end()) {
    served->second.viewers = read_viewers(answer.json);
    served->second.guests = read_guests(answer.json);
    ++served->second.answers;
    if (!served->second.has_figures()) served->second.asked_at = MonoTime{};  // to be asked in the next step
  }
  return true;
}

void Overview::take_overlay(const std::string& json) {
  if (!is_overlay_json(json)) return;
  OverlayShown shown = read_overlay(json);
  if (names_.size() > kNodesMax) names_.clear();  // those of who has gone are wanted for a while
  for (const OverlayShown::Node& node : shown.nodes) {
    if (node.name != node.id && parse_node_id(node.id)) names_[node.id] = node.name;
  }
  if (!overlay_.is_guest() || json == overlay_of_access_) return;
  overlay_of_access_ = json;
  shown_ = std::move(shown);
  ++shown_edition_;
}

void Overview::take_routes(std::vector<Route> routes, const NodeId& origin, Now now) {
  for (Route& route : routes) {
    const auto is_it = [&](const KnownStream& stream) {
      return stream.info.id == route.id && stream.origin == origin;
    };
    if (std::ranges::none_of(overlay_.streams(), is_it)) continue;
    const StreamId id = route.id;
    if (!routes_.contains(id)) next_at_ = now.mono;  // who watches it is asked at once
    routes_[id] = {std::move(route), now.mono};
  }
}

const std::vector<ViewerFigures>& Overview::viewers(const NodeId& node) const {
  static const std::vector<ViewerFigures> none;
  const auto found = viewers_.find(node);
  return found == viewers_.end() ? none : found->second.viewers;
}

std::vector<ViewerFigures> Overview::own_viewers(const std::optional<ViewerFigures>& own) const {
  std::vector<ViewerFigures> viewers;
  if (own) viewers.push_back(*own);
  for (const PeerLink& link : overlay_.links().all()) {
    const auto known = guests_.find(link.id);
    if (!link.is_guest() || known == guests_.end() || viewers.size() == kViewersShownMax) continue;
    viewers.push_back(known->second);
    viewers.back().who = to_string(link.peer);
  }
  return viewers;
}

std::vector<GuestShown> Overview::own_guests() const {
  std::vector<GuestShown> guests;
  for (const PeerLink& link : overlay_.links().all()) {
    if (!link.is_guest() || guests.size() == kGuestsShownMax) continue;
    const bool measured = link.rtt >= Duration{};
    const double rtt_ms = std::chrono::duration<double, std::milli>(link.rtt).count();
    guests.push_back({to_string(link.peer), measured ? std::optional(rtt_ms) : std::nullopt});
  }
  return guests;
}

/// An access node knows a member of the overlay by its address and port as well.
bool Overview::is_called(const GuestShown& guest, const std::string& who) const {
  if (guest.id == who) return true;
  const NodeId id = parse_node_id(guest.id).value();
  const NodeId without_port{id.address};
  return to_string(without_port) == who || name(without_port) == who;
}

std::optional<Overview::Guest> Overview::guest(const std::string& who) const {
  for (const auto& [node, served] : viewers_) {
    const auto found =
        std::ranges::find_if(served.guests, [&](const GuestShown& each) { return is_called(each, who); });
    if (found != served.guests.end()) return Guest{node, *found};
  }
  return std::nullopt;
}

bool Overview::Served::has_figures() const {
  const auto of_guests = std::ranges::count_if(viewers, [](const auto& each) { return !each.who.empty(); });
  return answers > 1 || static_cast<std::size_t>(of_guests) >= guests.size();
}

template <class Is>
bool Overview::knows_served(StreamId stream, Is is) const {
  const auto known = routes_.find(stream);
  if (known == routes_.end()) return false;
  const Route& route = known->second.route;
  for (std::size_t i = 0; i < route.tree.entries.size(); ++i) {
    if (route.viewers[i] == 0) continue;
    const auto served = viewers_.find(route.tree.entries[i].node);
    if (served == viewers_.end() || !is(served->second)) return false;
  }
  return true;
}

bool Overview::knows_viewers_of(StreamId stream) const {
  return knows_served(stream, [](const Served& served) { return served.answers > 0; });
}

bool Overview::knows_figures_of(StreamId stream) const {
  return knows_served(stream,
                      [](const Served& served) { return served.answers > 0 && served.has_figures(); });
}

bool Overview::knows_overlay() const {
  return std::ranges::none_of(questions_,
                              [](const auto& entry) { return entry.second.at == LookAt::Overlay; });
}

std::string Overview::own_viewers_json(const std::optional<ViewerFigures>& own, Now now) {
  if (overlay_.self()) ask_guests(now);
  return viewers_json(own_viewers(own), own_guests());
}

std::string Overview::overlay_json() const {
  if (overlay_.is_guest() && !overlay_of_access_.empty()) return overlay_of_access_;
  return ott::overlay_json(overlay_, overlay_.self(), names_);
}

std::string Overview::overlay_json_for_guest(const NodeId& guest, Now now) {
  if (now.mono >= overlay_at_) {
    forget_unanswered(now);
    ask_overlay(now);
  }
  return ott::overlay_json(overlay_, guest, names_);
}

std::string Overview::name(const NodeId& id) const {
  std::string name = overlay_.name_of(id);
  if (!name.empty()) return name;
  std::string as_text = to_string(id);
  const auto said = names_.find(as_text);
  return said == names_.end() ? as_text : said->second;
}

std::optional<NodeId> Overview::node_called(const std::string& who) const {
  if (const auto id = parse_node_id(who)) return *id;
  for (const auto& [id, state] : overlay_.link_states().all()) {
    if (name(id) == who) return id;
  }
  const auto said = std::ranges::find(names_, who, &NodeNames::value_type::second);
  return said == names_.end() ? std::nullopt : std::optional(parse_node_id(said->first).value());
}

}  // namespace ott
