// Endpoints: what stands behind each route, one function each: read the request, ask the control, render the
// answer. Refuse to decide anything the control decides. On the loop's thread; none of them waits.
#pragma once

#include "http/exchange.h"

namespace syncnode::http {

// endpoints_node.cpp
void get_index(const Exchange& exchange, const Reply& reply);
void get_health(const Exchange& exchange, const Reply& reply);
void get_metrics(const Exchange& exchange, const Reply& reply);
void get_cluster(const Exchange& exchange, const Reply& reply);
void post_step_down(const Exchange& exchange, const Reply& reply);

// endpoints_state.cpp
void get_state(const Exchange& exchange, const Reply& reply);
void put_state(const Exchange& exchange, const Reply& reply);

// endpoints_sync.cpp
void post_trigger(const Exchange& exchange, const Reply& reply);
void get_jobs(const Exchange& exchange, const Reply& reply);
void get_job(const Exchange& exchange, const Reply& reply);
void post_cancel(const Exchange& exchange, const Reply& reply);
void get_deployments(const Exchange& exchange, const Reply& reply);
void post_pause(const Exchange& exchange, const Reply& reply);
void post_resume(const Exchange& exchange, const Reply& reply);

// endpoints_conflicts.cpp
void get_conflicts(const Exchange& exchange, const Reply& reply);
void get_conflict(const Exchange& exchange, const Reply& reply);
void post_resolve(const Exchange& exchange, const Reply& reply);
void post_resolve_all(const Exchange& exchange, const Reply& reply);

}  // namespace syncnode::http
