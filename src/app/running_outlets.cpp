#include "app/running_outlets.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <iterator>
#include <utility>

namespace ott {
namespace {

bool is_same(const OutletRequest& a, const OutletRequest& b) {
  return a.spec == b.spec && a.arguments == b.arguments;
}

template <class List, class Of>
bool has(const List& list, const OutletRequest& request, Of of) {
  return std::ranges::any_of(list, [&](const auto& each) { return is_same(std::invoke(of, each), request); });
}

}  // namespace

Result<std::vector<std::unique_ptr<Outlet>>> RunningOutlets::open(const std::vector<OutletRequest>& wanted) {
  opened_.clear();
  std::vector<std::unique_ptr<Outlet>> outlets;
  for (const OutletRequest& request : wanted) {
    if (has(running_, request, &Running::request)) continue;
    auto outlet = request.spec->open(request.arguments, context_);
    if (!outlet) {
      const std::string& why = outlet.error().message;
      if (why.starts_with("--")) return tl::unexpected<Error>(outlet.error());  // of a flag beside it
      return fail(fmt::format("{} {}: {}", request.spec->flag.name, request.arguments.value, why));
    }
    opened_.push_back({request, outlet->get()});
    outlets.push_back(std::move(*outlet));
  }
  return outlets;
}

std::vector<std::pair<const Outlet*, std::string_view>> RunningOutlets::not_in(
    const std::vector<OutletRequest>& wanted) const {
  std::vector<std::pair<const Outlet*, std::string_view>> gone;
  for (const Running& each : running_) {
    if (!has(wanted, each.request, std::identity()))
      gone.emplace_back(each.outlet, each.request.spec->flag.name);
  }
  return gone;
}

void RunningOutlets::note(const std::vector<OutletRequest>& wanted) {
  std::erase_if(running_,
                [&wanted](const Running& each) { return !has(wanted, each.request, std::identity()); });
  std::ranges::move(std::exchange(opened_, {}), std::back_inserter(running_));
}

}  // namespace ott
