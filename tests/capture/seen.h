// Seen: what a snapshot holds, page by page, and where it stood: what a trail says of two of them is compared
// with that. One thread.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "capture/position.h"
#include "sqlite/snapshot.h"
#include "sqlite/source_pages.h"

namespace syncnode::capture {

struct Seen {
  Position position;
  std::vector<std::string> pages;
};

inline Seen see_all(const std::string& path, const sqlite::SnapshotOptions& options) {
  Seen seen;
  auto snapshot = sqlite::Snapshot::open(path, options);
  EXPECT_TRUE(snapshot) << snapshot.error().to_string();
  auto pages = (*snapshot)->pages();
  EXPECT_TRUE(pages);
  seen.position = *position_of(**pages);
  for (uint32_t page = 1; page <= (*pages)->page_count(); ++page) {
    std::string bytes((*pages)->page_size(), '\0');
    EXPECT_TRUE((*pages)->read(page, bytes.data(), bytes.size()));
    seen.pages.push_back(std::move(bytes));
  }
  EXPECT_TRUE((*snapshot)->validate());
  return seen;
}

}  // namespace syncnode::capture
