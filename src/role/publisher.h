// The streams that begin at this node: live ones (published_input.h), and films on request (film_server.h).
// A folder of clips is a stream for each of them.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "role/film_server.h"
#include "role/published_input.h"

namespace ott {

class Publisher {
 public:
  /// `wake`: has step() called in this round of the loop, since an input has pushed something.
  Publisher(Overlay& overlay, RoleContext& context, std::function<void()> wake);

  /// Opens all sources. The error names the stream.
  Result<void> open(const std::vector<StreamSpec>& specs, Now now);
  /// Makes the streams known. REQUIRES: this node has its place in the overlay.
  Result<void> announce(Now now);
  [[nodiscard]] bool announced() const { return announced_; }
  void step(Now now);
  [[nodiscard]] MonoTime next_deadline() const;
  void add_stats(StatsLine& line) const;

 private:
  Result<std::vector<StreamSpec>> each_of(const std::vector<StreamSpec>& specs) const;

  Overlay& overlay_;
  RoleContext& context_;
  std::function<void()> wake_;
  std::vector<std::unique_ptr<PublishedInput>> inputs_;
  FilmServer films_;
  std::vector<PublishedInput*> order_;  // as they are listed, the default one first; null: the next film
  bool announced_ = false;
};

}  // namespace ott
