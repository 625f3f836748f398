// The table of inputs: which SOURCE of the command line is which input. A new kind of input is a row in it.
#pragma once

#include <ev.h>

#include "media/input.h"
#include "ott/log.h"
#include "ott/worker.h"

namespace ott {

/// What inputs are made with.
struct InputContext {
  struct ev_loop* loop;
  Workers& workers;
  Log& log;
};

struct InputSpec {
  /// A SOURCE that begins with it is this input's; empty: what no other row takes (the name of a file).
  std::string_view prefix;
  /// The form of such a SOURCE, for --help.
  std::string_view form;
  Result<std::unique_ptr<Input>> (*open)(const std::string& source, InputSink& sink,
                                         const InputContext& context);
};

/// One line per row, for --help.
std::string inputs_help();

class InputTable final : public Inputs {
 public:
  explicit InputTable(InputContext context) : context_(context) {}
  /// Takes the options that all sources have (?linger=TIME, ?standby); the rest is the row's.
  Result<std::unique_ptr<Input>> open(std::string_view source, InputSink& sink) override;

 private:
  InputContext context_;
};

}  // namespace ott
