#include "role/command_answer.h"

#include <utility>

#include "ott/text.h"
#include "role/command.h"

namespace ott {

CommandAnswer done(std::string words) {
  AnswerLine line;
  line.add("ok", true);
  if (!words.empty()) line.add("text", words);
  return line.finish(std::move(words));
}

CommandAnswer refused(std::string why) {
  AnswerLine line;
  line.add("ok", false).add("error", why);
  CommandAnswer answer = line.finish(std::move(why));
  answer.ok = false;
  return answer;
}

CommandAnswer help_answer() {
  AnswerLine line;
  line.add("ok", true).add("commands", kCommandsHelp).add("keys", kKeysHelp);
  return line.finish(std::string(kKeysHelp));
}

CommandAnswer streams_answer(const std::vector<KnownStream>& streams, const StreamInfo* watched) {
  AnswerLine line;
  line.add("ok", true);
  line.begin_list("streams");
  for (const KnownStream& stream : streams) {
    const StreamInfo& info = stream.info;
    line.begin();
    line.add("name", info.name).add("origin", to_string(stream.origin)).add("source", info.kind);
    line.add("media", to_string(info.format.media)).add("encoding", info.format.encoding);
    line.add("state", to_string(info.state));
    line.add("on_request", info.on_request);
    line.add("watched", watched != nullptr && watched->id == info.id);
    line.end();
  }
  line.end_list();
  return line.finish(counted(streams.size(), "stream"));
}

CommandAnswer node_status(std::string_view role, const Overlay& overlay) {
  std::uint64_t linked = 0;
  std::uint64_t guests = 0;
  for (const PeerLink& link : overlay.links().all()) {
    linked += link.is_neighbour() ? 1 : 0;
    guests += link.is_guest() ? 1 : 0;
  }
  AnswerLine line;
  line.add("ok", true).add("role", role);
  if (const auto self = overlay.self()) line.add("id", to_string(*self));
  line.add("neighbours", linked).add("guests", guests);
  line.add("streams", std::uint64_t{overlay.streams().size()});
  line.add("flows", std::uint64_t{overlay.flows().all().size()});
  return line.finish();
}

}  // namespace ott
