// Contracts as YAML: reading both forms, writing either.
//
// The short form:
//   contract:
//     name, version, owner, description, effective_date
//     streams: [bronze.events]            enforcement: flag | dead_letter | stop   (default
//     dead_letter) event_time: occurred_at             additional_fields: flag | dead_letter | stop
//     (default flag) envelope: none | debezium schema:
//       - name, type, nullable, unique, primary_key, description, allowed_values, pattern, minimum,
//       maximum,
//         exclusive_minimum, exclusive_maximum, min_length, max_length, max_null_rate_pct, pii,
//         format, on_break, fields, items
//     sla: {max_delay_seconds, min_daily_volume, max_null_rate_pct}
//     breaking_change_policy: {notice_days, approval_required_from, migration_support}
//     approvals: [team]
// Types: string, int8/byte, int16/short, int32/int, int64/long/bigint/integer, float/double/number,
// decimal(p,s), boolean, date, timestamp, timestamp_ntz, object/struct, array, map, any.
// Format of a timestamp: iso (default), epoch_seconds, epoch_millis, epoch_micros.
//
// ODCS v3: `schema[0].properties` become the fields (logicalType, physicalType, required, unique,
// primaryKey, classification, logicalTypeOptions, quality rules validValues/nullCheck),
// slaProperties latency, volume and nullRate become the SLA, `team`/`owner`/`dataProduct` the
// owner; what Tarn adds sits in customProperties with the names of the short form. A document that
// uses several schema objects is several contracts.
//
// Threads: pure functions. Errors: kInvalidArgument, one line "<file>:<line>: …" with the nearest
// known key.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "govern/contract.h"

namespace tarn::govern {

// Every contract of one file; `file` is for messages only.
Result<std::vector<Contract>> ParseContracts(const std::string& yaml, const std::string& file);

// Every contract of a folder's *.yml and *.yaml (in order of names), or of one file.
// Errors: kNotFound for a path that is not there; kInvalidArgument as above, and for a name used
// twice.
Result<std::vector<Contract>> LoadContracts(const std::string& path);

std::string WriteShortForm(const Contract& contract);
std::string WriteOdcs(const Contract& contract);

// What is not wrong but unwise: "<path>: <text>". Empty: nothing to say.
std::vector<std::string> LintContract(const Contract& contract);

}  // namespace tarn::govern
