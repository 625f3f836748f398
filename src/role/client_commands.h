// What the commands of a viewer mean, whichever way they come in: pause and resume, other streams, places in
// a film. The client performs it.
#pragma once

#include <optional>
#include <string>

#include "role/command.h"
#include "role/command_answer.h"

namespace ott {

/// What a client watches, as commands change it.
class Watching {
 public:
  virtual ~Watching() = default;
  /// False for a process that was started for something else.
  [[nodiscard]] virtual bool watches() const = 0;
  [[nodiscard]] virtual bool is_paused() const = 0;
  /// True at the end of a film.
  [[nodiscard]] virtual bool has_ended() const = 0;
  /// Null while there is none.
  [[nodiscard]] virtual const StreamInfo* watched() const = 0;
  /// What is watched, or was last, or is waited for; empty: any.
  [[nodiscard]] virtual std::string stream_name() const = 0;
  virtual void pause(Now now) = 0;
  virtual void resume(Now now) = 0;
  /// Another stream, or the same one anew; ends a pause. The error says what holds the stream so far.
  virtual Result<void> watch(const std::string& name, Now now) = 0;
  /// Places and speeds are a film's. The error says why what is watched has none.
  virtual Result<void> seek(const command::Seek& to, Now now) = 0;
  virtual Result<void> set_speed(double factor, Now now) = 0;
  /// Ends the process soon.
  virtual void quit() = 0;
  virtual void add_status(AnswerLine& line, Now now) const = 0;
};

/// Does what a command asks of a viewer. Nothing for one that any role takes.
std::optional<CommandAnswer> obey_watching(const Command& command, Watching& watching, const Overlay& overlay,
                                           Now now);

/// What `next` and `previous` go through: each stream once, the parts of one ("cam/video", "cam/audio") as
/// one.
std::vector<std::string> entries_of(const std::vector<KnownStream>& streams);

}  // namespace ott
