#include "overlay/whys.h"

#include <algorithm>

#include "overlay/source_route.h"

namespace ott {
namespace {

/// How many questions may wait for their answers, those of one guest, and how long.
constexpr std::size_t kAskedMax = 64;
constexpr std::ptrdiff_t kAskedByGuestMax = 8;
constexpr Duration kAnswerTimeMax = std::chrono::seconds(5);

/// The answer to a question of this number, on that way.
WhyAnswer message_of(Tracker tracker, Whys::Number number, Origin::Why why) {
  why.lines.resize(std::min(why.lines.size(), kWhyLinesMax));
  for (std::string& line : why.lines) line.resize(std::min(line.size(), kTextBytesMax));
  return {std::move(tracker), number, std::move(why.lines), why.outcome};
}

}  // namespace

Whys::Number Whys::ask(const KnownStream& stream, const std::string& node, Now now) {
  std::erase_if(answers_,
                [now](const auto& entry) { return now.mono - entry.second.asked_at >= 2 * kAnswerTimeMax; });
  Why question;
  question.stream = stream.info.id;
  question.node = node;
  const Number number = ++number_;
  send(std::move(question), {std::nullopt, number, now.mono}, now);
  return number;
}

std::optional<Origin::Why> Whys::take_answer(Number number) {
  const auto found = answers_.find(number);
  if (found == answers_.end()) return std::nullopt;
  Origin::Why why = std::move(found->second.why);
  answers_.erase(found);
  return why;
}

void Whys::send(Why question, Asked asked, Now now) {
  const KnownStream* stream = streams_.find(question.stream);
  if (stream == nullptr)
    return answer(asked, {{"no origin that can be reached has this stream"}, WhyOutcome::UnknownStream});
  if (stream->origin == state_.self && state_.is_member())
    return answer(asked, origin_.why(question.stream, question.node, now));
  std::erase_if(asked_, [now](const auto& entry) { return now.mono - entry.second.at >= kAnswerTimeMax; });
  const auto by_same = [&asked](const auto& entry) { return entry.second.guest == asked.guest; };
  const bool guest_asks_on = asked.guest && std::ranges::count_if(asked_, by_same) >= kAskedByGuestMax;
  if (asked_.size() >= kAskedMax || guest_asks_on) {
    ++state_.counters.whys_refused;
    return answer(asked, {{"too many ask at a time; ask again in a while"}, WhyOutcome::Busy});
  }
  question.number = ++number_;
  if (PeerLink* access = state_.access_towards(stream->origin)) {
    question.asker = access->you;
    question.tracker = route_over_link(access->you, access->peer);
    state_.links.send(*access, question);
  } else {
    question.asker = state_.self;
    question.tracker = route_to(state_, stream->origin);
    forward(state_.links, question);
  }
  asked_[question.number] = asked;
}

void Whys::answer(const Asked& asked, Origin::Why why) {
  if (!asked.guest) {
    answers_[asked.number] = {asked.at, std::move(why)};
    return;
  }
  PeerLink* guest = state_.links.find(*asked.guest);
  if (guest == nullptr || !guest->is_guest()) return;
  state_.links.send(*guest,
                    message_of(route_over_link(state_.self, guest->peer), asked.number, std::move(why)));
}

void Whys::on_why(PeerLink& link, const Why& message, Now now) {
  if (link.is_guest()) return send(message, {link.id, message.number, now.mono}, now);
  if (message.tracker.path.root().node != state_.self) return;
  if (!message.tracker.for_here()) return forward(state_.links, message);
  Tracker way = route_to(state_, message.asker);
  if (way.path.empty()) return;
  forward(state_.links,
          message_of(std::move(way), message.number, origin_.why(message.stream, message.node, now)));
}

void Whys::on_answer(PeerLink& link, const WhyAnswer& message) {
  if (!link.is_access()) {
    if (message.tracker.path.root().node != state_.self) return;
    if (!message.tracker.for_here()) return forward(state_.links, message);
  }
  const auto asked = asked_.find(message.number);
  if (asked == asked_.end()) return;
  answer(asked->second, {message.lines, message.outcome});
  asked_.erase(asked);
}

}  // namespace ott
