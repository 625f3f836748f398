// What is sent to systemd's socket, here a real one of ours.
#include "io/systemd.h"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <cstddef>
#include <cstdlib>
#include <functional>

#include "../media/jpeg_helpers.h"
#include "io/clock.h"
#include "io/driver.h"
#include "one_stream.h"

namespace ott {
namespace {

using std::chrono::milliseconds;

class Bench {
 public:
  explicit Bench(bool is_abstract = false) : environment{folder_.path("notify")} {
    if (is_abstract) environment.socket = "@ottd-test-notify." + std::to_string(::getpid());
    sockaddr_un at{};
    at.sun_family = AF_UNIX;
    environment.socket.copy(at.sun_path, sizeof at.sun_path - 1);
    if (is_abstract) at.sun_path[0] = '\0';
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + environment.socket.size());
    REQUIRE(::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&at), length) == 0);
  }

  void open() {
    auto opened = Systemd::open(environment, loop.get(), log);
    if (!opened) FAIL(opened.error().message);
    systemd = std::move(*opened);
  }
  void run_until(const std::function<bool()>& holds) {
    const auto patience = clock_now().mono + std::chrono::seconds(20);
    while (!holds()) {
      REQUIRE(clock_now().mono < patience);
      ev_run(loop.get(), EVRUN_NOWAIT);
    }
  }
  /// The next message; empty: there is none.
  std::string receive() {
    std::array<char, 4096> bytes{};
    const ssize_t got = ::recv(socket_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
    return got < 0 ? "" : std::string(bytes.data(), static_cast<std::size_t>(got));
  }

 private:
  test::TemporaryDirectory folder_;
  Fd socket_{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};

 public:
  SystemdEnvironment environment;
  LoopPtr loop = std::move(*make_loop());
  test::Lines log;
  std::unique_ptr<Systemd> systemd;
};

TEST_CASE("systemd: is told what happens, at a path and at an abstract name", "[systemd]") {
  for (const bool is_abstract : {false, true}) {
    Bench bench(is_abstract);
    bench.open();
    bench.systemd->status("two\nlines");
    bench.systemd->status("two\nlines");
    bench.systemd->ready();
    bench.systemd->reloading({MonoTime(milliseconds(1'234'567)), {}});
    bench.systemd->stopping();
    CHECK(bench.receive() == "STATUS=two lines");
    CHECK(bench.receive() == "READY=1");
    CHECK(bench.receive() == "RELOADING=1\nMONOTONIC_USEC=1234567000");
    CHECK(bench.receive() == "STOPPING=1");
    CHECK(bench.receive().empty());
    CHECK(bench.log.lines.empty());
  }
}

TEST_CASE("systemd: what a full socket does not take is sent when it does, in order", "[systemd]") {
  Bench bench;
  bench.open();
  for (int i = 0; i < 60; ++i) bench.systemd->status(std::to_string(i));  // more than any socket's queue
  bench.systemd->ready();
  std::vector<std::string> all;
  bench.run_until([&] {
    for (std::string text; !(text = bench.receive()).empty();) all.push_back(text);
    return !all.empty() && all.back() == "READY=1";
  });
  REQUIRE(all.size() == 61);
  for (std::size_t i = 0; i < 60; ++i) CHECK(all[i] == "STATUS=" + std::to_string(i));
  CHECK(bench.log.lines.empty());
}

TEST_CASE("systemd: the watchdog is fed while the loop runs, and only then", "[systemd]") {
  Bench bench;
  bench.environment.watchdog = milliseconds(20);
  bench.open();
  CHECK(bench.receive() == "WATCHDOG=1");
  for (int i = 0; i < 5; ++i) {
    std::string text;
    bench.run_until([&] { return !(text = bench.receive()).empty(); });
    CHECK(text == "WATCHDOG=1");
  }
  ::usleep(100'000);  // a loop that hangs
  CHECK(bench.receive().empty());
  bench.run_until([&] { return bench.receive() == "WATCHDOG=1"; });
}

TEST_CASE("systemd: one that is gone is said once, and tried again", "[systemd]") {
  Bench bench;
  bench.environment.socket += ".not-there";
  bench.open();
  bench.systemd->ready();
  bench.systemd->status("a");
  REQUIRE(bench.log.lines.size() == 1);
  CHECK(bench.log.lines[0].second.find("cannot tell systemd at ") != std::string::npos);
  CHECK(bench.log.lines[0].second.find("No such file") != std::string::npos);
}

TEST_CASE("systemd: places that are none are refused", "[systemd]") {
  Bench bench;
  for (const std::string& wrong :
       {std::string("vsock:2:1"), std::string("@"), std::string("run/notify"), "/" + std::string(200, 'x')}) {
    CAPTURE(wrong);
    CHECK_FALSE(Systemd::open({wrong}, bench.loop.get(), bench.log));
  }
}

TEST_CASE("systemd: what its environment says is taken once", "[systemd]") {
  const auto say = [](const char* socket, const char* time, const std::string& pid) {
    ::setenv("NOTIFY_SOCKET", socket, 1);
    ::setenv("WATCHDOG_USEC", time, 1);
    ::setenv("WATCHDOG_PID", pid.c_str(), 1);
    return SystemdEnvironment::take();
  };
  const std::string own = std::to_string(::getpid());
  const SystemdEnvironment mine = say("/run/x", "3000000", own);
  CHECK(mine.socket == "/run/x");
  CHECK(mine.watchdog == std::chrono::seconds(3));
  CHECK(say("", "3000000", "1").watchdog == Duration{});
  CHECK(say("", "soon", own).watchdog == Duration{});
  CHECK(say("", "18446744073709551615", own).watchdog > std::chrono::hours(1));
  for (const char* name : {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"})
    CHECK(std::getenv(name) == nullptr);
  CHECK(SystemdEnvironment::take().socket.empty());
}

}  // namespace
}  // namespace ott
