// When things break: servers frozen or killed, networks that swallow bytes, refused log-ins. Every deadline
// holds, every broken connection is closed, and no password is ever in a message.
#include <gtest/gtest.h>

#include <condition_variable>
#include <csignal>
#include <string>
#include <thread>

#include "postgres/connection.h"
#include "postgres/resolve.h"
#include "postgres/tcp_proxy.h"
#include "support/private_postgres.h"

namespace syncnode::postgres {
namespace {

using namespace std::chrono_literals;
using test::TcpProxy;

// For a loaded machine under a sanitizer; what is guarded against hangs for tens of seconds, or for ever.
constexpr auto kSlack = 3000ms;

class FaultTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { server = new test::PrivatePostgres; }
  static void TearDownTestSuite() {
    delete server;
    server = nullptr;
  }
  static Deadline soon() { return deadline_in(20s); }
  static Connection must_open(const std::string& url) {
    auto connection = Connection::open({url, "fault_test"}, soon());
    if (!connection) throw std::runtime_error(connection.error().to_string());
    return std::move(*connection);
  }
  static Connection open_through(const TcpProxy& proxy) {
    return must_open(test::with_port(server->admin_url(), proxy.port()));
  }
  // Runs `call` with a deadline of half a second; it must fail by it, in time, and close the connection.
  template <typename Call>
  static void expect_deadline(Connection& connection, Call call) {
    const auto before = BootClock::now();
    auto failed = call(before + 500ms);
    const auto took = BootClock::now() - before;
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().code, ErrorCode::kDeadlineExceeded) << failed.error().to_string();
    EXPECT_LT(took, 500ms + kSlack);
    EXPECT_FALSE(connection.usable());
    EXPECT_EQ(connection.query("SELECT 1", {}, soon()).error().code, ErrorCode::kUnavailable);
  }

  static test::PrivatePostgres* server;
};

test::PrivatePostgres* FaultTest::server = nullptr;

TEST_F(FaultTest, AFrozenServerProcessCannotHoldUpAQuery) {
  Connection connection = must_open(server->admin_url());
  const pid_t backend = connection.backend_pid();
  ASSERT_EQ(::kill(backend, SIGSTOP), 0);
  expect_deadline(connection, [&](Deadline deadline) { return connection.query("SELECT 1", {}, deadline); });
  ::kill(backend, SIGCONT);
}

TEST_F(FaultTest, ASlowQueryEndsByTheDeadline) {
  Connection connection = must_open(server->admin_url());
  expect_deadline(connection,
                  [&](Deadline deadline) { return connection.query("SELECT pg_sleep(30)", {}, deadline); });
}

TEST_F(FaultTest, ALimitedConnectionWaitsNoLongerWhateverItsDeadlines) {
  Connection connection = must_open(server->admin_url());
  expect_deadline(connection, [&](Deadline deadline) {
    connection.limit(deadline);
    return connection.query("SELECT pg_sleep(30)", {}, deadline_in(30s));
  });
}

TEST_F(FaultTest, AFrozenNetworkCannotHoldUpALargeRequest) {
  TcpProxy proxy(test::port_of(server->admin_url()));
  Connection connection = open_through(proxy);
  proxy.freeze();
  const std::string large(32 << 20, 'x');
  expect_deadline(connection, [&](Deadline deadline) {
    return connection.query("SELECT length($1::text)", {Param::text(large)}, deadline);
  });
}

TEST_F(FaultTest, AFrozenNetworkCannotHoldUpCopyIn) {
  TcpProxy proxy(test::port_of(server->admin_url()));
  Connection connection = open_through(proxy);
  ASSERT_TRUE(connection.simple("CREATE TEMPORARY TABLE t (body text)", soon()));
  ASSERT_TRUE(connection.copy_in_begin("COPY t FROM STDIN", soon()));
  proxy.freeze();
  const std::string row = std::string(1 << 20, 'x') + "\n";
  expect_deadline(connection, [&](Deadline deadline) {
    Status written;
    while (written) written = connection.copy_in_write(row, deadline);
    return written;
  });
}

TEST_F(FaultTest, AFrozenNetworkCannotHoldUpCopyOut) {
  TcpProxy proxy(test::port_of(server->admin_url()));
  Connection connection = open_through(proxy);
  expect_deadline(connection, [&](Deadline deadline) {
    return connection.copy_out(
        "COPY (SELECT repeat('x', 1000) FROM generate_series(1, 1000000)) TO STDOUT",
        [&](std::string_view) {
          if (proxy.moved() > (1U << 20)) proxy.freeze();
          return Status();
        },
        deadline);
  });
}

TEST_F(FaultTest, AFrozenNetworkCannotHoldUpAConnect) {
  TcpProxy proxy(test::port_of(server->admin_url()));
  proxy.freeze();
  const auto before = BootClock::now();
  auto connection =
      Connection::open({test::with_port(server->admin_url(), proxy.port()), "t"}, before + 500ms);
  ASSERT_FALSE(connection);
  EXPECT_EQ(connection.error().code, ErrorCode::kDeadlineExceeded);
  EXPECT_LT(BootClock::now() - before, 500ms + kSlack);
}

TEST_F(FaultTest, ADeadAddressLeavesTimeForTheNextOne) {
  TcpProxy dead(test::port_of(server->admin_url()));
  dead.freeze();
  std::string url = server->admin_url();
  const std::string port = std::to_string(test::port_of(url));
  url.replace(url.find("127.0.0.1:" + port), 10 + port.size(),
              "127.0.0.1:" + std::to_string(dead.port()) + ",127.0.0.1:" + port);
  auto connection = Connection::open({url, "t"}, deadline_in(4s));
  ASSERT_TRUE(connection) << connection.error().to_string();
  EXPECT_TRUE(connection->query("SELECT 1", {}, soon()));
}

TEST_F(FaultTest, AnEndedBackEndIsUnavailableAndClosed) {
  Connection connection = must_open(server->admin_url());
  std::jthread killer([pid = connection.backend_pid()] {
    Connection other = must_open(server->admin_url());
    const std::string text = std::to_string(pid);
    while (other
               .query("SELECT 1 FROM pg_stat_activity WHERE pid = $1::int AND query LIKE '%sleep%'",
                      {Param::text(text)}, soon())
               ->count() == 0) {
    }
    EXPECT_TRUE(other.query("SELECT pg_terminate_backend($1::int)", {Param::text(text)}, soon()));
  });
  auto rows = connection.query("SELECT pg_sleep(30)", {}, soon());
  ASSERT_FALSE(rows);
  EXPECT_EQ(rows.error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(connection.last_sqlstate(), "57P01");
  EXPECT_FALSE(connection.usable());
}

TEST_F(FaultTest, AKilledServerProcessIsUnavailable) {
  test::PrivatePostgres doomed;
  Connection connection = must_open(doomed.admin_url());
  ASSERT_EQ(::kill(connection.backend_pid(), SIGKILL), 0);
  auto rows = connection.query("SELECT 1", {}, soon());
  ASSERT_FALSE(rows);
  EXPECT_EQ(rows.error().code, ErrorCode::kUnavailable) << rows.error().to_string();
  EXPECT_FALSE(connection.usable());
}

TEST_F(FaultTest, ALostAnswerToCommitIsUnknownAndWasDone) {
  TcpProxy proxy(test::port_of(server->admin_url()));
  Connection connection = open_through(proxy);
  ASSERT_TRUE(connection.simple("CREATE TABLE public.lost (id int)", soon()));
  auto transaction = Transaction::begin(connection, {}, soon());
  ASSERT_TRUE(transaction);
  ASSERT_TRUE(connection.query("INSERT INTO public.lost VALUES (1)", {}, soon()));
  proxy.lose_answer_to("COMMIT");
  Status committed = transaction->commit(deadline_in(500ms));
  ASSERT_FALSE(committed);
  EXPECT_EQ(committed.error().code, ErrorCode::kOutcomeUnknown);
  EXPECT_FALSE(connection.usable());
  EXPECT_EQ(server->admin_psql("SELECT count(*) FROM public.lost"), "1");
}

TEST_F(FaultTest, AConnectionLostBeforeCommitIsNotUnknown) {
  Connection connection = must_open(server->admin_url());
  auto transaction = Transaction::begin(connection, {}, soon());
  ASSERT_TRUE(transaction);
  connection.close();
  EXPECT_EQ(transaction->commit(soon()).error().code, ErrorCode::kUnavailable);
}

TEST_F(FaultTest, AWrongPasswordIsNamedButNotShown) {
  std::string url = server->admin_url();
  url.replace(url.find("admin:") + 6, url.find('@') - url.find("admin:") - 6, "geheim-4711");
  auto connection = Connection::open({url, "t"}, soon());
  ASSERT_FALSE(connection);
  EXPECT_EQ(connection.error().code, ErrorCode::kFailedPrecondition) << connection.error().to_string();
  EXPECT_NE(connection.error().message.find("28P01"), std::string::npos) << connection.error().message;
  EXPECT_EQ(connection.error().to_string().find("geheim"), std::string::npos);
}

TEST_F(FaultTest, AMistypedUrlIsRefusedWithoutShowingIt) {
  for (const char* url : {"postgresql://u:ge%zzheim@127.0.0.1/x", "postgresql://u:geheim@127.0.0.1:port@/x",
                          "postgresql://u:geheim@[::1/x", "postgresql://u:ge@heim@127.0.0.1/x",
                          "postgresql://u:ge/heim@127.0.0.1/x", "geheim", ""}) {
    auto connection = Connection::open({url, "t"}, soon());
    ASSERT_FALSE(connection);
    EXPECT_EQ(connection.error().code, ErrorCode::kInvalidArgument) << connection.error().to_string();
    EXPECT_EQ(connection.error().to_string().find("heim"), std::string::npos)
        << connection.error().to_string();
  }
}

TEST_F(FaultTest, AnUnknownTenantIsExplainedWithTheUserThePoolerWants) {
  const test::FakeServer pooler(test::error_response("XX000", "Tenant or user not found"));
  auto connection = Connection::open(
      {"postgresql://sync_service:geheim@127.0.0.1:" + std::to_string(pooler.port()) + "/postgres", "t"},
      soon());
  ASSERT_FALSE(connection);
  EXPECT_EQ(connection.error().code, ErrorCode::kFailedPrecondition);
  EXPECT_NE(connection.error().hint.find("'sync_service.PROJECT_REF'"), std::string::npos)
      << connection.error().hint;
  EXPECT_EQ(connection.error().to_string().find("geheim"), std::string::npos);
}

TEST_F(FaultTest, AClosedPortIsUnavailable) {
  int port = 0;
  {
    const test::Listener gone;
    port = gone.port;
  }
  auto connection = Connection::open({test::with_port(server->admin_url(), port), "t"}, soon());
  ASSERT_FALSE(connection);
  EXPECT_EQ(connection.error().code, ErrorCode::kUnavailable) << connection.error().to_string();
}

TEST(Resolve, AHangingResolverHoldsNobodyUpAndIsAskedOnce) {
  std::mutex mutex;
  std::condition_variable changed;
  bool let_go = false;
  int asked = 0;
  const LookUp hanging = [&](const std::string&) -> Result<std::vector<std::string>> {
    std::unique_lock lock(mutex);
    ++asked;
    changed.wait(lock, [&] { return let_go; });
    return std::vector<std::string>{"192.0.2.1"};
  };
  for (int i = 0; i < 3; ++i) {
    const auto before = BootClock::now();
    auto addresses = resolve("db.example", before + 100ms, hanging);
    ASSERT_FALSE(addresses);
    EXPECT_EQ(addresses.error().code, ErrorCode::kDeadlineExceeded);
    EXPECT_LT(BootClock::now() - before, 100ms + kSlack);
  }
  {
    const std::lock_guard lock(mutex);
    EXPECT_EQ(asked, 1);
    let_go = true;
  }
  changed.notify_all();
  auto addresses = resolve("db.example", deadline_in(10s), hanging);
  ASSERT_TRUE(addresses);
  EXPECT_EQ(*addresses, std::vector<std::string>{"192.0.2.1"});
}

TEST(Resolve, NumbersNeedNoResolver) {
  const LookUp never = [](const std::string&) -> Result<std::vector<std::string>> {
    return Error{ErrorCode::kInternal, "asked", ""};
  };
  EXPECT_EQ(*resolve("127.0.0.1", deadline_in(1s), never), std::vector<std::string>{"127.0.0.1"});
  EXPECT_EQ(*resolve("::1", deadline_in(1s), never), std::vector<std::string>{"::1"});
}

}  // namespace
}  // namespace syncnode::postgres
