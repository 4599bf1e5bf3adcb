// Snapshots: a history of rows (slowly changing dimension, type 2) kept by one MERGE per run.
#include <algorithm>

#include "transform/run/compiler.h"
#include "transform/run/materialize.h"

namespace tarn::transform {
namespace {

struct Columns {
  std::string valid_to, valid_from, scd_id, updated_at, is_deleted;
};

struct Strategy {
  std::vector<std::string> keys;
  std::string updated_at;   // expression
  std::string row_changed;  // condition over snapshotted_data and source_data
  std::string scd_id;       // expression
  std::string hard_deletes;
};

Columns ColumnNamesOf(const Node& node) {
  const Json& names = Member(node.config, "snapshot_meta_column_names");
  const auto name = [&](const char* key) { return TextMember(names, key, key); };
  return {name("dbt_valid_to"), name("dbt_valid_from"), name("dbt_scd_id"), name("dbt_updated_at"),
          name("dbt_is_deleted")};
}

std::string Now(const RunScope& scope) {
  return scope.quote() == '`' ? "current_timestamp()" : "now()::timestamp";
}

std::string Hash(const RunScope& scope, const std::vector<std::string>& arguments) {
  const std::string type = scope.quote() == '`' ? "string" : "varchar";
  std::string out;
  for (const std::string& argument : arguments) {
    out += (out.empty() ? "" : " || '|' || ") +
           ("coalesce(cast(" + argument + " as " + type + "), '')");
  }
  return "md5(" + out + ")";
}

std::string Differs(const std::string& column) {
  return "snapshotted_data." + column + " is distinct from source_data." + column;
}

// The columns a check strategy compares; `added` when one of them is new.
Result<std::vector<std::string>> CheckColumns(RunScope& scope, bool exists, bool* added) {
  const Json& config = Member(scope.node.config, "check_cols");
  std::vector<std::string> names;
  if (config.is_string() && config.get<std::string>() == "all") {
    TARN_ASSIGN_OR_RETURN(const auto columns,
                          scope.warehouse.ColumnsOfQuery(scope.node.compiled_code, kCompiledPlace));
    for (const engine::Column& column : columns) names.push_back(column.name);
  } else if (config.is_array() && !config.empty()) {
    names = TextList(config);
  } else {
    return Status::InvalidArgument("Invalid value for 'check_cols': " + PythonRepr(config) +
                                   "; write 'all' or a list of columns");
  }
  if (!exists) return names;
  TARN_ASSIGN_OR_RETURN(const auto there, scope.warehouse.ColumnsOf(*scope.This()));
  std::vector<std::string> both;
  for (const std::string& name : names) {
    const bool found = std::any_of(there.begin(), there.end(), [&](const engine::Column& column) {
      return std::equal(
          column.name.begin(), column.name.end(), name.begin(), name.end(),
          [](unsigned char a, unsigned char b) { return std::tolower(a) == std::tolower(b); });
    });
    if (found) {
      both.push_back(QuoteName(name, scope.quote()));
    } else {
      *added = true;
    }
  }
  return both;
}

Result<Strategy> StrategyOf(RunScope& scope, const Columns& columns, bool exists) {
  const Json& config = scope.node.config;
  Strategy strategy;
  strategy.keys = TextList(Member(config, "unique_key"));
  if (strategy.keys.empty()) {
    return Status::InvalidArgument("Snapshot " + scope.node.unique_id + " needs a 'unique_key' (" +
                                   scope.node.original_file_path + ")");
  }
  strategy.hard_deletes = TextMember(config, "hard_deletes");
  if (strategy.hard_deletes.empty()) {
    strategy.hard_deletes =
        BoolMember(config, "invalidate_hard_deletes", false) ? "invalidate" : "ignore";
  }
  const std::string kind = TextMember(config, "strategy");
  if (kind == "timestamp") {
    strategy.updated_at = TextMember(config, "updated_at");
    if (strategy.updated_at.empty()) {
      return Status::InvalidArgument("Snapshot " + scope.node.unique_id +
                                     " with strategy timestamp needs 'updated_at'");
    }
    strategy.row_changed =
        "(snapshotted_data." + columns.valid_from + " < source_data." + strategy.updated_at + ")";
  } else if (kind == "check") {
    strategy.updated_at = TextMember(config, "updated_at", Now(scope));
    bool added = false;
    TARN_ASSIGN_OR_RETURN(const auto compared, CheckColumns(scope, exists, &added));
    std::string changed;
    for (const std::string& column : compared) {
      changed += (changed.empty() ? "" : " or ") + Differs(column);
    }
    strategy.row_changed =
        added || changed.empty() ? (added ? "(true)" : "(false)") : "(" + changed + ")";
  } else {
    return Status::InvalidArgument("Snapshot " + scope.node.unique_id + " has strategy '" + kind +
                                   "'; there are timestamp and check");
  }
  std::vector<std::string> arguments = strategy.keys;
  arguments.push_back(strategy.updated_at);
  strategy.scd_id = Hash(scope, arguments);
  return strategy;
}

std::string ValidTo(const RunScope& scope, const Strategy& strategy) {
  const std::string current = TextMember(scope.node.config, "dbt_valid_to_current", "null");
  return "coalesce(nullif(" + strategy.updated_at + ", " + strategy.updated_at + "), " + current +
         ")";
}

std::string FirstSql(const RunScope& scope, const Strategy& strategy, const Columns& columns) {
  std::string select = "select *, " + strategy.scd_id + " as " + columns.scd_id + ", " +
                       strategy.updated_at + " as " + columns.updated_at + ", " +
                       strategy.updated_at + " as " + columns.valid_from + ", " +
                       ValidTo(scope, strategy) + " as " + columns.valid_to;
  if (strategy.hard_deletes == "new_record") select += ", 'False' as " + columns.is_deleted;
  return select + " from (\n" + scope.node.compiled_code + "\n) sbq";
}

std::string KeyFields(const Strategy& strategy) {
  std::string out;
  for (size_t i = 0; i < strategy.keys.size(); ++i) {
    out += (i == 0 ? "" : ", ") + strategy.keys[i] + " as dbt_unique_key_" + std::to_string(i + 1);
  }
  return out;
}

std::string KeyJoin(const Strategy& strategy) {
  std::string out;
  for (size_t i = 0; i < strategy.keys.size(); ++i) {
    const std::string key = "dbt_unique_key_" + std::to_string(i + 1);
    out += (i == 0 ? "" : " and ") + ("snapshotted_data." + key) + " = source_data." + key;
  }
  return out;
}

// The rows to insert, update and end, each with dbt_change_type.
std::string StagingSql(const RunScope& scope, const Strategy& strategy, const Columns& columns,
                       const std::vector<engine::Column>& source_columns,
                       const std::vector<engine::Column>& target_columns) {
  const std::string current = TextMember(scope.node.config, "dbt_valid_to_current");
  const bool records = strategy.hard_deletes == "new_record";
  const std::string open = current.empty() ? columns.valid_to + " is null"
                                           : "(" + columns.valid_to + " = " + current + " or " +
                                                 columns.valid_to + " is null)";
  const std::string deleted = "snapshotted_data." + columns.is_deleted + " = 'True'";
  const std::string changed =
      records ? "(" + strategy.row_changed + " or " + deleted + ")" : strategy.row_changed;
  const std::string stamps = strategy.updated_at + " as " + columns.updated_at + ", " +
                             strategy.updated_at + " as " + columns.valid_from + ", ";
  std::string sql = "with snapshot_query as (\n" + scope.node.compiled_code + "\n),\n";
  sql += "snapshotted_data as (select *, " + KeyFields(strategy) + " from " +
         scope.This()->Render() + " where " + open + "),\n";
  sql += "insertions_source_data as (select *, " + KeyFields(strategy) + ", " + stamps +
         ValidTo(scope, strategy) + " as " + columns.valid_to + ", " + strategy.scd_id + " as " +
         columns.scd_id + " from snapshot_query),\n";
  sql += "updates_source_data as (select *, " + KeyFields(strategy) + ", " + stamps +
         strategy.updated_at + " as " + columns.valid_to + " from snapshot_query),\n";
  sql += "insertions as (select 'insert' as dbt_change_type, source_data.*" +
         std::string(records ? ", 'False' as " + columns.is_deleted : "") +
         " from insertions_source_data as source_data left outer join snapshotted_data on " +
         KeyJoin(strategy) + " where snapshotted_data.dbt_unique_key_1 is null or " + changed +
         "),\n";
  sql += "updates as (select 'update' as dbt_change_type, source_data.*, snapshotted_data." +
         columns.scd_id + std::string(records ? ", snapshotted_data." + columns.is_deleted : "") +
         " from updates_source_data as source_data join snapshotted_data on " + KeyJoin(strategy) +
         " where " + changed + ")";
  std::string all = "select * from insertions union all select * from updates";
  if (strategy.hard_deletes == "invalidate" || records) {
    const std::string now = Now(scope);
    const std::string gone = " from snapshotted_data left join (select *, " + KeyFields(strategy) +
                             " from snapshot_query) as source_data on " + KeyJoin(strategy) +
                             " where source_data.dbt_unique_key_1 is null" +
                             (records ? " and not (" + deleted + ")" : "");
    sql += ",\ndeletes as (select 'delete' as dbt_change_type, source_data.*, " + now + " as " +
           columns.updated_at + ", " + now + " as " + columns.valid_from + ", " + now + " as " +
           columns.valid_to + ", snapshotted_data." + columns.scd_id +
           std::string(records ? ", snapshotted_data." + columns.is_deleted : "") + gone + ")";
    all += " union all select * from deletes";
    if (records) {
      std::string names;
      for (const engine::Column& column : source_columns) {
        const bool there =
            std::any_of(target_columns.begin(), target_columns.end(),
                        [&](const engine::Column& other) { return other.name == column.name; });
        names += (there ? "snapshotted_data." : "source_data.") +
                 QuoteName(column.name, scope.quote()) + ", ";
      }
      for (size_t i = 0; i < strategy.keys.size(); ++i) {
        names += "snapshotted_data.dbt_unique_key_" + std::to_string(i + 1) + ", ";
      }
      sql += ",\ndeletion_records as (select 'insert' as dbt_change_type, " + names + now + " as " +
             columns.updated_at + ", " + now + " as " + columns.valid_from + ", snapshotted_data." +
             columns.valid_to + " as " + columns.valid_to + ", " +
             Hash(scope, {"snapshotted_data." + columns.scd_id, now}) + " as " + columns.scd_id +
             ", 'True' as " + columns.is_deleted + gone + ")";
      all += " union all select * from deletion_records";
    }
  }
  return sql + "\n" + all;
}

std::string MergeSql(const RunScope& scope, const Columns& columns, const std::string& staging,
                     const std::vector<std::string>& names) {
  const std::string current = TextMember(scope.node.config, "dbt_valid_to_current");
  const std::string open = "DBT_INTERNAL_DEST." + columns.valid_to;
  std::string list, values;
  for (const std::string& name : names) {
    const std::string quoted = QuoteName(name, scope.quote());
    list += (list.empty() ? "" : ", ") + quoted;
    values += (values.empty() ? "" : ", ") + ("DBT_INTERNAL_SOURCE." + quoted);
  }
  return "merge into " + scope.This()->Render() + " as DBT_INTERNAL_DEST using " + staging +
         " as DBT_INTERNAL_SOURCE on DBT_INTERNAL_SOURCE." + columns.scd_id +
         " = DBT_INTERNAL_DEST." + columns.scd_id + " when matched and " +
         (current.empty() ? open + " is null"
                          : "(" + open + " = " + current + " or " + open + " is null)") +
         " and DBT_INTERNAL_SOURCE.dbt_change_type in ('update', 'delete') then update set " +
         columns.valid_to + " = DBT_INTERNAL_SOURCE." + columns.valid_to +
         " when not matched and DBT_INTERNAL_SOURCE.dbt_change_type = 'insert' then insert (" +
         list + ") values (" + values + ")";
}

}  // namespace

Result<MaterializeOutcome> MaterializeSnapshot(RunScope& scope) {
  const auto relation = scope.This();
  scope.warehouse.SetDialect(scope.context.DialectOf(scope.node));
  TARN_ASSIGN_OR_RETURN(const auto kind, scope.warehouse.KindOf(relation->parts()));
  if (kind && *kind == "view") {
    return Status::InvalidArgument("Trying to create table " + relation->Render() +
                                   ", but it currently exists as a view; drop it first");
  }
  const Columns columns = ColumnNamesOf(scope.node);
  TARN_ASSIGN_OR_RETURN(const Strategy strategy, StrategyOf(scope, columns, kind.has_value()));
  if (!kind) {
    TARN_ASSIGN_OR_RETURN(
        const ExecutionOutcome made,
        RunAnnotated(scope, CreateTableSql(scope, *relation, FirstSql(scope, strategy, columns)),
                     true));
    return Ran(made);
  }
  TARN_ASSIGN_OR_RETURN(const auto target_columns, scope.warehouse.ColumnsOf(*relation));
  TARN_ASSIGN_OR_RETURN(const auto source_columns,
                        scope.warehouse.ColumnsOfQuery(scope.node.compiled_code, kCompiledPlace));
  const std::string temp = QuoteName(scope.node.alias + "__dbt_tmp", scope.quote());
  TARN_RETURN_IF_ERROR(
      scope.warehouse
          .Execute("create or replace temporary table " + temp + " as\n" +
                       StagingSql(scope, strategy, columns, source_columns, target_columns),
                   kCompiledPlace)
          .status());
  std::string alter;
  std::vector<std::string> names;
  for (const engine::Column& column : source_columns) {
    names.push_back(column.name);
    const bool there =
        std::any_of(target_columns.begin(), target_columns.end(),
                    [&](const engine::Column& other) { return other.name == column.name; });
    if (!there) {
      alter += "alter table " + relation->Render() + " add column " +
               QuoteName(column.name, scope.quote()) + " " + column.type + ";\n";
    }
  }
  for (const std::string& name :
       {columns.scd_id, columns.updated_at, columns.valid_from, columns.valid_to}) {
    names.push_back(name);
  }
  if (strategy.hard_deletes == "new_record") names.push_back(columns.is_deleted);
  const std::string merge = MergeSql(scope, columns, temp, names);
  auto outcome =
      RunAnnotated(scope, alter.empty() ? merge : "begin;\n" + alter + merge + ";\ncommit");
  (void)scope.warehouse.session().QueryDuckdb("DROP TABLE IF EXISTS temp." +
                                              QuoteName(scope.node.alias + "__dbt_tmp", '"'));
  if (!outcome.ok()) return outcome.status();
  TARN_RETURN_IF_ERROR(UpdateDocs(scope));
  return Ran(*outcome);
}

}  // namespace tarn::transform
