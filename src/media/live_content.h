// What viewers of our HTTP server are sent of a stream that has no pictures of its own to be chosen from:
// pieces one behind the other, made once and shared by all. Each viewer has a cursor, and the content decides
// what a viewer that is too slow is not sent. No I/O.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "media/outlet.h"
#include "ott/time.h"

namespace ott {

using LiveBytes = std::shared_ptr<const std::vector<std::uint8_t>>;

/// Where a viewer is. Its content's alone, but for `skipped`.
struct LiveCursor {
  std::uint64_t next = 0;     // the piece that it is sent next
  std::uint64_t history = 0;  // pieces before this one were here when it came, and are no lag
  unsigned generation = 0;    // of the content
  LiveBytes head{};           // that it was sent last
  bool skips_video = false;   // until decoding can begin again
  std::uint64_t skipped = 0;  // pieces that it was not sent, since it was too slow
};

class LiveContent {
 public:
  virtual ~LiveContent() = default;
  /// In each round of the loop, before anything else of that round is asked.
  virtual void step(Now /*now*/) {}
  /// Empty until it is known.
  [[nodiscard]] virtual std::string content_type() const = 0;
  /// Why nothing comes, for people.
  [[nodiscard]] virtual std::string why_nothing() const = 0;
  /// Where a new viewer begins. REQUIRES: the content type is known.
  [[nodiscard]] virtual LiveCursor begin() const = 0;
  /// The same for one that comes again, and names the last event that it has; empty: it names none.
  [[nodiscard]] virtual LiveCursor begin_after(std::string_view /*last_id*/) const { return begin(); }
  /// How many bytes are here for a cursor that has begun just now.
  [[nodiscard]] virtual std::size_t backlog_bytes(const LiveCursor& /*cursor*/) const { return 0; }
  /// What a viewer is sent next, and its cursor moves on; null if nothing is here.
  virtual LiveBytes next(LiveCursor& cursor, Now now) = 0;
  /// True if nothing more comes for such a cursor: what follows is another content, with a beginning of its
  /// own.
  [[nodiscard]] virtual bool has_ended(const LiveCursor& cursor) const = 0;
  /// Rises with each piece, and when it ends for its viewers.
  [[nodiscard]] virtual std::uint64_t count() const = 0;
};

}  // namespace ott
