// What the flags mean together, and whether that is right: from Words to a Config, a group of flags at a
// time. An error begins with how its flag is called (Words::called).
#pragma once

#include "app/config.h"
#include "app/flags.h"

namespace ott {

/// The role, and whether each flag that was given is for it.
Result<void> check_role(const Words& words, Config& config);
/// What the overlay engine is told; addresses, sizes and times. REQUIRES: the role.
Result<void> check_overlay(const Words& words, Config& config);
/// Which outlets are to run, with the flags beside them. REQUIRES: the role.
Result<void> check_outlets(const Words& words, Config& config);
/// The streams that begin here, or the one that is watched. REQUIRES: the outlets.
Result<void> check_streams(const Words& words, Config& config);
/// What only a client is told. REQUIRES: all of the above.
Result<void> check_client(const Words& words, Config& config);

}  // namespace ott
