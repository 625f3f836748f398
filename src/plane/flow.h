// One stream at one node: its buffer, the link that it comes in by, and the children that it goes out to. The
// node's table of flows owns the flow, and the flow owns its children. A link borrows a child for as long as
// both exist.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "ott/message.h"
#include "plane/feed.h"

namespace ott {

struct Flow;

/// What each frame needs of a child lies in its first two cache lines: with many children, each is a cache
/// miss.
struct alignas(64) Child {
  Flow* flow = nullptr;
  LinkId link;
  Child* next_awake = nullptr;  // of the link's feeds with something to send: see FeedQueue
  bool awake = false;
  Feed feed;

  NodeId node;
  bool urgent = false;  // which of the link's two queues it is in
  bool guest = false;
  bool tracker_sent = false;
  bool asked = false;  // START has come
  FrameNumber last;    // the frame that it named
  bool gap = false;    // it has not got that one: see Feed::start
  std::uint32_t start_number = 0;
  MonoTime since{};  // when a TRACKER made it a child
};

struct Flow {
  Flow(StreamBuffer stream_buffer, const NodeId& stream_origin, StreamInfo stream_info)
      : origin(stream_origin), info(std::move(stream_info)), buffer(std::move(stream_buffer)) {}

  [[nodiscard]] StreamId id() const { return info.id; }
  /// Audio and text go before video and all else on a link that cannot take all.
  [[nodiscard]] bool is_urgent() const {
    return info.format.media == MediaKind::Audio || info.format.media == MediaKind::Text;
  }
  Child* child(LinkId link);
  Child& add_child(LinkId link, const NodeId& node);
  void remove_child(LinkId link);
  /// The START that this node owes its parent: the oldest frame that it or a child of it needs.
  [[nodiscard]] FrameNumber start_after() const;
  /// True if whoever joins here waits for a sync point, since the buffer began between two of them: the
  /// parent may have what is missing. Asking for it a second time would not help.
  [[nodiscard]] bool lacks_beginning() const;
  /// True if what comes after this frame is left out, up to the next sync point.
  [[nodiscard]] bool leaves_out_all_after(FrameNumber frame) const {
    return buffer.ends_with_skip() && buffer.first_after(frame) == nullptr;
  }
  /// True if somebody who joins needs the sync point before start_after() as well.
  [[nodiscard]] bool somebody_joins() const;
  /// True once every child has sent its START.
  [[nodiscard]] bool all_children_asked() const;
  /// Notes that the parent must be sent a START, once it is known what to ask for. An answer to an earlier
  /// START no longer counts.
  void owe_start() {
    start_sent = started = false;
    only_known_since = MonoTime::max();
    ++start_number;
  }
  /// Makes room for `bytes` at the head. Children whose frames are overwritten by that skip them.
  [[gnu::hot]] MutableByteSpan room(std::size_t bytes);

  NodeId origin;
  StreamInfo info;
  Label label;                        // of the last TRACKER
  MonoTime labelled_at{};             // when it came
  std::vector<NodeId> tree_children;  // this node's children in the stream's tree
  std::size_t levels = 0;             // of the tree below this node
  bool own = false;                   // this node is the origin
  bool watched_here = false;

  StreamBuffer buffer;
  unsigned buffer_number = 0;  // positions are valid only in the buffer with this number
  unsigned numbering = 0;      // frame numbers are comparable only under the same one: see STARTED
  std::optional<LinkId> parent;
  std::optional<LinkId> former_parent;  // still sends until the new parent's first record is here
  std::optional<LinkId> receiver;       // the link whose bytes are received straight into the buffer
  bool start_sent = false;
  MonoTime rewound_at;                           // when the flow last began anew for a child
  FrameNumber reached;                           // its last frame then, until it is here again; 0: none
  Backlog since_rewound;                         // what has come since
  FrameNumber began_after;                       // what our START named when the buffer was empty; 0: none
  bool asked_for_beginning = false;              // it said that somebody joins
  bool joins_here = false;                       // this node itself does
  std::uint32_t start_number = 0;                // of our last START
  FrameNumber asked_after;                       // what it named
  bool started = false;                          // the parent has answered it
  MonoTime start_deadline = MonoTime::max();     // START is sent then, even if some children have not asked
  MonoTime linger_until = MonoTime::max();       // when a stream that nobody wants any more is removed
  MonoTime unreachable_since = MonoTime::max();  // when its origin could not be reached any more
  MonoTime unlisted_since = MonoTime::max();     // when its origin's link state ceased to list it
  // To find a parent that lives and sends nothing of this stream.
  MonoTime parent_fed_at{};  // when its last record came, or when it became the parent
  MonoTime parent_since{};
  MonoTime only_known_since = MonoTime::max();  // since when it has sent only what is here already
  MonoTime complain_at{};                       // the next complaint may be made then
  std::optional<NodeId> suspect;  // the former parent if it sent nothing; avoided once the new one sends
  std::optional<NodeId> avoided;  // for a while no TRACKER is taken from it
  MonoTime avoided_until{};
  std::uint64_t sync_points_lost = 0;  // of the buffer's, how many were counted and warned of
  Duration avoided_for{};
  /// In the order of their links, which is mostly that of their sockets in memory. With a thousand children
  /// any other order costs more.
  std::vector<std::unique_ptr<Child>> children;
};

}  // namespace ott
