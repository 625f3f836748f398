#include "overlay/interests.h"

#include <algorithm>
#include <utility>

namespace ott {

bool Interests::add_guest(StreamId stream, LinkId guest) {
  std::vector<StreamId>& streams = of_guest_[guest];
  if (std::ranges::find(streams, stream) != streams.end()) return false;
  streams.push_back(stream);
  interests_[stream].guests.push_back(guest);
  return true;
}

bool Interests::remove_guest(StreamId stream, LinkId guest) {
  const auto of_guest = of_guest_.find(guest);
  if (of_guest == of_guest_.end() || std::erase(of_guest->second, stream) == 0) return false;
  if (of_guest->second.empty()) of_guest_.erase(of_guest);
  const auto interest = interests_.find(stream);
  std::erase(interest->second.guests, guest);
  if (interest->second.viewers() == 0) interests_.erase(interest);
  return true;
}

std::vector<StreamId> Interests::remove_guest(LinkId guest) {
  const auto of_guest = of_guest_.find(guest);
  if (of_guest == of_guest_.end()) return {};
  std::vector<StreamId> streams = of_guest->second;
  for (const StreamId stream : streams) remove_guest(stream, guest);
  return streams;
}

bool Interests::set_here(StreamId stream, bool wanted) {
  if (here(stream) == wanted) return false;
  Interest& interest = interests_[stream];
  interest.here = wanted;
  if (interest.viewers() == 0) interests_.erase(stream);
  return true;
}

std::size_t Interests::count_of(LinkId guest) const {
  const auto found = of_guest_.find(guest);
  return found == of_guest_.end() ? 0 : found->second.size();
}

bool Interests::wants(StreamId stream, LinkId guest) const {
  const auto found = of_guest_.find(guest);
  return found != of_guest_.end() && std::ranges::find(found->second, stream) != found->second.end();
}

const Interests::Interest* Interests::find(StreamId stream) const {
  const auto found = interests_.find(stream);
  return found == interests_.end() ? nullptr : &found->second;
}

std::uint32_t Interests::viewers(StreamId stream) const {
  const Interest* interest = find(stream);
  return interest == nullptr ? 0 : interest->viewers();
}

bool Interests::here(StreamId stream) const {
  const Interest* interest = find(stream);
  return interest != nullptr && interest->here;
}

}  // namespace ott
