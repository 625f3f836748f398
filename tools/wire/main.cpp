// wire: its command line, and what it asks of the kernel for being on time.
#include <fmt/format.h>
#include <sched.h>
#include <sys/prctl.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>

#include "carrier.h"

namespace ott::wire {
namespace {

constexpr const char* kFooter =
    "WORDS are those of netem, in one argument; what is not named does nothing:\n"
    "  delay 20ms      jitter 2ms: each frame's delay is within 18 and 22 ms, so that frames may overtake "
    "others\n"
    "  loss 0.5%       duplicate 1%       reorder 1%: these go without the delay\n"
    "  rate 10mbit     limit 1000: frames that wait or are on their way; one more is dropped\n"
    "Example: a link of 20 ms each way, with 1 % of loss in one direction only:\n"
    "  wire eth1 eth2 --from-a 'delay 20ms loss 1%' --from-b 'delay 20ms'\n"
    "It sees frames as they are on an Ethernet where the senders' offloads are off (ethtool -K IF tx off tso "
    "off gso\n"
    "off); a segment that is larger than the MTU is dropped and counted (too_large).\n"
    "The control socket (SOCK_SEQPACKET) takes 'from-a WORDS', 'from-b WORDS' and 'counters'. At its end "
    "(SIGTERM,\n"
    "SIGINT) wire prints its counters, a line of JSON. `late` are frames that left more than 0.2 ms after "
    "they were\n"
    "due, `unread` those that the kernel dropped before wire could read them: then the machine has too much "
    "to do.\n"
    "Exit status: 0; 1 a failure while running; 2 wrong usage.";

/// Timers are exact, and whoever else has work waits: this process has little. Without the right to that it
/// is late now and then, which it counts.
void be_punctual() {
  (void)::prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
  const sched_param first{.sched_priority = 1};
  (void)::sched_setscheduler(0, SCHED_FIFO, &first);
}

int failed(const Error& error, int status) {
  std::fputs(fmt::format("wire: {}\n", error.message).c_str(), stderr);
  return status;
}

int start(int argc, char** argv) {
  CLI::App app("Carries Ethernet frames between two interfaces like a long link. Needs root.", "wire");
  app.footer(kFooter);
  std::array<std::string, 2> interfaces;
  std::array<std::string, 2> words;
  std::string control;
  std::uint64_t seed = 1;
  app.add_option("A", interfaces[0], "one interface; it should have no address")->required()->type_name("");
  app.add_option("B", interfaces[1], "the other one")->required()->type_name("");
  app.add_option("--from-a", words[0], "what happens to frames that come in at A")->type_name("WORDS");
  app.add_option("--from-b", words[1], "what happens to frames that come in at B")->type_name("WORDS");
  app.add_option("--control", control, "answer requests on a socket here")->type_name("PATH");
  app.add_option("--seed", seed, "of all random decisions (1)")->type_name("N");
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    std::fputs(app.help().c_str(), stdout);
    return 0;
  } catch (const CLI::ParseError& error) {
    return failed({fmt::format("{}\nwire --help lists what there is", error.what())}, 2);
  }
  if (interfaces[0] == interfaces[1]) return failed({"A and B are two interfaces"}, 2);
  std::array<Impairment, 2> from;
  for (std::size_t i = 0; i < from.size(); ++i) {
    auto impairment = parse_impairment(words.at(i));
    if (!impairment) {
      return failed({fmt::format("{}: {}", i == 0 ? "--from-a" : "--from-b", impairment.error().message)}, 2);
    }
    from.at(i) = *impairment;
  }
  auto a = Port::open(interfaces[0]);
  if (!a) return failed(a.error(), 1);
  auto b = Port::open(interfaces[1]);
  if (!b) return failed(b.error(), 1);
  Carrier carrier({std::move(*a), std::move(*b)}, from, seed);
  if (!control.empty()) {
    if (auto listening = carrier.listen(control); !listening) return failed(listening.error(), 1);
  }
  be_punctual();
  if (auto carried = carrier.run(); !carried) return failed(carried.error(), 1);
  std::fputs((carrier.counters() + "\n").c_str(), stdout);
  return 0;
}

}  // namespace
}  // namespace ott::wire

int main(int argc, char** argv) {
  try {
    return ott::wire::start(argc, argv);
  } catch (const std::exception& error) {  // out of memory, or a library's
    std::fprintf(stderr, "wire: %s\n", error.what());
    return 1;
  }
}
