// The client against the server, plain and over TLS, and against peers that are no server.
#include "http/client.h"

#include <sys/socket.h>

#include <cstdlib>
#include <filesystem>
#include <thread>

#include "http/errors.h"
#include "http/served.h"
#include "http/target.h"

namespace syncnode::http {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class HttpClient : public Served {
 protected:
  Client client() const { return Client({"127.0.0.1", server_->port(), kTestToken, false, ""}); }
};

TEST_F(HttpClient, AsksAndReadsRefusals) {
  serve();
  const auto health = client().send({"GET", "/health", "", {}}, deadline_in(seconds(10)));
  ASSERT_TRUE(health) << health.error().to_string();
  EXPECT_EQ(health->status, 200);
  EXPECT_EQ(health->content_type, "application/json");

  const Request write{
      "PUT", "/api/v1/state/" + percent_encode("a:b"), R"({"value":1})", {{"X-Sync-Node-Forwarded", "1"}}};
  const auto written = client().send(write, deadline_in(seconds(10)));
  ASSERT_TRUE(written) << written.error().to_string();
  EXPECT_EQ(written->header("etag"), "\"1\"");
  EXPECT_TRUE(control_.last_caller().forwarded);

  control_.refuse_with(Error{ErrorCode::kFenced, "the leader is b", "ask b"});
  const auto refused = client().send(write, deadline_in(seconds(10)));
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->status, 403);
  EXPECT_EQ(error_from(*refused).code, ErrorCode::kFenced);
  EXPECT_EQ(error_from(*refused).message, "the leader is b");
}

TEST_F(HttpClient, ReadsLargeAnswersAndSurvivesEarlyRefusals) {
  serve();
  control_.set_metrics(std::string(5 << 20, '#'));
  const auto large = client().send({"GET", "/metrics", "", {}}, deadline_in(seconds(20)));
  ASSERT_TRUE(large) << large.error().to_string();
  EXPECT_EQ(large->body.size(), 5u << 20);
  const Request huge{"PUT", "/api/v1/state/k", std::string(10 << 20, ' '), {}};
  const auto refused = client().send(huge, deadline_in(seconds(20)));
  ASSERT_TRUE(refused) << refused.error().to_string();
  EXPECT_EQ(refused->status, 413);
}

TEST_F(HttpClient, SaysWhatItDoesNotKnow) {
  serve();
  control_.hold();
  const Request read{"GET", "/api/v1/deployments", "", {}};
  EXPECT_EQ(client().send(read, deadline_in(milliseconds(100))).error().code, ErrorCode::kDeadlineExceeded);
  const Request write{"PUT", "/api/v1/state/k", R"({"value":1})", {}};
  EXPECT_EQ(client().send(write, deadline_in(milliseconds(300))).error().code, ErrorCode::kOutcomeUnknown);
  control_.release();
  const uint16_t port = server_->port();
  server_.reset();
  const auto nobody = Client({"127.0.0.1", port, "", false, ""}).send(write, deadline_in(seconds(10)));
  ASSERT_FALSE(nobody);
  EXPECT_EQ(nobody.error().code, ErrorCode::kUnavailable);
}

TEST_F(HttpClient, RefusesToSendWhatWouldSplitTheRequest) {
  serve();
  for (const Request& bad :
       {Request{"GET", "/a b", "", {}}, Request{"GET", "a", "", {}}, Request{"GET", "/a\r\nX: y", "", {}},
        Request{"GET", "/", "", {{"A", "b\r\nC: d"}}}}) {
    const auto sent = client().send(bad, deadline_in(seconds(10)));
    ASSERT_FALSE(sent);
    EXPECT_EQ(sent.error().code, ErrorCode::kInvalidArgument);
  }
}

class HttpTls : public Served {
 protected:
  void SetUp() override {
    char pattern[] = "/tmp/sync-node-tls-XXXXXX";
    folder_ = ::mkdtemp(pattern);
    const std::string command =
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj "
        "/CN=localhost "
        "-addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout " +
        key() + " -out " + certificate() + " >/dev/null 2>&1";
    ASSERT_EQ(std::system(command.c_str()), 0) << command;
    ServerOptions options = test_options();
    options.certificate_file = certificate();
    options.key_file = key();
    options.limits.request = milliseconds(2000);
    serve(std::move(options));
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string key() const { return folder_ + "/key.pem"; }
  std::string certificate() const { return folder_ + "/certificate.pem"; }

  std::string folder_;
};

TEST_F(HttpTls, RoundTrip) {
  for (const char* host : {"127.0.0.1", "localhost"}) {
    const Client client({host, server_->port(), kTestToken, true, certificate()});
    const auto written =
        client.send({"PUT", "/api/v1/state/k", R"({"value":[1]})", {}}, deadline_in(seconds(10)));
    ASSERT_TRUE(written) << written.error().to_string();
    EXPECT_EQ(written->status, 200);
    control_.set_metrics(std::string(2 << 20, '#'));
    const auto large = client.send({"GET", "/metrics", "", {}}, deadline_in(seconds(10)));
    ASSERT_TRUE(large) << large.error().to_string();
    EXPECT_EQ(large->body.size(), 2u << 20);
  }
}

TEST_F(HttpTls, RefusesAStrangersCertificate) {
  const auto untrusted = Client({"127.0.0.1", server_->port(), kTestToken, true, ""})
                             .send({"GET", "/health", "", {}}, deadline_in(seconds(10)));
  ASSERT_FALSE(untrusted);
  EXPECT_EQ(untrusted.error().code, ErrorCode::kUnavailable);
  const auto other_name = Client({"127.0.0.2", server_->port(), kTestToken, true, certificate()})
                              .send({"GET", "/health", "", {}}, deadline_in(seconds(10)));
  EXPECT_FALSE(other_name);
}

TEST_F(HttpTls, CutsWhoNeverShakesHands) {
  RawConnection silent(server_->port()), plain(server_->port());
  plain.send(open_request("/health"));
  plain.ended();
  EXPECT_TRUE(silent.ended());
  EXPECT_TRUE(Client({"127.0.0.1", server_->port(), "", true, certificate()})
                  .send({"GET", "/health", "", {}}, deadline_in(seconds(10))));
}

}  // namespace
}  // namespace syncnode::http
