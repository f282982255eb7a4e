// What Open WebUI needs of a merged chat beside its members: its messages are a tree that is written down
// twice (each names its parent, each lists its children), and one of them is current. Member by member the
// two can part, when one side removed a message that the other answered. Refuses to touch anything that does
// not have this shape, and to remove anything. Pure.
#pragma once

#include "conflict/json_merge.h"

namespace syncnode::conflict {

// Messages by id: every one whose `parentId` is among them is in that one's `childrenIds`.
void relink_children(Json& messages);

// {"messages":{id: …},"currentId":id}: when a side's current message did not survive the merge, the other
// side's is taken, or the last message.
void settle_current(Json& history, const Versions& versions, Side newest);

}  // namespace syncnode::conflict
