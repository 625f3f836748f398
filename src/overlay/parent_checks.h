// What a flow's parent gives: whether the stream comes at all, and whether its trees and frame numbers are
// the origin's. A parent may live and send nothing, or may have passed on what somebody forged.
#pragma once

#include "overlay/overlay_config.h"
#include "plane/flow.h"

namespace ott {

/// True while the stream comes from the parent, or may still be on its way.
[[nodiscard]] bool is_fed(const Flow& flow, Now now);

/// True if the tree that is installed stays, whatever another neighbour's TRACKER says: it is newer, or of
/// another origin that can be reached. While the stream does not come here, an older tree is taken, too. The
/// parent's last tree always holds, since it passes its trees on in the order in which it took them: so a
/// forged version stays here no longer than there.
[[nodiscard]] bool outranks(const Flow& flow, const PeerLink& link, const TrackerMessage& message, Now now);

/// True if no TRACKER is taken from a neighbour: it has sent nothing as a parent, and another one sends.
[[nodiscard]] bool is_avoided(const Flow& flow, const PeerLink& link, Now now);

/// Avoids the former parent once the new one has sent something: so the former had something to send, too.
void leave_starving(Flow& flow, OverlayState& state, Now now);

/// True if the origin is to hear now that the parent lives and sends nothing: it knows whether there was
/// something to send.
[[nodiscard]] bool is_complaint_due(Flow& flow, const OverlayState& state, Now now);

/// The origin labels what it writes with its newest tree. Where frames still come with an older label long
/// after a TRACKER, the version in the TRACKER was not the origin's, and must not outrank the origin's next.
void check_label(Flow& flow);

/// True if the flow was further before it began again for a child, and its backlog is over without having
/// brought it there: so what it had reached was forged. To be called a few times a second.
[[nodiscard]] bool fails_to_reach(Flow& flow);

/// True if the parent goes on sending what is here already. Then frames that are here may be forged,
/// with numbers that the stream has not come to; START has the parent look at that.
[[nodiscard]] bool sends_only_known(const Flow& flow, Now now);

}  // namespace ott
