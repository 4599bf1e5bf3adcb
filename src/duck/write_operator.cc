#include "duck/write_operator.h"

#include "duck/delta_scan.h"
#include "duckdb/execution/operator/scan/physical_table_scan.hpp"

namespace tarn::duck {

duckdb::unique_ptr<duckdb::LocalSinkState> WriteOperator::GetLocalSinkState(
    duckdb::ExecutionContext& context) const {
  auto state = duckdb::make_uniq<WriteLocalState>();
  state->local = sink_state->Cast<WriteSinkState>().write->MakeLocal();
  return state;
}

duckdb::SinkCombineResultType WriteOperator::Combine(
    duckdb::ExecutionContext& context, duckdb::OperatorSinkCombineInput& input) const {
  auto& write = *input.global_state.Cast<WriteSinkState>().write;
  write.Combine(context, *input.local_state.Cast<WriteLocalState>().local);
  return duckdb::SinkCombineResultType::FINISHED;
}

duckdb::SinkFinalizeType WriteOperator::Finalize(duckdb::Pipeline& pipeline, duckdb::Event& event,
                                                 duckdb::ClientContext& context,
                                                 duckdb::OperatorSinkFinalizeInput& input) const {
  auto& state = input.global_state.Cast<WriteSinkState>();
  BeforeFinish(context, *state.write);
  const WriteOutcome outcome = state.write->Finish(context);
  state.count = Report(*state.write, outcome);
  state.write.reset();
  return duckdb::SinkFinalizeType::READY;
}

duckdb::SourceResultType WriteOperator::GetDataInternal(duckdb::ExecutionContext& context,
                                                        duckdb::DataChunk& chunk,
                                                        duckdb::OperatorSourceInput& input) const {
  chunk.SetCardinality(1);
  chunk.SetValue(0, 0, duckdb::Value::BIGINT(sink_state->Cast<WriteSinkState>().count));
  return duckdb::SourceResultType::FINISHED;
}

duckdb::InsertionOrderPreservingMap<duckdb::string> WriteOperator::ParamsToString() const {
  duckdb::InsertionOrderPreservingMap<duckdb::string> result;
  result["Table Name"] = TableName();
  return result;
}

namespace {

template <typename Visit>
void ForEachScanOf(const duckdb::PhysicalOperator& plan, const delta::Table* table,
                   const Visit& visit) {
  if (plan.type == duckdb::PhysicalOperatorType::TABLE_SCAN) {
    const auto& scan = plan.Cast<duckdb::PhysicalTableScan>();
    if (scan.function.name == "delta_scan" && scan.bind_data) {
      const auto& list =
          scan.bind_data->Cast<duckdb::MultiFileBindData>().file_list->Cast<DeltaFileList>();
      if (list.info().table.get() == table) visit(list);
    }
  }
  for (const auto& child : plan.GetChildren()) ForEachScanOf(child.get(), table, visit);
}

bool SaysNothing(const delta::Predicate& predicate) {
  return predicate.kind == delta::PredicateKind::kTrue ||
         predicate.kind == delta::PredicateKind::kUnknown;
}

}  // namespace

void RecordReads(const duckdb::PhysicalOperator& plan, TableWrite& write, bool must_read) {
  bool found = false;
  ForEachScanOf(plan, write.target().table.get(), [&](const DeltaFileList& list) {
    found = true;
    if (SaysNothing(list.predicate())) {
      write.delta().ReadWholeTable();
    } else {
      write.delta().ReadWhere(list.predicate());
    }
  });
  if (must_read && !found) write.delta().ReadWholeTable();
}

std::string ReadPredicateParameter(const duckdb::PhysicalOperator& plan, const TableWrite& write) {
  std::string text;
  ForEachScanOf(plan, write.target().table.get(), [&](const DeltaFileList& list) {
    if (text.empty() && !SaysNothing(list.predicate())) text = list.predicate().ToString();
  });
  return JsonText(text.empty() ? "[\"true\"]" : "[" + JsonText(text) + "]");
}

void ReportRowChange(const duckdb::PhysicalOperator& plan, TableWrite& write,
                     const WriteOutcome& outcome, const char* operation) {
  auto& delta = write.delta();
  delta.SetMetric("numCopiedRows", outcome.rows_copied);
  delta.SetMetric("numAddedFiles", outcome.files_added);
  delta.SetMetric("numRemovedFiles", outcome.files_removed);
  delta.SetMetric("numAddedBytes", outcome.bytes_added);
  delta.SetMetric("numRemovedBytes", outcome.bytes_removed);
  delta.SetMetric("numAddedChangeFiles", outcome.change_files_added);
  delta.SetMetric("numDeletionVectorsAdded", outcome.vectors_added + outcome.vectors_updated);
  delta.SetMetric("numDeletionVectorsRemoved", outcome.vectors_removed + outcome.vectors_updated);
  delta.SetMetric("numDeletionVectorsUpdated", outcome.vectors_updated);
  if (write.creating()) return;
  delta.SetOperation(operation, {{"predicate", ReadPredicateParameter(plan, write)}});
}

}  // namespace tarn::duck
