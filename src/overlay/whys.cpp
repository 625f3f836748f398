#include "overlay/whys.h"

#include <algorithm>

#include "overlay/source_route.h"

namespace ott {
namespace {

/// How many questions may wait for their answers, and how long.
constexpr std::size_t kAskedMax = 64;
constexpr Duration kAnswerTimeMax = std::chrono::seconds(5);

}  // namespace

void Whys::ask(const KnownStream& stream, const std::string& node, Now now) {
  Why question;
  question.stream = stream.info.id;
  question.node = node;
  send(std::move(question), {std::nullopt, 0, now.mono}, now);
}

void Whys::send(Why question, Asked asked, Now now) {
  const KnownStream* stream = streams_.find(question.stream);
  if (stream == nullptr) return answer(asked, {"no origin that can be reached has this stream"});
  if (stream->origin == state_.self && state_.is_member())
    return answer(asked, origin_.why(question.stream, question.node, now));
  std::erase_if(asked_, [now](const auto& entry) { return now.mono - entry.second.at >= kAnswerTimeMax; });
  if (asked_.size() >= kAskedMax) return answer(asked, {"too many ask at a time; ask again in a while"});
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

void Whys::answer(const Asked& asked, std::vector<std::string> lines) {
  lines.resize(std::min(lines.size(), kWhyLinesMax));
  for (std::string& line : lines) line.resize(std::min(line.size(), kTextBytesMax));
  if (!asked.guest) {
    answer_ = std::move(lines);
    return;
  }
  PeerLink* guest = state_.links.find(*asked.guest);
  if (guest == nullptr || !guest->is_guest()) return;
  state_.links.send(
      *guest, WhyAnswer{route_over_link(state_.self, guest->peer), asked.guest_number, std::move(lines)});
}

void Whys::on_why(PeerLink& link, const Why& message, Now now) {
  if (link.is_guest()) return send(message, {link.id, message.number, now.mono}, now);
  if (message.tracker.path.root().node != state_.self) return;
  if (!message.tracker.for_here()) return forward(state_.links, message);
  WhyAnswer answer;
  answer.tracker = route_to(state_, message.asker);
  if (answer.tracker.path.empty()) return;
  answer.number = message.number;
  answer.lines = origin_.why(message.stream, message.node, now);
  answer.lines.resize(std::min(answer.lines.size(), kWhyLinesMax));
  for (std::string& line : answer.lines) line.resize(std::min(line.size(), kTextBytesMax));
  forward(state_.links, answer);
}

void Whys::on_answer(PeerLink& link, const WhyAnswer& message) {
  if (!link.is_access()) {
    if (message.tracker.path.root().node != state_.self) return;
    if (!message.tracker.for_here()) return forward(state_.links, message);
  }
  const auto asked = asked_.find(message.number);
  if (asked == asked_.end()) return;
  answer(asked->second, message.lines);
  asked_.erase(asked);
}

}  // namespace ott
