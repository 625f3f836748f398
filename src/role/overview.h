// What this process knows of the overlay beyond its link states, for whoever looks at it: the tree of each
// stream, which its origin has, and how viewers are served, which they count themselves. It is asked of them
// while somebody looks, and a little longer; nobody is asked otherwise.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "role/overview_json.h"

namespace ott {

class Overview {
 public:
  explicit Overview(Overlay& overlay) : overlay_(overlay) {}

  /// Somebody looks: what there is to know is kept up to date for the next few seconds. True for the first
  /// one who does: step() is due at once, and the first answers are on their way until first_answers_until().
  bool look(Now now);
  [[nodiscard]] MonoTime first_answers_until() const { return first_answers_until_; }
  /// `own`: how this process itself is served; none if it watches nothing.
  void step(const std::optional<ViewerFigures>& own, Now now);
  [[nodiscard]] MonoTime next_deadline() const { return next_at_; }
  /// Takes an answer of Looks, if it is one to a question of this.
  bool take(const Looks::Answer& answer, Now now);
  /// A link has come or gone: trees are about to change.
  void on_graph_changed(Now now);

  struct Known {
    Route route;
    MonoTime at;  // when its origin said so
  };
  /// By stream.
  [[nodiscard]] const std::map<StreamId, Known>& routes() const { return routes_; }
  /// How those are served that watch at a node; empty where nothing is known.
  [[nodiscard]] const std::vector<ViewerFigures>& viewers(const NodeId& node) const;
  /// A guest by its id, its address or the name of its place in the topology.
  struct Guest {
    NodeId at;  // its access node
    GuestShown link;
  };
  [[nodiscard]] std::optional<Guest> guest(const std::string& who) const;
  /// True once a stream's tree is known, and all nodes have answered that it goes to.
  [[nodiscard]] bool knows_viewers_of(StreamId stream) const;
  /// And once they have said how their guests are served, whom they may have had to ask first.
  [[nodiscard]] bool knows_figures_of(StreamId stream) const;
  /// True unless somebody is still to say who is there, or how they are called.
  [[nodiscard]] bool knows_overlay() const;
  /// What LOOK at viewers shows of this process: itself and its guests, which are asked for the next time.
  std::string own_viewers_json(const std::optional<ViewerFigures>& own, Now now);
  /// The nodes and links, with all names that are known; for a guest, as its access node says.
  [[nodiscard]] std::string overlay_json() const;
  /// The same for a guest of this node, by its id. What it does not know of names is asked for, for the next
  /// time.
  std::string overlay_json_for_guest(const NodeId& guest, Now now);
  /// The name that people know a node by; its id where it is not known.
  [[nodiscard]] std::string name(const NodeId& id) const;
  /// The node of an id, or of a name that people know it by; none where no such name is known.
  [[nodiscard]] std::optional<NodeId> node_called(const std::string& who) const;
  /// What an access node has said of the overlay, and how often that has changed: 0: nothing yet.
  [[nodiscard]] const OverlayShown& shown() const { return shown_; }
  [[nodiscard]] std::uint64_t shown_edition() const { return shown_edition_; }

 private:
  struct Question {
    LookAt at = LookAt::Routes;
    NodeId node;
    std::optional<LinkId> guest;
    MonoTime asked_at;
  };
  struct Served;
  template <class Is>
  [[nodiscard]] bool knows_served(StreamId stream, Is is) const;
  void forget();
  void ask_routes(Now now);
  void ask_viewers(Now now);
  void ask_guests(Now now);
  void ask_overlay(Now now);
  void ask(const NodeId& node, LookAt at, Now now);
  [[nodiscard]] bool waits_for(const NodeId& node, LookAt at) const;
  void forget_unanswered(Now now);
  void take_overlay(const std::string& json);
  void take_routes(std::vector<Route> routes, const NodeId& origin, Now now);
  [[nodiscard]] std::vector<ViewerFigures> own_viewers(const std::optional<ViewerFigures>& own) const;
  [[nodiscard]] std::vector<GuestShown> own_guests() const;
  [[nodiscard]] bool is_called(const GuestShown& guest, const std::string& who) const;

  Overlay& overlay_;
  MonoTime wanted_until_{};
  MonoTime first_answers_until_{};
  MonoTime next_at_ = MonoTime::max();
  MonoTime routes_at_{};   // when they are asked for next
  MonoTime guests_at_{};   // the same
  MonoTime overlay_at_{};  // the same
  std::map<Looks::Number, Question> questions_;
  std::map<StreamId, Known> routes_;
  struct Served {
    std::vector<ViewerFigures> viewers;
    std::vector<GuestShown> guests;
    MonoTime asked_at;
    std::uint64_t answers = 0;
    /// A node asks its guests when it is asked itself: its second answer has what they have said.
    [[nodiscard]] bool has_figures() const;
  };
  std::map<NodeId, Served> viewers_;  // by the node where they watch; this one's are asked for by itself
  std::map<LinkId, ViewerFigures> guests_;
  LinkId last_guest_{};  // that was asked
  std::string overlay_of_access_;
  OverlayShown shown_;  // that, for a guest
  std::uint64_t shown_edition_ = 0;
  NodeNames names_;  // as the bootstrapper knows them
};

}  // namespace ott
