// The answers to commands: JSON objects of one line, {"ok":true,…} or {"ok":false,"error":"…"}.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "media/commands.h"
#include "overlay/overlay.h"
#include "role/json_line.h"

namespace ott {

class AnswerLine : public JsonLine {
 public:
  /// Once.
  CommandAnswer finish(std::string words = {}) { return {true, JsonLine::finish(), std::move(words)}; }
};

CommandAnswer done(std::string words);
/// `why` is for people.
CommandAnswer refused(std::string why);
CommandAnswer help_answer();
/// `watched`: the stream that is watched here; null: none.
CommandAnswer streams_answer(const std::vector<KnownStream>& streams, const StreamInfo* watched);
/// Of a process that watches nothing itself.
CommandAnswer node_status(std::string_view role, const Overlay& overlay);

}  // namespace ott
