// A node of the overlay that is the origin of synthetic streams: the real engine with a source that costs
// next to nothing.
#pragma once

#include <vector>

#include "plan.h"
#include "published.h"
#include "role/overlay_role.h"

namespace ott::load {

class OttPublisher : public OverlayRole {
 public:
  OttPublisher(RoleContext& context, const Plan& plan);

  bool send_advance(LinkId link, std::size_t bytes, Now now) override;
  void set_blocked(LinkId link, bool blocked, Now now) override;
  [[nodiscard]] const Published& published() const { return published_; }

 protected:
  void step(Now now) override;
  [[nodiscard]] MonoTime role_deadline() const override { return next_at_; }
  [[nodiscard]] std::string_view name() const override { return "load"; }

 private:
  struct Stream {
    StreamId id;
    FrameNumber last;
    std::uint16_t sequence = 0;
    MonoTime due{};
    Duration interval{};
    std::size_t frame_bytes = 0;
    std::size_t gop = 1;
  };

  void announce(Now now);
  void add_stream(StreamInfo info, Stream stream, Now now);
  void publish(Stream& stream, Now now);
  void publish_what_is_taken(Now now);

  const Plan& plan_;
  std::vector<Stream> streams_;
  MonoTime next_at_ = MonoTime::max();
  Published published_;
};

}  // namespace ott::load
