// The server against peers that are slow, many, gone or rude.
#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <thread>

#include "http/served.h"

namespace syncnode::http {
namespace {

using std::chrono::milliseconds;

const std::string kState = request("GET", "/api/v1/state/chat.settings");

double seconds_since(Deadline start) {
  return std::chrono::duration<double>(BootClock::now() - start).count();
}

size_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  size_t total = 0, resident = 0;
  statm >> total >> resident;
  return resident * static_cast<size_t>(::sysconf(_SC_PAGESIZE));
}

class HttpServer : public Served {
 protected:
  // Sends a byte whenever nothing came back for a moment; the answer that ends it, within ten seconds.
  static Answer drip(RawConnection& connection, std::string_view bytes) {
    const Deadline end = deadline_in(std::chrono::seconds(10));
    for (size_t at = 0; !connection.readable(milliseconds(20)); ++at) {
      if (BootClock::now() > end) return {};
      connection.send(bytes.substr(at % bytes.size(), 1));
    }
    return connection.read();
  }
};

TEST_F(HttpServer, KeepsAConnectionForManyRequests) {
  serve();
  RawConnection connection(server_->port());
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(connection.ask(kState).status, 200);
    EXPECT_EQ(connection.ask(open_request("/nothing")).status, 404);
    EXPECT_EQ(connection.ask("HEAD /health HTTP/1.1\r\nHost: localhost\r\n\r\n").status, 200);
  }
  const Answer last = connection.ask("GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(last.has("Connection: close"));
  EXPECT_TRUE(connection.ended());
}

TEST_F(HttpServer, AnswersPipelinedRequestsInOrder) {
  serve();
  RawConnection connection(server_->port());
  std::string all;
  for (int i = 0; i < 50; ++i) {
    all +=
        request("PUT", "/api/v1/state/key" + std::to_string(i), R"({"value":1})") + open_request("/health");
  }
  connection.send(all);
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(connection.read().document()["key"], "key" + std::to_string(i));
    EXPECT_EQ(connection.read().document()["status"], "healthy");
  }
}

TEST_F(HttpServer, UnderstandsARequestSentByteByByte) {
  serve();
  RawConnection connection(server_->port());
  const std::string put = request("PUT", "/api/v1/state/k", R"({"value":[1,2]})");
  for (const char byte : put) ASSERT_TRUE(connection.send(std::string_view(&byte, 1)));
  EXPECT_EQ(connection.read().status, 200);
}

TEST_F(HttpServer, AnswersAPeerThatFinishedSending) {
  serve();
  RawConnection connection(server_->port());
  connection.send(kState);
  connection.finish_sending();
  EXPECT_EQ(connection.read().status, 200);
  EXPECT_TRUE(connection.ended());
}

TEST_F(HttpServer, InvitesABodyThatIsAnnounced) {
  serve();
  RawConnection connection(server_->port());
  const std::string put = request("PUT", "/api/v1/state/k", R"({"value":1})", "Expect: 100-continue\r\n");
  const size_t body = put.find("\r\n\r\n") + 4;
  EXPECT_EQ(connection.ask(put.substr(0, body)).status, 100);
  EXPECT_EQ(connection.ask(put.substr(body)).status, 200);
  EXPECT_EQ(RawConnection(server_->port())
                .ask("PUT /api/v1/state/k HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n"
                     "Expect: 100-continue\r\n\r\n")
                .status,
            401);
}

TEST_F(HttpServer, TakesChunksWithinTheLimit) {
  serve();
  const std::string head = "PUT /api/v1/state/k HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " +
                           kTestToken +
                           "\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
  EXPECT_EQ(ask(head + "5\r\n{\"val\r\n6\r\nue\":1}\r\n0\r\n\r\n").status, 200);
  EXPECT_EQ(ask(head + "100001\r\n").status, 413);
}

TEST_F(HttpServer, RefusesTenMegabytesWithAnAnswer) {
  serve();
  const std::string ten(10 << 20, 'x');
  RawConnection connection(server_->port());
  std::thread sender([&] { connection.send(request("PUT", "/api/v1/state/k", ten)); });
  sender.join();
  const Answer answer = connection.read();
  EXPECT_EQ(answer.status, 413);
  EXPECT_EQ(answer.word(), "body_too_large");
  EXPECT_EQ(
      ask(request("PUT", "/api/v1/state/k", "{\"value\":\"" + std::string(1000000, 'v') + "\"}")).status,
      200);
  EXPECT_EQ(ask(request("PUT", "/api/v1/state/k", "", "A: " + std::string(20000, 'a') + "\r\n")).status, 431);
}

TEST_F(HttpServer, BoundsAllBodiesTogether) {
  ServerOptions options = test_options();
  options.limits.bodies_bytes = 1000;
  serve(std::move(options));
  const std::string put = request("PUT", "/api/v1/state/k", "{\"value\":\"" + std::string(780, 'v') + "\"}");
  RawConnection first(server_->port());
  first.send(put.substr(0, put.size() - 1));
  // Until the first one's head was read, the second may be let in.
  Answer second = ask(put);
  for (int i = 0; second.status == 200 && i < 1000; ++i) second = ask(put);
  EXPECT_EQ(second.status, 503);
  EXPECT_EQ(second.word(), "busy");
  EXPECT_EQ(first.ask(put.substr(put.size() - 1)).status, 200);
  EXPECT_EQ(ask(put).status, 200);
}

TEST_F(HttpServer, CutsADrippingHeadAtTheTotalDeadline) {
  ServerOptions options = test_options();
  options.limits.request = milliseconds(400);
  serve(std::move(options));
  RawConnection connection(server_->port());
  const Deadline start = BootClock::now();
  const Answer answer = drip(connection, "GET /health HTTP/1.1\r\nA: " + std::string(10000, 'a'));
  EXPECT_EQ(answer.status, 408);
  EXPECT_EQ(answer.word(), "request_timeout");
  EXPECT_GE(seconds_since(start), 0.4);
  EXPECT_TRUE(connection.ended());
}

TEST_F(HttpServer, CutsADrippingBodyAtTheTotalDeadline) {
  ServerOptions options = test_options();
  options.limits.request = milliseconds(400);
  serve(std::move(options));
  RawConnection connection(server_->port());
  const std::string put = request("PUT", "/api/v1/state/k", std::string(10000, ' '));
  const size_t body = put.find("\r\n\r\n") + 4;
  connection.send(put.substr(0, body));
  EXPECT_EQ(drip(connection, put.substr(body)).status, 408);
  EXPECT_TRUE(connection.ended());
}

TEST_F(HttpServer, ClosesIdleConnectionsSilently) {
  ServerOptions options = test_options();
  options.limits.idle = milliseconds(100);
  serve(std::move(options));
  RawConnection fresh(server_->port()), used(server_->port());
  EXPECT_EQ(used.ask(kState).status, 200);
  EXPECT_TRUE(fresh.ended());
  EXPECT_TRUE(used.ended());
}

TEST_F(HttpServer, AnswersForAControlThatDoesNot) {
  ServerOptions options = test_options();
  options.limits.answer = milliseconds(1000);
  serve(std::move(options));
  control_.hold();
  RawConnection connection(server_->port());
  const Answer answer = connection.ask(request("PUT", "/api/v1/state/late", R"({"value":1})"));
  EXPECT_EQ(answer.status, 504);
  EXPECT_EQ(answer.word(), "deadline_exceeded");
  // The late answer is not taken for the next request's.
  connection.send(kState);
  ASSERT_TRUE(control_.wait_for_held(2));
  control_.release();
  EXPECT_EQ(connection.read().document()["key"], "chat.settings");
}

TEST_F(HttpServer, BoundsTheQuestionsThatWait) {
  ServerOptions options = test_options();
  options.limits.calls = 3;
  options.limits.open_calls = 1;
  serve(std::move(options));
  control_.hold();
  RawConnection a(server_->port()), b(server_->port()), c(server_->port());
  a.send(open_request("/api/v1/cluster/status"));
  ASSERT_TRUE(control_.wait_for_held(1));
  EXPECT_EQ(ask(open_request("/api/v1/cluster/status")).word(), "busy");
  b.send(kState);
  c.send(kState);
  ASSERT_TRUE(control_.wait_for_held(3));
  EXPECT_EQ(ask(kState).word(), "busy");
  EXPECT_EQ(health().status, 200);
  control_.release();
  for (RawConnection* waiting : {&a, &b, &c}) EXPECT_EQ(waiting->read().status, 200);
}

TEST_F(HttpServer, SurvivesAPeerThatLeavesBeforeTheAnswer) {
  serve();
  control_.hold();
  for (int i = 0; i < 10; ++i) {
    RawConnection connection(server_->port());
    connection.send(kState);
    ASSERT_TRUE(control_.wait_for_held(static_cast<size_t>(i) + 1));
    connection.disconnect();
  }
  control_.release();
  EXPECT_TRUE(control_.wait_for_answered(10));
  EXPECT_EQ(health().status, 200);
}

TEST_F(HttpServer, StopsWithinItsDrainWhileTheControlWorks) {
  ServerOptions options = test_options();
  options.limits.drain = milliseconds(200);
  serve(std::move(options));
  control_.hold();
  RawConnection idle(server_->port()), asking(server_->port());
  asking.send(kState);
  ASSERT_TRUE(control_.wait_for_held(1));
  const Deadline start = BootClock::now();
  server_->stop();
  EXPECT_LT(seconds_since(start), 5);
  EXPECT_TRUE(idle.ended());
  EXPECT_TRUE(asking.ended());
  server_.reset();
  control_.release();  // answers a server that is gone
  EXPECT_TRUE(control_.wait_for_answered(1));
}

TEST_F(HttpServer, LetsRunningRequestsEndWhenItStops) {
  ServerOptions options = test_options();
  options.limits.drain = milliseconds(60000);
  serve(std::move(options));
  control_.hold();
  RawConnection asking(server_->port());
  asking.send(kState);
  ASSERT_TRUE(control_.wait_for_held(1));
  const uint16_t port = server_->port();
  std::thread stopping([this] { server_->stop(); });
  while (RawConnection(port).connected()) {
  }
  control_.release();
  const Answer answer = asking.read();
  EXPECT_EQ(answer.status, 200);
  EXPECT_TRUE(answer.has("Connection: close"));
  asking.disconnect();
  stopping.join();
}

TEST_F(HttpServer, DropsWhoKeepsItWaitingLongestWhenFull) {
  ServerOptions options = test_options();
  options.limits.connections = 3;
  serve(std::move(options));
  RawConnection first(server_->port());
  first.send("GET /health HT");
  RawConnection second(server_->port()), third(server_->port());
  EXPECT_EQ(second.ask(kState).status, 200);
  EXPECT_EQ(third.ask(kState).status, 200);
  EXPECT_EQ(health().status, 200);  // the fourth
  EXPECT_TRUE(first.ended());
  EXPECT_EQ(third.ask(kState).status, 200);

  control_.hold();
  RawConnection asking(server_->port());
  asking.send(kState);
  ASSERT_TRUE(control_.wait_for_held(1));
  for (int i = 0; i < 10; ++i) EXPECT_EQ(health().status, 200);
  control_.release();
  EXPECT_EQ(asking.read().status, 200) << "who waits for us is never dropped";
}

TEST_F(HttpServer, StaysWithinBoundsAmongAThousandIdleAndTwoHundredDripping) {
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &files), 0);
  serve();
  ASSERT_EQ(health().status, 200);
  const size_t before = resident_bytes();
  std::vector<std::unique_ptr<RawConnection>> idle, dripping;
  const std::string head = "GET /health HTTP/1.1\r\nA: " + std::string(8000, 'a');
  for (int i = 0; i < 1000; ++i) idle.push_back(std::make_unique<RawConnection>(server_->port()));
  for (int i = 0; i < 200; ++i) {
    dripping.push_back(std::make_unique<RawConnection>(server_->port()));
    dripping.back()->send(head);
  }
  double slowest = 0;
  for (int round = 0; round < 20; ++round) {
    for (auto& connection : dripping) connection->send("a");
    const Deadline start = BootClock::now();
    EXPECT_EQ(health().status, 200);
    slowest = std::max(slowest, seconds_since(start));
  }
  const size_t grown = resident_bytes() - std::min(before, resident_bytes());
  std::printf("slowest /health %.1f ms, grown by %zu KiB\n", slowest * 1000, grown >> 10);
  EXPECT_LT(slowest, 2);
  EXPECT_LT(grown, size_t{64} << 20);
}

TEST_F(HttpServer, WaitsForADescriptorWithoutSpinning) {
  rlimit before{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  ServerOptions options = test_options();
  options.limits.tick = milliseconds(100);
  serve(std::move(options));

  // Leave one descriptor: the client takes it, the server's accept finds none.
  UniqueFd next(::dup(2));
  const rlim_t highest = static_cast<rlim_t>(next.get()) + 8;
  rlimit low{highest, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &low), 0);
  std::vector<UniqueFd> taken;
  while (true) {
    UniqueFd one(::dup(2));
    if (!one.valid()) break;
    taken.push_back(std::move(one));
  }
  next.reset();
  RawConnection connection(server_->port());
  ASSERT_TRUE(connection.connected());
  connection.send(open_request("/health"));
  const std::clock_t cpu = std::clock();
  EXPECT_FALSE(connection.readable(milliseconds(700)));
  EXPECT_LT(static_cast<double>(std::clock() - cpu) / CLOCKS_PER_SEC, 0.2);
  taken.clear();
  EXPECT_EQ(connection.read().status, 200);
  ::setrlimit(RLIMIT_NOFILE, &before);
  EXPECT_EQ(log_.lines().size(), 1);
}

TEST_F(HttpServer, TakesANewTokenAtOnce) {
  serve();
  EXPECT_EQ(ask(kState).status, 200);
  EXPECT_FALSE(server_->set_token("short"));
  EXPECT_TRUE(server_->set_token(std::string(40, 'n')));
  EXPECT_EQ(ask(kState).status, 401);
}

TEST_F(HttpServer, ItsTurnsGrow) {
  serve();
  const uint64_t before = server_->turns();
  RawConnection idle(server_->port());
  const Deadline start = BootClock::now();
  while (server_->turns() < before + 3 && seconds_since(start) < 10) idle.readable(milliseconds(5));
  EXPECT_GE(server_->turns(), before + 3);
}

TEST_F(HttpServer, RefusesToStartWithoutTokenAddressOrPort) {
  ServerOptions options = test_options();
  options.token = "";
  EXPECT_EQ(Server::start(options, control_, log_).error().code, ErrorCode::kFailedPrecondition);
  options = test_options();
  options.addresses = {"localhost"};
  EXPECT_EQ(Server::start(options, control_, log_).error().code, ErrorCode::kInvalidArgument);
  serve();
  options = test_options();
  options.port = server_->port();
  auto second = Server::start(options, control_, log_);
  ASSERT_FALSE(second);
  EXPECT_NE(second.error().message.find(std::to_string(options.port)), std::string::npos);
  options = test_options();
  options.certificate_file = "/nonexistent";
  EXPECT_FALSE(Server::start(options, control_, log_));
  options.key_file = "/nonexistent";
  EXPECT_EQ(Server::start(options, control_, log_).error().code, ErrorCode::kFailedPrecondition);
}

}  // namespace
}  // namespace syncnode::http
