// A leader in a process of its own, to be killed: takes the lock of node a, leads, and writes one fenced row
// after the other into sync_metadata.hosts. lease_node DIRECTORY URL CLUSTER NONCE; says "leading" once.
#include <unistd.h>

#include <cstdio>

#include "lease/elector.h"
#include "peer/node_lock.h"
#include "postgres/fence.h"
#include "postgres/postgres_lease_store.h"

namespace {

using namespace syncnode;

struct Quiet final : lease::ElectorListener {
  void elected(const Term& term, std::stop_token /*over*/) override { leading = term; }
  void deposed(const Error& /*why*/) override { ::_exit(1); }
  void notice(const std::string& /*payload*/) override {}
  std::optional<Term> leading;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) return 2;
  const std::string url = argv[2], cluster = argv[3], nonce = argv[4], id = "openwebui-sync-node-a";
  const auto soon = [] { return deadline_in(std::chrono::seconds(20)); };
  auto lock = peer::NodeLock::take(argv[1], "node-a", {id, nonce, ::getpid(), 9443, 0});
  if (!lock) return 1;
  // A long lease: whoever waits for its end is found out.
  const auto times = lease::ElectionTimes::from(std::chrono::seconds(60), std::chrono::seconds(30));
  Quiet listener;
  auto store = std::make_unique<postgres::PostgresLeaseStore>(
      postgres::ConnectOptions{url, "sync-node-a lease"},
      postgres::LeaseIdentity{cluster, id, "", nonce, 0, "host/node-a", "{}", true});
  auto elector = lease::Elector::start(std::move(store), {cluster, id, nonce}, times, listener);
  auto writer = postgres::Connection::open({url, "sync-node-a worker"}, soon());
  if (!elector || !writer) return 1;
  while (!(*elector)->may_act()) {
  }
  std::puts("leading");
  std::fflush(stdout);
  const Term term = (*elector)->facts().term.value();
  while ((*elector)->may_act()) {
    auto transaction = postgres::Transaction::begin(*writer, {}, soon());
    if (!transaction || !postgres::register_host(*writer, cluster, "written", soon())) return 1;
    if (!postgres::fence(*writer, term, soon()) || !transaction->commit(soon())) return 1;
  }
  return 0;
}
