#include "transform/run/materialize.h"

#include <algorithm>

#include "dialect/lexer.h"
#include "transform/project/value_json.h"
#include "transform/run/compiler.h"
#include "transform/run/seed.h"
#include "transform/run/streaming.h"

namespace tarn::transform {
namespace {

std::string Joined(const std::vector<std::string>& names, char quote) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : ", ") + QuoteName(name, quote);
  return out;
}

std::string Properties(const Node& node) {
  std::string out;
  for (const char* key : {"tblproperties", "table_properties"}) {
    const Json& properties = Member(node.config, key);
    if (!properties.is_object()) continue;
    for (const auto& [name, value] : properties.items()) {
      const std::string text =
          value.is_boolean() ? (value.get<bool>() ? "true" : "false") : PythonText(value);
      out += (out.empty() ? "" : ", ") + dialect::QuoteString(name) + " = " +
             dialect::QuoteString(text);
    }
  }
  return out;
}

Status DropOtherKind(RunScope& scope, const Relation& relation, const std::string& wanted) {
  TARN_ASSIGN_OR_RETURN(const auto kind, scope.warehouse.KindOf(relation.parts()));
  if (!kind || *kind == wanted) return Status::Ok();
  return scope.warehouse.Drop(relation.parts());
}

std::string Upper(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return text;
}

// What persist_docs asks of a table with these columns; documented columns it lacks are passed over
// with a warning, as dbt does.
std::vector<std::string> DocsStatements(RunScope& scope, const Relation& relation,
                                        const std::vector<engine::Column>& there) {
  const Json& wanted = Member(scope.node.config, "persist_docs");
  const std::string call =
      "CALL tarn_set_comment(" + dialect::QuoteString(relation.LakeName()) + ", ";
  std::vector<std::string> statements;
  if (BoolMember(wanted, "relation", false) && !scope.node.description.empty()) {
    statements.push_back(call + "NULL, " + dialect::QuoteString(scope.node.description) + ")");
  }
  if (!BoolMember(wanted, "columns", false)) return statements;
  std::string absent;
  for (const ColumnInfo& column : scope.node.columns) {
    const auto found = std::find_if(there.begin(), there.end(), [&](const engine::Column& other) {
      return Upper(other.name) == Upper(column.name);
    });
    if (found == there.end()) {
      absent += (absent.empty() ? "" : ", ") + column.name;
    } else if (!column.description.empty()) {
      statements.push_back(call + dialect::QuoteString(found->name) + ", " +
                           dialect::QuoteString(column.description) + ")");
    }
  }
  if (!absent.empty()) {
    scope.Warn("In relation " + relation.Render() + ": The following columns are specified in " +
               "the schema but are not present in the database: " + absent);
  }
  return statements;
}

Status PersistDocs(RunScope& scope, const Relation& relation) {
  TARN_ASSIGN_OR_RETURN(const auto there, scope.warehouse.ColumnsOf(relation));
  for (const std::string& statement : DocsStatements(scope, relation, there)) {
    TARN_RETURN_IF_ERROR(scope.warehouse.session().QueryDuckdb(statement).status());
  }
  return Status::Ok();
}

bool PersistsDocs(const RunScope& scope) {
  const Json& wanted = Member(scope.node.config, "persist_docs");
  return BoolMember(wanted, "relation", false) || BoolMember(wanted, "columns", false);
}

}  // namespace

std::vector<std::string> ColumnNames(const Json& config) {
  if (config.is_object()) return TextList(Member(config, "field"));
  std::vector<std::string> names;
  for (const std::string& part : TextList(config)) {
    // dbt-duckdb takes "a, b" too.
    size_t at = 0;
    while (at <= part.size()) {
      const size_t end = std::min(part.find(',', at), part.size());
      const size_t begin = part.find_first_not_of(' ', at);
      if (begin != std::string::npos && begin < end) {
        names.push_back(part.substr(begin, part.find_last_not_of(' ', end - 1) - begin + 1));
      }
      at = end + 1;
    }
  }
  return names;
}

std::string CreateTableSql(const RunScope& scope, const Relation& relation,
                           const std::string& sql) {
  const Json& config = scope.node.config;
  std::string head = "create or replace table " + relation.Render();
  std::vector<std::string> partitions = ColumnNames(Member(config, "partition_by"));
  if (partitions.empty()) partitions = ColumnNames(Member(config, "partitioned_by"));
  std::vector<std::string> clusters = ColumnNames(Member(config, "cluster_by"));
  if (clusters.empty()) clusters = ColumnNames(Member(config, "liquid_clustered_by"));
  const std::string properties = Properties(scope.node);
  // Delta knows partitions or clustering, not both: with partitions, cluster_by only says how rows
  // are to be sorted when files are rewritten.
  if (!partitions.empty()) clusters.clear();
  if (!partitions.empty() || !clusters.empty() || !properties.empty()) head += " using delta";
  if (!partitions.empty()) head += " partitioned by (" + Joined(partitions, scope.quote()) + ")";
  if (!clusters.empty()) head += " cluster by (" + Joined(clusters, scope.quote()) + ")";
  if (!properties.empty()) head += " tblproperties (" + properties + ")";
  return head + " as\n" + sql;
}

bool IsChainOverridden(const RunScope& scope, const std::string& macro) {
  const MacroLibrary& macros = *scope.context.project.macros;
  if (macros.IsOverridden(macro)) return true;
  return std::any_of(
      macros.prefixes().begin(), macros.prefixes().end(),
      [&](const std::string& prefix) { return macros.IsOverridden(prefix + "__" + macro); });
}

namespace {

Result<ExecutionOutcome> ExecuteWithDocs(RunScope& scope, const std::string& sql, bool docs) {
  if (!docs || !PersistsDocs(scope)) return scope.warehouse.Execute(sql, kCompiledPlace);
  TARN_RETURN_IF_ERROR(scope.warehouse.session().QueryDuckdb("BEGIN").status());
  TARN_ASSIGN_OR_RETURN(const ExecutionOutcome outcome,
                        scope.warehouse.Execute(sql, kCompiledPlace));
  TARN_RETURN_IF_ERROR(PersistDocs(scope, *scope.This()));
  TARN_RETURN_IF_ERROR(scope.warehouse.session().QueryDuckdb("COMMIT").status());
  return outcome;
}

}  // namespace

Result<ExecutionOutcome> RunAnnotated(RunScope& scope, const std::string& sql, bool docs) {
  const std::string table = scope.node.schema + "." + scope.node.alias;
  scope.warehouse.SetDialect(scope.context.DialectOf(scope.node));
  scope.warehouse.Annotate(table, scope.context.CommitText(scope.node));
  if (!sql.empty()) scope.main_sql = sql;
  auto outcome = ExecuteWithDocs(scope, sql, docs);
  scope.warehouse.ClearAnnotation(table);
  if (!outcome.ok() && scope.warehouse.InTransaction()) {
    (void)scope.warehouse.session().QueryDuckdb("ROLLBACK");
  }
  return outcome;
}

Status UpdateDocs(RunScope& scope) {
  if (!PersistsDocs(scope)) return Status::Ok();
  return RunAnnotated(scope, "", true).status();
}

Result<MaterializeOutcome> Ran(const ExecutionOutcome& outcome) {
  MaterializeOutcome result;
  if (outcome.rows) {
    result.response = {{"_message", "OK"}, {"rows_affected", *outcome.rows}};
  }
  return result;
}

bool WantsFullRefresh(const RunScope& scope) {
  return BoolMember(scope.node.config, "full_refresh", scope.context.options.full_refresh);
}

Status CheckContract(RunScope& scope) {
  const Node& node = scope.node;
  if (!BoolMember(Member(node.config, "contract"), "enforced", false)) return Status::Ok();
  TARN_ASSIGN_OR_RETURN(const auto actual,
                        scope.warehouse.ColumnsOfQuery(node.compiled_code, kCompiledPlace));
  std::string wrong;
  const auto note = [&](const std::string& column, const std::string& defined,
                        const std::string& given, const std::string& reason) {
    wrong += "\n    | " + column + " | " + defined + " | " + given + " | " + reason + " |";
  };
  for (const ColumnInfo& column : node.columns) {
    const auto found = std::find_if(actual.begin(), actual.end(), [&](const engine::Column& other) {
      return Upper(other.name) == Upper(column.name);
    });
    if (column.data_type.empty()) {
      note(column.name, "", "", "data_type is missing in the contract");
      continue;
    }
    TARN_ASSIGN_OR_RETURN(
        const auto wanted,
        scope.warehouse.ColumnsOfQuery("select cast(null as " + column.data_type + ") as c",
                                       kCompiledPlace));
    if (found == actual.end()) {
      note(column.name, "", wanted[0].type, "missing in definition");
    } else if (found->type != wanted[0].type) {
      note(column.name, found->type, wanted[0].type, "data type mismatch");
    }
  }
  for (const engine::Column& column : actual) {
    if (std::none_of(node.columns.begin(), node.columns.end(), [&](const ColumnInfo& other) {
          return Upper(other.name) == Upper(column.name);
        })) {
      note(column.name, column.type, "", "missing in contract");
    }
  }
  if (wrong.empty()) return Status::Ok();
  return Status::InvalidArgument(
      "This model has an enforced contract that failed.\n  Please ensure the name, data_type, and "
      "number of columns in your contract match the columns in your model's definition.\n"
      "    | column_name | definition_type | contract_type | mismatch_reason |" +
      wrong);
}

Result<MaterializeOutcome> MaterializeView(RunScope& scope) {
  const auto relation = scope.This();
  TARN_RETURN_IF_ERROR(CheckContract(scope));
  TARN_RETURN_IF_ERROR(DropOtherKind(scope, *relation, "view"));
  std::string sql =
      "create or replace view " + relation->Render() + " as\n" + scope.node.compiled_code;
  if (IsChainOverridden(scope, "create_view_as")) {
    TARN_ASSIGN_OR_RETURN(
        const jinja::Value made,
        scope.CallMacro("create_view_as", {jinja::Value(relation), scope.node.compiled_code}));
    sql = made.Str();
  }
  TARN_ASSIGN_OR_RETURN(const ExecutionOutcome outcome, RunAnnotated(scope, sql));
  return Ran(outcome);
}

Result<MaterializeOutcome> MaterializeTable(RunScope& scope) {
  const auto relation = scope.This();
  TARN_RETURN_IF_ERROR(CheckContract(scope));
  TARN_RETURN_IF_ERROR(DropOtherKind(scope, *relation, "table"));
  std::string sql = CreateTableSql(scope, *relation, scope.node.compiled_code);
  const bool own = IsChainOverridden(scope, "create_table_as");
  if (own) {
    TARN_ASSIGN_OR_RETURN(
        const jinja::Value made,
        scope.CallMacro("get_create_table_as_sql",
                        {jinja::Value(false), jinja::Value(relation), scope.node.compiled_code}));
    sql = made.Str();
  }
  TARN_ASSIGN_OR_RETURN(const ExecutionOutcome outcome, RunAnnotated(scope, sql, !own));
  if (own) TARN_RETURN_IF_ERROR(UpdateDocs(scope));
  return Ran(outcome);
}

Result<MaterializeOutcome> MaterializeSeed(RunScope& scope) {
  const auto relation = scope.This();
  TARN_RETURN_IF_ERROR(DropOtherKind(scope, *relation, "table"));
  size_t rows = 0;
  TARN_ASSIGN_OR_RETURN(const std::string query, SeedQuery(scope.node, &rows));
  // Types of seeds are DuckDB's whatever the project's dialect; read_csv is too.
  const std::string table = scope.node.schema + "." + scope.node.alias;
  scope.warehouse.SetDialect(dialect::SqlDialect::kDuckdb);
  scope.warehouse.Annotate(table, scope.context.CommitText(scope.node));
  const auto made = scope.warehouse.Execute(CreateTableSql(scope, *scope.This(), query),
                                            scope.node.original_file_path);
  scope.warehouse.ClearAnnotation(table);
  if (!made.ok()) return made.status();
  TARN_RETURN_IF_ERROR(UpdateDocs(scope));
  MaterializeOutcome outcome;
  const std::string word = WantsFullRefresh(scope) ? "CREATE " : "INSERT ";
  outcome.message = word + std::to_string(rows);
  outcome.response = {
      {"_message", outcome.message}, {"code", word.substr(0, 6)}, {"rows_affected", rows}};
  return outcome;
}

Result<MaterializeOutcome> MaterializeByMacro(RunScope& scope, const Macro& macro) {
  TARN_RETURN_IF_ERROR(CheckContract(scope));
  const DbtNames& names = *scope.context.project.names;
  jinja::Session session(names.environment(), names.For(scope, scope.context.project.macros.get()));
  session.host = &scope;
  jinja::CallArgs args(session);
  const std::string table = scope.node.schema + "." + scope.node.alias;
  scope.warehouse.SetDialect(scope.context.DialectOf(scope.node));
  scope.warehouse.Annotate(table, scope.context.CommitText(scope.node));
  scope.transactional = scope.context.project.target.type == "duckdb";
  const auto made = MacroLibrary::Call(macro, args);
  scope.RollBack();
  scope.warehouse.ClearAnnotation(table);
  if (!made.ok()) {
    return session.error().line > 0 ? Status(made.status().code(), session.error().Describe())
                                    : made.status();
  }
  if (!scope.results.contains("main")) {
    return Status::InvalidArgument("main is not being called during running model " +
                                   scope.node.unique_id + ": materialization " + macro.info.name +
                                   " (" + macro.info.original_file_path +
                                   ") must run statement('main')");
  }
  return MaterializeOutcome{};
}

const Macro* OwnMaterialization(const RunScope& scope) {
  const Macro* macro = scope.context.project.macros->FindMaterialization(scope.node.Materialized(),
                                                                         scope.node.package_name);
  return macro != nullptr && macro->info.package_name != kBuiltinPackage ? macro : nullptr;
}

Result<MaterializeOutcome> Materialize(RunScope& scope) {
  const Node& node = scope.node;
  const std::string kind = node.Materialized();
  if (const Macro* own = OwnMaterialization(scope)) return MaterializeByMacro(scope, *own);
  const Macro* macro = scope.context.project.macros->FindMaterialization(kind, node.package_name);
  if (kind == "view") return MaterializeView(scope);
  if (kind == "table" || kind == "external") return MaterializeTable(scope);
  if (kind == "materialized_view") return MaterializeTable(scope);
  if (kind == "incremental") return MaterializeIncremental(scope);
  if (kind == "streaming") return MaterializeStreaming(scope);
  if (kind == "snapshot") return MaterializeSnapshot(scope);
  if (kind == "seed") return MaterializeSeed(scope);
  if (macro != nullptr) return MaterializeByMacro(scope, *macro);
  return Status::InvalidArgument("No materialization '" + kind + "' was found for adapter " +
                                 scope.context.project.target.type + " (" +
                                 node.original_file_path +
                                 "); there are view, table, incremental, ephemeral, and those the "
                                 "project defines");
}

}  // namespace tarn::transform
