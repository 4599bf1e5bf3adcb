// Strings: cutting, padding, searching, joining.
#include <algorithm>

#include "dialect/function_families.h"
#include "dialect/function_types.h"
#include "dialect/function_utf8.h"

namespace tarn::dialect {

using namespace duckdb;

namespace {

const LogicalType kText = LogicalType::VARCHAR;
const LogicalType kInt = LogicalType::INTEGER;

bool IsBinary(const LogicalType& type) { return type.id() == LogicalTypeId::BLOB; }

// Text, or bytes where they were bytes.
Expr TextOrBytes(FunctionCall& call, idx_t i) {
  return IsBinary(call.Type(i)) ? call.Take(i) : call.Text(call.Take(i));
}

Expr BindLength(FunctionCall& call) {
  auto value = TextOrBytes(call, 0);
  if (IsBinary(value->return_type))
    return call.Sql("CAST(octet_length($1) AS INTEGER)", std::move(value));
  return call.Sql("CAST(length($1) AS INTEGER)", std::move(value));
}

Expr BindOctets(FunctionCall& call, const char* sql) {
  auto value = TextOrBytes(call, 0);
  if (!IsBinary(value->return_type)) value = call.Call("encode", std::move(value));
  return call.Sql(sql, std::move(value));
}

Expr BindConcat(FunctionCall& call) {
  if (call.Count() == 0) return Literal(Value(""));
  bool lists = false, all_binary = true;
  for (idx_t i = 0; i < call.Count(); i++) {
    lists |= call.Id(i) == LogicalTypeId::LIST;
    all_binary &= IsBinary(call.Type(i));
  }
  if (lists) {
    for (idx_t i = 0; i < call.Count(); i++) {
      if (call.Id(i) != LogicalTypeId::LIST) call.Refuse("takes only strings or only arrays");
    }
    UnifyArguments(call, 0);
    auto result = call.Take(0);
    for (idx_t i = 1; i < call.Count(); i++) {
      result = call.Sql("CASE WHEN $1 IS NULL OR $2 IS NULL THEN NULL ELSE list_concat($1, $2) END",
                        std::move(result), call.Take(i));
    }
    return result;
  }
  Exprs args;
  for (idx_t i = 0; i < call.Count(); i++) {
    args.push_back(all_binary ? call.Take(i) : call.Text(call.Take(i)));
  }
  if (args.size() == 1) return std::move(args[0]);
  if (args.size() == 2) {
    // DuckDB's || of a NULL literal has no type of its own.
    return call.Plain(call.Call("||", std::move(args), true),
                      all_binary ? LogicalType::BLOB : kText);
  }
  auto each = [](RowIn& in, RowOut& out) {
    idx_t size = 0;
    for (idx_t c = 0; c < in.Columns(); c++) size += in.Text(c).size();
    auto target = StringVector::EmptyString(out.result(), size);
    auto data = target.GetDataWriteable();
    for (idx_t c = 0; c < in.Columns(); c++) {
      const auto part = in.Text(c);
      data = std::copy(part.begin(), part.end(), data);
    }
    target.Finalize();
    out.Set<string_t>(target);
  };
  return Native("concat", all_binary ? LogicalType::BLOB : kText, EachRow(each), std::move(args));
}

// concat_ws(separator, strings or arrays of strings …): NULLs are left out.
void ConcatWs(DataChunk& args, ExpressionState&, Vector& result) {
  const auto columns = args.ColumnCount();
  vector<UnifiedVectorFormat> children(columns);
  for (idx_t c = 1; c < columns; c++) {
    if (args.data[c].GetType().id() != LogicalTypeId::LIST) continue;
    auto& child = ListVector::GetEntry(args.data[c]);
    child.ToUnifiedFormat(ListVector::GetListSize(args.data[c]), children[c]);
  }
  std::string text;
  RowLoop::Run(args, result, true, [&](RowIn& in, RowOut& out) {
    if (in.IsNull(0)) return out.Null();
    const auto separator = in.Text(0);
    text.clear();
    bool first = true;
    auto append = [&](std::string_view part) {
      if (!first) text += separator;
      first = false;
      text += part;
    };
    for (idx_t c = 1; c < columns; c++) {
      if (in.IsNull(c)) continue;
      if (args.data[c].GetType().id() != LogicalTypeId::LIST) {
        append(in.Text(c));
        continue;
      }
      const auto entry = in.Get<list_entry_t>(c);
      for (idx_t i = entry.offset; i < entry.offset + entry.length; i++) {
        const auto at = children[c].sel->get_index(i);
        if (!children[c].validity.RowIsValid(at)) continue;
        const auto& part = UnifiedVectorFormat::GetData<string_t>(children[c])[at];
        append({part.GetData(), part.GetSize()});
      }
    }
    out.Text(text);
  });
}

Expr BindConcatWs(FunctionCall& call) {
  Exprs args;
  for (idx_t i = 0; i < call.Count(); i++) {
    const bool list = call.Id(i) == LogicalTypeId::LIST;
    if (list && ListType::GetChildType(call.Type(i)).IsNested()) {
      call.Refuse("takes strings and arrays of strings, not " + SparkTypeName(call.Type(i)));
    }
    args.push_back(list ? call.Cast(call.Take(i), LogicalType::LIST(kText))
                        : call.Text(call.Take(i)));
  }
  return Native("concat_ws", kText, ConcatWs, std::move(args), true);
}

// Spark's positions: 1 is the first character, 0 too, negative counts from the end.
std::string_view Substring(std::string_view text, int64_t position, int64_t length, bool bytes) {
  if (length <= 0) return {};
  const int64_t size =
      position < 0 ? (bytes ? static_cast<int64_t>(text.size()) : CharCount(text)) : 0;
  const int64_t start = position > 0 ? position - 1 : position < 0 ? size + position : 0;
  const int64_t end = start + length;
  if (!bytes) return Slice(text, start, end);
  const auto from = std::clamp<int64_t>(start, 0, static_cast<int64_t>(text.size()));
  const auto to = std::clamp<int64_t>(end, from, static_cast<int64_t>(text.size()));
  return text.substr(static_cast<size_t>(from), static_cast<size_t>(to - from));
}

Expr BindSubstring(FunctionCall& call) {
  auto value = TextOrBytes(call, 0);
  const auto type = value->return_type;
  const bool bytes = IsBinary(type);
  Exprs args;
  args.push_back(std::move(value));
  args.push_back(call.Cast(call.Take(1), kInt));
  args.push_back(call.Count() > 2 ? call.Cast(call.Take(2), kInt)
                                  : Literal(Value::INTEGER(NumericLimits<int32_t>::Maximum())));
  return Native(bytes ? "substring_bytes" : "substring", type,
                EachRow([bytes](RowIn& in, RowOut& out) {
                  out.Text(Substring(in.Text(0), in.Get<int32_t>(1), in.Get<int32_t>(2), bytes));
                }),
                std::move(args));
}

void Left(RowIn& in, RowOut& out) { out.Text(Slice(in.Text(0), 0, in.Get<int32_t>(1))); }

void Right(RowIn& in, RowOut& out) {
  const auto text = in.Text(0);
  const int64_t wanted = in.Get<int32_t>(1);
  if (wanted <= 0) return out.Text("");
  const auto count = CharCount(text);
  out.Text(Slice(text, count - wanted, count));
}

void SubstringIndex(RowIn& in, RowOut& out) {
  const auto text = in.Text(0);
  const auto delimiter = in.Text(1);
  int64_t count = in.Get<int32_t>(2);
  if (delimiter.empty() || count == 0) return out.Text("");
  if (count > 0) {
    size_t at = std::string_view::npos;
    for (; count > 0; count--) {
      at = text.find(delimiter, at == std::string_view::npos ? 0 : at + 1);
      if (at == std::string_view::npos) return out.Text(text);
    }
    return out.Text(text.substr(0, at));
  }
  size_t at = text.size();
  for (; count < 0; count++) {
    if (at == 0) return out.Text(text);
    at = text.rfind(delimiter, at - 1);
    if (at == std::string_view::npos) return out.Text(text);
  }
  out.Text(text.substr(at + delimiter.size()));
}

int32_t Find(std::string_view text, std::string_view part, int64_t from) {
  const auto start = OffsetOf(text, from);
  const auto at = text.find(part, start);
  if (at == std::string_view::npos) return 0;
  return static_cast<int32_t>(CharCount(text.substr(0, at)) + 1);
}

void Locate(RowIn& in, RowOut& out) {
  // A NULL position finds nothing.
  if (in.Columns() > 2 && in.IsNull(2)) return out.Set<int32_t>(0);
  if (in.IsNull(0) || in.IsNull(1)) return out.Null();
  const int64_t position = in.Columns() > 2 ? in.Get<int32_t>(2) : 1;
  if (position < 1) return out.Set<int32_t>(0);
  out.Set<int32_t>(Find(in.Text(1), in.Text(0), position - 1));
}

template <bool LEFT>
void Pad(RowIn& in, RowOut& out) {
  const auto text = in.Text(0);
  const int64_t wanted = in.Get<int32_t>(1);
  const std::string_view pad = in.Columns() > 2 ? in.Text(2) : " ";
  if (wanted <= 0) return out.Text("");
  const auto count = CharCount(text);
  if (count >= wanted) return out.Text(Slice(text, 0, wanted));
  if (pad.empty()) return out.Text(text);
  const auto units = Characters(pad);
  std::string filling;
  for (int64_t i = 0; i < wanted - count; i++)
    filling += units[static_cast<size_t>(i) % units.size()];
  out.Text(LEFT ? filling + std::string(text) : std::string(text) + filling);
}

std::string_view Trimmed(std::string_view text, std::string_view set, bool left, bool right) {
  const auto removable = Characters(set);
  auto is_in = [&](std::string_view c) {
    return std::find(removable.begin(), removable.end(), c) != removable.end();
  };
  while (left && !text.empty()) {
    const auto length = std::min(CharLength(text[0]), text.size());
    if (!is_in(text.substr(0, length))) break;
    text.remove_prefix(length);
  }
  while (right && !text.empty()) {
    size_t start = text.size() - 1;
    while (start > 0 && (static_cast<unsigned char>(text[start]) & 0xC0) == 0x80) start--;
    if (!is_in(text.substr(start))) break;
    text.remove_suffix(text.size() - start);
  }
  return text;
}

template <bool LEFT, bool RIGHT>
void Trim(RowIn& in, RowOut& out) {
  out.Text(Trimmed(in.Text(0), in.Columns() > 1 ? in.Text(1) : " ", LEFT, RIGHT));
}

void Translate(RowIn& in, RowOut& out) {
  const auto from = Characters(in.Text(1));
  const auto to = Characters(in.Text(2));
  std::string result;
  for (auto c : Characters(in.Text(0))) {
    const auto found = std::find(from.begin(), from.end(), c) - from.begin();
    if (found == static_cast<long>(from.size())) {
      result += c;
    } else if (found < static_cast<long>(to.size())) {
      result += to[static_cast<size_t>(found)];
    }
  }
  out.Text(result);
}

void Reverse(RowIn& in, RowOut& out) {
  std::string result;
  const auto characters = Characters(in.Text(0));
  for (auto c = characters.rbegin(); c != characters.rend(); ++c) result += *c;
  out.Text(result);
}

Expr BindReverse(FunctionCall& call) {
  if (call.Id(0) == LogicalTypeId::LIST) return call.Call("spark_list_reversed", call.Take(0));
  Exprs args;
  args.push_back(call.Text(call.Take(0)));
  return Native("reverse", kText, EachRow(Reverse), std::move(args));
}

void Repeat(RowIn& in, RowOut& out) {
  std::string result;
  const auto text = in.Text(0);
  const auto times = std::max(in.Get<int32_t>(1), 0);
  if (text.size() * static_cast<size_t>(times) > (1ULL << 31)) {
    throw InvalidInputException("repeat: the result would be larger than 2 GiB");
  }
  result.reserve(text.size() * static_cast<size_t>(times));
  for (int32_t i = 0; i < times; i++) result += text;
  out.Text(result);
}

void Replace(RowIn& in, RowOut& out) {
  const auto text = in.Text(0);
  const auto from = in.Text(1);
  const std::string_view to = in.Columns() > 2 ? in.Text(2) : "";
  if (from.empty()) return out.Text(text);
  std::string result;
  size_t at = 0;
  for (size_t next; (next = text.find(from, at)) != std::string_view::npos;
       at = next + from.size()) {
    result += text.substr(at, next - at);
    result += to;
  }
  result += text.substr(at);
  out.Text(result);
}

void Ascii(RowIn& in, RowOut& out) {
  const auto text = in.Text(0);
  if (text.empty()) return out.Set<int32_t>(0);
  out.Set<int32_t>(static_cast<int32_t>(CodePoint(text.substr(0, CharLength(text[0])))));
}

void Chr(RowIn& in, RowOut& out) {
  const auto code = in.Get<int64_t>(0);
  std::string result;
  if (code >= 0) AppendCodePoint(result, static_cast<uint32_t>(code & 0xFF));
  out.Text(result);
}

Expr BindInitcap(FunctionCall& call) {
  // Words are split at blanks only.
  Exprs args;
  args.push_back(call.Sql("lower($1)", call.Text(call.Take(0))));
  args.push_back(call.Sql("upper(replace($1, 'ß', 'Ss'))", args[0]->Copy()));
  auto each = [](RowIn& in, RowOut& out) {
    const auto lower = Characters(in.Text(0));
    const auto upper = Characters(in.Text(1));
    std::string result;
    bool start = true;
    size_t u = 0;
    for (size_t l = 0; l < lower.size(); l++, u++) {
      if (lower[l] == "ß") {
        result += start ? "Ss" : "ß";
        u++;  // two characters over there
      } else {
        result += start && u < upper.size() ? upper[u] : lower[l];
      }
      start = lower[l] == " ";
    }
    out.Text(result);
  };
  return Native("initcap", kText, EachRow(each), std::move(args));
}

void Overlay(RowIn& in, RowOut& out) {
  const auto text = in.Text(0);
  const auto replacement = in.Text(1);
  const int64_t position = in.Get<int32_t>(2);
  int64_t length = in.Columns() > 3 ? in.Get<int32_t>(3) : -1;
  if (length < 0) length = CharCount(replacement);
  std::string result(Slice(text, 0, position - 1));
  result += replacement;
  result += Slice(text, position - 1 + length, NumericLimits<int32_t>::Maximum());
  out.Text(result);
}

void FindInSet(RowIn& in, RowOut& out) {
  const auto wanted = in.Text(0);
  auto list = in.Text(1);
  if (wanted.find(',') != std::string_view::npos) return out.Set<int32_t>(0);
  for (int32_t position = 1;; position++) {
    const auto comma = list.find(',');
    if (list.substr(0, comma) == wanted) return out.Set<int32_t>(position);
    if (comma == std::string_view::npos) return out.Set<int32_t>(0);
    list.remove_prefix(comma + 1);
  }
}

void SplitPart(RowIn& in, RowOut& out) {
  const auto text = in.Text(0);
  const auto delimiter = in.Text(1);
  int64_t part = in.Get<int32_t>(2);
  if (part == 0) {
    throw InvalidInputException(
        "INVALID_INDEX_OF_ZERO: parts are counted from 1, or from -1 at the end");
  }
  std::vector<std::string_view> parts;
  size_t at = 0;
  while (!delimiter.empty()) {
    const auto next = text.find(delimiter, at);
    if (next == std::string_view::npos) break;
    parts.push_back(text.substr(at, next - at));
    at = next + delimiter.size();
  }
  parts.push_back(text.substr(at));
  if (part < 0) part += static_cast<int64_t>(parts.size()) + 1;
  const bool inside = part >= 1 && part <= static_cast<int64_t>(parts.size());
  out.Text(inside ? parts[static_cast<size_t>(part) - 1] : "");
}

Expr BindElt(FunctionCall& call) {
  Exprs args;
  args.push_back(call.Cast(call.Take(0), kInt));
  for (idx_t i = 1; i < call.Count(); i++) args.push_back(call.Text(call.Take(i)));
  auto each = [](RowIn& in, RowOut& out) {
    if (in.IsNull(0)) return out.Null();
    const int64_t index = in.Get<int32_t>(0);
    if (index < 1 || index >= static_cast<int64_t>(in.Columns())) {
      throw InvalidInputException("INVALID_ARRAY_INDEX: elt has no argument %d",
                                  static_cast<int>(index));
    }
    const auto column = static_cast<idx_t>(index);
    if (in.IsNull(column)) return out.Null();
    out.Text(in.Text(column));
  };
  return Native("elt", kText, EachRow(each, true), std::move(args), true);
}

Expr BindSearch(FunctionCall& call, const char* function) {
  return call.Call(function, call.Text(call.Take(0)), call.Text(call.Take(1)));
}

}  // namespace

void RegisterStringFunctions(FunctionTable& table) {
  for (auto name : {"length", "len", "char_length", "character_length"}) {
    RegisterBinding(table, name, 1, 1, BindLength);
  }
  RegisterBinding(table, "octet_length", 1, 1, [](FunctionCall& call) {
    return BindOctets(call, "CAST(octet_length($1) AS INTEGER)");
  });
  RegisterBinding(table, "bit_length", 1, 1, [](FunctionCall& call) {
    return BindOctets(call, "CAST(octet_length($1) * 8 AS INTEGER)");
  });
  for (auto name : {"upper", "ucase"}) {
    RegisterBinding(table, name, 1, 1, [](FunctionCall& call) {
      return call.Sql(
          "CASE WHEN contains($1, 'ß') THEN upper(replace($1, 'ß', 'SS')) ELSE upper($1) END",
          call.Text(call.Take(0)));
    });
  }
  for (auto name : {"lower", "lcase"}) {
    RegisterBinding(table, name, 1, 1,
                    [](FunctionCall& call) { return call.Call("lower", call.Text(call.Take(0))); });
  }
  RegisterBinding(table, "concat", 0, -1, BindConcat);
  RegisterBinding(table, "concat_ws", 1, -1, BindConcatWs);
  RegisterBinding(table, "substring", 2, 3, BindSubstring);
  RegisterBinding(table, "substr", 2, 3, BindSubstring);
  RegisterBinding(table, "reverse", 1, 1, BindReverse);
  RegisterBinding(table, "initcap", 1, 1, BindInitcap);
  RegisterBinding(table, "elt", 2, -1, BindElt);
  RegisterBinding(table, "contains", 2, 2,
                  [](FunctionCall& call) { return BindSearch(call, "contains"); });
  RegisterBinding(table, "startswith", 2, 2,
                  [](FunctionCall& call) { return BindSearch(call, "starts_with"); });
  RegisterBinding(table, "endswith", 2, 2,
                  [](FunctionCall& call) { return BindSearch(call, "ends_with"); });
  RegisterNative(table, {"left", {kText, kInt}, kText, EachRow(Left)});
  RegisterNative(table, {"right", {kText, kInt}, kText, EachRow(Right)});
  RegisterNative(table, {"substring_index", {kText, kText, kInt}, kText, EachRow(SubstringIndex)});
  RegisterNative(table, {"instr", {kText, kText}, kInt, EachRow([](RowIn& in, RowOut& out) {
                           out.Set<int32_t>(Find(in.Text(0), in.Text(1), 0));
                         })});
  RegisterNative(table, {"locate", {kText, kText, kInt}, kInt, EachRow(Locate, true), 2, true});
  RegisterNative(table, {"lpad", {kText, kInt, kText}, kText, EachRow(Pad<true>), 2});
  RegisterNative(table, {"rpad", {kText, kInt, kText}, kText, EachRow(Pad<false>), 2});
  RegisterNative(table, {"trim", {kText, kText}, kText, EachRow(Trim<true, true>), 1});
  RegisterNative(table, {"btrim", {kText, kText}, kText, EachRow(Trim<true, true>), 1});
  RegisterNative(table, {"ltrim", {kText, kText}, kText, EachRow(Trim<true, false>), 1});
  RegisterNative(table, {"rtrim", {kText, kText}, kText, EachRow(Trim<false, true>), 1});
  RegisterNative(table, {"translate", {kText, kText, kText}, kText, EachRow(Translate)});
  RegisterNative(table, {"repeat", {kText, kInt}, kText, EachRow(Repeat)});
  RegisterNative(table, {"replace", {kText, kText, kText}, kText, EachRow(Replace), 2});
  RegisterNative(table, {"ascii", {kText}, kInt, EachRow(Ascii)});
  RegisterNative(table, {"chr", {LogicalType::BIGINT}, kText, EachRow(Chr)});
  RegisterNative(table, {"char", {LogicalType::BIGINT}, kText, EachRow(Chr)});
  RegisterNative(
      table, {"space", {kInt}, kText, EachRow([](RowIn& in, RowOut& out) {
                out.Text(std::string(static_cast<size_t>(std::max(in.Get<int32_t>(0), 0)), ' '));
              })});
  RegisterNative(table, {"overlay", {kText, kText, kInt, kInt}, kText, EachRow(Overlay), 3});
  RegisterNative(table, {"find_in_set", {kText, kText}, kInt, EachRow(FindInSet)});
  RegisterNative(table, {"split_part", {kText, kText, kInt}, kText, EachRow(SplitPart)});
}

}  // namespace tarn::dialect
