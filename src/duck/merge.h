// MERGE INTO over Delta tables: DuckDB's PhysicalMergeInto decides per joined row which clause
// acts; the clauses' operators here share one TableWrite, so that all of them become one set of
// files, one file of deletion vectors and one commit.
//
// As in Spark, a target row that several source rows want to change is an error, unless the only
// WHEN MATCHED clause is an unconditional DELETE.
#pragma once

#include <memory>

#include "duck/update.h"

namespace tarn::duck {

// What the clauses of one MERGE share: the plan's part, and the state of the execution under way.
struct MergePlan {
  DeltaTableEntry* table = nullptr;
  duckdb::optional_ptr<const duckdb::PhysicalOperator> source;  // the join
  bool may_touch_rows_twice = false;
  size_t clauses = 0;
  delta::StringMap parameters;            // of the commit
  std::shared_ptr<TableWrite> execution;  // made by the first clause, finished by the last
};

class LakeMergeClause final : public duckdb::PhysicalOperator {
 public:
  // `expressions`: new rows for UPDATE, empty for DELETE and INSERT (whose chunks are the rows).
  LakeMergeClause(duckdb::PhysicalPlan& plan, duckdb::vector<duckdb::LogicalType> types,
                  std::shared_ptr<MergePlan> merge, size_t position, duckdb::MergeActionType action,
                  duckdb::idx_t row_id_start,
                  duckdb::vector<duckdb::unique_ptr<duckdb::Expression>> expressions);
  duckdb::string GetName() const override { return "DELTA_MERGE_CLAUSE"; }
  bool IsSource() const override { return true; }
  bool IsSink() const override { return true; }
  bool ParallelSink() const override { return true; }
  duckdb::unique_ptr<duckdb::GlobalSinkState> GetGlobalSinkState(
      duckdb::ClientContext& context) const override;
  duckdb::unique_ptr<duckdb::LocalSinkState> GetLocalSinkState(
      duckdb::ExecutionContext& context) const override;
  duckdb::SinkResultType Sink(duckdb::ExecutionContext& context, duckdb::DataChunk& chunk,
                              duckdb::OperatorSinkInput& input) const override;
  duckdb::SinkCombineResultType Combine(duckdb::ExecutionContext& context,
                                        duckdb::OperatorSinkCombineInput& input) const override;
  duckdb::SinkFinalizeType Finalize(duckdb::Pipeline& pipeline, duckdb::Event& event,
                                    duckdb::ClientContext& context,
                                    duckdb::OperatorSinkFinalizeInput& input) const override;

 private:
  void Report(TableWrite& write, const WriteOutcome& outcome) const;

  std::shared_ptr<MergePlan> merge_;
  size_t position_;
  duckdb::MergeActionType action_;
  duckdb::idx_t row_id_start_;
  duckdb::vector<duckdb::unique_ptr<duckdb::Expression>> expressions_;
};

}  // namespace tarn::duck
