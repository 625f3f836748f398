// A relay that lives, takes part in everything and passes no frames on: those below it find another parent.
#include <catch2/catch.hpp>

#include "lab.h"

namespace ott::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// Another machine, which sends a hello where it would send a record.
class WithoutRecords : public Machine {
 public:
  WithoutRecords(std::unique_ptr<Machine> machine, const bool& on) : machine_(std::move(machine)), on_(on) {}
  void begin(Now now) override { machine_->begin(now); }
  void listening(const NodeId& at, const std::optional<Error>& error, Now now) override {
    machine_->listening(at, error, now);
  }
  LinkId accepted(const NodeId& remote, Now now) override { return machine_->accepted(remote, now); }
  void opened(LinkId link, const NodeId& local, Now now) override { machine_->opened(link, local, now); }
  void closed(LinkId link, std::string_view why, Now now) override {
    waiting_.erase(link);
    machine_->closed(link, why, now);
  }
  MutableByteSpan recv_slice(LinkId link) override { return machine_->recv_slice(link); }
  void recv_advance(LinkId link, std::size_t bytes, Now now) override {
    machine_->recv_advance(link, bytes, now);
  }
  ByteSpan send_slice(LinkId link, Now now) override {
    Waiting& waiting = waiting_[link];
    if (waiting.whole == 0) fill(link, waiting, now);
    return ByteSpan(waiting.bytes).first(waiting.whole);
  }
  bool send_advance(LinkId link, std::size_t bytes, Now now) override {
    Waiting& waiting = waiting_[link];
    waiting.bytes.erase(waiting.bytes.begin(), waiting.bytes.begin() + static_cast<std::ptrdiff_t>(bytes));
    waiting.whole -= bytes;
    return !send_slice(link, now).empty();
  }
  void set_blocked(LinkId link, bool blocked, Now now) override { machine_->set_blocked(link, blocked, now); }
  [[nodiscard]] MonoTime next_deadline() const override { return machine_->next_deadline(); }
  void tick(Now now) override { machine_->tick(now); }
  void signal(Signal signal, Now now) override { machine_->signal(signal, now); }
  Requests& requests() override { return machine_->requests(); }

 private:
  struct Waiting {
    std::vector<std::uint8_t> bytes;
    std::size_t whole = 0;  // of them: whole messages that are to go out
  };

  void fill(LinkId link, Waiting& waiting, Now now) {
    while (true) {
      const ByteSpan slice = machine_->send_slice(link, now);
      if (slice.empty()) return;
      waiting.bytes.insert(waiting.bytes.end(), slice.begin(), slice.end());
      machine_->send_advance(link, slice.size(), now);
      while (true) {
        const ByteSpan rest = ByteSpan(waiting.bytes).subspan(waiting.whole);
        const Framed framed = next_message(rest, kBodyBytesMax);
        if (framed.kind != Framed::Kind::Whole) break;
        const auto at = waiting.bytes.begin() + static_cast<std::ptrdiff_t>(waiting.whole);
        if (on_ && is_record(framed.header.type)) {
          std::vector<std::uint8_t> hello;
          encode(hello, Heartbeat{});
          const auto rest_at =
              waiting.bytes.erase(at, at + static_cast<std::ptrdiff_t>(framed.header.total()));
          waiting.bytes.insert(rest_at, hello.begin(), hello.end());
          waiting.whole += hello.size();
        } else {
          waiting.whole += framed.header.total();
        }
      }
    }
  }

  std::unique_ptr<Machine> machine_;
  const bool& on_;
  std::map<LinkId, Waiting> waiting_;
};

/// Two ways of the same length from the origin to the viewers' relay.
constexpr const char* kTwoWays = R"({
  "10.0.0.10": { "neighbors": ["10.0.0.1", "10.0.0.2"] },
  "10.0.0.1":  { "neighbors": ["10.0.0.3"] },
  "10.0.0.2":  { "neighbors": ["10.0.0.3"] },
  "10.0.0.3":  { "neighbors": ["10.0.0.20"] },
  "10.0.0.20": { "neighbors": [] }
})";

TEST_CASE(
    "viewers below a relay that lives and feeds nothing get their frames by another one within seconds") {
  const bool from_the_first = GENERATE(true, false);
  CAPTURE(from_the_first);
  bool starves = from_the_first;
  Lab lab(91, kTwoWays);
  lab.start(kBootstrapRole, "10.0.0.10");
  for (const char* address : {"10.0.0.1", "10.0.0.2"}) {
    Process& relay = lab.prepare(kNodeRole, address);
    auto machine = kNodeRole.create(*relay.context);
    // The one that the tree takes: the way over the smaller id.
    if (address == std::string("10.0.0.1")) {
      lab.network.start(ip(address), std::make_unique<WithoutRecords>(std::move(machine), starves));
    } else {
      lab.network.start(ip(address), std::move(machine));
    }
  }
  Process& edge = lab.start(kNodeRole, "10.0.0.3");
  Process& member = lab.start(kClientRole, "10.0.0.20");
  Process& guest = lab.prepare(kClientRole, "192.168.7.7");
  guest.context->options.overlay.kind = PeerKind::Guest;
  guest.context->options.overlay.bootstrap.reset();
  guest.context->options.overlay.access_named = true;
  guest.context->options.overlay.access = {NodeId{ip("10.0.0.3")}};
  lab.network.start(ip("192.168.7.7"), kClientRole.create(*guest.context));
  if (!from_the_first) {
    REQUIRE(lab.network.run_until(
        [&] { return member.frames.frames.size() > 25 && guest.frames.frames.size() > 25; }, seconds(10)));
    const std::uint64_t before = lab.network.bytes_between(ip("10.0.0.1"), ip("10.0.0.3"));
    lab.network.run_for(seconds(1));
    REQUIRE(lab.network.bytes_between(ip("10.0.0.1"), ip("10.0.0.3")) > before + 10'000);
    starves = true;
  }
  lab.network.run_for(seconds(5));
  const std::size_t member_before = member.frames.frames.size();
  const std::size_t guest_before = guest.frames.frames.size();
  lab.network.run_for(seconds(4));
  CHECK(member.frames.frames.size() >= member_before + 95);
  CHECK(guest.frames.frames.size() >= guest_before + 95);
  CHECK(edge.log.has("lives and has sent nothing of it"));
  CHECK_FALSE(edge.log.has("taken for dead"));
}

}  // namespace
}  // namespace ott::sim
