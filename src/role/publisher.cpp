#include "role/publisher.h"

#include <fmt/format.h>

#include <algorithm>

#include "media/film_folder.h"

namespace ott {

Publisher::Publisher(Overlay& overlay, RoleContext& context, std::function<void()> wake)
    : overlay_(overlay), context_(context), wake_(std::move(wake)), films_(overlay, context) {}

/// A SOURCE that is a folder of clips becomes one for each, as far as there is room for their streams.
Result<std::vector<StreamSpec>> Publisher::each_of(const std::vector<StreamSpec>& specs) const {
  std::vector<StreamSpec> all;
  for (const StreamSpec& spec : specs) {
    const bool on_request = spec.source.starts_with(kFilmPrefix);
    const std::string prefix = on_request ? std::string(kFilmPrefix) : "";
    const std::string source = spec.source.substr(prefix.size());
    const std::size_t mark = std::min(source.rfind('?'), source.size());
    const std::string path = source.substr(0, mark);
    if (!path.ends_with('/') || path.find("://") != std::string::npos || path.find(':') < path.find('/')) {
      all.push_back(spec);
      continue;
    }
    const std::size_t most = kStateStreamsMax - std::min(kStateStreamsMax, all.size() + specs.size() - 1);
    const auto folder =
        look_into(path, on_request ? ClipKind::Pictures : ClipKind::Any, most, spec.name.size() + 1);
    if (!folder) return fail(fmt::format("stream '{}': {}", spec.name, folder.error().message));
    if (folder->clips.empty()) all.push_back(spec);
    for (const std::string& note : folder->notes)
      context_.log.warning(fmt::format("stream '{}': {}", spec.name, note));
    // A mark in a file's name is none of an option.
    const std::string options = mark < source.size() ? source.substr(mark)
                                : on_request         ? "?eof=end"
                                                     : "?eof=loop";
    for (const FilmFolder::Clip& clip : folder->clips)
      all.push_back(
          {spec.name + '/' + clip.name, fmt::format("{}{}{}", prefix, clip.path, options), spec.metric});
  }
  return all;
}

Result<void> Publisher::open(const std::vector<StreamSpec>& specs, Now now) {
  const auto all = each_of(specs);
  if (!all) return tl::unexpected<Error>(all.error());
  for (const StreamSpec& spec : *all) {
    if (spec.source.starts_with(kFilmPrefix)) {
      if (auto opened = films_.open({spec.name, spec.source.substr(kFilmPrefix.size())}); !opened)
        return opened;
      order_.push_back(nullptr);
      continue;
    }
    inputs_.push_back(std::make_unique<PublishedInput>(overlay_, context_, wake_));
    if (auto opened = inputs_.back()->open(spec, now); !opened) return opened;
    order_.push_back(inputs_.back().get());
  }
  return {};
}

Result<void> Publisher::announce(Now now) {
  announced_ = true;
  for (PublishedInput* input : order_) {
    auto announced = input == nullptr ? films_.announce_next() : input->announce(now);
    if (!announced) return announced;
  }
  return {};
}

void Publisher::step(Now now) {
  for (const auto& input : inputs_) input->step(now);
  films_.step(now);
}

MonoTime Publisher::next_deadline() const {
  MonoTime next = films_.next_deadline();
  for (const auto& input : inputs_) next = std::min(next, input->next_deadline());
  return next;
}

void Publisher::add_stats(StatsLine& line) const {
  line.begin_list("streams");
  for (const auto& input : inputs_) input->add_stats(line);
  films_.add_stats(line);
  line.end_list();
}

}  // namespace ott
