// The answers to commands: JSON objects of one line, {"ok":true,…} or {"ok":false,"error":"…"}.
#pragma once

#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "media/commands.h"
#include "overlay/overlay.h"

namespace ott {

/// Built member by member.
class AnswerLine {
 public:
  AnswerLine();
  AnswerLine& add(std::string_view key, std::string_view value);
  AnswerLine& add(std::string_view key, const char* value) { return add(key, std::string_view(value)); }
  AnswerLine& add(std::string_view key, std::uint64_t value);
  AnswerLine& add(std::string_view key, double value);
  AnswerLine& add(std::string_view key, bool value);
  void begin_list(std::string_view key);
  void begin() { json_.StartObject(); }
  void end() { json_.EndObject(); }
  void end_list() { json_.EndArray(); }
  /// Once.
  CommandAnswer finish(std::string words = {});

 private:
  void key(std::string_view name);

  rapidjson::StringBuffer buffer_;
  rapidjson::Writer<rapidjson::StringBuffer> json_{buffer_};
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
