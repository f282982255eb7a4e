#include "bus/values.h"

#include <fmt/format.h>

#include <limits>
#include <set>

#include "bus/error_names.h"
#include "bus/view_fields.h"

namespace syncnode::bus {
namespace {

class Writer {
 public:
  explicit Writer(Dict& dict) : dict_(dict) {}

  void operator()(const char* name, const std::string& value) {
    if (!value.empty()) put(name, bus_text(value));
  }
  void operator()(const char* name, bool value) { put(name, value); }
  void operator()(const char* name, double value) { put(name, value); }
  void operator()(const char* name, int64_t value) { put(name, value); }
  void operator()(const char* name, int value) { put(name, int64_t{value}); }
  void operator()(const char* name, control::HealthWord value) {
    put(name, std::string(control::to_string(value)));
  }
  template <typename T>
  void operator()(const char* name, const std::optional<T>& value) {
    if (value) (*this)(name, *value);
  }
  void operator()(const char* name, const std::vector<std::string>& value) {
    std::vector<std::string> clean;
    clean.reserve(value.size());
    for (const std::string& text : value) clean.push_back(bus_text(text));
    put(name, clean);
  }
  void operator()(const char* name, const control::LeadershipView& value) { put(name, to_dict(value)); }
  template <typename View>
  void operator()(const char* name, const std::vector<View>& value) {
    put(name, to_dicts(value));
  }

 private:
  template <typename T>
  void put(const char* name, const T& value) {
    dict_.emplace(name, sdbus::Variant(value));
  }
  Dict& dict_;
};

class Reader {
 public:
  explicit Reader(const Dict& dict) : dict_(dict) {}

  void operator()(const char* name, std::string& value) { take(name, value); }
  void operator()(const char* name, bool& value) { take(name, value); }
  void operator()(const char* name, double& value) { take(name, value); }
  void operator()(const char* name, std::vector<std::string>& value) { take(name, value); }
  void operator()(const char* name, int64_t& value) {
    const sdbus::Variant* found = find(name);
    if (found != nullptr && !integer(*found, value)) wrong(name, *found, "an integer");
  }
  void operator()(const char* name, int& value) {
    int64_t wide = value;
    (*this)(name, wide);
    value = static_cast<int>(wide);
  }
  void operator()(const char* name, control::HealthWord& value) {
    std::string word;
    (*this)(name, word);
    for (const control::HealthWord known :
         {control::HealthWord::kHealthy, control::HealthWord::kDegraded, control::HealthWord::kUnhealthy}) {
      if (word == control::to_string(known)) value = known;
    }
  }
  template <typename T>
  void operator()(const char* name, std::optional<T>& value) {
    known_.insert(name);
    if (dict_.count(name) != 0) (*this)(name, value.emplace());
  }
  void operator()(const char* name, control::LeadershipView& value) {
    Dict dict;
    take(name, dict);
    value = from_dict<control::LeadershipView>(dict);
  }
  template <typename View>
  void operator()(const char* name, std::vector<View>& value) {
    std::vector<Dict> dicts;
    take(name, dicts);
    value = from_dicts<View>(dicts);
  }

  Status problems() const {
    if (!problem_.empty()) return Error{ErrorCode::kInvalidArgument, problem_, ""};
    for (const auto& [name, value] : dict_) {
      if (known_.count(name) == 0) {
        return Error{ErrorCode::kInvalidArgument, fmt::format("there is no option '{}'", name),
                     fmt::format("known: {}", fmt::join(known_, ", "))};
      }
    }
    return {};
  }

 private:
  const sdbus::Variant* find(const char* name) {
    known_.insert(name);
    const auto found = dict_.find(name);
    return found == dict_.end() ? nullptr : &found->second;
  }
  template <typename T>
  void take(const char* name, T& value) {
    const sdbus::Variant* found = find(name);
    if (found == nullptr) return;
    if (!found->containsValueOfType<T>())
      return wrong(name, *found, "'" + sdbus::signature_of<T>::str() + "'");
    value = found->get<T>();
  }
  // Tools send whatever integer type comes to hand.
  static bool integer(const sdbus::Variant& variant, int64_t& value) {
    if (variant.containsValueOfType<int64_t>()) return value = variant.get<int64_t>(), true;
    if (variant.containsValueOfType<int32_t>()) return value = variant.get<int32_t>(), true;
    if (variant.containsValueOfType<uint32_t>()) return value = variant.get<uint32_t>(), true;
    if (!variant.containsValueOfType<uint64_t>()) return false;
    const auto wide = variant.get<uint64_t>();
    value = static_cast<int64_t>(wide);
    return wide <= static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
  }
  void wrong(const char* name, const sdbus::Variant& found, const std::string& wanted) {
    if (problem_.empty()) {
      problem_ = fmt::format("option '{}' is of type '{}', wanted {}", name, found.peekValueType(), wanted);
    }
  }

  const Dict& dict_;
  std::set<std::string> known_;
  std::string problem_;
};

}  // namespace

template <typename View>
Dict to_dict(const View& view) {
  Dict dict;
  Writer writer(dict);
  Fields<View>::visit(writer, view);
  return dict;
}

template <typename View>
View from_dict(const Dict& dict) {
  View view;
  Reader reader(dict);
  Fields<View>::visit(reader, view);
  return view;
}

template <typename Options>
Status read_options(const Dict& dict, Options& options) {
  Reader reader(dict);
  Fields<Options>::visit(reader, options);
  return reader.problems();
}

template Dict to_dict(const control::LeadershipView&);
template Dict to_dict(const control::HealthView&);
template Dict to_dict(const control::ClusterHostView&);
template Dict to_dict(const control::DeploymentView&);
template Dict to_dict(const control::JobView&);
template Dict to_dict(const control::JobTableView&);
template Dict to_dict(const control::ConflictView&);
template Dict to_dict(const conflict::Difference&);
template Dict to_dict(const control::ConflictDetail&);
template Dict to_dict(const control::RefusalView&);
template Dict to_dict(const control::BulkView&);
template Dict to_dict(const control::ConflictFilter&);
template Dict to_dict(const TriggerOptions&);
template Dict to_dict(const ResolveOptions&);
template Dict to_dict(const ResolveAllFilter&);
template control::LeadershipView from_dict(const Dict&);
template control::HealthView from_dict(const Dict&);
template control::ClusterHostView from_dict(const Dict&);
template control::DeploymentView from_dict(const Dict&);
template control::JobView from_dict(const Dict&);
template control::JobTableView from_dict(const Dict&);
template control::ConflictView from_dict(const Dict&);
template conflict::Difference from_dict(const Dict&);
template control::ConflictDetail from_dict(const Dict&);
template control::RefusalView from_dict(const Dict&);
template control::BulkView from_dict(const Dict&);
template Status read_options(const Dict&, TriggerOptions&);
template Status read_options(const Dict&, ResolveOptions&);
template Status read_options(const Dict&, ResolveAllFilter&);
template Status read_options(const Dict&, control::ConflictFilter&);

}  // namespace syncnode::bus
