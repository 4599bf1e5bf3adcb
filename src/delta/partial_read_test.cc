// Reading a version in part against reading it whole and against a model: logs of every form, with
// files that come, go, get vectors and come back.
#include <algorithm>
#include <map>

#include "base/random.h"
#include "delta/deletion_vector.h"
#include "delta/log_fixture.h"
#include "delta/predicate.h"
#include "delta/snapshot.h"
#include "delta/snapshot_builder.h"
#include "delta/value.h"

namespace tarn::delta {
namespace {

using K = PredicateKind;

// `id` has statistics; the others partition. `n` was an int once: texts of one number differ.
std::string SchemaOf(bool mapped) {
  const std::pair<const char*, const char*> columns[] = {
      {"id", "long"}, {"day", "date"}, {"n", "long"}, {"label", "string"}};
  // Physical names that are other columns' logical ones.
  const char* physical[] = {"c-1", "label", "day", "c-4"};
  std::string out = R"({"type":"struct","fields":[)";
  for (int i = 0; i < 4; ++i) {
    out += std::string(i ? "," : "") + R"({"name":")" + columns[i].first + R"(","type":")" +
           columns[i].second + R"(","nullable":true,"metadata":{)";
    if (mapped) {
      out += R"("delta.columnMapping.id":)" + std::to_string(i + 1) +
             R"(,"delta.columnMapping.physicalName":")" + physical[i] + "\"";
    }
    out += "}}";
  }
  return out + "]}";
}

class PartialReadTest : public LogFixture {
 protected:
  using Key = std::pair<std::string, std::string>;  // path, vector

  // A table whose log is made at random, with what it holds kept beside.
  void MakeLog(SeededRandom& random, bool mapped) {
    format = std::make_shared<FakeCheckpointFormat>();
    environment.store = store = std::make_shared<CountingStore>(store::MakeMemoryStore());
    environment.checkpoint_format = format;
    table = Table::At(environment, "t");
    mapped_ = mapped;
    live_.clear();
    gone_.clear();
    last_ = static_cast<int64_t>(3 + random.Uniform(9));
    Commit(0, Head() + RandomCommit(random));
    int64_t checkpoint = 0;
    for (int64_t version = 1; version <= last_; ++version) {
      Commit(version, RandomCommit(random));
      if (random.Uniform(3) > 0) continue;
      PutRandomCheckpoint(random, version);
      checkpoint = version;
    }
    if (checkpoint == 0) {
      PutRandomCheckpoint(random, last_);
      checkpoint = last_;
    }
    if (random.Uniform(2) == 0) {
      for (int64_t version = 0; version < checkpoint; ++version)
        Remove(CommitName(Version(version)));
    }
    if (last_ - checkpoint >= 2 && random.Uniform(2) == 0) Compact(checkpoint + 1, last_);
  }

  std::string Head() const {
    Protocol protocol{
        3, 7, {{"deletionVectors", "v2Checkpoint"}}, {{"deletionVectors", "v2Checkpoint"}}};
    Metadata metadata;
    metadata.id = "5f3a2b10-0000-4000-8000-000000000001";
    metadata.schema_string = SchemaOf(mapped_);
    metadata.partition_columns = {"day", "n", "label"};
    if (mapped_) {
      protocol.reader_features->push_back("columnMapping");
      protocol.writer_features->push_back("columnMapping");
      metadata.configuration["delta.columnMapping.mode"] = "name";
    }
    return SerializeAction(protocol) + "\n" + SerializeAction(metadata) + "\n";
  }

  AddFile RandomFile(SeededRandom& random) {
    AddFile file;
    file.path = "f" + std::to_string(random.Uniform(40));
    file.size_bytes = 10;
    const auto column = [&](const char* name, const char* physical) {
      return std::string(mapped_ ? physical : name);
    };
    const char* days[] = {"2026-01-01", "2026-01-02", "2025-12-31", "2026-1-1"};
    const char* numbers[] = {"1", "01", "2", "-3"};
    const char* labels[] = {"a", "b", "a'b", "😀"};
    const auto put = [&](const std::string& name, const char* text) {
      const auto kind = random.Uniform(12);
      if (kind == 0) return;  // the log lacks it
      file.partition_values[name] =
          kind == 1 ? std::nullopt : std::optional<std::string>(kind == 2 ? "" : text);
    };
    put(column("day", "label"), days[random.Uniform(4)]);
    put(column("n", "day"), numbers[random.Uniform(4)]);
    put(column("label", "c-4"), labels[random.Uniform(4)]);
    const std::string id = column("id", "c-1");
    const auto low = random.Uniform(50), high = low + random.Uniform(30);
    if (random.Uniform(5) > 0) {
      file.stats = "{\"numRecords\":3,\"minValues\":{\"" + id + "\":" + std::to_string(low) +
                   "},\"maxValues\":{\"" + id + "\":" + std::to_string(high) +
                   "},\"nullCount\":{\"" + id + "\":0}}";
    }
    return file;
  }

  static DeletionVectorDescriptor RandomVector(SeededRandom& random) {
    DeletionVectorDescriptor vector;
    vector.storage_type = 'u';
    vector.path_or_inline = "ab^-aqEH.-t@S}K{vb[*k^";
    vector.offset = static_cast<int32_t>(random.Uniform(1000));
    vector.size_bytes = 40;
    vector.cardinality = 1;
    return vector;
  }
  static Key KeyOf(const AddFile& file) {
    return {file.path, file.deletion_vector ? file.deletion_vector->UniqueId() : ""};
  }
  static RemoveFile Removal(const AddFile& file) {
    RemoveFile remove;
    remove.path = file.path;
    remove.deletion_vector = file.deletion_vector;
    remove.deletion_timestamp_ms = 1'799'999'999'000;
    remove.data_change = true;
    return remove;
  }

  // Per path one change, as a commit must.
  std::string RandomCommit(SeededRandom& random) {
    std::string lines;
    std::map<std::string, bool> touched;
    for (uint64_t i = 0, count = 1 + random.Uniform(8); i < count; ++i) {
      AddFile file = RandomFile(random);
      if (touched[file.path]) continue;
      touched[file.path] = true;
      const auto old = std::find_if(live_.begin(), live_.end(), [&](const auto& entry) {
        return entry.second.path == file.path;
      });
      if (old != live_.end()) {
        file = old->second;
        lines += SerializeAction(Removal(file)) + "\n";
        gone_[old->first] = Removal(file);
        live_.erase(old);
        if (random.Uniform(2) == 0) continue;
        file.deletion_vector = RandomVector(random);
      }
      lines += SerializeAction(file) + "\n";
      gone_.erase(KeyOf(file));
      live_[KeyOf(file)] = file;
    }
    if (random.Uniform(3) == 0) {
      lines +=
          SerializeAction(SetTransaction{"app", static_cast<int64_t>(random.Uniform(99)), {}}) +
          "\n";
    }
    return lines;
  }

  void PutRandomCheckpoint(SeededRandom& random, int64_t version) {
    const uint64_t parts = 1 + random.Uniform(3);
    std::vector<std::string> lines(parts);
    for (const auto& [key, file] : live_)
      lines[random.Uniform(parts)] += SerializeAction(file) + "\n";
    for (const auto& [key, remove] : gone_)
      lines[random.Uniform(parts)] += SerializeAction(remove) + "\n";
    const std::string name = ClassicCheckpointName(Version(version)).substr(0, 20);
    char part[64];
    switch (random.Uniform(4)) {
      case 0: {
        std::string all = Head();
        for (const auto& some : lines) all += some;
        PutCheckpoint(ClassicCheckpointName(Version(version)), all);
        return;
      }
      case 1:
        lines[random.Uniform(parts)] += Head();
        for (uint64_t i = 0; i < parts; ++i) {
          snprintf(part, sizeof part, ".checkpoint.%010d.%010d.parquet", static_cast<int>(i + 1),
                   static_cast<int>(parts));
          PutCheckpoint(name + part, lines[i]);
        }
        return;
      default: break;
    }
    std::string top = SerializeAction(CheckpointMetadata{version, {}}) + "\n" + Head();
    for (uint64_t i = 0; i < parts; ++i) {
      const std::string sidecar =
          "s" + std::to_string(version) + "-" + std::to_string(i) + ".parquet";
      PutCheckpoint("_sidecars/" + sidecar, lines[i]);
      top += SerializeAction(Sidecar{sidecar, 100, 1, {}}) + "\n";
    }
    const std::string unique = name + ".checkpoint.80a083e8-7026-4e79-81be-64bd76c43a11";
    if (random.Uniform(2)) {
      Put(unique + ".json", top);
    } else {
      PutCheckpoint(unique + ".parquet", top);
    }
  }

  // The last word on every file of these commits in one file.
  void Compact(int64_t first, int64_t last) {
    std::map<Key, std::string> words;
    std::string others;
    for (int64_t version = first; version <= last; ++version) {
      const auto actions = *table->ReadCommit(Version(version));
      for (const Action& action : actions) {
        const std::string line = SerializeAction(action) + "\n";
        if (const auto* add = std::get_if<AddFile>(&action)) {
          words[KeyOf(*add)] = line;
        } else if (const auto* remove = std::get_if<RemoveFile>(&action)) {
          words[{remove->path,
                 remove->deletion_vector ? remove->deletion_vector->UniqueId() : ""}] = line;
        } else {
          others = line;
        }
      }
    }
    for (const auto& [key, line] : words) others += line;
    char name[64];
    snprintf(name, sizeof name, "%020d.%020d.compacted.json", static_cast<int>(first),
             static_cast<int>(last));
    Put(name, others);
  }

  Predicate RandomPredicate(SeededRandom& random, int depth) {
    if (depth > 0 && random.Uniform(2) == 0) {
      std::vector<Predicate> children;
      for (uint64_t i = 0; i < 1 + random.Uniform(3); ++i)
        children.push_back(RandomPredicate(random, depth - 1));
      switch (random.Uniform(3)) {
        case 0: return Predicate::And(std::move(children));
        case 1: return Predicate::Or(std::move(children));
        default: return Predicate::Not(std::move(children.front()));
      }
    }
    const K kinds[] = {K::kEqual, K::kEqual, K::kNotEqual, K::kLess, K::kGreaterEqual};
    const K kind = kinds[random.Uniform(5)];
    const auto number = [&](uint64_t below) {
      return Value(Value::Rep(static_cast<int64_t>(random.Uniform(below))));
    };
    switch (random.Uniform(6)) {
      case 0:
        return Predicate::Compare(kind, {"day"}, Value(DateValue{*ParseDateText("2026-01-01")}));
      case 1: return Predicate::Compare(kind, {"n"}, number(3));
      case 2: return Predicate::Compare(kind, {"label"}, Value(Value::Rep(std::string("a'b"))));
      case 3: {
        Predicate out;
        out.kind = random.Uniform(2) ? K::kIsNull : K::kIsNotNull;
        out.column = {random.Uniform(2) ? "label" : "day"};
        return out;
      }
      default: return Predicate::Compare(kind, {"id"}, number(80));
    }
  }

  static std::vector<Key> Found(const Snapshot& snapshot, const Predicate& predicate) {
    std::vector<Key> out;
    for (const auto& candidate : snapshot.Prune(predicate)) {
      out.push_back(KeyOf(snapshot.File(candidate.index)));
    }
    std::sort(out.begin(), out.end());
    return out;
  }

  bool mapped_ = false;
  int64_t last_ = 0;
  std::map<Key, AddFile> live_;
  std::map<Key, RemoveFile> gone_;
};

TEST_F(PartialReadTest, FindsWhatReadingWholeFinds) {
  SeededRandom random(11);
  size_t partly = 0, fewer = 0;
  for (int round = 0; round < 300; ++round) {
    MakeLog(random, round % 3 == 0);
    const ReplaySource source{environment.store, environment.checkpoint_format, "t"};
    const auto whole = LoadSnapshot(source, std::nullopt);
    ASSERT_TRUE(whole.ok()) << round << ": " << whole.status().ToString();
    std::vector<Key> expected;
    for (const auto& [key, file] : live_) expected.push_back(key);
    ASSERT_EQ(Found(**whole, Predicate::True()), expected) << round;
    const auto definition = LoadDefinition(source, std::nullopt, 1);
    ASSERT_TRUE(definition.ok()) << round << ": " << definition.status().ToString();
    EXPECT_EQ((*definition)->version(), (*whole)->version());
    EXPECT_EQ((*definition)->metadata(), (*whole)->metadata());
    EXPECT_EQ((*definition)->AppTransaction("app").has_value(),
              (*whole)->AppTransaction("app").has_value());
    for (int i = 0; i < 20; ++i) {
      const Predicate predicate = RandomPredicate(random, 2);
      const auto part = LoadMatching(source, **definition, predicate);
      ASSERT_TRUE(part.ok()) << round << ": " << part.status().ToString();
      ASSERT_EQ(Found(**part, predicate), Found(**whole, predicate))
          << round << ": " << predicate.ToString();
      ++partly;
      fewer += (*part)->num_files() < (*whole)->num_files();
    }
  }
  EXPECT_GT(fewer, partly / 4) << "else the test shows nothing";
}

}  // namespace
}  // namespace tarn::delta
