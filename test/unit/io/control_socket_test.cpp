#include "io/control_socket.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <catch2/catch.hpp>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include "io/driver.h"
#include "io/socket.h"
#include "one_stream.h"

namespace ott {
namespace {

/// Answers each line with itself, or with so many bytes.
struct Echo : Commands {
  CommandAnswer command(std::string_view line, Now) override {
    lines.emplace_back(line);
    if (answer_bytes > 0) return {true, std::string(answer_bytes, 'x'), ""};
    return {true, "[" + std::string(line) + "]", ""};
  }
  void press(std::string_view, Now) override {}
  std::vector<std::string> lines;
  std::size_t answer_bytes = 0;
};

struct Place {
  std::filesystem::path folder =
      std::filesystem::temp_directory_path() / ("ottd-control." + std::to_string(::getpid()));
  std::string path = folder / "socket";
  Place() { std::filesystem::create_directory(folder); }
  ~Place() { std::filesystem::remove_all(folder); }
};

struct Server {
  Place place;
  LoopPtr loop = std::move(*make_loop());
  test::Lines log;
  Echo echo;
  std::optional<ControlSocket> control;

  Server() {
    control.emplace(place.path, loop.get(), log);
    const auto begun = control->begin(echo);
    if (!begun) FAIL(begun.error().message);
  }
  Fd connect() const {
    Fd fd(::socket(AF_UNIX, SOCK_STREAM, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    place.path.copy(address.sun_path, sizeof address.sun_path - 1);
    REQUIRE(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    return fd;
  }
  void turn() const {
    for (int i = 0; i < 20; ++i) ev_run(loop.get(), EVRUN_NOWAIT);
  }
  static void say(const Fd& fd, std::string_view text) {
    REQUIRE(::send(fd.get(), text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size()));
  }
  /// What has come; "closed" at the end.
  static std::string heard(const Fd& fd) {
    std::string text(1U << 16U, 0);
    const ssize_t got = ::recv(fd.get(), text.data(), text.size(), MSG_DONTWAIT);
    if (got == 0) return "closed";
    text.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
    return text;
  }
};

TEST_CASE("lines are answered in order, however they come", "[control_socket]") {
  Server server;
  const Fd one = server.connect();
  Server::say(one, "pause\nres");
  server.turn();
  CHECK(Server::heard(one) == "[pause]\n");
  Server::say(one, "ume\n\nquit\n");
  server.turn();
  CHECK(Server::heard(one) == "[resume]\n[]\n[quit]\n");
  std::string many;
  for (int i = 0; i < 100; ++i) many += std::to_string(i) + "\n";
  Server::say(one, many);
  ::shutdown(one.get(), SHUT_WR);
  server.turn();
  CHECK(server.echo.lines.size() == 104);
  CHECK(Server::heard(one).ends_with("[99]\n"));
  CHECK(Server::heard(one) == "closed");
}

TEST_CASE("a line that does not end is refused, and its connection closed", "[control_socket]") {
  Server server;
  const Fd one = server.connect();
  Server::say(one, std::string(kCommandBytesMax + 1, 'x'));
  server.turn();
  CHECK(Server::heard(one) == "{\"ok\":false,\"error\":\"a line of more than 4096 bytes\"}\n");
  CHECK(Server::heard(one) == "closed");
  CHECK(server.echo.lines.empty());
}

TEST_CASE("there are so many connections, and one more is told", "[control_socket]") {
  Server server;
  std::vector<Fd> all;
  for (std::size_t i = 0; i <= ControlSocket::kConnectionsMax; ++i) all.push_back(server.connect());
  server.turn();
  CHECK(Server::heard(all.back()) == "{\"ok\":false,\"error\":\"there are 16 connections already\"}\n");
  Server::say(all.front(), "status\n");
  server.turn();
  CHECK(Server::heard(all.front()) == "[status]\n");
  all.clear();
  server.turn();
  const Fd again = server.connect();
  Server::say(again, "status\n");
  server.turn();
  CHECK(Server::heard(again) == "[status]\n");
}

TEST_CASE("who does not read is read no further", "[control_socket]") {
  Server server;
  server.echo.answer_bytes = 4U << 20U;
  const Fd one = server.connect();
  for (int i = 0; i < 50; ++i) Server::say(one, "status\n");
  server.turn();
  CHECK(server.echo.lines.size() == 1);
  CHECK(server.connect().valid());
}

TEST_CASE("the socket is this user's alone, and goes with its owner", "[control_socket]") {
  Server server;
  CHECK((std::filesystem::status(server.place.path).permissions() & std::filesystem::perms::all) ==
        (std::filesystem::perms::owner_read | std::filesystem::perms::owner_write));
  ControlSocket second(server.place.path, server.loop.get(), server.log);
  const auto begun = second.begin(server.echo);
  REQUIRE_FALSE(begun);
  CHECK(begun.error().message == "--control " + server.place.path + ": another process listens there");
  server.control.reset();
  CHECK_FALSE(std::filesystem::exists(server.place.path));
}

TEST_CASE("a socket that nobody listens at is replaced, and no other file", "[control_socket]") {
  Place place;
  const LoopPtr loop = std::move(*make_loop());
  test::Lines log;
  Echo echo;
  ControlSocket control(place.path, loop.get(), log);
  SECTION("an old one") {
    const Fd old(::socket(AF_UNIX, SOCK_STREAM, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    place.path.copy(address.sun_path, sizeof address.sun_path - 1);
    REQUIRE(::bind(old.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    CHECK(control.begin(echo));
  }
  SECTION("a file") {
    std::ofstream(place.path) << "mine";
    const auto begun = control.begin(echo);
    REQUIRE_FALSE(begun);
    CHECK(begun.error().message == "--control " + place.path + ": a file that is no socket is there");
    CHECK(std::filesystem::file_size(place.path) == 4);
  }
  SECTION("nor is a path too long for one") {
    ControlSocket far("/tmp/" + std::string(200, 'x'), loop.get(), log);
    CHECK_FALSE(far.begin(echo));
  }
}

}  // namespace
}  // namespace ott
