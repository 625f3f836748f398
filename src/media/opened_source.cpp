#include "media/opened_source.h"

namespace ott {

Result<OpenedSource> open_paced_source(const std::string& spec, std::uint32_t first_ssrc) {
  auto timed = open_timed_source(spec, first_ssrc);
  if (!timed) return tl::unexpected<Error>(timed.error());
  if (*timed != nullptr) return OpenedSource{nullptr, std::move(*timed)};
  auto pictures = open_source(spec);
  if (!pictures) return tl::unexpected<Error>(pictures.error());
  return OpenedSource{std::move(*pictures), nullptr};
}

}  // namespace ott
