// CREATE TABLE, CREATE VIEW, CREATE SCHEMA, DROP.

#include <algorithm>

#include "dialect/statement.h"
#include "dialect/statement_query.h"
#include "dialect/statement_types.h"

namespace tarn::dialect {
namespace {

std::string JoinNames(const std::vector<std::string>& names) {
  std::string list;
  for (const std::string& name : names)
    list += (list.empty() ? "" : ", ") + QuoteNameIfNeeded(name);
  return list;
}

bool HasUpperCase(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
}

}  // namespace

// CREATE [OR REPLACE] TABLE [IF NOT EXISTS] name (columns) USING DELTA … [AS query]
Status StatementTranslator::CreateTable() {
  bool replace = c_.Accept({"REPLACE"});
  if (!replace) {
    c_.Take();
    replace = c_.Accept({"OR", "REPLACE"});
  }
  const bool temporary = c_.Accept({"TEMPORARY"}) || c_.Accept({"TEMP"});
  if (!temporary) (void)c_.Accept({"EXTERNAL"});
  TARN_RETURN_IF_ERROR(c_.Expect({"TABLE"}));
  std::string head = replace ? "CREATE OR REPLACE " : "CREATE ";
  head += temporary ? "TEMP TABLE " : "TABLE ";
  if (c_.Accept({"IF", "NOT", "EXISTS"})) {
    if (replace) return c_.Fail(c_.At(0), "OR REPLACE and IF NOT EXISTS exclude each other");
    head += "IF NOT EXISTS ";
  }
  TARN_ASSIGN_OR_RETURN(ObjectName name, c_.ReadName("a table name"));
  if (name.is_path()) {
    return c_.Unsupported(c_.At(name.token), "CREATE TABLE wants a name of the lake, not a path");
  }
  if (c_.Sees({"SHALLOW", "CLONE"}) || c_.Sees({"DEEP", "CLONE"}) || c_.Sees({"CLONE"})) {
    return Clone(name, replace, head.find("IF NOT") != std::string::npos);
  }
  SqlWriter writer;
  writer.Source(c_.At(name.token), head + c_.TableSql(name));
  if (c_.Accept({"LIKE"})) return CreateTableLike(writer.sql());

  TableClauses clauses;
  std::string columns;
  if (c_.Accept({"("})) {
    do {
      if (c_.Sees({")"}) && !columns.empty() && !c_.spark())
        break;  // DuckDB allows a comma at the end
      TARN_ASSIGN_OR_RETURN(std::string element, ReadTableElement(clauses));
      if (!element.empty()) columns += (columns.empty() ? "" : ", ") + element;
    } while (c_.Accept({","}));
    TARN_RETURN_IF_ERROR(c_.Expect({")"}));
  }
  TARN_RETURN_IF_ERROR(ReadTableClauses(clauses));
  if (!clauses.partition_columns.empty())
    columns += (columns.empty() ? "" : ", ") + clauses.partition_columns;
  if (clauses.has_query && !columns.empty()) {
    return c_.Fail(c_.At(name.token),
                   "CREATE TABLE AS takes its columns from the query; leave the list out");
  }
  if (!clauses.has_query && columns.empty()) {
    return c_.Unexpected("( and columns, or AS and a query");
  }
  if (!columns.empty()) writer.Text(" (" + columns + ")");
  TARN_RETURN_IF_ERROR(WriteTableOptions(clauses, writer));
  if (clauses.has_query) {
    writer.Text(" AS ");
    TARN_RETURN_IF_ERROR(RewriteRest(writer));
  }
  Add(writer, clauses.has_query ? "CREATE TABLE AS" : "CREATE TABLE", false, true);
  return Status::Ok();
}

Status StatementTranslator::CreateTableLike(const std::string& head) {
  TARN_ASSIGN_OR_RETURN(ObjectName model, c_.ReadName("a table name"));
  if (c_.Accept({"USING"})) TARN_RETURN_IF_ERROR(c_.Expect({"DELTA"}));
  TARN_RETURN_IF_ERROR(c_.ExpectEnd());
  AddText(head + " AS SELECT * FROM " + c_.TableSql(model) + " WITH NO DATA", "CREATE TABLE",
          false);
  return Status::Ok();
}

// One entry of the column list: a column's definition, or empty for a constraint kept in the
// options.
Result<std::string> StatementTranslator::ReadTableElement(TableClauses& clauses) {
  const Token& start = c_.Peek();
  const bool named = start.Is("CONSTRAINT");
  if (named || (start.Is("CHECK") && c_.Peek(1).Is("("))) {
    const auto checks = std::count_if(
        clauses.extras.begin(), clauses.extras.end(),
        [](const auto& extra) { return extra.first.rfind("delta.constraints.", 0) == 0; });
    const std::string fallback = "check_" + std::to_string(checks + 1);
    TARN_ASSIGN_OR_RETURN(auto check, ReadCheck(fallback));
    clauses.extras.push_back(std::move(check));
    return std::string();
  }
  if (c_.Sees({"PRIMARY", "KEY"}) || c_.Sees({"FOREIGN", "KEY"}) ||
      (start.Is("UNIQUE") && c_.Peek(1).Is("("))) {
    return c_.Unsupported(
        start, UpperAscii(start.text) + " constraints do not exist in Delta tables; remove it");
  }
  return ReadColumn(clauses, "");
}

Result<std::string> StatementTranslator::ReadColumn(TableClauses& clauses,
                                                    std::string_view after_name) {
  TARN_ASSIGN_OR_RETURN(std::string name, c_.ReadIdentifier("a column name"));
  std::string sql = QuoteNameIfNeeded(name) + std::string(after_name) + " ";
  TARN_ASSIGN_OR_RETURN(std::string type, ReadType(c_, TypePlace::kColumn));
  TARN_ASSIGN_OR_RETURN(ColumnOptions options, ReadColumnOptions(name));
  clauses.extras.insert(clauses.extras.end(), options.extras.begin(), options.extras.end());
  return sql + type + options.constraints;
}

Result<StatementTranslator::ColumnOptions> StatementTranslator::ReadColumnOptions(
    const std::string& column) {
  ColumnOptions options;
  while (!c_.AtEnd() && !c_.Sees({","}) && !c_.Sees({")"})) {
    if (c_.Sees({"FIRST"}) || c_.Sees({"AFTER"})) break;  // ALTER TABLE reads on
    TARN_RETURN_IF_ERROR(ReadColumnOption(column, options));
  }
  return options;
}

Status StatementTranslator::ReadColumnOption(const std::string& column, ColumnOptions& options) {
  const std::string key = "tarn.column." + column + ".";
  if (c_.Accept({"NOT", "NULL"})) {
    options.constraints += " NOT NULL";
  } else if (c_.Accept({"NULL"})) {
    // The default, said aloud.
  } else if (c_.Accept({"COMMENT"})) {
    TARN_ASSIGN_OR_RETURN(std::string comment, c_.ReadString("a comment"));
    options.extras.emplace_back(key + "comment", comment);
  } else if (c_.Accept({"DEFAULT"})) {
    const size_t first = c_.position();
    TARN_ASSIGN_OR_RETURN(size_t after, AfterValueExpression(c_, first));
    options.extras.emplace_back(key + "default", c_.SparkText(first, after));
    c_.Seek(after);
  } else if (c_.Sees({"GENERATED"})) {
    TARN_RETURN_IF_ERROR(ReadGenerated(key, options));
  } else if (c_.Sees({"CHECK"}) || c_.Sees({"CONSTRAINT"})) {
    TARN_ASSIGN_OR_RETURN(auto check, ReadCheck("check_" + column));
    options.extras.push_back(std::move(check));
  } else if (c_.Sees({"PRIMARY"}) || c_.Sees({"UNIQUE"}) || c_.Sees({"REFERENCES"})) {
    return c_.Unsupported(c_.Peek(), UpperAscii(c_.Peek().text) +
                                         " constraints do not exist in Delta tables; remove it");
  } else {
    return c_.Unexpected("NOT NULL, DEFAULT, COMMENT, GENERATED ALWAYS AS, CHECK, a comma or )");
  }
  return Status::Ok();
}

// GENERATED ALWAYS AS (expr) | GENERATED ALWAYS | BY DEFAULT AS IDENTITY [(START WITH n INCREMENT
// BY n)]
Status StatementTranslator::ReadGenerated(const std::string& key, ColumnOptions& options) {
  c_.Take();
  const bool by_default = c_.Accept({"BY", "DEFAULT"});
  if (!by_default) TARN_RETURN_IF_ERROR(c_.Expect({"ALWAYS"}));
  TARN_RETURN_IF_ERROR(c_.Expect({"AS"}));
  if (c_.Accept({"IDENTITY"})) {
    TARN_ASSIGN_OR_RETURN(const std::string range, ReadIdentityRange());
    options.extras.emplace_back(key + "identity", (by_default ? "default " : "always ") + range);
    return Status::Ok();
  }
  if (by_default) return c_.Unexpected("IDENTITY after GENERATED BY DEFAULT AS");
  if (!c_.Sees({"("})) return c_.Unexpected("( after GENERATED ALWAYS AS");
  const size_t open = c_.position();
  TARN_ASSIGN_OR_RETURN(size_t after, c_.AfterGroup(open));
  if (after == open + 2) return c_.Fail(c_.At(open), "GENERATED ALWAYS AS () has no expression");
  options.extras.emplace_back(key + "generated", c_.SparkText(open + 1, after - 1));
  c_.Seek(after);
  return Status::Ok();
}

// "start step", 1 and 1 unless the statement says otherwise.
Result<std::string> StatementTranslator::ReadIdentityRange() {
  std::string start = "1";
  std::string step = "1";
  if (!c_.Accept({"("})) return start + " " + step;
  const auto number = [&](std::string* into) -> Status {
    *into = c_.Accept({"-"}) ? "-" : "";
    const Token& digits = c_.Take();
    if (digits.text.empty() || digits.text.find_first_not_of("0123456789") != std::string::npos) {
      return c_.Fail(digits, "expected a whole number");
    }
    *into += std::string(digits.text);
    return Status::Ok();
  };
  while (!c_.Accept({")"})) {
    if (c_.Accept({"START", "WITH"})) {
      TARN_RETURN_IF_ERROR(number(&start));
    } else if (c_.Accept({"INCREMENT", "BY"})) {
      TARN_RETURN_IF_ERROR(number(&step));
    } else if (!c_.Accept({","})) {
      return c_.Unexpected("START WITH, INCREMENT BY or )");
    }
  }
  return start + " " + step;
}

// [CONSTRAINT name] CHECK (expr): the option delta.constraints.<name> with the expression as Delta
// stores it, in Spark's words.
Result<std::pair<std::string, std::string>> StatementTranslator::ReadCheck(
    const std::string& fallback_name) {
  std::string name = fallback_name;
  if (c_.Accept({"CONSTRAINT"})) {
    TARN_ASSIGN_OR_RETURN(name, c_.ReadIdentifier("a constraint name"));
  }
  if (c_.Sees({"PRIMARY"}) || c_.Sees({"FOREIGN"}) || c_.Sees({"UNIQUE"})) {
    return c_.Unsupported(c_.Peek(), UpperAscii(c_.Peek().text) +
                                         " constraints do not exist in Delta tables; remove it");
  }
  TARN_RETURN_IF_ERROR(c_.Expect({"CHECK"}));
  if (!c_.Sees({"("})) return c_.Unexpected("( after CHECK");
  const size_t open = c_.position();
  TARN_ASSIGN_OR_RETURN(size_t after, c_.AfterGroup(open));
  if (after == open + 2) return c_.Fail(c_.At(open), "CHECK () has no expression");
  c_.Seek(after);
  c_.Accept({"ENFORCED"});
  return std::pair<std::string, std::string>("delta.constraints." + name,
                                             c_.SparkText(open + 1, after - 1));
}

Status StatementTranslator::ReadTableClauses(TableClauses& clauses) {
  while (!c_.AtEnd()) {
    if (c_.Accept({"USING"})) {
      const Token& format = c_.Peek();
      TARN_ASSIGN_OR_RETURN(std::string word, c_.ReadIdentifier("a table format"));
      if (!EqualsIgnoreCase(word, "delta")) {
        return c_.Unsupported(
            format, "tables of a lake are Delta tables; write USING DELTA instead of USING " +
                        UpperAscii(word));
      }
    } else if (c_.Sees({"PARTITIONED", "BY"})) {
      TARN_RETURN_IF_ERROR(ReadPartitionedBy(clauses));
    } else if (c_.Accept({"CLUSTER", "BY"})) {
      if (c_.Accept({"AUTO"}) || c_.Accept({"NONE"})) continue;
      TARN_ASSIGN_OR_RETURN(clauses.cluster_by, c_.ReadColumnList("a column name"));
    } else if (c_.Accept({"COMMENT"})) {
      TARN_ASSIGN_OR_RETURN(std::string comment, c_.ReadString("a comment"));
      clauses.extras.emplace_back("tarn.comment", comment);
    } else if (c_.Accept({"TBLPROPERTIES"}) || (!c_.spark() && c_.Accept({"WITH"}))) {
      TARN_ASSIGN_OR_RETURN(Properties more, c_.ReadProperties());
      clauses.properties.insert(clauses.properties.end(), more.begin(), more.end());
    } else if (c_.Sees({"LOCATION"})) {
      return c_.Unsupported(
          c_.Peek(), "a table of a lake lives in its folder <schema>/<table>; leave LOCATION out");
    } else if (c_.Accept({"AS"})) {
      if (c_.AtEnd()) return c_.Unexpected("a query");
      clauses.has_query = true;
      return Status::Ok();
    } else if (c_.Sees({"SELECT"}) || c_.Sees({"WITH"})) {
      clauses.has_query = true;  // Spark lets AS be left out
      return Status::Ok();
    } else {
      return c_.Unexpected(
          "USING, PARTITIONED BY, CLUSTER BY, COMMENT, TBLPROPERTIES, AS or the end");
    }
  }
  return Status::Ok();
}

// Names of columns, or Hive's form with a type, which adds the column.
Status StatementTranslator::ReadPartitionedBy(TableClauses& clauses) {
  c_.Accept({"PARTITIONED", "BY"});
  TARN_RETURN_IF_ERROR(c_.Expect({"("}));
  while (true) {
    const Token& start = c_.Peek();
    if (c_.Peek(1).Is("(")) {
      return c_.Unsupported(
          start, "Delta partitions by columns, not by expressions; add a generated column for " +
                     std::string(start.text) + "(…)");
    }
    if (!start.IsName()) return c_.Unexpected("a column name");
    clauses.partitioned_by.push_back(start.Name());
    if (c_.Peek(1).IsName()) {
      TARN_ASSIGN_OR_RETURN(std::string column, ReadColumn(clauses, ""));
      clauses.partition_columns += (clauses.partition_columns.empty() ? "" : ", ") + column;
    } else {
      c_.Take();
    }
    if (c_.Accept({")"})) return Status::Ok();
    TARN_RETURN_IF_ERROR(c_.Expect({","}));
  }
}

Status StatementTranslator::WriteTableOptions(const TableClauses& clauses, SqlWriter& writer) {
  if (!clauses.partitioned_by.empty())
    writer.Text(" PARTITIONED BY (" + JoinNames(clauses.partitioned_by) + ")");
  if (!clauses.cluster_by.empty())
    writer.Text(" SORTED BY (" + JoinNames(clauses.cluster_by) + ")");
  Properties options = clauses.properties;
  options.insert(options.end(), clauses.extras.begin(), clauses.extras.end());
  // DuckDB lower-cases option names; CompleteStatement puts these back.
  std::string spelled;
  for (const auto& [key, value] : clauses.properties) {
    if (HasUpperCase(key)) spelled += (spelled.empty() ? "" : "\n") + key;
  }
  if (!spelled.empty()) options.emplace_back("tarn.property_names", spelled);
  std::string list;
  for (size_t i = 0; i < options.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      if (EqualsIgnoreCase(options[i].first, options[j].first)) {
        return c_.Fail(c_.At(0), "'" + options[i].first + "' is given twice");
      }
    }
    list += (i > 0 ? ", " : "") + QuoteString(options[i].first) + " = " +
            QuoteString(options[i].second);
  }
  if (!list.empty()) writer.Text(" WITH (" + list + ")");
  return Status::Ok();
}

Status StatementTranslator::CreateSchema() {
  c_.Take();
  c_.Take();
  const bool lenient = c_.Accept({"IF", "NOT", "EXISTS"});
  TARN_ASSIGN_OR_RETURN(ObjectName name, c_.ReadName("a schema name"));
  while (!c_.AtEnd()) {
    if (c_.Accept({"COMMENT"})) {
      TARN_RETURN_IF_ERROR(c_.ReadString("a comment").status());
    } else if (c_.Sees({"LOCATION"}) || c_.Sees({"MANAGED"})) {
      return c_.Unsupported(c_.Peek(),
                            "a schema's place is its folder in the lake; leave LOCATION out");
    } else {
      return c_.Unexpected("COMMENT or the end of the statement");
    }
  }
  if (name.parts.size() == 2 && c_.IsLakeCatalog(name.parts[0]))
    name.parts[0] = c_.context().catalog;
  AddText("CREATE SCHEMA " + std::string(lenient ? "IF NOT EXISTS " : "") + c_.TableSql(name),
          "CREATE SCHEMA", false);
  return Status::Ok();
}

// CREATE [OR REPLACE] [TEMPORARY] VIEW [IF NOT EXISTS] v [(a COMMENT 'x', b)] [COMMENT …] AS query,
// and ALTER VIEW v AS query.
Status StatementTranslator::CreateView(bool replace_only) {
  std::string head = "CREATE OR REPLACE VIEW ";
  if (!replace_only) {
    c_.Take();
    head = c_.Accept({"OR", "REPLACE"}) ? "CREATE OR REPLACE " : "CREATE ";
    if (c_.Sees({"GLOBAL"}))
      return Refuse("GLOBAL TEMPORARY VIEW", "use a view, or a temporary one");
    if (c_.Accept({"TEMPORARY"}) || c_.Accept({"TEMP"})) head += "TEMP ";
    TARN_RETURN_IF_ERROR(c_.Expect({"VIEW"}));
    head += "VIEW ";
    if (c_.Accept({"IF", "NOT", "EXISTS"})) head += "IF NOT EXISTS ";
  }
  TARN_ASSIGN_OR_RETURN(ObjectName name, c_.ReadName("a view name"));
  SqlWriter writer;
  writer.Source(c_.At(name.token), head + c_.TableSql(name));
  if (c_.Accept({"("})) {
    std::vector<std::string> columns;
    do {
      TARN_ASSIGN_OR_RETURN(std::string column, c_.ReadIdentifier("a column name"));
      columns.push_back(std::move(column));
      if (c_.Accept({"COMMENT"})) TARN_RETURN_IF_ERROR(c_.ReadString("a comment").status());
    } while (c_.Accept({","}));
    TARN_RETURN_IF_ERROR(c_.Expect({")"}));
    writer.Text(" (" + JoinNames(columns) + ")");
  }
  while (!c_.Accept({"AS"})) {
    if (c_.Accept({"COMMENT"})) {
      TARN_RETURN_IF_ERROR(c_.ReadString("a comment").status());
    } else if (c_.Accept({"TBLPROPERTIES"})) {
      TARN_RETURN_IF_ERROR(c_.ReadProperties().status());
    } else {
      return c_.Unexpected("AS and a query");
    }
  }
  if (c_.AtEnd()) return c_.Unexpected("a query");
  writer.Text(" AS ");
  TARN_RETURN_IF_ERROR(RewriteRest(writer));
  Add(writer, "CREATE VIEW", false, true);
  return Status::Ok();
}

// DROP TABLE | VIEW | SCHEMA | DATABASE [IF EXISTS] name [PURGE | CASCADE | RESTRICT]
Status StatementTranslator::Drop() {
  c_.Take();
  const bool temporary = c_.Accept({"TEMPORARY"});
  std::string object = UpperAscii(c_.Peek().text);
  if (object == "DATABASE") object = "SCHEMA";
  if (object != "TABLE" && object != "VIEW" && object != "SCHEMA") {
    c_.Seek(0);
    return PassThrough("DROP", false);
  }
  c_.Take();
  const bool lenient = c_.Accept({"IF", "EXISTS"});
  TARN_ASSIGN_OR_RETURN(ObjectName name, c_.ReadName("a name"));
  if (name.is_path())
    return c_.Unsupported(c_.At(name.token), "DROP wants a name of the lake, not a path");
  std::string sql = "DROP " + object + (lenient ? " IF EXISTS " : " ") + c_.TableSql(name);
  if (c_.Accept({"CASCADE"})) {
    sql += " CASCADE";
  } else if (object == "TABLE") {
    c_.Accept({"PURGE"});
  } else {
    c_.Accept({"RESTRICT"});
  }
  (void)temporary;  // DuckDB finds a temporary view by its name
  TARN_RETURN_IF_ERROR(c_.ExpectEnd());
  AddText(std::move(sql), "DROP " + object, false);
  return Status::Ok();
}

}  // namespace tarn::dialect
