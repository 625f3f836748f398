// The roles there are. Each is defined at the foot of its own file.
#pragma once

#include <array>

#include "role/role.h"

namespace ott {

extern const RoleSpec kBootstrapRole;
extern const RoleSpec kNodeRole;
extern const RoleSpec kClientRole;

inline constexpr std::array kRoles = {&kBootstrapRole, &kNodeRole, &kClientRole};

}  // namespace ott
