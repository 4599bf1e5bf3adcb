#include <algorithm>

#include "dialect/lexer.h"

namespace tarn::dialect {
namespace {

// DuckDB 1.5's keywords that cannot be used bare everywhere a name can, sorted.
constexpr std::string_view kQuotedKeywords[] = {
    "all", "analyse", "analyze", "and", "anti", "any", "array", "as", "asc", "asof",
    "asymmetric", "at", "authorization", "between", "bigint", "binary", "bit", "boolean", "both",
    "by", "case", "cast", "char", "character", "check", "coalesce", "collate", "collation",
    "column", "columns", "concurrently", "constraint", "create", "cross", "dec", "decimal",
    "default", "deferrable", "desc", "describe", "distinct", "do", "else", "end", "except",
    "exists", "extract", "false", "fetch", "float", "for", "foreign", "freeze", "from", "full",
    "generated", "glob", "group", "grouping", "grouping_id", "having", "ilike", "in",
    "initially", "inner", "inout", "int", "integer", "intersect", "interval", "into", "is",
    "isnull", "join", "lambda", "lateral", "leading", "left", "like", "limit", "map", "national",
    "natural", "nchar", "none", "not", "notnull", "null", "nullif", "numeric", "offset", "on",
    "only", "or", "order", "out", "outer", "overlaps", "overlay", "pivot", "pivot_longer",
    "pivot_wider", "placing", "position", "positional", "precision", "primary", "qualify",
    "real", "references", "returning", "right", "row", "select", "semi", "setof", "show",
    "similar", "smallint", "some", "struct", "substring", "summarize", "symmetric", "table",
    "tablesample", "then", "time", "timestamp", "to", "trailing", "treat", "trim", "true",
    "try_cast", "union", "unique", "unpack", "unpivot", "using", "values", "varchar", "variadic",
    "verbose", "when", "where", "window", "with", "xmlattributes", "xmlconcat", "xmlelement",
    "xmlexists", "xmlforest", "xmlnamespaces", "xmlparse", "xmlpi", "xmlroot", "xmlserialize",
    "xmltable"};

}  // namespace

std::string QuoteNameIfNeeded(std::string_view name) {
  auto start = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  bool plain = !name.empty() && start(name[0]) && std::all_of(name.begin(), name.end(), [&](char c) {
    return start(c) || (c >= '0' && c <= '9');
  });
  if (plain) {
    std::string lower = LowerAscii(name);
    plain = !std::binary_search(std::begin(kQuotedKeywords), std::end(kQuotedKeywords),
                                std::string_view(lower));
  }
  return plain ? std::string(name) : QuoteName(name);
}

}  // namespace tarn::dialect
