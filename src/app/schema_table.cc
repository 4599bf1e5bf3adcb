#include "app/schema_table.h"

#include "dialect/lexer.h"

namespace tarn::app {
namespace {

constexpr int kRounds = 20;

}  // namespace

Result<std::vector<codec::ProtoFile>> ImportsOf(registry::SchemaRegistry& registry,
                                                const registry::Schema& schema) {
  TARN_ASSIGN_OR_RETURN(const auto references, registry.Resolve(schema));
  std::vector<codec::ProtoFile> out;
  for (const auto& one : references) {
    std::string name = one.subject;
    const auto look_in = [&](const registry::Schema& by) {
      for (const auto& reference : by.references) {
        if (reference.subject == one.subject && reference.version == one.version) {
          name = reference.name;
        }
      }
    };
    look_in(schema);
    for (const auto& other : references) look_in(other.schema);
    out.push_back({std::move(name), one.schema.text});
  }
  return out;
}

Result<std::unique_ptr<SchemaTable>> SchemaTable::Open(engine::Engine& engine,
                                                       std::string registry) {
  TARN_ASSIGN_OR_RETURN(auto session, engine.NewSession());
  return std::unique_ptr<SchemaTable>(new SchemaTable(std::move(session), std::move(registry)));
}

Status SchemaTable::Prepare() {
  TARN_ASSIGN_OR_RETURN(const bool there, session_->TableExists(kTable));
  if (there) return Status::Ok();
  session_->SetDialect(dialect::SqlDialect::kSpark);
  const auto created = session_->Query(
      "CREATE TABLE IF NOT EXISTS system.schemas (registry STRING, id STRING, type STRING, schema "
      "STRING, imports ARRAY<STRUCT<name: STRING, schema: STRING>>, noted_at TIMESTAMP) USING "
      "DELTA");
  if (created.ok()) return Status::Ok();
  // Another process may have made it in the same moment.
  TARN_ASSIGN_OR_RETURN(const bool made, session_->TableExists(kTable));
  return made ? Status::Ok() : created.status().WithContext("cannot create system.schemas");
}

Status SchemaTable::Note(const std::string& id, const registry::Schema& schema,
                         registry::SchemaRegistry& registry) {
  if (noted_.count(id) != 0) return Status::Ok();
  TARN_RETURN_IF_ERROR(Prepare());
  const std::string app_id = "tarn/schemas/" + registry_ + "/" + id;
  TARN_ASSIGN_OR_RETURN(const auto imports, ImportsOf(registry, schema));
  std::string list = "[";
  for (const auto& one : imports) {
    list += (list.size() > 1 ? ", " : "") + std::string("{'name': ") +
            dialect::QuoteString(one.name) + ", 'schema': " + dialect::QuoteString(one.text) + "}";
  }
  list += "]::STRUCT(name VARCHAR, schema VARCHAR)[]";
  const std::string insert =
      "INSERT INTO lake.system.schemas (registry, id, type, schema, imports, "
      "noted_at) VALUES (" +
      dialect::QuoteString(registry_) + ", " + dialect::QuoteString(id) + ", " +
      dialect::QuoteString(schema.type) + ", " + dialect::QuoteString(schema.text) + ", " + list +
      ", now())";
  for (int round = 1;; ++round) {
    TARN_ASSIGN_OR_RETURN(const auto known, session_->AppTransactionVersion(kTable, app_id));
    if (known) break;
    engine::CommitAnnotations annotations;
    annotations.txn = engine::CommitAnnotations::AppTransaction{app_id, 1};
    session_->AnnotateCommits(kTable, annotations);
    session_->SetDialect(dialect::SqlDialect::kDuckdb);
    const auto done = session_->Query(insert);
    session_->AnnotateCommits(kTable, std::nullopt);
    if (done.ok()) break;
    const bool again = done.status().retry() == RetryClass::kAfterRefresh ||
                       done.status().retry() == RetryClass::kOutcomeUnknown;
    if (!again || round == kRounds) return done.status().WithContext("noting schema " + id);
  }
  noted_.insert(id);
  return Status::Ok();
}

}  // namespace tarn::app
