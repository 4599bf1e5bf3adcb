#include "delta/prune.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/clock.h"
#include "base/random.h"
#include "delta/json.h"
#include "delta/prune_bounds.h"
#include "delta/stats.h"
#include "delta/test_lake.h"

namespace tarn::delta {
namespace {

constexpr char kSchema[] = R"json({"type":"struct","fields":[
{"name":"id","type":"long","nullable":true,"metadata":{}},
{"name":"text","type":"string","nullable":true,"metadata":{}},
{"name":"d","type":"double","nullable":true,"metadata":{}},
{"name":"f","type":"float","nullable":true,"metadata":{}},
{"name":"ts","type":"timestamp","nullable":true,"metadata":{}},
{"name":"big","type":"decimal(38,2)","nullable":true,"metadata":{}},
{"name":"s","type":{"type":"struct","fields":[
{"name":"x","type":"integer","nullable":true,"metadata":{}},
{"name":"o.dd","type":"integer","nullable":true,"metadata":{}}]},"nullable":true,"metadata":{}},
{"name":"bin","type":"binary","nullable":true,"metadata":{}},
{"name":"part","type":"integer","nullable":true,"metadata":{}}]})json";

using K = PredicateKind;

Value Int(int64_t n) { return Value(Value::Rep(n)); }
Value Dbl(double d) { return Value(Value::Rep(d)); }
Value Str(std::string s) { return Value(Value::Rep(std::move(s))); }
Value Dec(const std::string& text) { return Value(Value::Rep(*ParseDecimalText(text))); }
Value Time(const std::string& text) { return Value(TimestampValue{*ParseTimestampText(text)}); }

Predicate Compare(K kind, const std::string& column, Value value) {
  return Predicate::Compare(kind, {column}, std::move(value));
}
Predicate In(const std::string& column, std::vector<Value> values) {
  Predicate p = Predicate::Compare(K::kIn, {column}, Value());
  p.values = std::move(values);
  return p;
}

Verdict Judge(const Predicate& predicate, const std::string& stats,
              const PartitionValues& partition = {{"part", "1"}}) {
  static const Schema schema = *ParseSchema(kSchema);
  AddFile file;
  file.path = "a";
  file.stats = stats;
  file.partition_values = partition;
  return Pruner(schema, {"part"}, false, predicate).Judge(file);
}

std::string Stats(const std::string& column, const std::string& min, const std::string& max,
                  int nulls = 0, int records = 10) {
  return "{\"numRecords\":" + std::to_string(records) + ",\"minValues\":{\"" + column +
         "\":" + min + "},\"maxValues\":{\"" + column + "\":" + max + "},\"nullCount\":{\"" +
         column + "\":" + std::to_string(nulls) + "}}";
}

TEST(Prune, Integers) {
  const std::string stats = Stats("id", "10", "20");
  EXPECT_EQ(Judge(Compare(K::kEqual, "id", Int(9)), stats), Verdict::kNone);
  EXPECT_EQ(Judge(Compare(K::kEqual, "id", Int(10)), stats), Verdict::kSome);
  EXPECT_EQ(Judge(Compare(K::kLess, "id", Int(10)), stats), Verdict::kNone);
  EXPECT_EQ(Judge(Compare(K::kLessEqual, "id", Int(10)), stats), Verdict::kSome);
  EXPECT_EQ(Judge(Compare(K::kLess, "ID", Int(21)), stats), Verdict::kAll);
  EXPECT_EQ(Judge(Compare(K::kGreaterEqual, "id", Int(10)), stats), Verdict::kAll);
  EXPECT_EQ(Judge(Compare(K::kNotEqual, "id", Int(30)), stats), Verdict::kAll);
  EXPECT_EQ(Judge(Compare(K::kNotEqual, "id", Int(5)), Stats("id", "5", "5")), Verdict::kNone);
  EXPECT_EQ(Judge(Compare(K::kEqual, "id", Int(5)), Stats("id", "5", "5")), Verdict::kAll);
  EXPECT_EQ(Judge(Compare(K::kLess, "id", Int(21)), Stats("id", "10", "20", 1)), Verdict::kSome);
  EXPECT_EQ(Judge(Compare(K::kEqual, "id", Value()), stats), Verdict::kNone);
  EXPECT_EQ(Judge(Compare(K::kEqual, "id", Int(9007199254740993)),
                  Stats("id", "9007199254740992", "9007199254740992")),
            Verdict::kNone);
}

TEST(Prune, NullsFollowThreeValuedLogic) {
  const std::string all_null =
      "{\"numRecords\":4,\"minValues\":{},\"maxValues\":{},\"nullCount\":{\"id\":4}}";
  EXPECT_EQ(Judge(Compare(K::kEqual, "id", Int(1)), all_null), Verdict::kNone);
  EXPECT_EQ(Judge(Predicate::Not(Compare(K::kEqual, "id", Int(1))), all_null), Verdict::kNone);
  EXPECT_EQ(Judge(Compare(K::kIsNull, "id", Value()), all_null), Verdict::kAll);
  EXPECT_EQ(Judge(Compare(K::kIsNotNull, "id", Value()), all_null), Verdict::kNone);
  EXPECT_EQ(Judge(Compare(K::kNullSafeEqual, "id", Value()), all_null), Verdict::kAll);
  EXPECT_EQ(Judge(Compare(K::kIsNull, "id", Value()), Stats("id", "1", "2")), Verdict::kNone);
  EXPECT_EQ(Judge(Compare(K::kIsNull, "id", Value()), Stats("id", "1", "2", 3)), Verdict::kSome);
  // NOT IN with a NULL in the list is never true.
  EXPECT_EQ(Judge(Predicate::Not(In("id", {Int(1), Value()})), Stats("id", "5", "9")),
            Verdict::kNone);
  EXPECT_EQ(Judge(Predicate::Not(In("id", {Int(1), Int(2)})), Stats("id", "5", "9")),
            Verdict::kAll);
}

TEST(Prune, MissingOrDamagedStatisticsKeepTheFile) {
  for (const char* stats : {"", "{}", "{\"numRecords\":3}", "not json", "{\"minValues\":7}",
                            "{\"minValues\":{\"id\":{}},\"maxValues\":{\"id\":[1]}}",
                            "{\"minValues\":{\"id\":null},\"maxValues\":{\"id\":\"x\"}}"}) {
    EXPECT_EQ(Judge(Compare(K::kEqual, "id", Int(1)), stats), Verdict::kSome) << stats;
    EXPECT_EQ(Judge(Compare(K::kIsNull, "id", Value()), stats), Verdict::kSome) << stats;
  }
  EXPECT_EQ(Judge(Compare(K::kEqual, "nope", Int(1)), Stats("id", "5", "6")), Verdict::kSome);
  EXPECT_EQ(Judge(Compare(K::kEqual, "bin", Str("a")), Stats("bin", "\"b\"", "\"c\"")),
            Verdict::kSome);
  EXPECT_EQ(Judge(Compare(K::kEqual, "id", Str("1")), Stats("id", "5", "6")), Verdict::kSome);
}

TEST(Prune, TightBoundsFalseUsesNullCountOnlyAtItsEnds) {
  std::string stats = Stats("id", "1", "5", 3);
  stats.insert(1, "\"tightBounds\":false,");
  EXPECT_EQ(Judge(Compare(K::kIsNull, "id", Value()), stats), Verdict::kSome);
  EXPECT_EQ(Judge(Compare(K::kIsNotNull, "id", Value()), stats), Verdict::kSome);
  EXPECT_EQ(Judge(Compare(K::kEqual, "id", Int(6)), stats), Verdict::kNone);
}

TEST(Prune, CutStringMaximaStandForWhatTheyBegin) {
  const std::string cut(32, 'm');
  const std::string stats = Stats("text", "\"a\"", "\"" + cut + "\"");
  EXPECT_EQ(Judge(Compare(K::kEqual, "text", Str(cut + "zzz")), stats), Verdict::kSome);
  EXPECT_EQ(Judge(Compare(K::kGreater, "text", Str(cut + "z")), stats), Verdict::kSome);
  EXPECT_EQ(Judge(Compare(K::kLessEqual, "text", Str(cut)), stats), Verdict::kSome);
  EXPECT_EQ(Judge(Compare(K::kEqual, "text", Str("n")), stats), Verdict::kNone);
  EXPECT_EQ(Judge(In("text", {Str("n"), Str("o")}), stats), Verdict::kNone);
  EXPECT_EQ(Judge(In("text", {Str("n"), Str(cut + "a")}), stats), Verdict::kSome);
  EXPECT_EQ(Judge(Compare(K::kEqual, "text", Str("b")), Stats("text", "\"c\"", "\"d\"")),
            Verdict::kNone);
  EXPECT_EQ(Judge(Compare(K::kEqual, "text", Str(cut)),
                  Stats("text", "\"" + cut + "\"", "\"" + cut + "\"")),
            Verdict::kSome);
}

TEST(Prune, StringsAreUnescaped) {
  EXPECT_EQ(Judge(Compare(K::kEqual, "text", Str("a\"\n\xc3\xa4")),
                  Stats("text", "\"a\\\"\\n\\u00e4\"", "\"b\"")),
            Verdict::kSome);
  EXPECT_EQ(Judge(Compare(K::kLess, "text", Str("a\"\n\xc3\xa4")),
                  Stats("text", "\"a\\\"\\n\\u00e4\"", "\"b\"")),
            Verdict::kNone);
}

TEST(Prune, StartsWith) {
  const std::string stats = Stats("text", "\"apple\"", "\"cherry\"");
  EXPECT_EQ(Judge(Compare(K::kStartsWith, "text", Str("b")), stats), Verdict::kSome);
  EXPECT_EQ(Judge(Compare(K::kStartsWith, "text", Str("ap")), stats), Verdict::kSome);
  EXPECT_EQ(Judge(Compare(K::kStartsWith, "text", Str("d")), stats), Verdict::kNone);
  EXPECT_EQ(Judge(Compare(K::kStartsWith, "text", Str("aa")), stats), Verdict::kNone);
  EXPECT_EQ(Judge(Compare(K::kStartsWith, "text", Str("cherry2")), stats), Verdict::kNone);
  EXPECT_EQ(Judge(Compare(K::kStartsWith, "text", Str("")), stats), Verdict::kAll);
  EXPECT_EQ(Judge(Compare(K::kStartsWith, "text", Str("a")), Stats("text", "\"ab\"", "\"az\"")),
            Verdict::kAll);
  const std::string cut(32, 'a');
  EXPECT_EQ(Judge(Compare(K::kStartsWith, "text", Str(cut + "b")),
                  Stats("text", "\"a\"", "\"" + cut + "\"")),
            Verdict::kSome);
}

TEST(Prune, TimestampMaximaAreWidened) {
  const std::string stats =
      Stats("ts", "\"2024-01-01T00:00:00.000Z\"", "\"2024-01-01T00:00:00.123Z\"");
  EXPECT_EQ(Judge(Compare(K::kEqual, "ts", Time("2024-01-01T00:00:00.123456Z")), stats),
            Verdict::kSome);
  EXPECT_EQ(Judge(Compare(K::kGreater, "ts", Time("2024-01-01T00:00:00.123998Z")), stats),
            Verdict::kSome);
  EXPECT_EQ(Judge(Compare(K::kGreater, "ts", Time("2024-01-01T00:00:00.123999Z")), stats),
            Verdict::kNone);
  EXPECT_EQ(Judge(Compare(K::kEqual, "ts", Time("2024-01-01T00:00:00.124Z")), stats),
            Verdict::kNone);
  EXPECT_EQ(Judge(Compare(K::kLessEqual, "ts", Time("2024-01-01T00:00:00.123Z")), stats),
            Verdict::kSome);
  EXPECT_EQ(
      Judge(Compare(K::kLess, "ts", Time("2024-01-01T00:00:00Z")),
            Stats("ts", "\"2024-01-01T01:00:00.000+01:00\"", "\"2024-01-01T01:00:00.000+01:00\"")),
      Verdict::kNone);
}

TEST(Prune, NaNMayHideAboveTheMaximum) {
  const std::string stats = Stats("d", "1.0", "5.0");
  EXPECT_EQ(Judge(Compare(K::kGreater, "d", Dbl(10)), stats), Verdict::kSome);
  EXPECT_EQ(Judge(Compare(K::kLess, "d", Dbl(10)), stats), Verdict::kSome);  // not kAll
  EXPECT_EQ(Judge(Compare(K::kEqual, "d", Dbl(10)), stats), Verdict::kSome);
  EXPECT_EQ(Judge(Compare(K::kLess, "d", Dbl(1)), stats), Verdict::kNone);
  std::string counted = stats;
  counted.insert(1, "\"nanCount\":{\"d\":0},");
  EXPECT_EQ(Judge(Compare(K::kGreater, "d", Dbl(10)), counted), Verdict::kNone);
  EXPECT_EQ(Judge(Compare(K::kLess, "d", Dbl(10)), counted), Verdict::kAll);
  EXPECT_EQ(Judge(Compare(K::kEqual, "d", Dbl(NAN)), counted), Verdict::kSome);
  EXPECT_EQ(Judge(Compare(K::kLess, "d", Dbl(0.0)), Stats("d", "-0.0", "5.0")), Verdict::kNone);
  EXPECT_EQ(Judge(Compare(K::kEqual, "d", Dbl(-0.0)), Stats("d", "0.0", "5.0")), Verdict::kSome);
}

TEST(Prune, FloatTextsAreRoundedToFloat) {
  const double f = static_cast<double>(0.1f);
  EXPECT_EQ(Judge(Compare(K::kEqual, "f", Dbl(f)), Stats("f", "0.1", "0.1")), Verdict::kSome);
  EXPECT_EQ(Judge(Compare(K::kLess, "f", Dbl(f)), Stats("f", "0.1", "0.2")), Verdict::kNone);
}

TEST(Prune, DecimalsAreExactBeyondDoubles) {
  const std::string stats =
      Stats("big", "123456789012345678901234567890.12", "123456789012345678901234567890.13");
  EXPECT_EQ(Judge(Compare(K::kEqual, "big", Dec("123456789012345678901234567890.11")), stats),
            Verdict::kNone);
  EXPECT_EQ(Judge(Compare(K::kEqual, "big", Dec("123456789012345678901234567890.12")), stats),
            Verdict::kSome);
  EXPECT_EQ(Judge(Compare(K::kGreater, "big", Dec("123456789012345678901234567890.13")), stats),
            Verdict::kNone);
  // Printed by way of a double: the true maximum may be a little above.
  const std::string rounded = Stats("big", "1.0", "1.2345678901234568e29");
  EXPECT_EQ(Judge(Compare(K::kEqual, "big", Dec("123456789012345680000000000001.00")), rounded),
            Verdict::kSome);
  EXPECT_EQ(Judge(Compare(K::kEqual, "big", Dec("123456789012400000000000000000.00")), rounded),
            Verdict::kNone);
}

TEST(Prune, NestedColumns) {
  const std::string stats =
      "{\"numRecords\":5,\"minValues\":{\"s\":{\"x\":1,\"o.dd\":7}},\"maxValues\":{\"s\":{\"x\":3,"
      "\"o.dd\":8}},"
      "\"nullCount\":{\"s\":{\"x\":0,\"o.dd\":0}}}";
  EXPECT_EQ(Judge(Predicate::Compare(K::kEqual, {"s", "x"}, Int(4)), stats), Verdict::kNone);
  EXPECT_EQ(Judge(Predicate::Compare(K::kEqual, {"S", "X"}, Int(2)), stats), Verdict::kSome);
  EXPECT_EQ(Judge(Predicate::Compare(K::kLess, {"s", "o.dd"}, Int(9)), stats), Verdict::kAll);
  EXPECT_EQ(Judge(Predicate::Compare(K::kIsNull, {"s"}, Value()), stats), Verdict::kSome);
}

TEST(Prune, PartitionValuesAreExact) {
  const auto equal = [](int64_t n) { return Compare(K::kEqual, "part", Int(n)); };
  EXPECT_EQ(Judge(equal(1), ""), Verdict::kAll);
  EXPECT_EQ(Judge(equal(2), ""), Verdict::kNone);
  EXPECT_EQ(Judge(equal(1), "", {{"part", std::nullopt}}), Verdict::kNone);
  EXPECT_EQ(Judge(Compare(K::kIsNull, "part", Value()), "", {{"part", ""}}), Verdict::kAll);
  EXPECT_EQ(Judge(equal(1), "", {}), Verdict::kSome);
  EXPECT_EQ(Judge(equal(1), "", {{"part", "x"}}), Verdict::kSome);
  EXPECT_EQ(
      Judge(Predicate::And({equal(1), Compare(K::kEqual, "id", Int(3))}), Stats("id", "5", "6")),
      Verdict::kNone);
  EXPECT_EQ(Judge(Predicate::Or({equal(2), Predicate::Unknown()}), ""), Verdict::kSome);
  EXPECT_EQ(Judge(Predicate::And({equal(2), Predicate::Unknown()}), ""), Verdict::kNone);
  EXPECT_EQ(Judge(Predicate::Not(Predicate::Or({equal(2), Predicate::Unknown()})), ""),
            Verdict::kSome);
}

TEST(Prune, PhysicalNamesUnderColumnMapping) {
  Schema schema = *ParseSchema(kSchema);
  ASSERT_TRUE(AssignColumnMapping(&schema, 0, false).ok());
  const std::string id = schema.fields[0].PhysicalName(true);
  const std::string part = schema.fields.back().PhysicalName(true);
  AddFile file;
  file.stats = Stats(id, "5", "6");
  file.partition_values[part] = "3";
  EXPECT_EQ(Pruner(schema, {"part"}, true, Compare(K::kEqual, "id", Int(7))).Judge(file),
            Verdict::kNone);
  EXPECT_EQ(Pruner(schema, {"part"}, true, Compare(K::kEqual, "part", Int(3))).Judge(file),
            Verdict::kAll);
}

// --- random files with real rows ---

struct Row {
  std::optional<int64_t> id;
  std::optional<std::string> text;
  std::optional<double> d;
  std::optional<int64_t> ts;
  std::optional<int64_t> part;
};

Row MakeRow(SeededRandom& random, int64_t base, std::optional<int64_t> part) {
  Row row;
  row.part = part;
  if (random.Uniform(8) != 0) row.id = base + static_cast<int64_t>(random.Uniform(6));
  if (random.Uniform(8) != 0) {
    std::string text(random.Uniform(3) == 0 ? 31 + random.Uniform(4) : random.Uniform(3), 'm');
    static const char* const kTails[] = {"", "a", "z", "\xc3\xa4", "\xf4\x8f\xbf\xbf", "\x7f"};
    row.text = text + kTails[random.Uniform(6)];
  }
  if (random.Uniform(8) != 0) {
    static const double kValues[] = {-0.0, 0.0, 1.5, -2.0, 1e300, -INFINITY, INFINITY, NAN, 3.0};
    row.d = kValues[random.Uniform(9)];
  }
  if (random.Uniform(8) != 0)
    row.ts = base * 1000 + static_cast<int64_t>(random.Uniform(2500)) - 1000;
  return row;
}

// Statistics as a careful writer makes them: cut strings, milliseconds, no NaN.
std::string StatsOf(const std::vector<Row>& rows, bool count_nan) {
  std::string min;
  std::string max;
  std::string nulls;
  const auto add = [](std::string* out, const char* name, const std::string& json) {
    *out += (out->empty() ? "\"" : ",\"") + std::string(name) + "\":" + json;
  };
  const auto collect = [&](const char* name, auto member, auto to_min, auto to_max, auto usable) {
    int64_t null_count = 0;
    auto low = std::remove_reference_t<decltype(rows.front().*member)>();
    auto high = low;
    for (const Row& row : rows) {
      if (!(row.*member)) {
        ++null_count;
      } else if (usable(*(row.*member))) {
        if (!low || *(row.*member) < *low) low = row.*member;
        if (!high || *high < *(row.*member)) high = row.*member;
      }
    }
    if (low) add(&min, name, to_min(*low));
    if (high) add(&max, name, to_max(*high));
    add(&nulls, name, std::to_string(null_count));
  };
  const auto number = [](int64_t n) { return std::to_string(n); };
  const auto any = [](const auto&) { return true; };
  collect("id", &Row::id, number, number, any);
  const auto cut = [](const std::string& t) { return JsonQuote(LowerBoundOf(t, 32)); };
  collect("text", &Row::text, cut, cut, any);
  const auto millis = [](int64_t micros) {
    const int64_t floor = micros >= 0 ? micros / 1000 : -((-micros + 999) / 1000);
    std::string text = FormatTimestampUtc(floor * 1000);
    return "\"" + text.substr(0, 23) + "Z\"";
  };
  collect("ts", &Row::ts, millis, millis, any);
  const auto real = [](double d) {
    return std::isfinite(d) ? FormatDouble(d) : "\"" + FormatDouble(d) + "\"";
  };
  collect("d", &Row::d, real, real, [](double d) { return !std::isnan(d); });
  std::string out = "{\"numRecords\":" + std::to_string(rows.size()) + ",\"minValues\":{" + min +
                    "},\"maxValues\":{" + max + "},\"nullCount\":{" + nulls + "}";
  const bool has_nan =
      std::any_of(rows.begin(), rows.end(), [](const Row& r) { return r.d && std::isnan(*r.d); });
  if (count_nan && !has_nan) out += ",\"nanCount\":{\"d\":0}";
  return out + "}";
}

using Truth = std::optional<bool>;

Value ValueOf(const Row& row, const std::string& column) {
  if (column == "id") return row.id ? Int(*row.id) : Value();
  if (column == "text") return row.text ? Str(*row.text) : Value();
  if (column == "d") return row.d ? Dbl(*row.d) : Value();
  if (column == "ts") return row.ts ? Value(TimestampValue{*row.ts}) : Value();
  return row.part ? Int(*row.part) : Value();
}

// SQL order: NaN equals itself and is above every number.
int SqlCompare(const Value& a, const Value& b) {
  const auto* x = std::get_if<double>(&a.rep());
  const auto* y = std::get_if<double>(&b.rep());
  if (x != nullptr && y != nullptr && (std::isnan(*x) || std::isnan(*y))) {
    return static_cast<int>(std::isnan(*x)) - static_cast<int>(std::isnan(*y));
  }
  const auto order = CompareValues(a, b);
  return *order < 0 ? -1 : *order > 0 ? 1 : 0;
}

Truth Evaluate(const Predicate& p, const Row& row) {
  switch (p.kind) {
    case K::kTrue: return true;
    case K::kFalse: return false;
    case K::kUnknown: return std::nullopt;
    case K::kNot: {
      const Truth inner = Evaluate(p.children[0], row);
      return inner ? Truth(!*inner) : inner;
    }
    case K::kAnd:
    case K::kOr: {
      const bool absorbing = p.kind == K::kOr;
      Truth out = !absorbing;
      for (const Predicate& child : p.children) {
        const Truth t = Evaluate(child, row);
        if (t && *t == absorbing) return absorbing;
        if (!t) out = std::nullopt;
      }
      return out;
    }
    default: break;
  }
  const Value value = ValueOf(row, p.column[0]);
  if (p.kind == K::kIsNull) return value.is_null();
  if (p.kind == K::kIsNotNull) return !value.is_null();
  if (p.kind == K::kNullSafeEqual) {
    if (value.is_null() || p.values[0].is_null()) return value.is_null() == p.values[0].is_null();
    return SqlCompare(value, p.values[0]) == 0;
  }
  if (value.is_null()) return std::nullopt;
  if (p.kind == K::kIn) {
    bool has_null = false;
    for (const Value& v : p.values) {
      if (v.is_null()) {
        has_null = true;
      } else if (SqlCompare(value, v) == 0) {
        return true;
      }
    }
    return has_null ? Truth() : Truth(false);
  }
  if (p.values[0].is_null()) return std::nullopt;
  if (p.kind == K::kStartsWith) {
    return std::get<std::string>(value.rep()).rfind(std::get<std::string>(p.values[0].rep()), 0) ==
           0;
  }
  const int order = SqlCompare(value, p.values[0]);
  switch (p.kind) {
    case K::kEqual: return order == 0;
    case K::kNotEqual: return order != 0;
    case K::kLess: return order < 0;
    case K::kLessEqual: return order <= 0;
    case K::kGreater: return order > 0;
    default: return order >= 0;
  }
}

Predicate RandomPredicate(SeededRandom& random, int64_t base, int depth) {
  const uint64_t shape = random.Uniform(depth == 0 ? 6 : 10);
  if (shape >= 9) return Predicate::Not(RandomPredicate(random, base, depth - 1));
  if (shape >= 6) {
    std::vector<Predicate> children;
    for (uint64_t i = 0; i < 2 + random.Uniform(2); ++i)
      children.push_back(RandomPredicate(random, base, depth - 1));
    return shape == 6 ? Predicate::Or(std::move(children)) : Predicate::And(std::move(children));
  }
  static const char* const kColumns[] = {"id", "text", "d", "ts", "part"};
  const std::string column = kColumns[random.Uniform(5)];
  const auto literal = [&] {
    return ValueOf(MakeRow(random, base + static_cast<int64_t>(random.Uniform(9)) - 4,
                           static_cast<int64_t>(random.Uniform(3))),
                   column);
  };
  static const K kKinds[] = {K::kEqual,     K::kNotEqual,     K::kLess,          K::kLessEqual,
                             K::kGreater,   K::kGreaterEqual, K::kNullSafeEqual, K::kIsNull,
                             K::kIsNotNull, K::kIn,           K::kStartsWith};
  const K kind = kKinds[random.Uniform(column == "text" ? 11 : 10)];
  if (kind == K::kIn) {
    std::vector<Value> values;
    for (uint64_t i = 0; i < 1 + random.Uniform(4); ++i) values.push_back(literal());
    return In(column, std::move(values));
  }
  return Compare(kind, column, literal());
}

TEST(Prune, NeverSkipsAMatchingRow) {
  const Schema schema = *ParseSchema(kSchema);
  SeededRandom random(2024);
  int skipped = 0;
  int whole = 0;
  for (int round = 0; round < 20'000; ++round) {
    const auto base = static_cast<int64_t>(random.Uniform(20)) - 10;
    std::optional<int64_t> part;
    if (random.Uniform(5) != 0) part = static_cast<int64_t>(random.Uniform(3));
    std::vector<Row> rows;
    for (uint64_t i = 0; i < 1 + random.Uniform(4); ++i)
      rows.push_back(MakeRow(random, base, part));
    AddFile file;
    file.stats = StatsOf(rows, random.Uniform(2) == 0);
    file.partition_values["part"] = part ? std::optional(std::to_string(*part)) : std::nullopt;
    const Predicate predicate = RandomPredicate(random, base, 2);
    const Verdict verdict = Pruner(schema, {"part"}, false, predicate).Judge(file);
    for (const Row& row : rows) {
      const bool matches = Evaluate(predicate, row).value_or(false);
      ASSERT_FALSE(verdict == Verdict::kNone && matches) << predicate.ToString() << "\n"
                                                         << file.stats;
      ASSERT_FALSE(verdict == Verdict::kAll && !matches) << predicate.ToString() << "\n"
                                                         << file.stats;
    }
    skipped += verdict == Verdict::kNone;
    whole += verdict == Verdict::kAll;
  }
  EXPECT_GT(skipped, 3000);  // it does skip
  EXPECT_GT(whole, 1000);
}

TEST(Prune, SnapshotAndSingleFileAgree) {
  testing::TestLake lake;
  auto table = lake.Open();
  Metadata metadata;
  metadata.schema_string = kSchema;
  metadata.partition_columns = {"part"};
  ASSERT_TRUE((*Transaction::Create(table, metadata))->Commit().ok());
  SeededRandom random(5);
  auto transaction = testing::Begin(table);
  for (int i = 0; i < 500; ++i) {
    std::optional<int64_t> part;
    if (random.Uniform(5) != 0) part = static_cast<int64_t>(random.Uniform(3));
    std::vector<Row> rows = {MakeRow(random, i % 20 - 10, part),
                             MakeRow(random, i % 20 - 10, part)};
    AddFile file;
    file.path = "f" + std::to_string(i);
    file.stats = i % 11 == 0 ? "" : StatsOf(rows, i % 2 == 0);
    file.partition_values["part"] = part ? std::optional(std::to_string(*part)) : std::nullopt;
    ASSERT_TRUE(transaction->AddDataFile(file).ok());
  }
  const SnapshotPtr snapshot = transaction->Commit()->snapshot;
  for (int round = 0; round < 200; ++round) {
    const Predicate predicate =
        RandomPredicate(random, static_cast<int64_t>(random.Uniform(20)) - 10, 2);
    const Pruner pruner(snapshot->schema(), {"part"}, false, predicate);
    std::vector<std::pair<uint32_t, Verdict>> expected;
    for (uint32_t i = 0; i < snapshot->num_files(); ++i) {
      const Verdict verdict = pruner.Judge(snapshot->File(FileIndex(i)));
      if (verdict != Verdict::kNone) expected.emplace_back(i, verdict);
    }
    std::vector<std::pair<uint32_t, Verdict>> actual;
    for (const auto& candidate : snapshot->Prune(predicate)) {
      actual.emplace_back(candidate.index.value(), candidate.verdict);
    }
    ASSERT_EQ(actual, expected) << predicate.ToString();
  }
}

}  // namespace
}  // namespace tarn::delta
