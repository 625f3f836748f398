#include "role/client_commands.h"

#include <fmt/format.h>

#include <algorithm>

#include "media/outlet.h"

namespace ott {
namespace {

class Obeying {
 public:
  Obeying(Watching& watching, const Overlay& overlay, Now now)
      : watching_(watching), overlay_(overlay), now_(now) {}

  using Answer = std::optional<CommandAnswer>;

  Answer operator()(const command::Pause&) {
    if (watching_.is_paused()) return refused("it is paused already");
    watching_.pause(now_);
    return done("paused");
  }
  Answer operator()(const command::Resume&) {
    if (!watching_.is_paused()) return refused("it is not paused");
    watching_.resume(now_);
    return done("goes on");
  }
  Answer operator()(const command::Toggle&) {
    return watching_.is_paused() ? (*this)(command::Resume{}) : (*this)(command::Pause{});
  }
  Answer operator()(const command::Next&) { return step(1); }
  Answer operator()(const command::Previous&) { return step(-1); }
  Answer operator()(const command::WatchStream& watch) {
    const std::vector<KnownStream>& streams = overlay_.streams();
    const auto fits = [&watch](const KnownStream& stream) {
      return is_part_of(stream.info.name, watch.name);
    };
    if (!streams.empty() && std::ranges::none_of(streams, fits)) {
      std::string names;
      for (const std::string& name : entries_of(streams)) names += (names.empty() ? "" : ", ") + name;
      return refused(fmt::format("there is no stream '{}' (there are: {})", watch.name, names));
    }
    return go_to(watch.name);
  }
  Answer operator()(const command::Seek& seek) {
    const auto sought = watching_.seek(seek, now_);
    return sought ? done("sought") : refused(sought.error().message);
  }
  Answer operator()(const command::Speed& speed) {
    const auto set = watching_.set_speed(speed.factor, now_);
    return set ? done(fmt::format("speed {}", speed.factor)) : refused(set.error().message);
  }
  Answer operator()(const command::Help&) { return help_answer(); }
  Answer operator()(const command::Quit&) {
    watching_.quit();
    return done("");
  }
  Answer operator()(const command::ListStreams&) {
    return streams_answer(overlay_.streams(), watching_.watched());
  }
  Answer operator()(const command::Status&) {
    AnswerLine line;
    const StreamInfo* stream = watching_.watched();
    line.add("ok", true).add("stream", watching_.stream_name());
    line.add("state", watching_.is_paused()   ? "paused"
                      : stream == nullptr     ? "waiting"
                      : watching_.has_ended() ? "ended"
                                              : "playing");
    watching_.add_status(line, now_);
    return line.finish();
  }
  Answer operator()(const command::Say&) { return std::nullopt; }

 private:
  Answer step(int by) {
    const std::vector<std::string> entries = entries_of(overlay_.streams());
    if (entries.empty()) return refused("no stream is known here yet");
    const auto here = std::ranges::find(entries, source_of(watching_.stream_name()));
    if (entries.size() == 1 && here != entries.end()) return refused("there is no other stream");
    const auto count = static_cast<std::ptrdiff_t>(entries.size());
    std::ptrdiff_t at = here == entries.end() ? (by > 0 ? -1 : count) : here - entries.begin();
    at = (at + by + count) % count;
    return go_to(entries[static_cast<std::size_t>(at)]);
  }
  Answer go_to(const std::string& name) {
    const auto watched = watching_.watch(name, now_);
    return watched ? done(fmt::format("watching '{}'", name)) : refused(watched.error().message);
  }
  Watching& watching_;
  const Overlay& overlay_;
  Now now_;
};

}  // namespace

std::vector<std::string> entries_of(const std::vector<KnownStream>& streams) {
  std::vector<std::string> entries;
  for (const KnownStream& stream : streams) {
    std::string name = source_of(stream.info.name);
    if (std::ranges::find(entries, name) == entries.end()) entries.push_back(std::move(name));
  }
  return entries;
}

std::optional<CommandAnswer> obey_watching(const Command& command, Watching& watching, const Overlay& overlay,
                                           Now now) {
  if (!watching.watches() && !std::holds_alternative<command::Quit>(command)) return std::nullopt;
  return std::visit(Obeying(watching, overlay, now), command);
}

}  // namespace ott
