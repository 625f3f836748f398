// What unit tests have in common beside that: precompiled, too.
#include "precompiled.h"

#include <catch2/catch.hpp>
#include <fstream>
