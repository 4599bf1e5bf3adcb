#include "duck/merge.h"

#include <utility>

#include "duck/computed_columns.h"
#include "duck/lake_catalog.h"
#include "duckdb/execution/operator/persistent/physical_merge_into.hpp"
#include "duckdb/execution/physical_plan_generator.hpp"
#include "duckdb/planner/operator/logical_merge_into.hpp"

namespace tarn::duck {

using duckdb::MergeActionCondition;
using duckdb::MergeActionType;

namespace {

struct MergeSinkState : public duckdb::GlobalSinkState {
  std::shared_ptr<TableWrite> write;
};

struct MergeLocalState : public duckdb::LocalSinkState {
  TableWrite::LocalPtr local;
  std::unique_ptr<NewRows> new_rows;
};

}  // namespace

LakeMergeClause::LakeMergeClause(duckdb::PhysicalPlan& plan,
                                 duckdb::vector<duckdb::LogicalType> types,
                                 std::shared_ptr<MergePlan> merge, size_t position,
                                 MergeActionType action, duckdb::idx_t row_id_start,
                                 duckdb::vector<duckdb::unique_ptr<duckdb::Expression>> expressions)
    : PhysicalOperator(plan, duckdb::PhysicalOperatorType::EXTENSION, std::move(types), 1),
      merge_(std::move(merge)),
      position_(position),
      action_(action),
      row_id_start_(row_id_start),
      expressions_(std::move(expressions)) {}

duckdb::unique_ptr<duckdb::GlobalSinkState> LakeMergeClause::GetGlobalSinkState(
    duckdb::ClientContext& context) const {
  // PhysicalMergeInto asks its clauses in order.
  if (position_ == 0) {
    WriteOptions options;
    options.may_touch_rows_twice = merge_->may_touch_rows_twice;
    merge_->execution = std::make_shared<TableWrite>(context, *merge_->table, std::move(options));
    RecordReads(*merge_->source, *merge_->execution, true);
  }
  auto state = duckdb::make_uniq<MergeSinkState>();
  state->write = merge_->execution;
  return state;
}

duckdb::unique_ptr<duckdb::LocalSinkState> LakeMergeClause::GetLocalSinkState(
    duckdb::ExecutionContext& context) const {
  auto state = duckdb::make_uniq<MergeLocalState>();
  state->local = merge_->execution->MakeLocal();
  if (action_ == MergeActionType::MERGE_UPDATE) {
    state->new_rows = std::make_unique<NewRows>(context.client, expressions_);
  }
  return state;
}

duckdb::SinkResultType LakeMergeClause::Sink(duckdb::ExecutionContext& context,
                                             duckdb::DataChunk& chunk,
                                             duckdb::OperatorSinkInput& input) const {
  auto& write = *input.global_state.Cast<MergeSinkState>().write;
  auto& state = input.local_state.Cast<MergeLocalState>();
  if (action_ == MergeActionType::MERGE_INSERT) {
    write.Append(context, *state.local, chunk, RowChange::kInsert);
    return duckdb::SinkResultType::NEED_MORE_INPUT;
  }
  const bool update = action_ == MergeActionType::MERGE_UPDATE;
  write.Delete(*state.local, chunk.data[row_id_start_], chunk.data[row_id_start_ + 1], chunk.size(),
               update ? RowChange::kUpdate : RowChange::kDelete);
  if (update) {
    duckdb::optional_ptr<duckdb::Vector> row_ids;
    if (merge_->table->GetRowIdColumns().size() > 2) row_ids = &chunk.data[row_id_start_ + 2];
    write.Append(context, *state.local, state.new_rows->Compute(chunk), RowChange::kUpdate,
                 row_ids);
  }
  return duckdb::SinkResultType::NEED_MORE_INPUT;
}

duckdb::SinkCombineResultType LakeMergeClause::Combine(
    duckdb::ExecutionContext& context, duckdb::OperatorSinkCombineInput& input) const {
  auto& write = *input.global_state.Cast<MergeSinkState>().write;
  write.Combine(context, *input.local_state.Cast<MergeLocalState>().local);
  return duckdb::SinkCombineResultType::FINISHED;
}

duckdb::SinkFinalizeType LakeMergeClause::Finalize(duckdb::Pipeline& pipeline, duckdb::Event& event,
                                                   duckdb::ClientContext& context,
                                                   duckdb::OperatorSinkFinalizeInput& input) const {
  if (position_ + 1 < merge_->clauses) return duckdb::SinkFinalizeType::READY;
  auto write = std::exchange(merge_->execution, nullptr);
  const WriteOutcome outcome = write->Finish(context);
  Report(*write, outcome);
  return duckdb::SinkFinalizeType::READY;
}

void LakeMergeClause::Report(TableWrite& write, const WriteOutcome& outcome) const {
  auto& delta = write.delta();
  delta.SetMetric("numTargetRowsInserted", outcome.rows_inserted);
  delta.SetMetric("numTargetRowsUpdated", outcome.rows_updated);
  delta.SetMetric("numTargetRowsDeleted", outcome.rows_deleted);
  delta.SetMetric("numTargetRowsCopied", outcome.rows_copied);
  delta.SetMetric("numOutputRows",
                  outcome.rows_inserted + outcome.rows_updated + outcome.rows_copied);
  delta.SetMetric("numTargetFilesAdded", outcome.files_added);
  delta.SetMetric("numTargetFilesRemoved", outcome.files_removed);
  delta.SetMetric("numTargetBytesAdded", outcome.bytes_added);
  delta.SetMetric("numTargetBytesRemoved", outcome.bytes_removed);
  delta.SetMetric("numTargetChangeFilesAdded", outcome.change_files_added);
  delta.SetMetric("numTargetDeletionVectorsAdded", outcome.vectors_added + outcome.vectors_updated);
  delta.SetMetric("numTargetDeletionVectorsRemoved",
                  outcome.vectors_removed + outcome.vectors_updated);
  delta.SetMetric("numTargetDeletionVectorsUpdated", outcome.vectors_updated);
  if (!write.creating()) delta.SetOperation("MERGE", merge_->parameters);
}

namespace {

// INSERT columns in table order, defaults where the statement names none.
void CompleteInsert(duckdb::LogicalMergeInto& op, duckdb::BoundMergeIntoAction& action) {
  if (action.column_index_map.empty()) return;
  duckdb::vector<duckdb::unique_ptr<duckdb::Expression>> complete;
  for (auto& column : op.table.GetColumns().Physical()) {
    const auto mapped = action.column_index_map[column.Physical()];
    if (mapped == duckdb::DConstants::INVALID_INDEX) {
      complete.push_back(op.bound_defaults[column.StorageOid()]->Copy());
    } else {
      complete.push_back(std::move(action.expressions[mapped]));
    }
  }
  action.expressions = std::move(complete);
}

const char* ActionName(MergeActionType action) {
  switch (action) {
    case MergeActionType::MERGE_UPDATE: return "update";
    case MergeActionType::MERGE_DELETE: return "delete";
    default: return "insert";
  }
}

// [{"predicate":"…","actionType":"update"}]
void AddClauseParameter(const duckdb::BoundMergeIntoAction& action, std::string* list) {
  if (list->size() > 1) *list += ",";
  *list += "{";
  if (action.condition) *list += "\"predicate\":" + JsonText(action.condition->ToString()) + ",";
  *list += std::string("\"actionType\":\"") + ActionName(action.action_type) + "\"}";
}

bool ActsOnRows(MergeActionType action) {
  return action == MergeActionType::MERGE_UPDATE || action == MergeActionType::MERGE_DELETE ||
         action == MergeActionType::MERGE_INSERT;
}

// What the plan must know before its clauses are taken apart.
void DescribeMerge(const duckdb::LogicalMergeInto& op, MergePlan* merge) {
  std::map<MergeActionCondition, std::string> lists = {
      {MergeActionCondition::WHEN_MATCHED, "["},
      {MergeActionCondition::WHEN_NOT_MATCHED_BY_TARGET, "["},
      {MergeActionCondition::WHEN_NOT_MATCHED_BY_SOURCE, "["}};
  for (const auto& [condition, actions] : op.actions) {
    for (const auto& action : actions) {
      if (ActsOnRows(action->action_type)) AddClauseParameter(*action, &lists[condition]);
    }
  }
  merge->parameters["matchedPredicates"] =
      JsonText(lists[MergeActionCondition::WHEN_MATCHED] + "]");
  merge->parameters["notMatchedPredicates"] =
      JsonText(lists[MergeActionCondition::WHEN_NOT_MATCHED_BY_TARGET] + "]");
  merge->parameters["notMatchedBySourcePredicates"] =
      JsonText(lists[MergeActionCondition::WHEN_NOT_MATCHED_BY_SOURCE] + "]");
  const auto matched = op.actions.find(MergeActionCondition::WHEN_MATCHED);
  merge->may_touch_rows_twice = matched == op.actions.end() ||
                                (matched->second.size() == 1 && !matched->second[0]->condition &&
                                 matched->second[0]->action_type == MergeActionType::MERGE_DELETE);
}

}  // namespace

duckdb::PhysicalOperator& LakeCatalog::PlanMergeInto(duckdb::ClientContext& context,
                                                     duckdb::PhysicalPlanGenerator& planner,
                                                     duckdb::LogicalMergeInto& op,
                                                     duckdb::PhysicalOperator& plan) {
  auto& table = op.table.Cast<DeltaTableEntry>();
  if (op.return_chunk) {
    throw duckdb::NotImplementedException(
        "MERGE … RETURNING is not supported on Delta tables; SELECT the rows after the MERGE");
  }
  RefuseUnreadableDefaults(table, table.delta_schema());
  auto merge = std::make_shared<MergePlan>();
  merge->table = &table;
  merge->source = &plan;
  DescribeMerge(op, merge.get());
  std::map<MergeActionCondition, duckdb::vector<duckdb::unique_ptr<duckdb::MergeIntoOperator>>>
      clauses;
  for (auto& [condition, actions] : op.actions) {
    auto& planned = clauses[condition];
    for (auto& action : actions) {
      auto clause = duckdb::make_uniq<duckdb::MergeIntoOperator>();
      clause->action_type = action->action_type;
      clause->condition = std::move(action->condition);
      duckdb::vector<duckdb::unique_ptr<duckdb::Expression>> new_row;
      if (action->action_type == MergeActionType::MERGE_INSERT) CompleteInsert(op, *action);
      if (action->action_type == MergeActionType::MERGE_UPDATE) {
        new_row = NewRowExpressions(table, action->columns, action->expressions, op.bound_defaults);
      } else if (action->action_type != MergeActionType::MERGE_DELETE) {
        clause->expressions = std::move(action->expressions);
      }
      if (ActsOnRows(action->action_type)) {
        clause->op =
            planner.Make<LakeMergeClause>(op.types, merge, merge->clauses++, action->action_type,
                                          op.row_id_start, std::move(new_row));
      }
      planned.push_back(std::move(clause));
    }
  }
  auto& result = planner.Make<duckdb::PhysicalMergeInto>(
      op.types, std::move(clauses), op.row_id_start, op.source_marker, true, op.return_chunk);
  result.children.push_back(plan);
  return result;
}

}  // namespace tarn::duck
