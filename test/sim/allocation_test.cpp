// What is allocated tells what work is done: none per record in a relay's steady state, and for a guest's
// request no more in a large overlay than in a small one. Every operator new of the program counts while a
// relay handles what it is given.
#include <catch2/catch.hpp>
#include <cstdlib>
#include <new>

#include "../unit/overlay/hostile_relay.h"
#include "lab.h"

namespace {

bool counting = false;
std::uint64_t allocations = 0;
std::uint64_t allocated_bytes = 0;

void* counted(std::size_t bytes) {
  if (counting) {
    ++allocations;
    allocated_bytes += bytes;
  }
  void* memory = std::malloc(bytes == 0 ? 1 : bytes);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace

void* operator new(std::size_t bytes) { return counted(bytes); }
void* operator new[](std::size_t bytes) { return counted(bytes); }
// Catch2 calls this one, too; the delete below frees what it returns.
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept { return std::malloc(bytes); }
void* operator new[](std::size_t bytes, const std::nothrow_t&) noexcept { return std::malloc(bytes); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }

namespace ott::sim {
namespace {

struct CountingScope {
  CountingScope() { counting = true; }
  ~CountingScope() { counting = false; }
};

/// Counts what another machine allocates in the calls that receive and send.
class CountingMachine : public Machine {
 public:
  explicit CountingMachine(std::unique_ptr<Machine> machine) : machine_(std::move(machine)) {}
  void begin(Now now) override { machine_->begin(now); }
  void listening(const NodeId& at, const std::optional<Error>& error, Now now) override {
    machine_->listening(at, error, now);
  }
  LinkId accepted(const NodeId& remote, Now now) override { return machine_->accepted(remote, now); }
  void opened(LinkId link, const NodeId& local, Now now) override { machine_->opened(link, local, now); }
  void closed(LinkId link, std::string_view why, Now now) override { machine_->closed(link, why, now); }
  MutableByteSpan recv_slice(LinkId link) override {
    const CountingScope scope;
    return machine_->recv_slice(link);
  }
  void recv_advance(LinkId link, std::size_t bytes, Now now) override {
    const CountingScope scope;
    ++reads;
    machine_->recv_advance(link, bytes, now);
  }
  ByteSpan send_slice(LinkId link, Now now) override {
    const CountingScope scope;
    return machine_->send_slice(link, now);
  }
  bool send_advance(LinkId link, std::size_t bytes, Now now) override {
    const CountingScope scope;
    return machine_->send_advance(link, bytes, now);
  }
  void set_blocked(LinkId link, bool blocked, Now now) override { machine_->set_blocked(link, blocked, now); }
  [[nodiscard]] MonoTime next_deadline() const override { return machine_->next_deadline(); }
  void tick(Now now) override { machine_->tick(now); }
  void signal(Signal signal, Now now) override { machine_->signal(signal, now); }
  Requests& requests() override { return machine_->requests(); }

  std::uint64_t reads = 0;

 private:
  std::unique_ptr<Machine> machine_;
};

struct Counted {
  std::size_t frames;
  std::uint64_t reads;
  std::uint64_t allocations;
};

/// Twenty seconds of a relay with two children.
Counted count_at(const std::string& rate) {
  Lab lab(7);
  Process& server = lab.prepare(kBootstrapRole, "10.0.0.10");
  server.context->options.publish = {{"large", "pattern:320x240@" + rate}};
  lab.network.start(ip("10.0.0.10"), kBootstrapRole.create(*server.context));
  Process& relay = lab.prepare(kNodeRole, "10.0.0.1");
  auto machine = std::make_unique<CountingMachine>(kNodeRole.create(*relay.context));
  CountingMachine* counted_relay = machine.get();
  lab.network.start(ip("10.0.0.1"), std::move(machine));
  lab.start(kNodeRole, "10.0.1.2");
  lab.start(kNodeRole, "10.0.2.2");
  Process& n5 = lab.start(kClientRole, "10.0.3.20");
  Process& n6 = lab.start(kClientRole, "10.0.4.20");
  REQUIRE(lab.network.run_until([&] { return n5.frames.frames.size() > 10 && n6.frames.frames.size() > 10; },
                                std::chrono::seconds(10)));
  allocations = 0;
  counted_relay->reads = 0;
  const std::size_t frames_before = n5.frames.frames.size();
  lab.network.run_for(std::chrono::seconds(20));
  return {n5.frames.frames.size() - frames_before, counted_relay->reads, allocations};
}

TEST_CASE("a relay allocates nothing per record") {
  const Counted few = count_at("10");
  const Counted many = count_at("50");
  CAPTURE(few.allocations, many.allocations);
  CHECK(many.frames > 4 * few.frames);
  CHECK(many.reads > many.frames);
  // The allocations that are left belong to control messages (pings, link states), which are the same for
  // both rates. 800 frames more add only those of a control message that shares a read with records.
  CHECK(many.allocations < few.allocations + (many.frames - few.frames) / 20);
}

NodeId numbered(std::size_t number) {
  NodeId id = parse_node_id("172.16.0.0").value();
  id.address.bytes[14] = static_cast<std::uint8_t>(number >> 8U);
  id.address.bytes[15] = static_cast<std::uint8_t>(number);
  return id;
}

/// What a relay allocates for a guest's WATCH of a stream that nobody has, where it knows so many nodes, each
/// the origin of a stream.
std::uint64_t allocated_for_watch(std::size_t nodes) {
  test::HostileRelay relay;
  std::vector<Adjacency> all = {{test::node("10.0.0.2"), 1}, {test::HostileRelay::here(), 1}};
  for (std::size_t i = 0; i < nodes; ++i) all.push_back({numbered(i), 1});
  relay.say(relay.three, test::links_of(test::node("10.0.0.3"), 2, all));
  for (std::size_t i = 0; i < nodes; ++i) {
    StreamInfo info;
    info.id = StreamId{1'000 + i};
    relay.say(relay.three, test::links_of(numbered(i), 1, {{test::node("10.0.0.3"), 1}}, {info}));
  }
  relay.live_on(std::chrono::seconds(1));
  REQUIRE(relay.overlay.streams().size() == std::min(nodes + 1, kStreamsMax));
  const NodeId who = test::node("192.168.9.9:5555");
  const LinkId guest = relay.guest("192.168.9.9:5555");
  Watch watch;
  watch.tracker.path.entries = {{test::HostileRelay::here(), 1, true}};
  watch.stream = StreamId{77};
  watch.watcher = who;
  watch.viewers = 1;
  watch.wants_tracker = true;
  test::Bytes bytes;
  for (unsigned i = 0; i < 10; ++i) encode(bytes, watch);
  relay.keep_messages(false);
  allocated_bytes = 0;
  {
    const CountingScope scope;
    relay.receive(guest, bytes);
  }
  CHECK(relay.overlay.counters().watches_refused == 10);
  return allocated_bytes;
}

TEST_CASE("a guest's WATCH of an unknown stream is no more work in a large overlay than in a small one") {
  const std::uint64_t small = allocated_for_watch(10);
  const std::uint64_t large = allocated_for_watch(2'000);
  CHECK(small > 0);
  CHECK(large <= small + 10'000);
}

}  // namespace
}  // namespace ott::sim
