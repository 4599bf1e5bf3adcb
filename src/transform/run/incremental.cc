// Incremental models: new rows into the table that is there.
#include <algorithm>

#include "transform/project/value_json.h"
#include "transform/run/compiler.h"
#include "transform/run/materialize.h"
#include "transform/run/microbatch.h"

namespace tarn::transform {
namespace {

std::string Lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

bool Has(const std::vector<engine::Column>& columns, const std::string& name) {
  return std::any_of(columns.begin(), columns.end(), [&](const engine::Column& column) {
    return Lower(column.name) == Lower(name);
  });
}

bool Names(const std::vector<std::string>& list, const std::string& name) {
  return std::any_of(list.begin(), list.end(),
                     [&](const std::string& item) { return Lower(item) == Lower(name); });
}

std::string ListOf(const std::vector<engine::Column>& columns) {
  std::string out;
  for (const engine::Column& column : columns) {
    out += (out.empty() ? "" : ", ") + column.name + " (" + column.type + ")";
  }
  return "[" + out + "]";
}

// What the run knows of target and source before it writes.
struct Plan {
  jinja::Ref<Relation> target;
  std::vector<engine::Column> target_columns, source_columns;
  std::vector<engine::Column> columns;  // that are written
  std::string prelude;                  // ALTER TABLE … that goes before, in the same commit
  std::vector<std::string> keys, predicates;
};

std::string ColumnList(const RunScope& scope, const std::vector<engine::Column>& columns,
                       const std::string& prefix = "") {
  std::string out;
  for (const engine::Column& column : columns) {
    out += (out.empty() ? "" : ", ") + prefix + QuoteName(column.name, scope.quote());
  }
  return out;
}

// on_schema_change: what to alter, or why it cannot be.
Status PlanColumns(RunScope& scope, Plan& plan) {
  const std::string policy = TextMember(scope.node.config, "on_schema_change", "ignore");
  std::vector<engine::Column> fresh, gone, changed;
  for (const engine::Column& column : plan.source_columns) {
    if (!Has(plan.target_columns, column.name)) fresh.push_back(column);
    for (const engine::Column& other : plan.target_columns) {
      if (Lower(other.name) == Lower(column.name) && other.type != column.type) {
        changed.push_back(column);
      }
    }
  }
  for (const engine::Column& column : plan.target_columns) {
    if (!Has(plan.source_columns, column.name)) gone.push_back(column);
  }
  const bool drift = !fresh.empty() || !gone.empty() || !changed.empty();
  if (policy == "fail" && drift) {
    return Status::InvalidArgument(
        "The source and target schemas on this incremental model are out of sync! Set "
        "on_schema_change to append_new_columns or sync_all_columns, or run with --full-refresh.\n"
        "  Source columns not in target: " +
        ListOf(fresh) + "\n  Target columns not in source: " + ListOf(gone) +
        "\n  New column types: " + ListOf(changed));
  }
  plan.columns.clear();
  const bool append = policy == "append_new_columns" || policy == "sync_all_columns";
  for (const engine::Column& column : plan.target_columns) {
    if (Has(plan.source_columns, column.name)) plan.columns.push_back(column);
  }
  if (!append) return Status::Ok();
  const std::string alter = "alter table " + plan.target->Render() + " ";
  for (const engine::Column& column : fresh) {
    plan.prelude +=
        alter + "add column " + QuoteName(column.name, scope.quote()) + " " + column.type + ";\n";
    plan.columns.push_back(column);
  }
  if (policy != "sync_all_columns") return Status::Ok();
  for (const engine::Column& column : gone) {
    plan.prelude += alter + "drop column " + QuoteName(column.name, scope.quote()) + ";\n";
  }
  return Status::Ok();
}

std::string KeyMatch(const std::vector<std::string>& keys, const std::string& source,
                     const std::string& target) {
  std::string out;
  for (const std::string& key : keys) {
    out += (out.empty() ? "" : " and ") + source + "." + key + " = " + target + "." + key;
  }
  return out;
}

std::string MergeSql(const RunScope& scope, const Plan& plan, const std::string& source) {
  const Json& config = scope.node.config;
  const std::vector<std::string> only = TextList(Member(config, "merge_update_columns"));
  const std::vector<std::string> except = TextList(Member(config, "merge_exclude_columns"));
  const Json& expressions = Member(config, "merge_update_set_expressions");
  std::string on =
      plan.keys.empty() ? "false" : KeyMatch(plan.keys, "DBT_INTERNAL_SOURCE", "DBT_INTERNAL_DEST");
  for (const std::string& predicate : plan.predicates) on += " and (" + predicate + ")";
  std::string set;
  if (expressions.is_object()) {
    for (const auto& [name, value] : expressions.items()) {
      set += (set.empty() ? "" : ", ") + name + " = " + PythonText(value);
    }
  }
  for (const engine::Column& column : plan.columns) {
    if (!only.empty() && !Names(only, column.name)) continue;
    if (Names(except, column.name) || HasMember(expressions, column.name)) continue;
    const std::string name = QuoteName(column.name, scope.quote());
    set += (set.empty() ? "" : ", ") + name + " = DBT_INTERNAL_SOURCE." + name;
  }
  const auto also = [&](const char* key) {
    const std::string condition = TextMember(config, key);
    return condition.empty() ? "" : " and (" + condition + ")";
  };
  std::string sql = "merge into " + plan.target->Render() + " as DBT_INTERNAL_DEST using (\n" +
                    source + "\n) as DBT_INTERNAL_SOURCE on (" + on + ")\n";
  if (!plan.keys.empty() && !set.empty()) {
    sql += "when matched" + also("merge_update_condition") + " then update set " + set + "\n";
  }
  return sql + "when not matched" + also("merge_insert_condition") + " then insert (" +
         ColumnList(scope, plan.columns) + ") values (" +
         ColumnList(scope, plan.columns, "DBT_INTERNAL_SOURCE.") + ")";
}

std::string TempName(const RunScope& scope) {
  return QuoteName(scope.node.alias + "__dbt_tmp", scope.quote());
}

std::string MakeTemp(const RunScope& scope) {
  return "create or replace temporary table " + TempName(scope) + " as\n" +
         scope.node.compiled_code;
}

std::string InsertFromTemp(const RunScope& scope, const Plan& plan) {
  return "insert into " + plan.target->Render() + " (" + ColumnList(scope, plan.columns) +
         ") select " + ColumnList(scope, plan.columns) + " from " + TempName(scope);
}

// Rows of the target with a key of the new rows go, the new rows come: one commit.
std::string DeleteInsertSql(const RunScope& scope, const Plan& plan,
                            const std::vector<std::string>& keys) {
  std::string columns;
  for (const std::string& key : keys) columns += (columns.empty() ? "" : ", ") + key;
  std::string sql;
  if (!keys.empty()) {
    std::string on = KeyMatch(keys, "DBT_INTERNAL_SOURCE", "DBT_INTERNAL_DEST");
    for (const std::string& predicate : plan.predicates) on += " and (" + predicate + ")";
    sql = "merge into " + plan.target->Render() + " as DBT_INTERNAL_DEST using (select distinct " +
          columns + " from " + TempName(scope) + ") as DBT_INTERNAL_SOURCE on (" + on +
          ") when matched then delete;\n";
  }
  return sql + InsertFromTemp(scope, plan);
}

Result<ExecutionOutcome> RunWithTemp(RunScope& scope, const Plan& plan, const std::string& sql) {
  scope.warehouse.SetDialect(scope.context.DialectOf(scope.node));
  TARN_RETURN_IF_ERROR(scope.warehouse.Execute(MakeTemp(scope), kCompiledPlace).status());
  auto outcome = RunAnnotated(scope, "begin;\n" + plan.prelude + sql + ";\ncommit");
  const std::string name = QuoteName(scope.node.alias + "__dbt_tmp", '"');
  (void)scope.warehouse.session().QueryDuckdb("DROP TABLE IF EXISTS temp." + name);
  return outcome;
}

Result<ExecutionOutcome> RunDirect(RunScope& scope, const Plan& plan, const std::string& sql) {
  if (plan.prelude.empty()) return RunAnnotated(scope, sql);
  return RunAnnotated(scope, "begin;\n" + plan.prelude + sql + ";\ncommit");
}

// A strategy the project wrote or changed: its macro's SQL, over a temporary table as dbt does.
Result<ExecutionOutcome> RunStrategyMacro(RunScope& scope, const Plan& plan,
                                          const std::string& macro) {
  scope.warehouse.SetDialect(scope.context.DialectOf(scope.node));
  TARN_RETURN_IF_ERROR(scope.warehouse.Execute(MakeTemp(scope), kCompiledPlace).status());
  Relation::Parts temp = plan.target->parts();
  temp.identifier = scope.node.alias + "__dbt_tmp";
  temp.include_database = temp.include_schema = false;
  jinja::ValueList columns;
  for (const engine::Column& column : plan.columns) {
    columns.push_back(
        jinja::Value(jinja::MakeRef<ColumnObject>(column.name, column.type, scope.quote())));
  }
  const jinja::Value arguments = jinja::Value::MakeDict(
      {{"target_relation", jinja::Value(plan.target)},
       {"temp_relation", jinja::Value(jinja::MakeRef<Relation>(temp))},
       {"unique_key", ToValue(Member(scope.node.config, "unique_key"))},
       {"dest_columns", jinja::Value::List(std::move(columns))},
       {"incremental_predicates", ToValue(Member(scope.node.config, "incremental_predicates"))}});
  TARN_ASSIGN_OR_RETURN(const jinja::Value sql, scope.CallMacro(macro, {arguments}));
  auto outcome = RunAnnotated(scope, "begin;\n" + plan.prelude + sql.Str() + ";\ncommit");
  (void)scope.warehouse.session().QueryDuckdb("DROP TABLE IF EXISTS temp." +
                                              QuoteName(temp.identifier, '"'));
  return outcome;
}

std::string StrategyOf(const RunScope& scope) {
  const std::string set = TextMember(scope.node.config, "incremental_strategy");
  if (!set.empty() && set != "default") return set;
  if (scope.context.project.target.type == "duckdb") return "delete+insert";
  return Member(scope.node.config, "unique_key").is_null() ? "append" : "merge";
}

Result<ExecutionOutcome> Apply(RunScope& scope, const Plan& plan) {
  const std::string strategy = StrategyOf(scope);
  std::string macro = "get_incremental_" + strategy + "_sql";
  std::replace(macro.begin(), macro.end(), '+', '_');
  if (IsChainOverridden(scope, macro)) return RunStrategyMacro(scope, plan, macro);
  const std::string& code = scope.node.compiled_code;
  const std::string columns = ColumnList(scope, plan.columns);
  if (strategy == "append") {
    return RunDirect(scope, plan,
                     "insert into " + plan.target->Render() + " (" + columns + ") select " +
                         columns + " from (\n" + code + "\n) as DBT_INTERNAL_SOURCE");
  }
  if (strategy == "merge") return RunDirect(scope, plan, MergeSql(scope, plan, code));
  if (strategy == "delete+insert") {
    return RunWithTemp(scope, plan, DeleteInsertSql(scope, plan, plan.keys));
  }
  if (strategy == "insert_overwrite") {
    const auto partitions = ColumnNames(Member(scope.node.config, "partition_by"));
    if (!partitions.empty()) {
      return RunWithTemp(scope, plan, DeleteInsertSql(scope, plan, partitions));
    }
    return RunDirect(scope, plan,
                     "insert overwrite " + plan.target->Render() + " select " + columns +
                         " from (\n" + code + "\n) as DBT_INTERNAL_SOURCE");
  }
  if (strategy == "replace_where") {
    std::string where = TextMember(scope.node.config, "replace_where");
    for (const std::string& predicate : plan.predicates) {
      where += (where.empty() ? "" : " and ") + ("(" + predicate + ")");
    }
    if (where.empty()) {
      return Status::InvalidArgument("incremental strategy replace_where of " +
                                     scope.node.unique_id +
                                     " needs incremental_predicates: the rows to replace");
    }
    return RunDirect(scope, plan,
                     "insert into " + plan.target->Render() + " replace where " + where +
                         " select " + columns + " from (\n" + code + "\n) as DBT_INTERNAL_SOURCE");
  }
  return Status::InvalidArgument(
      "dbt could not find an incremental strategy macro with the name '" + macro + "' in " +
      scope.context.project.root.name +
      "; there are append, merge, delete+insert, insert_overwrite, replace_where, microbatch");
}

}  // namespace

Result<MaterializeOutcome> MaterializeIncremental(RunScope& scope) {
  Plan plan;
  plan.target = scope.This();
  if (StrategyOf(scope) == "microbatch") return MaterializeMicrobatch(scope);
  TARN_ASSIGN_OR_RETURN(const auto kind, scope.warehouse.KindOf(plan.target->parts()));
  if (!kind || *kind == "view" || WantsFullRefresh(scope)) return MaterializeTable(scope);
  TARN_RETURN_IF_ERROR(CheckContract(scope));
  scope.warehouse.SetDialect(scope.context.DialectOf(scope.node));
  TARN_ASSIGN_OR_RETURN(plan.target_columns, scope.warehouse.ColumnsOf(*plan.target));
  TARN_ASSIGN_OR_RETURN(plan.source_columns,
                        scope.warehouse.ColumnsOfQuery(scope.node.compiled_code, kCompiledPlace));
  plan.keys = TextList(Member(scope.node.config, "unique_key"));
  for (const char* key : {"incremental_predicates", "predicates"}) {
    for (std::string& predicate : TextList(Member(scope.node.config, key))) {
      plan.predicates.push_back(std::move(predicate));
    }
  }
  TARN_RETURN_IF_ERROR(PlanColumns(scope, plan));
  TARN_ASSIGN_OR_RETURN(const ExecutionOutcome outcome, Apply(scope, plan));
  TARN_RETURN_IF_ERROR(UpdateDocs(scope));
  return Ran(outcome);
}

}  // namespace tarn::transform
