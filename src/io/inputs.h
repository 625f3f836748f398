// The table of inputs: which SOURCE of the command line is which input. A new kind of input is a row in it.
#pragma once

#include <ev.h>

#include "media/input.h"
#include "media/opened_source.h"
#include "ott/log.h"
#include "ott/worker.h"

namespace ott {

/// What inputs are made with.
struct InputContext {
  struct ev_loop* loop;
  Workers& workers;
  Log& log;
  OpenedSource* file = nullptr;  // what open_ahead() has opened of the source; null or empty: nothing
};

struct InputSpec {
  /// A SOURCE that begins with it is this input's; empty: what no other row takes (the name of a file).
  std::string_view prefix;
  /// The form of such a SOURCE, for --help.
  std::string_view form;
  Result<std::unique_ptr<Input>> (*open)(const std::string& source, InputSink& sink,
                                         const InputContext& context);
  /// The part of open() that waits for a disk; null: nothing does. Any thread may call it.
  Result<OpenedSource> (*open_ahead)(const std::string& source) = nullptr;
};

/// One line per row, for --help.
std::string inputs_help();

/// Opens what a SOURCE names if that waits for a disk, else nothing: for InputTable::open(). Any thread may
/// call it.
Result<OpenedSource> open_ahead(const std::string& source);

class InputTable final : public Inputs {
 public:
  explicit InputTable(InputContext context) : context_(context) {}
  /// Takes the options that all sources have (?linger=TIME, ?standby); the rest is the row's.
  Result<std::unique_ptr<Input>> open(std::string_view source, OpenedSource file, InputSink& sink) override;

 private:
  InputContext context_;
};

}  // namespace ott
