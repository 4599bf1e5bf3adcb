#include "dialect/describe_function.h"

#include "dialect/lexer.h"
#include "dialect/type_names.h"
#include "duckdb.hpp"
#include "duckdb/catalog/catalog.hpp"
#include "duckdb/catalog/catalog_entry/table_catalog_entry.hpp"
#include "duckdb/main/extension/extension_loader.hpp"
#include "duckdb/parser/parser.hpp"
#include "duckdb/parser/qualified_name.hpp"
#include "duckdb/parser/statement/select_statement.hpp"
#include "duckdb/parser/tableref/subqueryref.hpp"

namespace tarn::dialect {
namespace {

std::string Row(size_t place, const std::string& name, const std::string& type,
                const duckdb::Value& comment) {
  return "(" + std::to_string(place) + ", " + QuoteString(name) + ", " + QuoteString(type) + ", " +
         (comment.IsNull() ? "CAST(NULL AS VARCHAR)" : QuoteString(comment.ToString())) + ")";
}

std::string TableRows(const duckdb::TableCatalogEntry& table) {
  std::string rows;
  size_t place = 0;
  for (const auto& column : table.GetColumns().Logical()) {
    rows += (place > 0 ? ", " : "") +
            Row(place, column.Name(), SparkTypeName(column.Type().ToString()), column.Comment());
    ++place;
  }
  return "SELECT * FROM (VALUES " + rows + ") AS described(place, col_name, data_type, comment)";
}

// Partition columns come after all others, whatever their number.
std::string PartitionRows(const std::string& name) {
  const std::string argument = QuoteString(name);
  return " UNION ALL SELECT 1000000 + part, heading[part + 1][1], heading[part + 1][2], "
         "heading[part + 1][3] FROM "
         "(SELECT [['# Partition Information', '', ''], ['# col_name', 'data_type', 'comment']] AS "
         "heading, "
         "unnest([0, 1]) AS part FROM delta_detail(" +
         argument +
         ") WHERE len(partitionColumns) > 0) AS headings"
         " UNION ALL SELECT 1000002 + part, col_name, data_type, comment FROM (SELECT "
         "unnest(partitionColumns) AS "
         "partition_name, unnest(range(len(partitionColumns))) AS part FROM delta_detail(" +
         argument + ")) AS partitions JOIN columns ON lower(col_name) = lower(partition_name)";
}

std::string DescribeSql(duckdb::ClientContext& context, const std::string& name) {
  if (name.find('/') != std::string::npos && name.find('"') == std::string::npos) {
    return "SELECT row_number() OVER () AS place, column_name AS col_name, "
           "tarn_spark_type(column_type) AS data_type, "
           "CAST(NULL AS VARCHAR) AS comment FROM (DESCRIBE SELECT * FROM delta_scan(" +
           QuoteString(name) + "))";
  }
  const auto qualified = duckdb::QualifiedName::Parse(name);
  auto& entry = duckdb::Catalog::GetEntry(
      context, qualified.catalog, qualified.schema,
      duckdb::EntryLookupInfo(duckdb::CatalogType::TABLE_ENTRY, qualified.name));
  if (entry.type != duckdb::CatalogType::TABLE_ENTRY) {
    return "SELECT row_number() OVER () AS place, column_name AS col_name, "
           "tarn_spark_type(column_type) AS data_type, "
           "CAST(NULL AS VARCHAR) AS comment FROM (DESCRIBE " +
           qualified.ToString() + ")";
  }
  std::string sql = "WITH columns AS (" + TableRows(entry.Cast<duckdb::TableCatalogEntry>()) +
                    ") SELECT * FROM columns";
  // Only a lake has partition columns to tell; other catalogs describe their columns.
  if (entry.ParentCatalog().GetCatalogType() == "tarn") sql += PartitionRows(name);
  return sql;
}

// The distinct values of the partition columns, one column each.
std::string PartitionsSql(duckdb::ClientContext& context, const std::string& name) {
  const auto qualified = duckdb::QualifiedName::Parse(name);
  auto& entry = duckdb::Catalog::GetEntry(
      context, qualified.catalog, qualified.schema,
      duckdb::EntryLookupInfo(duckdb::CatalogType::TABLE_ENTRY, qualified.name));
  const std::string full = QuoteName(entry.ParentCatalog().GetName()) + "." +
                           QuoteName(entry.ParentSchema().name) + "." + QuoteName(entry.name);
  // Which columns is for delta_detail to say; it is asked on a connection of its own, since a query
  // cannot run inside the binding of another.
  duckdb::Connection connection(*context.db);
  auto detail = connection.Query("SELECT unnest(partitionColumns) FROM delta_detail(" +
                                 QuoteString(full) + ")");
  if (detail->HasError()) detail->ThrowError();
  std::string columns;
  for (duckdb::idx_t row = 0; row < detail->RowCount(); ++row) {
    columns += (row > 0 ? ", " : "") + QuoteName(detail->GetValue(0, row).ToString());
  }
  if (columns.empty()) throw duckdb::InvalidInputException("table %s is not partitioned", name);
  return "SELECT DISTINCT " + columns + " FROM " + full + " ORDER BY ALL";
}

duckdb::unique_ptr<duckdb::TableRef> Replace(duckdb::ClientContext& context,
                                             duckdb::TableFunctionBindInput& input,
                                             std::string (*make_sql)(duckdb::ClientContext&,
                                                                     const std::string&)) {
  if (input.inputs[0].IsNull())
    throw duckdb::BinderException("expected the name of a table, not NULL");
  duckdb::Parser parser(context.GetParserOptions());
  parser.ParseQuery(make_sql(context, input.inputs[0].ToString()));
  auto select = duckdb::unique_ptr_cast<duckdb::SQLStatement, duckdb::SelectStatement>(
      std::move(parser.statements.front()));
  return duckdb::make_uniq<duckdb::SubqueryRef>(std::move(select), "described");
}

duckdb::unique_ptr<duckdb::TableRef> BindDescribe(duckdb::ClientContext& context,
                                                  duckdb::TableFunctionBindInput& input) {
  return Replace(context, input, DescribeSql);
}

duckdb::unique_ptr<duckdb::TableRef> BindPartitions(duckdb::ClientContext& context,
                                                    duckdb::TableFunctionBindInput& input) {
  return Replace(context, input, PartitionsSql);
}

}  // namespace

void RegisterDescribeFunctions(duckdb::ExtensionLoader& loader) {
  duckdb::TableFunction function("tarn_describe", {duckdb::LogicalType::VARCHAR}, nullptr, nullptr);
  function.bind_replace = BindDescribe;
  loader.RegisterFunction(std::move(function));
  duckdb::TableFunction partitions("tarn_partitions", {duckdb::LogicalType::VARCHAR}, nullptr,
                                   nullptr);
  partitions.bind_replace = BindPartitions;
  loader.RegisterFunction(std::move(partitions));
}

}  // namespace tarn::dialect
