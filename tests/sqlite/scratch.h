// Scratch: a directory that goes with its test, and database files made in it.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "sqlite/database.h"

namespace syncnode::sqlite {

class Scratch {
 public:
  Scratch() {
    std::string name = (std::filesystem::temp_directory_path() / "sync-node-sqlite-XXXXXX").string();
    directory_ = ::mkdtemp(name.data());
  }
  ~Scratch() { std::filesystem::remove_all(directory_); }

  std::string path(const std::string& name = "webui.db") const { return (directory_ / name).string(); }

  // Runs the statements in a new connection and closes it.
  std::string make(const std::string& statements, const std::string& name = "webui.db") const {
    auto database = Database::open_own(path(name), Database::Mode::kReadWriteCreate, 1000);
    EXPECT_TRUE(database) << database.error().to_string();
    const auto done = database->execute(statements);
    EXPECT_TRUE(done) << done.error().to_string();
    return path(name);
  }

  std::string bytes(const std::string& name = "webui.db") const {
    std::ifstream file(path(name), std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  std::string write(const std::string& content, const std::string& name = "webui.db") const {
    std::ofstream(path(name), std::ios::binary) << content;
    return path(name);
  }

 private:
  std::filesystem::path directory_;
};

}  // namespace syncnode::sqlite
