// How lines of the log look, and that a change of style takes effect at once.
#include "app/logging.h"

#include <fcntl.h>
#include <rapidjson/document.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>
#include <regex>
#include <sstream>

#include "../media/jpeg_helpers.h"
#include "io/fd.h"
#include "io/worker_pool.h"

namespace ott {
namespace {

/// Standard error is a file while this lives.
class CaughtError {
 public:
  CaughtError() : before_(::dup(STDERR_FILENO)) {
    const Fd file(::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600));
    ::dup2(file.get(), STDERR_FILENO);
  }
  ~CaughtError() {
    ::dup2(before_.get(), STDERR_FILENO);
    ::unsetenv("JOURNAL_STREAM");
  }
  CaughtError(const CaughtError&) = delete;
  CaughtError& operator=(const CaughtError&) = delete;

  /// As systemd says that this is the journal.
  static void call_it_the_journal(ino_t off_by = 0) {
    struct stat status {};
    ::fstat(STDERR_FILENO, &status);
    const std::string stream = std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino + off_by);
    ::setenv("JOURNAL_STREAM", stream.c_str(), 1);
  }
  /// What was written, when all of it is.
  std::vector<std::string> lines() {
    REQUIRE(workers.finish_output(std::chrono::seconds(20)));
    std::ifstream in(path_);
    std::vector<std::string> all;
    for (std::string line; std::getline(in, line);) all.push_back(line);
    return all;
  }

  WorkerPool workers;
  StandardError output{workers};

 private:
  test::TemporaryDirectory folder_;
  std::string path_ = folder_.path("log");
  Fd before_;
};

TEST_CASE("log: a JSON object a line, whatever the message holds", "[logging]") {
  CaughtError caught;
  const auto log = make_log("node", {"info", LogFormat::Json}, caught.output);
  log->debug("not this");
  log->warning("a \"quote\",\na line end and \xFF");
  log->error("");
  const auto lines = caught.lines();
  REQUIRE(lines.size() == 2);
  rapidjson::Document line;
  REQUIRE_FALSE(line.Parse(lines[0].c_str()).HasParseError());
  CHECK(line.MemberCount() == 4);
  CHECK(std::regex_match(line["time"].GetString(), std::regex(R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)")));
  CHECK(line["level"] == "warning");
  CHECK(line["role"] == "node");
  CHECK(line["message"] == "a \"quote\",\na line end and \xEF\xBF\xBD");
  REQUIRE_FALSE(line.Parse(lines[1].c_str()).HasParseError());
  CHECK(line["level"] == "error");
}

TEST_CASE("log: the style may change while it is in use", "[logging]") {
  CaughtError caught;
  const auto log = make_log("client", {"warning", LogFormat::Text}, caught.output);
  log->info("not this");
  log->warning("text");
  log->set_style({"debug", LogFormat::Json});
  CHECK(log->enabled(LogLevel::Debug));
  log->debug("json");
  log->set_style({"error", LogFormat::Text});
  log->warning("nor this");
  const auto lines = caught.lines();
  REQUIRE(lines.size() == 2);
  CHECK(std::regex_match(lines[0],
                         std::regex(R"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} warning client: text)")));
  CHECK(lines[1].find(R"("message":"json")") != std::string::npos);
}

TEST_CASE("log: that lines were left out is a JSON object as well", "[logging]") {
  const Fd before(::dup(STDERR_FILENO));
  int ends[2];
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  const Fd read_end(ends[0]);
  ::fcntl(read_end.get(), F_SETFL, O_NONBLOCK);
  ::dup2(ends[1], STDERR_FILENO);
  ::close(ends[1]);
  std::string text;
  {
    WorkerPool workers;
    StandardError output(workers);
    const auto log = make_log("node", {"info", LogFormat::Json}, output);
    for (int i = 0; i < 10'000; ++i) log->info("a line that nobody reads yet");
    std::array<char, 4096> bytes{};
    for (bool done = false; !done;) {
      done = workers.finish_output(std::chrono::milliseconds(1));
      for (ssize_t got; (got = ::read(read_end.get(), bytes.data(), bytes.size())) > 0;)
        text.append(bytes.data(), static_cast<std::size_t>(got));
    }
  }
  ::dup2(before.get(), STDERR_FILENO);
  std::istringstream in(text);
  std::vector<std::string> others;
  for (std::string each; std::getline(in, each);) {
    rapidjson::Document line;
    if (line.Parse(each.c_str()).HasParseError()) FAIL(each);
    if (line["message"] != "a line that nobody reads yet") others.emplace_back(line["message"].GetString());
  }
  REQUIRE(others.size() == 1);
  CHECK(others[0].ends_with(" lines of the log are left out: they could not be written in time"));
}

TEST_CASE("log: the journal is told how important a line is", "[logging]") {
  for (const LogFormat format : {LogFormat::Text, LogFormat::Json}) {
    CaughtError caught;
    CaughtError::call_it_the_journal();
    CHECK(standard_error_is_journal());
    const auto log = make_log("node", {"debug", format}, caught.output);
    log->debug("d");
    log->info("i");
    log->warning("w");
    log->error("e");
    const auto lines = caught.lines();
    REQUIRE(lines.size() == 4);
    const char* prefixes[] = {"<7>", "<6>", "<4>", "<3>"};
    for (std::size_t i = 0; i < 4; ++i) CHECK(lines[i].starts_with(prefixes[i]));
    CHECK((lines[0][3] == '{') == (format == LogFormat::Json));
  }
  CaughtError caught;
  CaughtError::call_it_the_journal(1);  // of another file
  CHECK_FALSE(standard_error_is_journal());
}

}  // namespace
}  // namespace ott
