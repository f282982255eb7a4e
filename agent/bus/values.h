// Values: the views of a node as a{sv} and back. One list of fields per view serves both directions, so the
// two ends cannot disagree. Keys are those of the JSON that HTTP and the CLI show; what is not known has no
// key. Plain values, any thread.
#pragma once

#include <sdbus-c++/sdbus-c++.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "control/control.h"

namespace syncnode::bus {

using Dict = std::map<std::string, sdbus::Variant>;

template <typename View>
Dict to_dict(const View& view);
template <typename View>
View from_dict(const Dict& dict);  // an unknown key, or one of another type, is passed over

template <typename View>
std::vector<Dict> to_dicts(const std::vector<View>& views) {
  std::vector<Dict> dicts;
  dicts.reserve(views.size());
  for (const View& view : views) dicts.push_back(to_dict(view));
  return dicts;
}

template <typename View>
std::vector<View> from_dicts(const std::vector<Dict>& dicts) {
  std::vector<View> views;
  views.reserve(dicts.size());
  for (const Dict& dict : dicts) views.push_back(from_dict<View>(dict));
  return views;
}

// Options of a call: kInvalidArgument for a key nobody knows or a value of another type, since an option that
// is passed over in silence is a surprise.
struct TriggerOptions {
  bool full = false;
  std::optional<bool> verify;  // left out when it is not wanted: an older node refuses what it does not know
};
struct ResolveOptions {
  std::string value;
  std::optional<int64_t> version;
};
struct ResolveAllFilter {
  std::string client_name;
  std::optional<std::string> table_name, conflict_type;
};
template <typename Options>
Status read_options(const Dict& dict, Options& options);

}  // namespace syncnode::bus
