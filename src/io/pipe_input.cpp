#include "io/pipe_input.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "io/clock.h"
#include "io/random.h"
#include "media/source_spec.h"
#include "media/timed_input.h"

namespace ott {

PipeInput::PipeInput(SourceInfo info, InputSink& sink, Form form, struct ev_loop* loop)
    : ByteInput(std::move(info), sink, std::move(form)), watcher_(loop) {}

void PipeInput::start(Now now) {
  ByteInput::start(now);
  watch();
}

void PipeInput::stop(Now now) {
  ByteInput::stop(now);
  watch();
}

void PipeInput::hold(bool held, Now now) {
  ByteInput::hold(held, now);
  watch();
}

void PipeInput::step(Now now) {
  ByteInput::step(now);
  watch();
}

void PipeInput::read_from(int fd) {
  fd_ = fd;
  watch();
}

void PipeInput::read_no_more() {
  fd_ = -1;
  watch();
}

void PipeInput::watch() {
  if (fd_ < 0 || !wants_bytes()) return watcher_.stop();
  if (!watcher_.active()) watcher_.start<&PipeInput::ready>(*this, fd_, EV_READ);
}

void PipeInput::ready(int) {
  const MutableByteSpan into = space();
  const ssize_t got = ::read(fd_, into.data(), into.size());
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  const int error = got < 0 ? errno : 0;
  if (got > 0) {
    advance(static_cast<std::size_t>(got), clock_now());
  } else {
    read_no_more();
    on_input_end(error, clock_now());
  }
  watch();
}

namespace {

SourceInfo pipe_info(const std::string& kind, const SourceOptions& options) {
  SourceInfo info{kind, 0, 0, options.fps, options.at_end.value_or(AtEnd::Wait)};
  info.live = true;
  info.on_demand = false;  // whoever writes it does not wait for viewers
  return info;
}

class StandardInput final : public PipeInput {
 public:
  StandardInput(const SourceOptions& options, InputSink& sink, ByteInput::Content content,
                struct ev_loop* loop)
      : PipeInput(pipe_info("stdin", options), sink,
                  {"standard input", content, random_number<std::uint32_t>()}, loop) {
    read_from(STDIN_FILENO);
  }

 protected:
  void on_input_end(int, Now now) override { finish(now); }
};

/// It is opened for writing as well, so that it has no end when a writer goes: another may come.
class FifoInput final : public PipeInput {
 public:
  FifoInput(Fd fd, const std::string& path, const SourceOptions& options, InputSink& sink,
            ByteInput::Content content, struct ev_loop* loop)
      : PipeInput(pipe_info("fifo", options), sink, {path, content, random_number<std::uint32_t>()}, loop),
        fd_(std::move(fd)) {
    read_from(fd_.get());
  }

 protected:
  void on_input_end(int error, Now now) override {
    sink().on_lost(fmt::format("cannot read '{}': {}", name(), std::strerror(error)), now);
    finish(now);
  }

 private:
  Fd fd_;
};

Result<SourceSpec> parse_pipe(const std::string& source) {
  auto spec = parse_source(source);
  if (spec && spec->options.at_end == AtEnd::Loop) {
    return fail("source '" + source + "': a pipe cannot be read again; there are ?eof=wait and ?eof=end");
  }
  return spec;
}

using Content = ByteInput::Content;

Result<std::unique_ptr<Input>> open_standard_input(const std::string& source, Content content,
                                                   InputSink& sink, const InputContext& context) {
  const auto spec = parse_pipe(source);
  if (!spec) return tl::unexpected<Error>(spec.error());
  if (spec->name != kStandardInput.prefix)
    return fail("source '" + source + "': '-' is standard input; a file whose name begins so is ./" + source);
  return std::make_unique<StandardInput>(spec->options, sink, content, context.loop);
}

Result<std::unique_ptr<Input>> open_fifo(const std::string& source, Content content, InputSink& sink,
                                         const InputContext& context) {
  const auto spec = parse_pipe(source);
  if (!spec) return tl::unexpected<Error>(spec.error());
  if (spec->options.at_end) return fail("source '" + source + "': a fifo has no end: writers come and go");
  const std::string path(spec->name.substr(kFifoInput.prefix.size()));
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0)
    return fail(fmt::format("cannot open '{}': {}; mkfifo {} makes it", path, std::strerror(errno), path));
  if (!S_ISFIFO(status.st_mode)) return fail(fmt::format("'{}' is no fifo", path));
  Fd fd(::open(path.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
  if (!fd.valid()) return fail(fmt::format("cannot open '{}': {}", path, std::strerror(errno)));
  return std::make_unique<FifoInput>(std::move(fd), path, spec->options, sink, content, context.loop);
}

template <auto open>
Result<std::unique_ptr<Input>> open_any(const std::string& source, InputSink& sink,
                                        const InputContext& context) {
  return open(source, Content::Any, sink, context);
}

/// text:-, text:fifo:PATH or text:FILE.
Result<std::unique_ptr<Input>> open_text(const std::string& source, InputSink& sink,
                                         const InputContext& context) {
  const std::string of = source.substr(kTextInput.prefix.size());
  if (of.starts_with(kStandardInput.prefix)) return open_standard_input(of, Content::Text, sink, context);
  if (of.starts_with(kFifoInput.prefix)) return open_fifo(of, Content::Text, sink, context);
  if (context.file != nullptr && context.file->timed)
    return std::make_unique<TimedInput>(std::move(context.file->timed), sink, context.workers);
  auto file = open_timed_source(source, random_number<std::uint32_t>());
  if (!file) return tl::unexpected<Error>(file.error());
  return std::make_unique<TimedInput>(std::move(*file), sink, context.workers);
}

Result<OpenedSource> open_text_ahead(const std::string& source) {
  const std::string of = source.substr(kTextInput.prefix.size());
  if (of.starts_with(kStandardInput.prefix) || of.starts_with(kFifoInput.prefix)) return OpenedSource{};
  return open_paced_source(source, random_number<std::uint32_t>());
}

}  // namespace

const InputSpec kStandardInput{"-", "- (standard input)", open_any<open_standard_input>};
const InputSpec kFifoInput{"fifo:", "fifo:PATH", open_any<open_fifo>};
const InputSpec kTextInput{"text:", "text:FILE, text:-, text:fifo:PATH", open_text, open_text_ahead};

}  // namespace ott
