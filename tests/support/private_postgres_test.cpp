#include "support/private_postgres.h"

#include <gtest/gtest.h>

#include <stdexcept>

namespace syncnode::test {
namespace {

TEST(PrivatePostgres, GivesAnAdminThatIsNoSuperuser) {
  PrivatePostgres server;
  EXPECT_EQ(server.admin_psql(
                "SELECT current_user, rolsuper, rolcreaterole FROM pg_roles WHERE rolname = current_user"),
            "admin|f|t");
  EXPECT_EQ(server.superuser_psql("SELECT rolsuper FROM pg_roles WHERE rolname = current_user"), "t");
}

TEST(PrivatePostgres, ReportsAFailedStatementWithItsMessage) {
  PrivatePostgres server;
  try {
    server.admin_psql("SELECT 1/0");
    FAIL() << "a division by zero went through";
  } catch (const std::runtime_error& error) {
    EXPECT_NE(std::string(error.what()).find("division by zero"), std::string::npos) << error.what();
  }
}

TEST(PrivatePostgres, TakesPasswordsOverTcp) {
  PrivatePostgres server;
  std::string wrong = server.admin_url();
  wrong.insert(wrong.find('@'), "x");
  EXPECT_THROW(server.psql(wrong, "SELECT 1"), std::runtime_error);
}

}  // namespace
}  // namespace syncnode::test
