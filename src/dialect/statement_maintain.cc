// OPTIMIZE, REORG, VACUUM, RESTORE, SHALLOW CLONE, CONVERT TO DELTA, GENERATE, FSCK: each becomes a
// CALL of a procedure of `duck`.

#include "dialect/statement.h"
#include "dialect/statement_query.h"

namespace tarn::dialect {
namespace {

const char* Flag(bool value) { return value ? "true" : "false"; }

// "VERSION => 3" as two arguments of a procedure: version, timestamp.
std::string TravelArguments(const std::string& travel) {
  if (travel.empty()) return "NULL, NULL";
  const std::string value = travel.substr(travel.find("=> ") + 3);
  return travel.compare(0, 7, "VERSION") == 0 ? value + ", NULL" : "NULL, " + value;
}

}  // namespace

// WHERE predicate, up to one of the words that may follow: as the procedure evaluates it, and as it
// was typed, for the history.
Result<StatementTranslator::MaintenanceWhere> StatementTranslator::ReadMaintenanceWhere(
    std::initializer_list<std::string_view> next) {
  if (!c_.Accept({"WHERE"})) return MaintenanceWhere{};
  const size_t first = c_.position();
  size_t last = first;
  const auto ends = [&] {
    auto at = last;
    for (const std::string_view word : next) {
      if (!c_.At(at++).Is(word)) return false;
    }
    return true;
  };
  while (last < c_.end() && !ends()) ++last;
  TARN_ASSIGN_OR_RETURN(std::string sql, ReadPredicate(first, last));
  c_.Seek(last);
  return MaintenanceWhere{QuoteString(sql), QuoteString(c_.SparkText(first, last))};
}

// OPTIMIZE t [FULL] [WHERE predicate] [ZORDER BY (a, b)]
Status StatementTranslator::Optimize() {
  c_.Take();
  c_.Accept({"TABLE"});
  TARN_ASSIGN_OR_RETURN(ObjectName table, c_.ReadName("a table name"));
  bool full = c_.Accept({"FULL"});
  TARN_ASSIGN_OR_RETURN(const auto where, ReadMaintenanceWhere({"ZORDER", "BY"}));
  std::vector<std::string> columns;
  if (c_.Accept({"ZORDER", "BY"})) {
    const bool list = c_.Accept({"("});
    do {
      TARN_ASSIGN_OR_RETURN(std::vector<std::string> path, ReadColumnPath());
      std::string dotted;
      for (const std::string& part : path) dotted += (dotted.empty() ? "" : ".") + part;
      columns.push_back(std::move(dotted));
    } while (c_.Accept({","}));
    if (list) TARN_RETURN_IF_ERROR(c_.Expect({")"}));
  }
  full |= c_.Accept({"FULL"});
  TARN_RETURN_IF_ERROR(c_.ExpectEnd());
  std::string arguments = c_.NameArgument(table) + ", " + where.sql + ", " + StringList(columns);
  if (full || where.text != "NULL") arguments += std::string(", ") + Flag(full);
  if (where.text != "NULL") arguments += ", " + where.text;
  AddText("CALL tarn_optimize(" + arguments + ")", "OPTIMIZE", true);
  return Status::Ok();
}

// REORG TABLE t [WHERE predicate] APPLY (PURGE)
Status StatementTranslator::Reorg() {
  c_.Take();
  c_.Accept({"TABLE"});
  TARN_ASSIGN_OR_RETURN(ObjectName table, c_.ReadName("a table name"));
  TARN_ASSIGN_OR_RETURN(const auto where, ReadMaintenanceWhere({"APPLY", "("}));
  TARN_RETURN_IF_ERROR(c_.Expect({"APPLY", "("}));
  if (c_.Sees({"UPGRADE"})) {
    return c_.Unsupported(c_.Peek(), "REORG … APPLY (UPGRADE …) is not supported; PURGE is");
  }
  TARN_RETURN_IF_ERROR(c_.Expect({"PURGE"}));
  TARN_RETURN_IF_ERROR(c_.Expect({")"}));
  TARN_RETURN_IF_ERROR(c_.ExpectEnd());
  AddText("CALL tarn_reorg(" + c_.NameArgument(table) + ", " + where.sql + ", " + where.text + ")",
          "REORG", true);
  return Status::Ok();
}

// VACUUM t [FULL | LITE] [RETAIN n HOURS] [DRY RUN]
Status StatementTranslator::Vacuum() {
  c_.Take();
  c_.Accept({"TABLE"});
  TARN_ASSIGN_OR_RETURN(ObjectName table, c_.ReadName("a table name"));
  std::string hours = "NULL";
  bool dry_run = false;
  bool lite = false;
  while (!c_.AtEnd()) {
    if (c_.Accept({"RETAIN"})) {
      if (c_.Peek().kind != TokenKind::kNumber) return c_.Unexpected("a number of hours");
      hours = std::string(c_.Take().text);
      if (!c_.Accept({"HOURS"})) TARN_RETURN_IF_ERROR(c_.Expect({"HOUR"}));
    } else if (c_.Accept({"DRY", "RUN"})) {
      dry_run = true;
    } else if (c_.Accept({"LITE"})) {
      lite = true;
    } else if (c_.Sees({"USING", "INVENTORY"})) {
      return c_.Unsupported(c_.Peek(), "VACUUM … USING INVENTORY is not supported; leave it out");
    } else if (!c_.Accept({"FULL"})) {
      return c_.Unexpected("RETAIN n HOURS, DRY RUN, LITE or the end of the statement");
    }
  }
  AddText("CALL tarn_vacuum(" + c_.NameArgument(table) + ", " + hours + ", " + Flag(dry_run) +
              (lite ? ", true)" : ")"),
          "VACUUM", true);
  return Status::Ok();
}

// RESTORE [TABLE] t [TO] VERSION AS OF n | TIMESTAMP AS OF x
Status StatementTranslator::Restore() {
  c_.Take();
  c_.Accept({"TABLE"});
  TARN_ASSIGN_OR_RETURN(ObjectName table, c_.ReadName("a table name"));
  c_.Accept({"TO"});
  std::string travel = table.travel;
  if (travel.empty()) {
    TARN_ASSIGN_OR_RETURN(travel, ReadTimeTravel(c_));
  }
  if (travel.empty()) return c_.Unexpected("TO VERSION AS OF n or TO TIMESTAMP AS OF x");
  TARN_RETURN_IF_ERROR(c_.ExpectEnd());
  AddText("CALL tarn_restore(" + c_.NameArgument(table) + ", " + TravelArguments(travel) + ")",
          "RESTORE", true);
  return Status::Ok();
}

// … TABLE t SHALLOW CLONE source [VERSION | TIMESTAMP AS OF x] [TBLPROPERTIES (…)]
Status StatementTranslator::Clone(const ObjectName& name, bool replace, bool if_not_exists) {
  if (!c_.Accept({"SHALLOW", "CLONE"})) {
    return c_.Unsupported(c_.Peek(),
                          "a deep clone is not supported; use SHALLOW CLONE, which copies no file, "
                          "or CREATE TABLE … AS SELECT * FROM the source");
  }
  TARN_ASSIGN_OR_RETURN(ObjectName source, c_.ReadName("a table name"));
  std::string travel = source.travel;
  if (travel.empty()) {
    TARN_ASSIGN_OR_RETURN(travel, ReadTimeTravel(c_));
  }
  Properties properties;
  if (c_.Accept({"TBLPROPERTIES"})) {
    TARN_ASSIGN_OR_RETURN(properties, c_.ReadProperties());
  }
  if (c_.Sees({"LOCATION"})) {
    return c_.Unsupported(c_.Peek(), "a clone lies where its name says; leave LOCATION out");
  }
  TARN_RETURN_IF_ERROR(c_.ExpectEnd());
  std::vector<std::string> keys, values;
  for (const auto& [key, value] : properties) {
    keys.push_back(key);
    values.push_back(value);
  }
  AddText("CALL tarn_clone(" + c_.NameArgument(name) + ", " + c_.NameArgument(source) + ", " +
              TravelArguments(travel) + ", " + Flag(replace) + ", " + Flag(if_not_exists) +
              ", MAP(" + StringList(keys) + ", " + StringList(values) + "))",
          "CLONE", true);
  return Status::Ok();
}

// CONVERT TO DELTA parquet.`path` [NO STATISTICS] [PARTITIONED BY (a INT, …)]
Status StatementTranslator::Convert() {
  c_.Take();
  TARN_RETURN_IF_ERROR(c_.Expect({"TO", "DELTA"}));
  TARN_ASSIGN_OR_RETURN(ObjectName name, c_.ReadName("parquet.`path`"));
  if (name.is_path() && name.path_format != "parquet") {
    return c_.Unsupported(c_.At(name.token),
                          "CONVERT TO DELTA takes parquet.`path`, a folder of "
                          "Parquet files");
  }
  bool statistics = !c_.Accept({"NO", "STATISTICS"});
  std::vector<std::string> partitions;
  if (c_.Accept({"PARTITIONED", "BY"})) {
    TARN_RETURN_IF_ERROR(c_.Expect({"("}));
    do {
      TARN_ASSIGN_OR_RETURN(std::string column, c_.ReadIdentifier("a partition column"));
      const size_t first = c_.position();
      size_t last = first;
      for (int depth = 0; last < c_.end(); ++last) {
        if (depth == 0 && (c_.At(last).Is(",") || c_.At(last).Is(")"))) break;
        if (c_.At(last).Is("(")) ++depth;
        if (c_.At(last).Is(")")) --depth;
      }
      std::string type(c_.Span(first, last));
      c_.Seek(last);
      partitions.push_back(std::move(column));
      partitions.push_back(std::move(type));
    } while (c_.Accept({","}));
    TARN_RETURN_IF_ERROR(c_.Expect({")"}));
  }
  if (c_.Accept({"NO", "STATISTICS"})) statistics = false;
  TARN_RETURN_IF_ERROR(c_.ExpectEnd());
  AddText("CALL tarn_convert(" + (name.is_path() ? QuoteString(name.path) : c_.NameArgument(name)) +
              ", " + StringList(partitions) + ", " + Flag(statistics) + ")",
          "CONVERT", true);
  return Status::Ok();
}

// GENERATE symlink_format_manifest FOR TABLE t
Status StatementTranslator::Generate() {
  c_.Take();
  const Token& mode = c_.Peek();
  TARN_ASSIGN_OR_RETURN(const std::string name, c_.ReadIdentifier("symlink_format_manifest"));
  if (!EqualsIgnoreCase(name, "symlink_format_manifest")) {
    return c_.Unsupported(mode, "GENERATE knows symlink_format_manifest only");
  }
  TARN_RETURN_IF_ERROR(c_.Expect({"FOR", "TABLE"}));
  TARN_ASSIGN_OR_RETURN(ObjectName table, c_.ReadName("a table name"));
  TARN_RETURN_IF_ERROR(c_.ExpectEnd());
  AddText("CALL tarn_generate_manifest(" + c_.NameArgument(table) + ")", "GENERATE", true);
  return Status::Ok();
}

// FSCK REPAIR TABLE t [DRY RUN]
Status StatementTranslator::Fsck() {
  c_.Take();
  TARN_RETURN_IF_ERROR(c_.Expect({"REPAIR", "TABLE"}));
  TARN_ASSIGN_OR_RETURN(ObjectName table, c_.ReadName("a table name"));
  const bool dry_run = c_.Accept({"DRY", "RUN"});
  TARN_RETURN_IF_ERROR(c_.ExpectEnd());
  AddText("CALL tarn_check_table(" + c_.NameArgument(table) + ", " + Flag(!dry_run) + ")", "FSCK",
          true);
  return Status::Ok();
}

// Statements whose first word says all; false when this is none of them.
Result<bool> StatementTranslator::Maintenance() {
  const Token& first = c_.Peek();
  Status status;
  if (first.Is("OPTIMIZE")) {
    status = Optimize();
  } else if (c_.Sees({"REORG", "TABLE"})) {
    status = Reorg();
  } else if (first.Is("RESTORE")) {
    status = Restore();
  } else if (c_.Sees({"CONVERT", "TO"})) {
    status = Convert();
  } else if (first.Is("GENERATE")) {
    status = Generate();
  } else if (c_.Sees({"FSCK", "REPAIR"})) {
    status = Fsck();
  } else {
    return false;
  }
  TARN_RETURN_IF_ERROR(status);
  return true;
}

}  // namespace tarn::dialect
