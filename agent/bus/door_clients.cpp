// The part of the door that is about clients: their syncs, the state, their conflicts.
#include "bus/door.h"
#include "bus/error_names.h"
#include "bus/names.h"
#include "bus/values.h"

namespace syncnode::bus {

using control::Caller;

void Door::add_sync() {
  object_->registerSignal(kSyncInterface, "JobStarted", "ss", {"job_id", "client_name"});
  object_->registerSignal(kSyncInterface, "JobProgress", "ssxx",
                          {"job_id", "table_name", "rows_done", "rows_total"});
  object_->registerSignal(kSyncInterface, "JobFinished", "sss", {"job_id", "client_name", "status"});

  method({kSyncInterface, "Trigger", "sa{sv}", {"client_name", "options"}, "s", {"job_id"}},
         {Right::kManage, kNoSuchClient},
         [this](const Caller& caller, sdbus::MethodCall& call, Calls::Id id) -> Status {
           control::TriggerRequest request;
           Dict dict;
           call >> request.client_name >> dict;
           TriggerOptions options;
           SN_TRY(read_options(dict, options));
           request.full = options.full;
           request.verify = options.verify.value_or(false);
           control_.trigger(caller, std::move(request),
                            later<std::string>(id, [](sdbus::MethodReply& reply, const std::string& job) {
                              reply << bus_text(job);
                            }));
           return {};
         });
  method({kSyncInterface, "Cancel", "s", {"job_id"}}, {Right::kManage, kNoSuchJob},
         [this](const Caller& caller, sdbus::MethodCall& call, Calls::Id id) -> Status {
           std::string job;
           call >> job;
           control_.cancel(caller, std::move(job), later_done(id));
           return {};
         });
  const auto enable = [this](bool enabled) {
    return [this, enabled](const Caller& caller, sdbus::MethodCall& call, Calls::Id id) -> Status {
      std::string client;
      call >> client;
      control_.set_enabled(caller, std::move(client), enabled, later_done(id));
      return {};
    };
  };
  method({kSyncInterface, "Pause", "s", {"client_name"}}, {Right::kManage, kNoSuchClient}, enable(false));
  method({kSyncInterface, "Resume", "s", {"client_name"}}, {Right::kManage, kNoSuchClient}, enable(true));

  method({kSyncInterface, "ListDeployments", "", {}, "aa{sv}", {"deployments"}}, {Right::kReadSensitive},
         [this](const Caller& caller, sdbus::MethodCall&, Calls::Id id) -> Status {
           control_.deployments(caller, later<std::vector<control::DeploymentView>>(
                                            id, [](sdbus::MethodReply& reply, const auto& views) {
                                              reply << to_dicts(views);
                                            }));
           return {};
         });
  method({kSyncInterface, "ListJobs", "su", {"client_name", "limit"}, "aa{sv}", {"jobs"}},
         {Right::kReadSensitive, kNoSuchClient},
         [this](const Caller& caller, sdbus::MethodCall& call, Calls::Id id) -> Status {
           std::string client;
           uint32_t limit = 0;
           call >> client >> limit;
           control_.jobs(
               caller, std::move(client), int64_t{limit},
               later<std::vector<control::JobView>>(
                   id, [](sdbus::MethodReply& reply, const auto& views) { reply << to_dicts(views); }));
           return {};
         });
  method({kSyncInterface, "GetJob", "s", {"job_id"}, "a{sv}", {"job"}}, {Right::kReadSensitive, kNoSuchJob},
         [this](const Caller& caller, sdbus::MethodCall& call, Calls::Id id) -> Status {
           std::string job;
           call >> job;
           control_.job(caller, std::move(job),
                        later<control::JobView>(
                            id, [](sdbus::MethodReply& reply, const auto& view) { reply << to_dict(view); }));
           return {};
         });
}

void Door::add_state() {
  method({kStateInterface, "Get", "s", {"key"}, "sb", {"value", "cached"}}, {Right::kReadSensitive},
         [this](const Caller& caller, sdbus::MethodCall& call, Calls::Id id) -> Status {
           std::string key;
           call >> key;
           control_.get_state(caller, std::move(key),
                              later<control::StateView>(id, [](sdbus::MethodReply& reply, const auto& view) {
                                reply << bus_text(view.value) << view.cached;
                              }));
           return {};
         });
  method({kStateInterface, "Set", "ss", {"key", "value"}}, {Right::kConfigure},
         [this](const Caller& caller, sdbus::MethodCall& call, Calls::Id id) -> Status {
           control::StateWrite write;
           call >> write.key >> write.value;
           control_.set_state(caller, std::move(write),
                              later<control::StateView>(id, [](sdbus::MethodReply&, const auto&) {}));
           return {};
         });
}

void Door::add_conflicts() {
  method({kConflictsInterface, "List", "a{sv}", {"filter"}, "aa{sv}", {"conflicts"}},
         {Right::kReadSensitive, kNoSuchClient},
         [this](const Caller& caller, sdbus::MethodCall& call, Calls::Id id) -> Status {
           Dict dict;
           call >> dict;
           control::ConflictFilter filter;
           SN_TRY(read_options(dict, filter));
           control_.conflicts(
               caller, std::move(filter),
               later<std::vector<control::ConflictView>>(
                   id, [](sdbus::MethodReply& reply, const auto& views) { reply << to_dicts(views); }));
           return {};
         });
  method({kConflictsInterface, "Show", "s", {"conflict_id"}, "a{sv}", {"conflict"}},
         {Right::kReadSensitive, kNoSuchConflict},
         [this](const Caller& caller, sdbus::MethodCall& call, Calls::Id id) -> Status {
           std::string conflict;
           call >> conflict;
           control_.conflict(
               caller, std::move(conflict),
               later<control::ConflictDetail>(
                   id, [](sdbus::MethodReply& reply, const auto& detail) { reply << to_dict(detail); }));
           return {};
         });
  method({kConflictsInterface, "ResolveAll", "a{sv}s", {"filter", "choice"}, "a{sv}", {"outcome"}},
         {Right::kManage, kNoSuchClient},
         [this](const Caller& caller, sdbus::MethodCall& call, Calls::Id id) -> Status {
           Dict dict;
           control::BulkResolution bulk;
           call >> dict >> bulk.choice;
           ResolveAllFilter filter;
           SN_TRY(read_options(dict, filter));
           bulk.client_name = std::move(filter.client_name);
           bulk.table_name = std::move(filter.table_name);
           bulk.conflict_type = std::move(filter.conflict_type);
           control_.resolve_all(caller, std::move(bulk),
                                later<control::BulkView>(id, [](sdbus::MethodReply& reply, const auto& view) {
                                  reply << to_dict(view);
                                }));
           return {};
         });
  method({kConflictsInterface, "Resolve", "ssa{sv}", {"conflict_id", "choice", "options"}},
         {Right::kManage, kNoSuchConflict},
         [this](const Caller& caller, sdbus::MethodCall& call, Calls::Id id) -> Status {
           control::Resolution resolution;
           Dict dict;
           call >> resolution.conflict_id >> resolution.choice >> dict;
           ResolveOptions options;
           SN_TRY(read_options(dict, options));
           resolution.value = std::move(options.value);
           resolution.version = options.version;
           control_.resolve(caller, std::move(resolution),
                            later<control::ConflictView>(id, [](sdbus::MethodReply&, const auto&) {}));
           return {};
         });
}

}  // namespace syncnode::bus
