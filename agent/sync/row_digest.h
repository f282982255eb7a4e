// RowDigest: the digest of a row that both sides can compute without a shared secret: SHA-256 over the bytes
// that PostgreSQL's record_send gives for it (count, then oid and field per column). Pure.
#pragma once

#include <string>
#include <string_view>

#include "memory/recheck_scratch.h"
#include "sync/copy_shape.h"
#include "sync/row_encoder.h"

namespace syncnode::sync {

using memory::RowDigest;

RowDigest digest_row(const CopyTable& table, const EncodedRow& row);
// As sql/queries/digest_quarantine.sql; "" when nothing is quarantined.
std::string digest_quarantined(const CopyTable& table, const EncodedRow& row);

uint32_t element_oid(codec::TargetType type);  // pg_type.dat

}  // namespace syncnode::sync
