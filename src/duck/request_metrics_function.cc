// tarn_request_metrics(): what this process asked of object stores so far, a row per kind of
// request.
#include <utility>

#include "duck/extension.h"
#include "duck/functions.h"
#include "duckdb/function/table_function.hpp"
#include "store/request_metrics.h"

namespace tarn::duck {
namespace {

using duckdb::LogicalType;
using duckdb::Value;
using store::RequestMetrics;

struct MetricsState final : public duckdb::GlobalTableFunctionState {
  std::vector<RequestMetrics::Row> rows;
  size_t next = 0;
};

duckdb::unique_ptr<duckdb::FunctionData> Bind(duckdb::ClientContext&,
                                              duckdb::TableFunctionBindInput&,
                                              duckdb::vector<LogicalType>& types,
                                              duckdb::vector<duckdb::string>& names) {
  const auto column = [&](const char* name, LogicalType type) {
    names.emplace_back(name);
    types.push_back(std::move(type));
  };
  column("request", LogicalType::VARCHAR);
  column("requests", LogicalType::BIGINT);
  column("failures", LogicalType::BIGINT);
  column("retries", LogicalType::BIGINT);
  column("retries_by_reason", LogicalType::MAP(LogicalType::VARCHAR, LogicalType::BIGINT));
  column("bytes_sent", LogicalType::BIGINT);
  column("bytes_received", LogicalType::BIGINT);
  column("p50_ms", LogicalType::BIGINT);
  column("p99_ms", LogicalType::BIGINT);
  column("max_ms", LogicalType::BIGINT);
  // Upper bound in ms (of the last one: the largest BIGINT) -> attempts.
  column("latency_histogram", LogicalType::MAP(LogicalType::BIGINT, LogicalType::BIGINT));
  return duckdb::make_uniq<duckdb::TableFunctionData>();
}

// Counters are read when rows are wanted, not when the statement is bound.
duckdb::unique_ptr<duckdb::GlobalTableFunctionState> Init(duckdb::ClientContext& context,
                                                          duckdb::TableFunctionInitInput&) {
  auto state = duckdb::make_uniq<MetricsState>();
  const auto& opener = ExtensionState::Get(context).opener();
  if (opener && opener->metrics()) state->rows = opener->metrics()->Snapshot();
  return state;
}

Value Count(uint64_t number) { return Value::BIGINT(static_cast<int64_t>(number)); }

Value Reasons(const RequestMetrics::Row& row) {
  duckdb::vector<Value> keys;
  duckdb::vector<Value> values;
  for (size_t i = 0; i < row.retries.size(); ++i) {
    if (row.retries[i] == 0) continue;
    keys.emplace_back(store::RetryReasonName(static_cast<store::RetryReason>(i)));
    values.push_back(Count(row.retries[i]));
  }
  return Value::MAP(LogicalType::VARCHAR, LogicalType::BIGINT, std::move(keys), std::move(values));
}

Value Histogram(const RequestMetrics::Row& row) {
  duckdb::vector<Value> keys;
  duckdb::vector<Value> values;
  for (size_t i = 0; i < row.latency.size(); ++i) {
    if (row.latency[i] == 0) continue;
    keys.push_back(Value::BIGINT(RequestMetrics::BucketLimitMillis(i)));
    values.push_back(Count(row.latency[i]));
  }
  return Value::MAP(LogicalType::BIGINT, LogicalType::BIGINT, std::move(keys), std::move(values));
}

void Emit(duckdb::ClientContext&, duckdb::TableFunctionInput& input, duckdb::DataChunk& output) {
  auto& state = input.global_state->Cast<MetricsState>();
  duckdb::idx_t count = 0;
  for (; state.next < state.rows.size() && count < STANDARD_VECTOR_SIZE; ++state.next, ++count) {
    const RequestMetrics::Row& row = state.rows[state.next];
    uint64_t retries = 0;
    for (const uint64_t reason : row.retries) retries += reason;
    const Value values[] = {Value(store::RequestKindName(row.kind)),
                            Count(row.requests),
                            Count(row.failures),
                            Count(retries),
                            Reasons(row),
                            Count(row.bytes_sent),
                            Count(row.bytes_received),
                            Value::BIGINT(row.QuantileMillis(0.5)),
                            Value::BIGINT(row.QuantileMillis(0.99)),
                            Value::BIGINT(row.longest_micros / 1000),
                            Histogram(row)};
    duckdb::idx_t column = 0;
    for (const Value& value : values) output.SetValue(column++, count, value);
  }
  output.SetCardinality(count);
}

}  // namespace

void RegisterRequestMetrics(duckdb::ExtensionLoader& loader) {
  loader.RegisterFunction(duckdb::TableFunction("tarn_request_metrics", {}, Emit, Bind, Init));
}

}  // namespace tarn::duck
