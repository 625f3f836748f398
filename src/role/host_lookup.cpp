#include "role/host_lookup.h"

#include <fmt/format.h>

namespace ott {
namespace {

constexpr Retry::Pauses kPauses = {std::chrono::milliseconds(250), std::chrono::seconds(5)};
constexpr Duration kAgainAfter = std::chrono::seconds(5);

}  // namespace

class HostLookup::Looking : public Job {
 public:
  Looking(std::string host, LookUpHost look_up) : host_(std::move(host)), look_up_(look_up) {}
  void run() override { found = look_up_(host_); }

  Result<std::vector<IpAddress>> found;

 private:
  std::string host_;
  LookUpHost look_up_;
};

HostLookup::HostLookup(RoleContext& context, const HostName& name)
    : name_(name),
      look_up_host_(context.look_up_host),
      log_(context.log),
      queue_(context.workers->make_queue(WorkKind::Input, {})),
      random_(context.options.overlay.random_seed) {}

void HostLookup::look_up() { queue_->submit(std::make_unique<Looking>(name_.host, look_up_host_)); }

std::optional<std::vector<NodeId>> HostLookup::step(bool wanted, Now now) {
  if (retry_.take_due(now)) look_up();
  if (!wanted) again_at_ = MonoTime::max();
  if (wanted && found_ && again_at_ == MonoTime::max()) again_at_ = now.mono + kAgainAfter;
  if (now.mono >= again_at_) {
    again_at_ = MonoTime::max();
    if (queue_->has_room()) look_up();
  }
  const std::unique_ptr<Job> job = queue_->collect();
  if (job == nullptr) return std::nullopt;
  const auto& found = static_cast<Looking&>(*job).found;
  if (!found) {
    if (found_) return std::nullopt;  // those that there were may be right
    if (failure_.empty()) log_.warning(found.error().message + "; trying again until it is known");
    failure_ = found.error().message;
    retry_.schedule(kPauses, random_, now);
    return std::nullopt;
  }
  found_ = true;
  failure_.clear();
  std::vector<NodeId> ids;
  for (const IpAddress& address : *found) ids.push_back({address, name_.port});
  return ids;
}

std::string HostLookup::trouble() const {
  if (found_) return "";
  return failure_.empty() ? fmt::format("the name '{}' is being looked up", name_.host) : failure_;
}

}  // namespace ott
