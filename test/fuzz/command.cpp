// Any bytes as a command, as the keys of a terminal, and as what a client is to say: a command that is
// understood is within its bounds, and a refusal can be shown on any terminal.
#include "role/command.h"

#include <algorithm>

#include "media/commands.h"
#include "media/keys.h"
#include "ott/assert.h"
#include "ott/bytes.h"
#include "overlay/messages.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(data, data + size);
  const auto parsed = ott::parse_command(text);
  if (!parsed) {
    OTT_ASSERT(!parsed.error().message.empty());
    OTT_ASSERT(std::ranges::none_of(parsed.error().message, [](char c) { return c == '\x1b'; }));
  } else if (const auto* speed = std::get_if<ott::command::Speed>(&*parsed)) {
    OTT_ASSERT(speed->factor >= ott::kSpeedMin && speed->factor <= ott::kSpeedMax);
  } else if (const auto* say = std::get_if<ott::command::Say>(&*parsed)) {
    OTT_ASSERT(!say->text.empty() && std::ranges::none_of(say->to, &std::string::empty));
  }

  ott::KeyReader keys;
  for (std::size_t i = 0; i < size; ++i) {
    const std::string_view line = keys.take(data[i]);
    OTT_ASSERT(line.empty() || ott::parse_command(line));
  }
  if (ott::check_message_text(text)) {
    OTT_ASSERT(size <= ott::kTextBytesMax && !ott::has_control_character(text));
  }
  return 0;
}
