// A connection to the private PostgreSQL of this process, for tests that ask a real server for the truth.
// Fails the test when the server does not answer. One thread.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "postgres/connection.h"
#include "support/private_postgres.h"
#include "sync/array_param.h"

namespace syncnode::test {

class Server : public ::testing::Test {
 protected:
  static Deadline soon() { return deadline_in(std::chrono::seconds(60)); }
  void SetUp() override {
    auto opened =
        postgres::Connection::open({PrivatePostgres::shared().admin_url(), "codec_server_test"}, soon());
    ASSERT_TRUE(opened) << opened.error().to_string();
    connection_.emplace(std::move(*opened));
  }

  postgres::Rows must(Result<postgres::Rows> rows) {
    if (!rows) throw std::runtime_error(rows.error().to_string());
    return std::move(*rows);
  }
  postgres::Rows simple(const std::string& sql) { return must(connection_->simple(sql, soon())); }

  // One answer per element of `list`, in order; `sql` has $1 for it.
  postgres::Rows ask(const std::string& sql, const std::vector<std::string>& list) {
    auto parameter = sync::ArrayParam::of_bytea();
    for (const auto& item : list) parameter.add_bytes(item);
    auto rows = must(connection_->query_binary(sql, {parameter.param()}, soon()));
    EXPECT_EQ(static_cast<size_t>(rows.count()), list.size());
    return rows;
  }

  std::optional<postgres::Connection> connection_;
};

}  // namespace syncnode::test
