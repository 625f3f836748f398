// A hostile peer: it sends what PROTOCOL.md's grammar allows and what is not true. It may be a node of the
// topology, on links that its own address entitles it to, or a guest from any address. It learns from what it
// receives (nodes, streams, labels, frame and sequence numbers), so that what it sends is close to what is
// true, and chooses what to send next at random, from a seed.
#pragma once

#include <map>
#include <optional>
#include <random>
#include <string_view>
#include <utility>
#include <vector>

#include "ott/link_state.h"
#include "ott/machine.h"

namespace ott::sim {

struct HostileOptions {
  std::uint64_t seed = 0;
  std::uint64_t incarnation = 0;
  NodeId id;                        // a node's; a guest has only the address
  std::optional<NodeId> bootstrap;  // a node: it registers here, and links with the neighbours it is given
  std::vector<NodeId> access;       // a guest: it attaches to these
  unsigned messages_per_s = 200;
};

class Hostile : public Machine {
 public:
  explicit Hostile(HostileOptions options);

  /// While it is not active it keeps its links and sends only hellos.
  void set_active(bool active) { active_ = active; }
  /// All kinds of things that it may say, for a trace.
  [[nodiscard]] std::string summary() const;

  void begin(Now now) override;
  void listening(const NodeId& at, const std::optional<Error>& error, Now now) override;
  LinkId accepted(const NodeId& remote, Now now) override;
  void opened(LinkId link, const NodeId& local, Now now) override;
  void closed(LinkId link, std::string_view why, Now now) override;
  MutableByteSpan recv_slice(LinkId link) override;
  void recv_advance(LinkId link, std::size_t bytes, Now now) override;
  ByteSpan send_slice(LinkId link, Now now) override;
  bool send_advance(LinkId link, std::size_t bytes, Now now) override;
  void set_blocked(LinkId link, bool blocked, Now now) override;
  [[nodiscard]] MonoTime next_deadline() const override;
  void tick(Now now) override;
  void signal(Signal, Now) override {}
  Requests& requests() override { return requests_; }

 private:
  /// What a connection is for. One of Mischief never finishes its handshake.
  enum class Purpose : std::uint8_t { Accepted, Registration, Neighbour, Access, Mischief };
  /// What it does with a stream whose tree leads through it.
  enum class Conduct : std::uint8_t { Starves, Refuses, Mangles, Invents };

  struct Link {
    Purpose purpose = Purpose::Accepted;
    NodeId remote;  // where it was dialled, or where it came from
    NodeId peer;
    Relation relation = Relation::Control;
    bool up = false;
    bool blocked = false;
    bool closing = false;
    bool mute = false;  // half a message was sent: another one would be read as its rest
    std::vector<std::uint8_t> in;
    std::vector<std::uint8_t> out;
    std::size_t out_sent = 0;
    MonoTime reads_from{};  // until then nothing is read
    MonoTime hello_at{};
    MonoTime ends_at = MonoTime::max();
  };
  struct KnownStream {
    NodeId origin;
    StreamInfo info;
    Label label;
    FrameNumber frame;
    std::uint32_t start_number = 0;
    std::vector<LinkId> children;  // that have said START
  };
  using Trick = void (Hostile::*)(LinkId, Link&, Now);
  struct Row {
    std::string_view name;
    Trick act;
  };

  [[nodiscard]] std::uint64_t pick(std::uint64_t below) { return random_() % below; }
  [[nodiscard]] bool chance(unsigned percent) { return pick(100) < percent; }
  [[nodiscard]] std::uint64_t any_u64();
  [[nodiscard]] std::uint64_t near(std::uint64_t value, std::uint64_t max);
  [[nodiscard]] NodeId any_node();
  [[nodiscard]] NodeId invented_node();
  [[nodiscard]] KnownStream any_stream();
  [[nodiscard]] StreamId any_stream_id() { return any_stream().info.id; }
  [[nodiscard]] FrameNumber any_frame();
  [[nodiscard]] Tracker any_route(const Link& link, const NodeId& to);
  [[nodiscard]] Tracker any_flood();
  [[nodiscard]] std::string any_text(std::size_t bytes_max);

  template <class T>
  void say(LinkId id, Link& link, const T& message);
  void say_raw(LinkId id, Link& link, ByteSpan bytes);
  void want_send(LinkId id, Link& link);
  void close(LinkId id, Link& link);
  LinkId add(Purpose purpose, const NodeId& remote, Now now);
  void dial(Purpose purpose, const NodeId& to, Now now);
  void dial_missing(Now now);
  void act(Now now);

  void take(LinkId id, Link& link, const Header& header, ByteSpan message, Now now);
  void take_handshake(LinkId id, Link& link, const Header& header, ByteSpan body, Now now);
  void take_tracker(LinkId id, Link& link, const struct TrackerMessage& message);
  void take_record(const Record& record, ByteSpan message);
  void is_up(Link& link, Now now);

  // What a neighbour says.
  void own_state(LinkId id, Link& link, Now now);
  void state_of_another(LinkId id, Link& link, Now now);
  void hidden_state(LinkId id, Link& link, Now now);
  void withdrawal(LinkId id, Link& link, Now now);
  void invented_reporters(LinkId id, Link& link, Now now);
  void large_state(LinkId id, Link& link, Now now);
  void tracker(LinkId id, Link& link, Now now);
  void tracker_of_invented(LinkId id, Link& link, Now now);
  void tracker_flood(LinkId id, Link& link, Now now);
  void started(LinkId id, Link& link, Now now);
  void data(LinkId id, Link& link, Now now);
  void skip(LinkId id, Link& link, Now now);
  void watch_of_others(LinkId id, Link& link, Now now);
  void complaint(LinkId id, Link& link, Now now);
  void ping(LinkId id, Link& link, Now now);
  void text_message(LinkId id, Link& link, Now now);
  void report(LinkId id, Link& link, Now now);
  void refused(LinkId id, Link& link, Now now);
  void sync(LinkId id, Link& link, Now now);
  void streams(LinkId id, Link& link, Now now);
  // What a guest says, too.
  void watch(LinkId id, Link& link, Now now);
  void flapping_watch(LinkId id, Link& link, Now now);
  void start(LinkId id, Link& link, Now now);
  void stop(LinkId id, Link& link, Now now);
  void query(LinkId id, Link& link, Now now);
  void heartbeat(LinkId id, Link& link, Now now);
  void stops_reading(LinkId id, Link& link, Now now);
  void bye(LinkId id, Link& link, Now now);
  void half_message(LinkId id, Link& link, Now now);
  void optional_message(LinkId id, Link& link, Now now);
  void out_of_place(LinkId id, Link& link, Now now);
  void unfinished_handshake(LinkId id, Link& link, Now now);

  [[nodiscard]] static std::vector<Row> node_rows();
  [[nodiscard]] static std::vector<Row> guest_rows();

  HostileOptions options_;
  std::mt19937_64 random_;
  Requests requests_;
  std::map<LinkId, Link> links_;
  std::uint32_t links_made_ = 0;
  std::vector<std::uint8_t> scratch_;
  std::vector<NodeId> neighbours_;
  std::vector<Row> rows_;  // what this one does
  Conduct conduct_ = Conduct::Starves;
  std::uint32_t hello_ms_ = 100;
  bool listening_ = false;
  bool active_ = true;

  LinkStateDb db_;
  std::map<StreamId, KnownStream> streams_;
  std::vector<KnownStream> invented_streams_;
  std::uint64_t own_number_ = 0;
  std::uint64_t invented_ = 0;
  MonoTime act_at_{};
  MonoTime dial_at_{};
};

template <class T>
void Hostile::say(LinkId id, Link& link, const T& message) {
  std::vector<std::uint8_t> bytes;
  encode(bytes, message);
  say_raw(id, link, bytes);
}

}  // namespace ott::sim
