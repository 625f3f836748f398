// The table of outlets: which flag of the command line makes which outlet. A new kind of outlet is a row in
// it.
#pragma once

#include <ev.h>

#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "io/listeners.h"
#include "media/http_token.h"
#include "media/outlet.h"
#include "ott/log.h"
#include "ott/worker.h"

namespace ott {

/// What outlets are made with.
struct OutletContext {
  struct ev_loop* loop;
  Workers& workers;
  Log& log;
  Listeners& listeners;
};

/// A flag of the command line.
struct OutletFlag {
  std::string_view name;       // "--http"
  std::string_view type_name;  // of its value, for --help: "[ADDR:]PORT"
  std::string_view help;
  bool names_token = false;  // its value is a file whose text counts as much as its name
};

/// What the command line says for one outlet.
struct OutletArguments {
  std::string value;                                // of its own flag
  std::map<std::string_view, std::string> options;  // the flags beside it that were given
  HttpToken token;                                  // that stands in a file which one of these names
  std::string stream;                               // for outlets of one stream; empty: the default one

  bool operator==(const OutletArguments&) const = default;
};

struct OutletSpec {
  OutletFlag flag;
  std::span<const OutletFlag> options;  // flags that mean something beside it only
  bool of_one_stream = false;  // of the one that --stream NAME names; the others choose for themselves
  /// Opens nothing yet: that is begin()'s. The error says what is wrong with the arguments and what is right.
  Result<std::unique_ptr<Outlet>> (*open)(const OutletArguments& arguments, const OutletContext& context);
};

std::span<const OutletSpec* const> outlet_specs();

}  // namespace ott
