// Which streams are wanted at this node: by this process itself, and by its guests. An interest outlives the
// stream's absence: a guest whose stream leaves and returns under its id is served again without asking.
#pragma once

#include <map>
#include <vector>

#include "ott/types.h"

namespace ott {

class Interests {
 public:
  struct Interest {
    std::vector<LinkId> guests;
    bool here = false;

    [[nodiscard]] std::uint32_t viewers() const {
      return static_cast<std::uint32_t>(guests.size()) + (here ? 1U : 0U);
    }
  };

  /// Each returns false if nothing has changed by it.
  bool add_guest(StreamId stream, LinkId guest);
  bool remove_guest(StreamId stream, LinkId guest);
  bool set_here(StreamId stream, bool wanted);
  /// Removes all that the guest wanted, and returns the streams.
  std::vector<StreamId> remove_guest(LinkId guest);

  /// How many streams this guest wants.
  [[nodiscard]] std::size_t count_of(LinkId guest) const;
  [[nodiscard]] bool wants(StreamId stream, LinkId guest) const;
  /// Null if no viewer here wants it.
  [[nodiscard]] const Interest* find(StreamId stream) const;
  [[nodiscard]] std::uint32_t viewers(StreamId stream) const;
  [[nodiscard]] bool here(StreamId stream) const;
  [[nodiscard]] const std::map<StreamId, Interest>& all() const { return interests_; }

 private:
  std::map<StreamId, Interest> interests_;  // none without a viewer
  std::map<LinkId, std::vector<StreamId>> of_guest_;
};

}  // namespace ott
