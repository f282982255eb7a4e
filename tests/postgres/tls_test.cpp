// COPY over TLS, where poll(2) does not tell all that has come: a network that stands still is not a refusal,
// and a refusal is one.
#include <gtest/gtest.h>

#include <future>
#include <string>

#include "postgres/connection.h"
#include "postgres/tcp_proxy.h"
#include "support/private_postgres.h"

namespace syncnode::postgres {
namespace {

using namespace std::chrono_literals;

Deadline later() {
  return deadline_in(120s);
}

// The server makes its own key, so that it may read it.
constexpr char kMakeCertificate[] =
    "CREATE TEMP TABLE said (line text); COPY said FROM PROGRAM 'openssl req -x509 -newkey ec -pkeyopt "
    "ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost -keyout server.key -out server.crt "
    "2>/dev/null && chmod 600 server.key'";

class TlsTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    server = new test::PrivatePostgres;
    server->superuser_psql(kMakeCertificate);
    auto super = Connection::open({server->superuser_url(), "tls_test"}, later());
    ASSERT_TRUE(super) << super.error().to_string();
    ASSERT_TRUE(super->query("ALTER SYSTEM SET ssl = on", {}, later()));
    ASSERT_TRUE(super->query("SELECT pg_reload_conf()", {}, later()));
    // Only a session sees that the postmaster has reloaded.
    while (server->superuser_psql("SHOW ssl") != "on") {
    }
  }
  static void TearDownTestSuite() {
    delete server;
    server = nullptr;
  }
  void SetUp() override {
    const std::string url = test::with_port(server->admin_url(), proxy_.port()) + "?sslmode=require";
    auto opened = Connection::open({url, "tls_test"}, later());
    ASSERT_TRUE(opened) << opened.error().to_string();
    connection_.emplace(std::move(*opened));
    ASSERT_TRUE(connection_->simple(
        "DROP TABLE IF EXISTS public.t; CREATE TABLE public.t (id int8, body text)", later()));
    auto tls = connection_->query("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()", {}, later());
    ASSERT_TRUE(tls && tls->boolean(0, 0));
    ASSERT_TRUE(connection_->copy_in_begin("COPY public.t FROM STDIN", later()));
  }

  static test::PrivatePostgres* server;
  test::TcpProxy proxy_{test::port_of(server->admin_url())};
  std::optional<Connection> connection_;
};

test::PrivatePostgres* TlsTest::server = nullptr;

TEST_F(TlsTest, ANetworkThatStandsStillIsNoRefusal) {
  constexpr int kMegabytes = 64;  // more than the sockets of both sides hold
  std::string chunk;
  while (chunk.size() < (size_t{1} << 20)) chunk += "7\t" + std::string(1021, 'z') + "\n";
  proxy_.freeze();
  auto written = std::async(std::launch::async, [&] {
    Status done;
    for (int i = 0; i < kMegabytes && done; ++i) done = connection_->copy_in_write(chunk, later());
    return done;
  });
  // Many times as long as a wait on TLS goes without looking.
  ASSERT_EQ(written.wait_for(500ms), std::future_status::timeout) << "nothing was held back";
  proxy_.thaw();
  const Status done = written.get();
  ASSERT_TRUE(done) << done.error().to_string();
  auto copied = connection_->copy_in_finish(later());
  ASSERT_TRUE(copied) << copied.error().to_string();
  EXPECT_EQ(*copied, kMegabytes * 1024);
}

TEST_F(TlsTest, ARefusalIsSeenWhileStillWriting) {
  ASSERT_TRUE(connection_->copy_in_write("not a number\tx\n", later()));
  const std::string chunk(size_t{1} << 20, 'x');
  Status written;
  int chunks = 0;
  for (; written && chunks < 2000; ++chunks) written = connection_->copy_in_write(chunk, later());
  ASSERT_FALSE(written);
  EXPECT_LT(chunks, 200) << "the error came only after megabytes";
  EXPECT_EQ(connection_->last_sqlstate(), "22P02");
  EXPECT_TRUE(connection_->usable());
}

}  // namespace
}  // namespace syncnode::postgres
