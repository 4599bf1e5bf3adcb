// What the parsed statement needs beyond DuckDB's grammar: the receiving end of the `tarn.*`
// options that WriteTableOptions (statement_table.cc) makes.

#include "dialect/dialect.h"
#include "duckdb/common/string_util.hpp"
#include "duckdb/parser/expression/constant_expression.hpp"
#include "duckdb/parser/parsed_data/create_table_info.hpp"
#include "duckdb/parser/parsed_data/create_view_info.hpp"
#include "duckdb/parser/statement/create_statement.hpp"

namespace tarn::dialect {
namespace {

using duckdb::StringUtil;

bool IsText(const duckdb::ParsedExpression& expression) {
  return expression.GetExpressionClass() == duckdb::ExpressionClass::CONSTANT &&
         expression.Cast<duckdb::ConstantExpression>().value.type().id() ==
             duckdb::LogicalTypeId::VARCHAR;
}

std::string TextOf(const duckdb::ParsedExpression& expression) {
  return expression.Cast<duckdb::ConstantExpression>().value.ToString();
}

void CompleteTable(duckdb::CreateTableInfo& table) {
  const std::string prefix = "tarn.";
  duckdb::vector<std::pair<std::string, std::string>> own;
  for (const auto& option : table.options) {
    const std::string key = StringUtil::Lower(option.first);
    // Defaults, generated and identity columns, and properties of Tarn's own, go on to whoever
    // creates the table.
    const bool comment =
        StringUtil::StartsWith(key, prefix + "column.") && StringUtil::EndsWith(key, ".comment");
    const bool mine = comment || key == prefix + "comment" || key == prefix + "property_names";
    if (mine && IsText(*option.second)) {
      own.emplace_back(StringUtil::Lower(option.first), TextOf(*option.second));
    }
  }
  for (const auto& [key, text] : own) {
    table.options.erase(key);
    if (key == "tarn.comment") {
      table.comment = duckdb::Value(text);
    } else if (key == "tarn.property_names") {
      for (const auto& name : StringUtil::Split(text, '\n')) {
        auto found = table.options.find(name);
        if (found == table.options.end()) continue;
        auto value = std::move(found->second);
        table.options.erase(found);
        table.options.emplace(name, std::move(value));
      }
    } else {
      for (auto& column : table.columns.Logical()) {
        if (key != "tarn.column." + StringUtil::Lower(column.Name()) + ".comment") continue;
        table.columns.GetColumnMutable(column.Logical()).SetComment(duckdb::Value(text));
      }
    }
  }
}

}  // namespace

void CompleteStatement(duckdb::SQLStatement& statement, std::string_view source_text) {
  // With its text at hand DuckDB ends a message with "LINE 1: …" of SQL the user never wrote;
  // without, the error carries the position, which leads back to the source.
  statement.query.clear();
  statement.stmt_length = 0;
  if (statement.type != duckdb::StatementType::CREATE_STATEMENT) return;
  auto& info = *statement.Cast<duckdb::CreateStatement>().info;
  if (info.type == duckdb::CatalogType::TABLE_ENTRY) {
    CompleteTable(info.Cast<duckdb::CreateTableInfo>());
  } else if (info.type == duckdb::CatalogType::VIEW_ENTRY) {
    info.sql = std::string(source_text);
  }
}

}  // namespace tarn::dialect
