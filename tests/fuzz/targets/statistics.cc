// A file's statistics: kept by column they come back byte for byte, and skipping reads them without
// harm. The input is lines of statistics.
#include "delta/predicate.h"
#include "delta/prune.h"
#include "delta/schema.h"
#include "delta/stats.h"
#include "delta/stats_shape.h"
#include "fuzz.h"

namespace {

const tarn::delta::Schema& TestSchema() {
  static const auto* schema =
      new tarn::delta::Schema(*tarn::delta::ParseSchema(R"json({"type":"struct","fields":[
        {"name":"a","type":"long","nullable":true,"metadata":{}},
        {"name":"b","type":"string","nullable":true,"metadata":{}},
        {"name":"c","type":"double","nullable":true,"metadata":{}},
        {"name":"d","type":"date","nullable":true,"metadata":{}},
        {"name":"e","type":"timestamp","nullable":true,"metadata":{}},
        {"name":"f","type":"decimal(20,4)","nullable":true,"metadata":{}}]
})json"));
  return *schema;
}

void Judge(const std::string& stats) {
  using namespace tarn::delta;
  const auto judge = [&](const std::string& column, Value::Rep rep) {
    for (const PredicateKind kind : {PredicateKind::kEqual, PredicateKind::kLess}) {
      const Pruner pruner(TestSchema(), {}, false, Predicate::Compare(kind, {column}, Value(rep)));
      AddFile file;
      file.path = "f";
      file.stats = stats;
      (void)pruner.Judge(file);
    }
  };
  judge("a", int64_t{5});
  judge("b", std::string("m"));
  judge("c", 0.5);
  judge("d", DateValue{19000});
  judge("e", TimestampValue{1'700'000'000'000'000});
  judge("f", DecimalValue{12345, 2});
}

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tarn;
  std::vector<std::string> lines;
  std::string_view rest = fuzz::TextOf(data, size);
  while (!rest.empty() && lines.size() < 64) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    lines.emplace_back(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  delta::StatsStore store;
  for (const std::string& line : lines) store.Append(line);
  std::string scratch;
  for (uint32_t row = 0; row < lines.size(); ++row)
    fuzz::Require(store.Text(row, &scratch) == lines[row], "text survives: " + lines[row]);
  store.Seal();
  for (uint32_t row = 0; row < lines.size(); ++row)
    fuzz::Require(store.Text(row, &scratch) == lines[row], "text survives sealing: " + lines[row]);
  for (const std::string& line : lines) {
    (void)delta::WithWideBounds(line);
    (void)delta::UpperBoundOf(line, 8);
    if (&line == &lines.front()) Judge(line);
  }
  return 0;
}
