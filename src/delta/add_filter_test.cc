#include "delta/add_filter.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/random.h"
#include "delta/prune.h"
#include "delta/value.h"

namespace tarn::delta {
namespace {

using K = PredicateKind;

const Schema& TestSchema() {
  static const Schema schema = *ParseSchema(R"json({"type":"struct","fields":[
{"name":"id","type":"long","nullable":true,"metadata":{}},
{"name":"text","type":"string","nullable":true,"metadata":{}},
{"name":"s","type":{"type":"struct","fields":[
{"name":"x","type":"double","nullable":true,"metadata":{}}]},"nullable":true,"metadata":{}},
{"name":"day","type":"date","nullable":true,"metadata":{}},
{"name":"part","type":"integer","nullable":true,"metadata":{}},
{"name":"label","type":"string","nullable":true,"metadata":{}}]})json");
  return schema;
}
const std::vector<std::string> kPartitionColumns = {"day", "part", "label"};

Value Int(int64_t n) { return Value(Value::Rep(n)); }
Value Str(std::string s) { return Value(Value::Rep(std::move(s))); }
Value Day(const std::string& text) { return Value(DateValue{*ParseDateText(text)}); }

// An AddFile as a format hands it over.
struct Viewed {
  explicit Viewed(const AddFile& file) {
    for (const auto& [key, value] : file.partition_values) {
      keys.push_back(key);
      values.push_back(value ? std::string_view(*value) : std::string_view());
      nulls.push_back(!value);
    }
    view.path = file.path;
    view.partition_keys = &keys;
    view.partition_values = &values;
    view.partition_nulls = &nulls;
    view.stats = file.stats;
  }
  std::vector<std::string_view> keys, values;
  std::vector<bool> nulls;
  AddView view;
};

AddFile RandomFile(Random& random) {
  AddFile file;
  file.path = "f";
  const char* days[] = {"2026-01-01", "2026-01-02", "2025-12-31", "+2026-1-1", ""};
  const char* labels[] = {"a", "b", "a'b", ""};
  if (random.Uniform(10) > 0) file.partition_values["day"] = days[random.Uniform(5)];
  if (random.Uniform(10) > 0) file.partition_values["part"] = std::to_string(random.Uniform(4));
  if (random.Uniform(10) > 0) file.partition_values["label"] = labels[random.Uniform(4)];
  if (random.Uniform(5) == 0) file.partition_values["label"] = std::nullopt;
  const auto low = std::to_string(random.Uniform(50));
  const auto high = std::to_string(50 + random.Uniform(50));
  switch (random.Uniform(5)) {
    case 0: break;  // no statistics
    case 1: file.stats = "{\"numRecords\":3}"; break;
    case 2: file.stats = "{\"numRecords\":3,\"nullCount\":{\"id\":3}}"; break;
    case 3:
      file.stats = "{ \"numRecords\": 3, \"minValues\": {\"id\": " + low +
                   "}, \"maxValues\": {\"id\": " + high + ", \"text\": \"q\"} }";
      break;
    default:
      file.stats = "{\"numRecords\":3,\"minValues\":{\"id\":" + low + ",\"text\":\"a\\\"" + low +
                   "\",\"s\":{\"x\":" + low + ".5}},\"maxValues\":{\"id\":" + high +
                   ",\"text\":\"b" + high + "\",\"s\":{\"x\":" + high +
                   "}},\"nullCount\":{\"id\":0,\"text\":1,\"s\":{\"x\":0}}}";
  }
  return file;
}

Predicate RandomPredicate(Random& random, int depth) {
  const K kinds[] = {K::kEqual,     K::kNotEqual, K::kLess,
                     K::kLessEqual, K::kGreater,  K::kGreaterEqual};
  if (depth > 0 && random.Uniform(2) == 0) {
    std::vector<Predicate> children;
    for (uint64_t i = 0; i < 1 + random.Uniform(3); ++i) {
      children.push_back(RandomPredicate(random, depth - 1));
    }
    switch (random.Uniform(3)) {
      case 0: return Predicate::And(std::move(children));
      case 1: return Predicate::Or(std::move(children));
      default: return Predicate::Not(std::move(children.front()));
    }
  }
  const K kind = kinds[random.Uniform(6)];
  Predicate out;
  switch (random.Uniform(7)) {
    case 0:
      return Predicate::Compare(kind, {"day"},
                                Day("2026-01-0" + std::to_string(1 + random.Uniform(2))));
    case 1: return Predicate::Compare(kind, {"part"}, Int(static_cast<int64_t>(random.Uniform(4))));
    case 2: return Predicate::Compare(kind, {"label"}, Str(random.Uniform(2) ? "a" : "a'b"));
    case 3: return Predicate::Compare(kind, {"text"}, Str("b7"));
    case 4:
      return Predicate::Compare(kind, {"s", "x"}, Int(static_cast<int64_t>(random.Uniform(100))));
    case 5:
      out.kind = random.Uniform(2) ? K::kIsNull : K::kIsNotNull;
      out.column = {random.Uniform(2) ? "label" : "id"};
      return out;
    default:
      return Predicate::Compare(kind, {"id"}, Int(static_cast<int64_t>(random.Uniform(100))));
  }
}

TEST(AddFilter, KeepsWhatPruningKeeps) {
  SeededRandom random(7);
  size_t turned_down = 0;
  for (int round = 0; round < 400; ++round) {
    const Predicate predicate = RandomPredicate(random, 3);
    const Pruner pruner(TestSchema(), kPartitionColumns, false, predicate);
    PredicateAddFilter filter(TestSchema(), kPartitionColumns, false, predicate);
    for (int i = 0; i < 40; ++i) {
      const AddFile file = RandomFile(random);
      const bool wanted = pruner.Judge(file) != Verdict::kNone;
      EXPECT_EQ(filter.Keep(Viewed(file).view), wanted)
          << predicate.ToString() << " on " << file.stats;
      // One value alone is turned down only when the file would be.
      for (const std::string& column : filter.partition_columns()) {
        AddFile alone;
        const auto found = file.partition_values.find(column);
        if (found != file.partition_values.end()) alone.partition_values[column] = found->second;
        const bool kept = filter.Keep(Viewed(alone).view);
        EXPECT_TRUE(kept || !wanted) << predicate.ToString() << " by " << column;
        turned_down += !kept;
      }
    }
  }
  EXPECT_GT(turned_down, 1000u);
}

TEST(AddFilter, SaysWhatItNeeds) {
  const auto filter = [](const Predicate& predicate) {
    return PredicateAddFilter(TestSchema(), kPartitionColumns, false, predicate);
  };
  const Predicate day = Predicate::Compare(K::kEqual, {"day"}, Day("2026-01-01"));
  const Predicate id = Predicate::Compare(K::kEqual, {"id"}, Int(1));
  EXPECT_FALSE(filter(day).NeedsStats());
  EXPECT_TRUE(filter(Predicate::And({day, id})).NeedsStats());
  EXPECT_FALSE(filter(Predicate::True()).IsSelective());
  EXPECT_FALSE(filter(Predicate::Unknown()).IsSelective());
  EXPECT_EQ(filter(Predicate::And({day, id, day})).partition_columns(),
            std::vector<std::string>{"day"});
  EXPECT_TRUE(filter(id).partition_columns().empty());
}

}  // namespace
}  // namespace tarn::delta
