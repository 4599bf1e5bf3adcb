#include "duck/insert.h"

#include "delta/json.h"
#include "duck/computed_columns.h"
#include "duck/lake_catalog.h"
#include "duck/overwrite.h"
#include "duck/types.h"
#include "duckdb/catalog/catalog_entry/schema_catalog_entry.hpp"
#include "duckdb/execution/operator/projection/physical_projection.hpp"
#include "duckdb/execution/physical_plan_generator.hpp"
#include "duckdb/parser/parsed_data/create_table_info.hpp"
#include "duckdb/planner/expression/bound_cast_expression.hpp"
#include "duckdb/planner/expression/bound_reference_expression.hpp"
#include "duckdb/planner/operator/logical_create_table.hpp"
#include "duckdb/planner/operator/logical_insert.hpp"
#include "duckdb/planner/parsed_data/bound_create_table_info.hpp"

namespace tarn::duck {

namespace {

struct InsertSinkState : public WriteSinkState {
  std::optional<OverwriteIntent> overwrite;
};

std::string PartitionByParameter(const WriteTarget& target) {
  std::string list;
  for (const auto column : target.partition_columns) {
    if (!list.empty()) list += ",";
    list += JsonText(target.schema.fields[column].name);
  }
  return JsonText("[" + list + "]");
}

}  // namespace

LakeInsert::LakeInsert(duckdb::PhysicalPlan& plan, duckdb::vector<duckdb::LogicalType> types,
                       DeltaTableEntry& table, duckdb::idx_t cardinality)
    : WriteOperator(plan, std::move(types), cardinality), table_(&table) {}

LakeInsert::LakeInsert(duckdb::PhysicalPlan& plan, duckdb::vector<duckdb::LogicalType> types,
                       duckdb::SchemaCatalogEntry& schema,
                       duckdb::unique_ptr<duckdb::BoundCreateTableInfo> info,
                       duckdb::idx_t cardinality)
    : WriteOperator(plan, std::move(types), cardinality),
      schema_(&schema),
      info_(std::move(info)) {}

duckdb::string LakeInsert::GetName() const {
  return info_ ? "DELTA_CREATE_TABLE_AS" : "DELTA_INSERT";
}

std::string LakeInsert::TableName() const {
  if (!info_) return table_->QualifiedName();
  return schema_->name + "." + info_->Base().Cast<duckdb::CreateTableInfo>().table;
}

DeltaTableEntry& LakeInsert::StageTable(duckdb::ClientContext& context) const {
  auto transaction = schema_->catalog.GetCatalogTransaction(context);
  auto& schema = const_cast<duckdb::SchemaCatalogEntry&>(*schema_);
  auto entry = schema.CreateTable(transaction, *info_);
  if (!entry) {
    throw duckdb::CatalogException(
        "table %s was created by someone else meanwhile; run the statement again", TableName());
  }
  return entry->Cast<DeltaTableEntry>();
}

duckdb::unique_ptr<duckdb::GlobalSinkState> LakeInsert::GetGlobalSinkState(
    duckdb::ClientContext& context) const {
  auto state = duckdb::make_uniq<InsertSinkState>();
  auto& table = info_ ? StageTable(context) : const_cast<DeltaTableEntry&>(*table_);
  WriteOptions options;
  if (!info_) {
    state->overwrite =
        LakeTransaction::Get(context, table.ParentCatalog()).TakeOverwriteIntent(table.table());
  }
  if (state->overwrite && !state->overwrite->whole_table) {
    options.replaced = state->overwrite->predicate_sql;
  }
  options.pure_insert = !state->overwrite;
  state->write = std::make_unique<TableWrite>(context, table, std::move(options));
  if (!info_) {
    const bool reads_itself =
        LakeTransaction::Get(context, table.ParentCatalog())
            .WasScannedBy(table.table(), context.transaction.GetActiveQuery());
    RecordReads(children[0].get(), *state->write, reads_itself);
  }
  return state;
}

duckdb::SinkResultType LakeInsert::Sink(duckdb::ExecutionContext& context, duckdb::DataChunk& chunk,
                                        duckdb::OperatorSinkInput& input) const {
  auto& write = *input.global_state.Cast<WriteSinkState>().write;
  write.Append(context, *input.local_state.Cast<WriteLocalState>().local, chunk,
               RowChange::kInsert);
  return duckdb::SinkResultType::NEED_MORE_INPUT;
}

void LakeInsert::BeforeFinish(duckdb::ClientContext& context, TableWrite& write) const {
  const auto& overwrite = sink_state->Cast<InsertSinkState>().overwrite;
  if (!overwrite) return;
  if (overwrite->whole_table) {
    RemoveAll(write);
  } else {
    RemoveMatching(context, write, overwrite->predicate_sql);
  }
}

int64_t LakeInsert::Report(TableWrite& write, const WriteOutcome& outcome) const {
  auto& delta = write.delta();
  delta.SetMetric("numFiles", outcome.files_added);
  delta.SetMetric("numOutputRows", outcome.rows_inserted);
  delta.SetMetric("numOutputBytes", outcome.bytes_added);
  if (info_) {
    const bool replace = info_->Base().on_conflict == duckdb::OnCreateConflict::REPLACE_ON_CONFLICT;
    delta::StringMap parameters;
    parameters["isManaged"] = JsonText("true");
    parameters["partitionBy"] = PartitionByParameter(write.target());
    parameters["properties"] = JsonText(delta::StringMapToJson(delta.metadata().configuration));
    delta.SetOperation(replace ? "CREATE OR REPLACE TABLE AS SELECT" : "CREATE TABLE AS SELECT",
                       std::move(parameters));
    return outcome.rows_inserted;
  }
  const auto& overwrite = sink_state->Cast<InsertSinkState>().overwrite;
  delta::StringMap parameters;
  parameters["mode"] = JsonText(overwrite ? "Overwrite" : "Append");
  parameters["partitionBy"] = PartitionByParameter(write.target());
  if (overwrite) {
    delta.SetMetric("numRemovedFiles", outcome.files_removed);
    delta.SetMetric("numRemovedBytes", outcome.bytes_removed);
    if (!overwrite->whole_table) {
      parameters["predicate"] = JsonText(overwrite->predicate_sql);
      delta.SetMetric("numDeletedRows", outcome.rows_deleted);
      delta.SetMetric("numCopiedRows", outcome.rows_copied);
    }
    delta.SetMetric("numAddedChangeFiles", outcome.change_files_added);
  }
  // Filling a table that this transaction creates is still its creation.
  if (!write.creating()) delta.SetOperation("WRITE", std::move(parameters));
  return outcome.rows_inserted;
}

duckdb::PhysicalOperator& LakeCatalog::PlanInsert(
    duckdb::ClientContext& context, duckdb::PhysicalPlanGenerator& planner,
    duckdb::LogicalInsert& op, duckdb::optional_ptr<duckdb::PhysicalOperator> plan) {
  auto& table = op.table.Cast<DeltaTableEntry>();
  if (op.return_chunk) {
    throw duckdb::NotImplementedException(
        "INSERT … RETURNING is not supported on Delta tables; SELECT the rows after the INSERT");
  }
  if (op.on_conflict_info.action_type != duckdb::OnConflictAction::THROW) {
    throw duckdb::NotImplementedException(
        "ON CONFLICT is not supported on Delta tables, which have no unique keys; use MERGE INTO "
        "%s",
        table.QualifiedName());
  }
  RefuseUnreadableDefaults(table, table.delta_schema());
  if (!op.column_index_map.empty()) plan = planner.ResolveDefaultsProjection(op, *plan);
  auto& insert = planner.Make<LakeInsert>(op.types, table, op.estimated_cardinality);
  insert.children.push_back(*plan);
  return insert;
}

duckdb::PhysicalOperator& LakeCatalog::PlanCreateTableAs(duckdb::ClientContext& context,
                                                         duckdb::PhysicalPlanGenerator& planner,
                                                         duckdb::LogicalCreateTable& op,
                                                         duckdb::PhysicalOperator& plan) {
  duckdb::reference<duckdb::PhysicalOperator> source = plan;
  duckdb::vector<duckdb::LogicalType> types;
  duckdb::vector<duckdb::unique_ptr<duckdb::Expression>> casts;
  const auto& columns = op.info->Base().Cast<duckdb::CreateTableInfo>().columns;
  for (const auto& column : columns.Physical()) {
    const duckdb::idx_t position = casts.size();
    const auto& type = plan.types[position];
    // Types Delta lacks are widened (UINTEGER to long) or refused by FromLogicalType.
    const auto stored = ToLogicalType(*FromLogicalType(column.Type(), column.Name()));
    duckdb::unique_ptr<duckdb::Expression> value =
        duckdb::make_uniq<duckdb::BoundReferenceExpression>(type, position);
    if (type != stored) {
      value = duckdb::BoundCastExpression::AddCastToType(context, std::move(value), stored);
    }
    types.push_back(stored);
    casts.push_back(std::move(value));
  }
  if (types != plan.types) {
    auto& projection = planner.Make<duckdb::PhysicalProjection>(types, std::move(casts),
                                                                plan.estimated_cardinality);
    projection.children.push_back(plan);
    source = projection;
  }
  auto& insert =
      planner.Make<LakeInsert>(op.types, op.schema, std::move(op.info), plan.estimated_cardinality);
  insert.children.push_back(source);
  return insert;
}

}  // namespace tarn::duck
