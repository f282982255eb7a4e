// Random bytes and mutated requests: whatever is sent, the server lives and /health answers.
#include <random>

#include "http/served.h"

namespace syncnode::http {
namespace {

class Hostile : public Served {
 protected:
  void SetUp() override {
    ServerOptions options = test_options();
    options.limits.request = std::chrono::milliseconds(200);
    options.limits.linger = std::chrono::milliseconds(200);
    serve(std::move(options));
  }

  // Sends it in random pieces, takes what comes, leaves.
  void attack(const std::string& bytes) {
    RawConnection connection(server_->port());
    for (size_t at = 0; at < bytes.size();) {
      const size_t piece = 1 + random_() % 400;
      if (!connection.send(std::string_view(bytes).substr(at, piece))) break;
      at += piece;
    }
    if (random_() % 2 == 0) connection.finish_sending();
    if (random_() % 4 == 0) connection.read();
  }

  std::mt19937 random_{20251010};
};

TEST_F(Hostile, RandomBytes) {
  for (int i = 0; i < 300; ++i) {
    std::string bytes(random_() % 3000, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random_());
    attack(bytes);
  }
  EXPECT_EQ(health().status, 200);
}

TEST_F(Hostile, MutatedRequests) {
  const std::string seeds[] = {
      request("GET", "/api/v1/sync/jobs?client_name=chat&limit=5"),
      request("PUT", "/api/v1/state/k%41", R"({"key":"kA","value":{"a":[1,2.5,"x\u00e4"]}})",
              "If-Match: \"1\"\r\n"),
      request("POST", "/api/v1/conflicts/conflict-1/resolve",
              R"({"choice":"value","value":{"n":[1,{"b":null}]}})"),
      "PUT /api/v1/state/k HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + kTestToken +
          "\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
          "5\r\n{\"val\r\n6;x=y\r\nue\":1}\r\n0\r\nA: b\r\n\r\n"};
  const std::string pieces[] = {"\r\n",
                                "\r\n\r\n",
                                ":",
                                " ",
                                "%",
                                "%00",
                                "\"",
                                "{",
                                "[",
                                "Content-Length: 9\r\n",
                                "Transfer-Encoding: chunked\r\n",
                                std::string(1, '\0'),
                                "ffffffff\r\n",
                                "HTTP/1.1"};
  for (int i = 0; i < 1500; ++i) {
    std::string bytes = seeds[random_() % std::size(seeds)];
    for (size_t changes = 1 + random_() % 4; changes > 0; --changes) {
      const size_t at = random_() % bytes.size();
      switch (random_() % 4) {
        case 0:
          bytes[at] = static_cast<char>(random_());
          break;
        case 1:
          bytes.erase(at, 1 + random_() % 10);
          break;
        case 2:
          bytes.insert(at, pieces[random_() % std::size(pieces)]);
          break;
        default:
          bytes.insert(at, bytes.substr(random_() % bytes.size(), random_() % 60));
      }
      if (bytes.empty()) bytes = "x";
    }
    attack(bytes);
  }
  EXPECT_EQ(health().status, 200);
  EXPECT_TRUE(log_.lines().empty());
}

}  // namespace
}  // namespace syncnode::http
