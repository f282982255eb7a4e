// Script: statements that travel as one message of the simple protocol: one exchange, and a server that
// begins nothing before it has all of it. Parameters are written into the text as literals, so it is for
// small ones; rows travel by Pipeline. Refuses binary parameters. Pure, any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "postgres/connection.h"

namespace syncnode::postgres {

class Script {
 public:
  // `sql` without a ';' at its end, its places $1, $2, … as in Connection::query().
  void add(std::string_view sql, const std::vector<Param>& params);

  const std::string& text() const { return text_; }
  size_t count() const { return count_; }

 private:
  std::string text_;
  size_t count_ = 0;
};

}  // namespace syncnode::postgres
