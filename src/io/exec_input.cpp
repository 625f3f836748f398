#include "io/exec_input.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <random>

#include "io/child_process.h"
#include "io/clock.h"
#include "io/pipe_input.h"
#include "io/random.h"
#include "media/source_spec.h"
#include "media/url.h"
#include "ott/retry.h"

namespace ott {
namespace {

constexpr Retry::Pauses kPauses = {std::chrono::milliseconds(500), std::chrono::seconds(30)};
/// A program that ran for so long has not failed at once.
constexpr Duration kRanWell = std::chrono::seconds(5);
/// How long a program has to end when it is asked to.
constexpr Duration kEndTime = std::chrono::seconds(2);
constexpr Duration kEndLook = std::chrono::milliseconds(20);
constexpr std::size_t kLastWordsBytesMax = 400;

/// The last line that says something, for a log.
std::string last_line(const std::string& text) {
  const std::size_t end = text.find_last_not_of(" \t\r\n");
  if (end == std::string::npos) return "";
  const std::size_t before = text.find_last_of("\r\n", end);
  std::string line = text.substr(before == std::string::npos ? 0 : before + 1, end + 1);
  line.resize(end - (before == std::string::npos ? 0 : before + 1) + 1);
  std::ranges::replace_if(
      line, [](unsigned char c) { return c < ' ' || c == 127; }, ' ');
  return hide_credentials(line);
}

/// A single command takes the shell's place, so that its end is told as it is.
std::string in_place_of_shell(const std::string& command) {
  const std::string first = command.substr(0, command.find(' '));
  const bool single =
      command.find_first_of(";&|<>(){}`\n") == std::string::npos && first.find('=') == std::string::npos;
  return single ? "exec " + command : command;
}

/// Off --start--> Running --it ends--> Pausing --the pause is over--> Running
///  ^                |                    |
///  |              stop                  stop
///  `--it ended-- Ending <----------------'   (started again meanwhile: Running, once it has ended)
class ExecInput final : public PipeInput {
 public:
  ExecInput(SourceInfo info, std::string command, InputSink& sink, struct ev_loop* loop)
      : PipeInput(
            std::move(info), sink,
            {"exec: " + command.substr(0, command.find(' ')), Content::Any, random_number<std::uint32_t>()},
            loop),
        command_(std::move(command)),
        errors_(loop),
        timer_(loop),
        random_(static_cast<std::uint64_t>(clock_now().wall.time_since_epoch().count())) {}

  void start(Now now) override {
    PipeInput::start(now);
    wanted_ = true;
    if (!child_) launch(now);
  }

  void stop(Now now) override {
    PipeInput::stop(now);
    wanted_ = false;
    retry_.cancel();
    timer_.stop();
    if (!child_) return;
    dismissed_ = true;
    end_child(now);
  }

 protected:
  void on_input_end(int, Now now) override { end_child(now); }

 private:
  void launch(Now now) {
    begin_anew();
    last_words_.clear();
    auto child = ChildProcess::start(in_place_of_shell(command_));
    if (!child) return lose("the program cannot be started: " + child.error().message, now);
    child_ = std::move(*child);
    ending_ = dismissed_ = false;
    launched_at_ = now.mono;
    errors_.start<&ExecInput::on_errors>(*this, child_->errors(), EV_READ);
    read_from(child_->output());
  }

  /// Waits for the end of a program that has closed its output, or is not wanted any more.
  void end_child(Now now) {
    read_no_more();
    ending_ = true;
    kill_at_ = now.mono + kEndTime;
    child_->terminate(false);
    look_for_end();
  }

  void look_for_end() {
    const Now now = clock_now();
    const auto how = child_->ended();
    if (!how) {
      if (now.mono >= kill_at_) child_->terminate(true);
      return timer_.start<&ExecInput::on_time>(*this, kEndLook);
    }
    on_errors(EV_READ);
    errors_.stop();
    child_->terminate(true);  // what it has left behind
    child_.reset();
    if (!wanted_) return;
    if (dismissed_) return launch(now);  // somebody has come since
    const bool in_order = *how == "ended with status 0";
    if (in_order && info().at_end != AtEnd::Loop) return finish(now);
    const std::string words = last_line(last_words_);
    lose(fmt::format("{} {}{}", name(), *how, words.empty() ? "" : ": " + words), now);
  }

  void lose(const std::string& why, Now now) {
    sink().on_lost(why, now);
    if (now.mono - launched_at_ >= kRanWell && frames() > 0) retry_.succeeded();
    retry_.schedule(kPauses, random_, now);
    timer_.start<&ExecInput::on_time>(*this, retry_.due_at() - now.mono);
  }

  void on_time() {
    if (child_ && ending_) return look_for_end();
    const Now now = clock_now();
    if (wanted_ && !child_ && retry_.take_due({now.mono + kEndLook, now.wall})) launch(now);
  }

  /// Keeps the end of what the program says.
  void on_errors(int) {
    std::array<char, 4096> some{};
    for (int reads = 0; reads < 16; ++reads) {
      const ssize_t got = ::read(child_->errors(), some.data(), some.size());
      if (got == 0) errors_.stop();
      if (got <= 0) return;
      last_words_.append(some.data(), static_cast<std::size_t>(got));
      if (last_words_.size() > kLastWordsBytesMax)
        last_words_.erase(0, last_words_.size() - kLastWordsBytesMax);
    }
  }

  std::string command_;
  IoWatcher errors_;
  TimerWatcher timer_;
  std::mt19937_64 random_;
  std::optional<ChildProcess> child_;
  std::string last_words_;
  Retry retry_;
  MonoTime launched_at_{};
  MonoTime kill_at_{};
  bool wanted_ = false;
  bool ending_ = false;
  bool dismissed_ = false;  // it ends since nobody wanted it: that is no failure of its own
};

Result<std::unique_ptr<Input>> open_exec(const std::string& source, InputSink& sink,
                                         const InputContext& context) {
  // The command may have a '?' of its own: what is no option of ours belongs to it.
  std::string command = source.substr(kExecInput.prefix.size());
  std::string options = "exec";
  for (const char* option : {"fps", "eof"}) {
    const auto value = take_option(command, option);
    if (value) options += fmt::format("{}{}={}", options == "exec" ? "?" : "&", option, *value);
  }
  const auto spec = parse_source(options);
  if (!spec) return tl::unexpected<Error>(spec.error());
  if (command.find_first_not_of(' ') == std::string::npos)
    return fail("source 'exec:': there is no command; such as 'exec:ffmpeg -i film.mp4 -f mjpeg -'");
  SourceInfo info{"exec", 0, 0, spec->options.fps, spec->options.at_end.value_or(AtEnd::Loop)};
  info.live = true;
  info.linger = kLinger;
  info.parts_unknown = true;
  return std::make_unique<ExecInput>(std::move(info), std::move(command), sink, context.loop);
}

}  // namespace

const InputSpec kExecInput{"exec:", "exec:COMMAND", open_exec};

}  // namespace ott
