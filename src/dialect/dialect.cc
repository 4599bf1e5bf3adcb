#include "dialect/dialect.h"

#include "dialect/describe_function.h"
#include "dialect/expression_rewrite.h"
#include "dialect/functions.h"
#include "dialect/statement.h"
#include "dialect/type_names.h"
#include "duckdb.hpp"
#include "duckdb/main/extension/extension_loader.hpp"
#include "duckdb/parser/parser.hpp"

namespace tarn::dialect {
namespace {

// Parses an expression in DuckDB's words and gives it Spark's meaning.
Result<std::string> FinishSparkExpression(const std::string& sql) {
  try {
    auto expressions = duckdb::Parser::ParseExpressionList(sql);
    if (expressions.size() != 1) return Status::InvalidArgument("expected one expression");
    RewriteSparkExpression(expressions.front());
    return expressions.front()->ToString();
  } catch (const std::exception& exception) {
    return Status::InvalidArgument(duckdb::ErrorData(exception).RawMessage());
  }
}

const ExpressionFinisher& FinisherOf(SqlDialect dialect) {
  static const ExpressionFinisher kSpark = FinishSparkExpression;
  static const ExpressionFinisher kNone;
  return dialect == SqlDialect::kSpark ? kSpark : kNone;
}

void SparkTypeFunction(duckdb::DataChunk& arguments, duckdb::ExpressionState& state,
                       duckdb::Vector& result) {
  duckdb::UnaryExecutor::Execute<duckdb::string_t, duckdb::string_t>(
      arguments.data[0], result, arguments.size(), [&](duckdb::string_t type) {
        return duckdb::StringVector::AddString(result, SparkTypeName(type.GetString()));
      });
}

}  // namespace

Result<std::vector<TranslatedStatement>> Translate(std::string_view sql, SqlDialect dialect,
                                                   const TranslateContext& context) {
  return TranslateText(sql, dialect, context, FinisherOf(dialect));
}

Result<std::string> TranslateExpression(std::string_view sql, SqlDialect dialect,
                                        const TranslateContext& context) {
  TARN_ASSIGN_OR_RETURN(std::string text, TranslateExpressionText(sql, dialect, context));
  const ExpressionFinisher& finish = FinisherOf(dialect);
  if (!finish) return text;
  Result<std::string> finished = finish(text);
  if (!finished.ok()) {
    return Status::InvalidArgument(PlacedMessage(context, sql, 0, finished.status().message()));
  }
  return finished;
}

void RegisterDialect(duckdb::DatabaseInstance& database) {
  RegisterSparkFunctions(database);
  duckdb::ExtensionLoader loader(database, "tarn_dialect");
  RegisterDescribeFunctions(loader);
  loader.RegisterFunction(duckdb::ScalarFunction("tarn_spark_type", {duckdb::LogicalType::VARCHAR},
                                                 duckdb::LogicalType::VARCHAR, SparkTypeFunction));
}

}  // namespace tarn::dialect
