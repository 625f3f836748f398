#include "io/http_outlet.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <catch2/catch.hpp>
#include <functional>
#include <map>

#include "io/clock.h"
#include "io/driver.h"
#include "io/socket.h"
#include "media/live_mp4.h"
#include "media/nal_units.h"
#include "ott/rtp.h"
#include "parts_of_one.h"

namespace ott {
namespace {

class QuietLog : public Log {
 public:
  void line(LogLevel, const std::string& text) override { lines.push_back(text); }
  std::vector<std::string> lines;
};

/// Streams whose frames the test makes.
class FakeStreams : public WatchableStreams {
 public:
  [[nodiscard]] std::vector<StreamInfo> all() const override { return infos; }
  std::unique_ptr<PartsSubscription> subscribe_parts(const std::string& name, PartsTaker& taker) override {
    return std::make_unique<test::PartsOfOne>(*this, name, taker);
  }
  std::unique_ptr<Subscription> subscribe(const std::string& name, FrameTaker& taker) override {
    takers[name].push_back(&taker);
    return std::make_unique<Wanted>(*this, name, taker);
  }
  void add(const std::string& name) {
    StreamInfo info;
    info.name = name;
    infos.push_back(info);
  }
  [[nodiscard]] std::size_t wanted(const std::string& name) { return takers[name].size(); }
  void push(const std::string& name, std::uint64_t number, std::size_t bytes = 1000) {
    auto frame = std::make_shared<Frame>();
    frame->stream = StreamId{1};
    frame->number = FrameNumber{number};
    frame->arrived = clock_now();
    frame->bytes.assign(bytes, static_cast<std::uint8_t>(number));
    newest[name] = frame;
    for (FrameTaker* taker : std::vector(takers[name])) taker->on_frame(frame);
  }

  std::vector<StreamInfo> infos;
  std::map<std::string, std::vector<FrameTaker*>> takers;
  std::map<std::string, FramePtr> newest;

 private:
  struct Wanted : Subscription {
    Wanted(FakeStreams& all, std::string of, FrameTaker& by) : streams(all), name(std::move(of)), taker(by) {}
    ~Wanted() override { std::erase(streams.takers[name], &taker); }
    [[nodiscard]] FramePtr newest() const override { return streams.newest[name]; }
    [[nodiscard]] const StreamInfo* stream() const override { return nullptr; }
    [[nodiscard]] std::string why_nothing() const override { return "the camera is away"; }

    FakeStreams& streams;
    std::string name;
    FrameTaker& taker;
  };
};

/// A server on a loop, and clients of it in the same thread.
struct Server {
  Server() {
    streams.add("cam");
    auto opened = HttpOutlet::open(where, {}, loop.get(), listeners, log);
    REQUIRE(opened);
    outlet = std::move(*opened);
    const auto begun = outlet->begin(streams, clock_now());
    if (!begun) FAIL(begun.error().message);
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Runs the loop until this holds.
  void run_until(const std::function<bool()>& holds) {
    const auto patience = clock_now().mono + std::chrono::seconds(20);
    while (!holds()) {
      REQUIRE(clock_now().mono < patience);
      ev_run(loop.get(), EVRUN_NOWAIT);
    }
  }
  void rounds(int count) {
    for (int i = 0; i < count; ++i) ev_run(loop.get(), EVRUN_NOWAIT);
  }

  const std::string where = fmt::format("127.77.{}.{}:18080", getpid() / 250 % 250, 1 + getpid() % 250);
  LoopPtr loop = std::move(*make_loop());
  Listeners listeners;
  QuietLog log;
  FakeStreams streams;
  std::unique_ptr<HttpOutlet> outlet;
};

class Client {
 public:
  explicit Client(Server& server, int receive_buffer = 0) : server_(server) {
    const auto to = parse_listen_address(server.where);
    REQUIRE(to);
    fd_ = Fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (receive_buffer > 0) {
      ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    }
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(to->port);
    std::memcpy(&address.sin_addr, to->address.bytes.data() + 12, 4);
    REQUIRE(::connect(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  }

  void send(std::string_view said) {
    REQUIRE(::send(fd_.get(), said.data(), said.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(said.size()));
  }
  void get(const std::string& path, const std::string& fields = "") {
    send("GET " + path + " HTTP/1.1\r\nHost: h\r\n" + fields + "\r\n");
  }
  void receive() {
    std::array<char, 1 << 16> buffer{};
    while (!closed) {
      const ssize_t got = ::recv(fd_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
      if (got < 0) {
        closed = errno != EAGAIN;
        return;
      }
      closed = got == 0;
      text.append(buffer.data(), static_cast<std::size_t>(got));
    }
  }
  void wait_for(std::string_view part) {
    server_.run_until([&] { return receive(), text.find(part) != std::string::npos; });
  }
  void wait_for_bytes(std::size_t count) {
    server_.run_until([&] { return receive(), text.size() >= count; });
  }
  void wait_until_closed() {
    server_.run_until([&] { return receive(), closed; });
  }
  void half_close() { ::shutdown(fd_.get(), SHUT_WR); }
  /// What has come so far is forgotten.
  std::string take() { return std::exchange(text, {}); }

  std::string text;
  bool closed = false;

 private:
  Server& server_;
  Fd fd_;
};

/// The numbers of the pictures of a stream of pictures; each must be whole.
std::vector<int> pictures_of(std::string_view text) {
  std::vector<int> numbers;
  text.remove_prefix(text.find("\r\n\r\n") + 4);
  REQUIRE(text.starts_with(kMixedReplaceBegin));
  text.remove_prefix(kMixedReplaceBegin.size());
  while (!text.empty()) {
    const std::size_t at = text.find("Content-Length: ");
    REQUIRE(at != std::string_view::npos);
    const auto length = static_cast<std::size_t>(std::stoul(std::string(text.substr(at + 16, 12))));
    text.remove_prefix(text.find("\r\n\r\n") + 4);
    REQUIRE(text.size() >= length + kMixedReplaceNext.size());
    numbers.push_back(static_cast<unsigned char>(text.front()));
    REQUIRE(text.substr(0, length) == std::string(length, text.front()));
    REQUIRE(text.substr(length).starts_with(kMixedReplaceNext));
    text.remove_prefix(length + kMixedReplaceNext.size());
  }
  return numbers;
}

TEST_CASE("HTTP server: a viewer gets the newest picture at once, and each that comes") {
  Server server;
  Client client(server);
  client.get("/cam.mjpg");
  client.wait_for(kMixedReplaceBegin);
  CHECK(client.text.find("multipart/x-mixed-replace; boundary=ottdframe\r\n") != std::string::npos);
  CHECK(server.streams.wanted("cam") == 1);
  CHECK(server.outlet->figures().viewers == 1);
  for (std::uint64_t i = 1; i <= 3; ++i) {
    const std::size_t before = client.text.size();
    server.streams.push("cam", i);
    server.run_until([&] { return client.receive(), client.text.size() > before + 1000; });
    CHECK(client.text.ends_with(kMixedReplaceNext));  // right after the picture
  }
  CHECK(pictures_of(client.text) == std::vector<int>{1, 2, 3});
  Client late(server);
  late.get("/cam.mjpg");
  late.wait_for_bytes(1200);
  CHECK(pictures_of(late.text) == std::vector<int>{3});
  CHECK(server.streams.wanted("cam") == 1);  // once for all
  CHECK(server.outlet->figures().frames == 4);
}

TEST_CASE("HTTP server: pictures that come at once are all for a viewer that takes them") {
  Server server;
  Client client(server);
  client.get("/cam.mjpg");
  client.wait_for(kMixedReplaceBegin);
  for (std::uint64_t i = 1; i <= 5; ++i) server.streams.push("cam", i);
  client.wait_for_bytes(5500);
  CHECK(pictures_of(client.text) == std::vector<int>{1, 2, 3, 4, 5});
}

TEST_CASE("HTTP server: nothing is wanted any more when the last viewer has gone") {
  Server server;
  {
    Client client(server);
    client.get("/cam.mjpg");
    client.wait_for(kMixedReplaceBegin);
  }
  server.run_until([&] { return server.streams.wanted("cam") == 0; });
  CHECK(server.outlet->figures().viewers == 0);
  CHECK(std::ranges::any_of(server.log.lines, [](const std::string& line) {
    return line.find("watches 'cam' no more") != std::string::npos;
  }));
}

TEST_CASE("HTTP server: a viewer that reads nothing keeps its place, and no picture is torn") {
  constexpr std::size_t kBytes = 1 << 20;
  Server server;
  Client slow(server, 4096);
  Client fast(server);
  slow.get("/cam.mjpg");
  fast.get("/cam.mjpg");
  slow.wait_for(kMixedReplaceBegin);
  fast.wait_for(kMixedReplaceBegin);
  for (std::uint64_t i = 1; i <= 30; ++i) {
    server.streams.push("cam", i, kBytes);
    fast.wait_for_bytes(i * kBytes);
  }
  server.run_until([&] { return fast.receive(), fast.text.ends_with(kMixedReplaceNext); });
  CHECK(pictures_of(fast.text).size() == 30);
  server.run_until([&] {
    slow.receive();
    return slow.text.size() > kBytes && slow.text.ends_with(kMixedReplaceNext) &&
           pictures_of(slow.text).back() == 30;
  });
  CHECK(pictures_of(slow.text) == std::vector<int>{1, 30});
  CHECK(server.outlet->figures().frames_skipped == 28);
}

TEST_CASE("HTTP server: a stream that takes another's place begins its numbers anew, and goes on") {
  Server server;
  Client client(server);
  client.get("/cam.mjpg");
  client.wait_for(kMixedReplaceBegin);
  server.streams.push("cam", 100);
  client.wait_for_bytes(1200);
  server.streams.push("cam", 1);
  client.wait_for_bytes(2400);
  CHECK(pictures_of(client.text) == std::vector<int>{100, 1});
}

TEST_CASE("HTTP server: fps is an upper bound, and the last picture still comes") {
  Server server;
  Client client(server);
  client.get("/cam.mjpg?fps=10");
  client.wait_for(kMixedReplaceBegin);
  server.streams.push("cam", 1);
  client.wait_for_bytes(1200);
  for (std::uint64_t i = 2; i <= 5; ++i) {
    server.streams.push("cam", i);
    server.rounds(2);
  }
  client.wait_for_bytes(2400);
  const auto numbers = pictures_of(client.text);
  CHECK(numbers.front() == 1);
  CHECK(numbers.back() == 5);
  CHECK(server.outlet->figures().frames_skipped == 0);  // nobody was too slow
}

TEST_CASE("HTTP server: one picture, its tag, and the same connection again") {
  Server server;
  Client client(server);
  client.get("/cam.jpg");
  server.run_until([&] { return server.streams.wanted("cam") == 1; });
  server.streams.push("cam", 1);
  client.wait_for(std::string(1000, 1));
  CHECK(client.take().find("ETag: \"1-1\"\r\n") != std::string::npos);
  server.run_until([&] { return server.streams.wanted("cam") == 0; });
  client.get("/cam.jpg", "If-None-Match: \"1-1\"\r\n");
  client.wait_for("304 Not Modified");
  client.take();
  // What there is already is not the next one.
  client.get("/cam.jpg?wait=next");
  server.run_until([&] { return server.streams.wanted("cam") == 1; });
  server.rounds(3);
  client.receive();
  CHECK(client.text.empty());
  server.streams.push("cam", 2);
  client.wait_for(std::string(1000, 2));
  client.take();
  // Who names an older one is not kept waiting.
  client.get("/cam.jpg?wait=next", "If-None-Match: \"1-1\"\r\n");
  client.wait_for(std::string(1000, 2));
  client.take();
  client.get("/cam.jpg?wait=next", "If-None-Match: \"1-2\"\r\n");
  server.run_until([&] { return server.streams.wanted("cam") == 1; });
  server.streams.push("cam", 3);
  client.wait_for(std::string(1000, 3));
  CHECK_FALSE(client.closed);
}

TEST_CASE("HTTP server: requests in a row are answered in order") {
  Server server;
  Client client(server);
  std::string requests;
  for (int i = 0; i < 100; ++i) requests += fmt::format("GET /nothing{} HTTP/1.1\r\nHost: h\r\n\r\n", i);
  requests += "HEAD /healthz HTTP/1.1\r\nHost: h\r\n\r\nGET /healthz HTTP/1.0\r\n\r\n";
  client.send(requests);
  client.wait_until_closed();
  std::size_t at = 0;
  for (int i = 0; i < 100; ++i) {
    at = client.text.find(fmt::format("There is nothing at /nothing{}.", i), at);
    REQUIRE(at != std::string::npos);
  }
  CHECK(client.text.ends_with("Connection: close\r\n\r\nok\n"));
}

TEST_CASE("HTTP server: a client that closes its own end is answered") {
  Server server;
  Client client(server);
  client.get("/cam.jpg");
  client.half_close();
  server.run_until([&] { return server.streams.wanted("cam") == 1; });
  server.rounds(3);
  server.streams.push("cam", 1);
  client.wait_until_closed();
  CHECK(client.text.ends_with(std::string(1000, 1)));
}

TEST_CASE("HTTP server: what is no request is refused, and the connection ends") {
  Server server;
  for (const char* wrong :
       {"GARBAGE\r\n\r\n", "GET / HTTP/1.1\n\n", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"}) {
    Client client(server);
    client.send(wrong);
    client.wait_until_closed();
    CHECK(client.text.starts_with("HTTP/1.1 4") + client.text.starts_with("HTTP/1.1 501") == 1);
    CHECK(client.text.find("Connection: close\r\n") != std::string::npos);
  }
}

TEST_CASE("HTTP server: who sends without end while it watches is let go") {
  Server server;
  Client client(server);
  client.get("/cam.mjpg");
  client.wait_for(kMixedReplaceBegin);
  const std::string requests(kHttpHeadBytesMax, 'x');
  client.send(requests);
  client.send(requests);
  client.wait_until_closed();
}

TEST_CASE("HTTP server: a picture under way is finished before the process ends") {
  constexpr std::size_t kBytes = 4 << 20;
  Server server;
  Client client(server, 4096);
  Client idle(server);
  client.get("/cam.mjpg");
  client.wait_for(kMixedReplaceBegin);
  server.streams.push("cam", 1, kBytes);
  server.rounds(5);
  CHECK_FALSE(server.outlet->finish(false, clock_now()));
  server.run_until([&] { return client.receive(), server.outlet->finish(false, clock_now()); });
  client.wait_until_closed();
  CHECK(pictures_of(client.text) == std::vector<int>{1});
  idle.wait_until_closed();
}

TEST_CASE("HTTP server: who has been stuck for longest goes when too much is held for those who are") {
  constexpr std::size_t kBytes = std::size_t{16} << 20U;
  constexpr std::size_t kMost = HttpOutlet::kHeldBytesMax / kBytes;
  Server server;
  std::vector<std::unique_ptr<Client>> stuck;
  for (std::size_t i = 1; i <= kMost + 1; ++i) {  // each in the middle of a picture of its own
    server.streams.push("cam", i, kBytes);
    stuck.push_back(std::make_unique<Client>(server, 4096));
    stuck.back()->get("/cam.mjpg");
    stuck.back()->wait_for("Content-Length: ");
  }
  server.run_until([&] { return server.outlet->figures().viewers == kMost; });
  stuck.front()->wait_until_closed();
  CHECK(std::ranges::any_of(server.log.lines, [](const std::string& line) {
    return line.find("too much is held for viewers that take nothing") != std::string::npos;
  }));
  stuck.erase(stuck.begin());
  for (const auto& other : stuck) other->wait_for(kMixedReplaceNext);  // its picture is whole in the end
}

/// A camera of H.264, whose pictures no decoder would take.
struct Film {
  explicit Film(Server& server) : server_(server) {
    server.streams.add("film/video");
    server.streams.infos.back().format = {
        .media = MediaKind::Video, .encoding = "H264", .payload_type = 96, .parameters = kSets};
    packetizer_ = make_packetizer(server.streams.infos.back().format, 7, 1);
  }
  void push(std::uint64_t number, bool sync_point, std::size_t bytes = 1000) {
    std::vector<std::uint8_t> nal(bytes, static_cast<std::uint8_t>(number));
    nal[0] = sync_point ? 0x65 : 0x41;
    std::vector<std::uint8_t> sample;
    append_nal_to_sample(nal, sample);
    PacketList packets;
    auto frame = std::make_shared<Frame>();
    frame->media_time = static_cast<std::uint32_t>(number * 3'000);
    REQUIRE(packetizer_->cut({sample, frame->media_time, sync_point}, packets));
    frame->stream = StreamId{1};
    frame->number = FrameNumber{number};
    frame->arrived = clock_now();
    frame->source_time = WallTime(std::chrono::milliseconds(33) * number);
    frame->sync_point = sync_point;
    frame->bytes = packets.bytes;
    frame->packet_ends = packets.ends;
    for (FrameTaker* taker : std::vector(server_.streams.takers["film/video"])) taker->on_frame(frame);
  }

  static constexpr const char* kSets = "sprop-parameter-sets=Z2QADazZQVGeImwEQAAAAwBAAAAMg8UKZYA=,aOvjyyLA";

 private:
  Server& server_;
  std::unique_ptr<MediaPacketizer> packetizer_;
};

/// How many fragments there are in what a viewer has got; the last one may be under way.
std::size_t fragments_in(std::string_view text) {
  std::size_t count = 0;
  for (std::size_t at = text.find("moof"); at != std::string_view::npos; at = text.find("moof", at + 1))
    ++count;
  return count;
}

TEST_CASE("HTTP server: MP4 begins with its first sync point, and goes on frame by frame") {
  Server server;
  Film film(server);
  Client client(server);
  client.get("/film.mp4");
  server.run_until([&] { return server.streams.wanted("film/video") == 1; });
  film.push(1, false);
  server.rounds(5);
  client.receive();
  CHECK(client.text.empty());
  film.push(2, true);
  client.wait_for("mdat");
  CHECK(client.text.starts_with("HTTP/1.1 200 OK\r\n"));
  CHECK(client.text.find("Content-Type: video/mp4; codecs=\"avc1.64000d\"\r\n") != std::string::npos);
  CHECK(server.outlet->figures().viewers == 1);
  film.push(3, false);
  server.run_until([&] { return client.receive(), fragments_in(client.text) == 2; });
  Client late(server);
  late.get("/film/video.mp4");  // by another name it is read once more
  server.run_until([&] { return server.streams.wanted("film/video") == 2; });
  Client head(server);
  head.send("HEAD /film.mp4 HTTP/1.1\r\nHost: h\r\n\r\n");
  head.wait_for("\r\n\r\n");
  CHECK(head.text.find("codecs=") != std::string::npos);
  head.take();
  head.get("/healthz");
  head.wait_for("ok\n");
  Client same(server);
  same.get("/film.mp4");
  server.run_until([&] { return same.receive(), fragments_in(same.text) == 2; });
  CHECK(server.outlet->figures().frames == 4);
  CHECK(server.outlet->report().size() == 3);
}

TEST_CASE("HTTP server: a viewer of MP4 that reads nothing is given no video until it can be decoded") {
  Server server;
  Film film(server);
  Client slow(server, 4096);
  slow.get("/film.mp4");
  server.run_until([&] { return server.streams.wanted("film/video") == 1; });
  constexpr std::size_t kBytes = 300'000;
  std::uint64_t number = 0;
  film.push(++number, true, kBytes);
  // More than the kernel takes, and for longer than a viewer may be behind.
  const MonoTime until = clock_now().mono + 2 * LiveMp4::kLagMax;
  MonoTime next_at = clock_now().mono;
  server.run_until([&] {
    const MonoTime now = clock_now().mono;
    if (now < next_at) return false;
    next_at += std::chrono::milliseconds(1);
    ++number;
    film.push(number, false, number < 40 ? kBytes : 1000);
    return now > until;
  });
  // It reads now, and gets what was under way and nothing else until the next sync point.
  server.run_until([&] { return slow.receive(), server.outlet->figures().frames_skipped > 0; });
  for (int i = 0; i < 20; ++i) {
    film.push(++number, false);
    server.rounds(1);
    slow.receive();
  }
  const std::size_t before = fragments_in(slow.text);
  film.push(++number, false);
  server.rounds(5);
  slow.receive();
  CHECK(fragments_in(slow.text) == before);
  film.push(++number, true);
  film.push(++number, false);
  server.run_until([&] { return slow.receive(), fragments_in(slow.text) == before + 2; });
}

TEST_CASE("HTTP server: MP4 of which nothing comes is answered with the reason") {
  Server server;
  Film film(server);
  Client client(server);
  client.get("/film.mp4");
  client.wait_for("\r\n\r\n");
  CHECK(client.text.starts_with("HTTP/1.1 503 Service Unavailable\r\n"));
  client.wait_for("nothing of 'film' can be shown: ");
}

TEST_CASE("HTTP server: where to listen") {
  const auto is = [](const char* text, const char* address, std::uint16_t port) {
    const auto at = parse_listen_address(text);
    return at && to_string(at->address) == address && at->port == port;
  };
  CHECK(is("8080", "::", 8080));
  CHECK(is("127.0.0.1:8080", "127.0.0.1", 8080));
  CHECK(is("[::1]:8080", "::1", 8080));
  for (const char* wrong : {"", "0", "65536", "x", ":8080", "::1:8080", "host:8080", "127.0.0.1",
                            "127.0.0.1:", "[::1]", "[127.0.0.1]:80", "8080 "}) {
    INFO(wrong);
    CHECK_FALSE(parse_listen_address(wrong));
  }
  QuietLog log;
  auto loop = std::move(*make_loop());
  Listeners listeners;  // of another process, as it were
  Server server;
  auto second = HttpOutlet::open(server.where, {}, loop.get(), listeners, log);
  REQUIRE(second);
  const auto begun = (*second)->begin(server.streams, clock_now());
  REQUIRE_FALSE(begun);
  CHECK(begun.error().message.find("another program listens there") != std::string::npos);
  CHECK_FALSE(HttpOutlet::open("8080", {.cors = "nonsense"}, loop.get(), listeners, log));
}

}  // namespace
}  // namespace ott
