// The results as a table for people and as JSON for programs.
#pragma once

#include <string>

#include "crowd.h"
#include "published.h"

namespace ott::load {

/// `results` if there were viewers, `published` if there were streams.
std::string to_table(const Plan& plan, const Results* results, const Published* published);
std::string to_json(const Plan& plan, const Results* results, const Published* published);

/// True if every viewer could watch to the end.
bool all_watched(const Results& results);

}  // namespace ott::load
