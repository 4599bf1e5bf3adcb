#include "duck/update.h"

#include <utility>

#include "duck/lake_catalog.h"
#include "duckdb/execution/physical_plan_generator.hpp"
#include "duckdb/planner/operator/logical_update.hpp"

namespace tarn::duck {

using Expressions = duckdb::vector<duckdb::unique_ptr<duckdb::Expression>>;

Expressions NewRowExpressions(const DeltaTableEntry& table,
                              const duckdb::vector<duckdb::PhysicalIndex>& columns,
                              const Expressions& expressions, const Expressions& defaults) {
  Expressions out(table.GetColumns().PhysicalColumnCount());
  for (size_t i = 0; i < columns.size(); ++i) {
    const auto column = columns[i].index;
    const auto& expression = expressions[i];
    if (expression->GetExpressionType() == duckdb::ExpressionType::VALUE_DEFAULT) {
      out[column] = defaults.at(column)->Copy();
    } else {
      out[column] = expression->Copy();
    }
  }
  for (size_t i = 0; i < out.size(); ++i) {
    if (!out[i]) {
      throw duckdb::InternalException("UPDATE of %s lost column %llu on its way",
                                      table.QualifiedName(), static_cast<unsigned long long>(i));
    }
  }
  return out;
}

NewRows::NewRows(duckdb::ClientContext& context, const Expressions& expressions)
    : executor(context, expressions) {
  duckdb::vector<duckdb::LogicalType> types;
  for (const auto& expression : expressions) types.push_back(expression->return_type);
  rows.Initialize(context, types);
}

duckdb::DataChunk& NewRows::Compute(duckdb::DataChunk& input) {
  rows.Reset();
  executor.Execute(input, rows);
  return rows;
}

namespace {

struct UpdateLocalState : public WriteLocalState {
  std::unique_ptr<NewRows> new_rows;
};

}  // namespace

LakeUpdate::LakeUpdate(duckdb::PhysicalPlan& plan, duckdb::vector<duckdb::LogicalType> types,
                       DeltaTableEntry& table, Expressions expressions, duckdb::idx_t cardinality)
    : WriteOperator(plan, std::move(types), cardinality),
      table_(table),
      expressions_(std::move(expressions)) {}

duckdb::unique_ptr<duckdb::GlobalSinkState> LakeUpdate::GetGlobalSinkState(
    duckdb::ClientContext& context) const {
  auto state = duckdb::make_uniq<WriteSinkState>();
  WriteOptions options;
  options.may_touch_rows_twice = false;
  state->write = std::make_unique<TableWrite>(context, table_, std::move(options));
  RecordReads(children[0].get(), *state->write, true);
  return state;
}

duckdb::unique_ptr<duckdb::LocalSinkState> LakeUpdate::GetLocalSinkState(
    duckdb::ExecutionContext& context) const {
  auto state = duckdb::make_uniq<UpdateLocalState>();
  state->local = sink_state->Cast<WriteSinkState>().write->MakeLocal();
  state->new_rows = std::make_unique<NewRows>(context.client, expressions_);
  return state;
}

duckdb::SinkResultType LakeUpdate::Sink(duckdb::ExecutionContext& context, duckdb::DataChunk& chunk,
                                        duckdb::OperatorSinkInput& input) const {
  auto& write = *input.global_state.Cast<WriteSinkState>().write;
  auto& state = input.local_state.Cast<UpdateLocalState>();
  // What identifies the row comes last in the child's chunks.
  const auto identifiers = table_.GetRowIdColumns().size();
  const auto first = chunk.ColumnCount() - identifiers;
  write.Delete(*state.local, chunk.data[first], chunk.data[first + 1], chunk.size(),
               RowChange::kUpdate);
  duckdb::optional_ptr<duckdb::Vector> row_ids;
  if (identifiers > 2) row_ids = &chunk.data[first + 2];
  write.Append(context, *state.local, state.new_rows->Compute(chunk), RowChange::kUpdate, row_ids);
  return duckdb::SinkResultType::NEED_MORE_INPUT;
}

int64_t LakeUpdate::Report(TableWrite& write, const WriteOutcome& outcome) const {
  write.delta().SetMetric("numUpdatedRows", outcome.rows_updated);
  ReportRowChange(children[0].get(), write, outcome, "UPDATE");
  return outcome.rows_updated;
}

duckdb::PhysicalOperator& LakeCatalog::PlanUpdate(duckdb::ClientContext& context,
                                                  duckdb::PhysicalPlanGenerator& planner,
                                                  duckdb::LogicalUpdate& op,
                                                  duckdb::PhysicalOperator& plan) {
  auto& table = op.table.Cast<DeltaTableEntry>();
  if (op.return_chunk) {
    throw duckdb::NotImplementedException(
        "UPDATE … RETURNING is not supported on Delta tables; SELECT the rows after the UPDATE");
  }
  auto& update = planner.Make<LakeUpdate>(
      op.types, table, NewRowExpressions(table, op.columns, op.expressions, op.bound_defaults),
      op.estimated_cardinality);
  update.children.push_back(plan);
  return update;
}

}  // namespace tarn::duck
