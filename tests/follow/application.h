// Application: another process that has a database open with SQLite, as the application of a client has. Not
// this process: our looks would drop its locks. One thread.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>

#include "support/child.h"

namespace syncnode::follow {

class Directory {
 public:
  Directory() {
    std::string name = (std::filesystem::temp_directory_path() / "sync-node-follow-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~Directory() { std::filesystem::remove_all(path_); }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

class Application {
 public:
  explicit Application(const std::string& database)
      : child_({SYNC_NODE_PYTHON, "-B", "-c", kProgram, database}) {
    run("");
  }
  // One statement; its first column of the first row, if any.
  std::string run(const std::string& statement) {
    child_.say(statement);
    const std::string answer = child_.line();
    EXPECT_TRUE(answer.starts_with("ok ")) << statement << ": " << answer;
    return answer.substr(std::min<size_t>(answer.size(), 3));
  }
  void die() { child_.kill_and_wait(); }

 private:
  static constexpr const char* kProgram = R"python(
import sqlite3, sys
database = sqlite3.connect(sys.argv[1], isolation_level=None)
for line in sys.stdin:
    try:
        row = database.execute(line).fetchone()
        print('ok', '' if row is None else row[0], flush=True)
    except sqlite3.Error as error:
        print('failed', error, flush=True)
)python";
  test::Child child_;
};

}  // namespace syncnode::follow
