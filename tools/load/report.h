// The results as a table for people and as JSON for programs.
#pragma once

#include <string>

#include "crowd.h"

namespace ott::load {

struct Published {
  std::uint64_t frames = 0;
  double seconds = 0;
};

/// `results` if there were viewers, `published` if there were streams.
std::string to_table(const Plan& plan, const Results* results, const Published* published);
std::string to_json(const Plan& plan, const Results* results, const Published* published);

/// True if every viewer could watch to the end.
bool all_watched(const Results& results);

}  // namespace ott::load
