#include "ingest/record_judge.h"

namespace tarn::ingest {

sources::BadRecord ToBadRecord(const sources::Record& record, std::string rule,
                               std::string reason) {
  sources::BadRecord bad;
  bad.payload = record.payload.substr(0, sources::kMaxBadPayloadBytes);
  bad.payload_bytes = record.payload.size();
  bad.topic = record.topic;
  bad.partition = record.partition;
  bad.offset = record.offset;
  bad.key = record.key;
  bad.headers = record.headers;
  bad.event_time_micros = record.event_time_micros;
  bad.schema_id = record.schema_id;
  bad.rule = std::move(rule);
  bad.reason = std::move(reason);
  return bad;
}

Status ApplyRefusals(const std::vector<Refusal>& refusals, sources::Batch* batch) {
  if (refusals.empty()) return Status::Ok();
  for (const Refusal& refusal : refusals) {
    if (!refusal.stops) continue;
    const sources::Record& record = batch->records[refusal.record];
    return Status::Constraint(std::string(record.topic) + "/" + std::to_string(record.partition) +
                              " offset " + std::to_string(record.offset) + ": " + refusal.rule +
                              ": " + refusal.reason + "; the stream stops before this record");
  }
  auto next = refusals.begin();
  size_t kept = 0;
  for (size_t i = 0; i < batch->records.size(); ++i) {
    sources::Record& record = batch->records[i];
    if (next == refusals.end() || next->record != i) {
      if (kept != i) batch->records[kept] = std::move(record);
      ++kept;
      continue;
    }
    batch->bad.push_back(ToBadRecord(record, next->rule, next->reason));
    ++next;
  }
  batch->records.resize(kept);
  return Status::Ok();
}

}  // namespace tarn::ingest
