#include "role/why_question.h"

#include <fmt/format.h>

#include "media/outlet.h"

namespace ott {

const KnownStream* stream_called(const std::vector<KnownStream>& streams, const std::string& name) {
  const KnownStream* found = nullptr;
  for (const KnownStream& stream : streams) {
    if (stream.info.name == name) return &stream;
    const bool is_video = stream.info.format.media == MediaKind::Video;
    const bool better = found == nullptr || (is_video && found->info.format.media != MediaKind::Video);
    if (better && is_part_of(stream.info.name, name)) found = &stream;
  }
  return found;
}

WhyQuestion::WhyQuestion(Overlay& overlay, Overview& overview, const KnownStream& stream, std::string who,
                         Now now)
    : overlay_(overlay),
      overview_(overview),
      stream_(stream),
      who_(std::move(who)),
      asked_(overlay.whys().ask(stream, who_, now)) {}

std::optional<Origin::Why> WhyQuestion::answer(Now now) {
  if (by_origin_ && !guest_) return look_for_guest(now);
  auto why = overlay_.whys().take_answer(asked_);
  if (!why) return std::nullopt;
  if (guest_) {
    const std::vector<std::string> lines = describe_guest(*guest_);
    why->lines.insert(why->lines.begin(), lines.begin(), lines.end());
    return why;
  }
  const bool may_be_guest = why->outcome == WhyOutcome::UnknownNode || why->outcome == WhyOutcome::NotInTree;
  if (!may_be_guest || who_.empty()) return why;
  by_origin_ = std::move(why);
  look_until_ = now.mono + kLookingMax;
  return look_for_guest(now);
}

/// What stands before the way to its access node.
std::vector<std::string> WhyQuestion::describe_guest(const Overview::Guest& guest) const {
  const auto& [id, rtt_ms] = guest.link;
  const std::string name = overview_.name(guest.at);
  const std::string at =
      name == to_string(guest.at) ? name : fmt::format("{} ({})", to_string(guest.at), name);
  return {fmt::format("{} is a guest of {}, which feeds it outside of all trees",
                      who_ == id ? id : fmt::format("{} ({})", who_, id), at),
          fmt::format("  {} -> {}: a guest's link, {}", at, id,
                      rtt_ms ? fmt::format("round trip {:.1f} ms", *rtt_ms) : "not measured")};
}

/// Guests are known to the nodes that the stream goes to.
std::optional<Origin::Why> WhyQuestion::look_for_guest(Now now) {
  overview_.look(now);
  guest_ = overview_.guest(who_);
  if (guest_) {
    asked_ = overlay_.whys().ask(stream_, to_string(guest_->at), now);
    return std::nullopt;
  }
  if (now.mono < look_until_ && !overview_.knows_viewers_of(stream_.info.id)) return std::nullopt;
  return by_origin_;
}

}  // namespace ott
