// The parts of a stream that is alone, for fakes of WatchableStreams: itself.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "media/outlet.h"

namespace ott::test {

/// Taken when the stream is listed already.
class PartsOfOne final : public PartsSubscription {
 public:
  PartsOfOne(WatchableStreams& streams, const std::string& name, PartsTaker& taker) {
    for (const StreamInfo& stream : streams.all()) {
      if (!is_part_of(stream.name, name)) continue;
      FrameTaker* frames = taker.on_part(stream);
      if (frames == nullptr) continue;
      parts_.push_back(stream);
      taken_.push_back(streams.subscribe(stream.name, *frames));
    }
  }

  [[nodiscard]] std::vector<StreamInfo> parts() const override { return parts_; }
  [[nodiscard]] std::string why_nothing() const override { return ""; }

 private:
  std::vector<StreamInfo> parts_;
  std::vector<std::unique_ptr<Subscription>> taken_;
};

}  // namespace ott::test
