// What was added to, removed from and changed in a list or a map of messages, in words. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "conflict/difference.h"
#include "conflict/merge_slots.h"

namespace syncnode::conflict {

// An object of which every member is an object whose `id` is the member's name, in all versions.
bool is_map_by_id(const Versions& versions);

// Did a side change the element? What it lists as its children does not count: the messages say it too.
bool element_differs(const Json* left, const Json* right);

// Nothing when no element was added, removed or changed. `path` gives the elements their name: those of
// "chat.messages" are messages.
std::optional<Difference> summarize_list(const std::string& path, const Versions& lists, const Slots& slots);

}  // namespace syncnode::conflict
