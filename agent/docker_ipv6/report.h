// What docker-ipv6 shows, for people and as documents (docs/sync-nodectl.schema.json: docker_ipv6_status and
// docker_ipv6_plan). What is not known is said to be so. Pure.
#pragma once

#include <string>
#include <vector>

#include "docker_ipv6/world.h"

namespace syncnode::docker_ipv6 {

json::Json status_document(const World& world, const Plan& plan);
std::string status_text(const World& world, const Plan& plan);

json::Json plan_document(const World& world, const Plan& plan);
std::string plan_text(const World& world, const Plan& plan);

std::string change_text(const Change& change);  // `"ipv6": false -> true`
std::string containers_text(const Engine& engine);
// What a restart of Docker would mean now.
std::string restart_text(const Engine& engine);

}  // namespace syncnode::docker_ipv6
