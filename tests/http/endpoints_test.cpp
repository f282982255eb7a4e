// Every route: what it answers, and what it refuses.
#include <algorithm>

#include "http/errors.h"
#include "http/served.h"

namespace syncnode::http {
namespace {

class Endpoints : public Served {
 protected:
  void SetUp() override { serve(); }
  void expect(std::string_view bytes, int status, std::string_view word) {
    const Answer answer = ask(bytes);
    EXPECT_EQ(answer.status, status) << bytes.substr(0, 200) << "\n" << answer.body;
    EXPECT_EQ(answer.word(), word) << bytes.substr(0, 200) << "\n" << answer.body;
    EXPECT_TRUE(answer.has("Content-Type: application/json"));
    const auto document = answer.document();
    EXPECT_TRUE(document.contains("detail") && document.contains("hint")) << answer.body;
  }
};

TEST_F(Endpoints, IndexListsWhatThereIs) {
  const auto document = ask(open_request("/")).document();
  EXPECT_EQ(document["service"], "sync-node");
  EXPECT_EQ(document["version"], "1.2.3");
  EXPECT_EQ(document["endpoints"].size(), 18);
  EXPECT_EQ(document["endpoints"][4], "GET /api/v1/state/{key}");
}

TEST_F(Endpoints, HealthIsOpenAndComplete) {
  const Answer answer = health();
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body,
            R"({"status":"healthy","is_leader":true,"node_id":"openwebui-sync-node-a","role":"node-a",)"
            R"("cluster_name":"prod-host-1","uptime_seconds":3600.0,"leader_id":"openwebui-sync-node-a",)"
            R"("version":"1.2.3","epoch":7,"lease_seconds_left":41.5,"reasons":[],)"
            R"("database":{"reachable":true,"seconds_since_contact":0.5},)"
            R"("clients":{"total":2,"failing":null,"starved":null,"held":null},)"
            R"("worst_lag":{"client_name":null,"seconds":null},"jobs":{"running":0,"waiting":0}})");
}

TEST_F(Endpoints, HealthStatusFollowsTheWord) {
  control::HealthView view = control_.health();
  view.status = control::HealthWord::kDegraded;
  view.reasons = {"one client fails"};
  control_.set_health(view);
  EXPECT_EQ(health().status, 200);
  view.status = control::HealthWord::kUnhealthy;
  view.leadership = {};
  control_.set_health(view);
  const Answer answer = health();
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.document()["status"], "unhealthy");
  for (const char* unknown : {"leader_id", "epoch", "lease_seconds_left", "role"}) {
    EXPECT_TRUE(answer.document()[unknown].is_null()) << unknown;
  }
}

TEST_F(Endpoints, MetricsAreTextOrSayHowToEnableThem) {
  const Answer answer = ask(open_request("/metrics"));
  EXPECT_EQ(answer.status, 200);
  EXPECT_TRUE(answer.has("Content-Type: text/plain; version=0.0.4"));
  EXPECT_NE(answer.body.find("sync_is_leader 1\n"), std::string::npos);
  control_.set_metrics("");
  expect(open_request("/metrics"), 404, "metrics_disabled");
}

TEST_F(Endpoints, ClusterStatusIsOpen) {
  const auto document = ask(open_request("/api/v1/cluster/status")).document();
  EXPECT_EQ(document["cluster_name"], "prod-host-1");
  EXPECT_EQ(document["hosts"][0]["hostname"], "host-1");
  EXPECT_TRUE(document["hosts"][0]["seconds_since_heartbeat"].is_null());
}

TEST_F(Endpoints, StateIsReadWithItsVersion) {
  const Answer answer = ask(request("GET", "/api/v1/state/chat.settings"));
  EXPECT_EQ(answer.status, 200);
  EXPECT_TRUE(answer.has("ETag: \"3\""));
  EXPECT_EQ(
      answer.body,
      R"({"key":"chat.settings","value":{"b": 1.50, "a": [1]},"cached":true,"version":3,"updated_at":null})");
  EXPECT_EQ(ask(request("GET", "/api/v1/state/chat%2Esettings")).status, 200);
  expect(request("GET", "/api/v1/state/absent"), 404, "not_found");
}

TEST_F(Endpoints, StateKnownAlreadyIsNotSentAgain) {
  for (const char* tags : {"\"3\"", "W/\"3\"", "\"1\", \"3\"", "*"}) {
    const Answer answer = ask(
        request("GET", "/api/v1/state/chat.settings", "", "If-None-Match: " + std::string(tags) + "\r\n"));
    EXPECT_EQ(answer.status, 304) << tags;
    EXPECT_TRUE(answer.has("ETag: \"3\"") && answer.body.empty());
  }
  EXPECT_EQ(ask(request("GET", "/api/v1/state/chat.settings", "", "If-None-Match: \"2\"\r\n")).status, 200);
}

TEST_F(Endpoints, StateIsWrittenByteForByte) {
  const Answer answer = ask(request("PUT", "/api/v1/state/k", R"({"key":"k","value": 1.10e400x})"));
  EXPECT_EQ(answer.status, 400);
  const Answer written =
      ask(request("PUT", "/api/v1/state/k", R"({ "value" : {"z":1.10,"a":"\u00e4"} , "key":"k"})"));
  EXPECT_EQ(written.status, 200);
  EXPECT_NE(written.body.find(R"("value":{"z":1.10,"a":"\u00e4"},"cached":false,"version":1)"),
            std::string::npos)
      << written.body;
  EXPECT_TRUE(control_.last_caller().may_change);
  EXPECT_FALSE(control_.last_caller().forwarded);
  EXPECT_EQ(control_.last_caller().name, "HTTP 127.0.0.1");
}

TEST_F(Endpoints, StateIsWrittenOnlyOverTheVersionMeant) {
  const std::string path = "/api/v1/state/chat.settings", body = R"({"value":null})";
  EXPECT_EQ(ask(request("PUT", path, body, "If-Match: \"3\"\r\n")).status, 200);
  expect(request("PUT", path, body, "If-Match: \"3\"\r\n"), 412, "precondition_failed");
  expect(request("PUT", path, body, "If-Match: *\r\n"), 400, "invalid_argument");
  expect(request("PUT", path, body, "If-Match: \"4x\"\r\n"), 400, "invalid_argument");
  expect(request("PUT", path, body, "If-None-Match: *\r\n"), 400, "invalid_argument");
}

TEST_F(Endpoints, AForwardedWriteIsMarked) {
  EXPECT_EQ(ask(request("PUT", "/api/v1/state/k", R"({"value":1})", "x-sync-node-forwarded: 1\r\n")).status,
            200);
  EXPECT_TRUE(control_.last_caller().forwarded);
}

TEST_F(Endpoints, StateKeysAreJudged) {
  for (const char* key : {"", "..", ".", "../../etc/passwd", "%2e%2e%2fetc", "a%2Fb", "a/b", "a%00b", "%",
                          "%4", "%zz", "%252e", "a+b", "a%20b", "%c3%a4"}) {
    expect(request("GET", "/api/v1/state/" + std::string(key)), 400, "invalid_argument");
  }
  expect(request("GET", "/api/v1/state/" + std::string(201, 'k')), 400, "invalid_argument");
  expect(request("GET", "/api/v1/state/" + std::string(200, 'k')), 404, "not_found");
}

TEST_F(Endpoints, StateBodiesAreJudged) {
  const std::string path = "/api/v1/state/k";
  for (const char* body :
       {"{", "[]", "7", "{}", R"({"key":"k"})", R"({"key":"other","value":1})", R"({"key":1,"value":1})",
        R"({"value":1,"value":2})", R"({"value":{"a":{"b":1,"b":2}}})", R"({"value":1,"extra":2})",
        "{\"value\":\"\xff\"}", R"({"value":1}garbage)", R"({"value":NaN})"}) {
    expect(request("PUT", path, body), 400, "invalid_argument");
  }
  const std::string deep = std::string(5000, '[') + std::string(5000, ']');
  expect(request("PUT", path, "{\"value\":" + deep + "}"), 400, "invalid_argument");
  expect(
      "PUT /api/v1/state/k HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + kTestToken + "\r\n\r\n",
      411, "length_required");
  expect("PUT /api/v1/state/k HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + kTestToken +
             "\r\nContent-Type: text/plain\r\nContent-Length: 1\r\n\r\n1",
         415, "unsupported_media_type");
  const auto repeated = ask(request("PUT", path, R"({"value":{"a":[0,{"b":1,"b":2}]}})")).document();
  EXPECT_EQ(repeated["detail"], "'value.a[1].b' is given twice");
}

TEST_F(Endpoints, TriggerQueuesAJob) {
  const Answer answer =
      ask(request("POST", "/api/v1/sync/trigger", R"({"client_name":"chat","full_sync":true})"));
  EXPECT_EQ(answer.status, 202);
  EXPECT_TRUE(answer.has("Location: /api/v1/sync/jobs/job-1\r\n"));
  EXPECT_EQ(answer.body,
            R"({"job_id":"job-1","client":"chat","status":"queued","full_sync":true,"verify":false})");
  EXPECT_EQ(ask(request("POST", "/api/v1/sync/trigger", R"({"client_name":"chat","verify":true})")).body,
            R"({"job_id":"job-1","client":"chat","status":"queued","full_sync":false,"verify":true})");
  for (const char* body : {R"({})", R"({"client_name":""})", R"({"client_name":7})",
                           R"({"client_name":"chat","full_sync":"yes"})",
                           R"({"client_name":"chat","verify":1})", R"({"client_name":"chat","full":true})"}) {
    expect(request("POST", "/api/v1/sync/trigger", body), 400, "invalid_argument");
  }
  expect(request("POST", "/api/v1/sync/trigger", R"({"client_name":"nobody"})"), 404, "not_found");
  control_.refuse_with(Error{ErrorCode::kFenced, "the leader is 'openwebui-sync-node-b'", "ask it"});
  const Answer refused = ask(request("POST", "/api/v1/sync/trigger", R"({"client_name":"chat"})"));
  EXPECT_EQ(refused.status, 403);
  EXPECT_EQ(refused.body,
            R"({"error":"not_leader","detail":"the leader is 'openwebui-sync-node-b'","hint":"ask it"})");
}

TEST_F(Endpoints, JobsAreShownAndCancelled) {
  EXPECT_EQ(ask(request("GET", "/api/v1/sync/jobs/job-1")).document()["tables"][0]["rows_processed"], 12);
  expect(request("GET", "/api/v1/sync/jobs/none"), 404, "not_found");
  EXPECT_EQ(ask(request("GET", "/api/v1/sync/jobs")).document()["jobs"].size(), 100);
  EXPECT_EQ(ask(request("GET", "/api/v1/sync/jobs?limit=3")).document()["jobs"].size(), 3);
  EXPECT_EQ(ask(request("GET", "/api/v1/sync/jobs?client_name=ch%61t")).document()["jobs"].size(), 1);
  for (const char* query :
       {"limit=0", "limit=1001", "limit=x", "limit=-1", "limit=1&limit=2", "l=1", "limit=%"}) {
    EXPECT_EQ(ask(request("GET", "/api/v1/sync/jobs?" + std::string(query))).status, 400) << query;
  }
  EXPECT_EQ(ask(request("POST", "/api/v1/sync/jobs/job-1/cancel")).status, 202);
  expect(request("POST", "/api/v1/sync/jobs/none/cancel", "{}"), 404, "not_found");
  expect(request("POST", "/api/v1/sync/jobs/job-1/cancel", R"({"why":1})"), 400, "invalid_argument");
}

TEST_F(Endpoints, DeploymentsAreListedPausedAndResumed) {
  EXPECT_EQ(ask(request("GET", "/api/v1/deployments")).document()["deployments"][0]["client_name"], "chat");
  EXPECT_EQ(ask(request("POST", "/api/v1/deployments/chat/pause")).body,
            R"({"client":"chat","sync_enabled":false})");
  EXPECT_EQ(ask(request("POST", "/api/v1/deployments/chat/resume", "{}")).body,
            R"({"client":"chat","sync_enabled":true})");
  expect(request("POST", "/api/v1/deployments/nobody/pause"), 404, "not_found");
  EXPECT_EQ(ask(request("POST", "/api/v1/leader/step-down")).status, 202);
}

TEST_F(Endpoints, ConflictsAreListedWithoutTheirRows) {
  const Answer answer = ask(request(
      "GET",
      "/api/v1/conflicts?client_name=chat&limit=5&include_resolved=true&table_name=t&conflict_type=u"));
  EXPECT_EQ(answer.document()["conflicts"].size(), 2);
  for (const char* row : {"source_data", "target_data", "base_data", "resolved_data"})
    EXPECT_FALSE(answer.document()["conflicts"][0].contains(row)) << row;
  EXPECT_EQ(control_.last_filter().client_name, "chat");
  EXPECT_EQ(control_.last_filter().limit, 5);
  EXPECT_TRUE(control_.last_filter().include_resolved);
  EXPECT_EQ(control_.last_filter().table_name, "t");
  EXPECT_EQ(control_.last_filter().conflict_type, "u");
  expect(request("GET", "/api/v1/conflicts?include_resolved=1"), 400, "invalid_argument");
}

TEST_F(Endpoints, AConflictIsShownWithItsRowsAndWhatDiffers) {
  const Answer answer = ask(request("GET", "/api/v1/conflicts/conflict-1"));
  EXPECT_EQ(answer.status, 200);
  EXPECT_NE(answer.body.find(R"("source_data":{"n": 12345678901234567890123},"target_data":{"n": 2})"),
            std::string::npos)
      << answer.body;
  const auto differences = answer.document()["differences"];
  ASSERT_EQ(differences.size(), 1);
  EXPECT_EQ(differences[0]["path"], "n");
  EXPECT_TRUE(differences[0]["base"].is_null());
  EXPECT_EQ(differences[0]["target"], "2");
  EXPECT_EQ(differences[0]["target_changed"], true);
  expect(request("GET", "/api/v1/conflicts/none"), 404, "not_found");
  expect(request("GET", "/api/v1/conflicts/conflict-1?limit=1"), 400, "invalid_argument");
}

TEST_F(Endpoints, AConflictIsResolved) {
  const Answer resolved = ask(
      request("POST", "/api/v1/conflicts/conflict-1/resolve", R"({"choice":"value","value":{"n": 1.0}})"));
  EXPECT_EQ(resolved.status, 200);
  EXPECT_NE(resolved.body.find(R"("source_data":{"n": 12345678901234567890123},"target_data":null)"),
            std::string::npos);
  EXPECT_EQ(control_.last_resolution().value, R"({"n": 1.0})");
  expect(request("POST", "/api/v1/conflicts/x/resolve", R"({"choice":"source"})"), 404, "not_found");
  expect(request("POST", "/api/v1/conflicts/conflict-1/resolve", R"({})"), 400, "invalid_argument");
}

TEST_F(Endpoints, ManyConflictsAreResolvedAtOnce) {
  const std::string path = "/api/v1/conflicts/resolve";
  const Answer answer = ask(request("POST", path, R"({"client_name":"chat","choice":"source"})"));
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body,
            R"({"resolved":3,"refused":1,"left":2,"left_because":"the time of one request was over",)"
            R"("refusals":[{"conflict_id":"conflict-1","detail":"it moved"}]})");
  EXPECT_EQ(control_.last_bulk().client_name, "chat");
  EXPECT_EQ(control_.last_bulk().table_name, std::nullopt);
  EXPECT_TRUE(control_.last_caller().may_change);
  EXPECT_EQ(ask(request("POST", path,
                        R"({"client_name":"chat","table_name":"t","conflict_type":"u","choice":"merge"})"))
                .status,
            200);
  EXPECT_EQ(control_.last_bulk().table_name, "t");
  EXPECT_EQ(control_.last_bulk().conflict_type, "u");
  EXPECT_EQ(control_.last_bulk().choice, "merge");
  for (const char* body : {"{}", R"({"choice":"source"})", R"({"client_name":"chat"})",
                           R"({"client_name":"","choice":"source"})", R"({"client_name":"chat","choice":7})",
                           R"({"client_name":"chat","choice":"source","table_name":""})",
                           R"({"client_name":"chat","choice":"source","table_name":null})",
                           R"({"client_name":"chat","choice":"source","conflict_type":[]})",
                           R"({"client_name":"chat","choice":"source","tabel_name":"t"})"}) {
    expect(request("POST", path, body), 400, "invalid_argument");
  }
  control_.refuse_with(Error{ErrorCode::kFenced, "the leader is 'openwebui-sync-node-b'", "ask it"});
  expect(request("POST", path, R"({"client_name":"chat","choice":"source"})"), 403, "not_leader");
}

TEST_F(Endpoints, WhatShowsOrChangesDataNeedsTheToken) {
  const std::pair<const char*, const char*> guarded[] = {{"GET", "/api/v1/state/chat.settings"},
                                                         {"PUT", "/api/v1/state/k"},
                                                         {"POST", "/api/v1/sync/trigger"},
                                                         {"GET", "/api/v1/sync/jobs"},
                                                         {"GET", "/api/v1/sync/jobs/job-1"},
                                                         {"POST", "/api/v1/sync/jobs/job-1/cancel"},
                                                         {"GET", "/api/v1/deployments"},
                                                         {"POST", "/api/v1/deployments/chat/pause"},
                                                         {"POST", "/api/v1/deployments/chat/resume"},
                                                         {"POST", "/api/v1/leader/step-down"},
                                                         {"GET", "/api/v1/conflicts"},
                                                         {"GET", "/api/v1/conflicts/conflict-1"},
                                                         {"POST", "/api/v1/conflicts/resolve"},
                                                         {"POST", "/api/v1/conflicts/conflict-1/resolve"}};
  for (const auto& [method, path] : guarded) {
    const std::string head = std::string(method) + " " + path + " HTTP/1.1\r\nHost: localhost\r\n";
    const Answer none = ask(head + "\r\n");
    EXPECT_EQ(none.status, 401) << path;
    EXPECT_TRUE(none.has("WWW-Authenticate: Bearer"));
    for (const std::string& given :
         {"Bearer " + std::string(32, 'x'), "Bearer " + kTestToken + "x", "Bearer " + kTestToken.substr(1),
          "Basic " + kTestToken, std::string("Bearer")}) {
      const Answer wrong = ask(std::string(head).append("Authorization: ").append(given).append("\r\n\r\n"));
      EXPECT_EQ(wrong.status, 401) << path << given;
      EXPECT_EQ(wrong.body, none.body) << "no token and a wrong one are told apart";
    }
    EXPECT_EQ(none.body.find(kTestToken), std::string::npos);
  }
}

TEST_F(Endpoints, ForeignHostsAreRefused) {
  for (const char* host : {"evil.example", "localhost.evil.example", "127.0.0.1.evil", "localhost:80:80",
                           "localhost:x", "[::2]", "", "LOCALHOST."}) {
    const Answer answer = ask("GET /health HTTP/1.1\r\nHost: " + std::string(host) + "\r\n\r\n");
    EXPECT_EQ(answer.status, *host == '\0' ? 400 : 421) << host;
  }
  for (const char* host :
       {"localhost", "LocalHost:9443", "127.0.0.1", "127.0.0.1:1", "[::1]", "[::1]:9443"}) {
    EXPECT_EQ(ask("GET /health HTTP/1.1\r\nHost: " + std::string(host) + "\r\n\r\n").status, 200) << host;
  }
  EXPECT_EQ(ask("GET /health HTTP/1.1\r\n\r\n").status, 400);
  EXPECT_EQ(ask("GET http://evil.example/health HTTP/1.1\r\nHost: localhost\r\n\r\n").status, 421);
  EXPECT_EQ(ask("GET http://localhost:1/health HTTP/1.1\r\nHost: localhost\r\n\r\n").status, 200);
}

TEST_F(Endpoints, MethodsAndPaths) {
  const Answer wrong = ask(request("DELETE", "/api/v1/state/k"));
  EXPECT_EQ(wrong.status, 405);
  EXPECT_TRUE(wrong.has("Allow: GET, HEAD, PUT\r\n"));
  expect(request("POST", "/health"), 405, "method_not_allowed");
  expect(request("GET", "/nothing"), 404, "not_found");
  expect(request("GET", "/health/"), 404, "not_found");
  expect(request("GET", "//health"), 404, "not_found");
  expect(request("GET", "/api/v1/../v1/deployments"), 404, "not_found");
  expect(request("OPTIONS", "*"), 400, "bad_request");
  expect(request("GET", "/health?x=1"), 400, "invalid_argument");
  expect(request("GET", "/health", "{}"), 413, "body_too_large");
  expect(request("GET", "/health", "", "Expect: magic\r\n"), 417, "expectation_failed");
  const Answer head = ask("HEAD /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(head.status, 200);
  EXPECT_TRUE(head.has("Content-Length: ") && head.body.empty());
}

TEST_F(Endpoints, EveryAnswerCarriesTheSecurityHeaders) {
  for (const std::string& bytes : {open_request("/health"), open_request("/nothing"),
                                   open_request("/api/v1/deployments"), std::string("junk\r\n\r\n")}) {
    const Answer answer = ask(bytes);
    EXPECT_TRUE(answer.has("Cache-Control: no-store\r\n") &&
                answer.has("X-Content-Type-Options: nosniff\r\n") && answer.has("Server: sync-node\r\n") &&
                answer.has("Date: "))
        << answer.head;
  }
}

TEST_F(Endpoints, EveryErrorOfTheControlHasItsStatus) {
  for (int code = 0; code <= static_cast<int>(ErrorCode::kInternal); ++code) {
    const Error error{static_cast<ErrorCode>(code), "what and why", "what next"};
    control_.refuse_with(error);
    const Answer answer = ask(request("GET", "/api/v1/deployments"));
    EXPECT_EQ(answer.status, status_of(error.code));
    EXPECT_EQ(answer.word(), word_of(error.code));
    EXPECT_EQ(answer.has("Retry-After"), answer.status == 503);
  }
}

TEST_F(Endpoints, NoSecretIsLogged) {
  for (const std::string& bytes :
       {request("GET", "/api/v1/deployments"), request("PUT", "/api/v1/state/k", "{")}) {
    ask(bytes);
  }
  server_->stop();
  for (const std::string& line : log_.lines()) EXPECT_EQ(line.find(kTestToken), std::string::npos);
}

}  // namespace
}  // namespace syncnode::http
