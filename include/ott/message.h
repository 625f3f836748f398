// The messages of the overlay, one struct each, with the order of their fields on the wire given by the
// read and write functions in message.cpp and, as a grammar, by PROTOCOL.md. Records (DATA, SKIP) are in
// framer.h: they are handled in place and never become a struct that owns memory.
#pragma once

#include <tuple>

#include "ott/bytes.h"
#include "ott/framer.h"
#include "ott/media_format.h"
#include "ott/tracker.h"

namespace ott {

// The ranges in which a peer's numbers make sense. A message with one outside is malformed.
/// A link state's highest sequence number. A LINKS with it is a withdrawal, and has neither links nor
/// streams.
inline constexpr std::uint64_t kSequenceMax = (std::uint64_t{1} << 62U) - 1;
/// Counters and times of PING, MESSAGE and HEARTBEAT stay below this, so that they can be subtracted.
inline constexpr std::uint64_t kNumberMax = (std::uint64_t{1} << 63U) - 1;
inline constexpr std::uint32_t kHelloMsMin = 5;
inline constexpr std::uint32_t kHelloMsMax = 60'000;
inline constexpr std::uint16_t kLifetimeMaxS = 3'600;
/// A topology's costs end at 1,000,000, and damping adds ten times that to a link's cost.
inline constexpr std::uint32_t kCostMax = (1U << 24U) - 1;
inline constexpr std::uint32_t kViewersMax = 1U << 20U;
inline constexpr std::size_t kAckIdsMax = 64;
inline constexpr std::size_t kPeerAddressesMax = 64;
inline constexpr std::size_t kAccessNodesMax = 64;
inline constexpr std::size_t kStateLinksMax = 4'096;
inline constexpr std::size_t kStateStreamsMax = 64;
inline constexpr std::size_t kStreamsMax = 1'024;  // of all origins; what STREAMS can hold
inline constexpr std::size_t kNameBytesMax = 255;
/// The name of an overlay that says none, and the longest.
inline constexpr std::string_view kOverlayNameDefault = "ott";
inline constexpr std::size_t kOverlayNameBytesMax = 64;
inline constexpr std::size_t kTextBytesMax = 1'024;  // of MESSAGE, BYE, REFUSED, ABSENT and answers
/// A position in a film, in ms: as far as a duration goes.
inline constexpr std::uint32_t kFilmPositionMax = ~std::uint32_t{0};
/// The range of a film's speed, in thousandths of its own; 0 is a pause.
inline constexpr std::uint32_t kFilmSpeedMin = 250;
inline constexpr std::uint32_t kFilmSpeedMax = 4'000;
inline constexpr std::uint32_t kFilmSpeedNormal = 1'000;

/// What kind of process says ACK.
enum class PeerKind : std::uint8_t { Bootstrap = 0, Node = 1, Client = 2, Guest = 3 };
std::string_view to_string(PeerKind kind);

/// What each end of a connection says of itself in its first message.
struct Greeting {
  PeerKind kind = PeerKind::Node;
  std::uint64_t incarnation = 0;   // differs for each start of a process
  std::uint32_t hello_ms = 100;    // its hello interval on links to neighbours
  std::uint64_t capabilities = 0;  // a bit each; unknown ones mean nothing
};
/// This process chooses its neighbours itself, and takes others that do.
inline constexpr std::uint64_t kFindsNeighbours = 2;

/// A guest may end the handshake with FINALACK control here, and keep the connection to measure its round
/// trip.
inline constexpr std::uint64_t kTakesMeasuring = 1;

/// Opens the handshake. `ids` holds one id if the sender knows its own, or else all that it could be: the
/// bootstrapper picks the one that its topology has. A Guest sends the address it connects from.
struct Ack {
  static constexpr MessageType kType = MessageType::Ack;
  Greeting greeting;
  std::vector<NodeId> ids;
  std::string overlay{kOverlayNameDefault};  // its name; another overlay's process is sent away
};

struct Peer {
  NodeId id;
  std::uint32_t cost = 1;
  std::string name;
  NodeId at{};                      // where to connect to it; no address: at its id
  std::vector<NodeId> addresses{};  // its further ones

  [[nodiscard]] const NodeId& where() const { return at.address.is_unspecified() ? id : at; }
  bool operator==(const Peer&) const = default;
};

/// Answers ACK. From the bootstrapper `peers` are the neighbours of `you` and `addresses` its further
/// addresses, or `peers` are access nodes for a guest (whose `you` has port 0: it has no place in the
/// topology). Between nodes that find their neighbours themselves they are some others that take neighbours.
/// Between other nodes there are none.
struct Speers {
  static constexpr MessageType kType = MessageType::Speers;
  Greeting greeting;
  NodeId me;
  NodeId you;
  std::vector<Peer> peers;
  std::vector<NodeId> addresses{};
  std::string overlay{kOverlayNameDefault};
};

/// From the bootstrapper to a node that is registered: the topology has changed, and this is the node's place
/// in it now.
struct Place {
  static constexpr MessageType kType = MessageType::Place;
  std::vector<Peer> peers;
  std::vector<NodeId> addresses{};

  bool operator==(const Place&) const = default;
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

/// A text for the destinations of its path, or for all nodes.
struct Message {
  static constexpr MessageType kType = MessageType::Message;
  Tracker tracker;
  NodeId from;
  std::uint64_t number = 0;  // per sender; a flood handles each once
  std::string text;
};

/// Whether a stream's source has frames.
enum class StreamState : std::uint8_t {
  Live = 0,
  Stalled = 1,  // none has come for a while; the stream goes on with the next one
  Ended = 2,    // none will come; the stream is about to be listed no more
};
inline constexpr std::uint8_t kStreamStateLast = 2;
std::string_view to_string(StreamState state);

/// What a stream's ways are chosen by (measured_graph.h).
enum class Metric : std::uint8_t {
  Cost = 0,     // the topology's costs; hops where it has none
  Latency = 1,  // round trips
  Quality = 2,  // round trips, loss, and what links can carry
};
inline constexpr std::uint8_t kMetricLast = 2;
std::string_view to_string(Metric metric);

/// One stream as its origin describes it.
struct StreamInfo {
  StreamId id;
  std::string name;
  std::string kind;         // of its source: pattern, clip, …
  std::uint32_t width = 0;  // 0: not known yet, as of a live source before its first frame
  std::uint32_t height = 0;
  std::uint32_t fps_milli = 0;  // 0: not known yet
  StreamState state = StreamState::Live;
  std::uint64_t state_since = 0;  // the origin's wall clock, ns since the epoch; 0: from the start
  MediaFormat format{};
  /// A film: each viewer asks for a stream of its own, which begins where it wants. It has no frames itself.
  bool on_request = false;
  std::uint32_t duration_ms = 0;  // of a film; 0: not known, or none
  Metric metric = Metric::Cost;

  auto operator<=>(const StreamInfo&) const = default;
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

/// Child to parent: send this stream, from the frame after `last` (0: from the newest complete frame).
struct Start {
  static constexpr MessageType kType = MessageType::Start;
  StreamId stream;
  FrameNumber last;
  std::uint32_t number = 0;  // comes back in STARTED
  bool gap = false;          // `last` was left out by SKIP: what follows must begin at a sync point
  bool joins = false;        // somebody joins: the sync point that the frame after `last` needs comes first
};

/// Parent to child, in band: the records that answer that START follow; those before it were older. They
/// begin after frame `after`. That is the START's `last`, unless the parent's stream has not come that far.
/// Then `after` is lower (0: the newest complete frame follows), and frames beyond it that the child has do
/// not belong to the stream.
struct Started {
  static constexpr MessageType kType = MessageType::Started;
  StreamId stream;
  std::uint32_t number = 0;
  FrameNumber after{};
};

/// Child to parent: send no more of this stream. The label is the tree that the child goes by: a parent that
/// has sent it a newer one meanwhile waits for the START that answers it.
struct Stop {
  static constexpr MessageType kType = MessageType::Stop;
  Label label;
};

/// What a node has measured of a link: the round trip, and how what it sends itself gets through.
struct LinkFacts {
  std::uint32_t rtt_us = 0;            // 0: not measured
  std::uint16_t loss = 0;              // of the segments sent, those sent again, in 1/10,000
  std::uint32_t could_carry_kbps = 0;  // what it took when it did not keep up; 0: it does keep up
  std::uint32_t carries_kbps = 0;      // what is sent now; 0 where it keeps up

  auto operator<=>(const LinkFacts&) const = default;
};
inline constexpr std::uint32_t kRttUsMax = 60'000'000;
inline constexpr std::uint16_t kLossMax = 10'000;

struct Adjacency {
  NodeId id;
  std::uint32_t cost = 1;
  LinkFacts facts{};

  /// Whatever is measured of it.
  [[nodiscard]] bool is_same_link(const Adjacency& other) const {
    return id == other.id && cost == other.cost;
  }
  auto operator<=>(const Adjacency&) const = default;
};

/// A node's link state: its live links and the streams it is the origin of. Of two states of one reporter the
/// one with the higher sequence number is newer. Sequence numbers go on over restarts: a restarted node
/// receives its former state from its neighbours and continues from there. Two different states with one
/// number come from two runs of the reporter, or one of them is forged. Which is newer is then decided by
/// their contents, in the same way everywhere, so that the reporter receives the newer one if it is not its
/// own.
struct LinkState {
  NodeId reporter;
  PeerKind kind = PeerKind::Node;
  std::uint64_t incarnation = 0;  // names the run of the reporter
  std::uint64_t number = 0;
  std::uint16_t lifetime_s = 0;  // what is left of it; a state that is not refreshed is forgotten then
  std::vector<Adjacency> links{};
  std::vector<StreamInfo> streams{};
  bool takes_neighbours = false;  // that find their neighbours themselves, and call it

  [[nodiscard]] bool is_newer_than(const LinkState& other) const {
    return std::tie(number, incarnation, links, streams, takes_neighbours) >
           std::tie(other.number, other.incarnation, other.links, other.streams, other.takes_neighbours);
  }
  /// Withdraws all states of this reporter: its sequence begins at 1 again.
  [[nodiscard]] bool is_withdrawal() const { return number == kSequenceMax; }
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
  FrameNumber last{};          // the last frame that it has; 0: none
  NodeId starved_by{};         // a parent that lives and sends nothing of this stream; all zero: none
};

enum class RefusedReason : std::uint8_t {
  UnknownStream = 1,  // no origin that can be reached has it
  NoRoom = 2,         // a limit of the refusing node is reached
};
inline constexpr std::uint8_t kRefusedReasonLast = 2;

/// Answers a WATCH that is refused, back to the watcher, which may ask again.
struct Refused {
  static constexpr MessageType kType = MessageType::Refused;
  Tracker tracker;
  StreamId stream;
  RefusedReason reason = RefusedReason::UnknownStream;
  std::string text;
};

/// Asks an origin how its streams are doing; travels to it, or from a guest to its access node.
struct Query {
  static constexpr MessageType kType = MessageType::Query;
  Tracker tracker;
  NodeId asker;
  std::uint32_t number = 0;
};

/// A stream's figures, which change all the time and are therefore not in link states.
struct StreamFigures {
  StreamId stream;
  std::uint32_t viewers = 0;
  std::uint64_t bits_per_second = 0;  // over the last second; 0 without viewers
  std::uint64_t frames_refused = 0;   // of its source, since the start; 0 from senders that do not say it

  bool operator==(const StreamFigures&) const = default;
};

/// Answers QUERY: from an origin about its streams, from an access node to its guest about all streams.
struct Report {
  static constexpr MessageType kType = MessageType::Report;
  Tracker tracker;
  std::uint32_t number = 0;
  std::vector<StreamFigures> figures;
};

/// Asks a neighbour for all link states that it has, as when the link came up.
struct Sync {
  static constexpr MessageType kType = MessageType::Sync;
};

/// Between a member without neighbours and the bootstrapper, on their OFFLINE link. Without nodes it asks for
/// access nodes, and the answer has them. Of the optional range: a bootstrapper that does not know it does
/// not answer.
struct AccessNodes {
  static constexpr MessageType kType = MessageType::AccessNodes;
  std::vector<Peer> nodes;
};

/// From a parent to its children and guests: why a stream does not come. Of the optional range.
struct Absent {
  static constexpr MessageType kType = MessageType::Absent;
  StreamId stream;
  std::string reason;  // for people
};

enum class FilmCommand : std::uint8_t {
  Open = 0,   // a stream of the film for this asker alone, from a position on
  Seek = 1,   // to a position
  Step = 2,   // so far from where it is, forwards or backwards
  Speed = 3,  // in thousandths; 0: a pause
  Close = 4,  // the stream is needed no more
};
inline constexpr std::uint8_t kFilmCommandLast = 4;

/// A viewer's command for a film on request, to the film's origin, or from a guest to its access node. Of the
/// optional range.
struct FilmRequest {
  static constexpr MessageType kType = MessageType::Film;
  Tracker tracker;
  NodeId asker;
  std::uint32_t number = 0;  // never 0; the same one again is the same request
  StreamId stream;           // Open: the listed film; else the asker's own stream of it
  FilmCommand command = FilmCommand::Open;
  std::int64_t value = 0;  // Open, Seek, Step: ms; Speed: thousandths; Close: 0
};

enum class FilmState : std::uint8_t {
  Playing = 0,
  Ended = 1,    // no frame follows but after a Seek or Step
  Refused = 2,  // the request cannot be done, or the stream is no more
};
inline constexpr std::uint8_t kFilmStateLast = 2;

/// Answers a FilmRequest, or says unasked that the film has ended or begun again. Of the optional range.
struct FilmAnswer {
  static constexpr MessageType kType = MessageType::FilmAnswer;
  Tracker tracker;
  std::uint32_t number = 0;  // the request's; 0: unasked
  FilmState state = FilmState::Playing;
  std::string reason;  // for people; empty: nothing to say
  StreamInfo stream;   // the asker's own, which is in no list; of a refusal the one that was asked for
  std::uint32_t position_ms = 0;
  std::uint32_t speed = kFilmSpeedNormal;  // in thousandths; 0: it pauses
  FrameNumber after{};                     // the first frame behind this one is that of the position
};

/// Asks a stream's origin why the stream goes to a node the way it does; travels to it, or from a guest to
/// its access node. Of the optional range.
struct Why {
  static constexpr MessageType kType = MessageType::Why;
  Tracker tracker;
  NodeId asker;
  std::uint32_t number = 0;  // comes back in WHY-ANSWER
  StreamId stream;
  std::string node;  // an id or a name that the origin knows; empty: all nodes that watch it
};

inline constexpr std::size_t kWhyLinesMax = 256;

/// What a Why has come to.
enum class WhyOutcome : std::uint8_t {
  Answered = 0,
  UnknownNode = 1,    // the origin knows no node of this id or name
  NotInTree = 2,      // it knows the node, and the stream does not go there
  UnknownStream = 3,  // no origin that can be reached has it
  Busy = 4,           // too many ask at a time
};
inline constexpr std::uint8_t kWhyOutcomeLast = 4;

/// Answers Why, in words for people. Of the optional range.
struct WhyAnswer {
  static constexpr MessageType kType = MessageType::WhyAnswer;
  Tracker tracker;
  std::uint32_t number = 0;
  std::vector<std::string> lines;
  WhyOutcome outcome = WhyOutcome::Answered;
};

/// What a process can be asked to show of itself.
enum class LookAt : std::uint8_t {
  Node = 0,     // its own figures, as a line of its statistics
  Routes = 1,   // the trees of the streams that begin there
  Viewers = 2,  // how those are served that watch there
  Overlay = 3,  // the nodes and links that it knows
};
inline constexpr std::uint8_t kLookAtLast = 3;

/// Asks a process to show something of itself; travels to it, or from a guest to its access node, which asks
/// in its own name; a guest is asked by its access node. Of the optional range.
struct Look {
  static constexpr MessageType kType = MessageType::Look;
  Tracker tracker;
  NodeId asker;
  std::uint32_t number = 0;  // comes back in VIEW
  LookAt at = LookAt::Node;
  NodeId node;  // who is asked; all zero: whoever has this message
};

inline constexpr std::size_t kViewBytesMax = 768U << 10U;

/// Answers Look: a JSON object for whoever shows it to people, which nothing follows from. Of the optional
/// range.
struct View {
  static constexpr MessageType kType = MessageType::View;
  Tracker tracker;
  std::uint32_t number = 0;
  std::string json;
};

/// A hello on a quiet link; with an echo, it measures the link's round-trip time.
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
  Silent = 9,         // nothing heard for too long
  NoRoom = 10,        // a limit of this process is reached
  WrongAddress = 11,  // the id is another node's: it does not come from an address of its own
  OtherOverlay = 12,  // the two belong to overlays of different names
};
inline constexpr std::uint8_t kByeReasonLast = 12;

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
void write(Writer& out, const Refused& m);
void write(Writer& out, const Query& m);
void write(Writer& out, const Report& m);
void write(Writer& out, const Sync& m);
void write(Writer& out, const Place& m);
void write(Writer& out, const Absent& m);
void write(Writer& out, const AccessNodes& m);
void write(Writer& out, const FilmRequest& m);
void write(Writer& out, const FilmAnswer& m);
void write(Writer& out, const Why& m);
void write(Writer& out, const WhyAnswer& m);
void write(Writer& out, const Look& m);
void write(Writer& out, const View& m);

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
void read(Reader& in, Refused& m);
void read(Reader& in, Query& m);
void read(Reader& in, Report& m);
void read(Reader& in, Sync& m);
void read(Reader& in, Place& m);
void read(Reader& in, Absent& m);
void read(Reader& in, AccessNodes& m);
void read(Reader& in, FilmRequest& m);
void read(Reader& in, FilmAnswer& m);
void read(Reader& in, Why& m);
void read(Reader& in, WhyAnswer& m);
void read(Reader& in, Look& m);
void read(Reader& in, View& m);

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

/// Reads a body (what follows the header). Nothing if it is malformed in any way. Bytes behind the fields
/// that are known here belong to later versions, and are passed over.
template <class T>
std::optional<T> decode(ByteSpan body) {
  Reader reader(body);
  T message;
  read(reader, message);
  if (!reader.ok()) return std::nullopt;
  return message;
}

}  // namespace ott
