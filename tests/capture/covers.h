// covers: whether what capture found has a run look at a row of table "t".
#pragma once

#include "capture/capture.h"

namespace syncnode::capture {

inline bool covers(const Capture& capture, int64_t row) {
  const Finding& finding = capture.finding("t");
  return finding.what == Finding::What::kEverything || finding.ranges.covers(row);
}

}  // namespace syncnode::capture
