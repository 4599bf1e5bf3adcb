// RegistryJudge: fills `schema_version` with the id (or GUID) a record names, and refuses records
// whose schema is not what the registry says it may be.
//
// Rules of the dead letters: registry.no_schema_id (nothing named, and `required`),
// registry.bad_schema_id (cut off, no known kind), registry.unknown_id, registry.other_subject (the
// schema is not registered under the topic's subject), registry.incompatible (by the subject's own
// compatibility with its latest version).
//
// The registry away: schemas seen before pass, others make the stream wait. Tombstones pass.
//
// Threads: one user at a time. The registry outlives it.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "ingest/record_judge.h"
#include "registry/schema_frame.h"
#include "registry/schema_registry.h"

namespace tarn::app {

struct RegistryRules {
  bool required = true;       // a record that names no schema is refused
  bool check_subject = true;  // the schema must be of the topic's subject
  bool check_compatible = true;
  std::string subject = "{topic}-value";
};

class RegistryJudge final : public ingest::RecordJudge {
 public:
  // `on_schema`, when given, hears of every schema that passes, before its records go on.
  using OnSchema = std::function<Status(const std::string& id, const registry::Schema& schema)>;
  RegistryJudge(registry::SchemaRegistry& registry, RegistryRules rules, OnSchema on_schema = {});
  Status Judge(sources::Batch* batch, std::vector<ingest::Refusal>* refusals) override;

 private:
  struct Verdict {
    std::string rule, reason;  // empty: it passes
  };
  Result<const Verdict*> VerdictOn(const sources::Record& record,
                                   const registry::SchemaFrame& frame);
  Result<Verdict> JudgeSchema(const std::string& topic, const std::string& text, bool is_guid);
  Result<Verdict> CheckSubject(const std::string& subject, const std::string& id);

  registry::SchemaRegistry& registry_;
  RegistryRules rules_;
  OnSchema on_schema_;
  // By topic and id. What passes is asked about again after a while, what is refused in every
  // batch.
  std::map<std::pair<std::string, std::string>, Verdict> seen_;
  int64_t seen_since_micros_ = 0;
};

}  // namespace tarn::app
