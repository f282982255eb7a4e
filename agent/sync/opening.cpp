#include "sync/opening.h"

#include <utility>

#include "sql/queries.h"

namespace syncnode::sync {
namespace {

void read_again(postgres::Connection& connection, const Term& term, Opening& opening) {
  const CopyTarget target{opening.deployment, term};
  opening.state = read_copy_state(connection, target);
  if (!opening.state) return;
  auto decisions = read_decisions(connection, target);
  if (decisions) {
    opening.decisions = std::move(*decisions);
  } else {
    opening.state = std::move(decisions).error();
  }
}

Result<Opening> step_by_step(postgres::Connection& connection, const RunOptions& options, const Term& term,
                             JobKind kind) {
  SN_ASSIGN(auto deployment, find_deployment(connection, options.client_name));
  postgres::Script script;
  JobJournal::ask(script, options, term, kind);
  SN_ASSIGN(const auto job, connection.simple(script.text(), deadline_in(kStatementWait)));
  SN_ASSIGN(auto journal, JobJournal::begun(job, connection, options, kind, deployment.id));
  Opening opening{std::move(deployment), std::move(journal), CopyState(), {}};
  read_again(connection, term, opening);
  return opening;
}

}  // namespace

std::string derived_schema(std::string_view client_name) {
  std::string schema = "client_";
  for (const char c : client_name) {
    const bool lower = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    const bool upper = c >= 'A' && c <= 'Z';
    if ((static_cast<unsigned char>(c) & 0xC0) == 0x80) continue;  // one '_' for a character, not for a byte
    schema += lower ? c : upper ? static_cast<char>(c - 'A' + 'a') : '_';
  }
  return schema;
}

Result<Opening> open_run(postgres::Connection& connection, const RunOptions& options, const Term& term,
                         JobKind kind, const std::optional<Deployment>& known,
                         const std::function<void()>& meanwhile) {
  CopyTarget guess{{}, term};
  guess.deployment.client_name = options.client_name;
  guess.deployment.schema = known ? known->schema : derived_schema(options.client_name);
  postgres::Script script;
  // That a job runs need not outlive the server's crash, which ends the job.
  script.add(sql::commit_unwaited, {});
  ask_deployment(script, options.client_name);
  JobJournal::ask(script, options, term, kind);
  SN_TRY(ask_copy_state(script, guess));
  SN_TRY(ask_decisions(script, guess));
  // A failure of any has undone all of them.
  auto answers = connection.simple_all(script.text(), deadline_in(kStatementWait), meanwhile);
  if (!answers && !connection.usable()) return std::move(answers).error();
  if (!answers) return step_by_step(connection, options, term, kind);
  SN_ASSIGN(auto deployment, deployment_of((*answers)[1], options.client_name));
  SN_ASSIGN(auto journal, JobJournal::begun((*answers)[2], connection, options, kind, deployment.id));
  const bool guessed = deployment.schema == guess.deployment.schema;
  Opening opening{std::move(deployment), std::move(journal), copy_state_of((*answers)[3]),
                  decisions_of((*answers)[4])};
  if (!guessed) read_again(connection, term, opening);
  return opening;
}

}  // namespace syncnode::sync
