// The streams that can be watched from here: a node has them from the link states, a guest from its access
// node, and a member that is a guest as well from both. The list is made once for each change, since it is
// asked for often. Of several sources of one name the nearest stands first, if their streams go by a measured
// metric (source_order.h); a guest has that order from its access node. A viewer's own stream of a film is in
// no list: it is known to those alone who asked for it (film_requests.h).
#pragma once

#include <map>
#include <vector>

#include "overlay/overlay_config.h"
#include "overlay/source_order.h"

namespace ott {

class StreamList {
 public:
  explicit StreamList(OverlayState& state) : state_(state) {}

  /// The default stream first.
  [[nodiscard]] const std::vector<KnownStream>& all() const { return streams_; }
  /// Null if no origin that can be reached has it, and it is none of those that are known beside the list.
  [[nodiscard]] const KnownStream* find(StreamId stream) const;
  [[nodiscard]] bool is_listed(StreamId stream) const { return place_.contains(stream); }
  /// A stream that is in no list; until forget_unlisted().
  void know_unlisted(const KnownStream& stream) { unlisted_[stream.info.id] = stream; }
  void forget_unlisted(StreamId stream) { unlisted_.erase(stream); }
  /// Changes when the streams may have.
  [[nodiscard]] std::uint64_t version() const { return version_; }

  /// Link states have changed: makes the list anew, and sends it to guests if it is different.
  void on_overlay_changed(Now now);
  /// What is measured of links has changed: soon looks which sources are the nearest.
  void on_facts_changed(Now now);
  /// An access node's list. Of two, that of the newer one counts as soon as it is here.
  void on_streams(const PeerLink& link, const Streams& message, Now now);
  /// The link to an access node is gone. A guest keeps its list until it has another.
  void on_access_ended(const PeerLink& link, Now now);
  void send_to(PeerLink& guest);

  [[nodiscard]] MonoTime next_deadline() const { return std::min(look_at_, sources_.next_deadline()); }
  void tick(Now now);

 private:
  void set(std::vector<KnownStream> streams);
  void take(std::vector<KnownStream> streams, Now now);
  void put_nearest_first(std::vector<KnownStream>& streams, Now now);
  [[nodiscard]] std::uint64_t cost_of(const KnownStream& stream) const;

  OverlayState& state_;
  std::vector<KnownStream> streams_;
  std::vector<KnownStream> of_access_;               // the access node's list, at a member
  std::map<LinkId, std::vector<KnownStream>> said_;  // by access nodes: one, or two while a guest moves
  std::map<StreamId, std::size_t> place_;
  SourceOrder sources_;
  bool has_choice_ = false;  // some name has several sources that go by a measured metric
  MonoTime look_at_ = MonoTime::max();
  std::map<StreamId, KnownStream> unlisted_;  // FilmRequests bounds them
  std::uint64_t version_ = 0;
};

}  // namespace ott
