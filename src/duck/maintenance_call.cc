#include "duck/maintenance_call.h"

#include <utility>

#include "duck/delta_table_entry.h"
#include "duck/lake_catalog.h"
#include "duckdb/function/table_function.hpp"
#include "duckdb/main/attached_database.hpp"

namespace tarn::duck {

using duckdb::LogicalType;
using duckdb::Value;

namespace {

struct CallInfo : public duckdb::TableFunctionInfo {
  std::string name;
  size_t arguments = 0;
  std::vector<MaintenanceColumn> columns;
  MaintenanceWork work;
};

struct CallData : public duckdb::TableFunctionData {
  const CallInfo* info = nullptr;  // owned by the function, which outlives every plan
  std::string table;
  duckdb::vector<Value> arguments;
};

struct CallState : public duckdb::GlobalTableFunctionState {
  std::vector<MaintenanceRow> rows;
  size_t next = 0;
  bool done = false;
  std::atomic<double> progress{0};
};

duckdb::unique_ptr<duckdb::FunctionData> Bind(duckdb::ClientContext&,
                                              duckdb::TableFunctionBindInput& input,
                                              duckdb::vector<LogicalType>& types,
                                              duckdb::vector<duckdb::string>& names) {
  auto data = duckdb::make_uniq<CallData>();
  data->info = &input.info->Cast<CallInfo>();
  if (input.inputs.empty() || input.inputs[0].IsNull()) {
    throw duckdb::BinderException("the first argument of %s is the table's name, not NULL",
                                  data->info->name);
  }
  data->table = input.inputs[0].ToString();
  data->arguments.assign(input.inputs.begin() + 1, input.inputs.end());
  data->arguments.resize(data->info->arguments);
  for (const auto& column : data->info->columns) {
    names.push_back(column.name);
    types.push_back(column.type);
  }
  return data;
}

duckdb::unique_ptr<duckdb::GlobalTableFunctionState> Init(duckdb::ClientContext&,
                                                          duckdb::TableFunctionInitInput&) {
  return duckdb::make_uniq<CallState>();
}

void Run(duckdb::ClientContext& context, duckdb::TableFunctionInput& input,
         duckdb::DataChunk& output) {
  auto& state = input.global_state->Cast<CallState>();
  const auto& data = input.bind_data->Cast<CallData>();
  if (!state.done) {
    state.done = true;
    if (!context.transaction.IsAutoCommit()) {
      throw duckdb::TransactionException(
          "%s commits by itself and cannot run inside a transaction; COMMIT or ROLLBACK first",
          data.info->name);
    }
    const MaintenanceCall call{context, data.table, data.arguments,
                               [&state](double share) { state.progress = share; }};
    state.rows = data.info->work(call);
  }
  duckdb::idx_t count = 0;
  while (state.next < state.rows.size() && count < STANDARD_VECTOR_SIZE) {
    const MaintenanceRow& row = state.rows[state.next++];
    for (size_t column = 0; column < row.size(); ++column) {
      output.SetValue(column, count, row[column]);
    }
    ++count;
  }
  output.SetCardinality(count);
}

double Progress(duckdb::ClientContext&, const duckdb::FunctionData*,
                const duckdb::GlobalTableFunctionState* state) {
  return state == nullptr ? 0 : 100.0 * state->Cast<CallState>().progress.load();
}

}  // namespace

std::vector<std::string> MaintenanceCall::List(size_t i) const {
  std::vector<std::string> out;
  if (arguments[i].IsNull()) return out;
  for (const Value& item : duckdb::ListValue::GetChildren(arguments[i])) {
    out.push_back(item.ToString());
  }
  return out;
}

NamedTable MaintenanceCall::Target() const {
  NamedTable out = LookupTable(context, table);
  if (out.entry && out.entry->ParentCatalog().GetAttached().IsReadOnly()) {
    throw duckdb::InvalidInputException("lake %s is attached read-only",
                                        out.entry->ParentCatalog().GetDBPath());
  }
  return out;
}

void RegisterMaintenance(duckdb::ExtensionLoader& loader, const std::string& name,
                         const duckdb::vector<LogicalType>& arguments, size_t optional,
                         std::vector<MaintenanceColumn> columns, MaintenanceWork work) {
  auto info = duckdb::make_shared_ptr<CallInfo>();
  info->name = name;
  info->arguments = arguments.size();
  info->columns = std::move(columns);
  info->work = std::move(work);
  duckdb::TableFunctionSet set(name);
  for (size_t left_out = 0; left_out <= optional; ++left_out) {
    duckdb::vector<LogicalType> types{LogicalType::VARCHAR};
    types.insert(types.end(), arguments.begin(),
                 arguments.end() - static_cast<std::ptrdiff_t>(left_out));
    duckdb::TableFunction function(std::move(types), Run, Bind, Init);
    function.name = name;
    function.function_info = info;
    function.table_scan_progress = Progress;
    set.AddFunction(std::move(function));
  }
  loader.RegisterFunction(std::move(set));
}

std::string LocationOf(const NamedTable& table) {
  return table.table->environment().store->EnginePath(table.table->root());
}

}  // namespace tarn::duck
