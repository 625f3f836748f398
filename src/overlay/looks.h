// LOOK: asks a process to show something of itself, for whoever looks at the overlay by this one. It travels
// like WHY; a guest's goes to its access node, which asks in its own name. What is shown is for the role to
// say, so what others ask waits here until the role answers.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "overlay/overlay_config.h"

namespace ott {

class Looks {
 public:
  explicit Looks(OverlayState& state) : state_(state) {}

  /// Names a question of this process itself.
  using Number = std::uint32_t;
  /// Asks a node or member; as a guest also the access node, by its id. 0: it cannot be asked now, since
  /// there is no way to it, or too many wait for an answer.
  Number ask(const NodeId& node, LookAt at, Now now);
  /// Asks a guest of this node.
  Number ask_guest(LinkId guest, LookAt at, Now now);
  struct Answer {
    Number number = 0;
    std::string json;
  };
  /// Those that have come since the last call. A question that has none after kAnswerTimeMax never has one.
  std::vector<Answer> take_answers() { return std::exchange(answers_, {}); }

  /// A question of somebody else for this process.
  struct Asked {
    LookAt at = LookAt::Node;
    LinkId link;  // that it came by
    NodeId asker;
    Number number = 0;
    bool by_guest = false;  // of this node
  };
  std::vector<Asked> take_asked() { return std::exchange(asked_, {}); }
  /// Answers one of them, at once; an answer above kViewBytesMax is none.
  void answer(const Asked& asked, std::string json);

  void on_look(PeerLink& link, const Look& message, Now now);
  void on_view(PeerLink& link, const View& message);

  static constexpr Duration kAnswerTimeMax = std::chrono::seconds(3);

 private:
  struct Waiting {
    std::optional<LinkId> guest;  // that asks; none: this process itself
    Number guest_number = 0;
    NodeId asked{};                     // who is asked
    std::optional<LinkId> asked_guest;  // or which guest of this node
    MonoTime at;
  };
  Number send(const NodeId& node, LookAt at, const Waiting& waiting, Now now);
  std::optional<Number> begin(const Waiting& waiting, Now now);
  void show_guest(PeerLink& guest, Number number, std::string json);

  OverlayState& state_;
  std::map<Number, Waiting> waiting_;  // for answers
  Number number_ = 0;
  RateLimit asked_rate_;
  std::vector<Asked> asked_;
  std::vector<Answer> answers_;
};

}  // namespace ott
