// Prints the metrics of a node that has seen everything, and of one that has just started with "--fresh".
#include <cstdio>
#include <string_view>

#include "metrics/metrics.h"

int main(int argc, char** argv) {
  syncnode::metrics::Metrics metrics("0.1.0");
  if (argc < 2 || std::string_view(argv[1]) != "--fresh") {
    metrics.set_leader(true);
    metrics.set_epoch(7);
    metrics.set_lease_left(41.5);
    metrics.set_database_up(true);
    metrics.operation("success", 0.02, 12);
    metrics.operation("failed", 100000, 0);
    metrics.keep_clients({"acme", "o\"dd\\name\n"});
    for (const char* client : {"acme", "o\"dd\\name\n"}) {
      metrics.set_client(client, {0.25, 3, 4});
      metrics.set_failing(client, true);
      metrics.set_starved(client, false);
      metrics.read(client, 0.5, 0.01, 4096);
    }
  }
  std::fputs(metrics.text().c_str(), stdout);
}
