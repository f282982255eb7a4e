// PrivatePostgres: a PostgreSQL server of one's own for tests, with the roles of a Supabase project.
// Refuses to be a second implementation: private_postgres.py runs the server, this speaks to it over a pipe.
// When the test process dies, the pipe closes and the server ends. Throws std::runtime_error (tests only).
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

namespace syncnode::test {

class PrivatePostgres {
 public:
  struct Cluster {
    std::string name, login, url;
  };

  PrivatePostgres();  // a few seconds: initdb, start, roles
  ~PrivatePostgres();
  PrivatePostgres(const PrivatePostgres&) = delete;
  PrivatePostgres& operator=(const PrivatePostgres&) = delete;

  // One server for all tests of a process, migrations applied.
  static PrivatePostgres& shared();

  const std::string& admin_url() const { return admin_url_; }          // NOSUPERUSER CREATEROLE, TCP, SCRAM
  const std::string& superuser_url() const { return superuser_url_; }  // unix socket
  const std::string& directory() const { return directory_; }          // server.log is in it

  void apply_migrations();                        // sql/NN-*.sql in order, as the admin
  Cluster create_cluster(std::string_view name);  // a login role of sync_agents, mapped to the cluster

  // Standard output of psql -A -t in one transaction.
  std::string psql(std::string_view url, std::string_view sql) const;
  std::string admin_psql(std::string_view sql) const { return psql(admin_url_, sql); }
  std::string superuser_psql(std::string_view sql) const { return psql(superuser_url_, sql); }

 private:
  std::string ask(std::string_view line);
  std::string answer();

  pid_t pid_ = -1;
  int to_ = -1, from_ = -1;
  std::string admin_url_, superuser_url_, directory_;
};

}  // namespace syncnode::test
