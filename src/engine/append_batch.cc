// Rows together with a stream's position in one Delta commit, and the questions ingest asks of a
// table.
#include <algorithm>

#include "duck/delta_table_entry.h"
#include "duck/lake_transaction.h"
#include "duckdb/catalog/catalog.hpp"
#include "duckdb/common/types/column/column_data_collection.hpp"
#include "duckdb/parser/keyword_helper.hpp"
#include "duckdb/parser/parser.hpp"
#include "duckdb/parser/query_node/select_node.hpp"
#include "duckdb/parser/statement/insert_statement.hpp"
#include "duckdb/parser/statement/select_statement.hpp"
#include "duckdb/parser/tableref/column_data_ref.hpp"
#include "engine/error_status.h"
#include "engine/patient_query.h"
#include "engine/session.h"

namespace tarn::engine {
namespace {

using duckdb::LogicalType;

struct TableName {
  std::string schema;
  std::string table;
};

Result<TableName> SplitName(const std::string& name) {
  const size_t dot = name.find('.');
  if (dot == std::string::npos || dot == 0 || dot + 1 == name.size()) {
    return Status::InvalidArgument("'" + name + "' is not a table name; write schema.table");
  }
  return TableName{name.substr(0, dot), name.substr(dot + 1)};
}

LogicalType TypeOf(BatchColumn::Kind kind) {
  switch (kind) {
    case BatchColumn::Kind::kText: return LogicalType::VARCHAR;
    case BatchColumn::Kind::kBinary: return LogicalType::BLOB;
    case BatchColumn::Kind::kInt32: return LogicalType::INTEGER;
    case BatchColumn::Kind::kInt64: return LogicalType::BIGINT;
    case BatchColumn::Kind::kTimestampMicros: return LogicalType::TIMESTAMP_TZ;
    case BatchColumn::Kind::kDateDays: return LogicalType::DATE;
    case BatchColumn::Kind::kBoolean: return LogicalType::BOOLEAN;
    case BatchColumn::Kind::kPairs:
      return LogicalType::LIST(
          LogicalType::STRUCT({{"key", LogicalType::VARCHAR}, {"value", LogicalType::BLOB}}));
  }
  return LogicalType::VARCHAR;
}

template <typename T>
void FillNumbers(const BatchColumn& column, size_t offset, size_t count, duckdb::Vector& vector) {
  auto* data = duckdb::FlatVector::GetData<T>(vector);
  for (size_t i = 0; i < count; ++i) data[i] = T(static_cast<T>(column.numbers[offset + i]));
}

void FillBytes(const BatchColumn& column, size_t offset, size_t count, duckdb::Vector& vector) {
  auto* data = duckdb::FlatVector::GetData<duckdb::string_t>(vector);
  for (size_t i = 0; i < count; ++i) {
    if (!column.validity.empty() && !column.validity[offset + i]) continue;
    const std::string_view bytes = column.bytes[offset + i];
    data[i] = duckdb::StringVector::AddStringOrBlob(vector, bytes.data(), bytes.size());
  }
}

void FillPairs(const BatchColumn& column, size_t offset, size_t count, duckdb::Vector& vector) {
  const auto begin = static_cast<size_t>(offset == 0 ? 0 : column.numbers[offset - 1]);
  const auto end = static_cast<size_t>(column.numbers[offset + count - 1]);
  duckdb::ListVector::Reserve(vector, end - begin);
  auto* entries = duckdb::FlatVector::GetData<duckdb::list_entry_t>(vector);
  size_t row_begin = begin;
  for (size_t i = 0; i < count; ++i) {
    const auto row_end = static_cast<size_t>(column.numbers[offset + i]);
    entries[i] = {row_begin - begin, row_end - row_begin};
    row_begin = row_end;
  }
  auto& fields = duckdb::StructVector::GetEntries(duckdb::ListVector::GetEntry(vector));
  duckdb::Vector& keys = *fields[0];
  duckdb::Vector& values = *fields[1];
  auto* key_data = duckdb::FlatVector::GetData<duckdb::string_t>(keys);
  auto* value_data = duckdb::FlatVector::GetData<duckdb::string_t>(values);
  for (size_t i = begin; i < end; ++i) {
    const auto& [key, value] = column.pairs[i];
    key_data[i - begin] = duckdb::StringVector::AddStringOrBlob(keys, key.data(), key.size());
    if (value) {
      value_data[i - begin] =
          duckdb::StringVector::AddStringOrBlob(values, value->data(), value->size());
    } else {
      duckdb::FlatVector::Validity(values).SetInvalid(i - begin);
    }
  }
  duckdb::ListVector::SetListSize(vector, end - begin);
}

void FillColumn(const BatchColumn& column, size_t offset, size_t count, duckdb::Vector& vector) {
  if (!column.validity.empty()) {
    auto& validity = duckdb::FlatVector::Validity(vector);
    for (size_t i = 0; i < count; ++i) {
      if (!column.validity[offset + i]) validity.SetInvalid(i);
    }
  }
  switch (column.kind) {
    case BatchColumn::Kind::kText:
    case BatchColumn::Kind::kBinary: FillBytes(column, offset, count, vector); break;
    case BatchColumn::Kind::kInt32:
    case BatchColumn::Kind::kDateDays: FillNumbers<int32_t>(column, offset, count, vector); break;
    case BatchColumn::Kind::kInt64:
    case BatchColumn::Kind::kTimestampMicros:
      FillNumbers<int64_t>(column, offset, count, vector);
      break;
    case BatchColumn::Kind::kBoolean: FillNumbers<bool>(column, offset, count, vector); break;
    case BatchColumn::Kind::kPairs: FillPairs(column, offset, count, vector); break;
  }
}

duckdb::unique_ptr<duckdb::ColumnDataCollection> ToCollection(
    duckdb::ClientContext& context, const std::vector<BatchColumn>& columns, size_t rows) {
  duckdb::vector<LogicalType> types;
  for (const auto& column : columns) types.push_back(TypeOf(column.kind));
  auto collection = duckdb::make_uniq<duckdb::ColumnDataCollection>(context, types);
  duckdb::DataChunk chunk;
  chunk.Initialize(context, types);
  for (size_t offset = 0; offset < rows; offset += STANDARD_VECTOR_SIZE) {
    const size_t count = std::min<size_t>(STANDARD_VECTOR_SIZE, rows - offset);
    chunk.Reset();
    for (size_t i = 0; i < columns.size(); ++i)
      FillColumn(columns[i], offset, count, chunk.data[i]);
    chunk.SetCardinality(count);
    collection->Append(chunk);
  }
  return collection;
}

// INSERT INTO lake.s.t BY NAME <the collection>: parsed once, its FROM replaced by the rows at
// hand.
duckdb::unique_ptr<duckdb::SQLStatement> InsertOf(
    const TableName& name, const std::vector<BatchColumn>& columns,
    duckdb::unique_ptr<duckdb::ColumnDataCollection> rows) {
  duckdb::Parser parser;
  parser.ParseQuery("INSERT INTO lake." + duckdb::KeywordHelper::WriteQuoted(name.schema, '"') +
                    "." + duckdb::KeywordHelper::WriteQuoted(name.table, '"') +
                    " BY NAME SELECT * FROM batch");
  auto statement = std::move(parser.statements.front());
  auto& select = statement->Cast<duckdb::InsertStatement>().select_statement;
  duckdb::vector<duckdb::string> names;
  for (const auto& column : columns) names.push_back(column.name);
  auto source = duckdb::make_uniq<duckdb::ColumnDataRef>(
      duckdb::optionally_owned_ptr<duckdb::ColumnDataCollection>(std::move(rows)),
      std::move(names));
  source->alias = "batch";
  select->node->Cast<duckdb::SelectNode>().from_table = std::move(source);
  return statement;
}

duck::CommitAnnotations ToDuck(const CommitAnnotations& annotations) {
  duck::CommitAnnotations out;
  if (annotations.txn) out.app_transaction = {annotations.txn->app_id, annotations.txn->version};
  for (const auto& txn : annotations.more_txns) {
    out.more_app_transactions.emplace_back(txn.app_id, txn.version);
  }
  for (const auto& [domain, configuration] : annotations.domain_metadata) {
    out.domains.push_back({domain, configuration, false});
  }
  out.user_metadata = annotations.user_metadata;
  out.refuses_removals = annotations.examined_version.has_value();
  return out;
}

duckdb::optional_ptr<duck::DeltaTableEntry> FindTable(duckdb::ClientContext& context,
                                                      const TableName& name) {
  auto entry = duckdb::Catalog::GetEntry<duckdb::TableCatalogEntry>(
      context, "lake", name.schema, name.table, duckdb::OnEntryNotFound::RETURN_NULL);
  if (!entry) return nullptr;
  return dynamic_cast<duck::DeltaTableEntry*>(entry.get());
}

bool RemovesRows(const std::vector<delta::Action>& actions) {
  return std::any_of(actions.begin(), actions.end(), [](const delta::Action& action) {
    const auto* removed = std::get_if<delta::RemoveFile>(&action);
    return removed != nullptr && removed->data_change;
  });
}

// The versions between what the caller examined and what this transaction builds on.
Status CheckNothingRemoved(duckdb::ClientContext& context, const TableName& name,
                           int64_t examined) {
  const auto entry = FindTable(context, name);
  if (!entry) return Status::Ok();
  const int64_t base = entry->snapshot()->version().value();
  for (int64_t version = examined + 1; version <= base; ++version) {
    const auto actions = entry->table()->ReadCommit(delta::Version(version));
    if (!actions.ok() && actions.status().code() == StatusCode::kNotFound) continue;
    if (!actions.ok()) return actions.status();
    if (RemovesRows(*actions)) {
      return Status::Conflict("version " + std::to_string(version) + " of " + name.schema + "." +
                              name.table + " took rows away; look at it, then go on");
    }
  }
  return Status::Ok();
}

Status NoTable(const std::string& table) {
  return Status::NotFound("table " + table + " does not exist");
}

}  // namespace

Result<CommitOutcome> DuckSession::AppendBatch(const std::string& table,
                                               const std::vector<BatchColumn>& columns, size_t rows,
                                               const CommitAnnotations& annotations) {
  TARN_ASSIGN_OR_RETURN(const TableName name, SplitName(table));
  if (annotations.txn) {
    TARN_ASSIGN_OR_RETURN(const auto applied,
                          AppTransactionVersion(table, annotations.txn->app_id));
    if (applied && *applied >= annotations.txn->version) return CommitOutcome{-1, 0, true};
  }
  try {
    TARN_RETURN_IF_ERROR(Control("BEGIN TRANSACTION"));
    if (annotations.examined_version) {
      const Status looked =
          CheckNothingRemoved(*connection_.context, name, *annotations.examined_version);
      if (!looked.ok()) {
        (void)Control("ROLLBACK");
        return looked;
      }
    }
    const auto state = duck::LakeSessionState::Get(*connection_.context);
    state->Annotate(table, ToDuck(annotations));
    auto result = RunPatiently(
        connection_, InsertOf(name, columns, ToCollection(*connection_.context, columns, rows)),
        duckdb::QueryResultOutputType::FORCE_MATERIALIZED);
    if (result->HasError()) {
      const Status status = StatusOf(result->GetErrorObject());
      if (connection_.HasActiveTransaction()) (void)Control("ROLLBACK");
      return status;
    }
    TARN_RETURN_IF_ERROR(Control("COMMIT"));
    CommitOutcome outcome;
    outcome.rows = static_cast<int64_t>(rows);
    for (const auto& commit : state->LastCommits()) {
      if (commit.table != table) continue;
      outcome.version = commit.version.value();
      outcome.already_applied = commit.already_applied;
      if (commit.already_applied) outcome.rows = 0;
    }
    return outcome;
  } catch (const std::exception& exception) {
    if (connection_.HasActiveTransaction()) (void)Control("ROLLBACK");
    return StatusOf(duckdb::ErrorData(exception));
  }
}

Result<std::optional<int64_t>> DuckSession::AppTransactionVersion(const std::string& table,
                                                                  const std::string& app_id) {
  TARN_ASSIGN_OR_RETURN(const TableName name, SplitName(table));
  std::optional<int64_t> version;
  TARN_RETURN_IF_ERROR(RunInTransaction([&](duckdb::ClientContext& context) {
    const auto entry = FindTable(context, name);
    if (!entry) return NoTable(table);
    if (const auto txn = entry->snapshot()->AppTransaction(app_id)) version = txn->version;
    return Status::Ok();
  }));
  return version;
}

Result<std::optional<std::string>> DuckSession::DomainMetadata(const std::string& table,
                                                               const std::string& domain) {
  TARN_ASSIGN_OR_RETURN(const TableName name, SplitName(table));
  std::optional<std::string> configuration;
  TARN_RETURN_IF_ERROR(RunInTransaction([&](duckdb::ClientContext& context) {
    const auto entry = FindTable(context, name);
    if (!entry) return NoTable(table);
    if (const auto found = entry->snapshot()->Domain(domain)) configuration = found->configuration;
    return Status::Ok();
  }));
  return configuration;
}

Result<DomainTexts> DuckSession::Domains(const std::string& table,
                                         const std::vector<std::string>& domains,
                                         std::optional<int64_t> version) {
  TARN_ASSIGN_OR_RETURN(const TableName name, SplitName(table));
  DomainTexts out;
  TARN_RETURN_IF_ERROR(RunInTransaction([&](duckdb::ClientContext& context) -> Status {
    const auto entry = FindTable(context, name);
    if (!entry) return NoTable(table);
    delta::SnapshotPtr snapshot = entry->snapshot();
    if (version) {
      TARN_ASSIGN_OR_RETURN(snapshot, entry->table()->At(delta::Version(*version)));
    }
    out.version = snapshot->version().value();
    for (const std::string& domain : domains) {
      if (const auto found = snapshot->Domain(domain)) out.texts[domain] = found->configuration;
    }
    return Status::Ok();
  }));
  return out;
}

Result<std::vector<CommitSummary>> DuckSession::CommitsAfter(const std::string& table,
                                                             int64_t version) {
  TARN_ASSIGN_OR_RETURN(const TableName name, SplitName(table));
  std::vector<CommitSummary> out;
  TARN_RETURN_IF_ERROR(RunInTransaction([&](duckdb::ClientContext& context) -> Status {
    const auto entry = FindTable(context, name);
    if (!entry) return NoTable(table);
    const int64_t last = entry->snapshot()->version().value();
    for (int64_t at = version + 1; at <= last; ++at) {
      const auto actions = entry->table()->ReadCommit(delta::Version(at));
      if (!actions.ok() && actions.status().code() == StatusCode::kNotFound) continue;
      if (!actions.ok()) return actions.status();
      CommitSummary summary;
      summary.version = at;
      summary.removed_rows = RemovesRows(*actions);
      for (const delta::Action& action : *actions) {
        const auto* info = std::get_if<delta::CommitInfo>(&action);
        if (info == nullptr) continue;
        summary.operation = info->operation;
        summary.parameters = info->operation_parameters;
      }
      out.push_back(std::move(summary));
    }
    return Status::Ok();
  }));
  return out;
}

Result<bool> DuckSession::TableExists(const std::string& table) {
  TARN_ASSIGN_OR_RETURN(const TableName name, SplitName(table));
  bool exists = false;
  TARN_RETURN_IF_ERROR(RunInTransaction([&](duckdb::ClientContext& context) {
    exists = FindTable(context, name) != nullptr;
    return Status::Ok();
  }));
  return exists;
}

Result<std::optional<std::string>> DuckSession::RelationKind(const std::string& name) {
  const size_t dot = name.find('.');
  const std::string schema = dot == std::string::npos ? "" : name.substr(0, dot);
  const std::string leaf = dot == std::string::npos ? name : name.substr(dot + 1);
  std::optional<std::string> kind;
  TARN_RETURN_IF_ERROR(RunInTransaction([&](duckdb::ClientContext& context) {
    const duckdb::EntryLookupInfo lookup(duckdb::CatalogType::TABLE_ENTRY, leaf);
    const auto entry = duckdb::Catalog::GetEntry(context, schema.empty() ? "temp" : "lake",
                                                 schema.empty() ? "main" : schema, lookup,
                                                 duckdb::OnEntryNotFound::RETURN_NULL);
    if (entry) kind = entry->type == duckdb::CatalogType::VIEW_ENTRY ? "view" : "table";
    return Status::Ok();
  }));
  return kind;
}

void DuckSession::AnnotateCommits(const std::string& table,
                                  std::optional<CommitAnnotations> annotations) {
  if (annotations) {
    annotations_[table] = std::move(*annotations);
  } else {
    annotations_.erase(table);
  }
}

void DuckSession::Reannotate() {
  if (annotations_.empty()) return;
  const auto state = duck::LakeSessionState::Get(*connection_.context);
  for (const auto& [table, annotations] : annotations_) state->Annotate(table, ToDuck(annotations));
}

std::map<std::string, int64_t> DuckSession::LastCommits() {
  std::map<std::string, int64_t> versions;
  for (const auto& commit : duck::LakeSessionState::Get(*connection_.context)->LastCommits()) {
    versions[commit.table] = commit.version.value();
  }
  return versions;
}

}  // namespace tarn::engine
