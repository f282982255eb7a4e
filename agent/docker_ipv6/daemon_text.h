// The text of Docker's daemon.json and how a few of its members are changed without touching anything else:
// every other byte, order, indentation and line end stays. Refuses to work on a text it did not fully
// understand (json/strict.h; an empty text counts as an empty object). Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "json/json.h"

namespace syncnode::docker_ipv6 {

// One member, with values as JSON texts. No `before`: the member was not there.
struct Change {
  std::string key;
  std::optional<std::string> before;
  std::string after;

  bool operator==(const Change&) const = default;
};

// The document. kFailedPrecondition when it is not one JSON object in UTF-8.
Result<json::Json> read_document(std::string_view text);

// The value of a member as it is written; nothing when there is no such member.
std::optional<std::string> value_text(std::string_view text, std::string_view key);

// `text` with these members set; new ones come last, written like their neighbours.
Result<std::string> apply_changes(std::string_view text, const std::vector<Change>& changes);

struct Undone {
  std::string text;
  std::vector<std::string> undone;  // keys that are as they were before
  std::vector<std::string> left;    // keys that somebody changed since: not ours any more
};
Result<Undone> undo_changes(std::string_view text, const std::vector<Change>& changes);

}  // namespace syncnode::docker_ipv6
