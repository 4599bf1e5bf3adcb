#include "dialect/statement_types.h"

#include <array>

namespace tarn::dialect {
namespace {

struct TypeName {
  std::string_view spark;
  std::string_view duckdb;
};

// Types without parameters; the others are read by hand.
constexpr std::array<TypeName, 22> kTypes = {{
    {"STRING", "VARCHAR"},
    {"BINARY", "BLOB"},
    {"BYTE", "TINYINT"},
    {"TINYINT", "TINYINT"},
    {"SHORT", "SMALLINT"},
    {"SMALLINT", "SMALLINT"},
    {"INT", "INTEGER"},
    {"INTEGER", "INTEGER"},
    {"LONG", "BIGINT"},
    {"BIGINT", "BIGINT"},
    {"FLOAT", "FLOAT"},
    {"REAL", "FLOAT"},
    {"DOUBLE", "DOUBLE"},
    {"BOOLEAN", "BOOLEAN"},
    {"DATE", "DATE"},
    {"VOID", "\"NULL\""},
    {"NULL", "\"NULL\""},
    {"VARIANT", "VARIANT"},
    {"TIMESTAMP_LTZ", "TIMESTAMP WITH TIME ZONE"},
    {"CHAR", "VARCHAR"},
    {"CHARACTER", "VARCHAR"},
    {"VARCHAR", "VARCHAR"},
}};

constexpr std::array<std::string_view, 12> kCastFunctions = {
    "BOOLEAN", "TINYINT", "SMALLINT", "INT",       "BIGINT", "FLOAT",
    "DOUBLE",  "DECIMAL", "DATE",     "TIMESTAMP", "BINARY", "STRING"};

class TypeReader {
 public:
  TypeReader(StatementCursor& cursor, TypePlace place) : cursor_(cursor), place_(place) {}

  Result<std::string> Read(int depth) {
    // Types nest as deep as the text says: refuse what would exhaust the stack.
    if (depth > 200) return cursor_.Unexpected("a type nested less than 200 levels");
    if (cursor_.Peek().kind != TokenKind::kWord) return cursor_.Unexpected("a type");
    if (cursor_.Accept({"ARRAY", "<"})) return ReadArray(depth);
    if (cursor_.Accept({"MAP", "<"})) return ReadMap(depth);
    if (cursor_.Accept({"STRUCT", "<"})) return ReadStruct(depth);
    if (cursor_.Accept({"STRUCT", "<>"}))
      return cursor_.Unexpected("a struct with at least one field");
    if (cursor_.Sees({"INTERVAL"})) return ReadInterval();
    if (cursor_.Sees({"TIMESTAMP"}) || cursor_.Sees({"TIMESTAMP_NTZ"})) return ReadTimestamp();
    if (cursor_.Sees({"DECIMAL"}) || cursor_.Sees({"DEC"}) || cursor_.Sees({"NUMERIC"})) {
      cursor_.Take();
      // Spark's bare DECIMAL has 10 digits and no fraction, DuckDB's is DECIMAL(18,3).
      return cursor_.Sees({"("}) ? Parameters("DECIMAL")
                                 : Result<std::string>(std::string("DECIMAL(10,0)"));
    }
    for (const TypeName& type : kTypes) {
      if (!cursor_.Peek().Is(type.spark)) continue;
      cursor_.Take();
      cursor_.Accept({"PRECISION"});
      // Lengths of CHAR(n) and VARCHAR(n) are no type of DuckDB or of Delta's files.
      if (cursor_.Sees({"("})) TARN_RETURN_IF_ERROR(Parameters("").status());
      if (cursor_.Accept({"COLLATE"}))
        TARN_RETURN_IF_ERROR(cursor_.ReadIdentifier("a collation").status());
      return std::string(type.duckdb);
    }
    return cursor_.Unexpected("a type");
  }

 private:
  Result<std::string> ReadArray(int depth) {
    TARN_ASSIGN_OR_RETURN(std::string element, Read(depth + 1));
    TARN_RETURN_IF_ERROR(cursor_.Expect({">"}));
    return element + "[]";
  }

  Result<std::string> ReadMap(int depth) {
    TARN_ASSIGN_OR_RETURN(std::string key, Read(depth + 1));
    TARN_RETURN_IF_ERROR(cursor_.Expect({","}));
    TARN_ASSIGN_OR_RETURN(std::string value, Read(depth + 1));
    TARN_RETURN_IF_ERROR(cursor_.Expect({">"}));
    return "MAP(" + key + ", " + value + ")";
  }

  Result<std::string> ReadStruct(int depth) {
    std::string fields;
    while (true) {
      TARN_ASSIGN_OR_RETURN(std::string name, cursor_.ReadIdentifier("a field name"));
      cursor_.Accept({":"});
      TARN_ASSIGN_OR_RETURN(std::string type, Read(depth + 1));
      // DuckDB's structs have no place for a field's NOT NULL or comment.
      if (cursor_.Sees({"NOT", "NULL"})) {
        return cursor_.Unsupported(cursor_.Peek(),
                                   "NOT NULL inside a STRUCT is not supported; use a CHECK "
                                   "constraint on the column");
      }
      if (cursor_.Accept({"COMMENT"}))
        TARN_RETURN_IF_ERROR(cursor_.ReadString("a comment").status());
      fields += (fields.empty() ? "" : ", ") + QuoteNameIfNeeded(name) + " " + type;
      if (cursor_.Accept({">"})) return "STRUCT(" + fields + ")";
      TARN_RETURN_IF_ERROR(cursor_.Expect({","}));
    }
  }

  Result<std::string> ReadInterval() {
    cursor_.Take();
    static constexpr std::array<std::string_view, 6> kUnits = {"YEAR", "MONTH",  "DAY",
                                                               "HOUR", "MINUTE", "SECOND"};
    auto accept_unit = [&] {
      for (std::string_view unit : kUnits) {
        if (cursor_.Accept({unit})) return true;
      }
      return false;
    };
    if (accept_unit() && cursor_.Accept({"TO"}) && !accept_unit())
      return cursor_.Unexpected("YEAR to SECOND");
    return std::string("INTERVAL");
  }

  Result<std::string> ReadTimestamp() {
    const bool ntz =
        cursor_.Take().Is("TIMESTAMP_NTZ") || cursor_.Accept({"WITHOUT", "TIME", "ZONE"});
    if (!ntz) cursor_.Accept({"WITH", "TIME", "ZONE"});
    if (place_ == TypePlace::kCast) return std::string(ntz ? "TIMESTAMP_NTZ" : "TIMESTAMP");
    return std::string(ntz ? "TIMESTAMP" : "TIMESTAMP WITH TIME ZONE");
  }

  // "( n, m )" as written.
  Result<std::string> Parameters(std::string name) {
    name += "(";
    TARN_RETURN_IF_ERROR(cursor_.Expect({"("}));
    while (true) {
      if (cursor_.Peek().kind != TokenKind::kNumber) return cursor_.Unexpected("a number");
      name += cursor_.Take().text;
      if (cursor_.Accept({")"})) return name + ")";
      TARN_RETURN_IF_ERROR(cursor_.Expect({","}));
      name += ",";
    }
  }

  StatementCursor& cursor_;
  TypePlace place_;
};

// A DuckDB type: a name of one or more words, parameters, and any number of [].
Result<std::string> CopyDuckdbType(StatementCursor& cursor) {
  const size_t first = cursor.position();
  if (!cursor.Peek().IsName()) return cursor.Unexpected("a type");
  cursor.Take();
  if (!cursor.Accept({"PRECISION"})) cursor.Accept({"VARYING"});
  if (cursor.Sees({"("})) {
    TARN_ASSIGN_OR_RETURN(size_t after, cursor.AfterGroup(cursor.position()));
    cursor.Seek(after);
  }
  if (!cursor.Accept({"WITH", "TIME", "ZONE"})) cursor.Accept({"WITHOUT", "TIME", "ZONE"});
  while (cursor.Sees({"["})) {
    TARN_ASSIGN_OR_RETURN(size_t after, cursor.AfterGroup(cursor.position()));
    cursor.Seek(after);
  }
  return std::string(cursor.Span(first, cursor.position()));
}

}  // namespace

Result<std::string> ReadType(StatementCursor& cursor, TypePlace place) {
  if (!cursor.spark()) return CopyDuckdbType(cursor);
  return TypeReader(cursor, place).Read(0);
}

std::string CastFunctionType(std::string_view word) {
  for (std::string_view function : kCastFunctions) {
    if (!EqualsIgnoreCase(word, function)) continue;
    if (function == "DECIMAL") return "DECIMAL(10,0)";
    if (function == "TIMESTAMP") return "TIMESTAMP";
    for (const TypeName& type : kTypes) {
      if (type.spark == function) return std::string(type.duckdb);
    }
  }
  return "";
}

}  // namespace tarn::dialect
