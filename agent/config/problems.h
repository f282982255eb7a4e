// Problems: collects everything that is wrong with a configuration, so that an operator hears it all at once
// and not one line per start. Refuses secrets by convention: callers pass key names and masked values. One
// thread.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"

namespace syncnode::config {

class Problems {
 public:
  // `what` names the key and what is wrong with it, `cure` what to write instead.
  void add(std::string what, std::string cure);
  bool empty() const { return items_.empty(); }
  size_t count() const { return items_.size(); }

  // kInvalidArgument, one line per problem: "what: cure".
  Error to_error() const;

 private:
  struct Item {
    std::string what, cure;
  };
  std::vector<Item> items_;
};

}  // namespace syncnode::config
