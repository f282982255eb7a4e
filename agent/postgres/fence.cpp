#include "postgres/fence.h"

#include "sql/queries.h"

namespace syncnode::postgres {

Status fence(Connection& connection, const Term& term, Deadline deadline) {
  const std::string epoch = std::to_string(term.epoch);
  SN_ASSIGN(const Rows held, connection.query(sql::fence,
                                              {Param::text(term.cluster_name), Param::text(term.leader_id),
                                               Param::text(epoch), Param::text(term.nonce)},
                                              deadline));
  return {};
}

void fence(Script& script, const Term& term) {
  const std::string epoch = std::to_string(term.epoch);
  script.add(sql::fence, {Param::text(term.cluster_name), Param::text(term.leader_id), Param::text(epoch),
                          Param::text(term.nonce)});
}

Result<std::string> register_host(Connection& connection, std::string_view cluster_name,
                                  std::string_view hostname, Deadline deadline) {
  SN_ASSIGN(const Rows row, connection.query(sql::host_register,
                                             {Param::text(hostname), Param::text(cluster_name)}, deadline));
  return std::string(row.text(0, 0));
}

}  // namespace syncnode::postgres
