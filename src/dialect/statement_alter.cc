// ALTER TABLE, ALTER VIEW, COMMENT ON.

#include "dialect/statement.h"
#include "dialect/statement_query.h"
#include "dialect/statement_types.h"

namespace tarn::dialect {
namespace {

std::string DottedSql(const std::vector<std::string>& path) {
  std::string sql;
  for (const std::string& part : path) sql += (sql.empty() ? "" : ".") + QuoteNameIfNeeded(part);
  return sql;
}

std::string Dotted(const std::vector<std::string>& path) {
  std::string text;
  for (const std::string& part : path) text += (text.empty() ? "" : ".") + part;
  return text;
}

}  // namespace

Status StatementTranslator::AlterTable() {
  c_.Take();
  const bool view = c_.Take().Is("VIEW");
  if (view) {
    const size_t name_at = c_.position();
    TARN_ASSIGN_OR_RETURN(ObjectName name, c_.ReadName("a view name"));
    if (c_.Sees({"AS"}) || c_.Sees({"SELECT"})) {
      c_.Seek(name_at);
      return CreateView(true);
    }
    if (c_.Sees({"RENAME", "TO"})) {
      c_.Take();
      return AlterRename(name);
    }
    return Refuse("this ALTER VIEW", "use CREATE OR REPLACE VIEW");
  }
  c_.Accept({"IF", "EXISTS"});
  TARN_ASSIGN_OR_RETURN(ObjectName table, c_.ReadName("a table name"));
  if (table.is_path()) {
    return c_.Unsupported(c_.At(table.token), "ALTER TABLE wants a name of the lake, not a path");
  }
  if (c_.Accept({"ADD"})) return AlterAdd(table);
  if (c_.Accept({"DROP"})) return AlterDrop(table);
  if (c_.Accept({"RENAME"})) return AlterRename(table);
  if (c_.Accept({"SET"})) return AlterSet(table);
  if (c_.Accept({"UNSET", "TBLPROPERTIES"})) {
    const bool lenient = c_.Accept({"IF", "EXISTS"});
    TARN_ASSIGN_OR_RETURN(Properties keys, c_.ReadProperties());
    TARN_RETURN_IF_ERROR(c_.ExpectEnd());
    std::vector<std::string> names;
    for (const auto& [key, unused] : keys) names.push_back(key);
    AddText("CALL tarn_unset_properties(" + c_.NameArgument(table) + ", " + StringList(names) +
                ", " + (lenient ? "true" : "false") + ")",
            "ALTER TABLE", false);
    return Status::Ok();
  }
  if (c_.Accept({"CLUSTER", "BY"})) {
    std::string sql = "ALTER TABLE " + c_.TableSql(table) + " RESET SORTED BY";
    if (!c_.Accept({"NONE"})) {
      TARN_ASSIGN_OR_RETURN(std::vector<std::string> columns, c_.ReadColumnList("a column name"));
      std::string list;
      for (const std::string& column : columns)
        list += (list.empty() ? "" : ", ") + QuoteNameIfNeeded(column);
      sql = "ALTER TABLE " + c_.TableSql(table) + " SET SORTED BY (" + list + ")";
    }
    TARN_RETURN_IF_ERROR(c_.ExpectEnd());
    AddText(std::move(sql), "ALTER TABLE", false);
    return Status::Ok();
  }
  if (c_.Accept({"ALTER"}) || c_.Accept({"CHANGE"})) return AlterColumn(table);
  return c_.Unexpected("ADD, DROP, RENAME, SET, UNSET TBLPROPERTIES, CLUSTER BY or ALTER COLUMN");
}

Status StatementTranslator::AlterAdd(const ObjectName& table) {
  if (c_.Sees({"CONSTRAINT"})) {
    TARN_ASSIGN_OR_RETURN(auto check, ReadCheck(""));
    TARN_RETURN_IF_ERROR(c_.ExpectEnd());
    constexpr size_t kPrefix = sizeof("delta.constraints.") - 1;
    AddText("CALL tarn_add_constraint(" + c_.NameArgument(table) + ", " +
                QuoteString(check.first.substr(kPrefix)) + ", " + QuoteString(check.second) + ")",
            "ALTER TABLE", false);
    return Status::Ok();
  }
  if (c_.Sees({"PARTITION"}) || c_.Sees({"IF", "NOT", "EXISTS", "PARTITION"})) {
    return c_.Unsupported(
        c_.Peek(), "partitions of a Delta table come with its rows; leave ADD PARTITION out");
  }
  if (!c_.Accept({"COLUMN"})) TARN_RETURN_IF_ERROR(c_.Expect({"COLUMNS"}));
  const bool list = c_.Accept({"("});
  do {
    TARN_RETURN_IF_ERROR(AddColumn(table));
  } while (c_.Accept({","}));
  if (list) TARN_RETURN_IF_ERROR(c_.Expect({")"}));
  return c_.ExpectEnd();
}

Result<std::vector<std::string>> StatementTranslator::ReadColumnPath() {
  std::vector<std::string> path;
  do {
    TARN_ASSIGN_OR_RETURN(std::string part, c_.ReadIdentifier("a column name"));
    path.push_back(std::move(part));
  } while (c_.Accept({"."}));
  return path;
}

Status StatementTranslator::AddColumn(const ObjectName& table) {
  const bool lenient = c_.Accept({"IF", "NOT", "EXISTS"});
  const Token& start = c_.Peek();
  TARN_ASSIGN_OR_RETURN(std::vector<std::string> path, ReadColumnPath());
  TARN_ASSIGN_OR_RETURN(std::string type, ReadType(c_, TypePlace::kColumn));
  TARN_ASSIGN_OR_RETURN(ColumnOptions options, ReadColumnOptions(Dotted(path)));
  if (c_.Sees({"FIRST"}) || c_.Sees({"AFTER"})) {
    return c_.Unsupported(c_.Peek(),
                          "a new column goes last; leave " + UpperAscii(c_.Peek().text) + " out");
  }
  for (const auto& [key, value] : options.extras) {
    if (key.ends_with(".generated") || key.ends_with(".identity")) {
      return c_.Unsupported(start,
                            "a generated column cannot be added later; create the table with it");
    }
    if (key.ends_with(".default")) {
      return c_.Unsupported(start,
                            "a new column has no DEFAULT for rows that are there; add it without, "
                            "then ALTER COLUMN … SET DEFAULT");
    }
  }
  if (options.constraints.compare(0, 9, " NOT NULL") == 0) {
    return c_.Unsupported(
        start,
        "a new column has no values yet, so it cannot be NOT NULL; add it, fill it, then "
        "ALTER COLUMN … SET NOT NULL");
  }
  SqlWriter writer;
  writer.Source(start, "ALTER TABLE " + c_.TableSql(table) + " ADD COLUMN " +
                           (lenient ? "IF NOT EXISTS " : "") + DottedSql(path) + " " + type +
                           options.constraints);
  Add(writer, "ALTER TABLE", false, true);
  for (const auto& [key, value] : options.extras) {
    const std::string comment = "tarn.column." + Dotted(path) + ".comment";
    if (key == comment) {
      TARN_RETURN_IF_ERROR(SetComment(table, Dotted(path), value));
    } else {
      return c_.Unsupported(start, "a column added later can have a type and a COMMENT only");
    }
  }
  return Status::Ok();
}

Status StatementTranslator::SetComment(const ObjectName& table, const std::string& column,
                                       const std::optional<std::string>& comment) {
  AddText("CALL tarn_set_comment(" + c_.NameArgument(table) + ", " +
              (column.empty() ? "NULL" : QuoteString(column)) + ", " +
              (comment ? QuoteString(*comment) : "NULL") + ")",
          "ALTER TABLE", false);
  return Status::Ok();
}

Status StatementTranslator::AlterDrop(const ObjectName& table) {
  if (c_.Accept({"CONSTRAINT"})) {
    const bool lenient = c_.Accept({"IF", "EXISTS"});
    TARN_ASSIGN_OR_RETURN(std::string name, c_.ReadIdentifier("a constraint name"));
    TARN_RETURN_IF_ERROR(c_.ExpectEnd());
    AddText("CALL tarn_drop_constraint(" + c_.NameArgument(table) + ", " + QuoteString(name) +
                ", " + (lenient ? "true" : "false") + ")",
            "ALTER TABLE", false);
    return Status::Ok();
  }
  if (c_.Sees({"PARTITION"})) {
    return c_.Unsupported(c_.Peek(), "use DELETE FROM … WHERE on the partition columns");
  }
  if (c_.Accept({"FEATURE"})) {
    TARN_ASSIGN_OR_RETURN(std::string feature, c_.ReadIdentifier("a feature name"));
    const bool truncate = c_.Accept({"TRUNCATE", "HISTORY"});
    TARN_RETURN_IF_ERROR(c_.ExpectEnd());
    AddText("CALL tarn_drop_feature(" + c_.NameArgument(table) + ", " + QuoteString(feature) +
                ", " + (truncate ? "true" : "false") + ")",
            "ALTER TABLE", false);
    return Status::Ok();
  }
  if (!c_.Accept({"COLUMN"})) TARN_RETURN_IF_ERROR(c_.Expect({"COLUMNS"}));
  bool lenient = c_.Accept({"IF", "EXISTS"});
  const bool list = c_.Accept({"("});
  do {
    TARN_ASSIGN_OR_RETURN(std::vector<std::string> path, ReadColumnPath());
    AddText("ALTER TABLE " + c_.TableSql(table) + " DROP COLUMN " + (lenient ? "IF EXISTS " : "") +
                DottedSql(path),
            "ALTER TABLE", false);
  } while (c_.Accept({","}));
  if (list) TARN_RETURN_IF_ERROR(c_.Expect({")"}));
  return c_.ExpectEnd();
}

// After RENAME: COLUMN a TO b, or TO name.
Status StatementTranslator::AlterRename(const ObjectName& table) {
  const std::string object = c_.At(1).Is("VIEW") ? "VIEW " : "TABLE ";
  if (c_.Accept({"COLUMN"})) {
    TARN_ASSIGN_OR_RETURN(std::vector<std::string> path, ReadColumnPath());
    TARN_RETURN_IF_ERROR(c_.Expect({"TO"}));
    TARN_ASSIGN_OR_RETURN(std::string name, c_.ReadIdentifier("a column name"));
    TARN_RETURN_IF_ERROR(c_.ExpectEnd());
    AddText("ALTER TABLE " + c_.TableSql(table) + " RENAME COLUMN " + DottedSql(path) + " TO " +
                QuoteNameIfNeeded(name),
            "ALTER TABLE", false);
    return Status::Ok();
  }
  TARN_RETURN_IF_ERROR(c_.Expect({"TO"}));
  TARN_ASSIGN_OR_RETURN(ObjectName name, c_.ReadName("the new name"));
  TARN_RETURN_IF_ERROR(c_.ExpectEnd());
  const std::vector<std::string> from = c_.LakeParts(table);
  const std::vector<std::string> to = c_.LakeParts(name);
  const bool same_schema = to.size() == 1 || (to.size() == from.size() && to.size() == 2 &&
                                              EqualsIgnoreCase(to[0], from[0]));
  if (!same_schema || to.empty()) {
    return c_.Unsupported(c_.At(name.token),
                          "a table cannot be renamed into another schema; create it there with "
                          "CREATE TABLE … AS SELECT");
  }
  AddText("ALTER " + object + c_.TableSql(table) + " RENAME TO " + QuoteNameIfNeeded(to.back()),
          object == "VIEW " ? "ALTER VIEW" : "ALTER TABLE", false);
  return Status::Ok();
}

Status StatementTranslator::AlterSet(const ObjectName& table) {
  if (c_.Sees({"LOCATION"})) {
    return c_.Unsupported(c_.Peek(), "a table's place is its folder in the lake and cannot be set");
  }
  TARN_RETURN_IF_ERROR(c_.Expect({"TBLPROPERTIES"}));
  TARN_ASSIGN_OR_RETURN(Properties properties, c_.ReadProperties());
  TARN_RETURN_IF_ERROR(c_.ExpectEnd());
  std::string map = "MAP {";
  for (const auto& [key, value] : properties) {
    map += (map.size() > 5 ? ", " : "") + QuoteString(key) + ": " + QuoteString(value);
  }
  AddText("CALL tarn_set_properties(" + c_.NameArgument(table) + ", " + map + "})", "ALTER TABLE",
          false);
  return Status::Ok();
}

// After ALTER or CHANGE: [COLUMN] c SET NOT NULL | DROP NOT NULL | TYPE t | COMMENT 'x' | SET
// DEFAULT e | DROP DEFAULT, and CHANGE's form with the name and type again.
Status StatementTranslator::AlterColumn(const ObjectName& table) {
  const bool change = c_.At(c_.position() - 1).Is("CHANGE");
  c_.Accept({"COLUMN"});
  const Token& start = c_.Peek();
  TARN_ASSIGN_OR_RETURN(std::vector<std::string> path, ReadColumnPath());
  const std::string alter =
      "ALTER TABLE " + c_.TableSql(table) + " ALTER COLUMN " + DottedSql(path) + " ";
  SqlWriter writer;
  if (change && c_.Peek().IsName() && !c_.Sees({"TYPE"}) && !c_.Sees({"COMMENT"}) &&
      !c_.Sees({"SET"}) && !c_.Sees({"DROP"}) && !c_.Sees({"FIRST"}) && !c_.Sees({"AFTER"})) {
    TARN_ASSIGN_OR_RETURN(std::vector<std::string> again, ReadColumnPath());
    if (again.size() != 1 || !EqualsIgnoreCase(again.back(), path.back())) {
      return c_.Unsupported(start, "CHANGE COLUMN does not rename; use RENAME COLUMN");
    }
    TARN_ASSIGN_OR_RETURN(std::string type, ReadType(c_, TypePlace::kColumn));
    writer.Source(start, alter + "TYPE " + type);
    Add(writer, "ALTER TABLE", false, false);
    if (c_.AtEnd()) return Status::Ok();
  }
  if (c_.Accept({"COMMENT"})) {
    TARN_ASSIGN_OR_RETURN(std::string comment, c_.ReadString("a comment"));
    TARN_RETURN_IF_ERROR(SetComment(table, Dotted(path), comment));
    return c_.ExpectEnd();
  }
  if (path.size() > 1)
    return c_.Unsupported(start,
                          "only the comment of a nested field can be altered by its name; ALTER "
                          "COLUMN with TYPE STRUCT<…> widens fields, CREATE OR REPLACE TABLE … AS "
                          "SELECT rewrites the column");
  if (c_.Accept({"SYNC", "IDENTITY"})) {
    TARN_RETURN_IF_ERROR(c_.ExpectEnd());
    AddText("CALL tarn_sync_identity(" + c_.NameArgument(table) + ", " + QuoteString(path[0]) + ")",
            "ALTER TABLE", false);
    return Status::Ok();
  }
  const bool drops_default = c_.Accept({"DROP", "DEFAULT"});
  if (drops_default || c_.Accept({"SET", "DEFAULT"})) {
    if (!drops_default && c_.AtEnd()) return c_.Unexpected("a value after SET DEFAULT");
    const size_t first = c_.position();
    size_t last = first;
    while (!drops_default && !c_.AtEnd()) {
      c_.Take();
      last = c_.position();
    }
    TARN_RETURN_IF_ERROR(c_.ExpectEnd());
    AddText("CALL tarn_set_default(" + c_.NameArgument(table) + ", " + QuoteString(path[0]) + ", " +
                (drops_default ? "NULL" : QuoteString(c_.SparkText(first, last))) + ")",
            "ALTER TABLE", false);
    return Status::Ok();
  }
  if (c_.Accept({"SET", "NOT", "NULL"})) {
    writer.Source(start, alter + "SET NOT NULL");
  } else if (c_.Accept({"DROP", "NOT", "NULL"})) {
    writer.Source(start, alter + "DROP NOT NULL");
  } else if (c_.Accept({"TYPE"})) {
    TARN_ASSIGN_OR_RETURN(std::string type, ReadType(c_, TypePlace::kColumn));
    writer.Source(start, alter + "TYPE " + type);
  } else if (c_.Sees({"FIRST"}) || c_.Sees({"AFTER"})) {
    return c_.Unsupported(c_.Peek(), "columns keep their order; select them in the order you want");
  } else {
    return c_.Unexpected("SET NOT NULL, DROP NOT NULL, TYPE, COMMENT, SET DEFAULT or DROP DEFAULT");
  }
  TARN_RETURN_IF_ERROR(c_.ExpectEnd());
  Add(writer, "ALTER TABLE", false, false);
  return Status::Ok();
}

// COMMENT ON TABLE t IS 'x' | COMMENT ON COLUMN t.c IS 'x'
Status StatementTranslator::CommentOn() {
  c_.Accept({"COMMENT", "ON"});
  const bool column = c_.Accept({"COLUMN"});
  if (!column && !c_.Accept({"TABLE"}))
    return Refuse("this COMMENT ON", "comment on a table or a column");
  std::vector<std::string> parts;
  const size_t first = c_.position();
  do {
    TARN_ASSIGN_OR_RETURN(std::string part, c_.ReadIdentifier("a name"));
    parts.push_back(std::move(part));
  } while (c_.Accept({"."}));
  TARN_RETURN_IF_ERROR(c_.Expect({"IS"}));
  std::string comment;
  const bool clear = c_.Accept({"NULL"});
  if (!clear) {
    TARN_ASSIGN_OR_RETURN(comment, c_.ReadString("a comment"));
  }
  TARN_RETURN_IF_ERROR(c_.ExpectEnd());
  ObjectName table;
  table.token = first;
  std::string column_name;
  if (column) {
    if (parts.size() < 2) return c_.Fail(c_.At(first), "expected table.column");
    column_name = parts.back();
    parts.pop_back();
  }
  table.parts = std::move(parts);
  return SetComment(table, column_name, clear ? std::nullopt : std::optional<std::string>(comment));
}

}  // namespace tarn::dialect
