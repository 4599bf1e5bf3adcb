// DESCRIBE and SHOW.

#include "dialect/statement.h"
#include "dialect/statement_query.h"

namespace tarn::dialect {
namespace {

// Spark's SHOW patterns: `*` is any text, `|` separates alternatives, case does not matter.
std::string PatternRegex(std::string_view pattern) {
  std::string regex = "(?i)";
  for (char c : pattern) {
    if (c == '*') {
      regex += ".*";
    } else if (c == '|' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
               (c >= 'A' && c <= 'Z') || c == '_' || static_cast<unsigned char>(c) >= 0x80) {
      regex += c;
    } else {
      regex += std::string("\\") + c;
    }
  }
  return regex;
}

}  // namespace

Status StatementTranslator::Describe() {
  c_.Take();
  const Token& word = c_.Peek();
  const bool followed = c_.Peek(1).IsName();
  if (followed && (word.Is("HISTORY") || word.Is("DETAIL"))) {
    c_.Take();
    c_.Accept({"TABLE"});
    TARN_ASSIGN_OR_RETURN(ObjectName table, c_.ReadName("a table name"));
    std::string sql = std::string("SELECT * FROM ") +
                      (word.Is("HISTORY") ? "delta_history(" : "delta_detail(") +
                      c_.NameArgument(table) + ")";
    if (word.Is("HISTORY") && c_.Accept({"LIMIT"})) {
      if (c_.Peek().kind != TokenKind::kNumber) return c_.Unexpected("a number");
      sql += " LIMIT " + std::string(c_.Take().text);
    }
    TARN_RETURN_IF_ERROR(c_.ExpectEnd());
    AddText(std::move(sql), word.Is("HISTORY") ? "DESCRIBE HISTORY" : "DESCRIBE DETAIL", true);
    return Status::Ok();
  }
  if (followed && (word.Is("SCHEMA") || word.Is("DATABASE"))) {
    c_.Take();
    c_.Accept({"EXTENDED"});
    TARN_ASSIGN_OR_RETURN(ObjectName schema, c_.ReadName("a schema name"));
    TARN_RETURN_IF_ERROR(c_.ExpectEnd());
    AddText(
        "SELECT schema_name AS namespace, database_name AS catalog FROM duckdb_schemas() WHERE "
        "database_name = " +
            QuoteString(c_.context().catalog) +
            " AND lower(schema_name) = " + QuoteString(LowerAscii(schema.parts.back())),
        "DESCRIBE SCHEMA", true);
    return Status::Ok();
  }
  if (followed && word.Is("FUNCTION"))
    return Refuse("DESCRIBE FUNCTION", "see the function list in the docs");
  if (word.Is("QUERY")) c_.Take();
  if (c_.Sees({"SELECT"}) || c_.Sees({"WITH"}) || c_.Sees({"VALUES"}) || c_.Sees({"FROM"})) {
    SqlWriter writer;
    writer.Text(
        "SELECT column_name AS col_name, tarn_spark_type(column_type) AS data_type, "
        "CAST(NULL AS VARCHAR) AS comment FROM (DESCRIBE ");
    TARN_RETURN_IF_ERROR(RewriteRest(writer));
    writer.Text(")");
    Add(writer, "DESCRIBE QUERY", true, true);
    return Status::Ok();
  }
  c_.Accept({"TABLE"});
  const bool extended =
      (c_.Peek(1).IsName() && (c_.Accept({"EXTENDED"}) || c_.Accept({"FORMATTED"})));
  return DescribeTable(extended);
}

// DESCRIBE [TABLE] [EXTENDED] t [column]
Status StatementTranslator::DescribeTable(bool extended) {
  TARN_ASSIGN_OR_RETURN(ObjectName table, c_.ReadName("a table name"));
  const std::string name = c_.NameArgument(table);
  const std::string described = "tarn_describe(" + name + ")";
  if (c_.Peek().IsName()) {
    TARN_ASSIGN_OR_RETURN(std::string column, c_.ReadIdentifier("a column name"));
    TARN_RETURN_IF_ERROR(c_.ExpectEnd());
    AddText(
        "SELECT unnest(['col_name', 'data_type', 'comment']) AS info_name, unnest([col_name, "
        "data_type, "
        "coalesce(comment, 'NULL')]) AS info_value FROM " +
            described +
            " WHERE place < 1000000 AND "
            "lower(col_name) = " +
            QuoteString(LowerAscii(column)),
        "DESCRIBE TABLE", true);
    return Status::Ok();
  }
  TARN_RETURN_IF_ERROR(c_.ExpectEnd());
  if (!extended) {
    AddText("SELECT col_name, data_type, comment FROM " + described + " ORDER BY place",
            "DESCRIBE TABLE", true);
    return Status::Ok();
  }
  // The table's facts follow in Spark's layout.
  const std::string shown = QuoteString(table.is_path() ? table.path : c_.TableSql(table));
  AddText("SELECT col_name, data_type, comment FROM (SELECT * FROM " + described +
              " UNION ALL SELECT 2000000 + unnest(range(10)), unnest(['', '# Detailed Table "
              "Information', 'Name', "
              "'Type', 'Comment', 'Location', 'Provider', 'Created Time', 'Last Modified', 'Table "
              "Properties']), "
              "unnest(['', '', " +
              shown +
              ", 'MANAGED', description, location, format, CAST(createdAt AS VARCHAR), "
              "CAST(lastModified AS VARCHAR), '[' || "
              "array_to_string(list_transform(list_sort(map_entries("
              "properties)), lambda entry: entry.key || '=' || entry.value), ',') || ']']), '' "
              "FROM delta_detail(" +
              name + ")) AS facts WHERE data_type IS NOT NULL ORDER BY place",
          "DESCRIBE EXTENDED", true);
  return Status::Ok();
}

Status StatementTranslator::Show() {
  c_.Take();
  if (c_.Accept({"TABLES"})) return ShowTables(false);
  if (c_.Accept({"VIEWS"})) return ShowTables(true);
  if (c_.Accept({"SCHEMAS"}) || c_.Accept({"DATABASES"}) || c_.Accept({"NAMESPACES"}))
    return ShowSchemas();
  if (c_.Accept({"TBLPROPERTIES"})) return ShowProperties();
  if (c_.Accept({"COLUMNS"})) return ShowColumns();
  if (c_.Accept({"CREATE", "TABLE"})) return ShowCreateTable();
  if (c_.Accept({"PARTITIONS"})) return ShowPartitions();
  if (c_.Accept({"CATALOGS"})) {
    AddText("SELECT " + QuoteString(c_.context().catalog) + " AS catalog", "SHOW CATALOGS", true);
    return c_.ExpectEnd();
  }
  if (c_.Sees({"GRANTS"}) || c_.Sees({"GRANT"})) {
    return Refuse("SHOW GRANTS", "rights are kept in the project's policies");
  }
  if (c_.Sees({"FUNCTIONS"})) return Refuse("SHOW FUNCTIONS", "see the function list in the docs");
  return c_.Unexpected(
      "TABLES, VIEWS, SCHEMAS, TBLPROPERTIES, COLUMNS, CREATE TABLE or PARTITIONS");
}

// [LIKE] 'pattern' as a condition on `column`; empty when there is none.
Result<std::string> StatementTranslator::ReadLikeFilter(std::string_view column) {
  const bool like = c_.Accept({"LIKE"});
  if (!like && c_.Peek().kind != TokenKind::kString) return std::string();
  TARN_ASSIGN_OR_RETURN(std::string pattern, c_.ReadString("a pattern"));
  return " AND regexp_full_match(" + std::string(column) + ", " +
         QuoteString(PatternRegex(pattern)) + ")";
}

// SHOW TABLES | VIEWS [FROM | IN schema] [[LIKE] 'pattern']
Status StatementTranslator::ShowTables(bool views) {
  const std::string catalog = QuoteString(c_.context().catalog);
  std::string schema;
  if (c_.Accept({"IN"}) || c_.Accept({"FROM"})) {
    const Token& start = c_.Peek();
    TARN_ASSIGN_OR_RETURN(ObjectName name, c_.ReadName("a schema name"));
    if (name.is_path() || name.parts.size() > 2 ||
        (name.parts.size() == 2 && !c_.IsLakeCatalog(name.parts[0]))) {
      return c_.Fail(start, "expected a schema of the lake");
    }
    schema = name.parts.back();
  }
  TARN_ASSIGN_OR_RETURN(std::string like, ReadLikeFilter("name"));
  TARN_RETURN_IF_ERROR(c_.ExpectEnd());
  const std::string in_schema = schema.empty()
                                    ? "schema_name = current_schema()"
                                    : "lower(schema_name) = " + QuoteString(LowerAscii(schema));
  const std::string where = " WHERE database_name = " + catalog + " AND " + in_schema;
  std::string sql = "SELECT schema_name AS namespace, name AS \"" +
                    std::string(views ? "viewName" : "tableName") +
                    "\", temporary AS \"isTemporary\" FROM (";
  if (!views)
    sql += "SELECT schema_name, table_name AS name, temporary FROM duckdb_tables()" + where +
           " UNION ALL ";
  sql +=
      "SELECT schema_name, view_name AS name, temporary FROM duckdb_views()" + where + ") AS found";
  if (schema.empty()) {
    sql += " WHERE true";
  } else {
    // No such schema is an error, not an empty list.
    sql += " RIGHT JOIN (SELECT CASE WHEN count(*) = 0 THEN error(" +
           QuoteString("schema '" + schema + "' does not exist; SHOW SCHEMAS lists them") +
           ") END AS missing FROM duckdb_schemas()" + where +
           ") AS guard ON true WHERE missing IS NULL AND name IS "
           "NOT NULL";
  }
  AddText(sql + like + " ORDER BY ALL", views ? "SHOW VIEWS" : "SHOW TABLES", true);
  return Status::Ok();
}

Status StatementTranslator::ShowSchemas() {
  if (c_.Accept({"IN"}) || c_.Accept({"FROM"})) {
    const Token& start = c_.Peek();
    TARN_ASSIGN_OR_RETURN(std::string catalog, c_.ReadIdentifier("a catalog name"));
    if (!c_.IsLakeCatalog(catalog)) return c_.Fail(start, "there is no catalog " + catalog);
  }
  TARN_ASSIGN_OR_RETURN(std::string like, ReadLikeFilter("schema_name"));
  TARN_RETURN_IF_ERROR(c_.ExpectEnd());
  AddText("SELECT schema_name AS namespace FROM duckdb_schemas() WHERE database_name = " +
              QuoteString(c_.context().catalog) +
              " AND schema_name NOT IN ('information_schema', 'pg_catalog')" + like +
              " ORDER BY ALL",
          "SHOW SCHEMAS", true);
  return Status::Ok();
}

// SHOW TBLPROPERTIES t [('key')]
Status StatementTranslator::ShowProperties() {
  TARN_ASSIGN_OR_RETURN(ObjectName table, c_.ReadName("a table name"));
  std::string sql = "SELECT key, value FROM delta_properties(" + c_.NameArgument(table) + ")";
  if (c_.Sees({"("})) {
    TARN_ASSIGN_OR_RETURN(Properties keys, c_.ReadProperties());
    if (keys.size() != 1) return c_.Fail(c_.Peek(), "SHOW TBLPROPERTIES takes one key");
    sql += " WHERE key = " + QuoteString(keys.front().first);
  }
  TARN_RETURN_IF_ERROR(c_.ExpectEnd());
  AddText(sql + " ORDER BY key", "SHOW TBLPROPERTIES", true);
  return Status::Ok();
}

// SHOW COLUMNS IN t [IN schema]
Status StatementTranslator::ShowColumns() {
  if (!c_.Accept({"IN"})) TARN_RETURN_IF_ERROR(c_.Expect({"FROM"}));
  TARN_ASSIGN_OR_RETURN(ObjectName table, c_.ReadName("a table name"));
  if (c_.Accept({"IN"}) || c_.Accept({"FROM"})) {
    TARN_ASSIGN_OR_RETURN(std::string schema, c_.ReadIdentifier("a schema name"));
    if (table.parts.size() == 1) table.parts.insert(table.parts.begin(), schema);
  }
  TARN_RETURN_IF_ERROR(c_.ExpectEnd());
  AddText("SELECT column_name AS col_name FROM (DESCRIBE " + c_.TableSql(table) + ")",
          "SHOW COLUMNS", true);
  return Status::Ok();
}

Status StatementTranslator::ShowCreateTable() {
  TARN_ASSIGN_OR_RETURN(ObjectName table, c_.ReadName("a table name"));
  c_.Accept({"AS", "SERDE"});
  TARN_RETURN_IF_ERROR(c_.ExpectEnd());
  const std::string table_sql = c_.TableSql(table);
  auto quoted = [](const std::string& expression) {
    return "'''' || replace(replace(" + expression + ", '\\', '\\\\'), '''', '\\''') || ''''";
  };
  // One text built by the query itself, from what the table says now.
  std::string sql = "SELECT 'CREATE TABLE ' || " + QuoteString(table_sql) +
                    " || ' (' || chr(10) || (SELECT string_agg('  ' || col_name || ' ' || "
                    "upper(data_type) || coalesce(' ' || value_clause, '') || CASE WHEN "
                    "\"null\" = 'NO' THEN ' NOT NULL' ELSE '' END || CASE WHEN comment IS NULL "
                    "THEN '' ELSE ' COMMENT ' || " +
                    quoted("comment") +
                    " END, ',' || chr(10) ORDER BY place) FROM (SELECT row_number() OVER () - 1 AS "
                    "place, \"null\" FROM "
                    "(DESCRIBE " +
                    table_sql + ")) AS nulls JOIN delta_columns(" + c_.NameArgument(table) +
                    ") AS valued USING (place) JOIN tarn_describe(" + c_.NameArgument(table) +
                    ") AS described USING (place)"
                    ") || ')' || chr(10) || 'USING delta' || CASE WHEN "
                    "array_length(partitionColumns) > 0 THEN chr(10) || 'PARTITIONED BY (' || "
                    "array_to_string(partitionColumns, ', ') || ')' ELSE '' END || CASE WHEN "
                    "array_length(clusteringColumns) > 0 THEN chr(10) || 'CLUSTER BY (' || "
                    "array_to_string(clusteringColumns, ', ') || ')' ELSE '' END || CASE WHEN "
                    "description IS NOT NULL THEN chr(10) || "
                    "'COMMENT ' || " +
                    quoted("description") +
                    " ELSE '' END || coalesce((SELECT chr(10) || 'TBLPROPERTIES (' || "
                    "chr(10) || string_agg('  ' || " +
                    quoted("key") + " || ' = ' || " + quoted("value") +
                    ", ',' || chr(10) ORDER BY key) || ')' FROM delta_properties(" +
                    c_.NameArgument(table) + ")), '') AS createtab_stmt FROM delta_detail(" +
                    c_.NameArgument(table) + ")";
  AddText(std::move(sql), "SHOW CREATE TABLE", true);
  return Status::Ok();
}

Status StatementTranslator::ShowPartitions() {
  TARN_ASSIGN_OR_RETURN(ObjectName table, c_.ReadName("a table name"));
  if (c_.Sees({"PARTITION"}))
    return c_.Unsupported(c_.Peek(), "SHOW PARTITIONS lists all; leave PARTITION out");
  TARN_RETURN_IF_ERROR(c_.ExpectEnd());
  AddText("SELECT * FROM tarn_partitions(" + c_.NameArgument(table) + ")", "SHOW PARTITIONS", true);
  return Status::Ok();
}

}  // namespace tarn::dialect
