// The way of the bytes: what a link receives goes straight into the ring of the stream that it carries, and
// what a link sends comes straight out of it. Control messages are found among the records and handed out.
//
// A link that is the parent of a stream receives into that stream's ring (it is the flow's receiver) for as
// long as nothing but that stream's records, in order, arrives. Anything else moves the rest of what was
// received to a scratch buffer, is taken from there, and the link becomes the receiver again. So a relay
// copies payload only in the rare read that a control message shares with records.
#pragma once

#include <memory>

#include "overlay/flow_table.h"

namespace ott {

class DataPath {
 public:
  DataPath(OverlayState& state, FlowTable& flows);

  [[gnu::hot]] MutableByteSpan recv_slice(PeerLink& link);
  /// Commits the records that were received into the ring, and leaves what follows them to next_control. True
  /// if nothing follows them.
  [[gnu::hot]] bool received(PeerLink& link, std::size_t bytes, Now now);

  struct Control {
    Header header;
    ByteSpan body;
  };
  /// The next control message, valid until the next call; takes the records before it. A malformed message
  /// sets `complaint`, and then nothing more of this link is to be read.
  std::optional<Control> next_control(PeerLink& link, Now now, std::string& complaint);
  /// Keeps the beginning of a message for the next read. Call when next_control has given nothing.
  void keep_rest(PeerLink& link);

  [[gnu::hot]] ByteSpan send_slice(PeerLink& link, Now now);
  /// `bytes` were sent. False if nothing is left to send.
  [[gnu::hot]] bool send_advance(PeerLink& link, std::size_t bytes, Now now);

  /// Asks the driver to send on the links of all children that have not been sent everything.
  [[gnu::hot]] void wake_children(Flow& flow);

 private:
  [[gnu::hot]] void take_from_ring(PeerLink& link, Now now);
  [[nodiscard]] std::uint32_t body_limit(const PeerLink& link) const;
  bool take_by_copy(PeerLink& link, const Record& record, ByteSpan message, Now now);
  [[gnu::hot]] void note_taken(PeerLink& link, Flow& flow, const Record& record, Now now);
  [[nodiscard, gnu::hot]] static bool may_feed(const PeerLink& link, const Flow& flow);
  [[nodiscard, gnu::hot]] std::size_t receive_limit(const PeerLink& link, ByteSpan pending) const;
  Flow* only_flow_of(const PeerLink& link) const;
  [[nodiscard, gnu::hot]] ByteSpan what_to_send(const Child& child, Now now) const;
  [[gnu::hot]] ByteSpan from_feed(PeerLink& link, Child& child, Now now) const;

  OverlayState& state_;
  FlowTable& flows_;
  std::unique_ptr<std::uint8_t[]> scratch_;  // one for all links: it is empty between reads
  std::size_t scratch_begin_ = 0;
  std::size_t scratch_end_ = 0;
};

}  // namespace ott
