#include "media/page.h"

// The assembler takes each file as it is, by its path from the top folder, where the compiler runs.
// clang-format off
#define OTT_EMBED(name, path)                                     \
  __asm__(".section .rodata\n"                                    \
          ".global ott_" #name "\n.hidden ott_" #name "\n"         \
          ".global ott_" #name "_end\n.hidden ott_" #name "_end\n" \
          "ott_" #name ": .incbin \"" path "\"\n"                  \
          "ott_" #name "_end: .byte 0\n"                           \
          ".previous\n");                                          \
  extern "C" const char ott_##name[], ott_##name##_end[]
// clang-format on

OTT_EMBED(page, "src/page/dist/index.html");
OTT_EMBED(page_gzip, "build/page/index.html.gz");
OTT_EMBED(player, "src/page/dist/player.js");
OTT_EMBED(openapi, "src/role/openapi.yaml");

namespace ott {

std::string_view page() { return {ott_page, ott_page_end}; }
std::string_view page_gzip() { return {ott_page_gzip, ott_page_gzip_end}; }
std::string_view player_script() { return {ott_player, ott_player_end}; }
std::string_view openapi() { return {ott_openapi, ott_openapi_end}; }

}  // namespace ott
