// The way of the bytes: what a link receives goes straight into the ring of the stream that it carries, and
// what a link sends comes straight out of it. Control messages are found among the records and handed out.
//
// A link that is the parent of a stream receives into that stream's ring (it is the flow's receiver) for as
// long as nothing but that stream's records, in order, arrives. Anything else moves the rest of what was
// received to a scratch buffer, is taken from there, and the link becomes the receiver again. So a relay
// copies payload only in the rare read that a control message shares with records. A link that carries
// several streams is read record by record, so that payload is not copied there either, unless its records
// are small: then a read costs more than a copy, and all that has arrived is read at once and copied.
//
// What is sent goes straight out of the rings, in one call for all streams of a link: control messages first,
// then audio and text, then all else. Where both are there, what is under way of the latter is bounded
// (flight_bound).
#pragma once

#include <array>
#include <memory>
#include <span>
#include <vector>

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
  /// True if some of what came since received() belongs to a stream that is watched here.
  [[nodiscard]] bool came_for_here() const { return came_for_here_; }
  /// Keeps the beginning of a message for the next read. Call when next_control has given nothing.
  void keep_rest(PeerLink& link);

  /// What is to be sent next, one piece for each stream; returns how many pieces there are.
  [[gnu::hot]] std::size_t send_slices(PeerLink& link, Now now, std::span<ByteSpan> pieces);
  /// `bytes` of what send_slices has given last were sent. False if nothing is left to send.
  [[gnu::hot]] bool send_advance(PeerLink& link, std::size_t bytes, Now now);

  /// When wake_held() is to be called for links whose streams had to wait for what is under way.
  [[nodiscard]] MonoTime next_deadline() const { return look_at_; }
  void wake_held(Now now);

  /// Asks the driver to send on the links of all children that have not been sent everything.
  [[gnu::hot]] void wake_children(Flow& flow);

 private:
  [[gnu::hot]] void take_from_ring(PeerLink& link, Now now);
  [[nodiscard]] std::uint32_t body_limit(const PeerLink& link) const;
  bool take_by_copy(PeerLink& link, const Record& record, ByteSpan message, Now now);
  [[gnu::hot]] void note_taken(PeerLink& link, Flow& flow, const Record& record, Now now);
  [[nodiscard, gnu::hot]] static bool may_feed(const PeerLink& link, const Flow& flow, const Record& record);
  [[nodiscard, gnu::hot]] std::size_t receive_limit(const PeerLink& link, ByteSpan pending) const;
  Flow* only_flow_of(const PeerLink& link) const;
  [[nodiscard]] bool has_small_records(const PeerLink& link) const;
  [[nodiscard]] Duration lag_max(const Child& child) const;
  [[nodiscard, gnu::hot]] ByteSpan what_to_send(const Child& child, Now now) const;
  [[gnu::hot]] bool prepare(PeerLink& link, Child& child, Now now);
  [[gnu::hot]] void gather_in_turn(PeerLink& link, FeedQueue& feeds, Now now);
  [[nodiscard]] ByteSpan bounded(PeerLink& link, const Child& child, ByteSpan bytes);
  void hold(PeerLink& link, Now now);
  [[gnu::hot]] void give(Child* child, ByteSpan bytes);
  bool outbox_advanced(PeerLink& link);

  /// What send_slices gives, while it gathers, and until send_advance.
  struct Gathering {
    struct Piece {
      Child* child;  // null: the outbox
      std::size_t bytes;
    };
    std::span<ByteSpan> pieces;
    std::array<Piece, 64> given;
    std::size_t count = 0;
    std::size_t bytes = 0;
    bool full = false;      // nothing can follow what has been gathered
    bool complete = false;  // it is all that there is
    [[nodiscard]] bool has_room() const { return !full && count < std::min(pieces.size(), given.size()); }
  };

  OverlayState& state_;
  FlowTable& flows_;
  std::unique_ptr<std::uint8_t[]> scratch_;  // one for all links: it is empty between reads
  std::size_t scratch_begin_ = 0;
  std::size_t scratch_end_ = 0;
  bool came_for_here_ = false;
  Gathering gathering_;
  std::vector<LinkId> held_;
  MonoTime look_at_ = MonoTime::max();
};

}  // namespace ott
