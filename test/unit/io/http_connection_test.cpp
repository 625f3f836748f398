#include "io/http_connection.h"

#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <catch2/catch.hpp>
#include <optional>

#include "fake_streams.h"
#include "io/driver.h"
#include "io/socket.h"

namespace ott {
namespace {

/// A server of one connection, which looks at the clock only when the test says so.
class OneConnection final : public HttpServer {
 public:
  OneConnection() {
    streams_.add("cam");
    std::array<int, 2> ends{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()) == 0);
    far_ = Fd(ends[0]);
    connection_.emplace(loop_.get(), *this, Fd(ends[1]), NodeId{}, clock_now().mono);
  }

  HttpAction answer(const HttpRequest& request, const NodeId&) override {
    return ott::answer(request, streams_.all(), nullptr, site_, clock_now());
  }
  [[nodiscard]] const HttpSiteOptions& site() const override { return site_; }
  HttpStream& join(const std::string& stream, HttpConnection& of) override {
    return wanted_.join(stream, of);
  }
  void leave(HttpStream& stream, HttpConnection& of) override { wanted_.leave(stream, of); }
  HttpLive& join(const HttpFollow& what, HttpConnection& of) override {
    return wanted_.join(what, nullptr, of);
  }
  void leave(HttpLive& live, HttpConnection& of) override { HttpStreams::leave(live, of); }
  std::optional<HttpResponse> awaited(HttpWait) override { return std::nullopt; }
  void forget(HttpWait) override {}
  void asks(HttpConnection&, bool) override {}
  void later(HttpConnection&) override {}
  void at(MonoTime) override {}
  void reads(HttpConnection&, bool) override {}
  void watches(const HttpConnection&) override {}
  void closed(HttpConnection&, const std::string& reason) override { why = reason; }
  HttpFigures& sums() override { return figures_; }

  void say(std::string_view text) {
    REQUIRE(::send(far_.get(), text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size()));
    REQUIRE(test::run_until(loop_.get(), [&] { return unread_at_server() == 0; }));
  }
  void push(std::size_t bytes) {
    streams_.push("cam", std::vector<std::uint8_t>(bytes));
    connection_->picture_is_here(clock_now());
  }
  std::string heard() {
    std::string text(std::size_t{1} << 16U, '\0');
    const ssize_t got = ::recv(far_.get(), text.data(), text.size(), MSG_DONTWAIT);
    text.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
    return text;
  }
  /// So long after the last thing that has happened.
  void check_after(Duration time) {
    Now now = clock_now();
    now.mono += time;
    connection_->check_time(now);
  }

  std::optional<std::string> why;  // it was closed

 private:
  [[nodiscard]] int unread_at_server() const {
    int count = 0;
    ::ioctl(far_.get(), SIOCOUTQ, &count);
    return count;
  }

  LoopPtr loop_ = std::move(*make_loop());
  test::FakeStreams streams_;
  HttpSiteOptions site_;
  HttpFigures figures_;
  HttpStreams wanted_{streams_, [](HttpStream&) {}};
  Fd far_;
  std::optional<HttpConnection> connection_;
};

constexpr Duration kShort = std::chrono::seconds(1);

TEST_CASE("HTTP connection: one that asks for nothing more is closed after its time, without a word") {
  OneConnection server;
  server.say("GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n");
  CHECK(server.heard().starts_with("HTTP/1.1 200"));
  server.check_after(HttpConnection::kIdleTime - kShort);
  CHECK_FALSE(server.why);
  server.check_after(HttpConnection::kIdleTime);
  CHECK(server.why == "");
  CHECK(server.heard().empty());
}

TEST_CASE("HTTP connection: a request that does not come to an end is refused") {
  OneConnection server;
  server.say("GET /healthz HTTP/1.1\r\n");
  server.check_after(HttpConnection::kHeadTime - kShort);
  CHECK(server.heard().empty());
  server.check_after(HttpConnection::kHeadTime);
  CHECK(server.heard().starts_with("HTTP/1.1 408"));
}

TEST_CASE("HTTP connection: a viewer that takes nothing for a minute loses its place") {
  OneConnection server;
  server.say("GET /cam.mjpg HTTP/1.1\r\nHost: h\r\n\r\n");
  server.push(1000);
  server.check_after(2 * HttpConnection::kStuckTime);  // no picture is due, so nobody is stuck
  CHECK_FALSE(server.why);
  server.push(std::size_t{4} << 20U);
  server.check_after(HttpConnection::kStuckTime - kShort);
  CHECK_FALSE(server.why);
  server.check_after(HttpConnection::kStuckTime);
  CHECK(server.why == "it has taken nothing for a minute");
}

}  // namespace
}  // namespace ott
