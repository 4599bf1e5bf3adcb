// adapter.<name>(…): what macros of packages and custom materializations ask of a database.
#include <algorithm>
#include <functional>
#include <map>

#include "jinja/error.h"
#include "transform/project/value_json.h"
#include "transform/run/compiler.h"
#include "transform/run/run_scope.h"

namespace tarn::transform {
namespace {

using jinja::CallArgs;
using jinja::Value;

std::string TextOf(const Value* value) {
  return value == nullptr || value->is_none() || value->is_undefined() ? "" : value->Str();
}

std::string Lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

Result<Relation*> RelationArgument(CallArgs& args, size_t index, std::string_view name) {
  const Value* value = args.Find(index, name);
  Relation* relation = value == nullptr ? nullptr : value->As<Relation>();
  if (relation == nullptr) {
    return jinja::TypeError("argument '" + std::string(name) + "' must be a relation, got " +
                            (value == nullptr ? "nothing" : value->Repr()));
  }
  return relation;
}

Value ColumnValues(const RunScope& scope, const std::vector<engine::Column>& columns) {
  jinja::ValueList list;
  for (const engine::Column& column : columns) {
    list.push_back(Value(jinja::MakeRef<ColumnObject>(column.name, column.type, scope.quote())));
  }
  return Value::List(std::move(list));
}

Result<Value> GetRelation(RunScope& scope, CallArgs& args) {
  Relation::Parts parts;
  parts.database = TextOf(args.Find(0, "database"));
  parts.schema = TextOf(args.Find(1, "schema"));
  parts.identifier = TextOf(args.Find(2, "identifier"));
  parts.quote = scope.quote();
  TARN_ASSIGN_OR_RETURN(const auto kind, scope.warehouse.KindOf(parts));
  if (!kind) return Value::None();
  parts.type = *kind;
  if (parts.database.empty()) parts.database = scope.node.database;
  return Value(jinja::MakeRef<Relation>(std::move(parts)));
}

Result<Value> GetColumns(RunScope& scope, CallArgs& args) {
  TARN_ASSIGN_OR_RETURN(const Relation* relation, RelationArgument(args, 0, "relation"));
  if (relation->parts().verbatim.empty()) {
    TARN_ASSIGN_OR_RETURN(const auto kind, scope.warehouse.KindOf(relation->parts()));
    if (!kind) return Value::List();
  }
  TARN_ASSIGN_OR_RETURN(const auto columns, scope.warehouse.ColumnsOf(*relation));
  return ColumnValues(scope, columns);
}

Result<Value> GetMissingColumns(RunScope& scope, CallArgs& args) {
  TARN_ASSIGN_OR_RETURN(const Relation* from, RelationArgument(args, 0, "from_relation"));
  TARN_ASSIGN_OR_RETURN(const Relation* to, RelationArgument(args, 1, "to_relation"));
  TARN_ASSIGN_OR_RETURN(auto columns, scope.warehouse.ColumnsOf(*from));
  TARN_ASSIGN_OR_RETURN(const auto there, scope.warehouse.ColumnsOf(*to));
  std::erase_if(columns, [&](const engine::Column& column) {
    return std::any_of(there.begin(), there.end(), [&](const engine::Column& other) {
      return Lower(other.name) == Lower(column.name);
    });
  });
  return ColumnValues(scope, columns);
}

Result<Value> ExecuteSql(RunScope& scope, CallArgs& args) {
  const std::string sql = TextOf(args.Find(0, "sql"));
  const Value* fetch = args.Find(2, "fetch");
  const Value* begin = args.Find(1, "auto_begin");
  if (scope.transactional && begin != nullptr && begin->Truthy() &&
      !scope.warehouse.InTransaction()) {
    TARN_RETURN_IF_ERROR(scope.warehouse.session().QueryDuckdb("BEGIN").status());
  }
  TARN_ASSIGN_OR_RETURN(const ExecutionOutcome outcome, scope.Execute(sql));
  const Value response =
      Value::MakeDict({{"_message", Value("OK")},
                       {"code", Value(outcome.kind)},
                       {"rows_affected", outcome.rows ? Value(*outcome.rows) : Value::None()}});
  const bool rows = fetch != nullptr && fetch->Truthy();
  return Value::Tuple(
      {response, rows ? Value(MakeResultTable(outcome.result))
                      : Value(jinja::MakeRef<ResultTable>(std::vector<std::string>(),
                                                          std::vector<jinja::ValueList>()))});
}

// adapter.add_query(sql, auto_begin=True, …)
Result<Value> AddQuery(RunScope& scope, CallArgs& args) {
  TARN_RETURN_IF_ERROR(scope.Execute(TextOf(args.Find(0, "sql"))).status());
  return Value("");
}

Result<Value> Commit(RunScope& scope, CallArgs&) {
  TARN_RETURN_IF_ERROR(scope.Commit());
  return Value("");
}

Result<Value> Drop(RunScope& scope, CallArgs& args) {
  if (const Value* value = args.Find(0, "relation"); value == nullptr || value->is_none()) {
    return Value("");
  }
  TARN_ASSIGN_OR_RETURN(const Relation* relation, RelationArgument(args, 0, "relation"));
  TARN_RETURN_IF_ERROR(scope.warehouse.Drop(relation->parts()));
  return Value("");
}

// A lake cannot rename a folder that others may read: the rows are written under the new name,
// which is one commit, and the old name is dropped.
Result<Value> Rename(RunScope& scope, CallArgs& args) {
  TARN_ASSIGN_OR_RETURN(const Relation* from, RelationArgument(args, 0, "from_relation"));
  TARN_ASSIGN_OR_RETURN(const Relation* to, RelationArgument(args, 1, "to_relation"));
  TARN_ASSIGN_OR_RETURN(const auto kind, scope.warehouse.KindOf(from->parts()));
  if (!kind) return Status::NotFound("relation " + from->Render() + " does not exist");
  TARN_RETURN_IF_ERROR(scope.warehouse.Drop(to->parts()));
  const char* word = *kind == "view" ? "create view " : "create table ";
  TARN_RETURN_IF_ERROR(
      scope.Execute(word + to->Render() + " as select * from " + from->Render()).status());
  if (*kind == "table") TARN_RETURN_IF_ERROR(scope.warehouse.Drop(from->parts()));
  return Value("");
}

Result<Value> CreateSchema(RunScope& scope, CallArgs& args) {
  TARN_ASSIGN_OR_RETURN(const Relation* relation, RelationArgument(args, 0, "relation"));
  TARN_RETURN_IF_ERROR(scope.warehouse.CreateSchema(relation->parts().schema));
  return Value("");
}

Result<Value> DropSchema(RunScope& scope, CallArgs& args) {
  TARN_ASSIGN_OR_RETURN(const Relation* relation, RelationArgument(args, 0, "relation"));
  TARN_ASSIGN_OR_RETURN(const auto list, scope.warehouse.List(relation->parts().schema));
  for (const auto& [name, kind] : list) {
    Relation::Parts parts = relation->parts();
    parts.identifier = name;
    TARN_RETURN_IF_ERROR(scope.warehouse.Drop(parts));
  }
  return Value("");
}

Result<Value> ListRelations(RunScope& scope, CallArgs& args) {
  Relation::Parts parts;
  if (const Relation* relation = args.Find(0, "schema_relation") == nullptr
                                     ? nullptr
                                     : args.Find(0, "schema_relation")->As<Relation>()) {
    parts = relation->parts();
  } else {
    parts.database = TextOf(args.Find(0, "database"));
    parts.schema = TextOf(args.Find(1, "schema"));
    parts.quote = scope.quote();
  }
  TARN_ASSIGN_OR_RETURN(const auto list, scope.warehouse.List(parts.schema));
  jinja::ValueList relations;
  for (const auto& [name, kind] : list) {
    Relation::Parts one = parts;
    one.identifier = name;
    one.type = kind;
    one.include_identifier = true;
    relations.push_back(Value(jinja::MakeRef<Relation>(std::move(one))));
  }
  return Value::List(std::move(relations));
}

Result<Value> Schemas(RunScope& scope, const std::string& wanted) {
  TARN_ASSIGN_OR_RETURN(
      const auto rows,
      scope.warehouse.session().QueryDuckdb(
          "SELECT schema_name FROM duckdb_schemas() WHERE database_name = 'lake'"));
  jinja::ValueList names;
  for (const auto& row : rows.rows) {
    if (!wanted.empty() && Lower(row[0].value_or("")) == Lower(wanted)) return Value(true);
    names.push_back(Value(row[0].value_or("")));
  }
  return wanted.empty() ? Value::List(std::move(names)) : Value(false);
}

Result<Value> Truncate(RunScope& scope, CallArgs& args) {
  TARN_ASSIGN_OR_RETURN(const Relation* relation, RelationArgument(args, 0, "relation"));
  TARN_RETURN_IF_ERROR(scope.Execute("delete from " + relation->Render()).status());
  return Value("");
}

Result<Value> QueryColumns(RunScope& scope, CallArgs& args) {
  TARN_ASSIGN_OR_RETURN(
      const auto columns,
      scope.warehouse.ColumnsOfQuery(TextOf(args.Find(0, "sql")), scope.node.original_file_path));
  return ColumnValues(scope, columns);
}

Result<Value> StrategyMacro(RunScope& scope, CallArgs& args) {
  std::string strategy = TextOf(args.Find(1, "strategy"));
  std::replace(strategy.begin(), strategy.end(), '+', '_');
  const std::string name = "get_incremental_" + strategy + "_sql";
  const Macro* macro = scope.context.project.macros->Resolve(scope.package, name);
  if (macro == nullptr) {
    return jinja::MakeError("CompilationError",
                            "dbt could not find an incremental strategy macro with the name '" +
                                name + "' in " + scope.context.project.root.name);
  }
  return macro->callable;
}

using Method = Result<Value> (*)(RunScope&, CallArgs&);

const std::map<std::string_view, Method>& Methods() {
  static const std::map<std::string_view, Method> methods = {
      {"get_relation", GetRelation},
      {"load_relation", GetRelation},
      {"get_columns_in_relation", GetColumns},
      {"get_missing_columns", GetMissingColumns},
      {"execute", ExecuteSql},
      {"add_query", AddQuery},
      {"commit", Commit},
      {"drop_relation", Drop},
      {"rename_relation", Rename},
      {"create_schema", CreateSchema},
      {"drop_schema", DropSchema},
      {"list_relations", ListRelations},
      {"list_relations_without_caching", ListRelations},
      {"truncate_relation", Truncate},
      {"get_column_schema_from_query", QueryColumns},
      {"get_incremental_strategy_macro", StrategyMacro}};
  return methods;
}

// Methods without a meaning on a lake, and what they answer.
std::optional<Value> Neutral(std::string_view name, CallArgs& args) {
  static const std::vector<std::string_view> nothing = {
      "expand_target_column_types",
      "cache_added",
      "cache_dropped",
      "cache_renamed",
      "assert_valid_snapshot_target_given_strategy",
      "valid_snapshot_target",
      "clear_transaction",
      "persist_docs",
      "post_model_hook",
      "pre_model_hook",
      "verify_database"};
  if (std::find(nothing.begin(), nothing.end(), name) != nothing.end()) return Value("");
  if (name == "quote_as_configured" || name == "quote_seed_column") return args.Get(0, "column");
  if (name == "is_motherduck" || name == "is_ducklake" || name == "use_database" ||
      name == "disable_transactions") {
    return Value(false);
  }
  if (name == "build_catalog_relation" || name == "get_partitions_metadata") return Value::None();
  if (name == "external_root") return Value(".");
  if (name == "standardize_grants_dict") return Value::MakeDict({});
  return std::nullopt;
}

}  // namespace

Result<Value> CallAdapter(RunScope& scope, std::string_view name, CallArgs& args) {
  const auto method = Methods().find(name);
  if (method != Methods().end()) return method->second(scope, args);
  if (name == "already_exists") {
    Relation::Parts parts;
    parts.schema = TextOf(args.Find(0, "schema"));
    parts.identifier = TextOf(args.Find(1, "name"));
    TARN_ASSIGN_OR_RETURN(const auto kind, scope.warehouse.KindOf(parts));
    return Value(kind.has_value());
  }
  if (name == "check_schema_exists") return Schemas(scope, TextOf(args.Find(1, "schema")));
  if (name == "list_schemas") return Schemas(scope, "");
  if (name == "get_hard_deletes_behavior") {
    const std::string set = TextMember(scope.node.config, "hard_deletes");
    if (!set.empty()) return Value(set);
    return Value(BoolMember(scope.node.config, "invalidate_hard_deletes", false) ? "invalidate"
                                                                                 : "ignore");
  }
  if (name == "get_seed_file_path") {
    return Value(scope.node.root_path + "/" + scope.node.original_file_path);
  }
  if (auto answer = Neutral(name, args)) return *answer;
  return jinja::MakeError("CompilationError", "adapter." + std::string(name) +
                                                  "() is not known; Tarn's adapter has the methods "
                                                  "of dbt's SQL adapters");
}

}  // namespace tarn::transform
