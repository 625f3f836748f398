// Inputs that read a pipe: standard input, and a named one; also as lines of text (text:-, text:fifo:PATH).
#pragma once

#include "io/fd.h"
#include "io/inputs.h"
#include "io/watcher.h"
#include "media/byte_input.h"

namespace ott {

/// Reads a descriptor that becomes readable, for as long as its bytes are wanted.
class PipeInput : public ByteInput {
 public:
  PipeInput(SourceInfo info, InputSink& sink, Form form, struct ev_loop* loop);

  void start(Now now) override;
  void stop(Now now) override;
  void hold(bool held, Now now) override;

 protected:
  /// Reads from it from now on; whoever calls owns it.
  void read_from(int fd);
  /// No more, until read_from() is called again.
  void read_no_more();
  /// The end of what is read, or what reading has failed with (errno; 0: the end).
  virtual void on_input_end(int error, Now now) = 0;

 private:
  void ready(int events);
  void watch();

  IoWatcher watcher_;
  int fd_ = -1;
};

extern const InputSpec kStandardInput;
extern const InputSpec kFifoInput;
extern const InputSpec kTextInput;

}  // namespace ott
