#include "engine/record_functions.h"

#include "codec/csv.h"
#include "duckdb.hpp"
#include "duckdb/common/exception.hpp"
#include "duckdb/common/types/vector.hpp"
#include "duckdb/function/scalar_function.hpp"
#include "duckdb/main/extension/extension_loader.hpp"
#include "utf8proc_wrapper.hpp"

namespace tarn::engine {
namespace {

using duckdb::LogicalType;
using duckdb::string_t;

char OneCharacter(duckdb::DataChunk& arguments, size_t column, size_t row, char fallback) {
  if (column >= arguments.ColumnCount()) return fallback;
  const duckdb::Value value = arguments.GetValue(column, row);
  if (value.IsNull()) return fallback;
  const std::string text = value.ToString();
  if (text.empty()) return '\0';
  if (text.size() != 1) {
    throw duckdb::InvalidInputException("csv_fields: '" + text + "' is not one ASCII character");
  }
  return text[0];
}

void CsvFields(duckdb::DataChunk& arguments, duckdb::ExpressionState&, duckdb::Vector& result) {
  const size_t count = arguments.size();
  duckdb::UnifiedVectorFormat records;
  arguments.data[0].ToUnifiedFormat(count, records);
  const auto* data = duckdb::UnifiedVectorFormat::GetData<string_t>(records);
  result.SetVectorType(duckdb::VectorType::FLAT_VECTOR);
  auto* entries = duckdb::FlatVector::GetData<duckdb::list_entry_t>(result);
  size_t total = 0;
  for (size_t row = 0; row < count; ++row) {
    const auto at = records.sel->get_index(row);
    entries[row] = {total, 0};
    if (!records.validity.RowIsValid(at) ||
        !duckdb::Utf8Proc::IsValid(data[at].GetData(), data[at].GetSize())) {
      duckdb::FlatVector::SetNull(result, row, true);
      continue;
    }
    const auto fields = codec::ParseCsvRecord({data[at].GetData(), data[at].GetSize()},
                                              OneCharacter(arguments, 1, row, ','),
                                              OneCharacter(arguments, 2, row, '"'));
    duckdb::ListVector::Reserve(result, total + fields.size());
    auto& child = duckdb::ListVector::GetEntry(result);
    auto* texts = duckdb::FlatVector::GetData<string_t>(child);
    for (const std::string& field : fields) {
      texts[total++] = duckdb::StringVector::AddString(child, field);
    }
    entries[row].length = fields.size();
  }
  duckdb::ListVector::SetListSize(result, total);
  if (arguments.AllConstant()) result.SetVectorType(duckdb::VectorType::CONSTANT_VECTOR);
}

}  // namespace

void RegisterRecordFunctions(duckdb::DatabaseInstance& database) {
  duckdb::ExtensionLoader loader(database, "tarn_records");
  duckdb::ScalarFunctionSet set("csv_fields");
  for (const auto& record : {LogicalType::VARCHAR, LogicalType::BLOB}) {
    duckdb::vector<LogicalType> arguments{record};
    for (int extra = 0; extra < 3; ++extra) {
      duckdb::ScalarFunction function(arguments, LogicalType::LIST(LogicalType::VARCHAR),
                                      CsvFields);
      function.null_handling = duckdb::FunctionNullHandling::SPECIAL_HANDLING;
      set.AddFunction(function);
      arguments.push_back(LogicalType::VARCHAR);
    }
  }
  loader.RegisterFunction(set);
  RegisterAvroFunction(database);
  RegisterDecodeFunction(database);
}

}  // namespace tarn::engine
