// The messages of the overlay, one struct each, with the order of their fields on the wire given by the
// read and write functions in message.cpp and, as a grammar, by PROTOCOL.md. Records (DATA, SKIP) are in
// framer.h: they are handled in place and never become a struct that owns memory.
#pragma once

#include "ott/bytes.h"
#include "ott/framer.h"
#include "ott/tracker.h"

namespace ott {

/// What kind of process says ACK.
enum class PeerKind : std::uint8_t { Bootstrap = 0, Node = 1, Client = 2, Guest = 3 };
std::string_view to_string(PeerKind kind);

/// Opens the handshake. `ids` holds one id if the sender knows its own, or else all that it could be: the
/// bootstrapper picks the one that its topology has. A Guest sends the address it connects from.
struct Ack {
  static constexpr MessageType kType = MessageType::Ack;
  PeerKind kind = PeerKind::Node;
  std::uint64_t incarnation = 0;  // when the process started, ns since the epoch; tells a restart
  std::vector<NodeId> ids;
};

struct Peer {
  NodeId id;
  std::uint32_t cost = 1;
  std::string name;
};

/// Answers ACK. From the bootstrapper `peers` are the neighbours of `you`, or access nodes for a guest
/// (whose `you` has port 0: it has no place in the topology); between plain nodes there are none.
struct Speers {
  static constexpr MessageType kType = MessageType::Speers;
  PeerKind kind = PeerKind::Node;
  std::uint64_t incarnation = 0;
  NodeId me;
  NodeId you;
  std::vector<Peer> peers;
};

/// What two processes are to each other when the handshake is over.
enum class Relation : std::uint8_t {
  Control = 0,    // OFFLINE as an overlay link: registration and requests only
  Neighbour = 1,  // CONNECTED: an overlay link
  Guest = 2,      // CONNECTED: the connecting side is a guest of the accepting side
};

/// Sent by the connecting side with the relation it expects, and back by the accepting side with the one
/// that holds.
struct FinalAck {
  static constexpr MessageType kType = MessageType::FinalAck;
  Relation relation = Relation::Control;
};

/// Travels a path; each node on it logs where it came from and where it goes.
struct Ping {
  static constexpr MessageType kType = MessageType::Ping;
  Tracker tracker;
  NodeId from;
  std::uint64_t number = 0;
  std::uint64_t time = 0;  // sender's wall clock, ns since the epoch
};

/// A text for the destinations of its path (or for everybody).
struct Message {
  static constexpr MessageType kType = MessageType::Message;
  Tracker tracker;
  NodeId from;
  std::uint64_t number = 0;  // per sender; a flood handles each once
  std::string text;
};

/// One stream as its origin describes it.
struct StreamInfo {
  StreamId id;
  std::string name;
  std::string kind;  // of its source: pattern, clip, …
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  std::uint32_t fps_milli = 0;
  std::uint64_t bits_per_second = 0;  // measured while somebody watches
  std::uint32_t viewers = 0;

  bool operator==(const StreamInfo&) const = default;
};

/// Installs label -> children at each node of its path.
struct TrackerMessage {
  static constexpr MessageType kType = MessageType::Tracker;
  Tracker tracker;
  Label label;
  NodeId origin;
  StreamInfo stream;
  bool expects_start = false;  // the sender does not feed the receiver yet, or no longer
};

/// Child to parent: send this stream, from the frame after `last` (0: from the newest picture).
struct Start {
  static constexpr MessageType kType = MessageType::Start;
  StreamId stream;
  FrameNumber last;
  std::uint32_t number = 0;  // comes back in STARTED
};

/// Parent to child, in band: the records that answer that START follow; those before it were older.
struct Started {
  static constexpr MessageType kType = MessageType::Started;
  StreamId stream;
  std::uint32_t number = 0;
};

/// Child to parent: send no more of this stream. The label is the tree that the child goes by: a parent that
/// has sent it a newer one meanwhile waits for the START that answers it.
struct Stop {
  static constexpr MessageType kType = MessageType::Stop;
  Label label;
};

struct Adjacency {
  NodeId id;
  std::uint32_t cost = 1;

  bool operator==(const Adjacency&) const = default;
};

/// What one node says of itself: its live links and the streams it is the origin of. The newest of a
/// reporter replaces the older ones; (incarnation, number) orders them.
struct LinkState {
  NodeId reporter;
  PeerKind kind = PeerKind::Node;
  std::uint64_t incarnation = 0;
  std::uint64_t number = 0;
  std::vector<Adjacency> links;
  std::vector<StreamInfo> streams;
};

/// Floods a LinkState.
struct Links {
  static constexpr MessageType kType = MessageType::Links;
  Tracker tracker;
  LinkState state;
};

/// A request to watch (or, with no viewers, to watch no longer), to the stream's origin.
struct Watch {
  static constexpr MessageType kType = MessageType::Watch;
  Tracker tracker;
  StreamId stream;
  NodeId watcher;
  std::uint64_t incarnation = 0;  // of the watcher
  std::uint32_t viewers = 0;
  bool wants_tracker = false;  // the watcher has no path yet
};

/// Sign of life, and its echo: the round-trip time of a link.
struct Heartbeat {
  static constexpr MessageType kType = MessageType::Heartbeat;
  bool reply = false;
  std::uint64_t time = 0;  // the asker's own clock, sent back as it came
};

enum class ByeReason : std::uint8_t {
  Leaving = 1,        // the process ends
  NotInTopology = 2,  // the bootstrapper knows none of the ids
  Duplicate = 3,      // the id is taken by another process, or this connection by another one
  NotNeighbour = 4,   // the topology has no such link
  Ambiguous = 5,      // several of the ids are in the topology
  Protocol = 6,       // malformed or out of order
  NotNeeded = 7,      // a guest chose another access node, or a second connection to the same peer
  WrongRole = 8,      // not the bootstrapper
  Silent = 9,         // nothing heard for too long
};
inline constexpr std::uint8_t kByeReasonLast = 9;

/// Why the sender closes this connection.
struct Bye {
  static constexpr MessageType kType = MessageType::Bye;
  ByeReason reason{};
  std::string text;
};

/// To a guest: all the streams there are, the default one first.
struct Streams {
  static constexpr MessageType kType = MessageType::Streams;
  std::vector<StreamInfo> streams;
  std::vector<NodeId> origins;  // of streams[i]
};

void write(Writer& out, const Ack& m);
void write(Writer& out, const Speers& m);
void write(Writer& out, const FinalAck& m);
void write(Writer& out, const Ping& m);
void write(Writer& out, const Message& m);
void write(Writer& out, const TrackerMessage& m);
void write(Writer& out, const Start& m);
void write(Writer& out, const Started& m);
void write(Writer& out, const Stop& m);
void write(Writer& out, const Links& m);
void write(Writer& out, const Watch& m);
void write(Writer& out, const Heartbeat& m);
void write(Writer& out, const Bye& m);
void write(Writer& out, const Streams& m);

void read(Reader& in, Ack& m);
void read(Reader& in, Speers& m);
void read(Reader& in, FinalAck& m);
void read(Reader& in, Ping& m);
void read(Reader& in, Message& m);
void read(Reader& in, TrackerMessage& m);
void read(Reader& in, Start& m);
void read(Reader& in, Started& m);
void read(Reader& in, Stop& m);
void read(Reader& in, Links& m);
void read(Reader& in, Watch& m);
void read(Reader& in, Heartbeat& m);
void read(Reader& in, Bye& m);
void read(Reader& in, Streams& m);

/// Appends the whole message, header included. REQUIRES: the body fits kBodyBytesMax.
template <class T>
void encode(std::vector<std::uint8_t>& out, const T& message) {
  const std::size_t at = out.size();
  out.resize(at + kHeaderBytes);
  Writer writer(out);
  write(writer, message);
  Header header;
  header.type = T::kType;
  header.length = static_cast<std::uint32_t>(out.size() - at - kHeaderBytes);
  store_header(out.data() + at, header);
}

/// Reads a body (what follows the header). Nothing if it is malformed in any way, or longer than it says.
template <class T>
std::optional<T> decode(ByteSpan body) {
  Reader reader(body);
  T message;
  read(reader, message);
  if (!reader.complete()) return std::nullopt;
  return message;
}

}  // namespace ott
