// Model: what the table must be. It sees every commit the moment the store takes it, replays it by
// simple means of its own, and holds it against what the writer meant to do (its intent) and what
// holds for every version. Whatever anybody reads later is compared with what it kept.
//
// What must hold:
//   - versions are contiguous and none is written twice;
//   - an intent lands once at most; an acknowledged one exactly once, at the version acknowledged;
//     a refused one never, not even late;
//   - each commit changes the rows, as a multiset, exactly as its intent says, starting from the
//     version right before it: no lost update, no lost or doubled or resurrected row;
//   - the sum of all accounts is constant, each has one row, and a unique key has one row;
//   - application versions only grow; in-commit timestamps only grow; row ids never overlap;
//   - a version read by anyone, from any mix of checkpoints, compacted and plain logs, at any time,
//     is the version that was committed.
//
// Threads: none.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "delta/actions.h"
#include "delta/snapshot.h"
#include "world.h"

namespace tarn::sim {

using Uid = int64_t;            // a row, for life
using Rows = std::vector<Uid>;  // sorted; a row that is there twice appears twice

struct Row {
  int64_t key = 0;
  int64_t value = 0;
};

// Keys tell what a row is for.
inline constexpr int64_t kPlainKeys = 6;  // 0 … 5: appended blindly, deleted by predicate
inline constexpr int64_t kUniqueKey = 100;
inline constexpr int64_t kUniqueKeys = 3;  // 100 … 102: one row each at most
inline constexpr int64_t kCounterKey = 200;
inline constexpr int64_t kAccountKey = 300;
inline constexpr int64_t kAccounts = 4;
inline constexpr int64_t kOpeningBalance = 100;
inline constexpr int64_t kTxnKey = 400;

enum class Kind { kCreate, kChange, kDeleteWhere, kTxnAppend, kMetadata, kDomain, kRestore };

struct Intent {
  int64_t id = 0;
  Kind kind = Kind::kChange;
  bool blind = false;         // an append that read nothing
  bool serializable = false;  // isolation it runs under
  Rows removed;
  Rows added;
  int64_t base = -1;      // version read
  int64_t key = 0;        // kDeleteWhere
  int64_t restored = -1;  // kRestore: version to return to
  int64_t from = -1;      // kTxnAppend: version it goes on from
  int64_t number = 0;     // kTxnAppend: version; kMetadata, kDomain: the new value
  std::string app;        // kTxnAppend
  enum class Fate { kOpen, kAcknowledged, kAlready, kRefused } fate = Fate::kOpen;
  int landed = 0;
  int64_t version = -1;  // where
};

struct LiveFile {
  std::string vector;  // UniqueId of the deletion vector; empty: none
  std::optional<int64_t> base_row_id;
  bool operator==(const LiveFile&) const = default;
};

struct State {
  std::map<std::string, LiveFile> files;
  std::set<std::string> tombstones;  // path|vector
  std::map<std::string, int64_t> txns;
  std::map<std::string, std::string> domains;
  delta::StringMap configuration;
  Rows rows;
};

class Model {
 public:
  explicit Model(World& world) : world_(world) {}

  // --- what writers register before they write ---
  Uid NewRow(int64_t key, int64_t value);
  const Row& row(Uid uid) const { return rows_.at(uid); }
  void DefineFile(const std::string& path, std::vector<Uid> rows) {
    contents_[path] = std::move(rows);
  }
  const std::vector<Uid>& Contents(const std::string& path) const { return contents_.at(path); }
  void DefineVector(const std::string& id, std::set<uint64_t> positions) {
    vectors_[id] = std::move(positions);
  }
  // Positions that a deletion vector deletes; "" is none.
  const std::set<uint64_t>& Vector(const std::string& id) const { return vectors_.at(id); }
  Intent& NewIntent(Kind kind);
  int64_t NextNumber() { return ++numbers_; }

  // --- what happens ---
  void OnCommit(int64_t version, const std::string& bytes);
  void Acknowledge(Intent& intent, int64_t version);
  void AcknowledgeAlready(Intent& intent);
  void Refuse(Intent& intent);
  void OnRead(const delta::Snapshot& snapshot);
  // Versions below are no longer promised.
  void PromiseOnlyFrom(int64_t version) { oldest_ = std::max(oldest_, version); }

  int64_t latest() const { return static_cast<int64_t>(states_.size()) - 1; }
  int64_t oldest() const { return oldest_; }
  const State& state(int64_t version) const { return *states_[static_cast<size_t>(version)]; }
  void CountFates();

 private:
  void Apply(const delta::Action& action, State* state);
  void AddRowsOf(const std::string& path, const LiveFile& file, Rows* rows);
  void CheckIntent(Intent& intent, const State& before, const State& after);
  void CheckRows(const Intent& intent, const State& before, const Rows& after);
  Rows ExpectedRows(const Intent& intent, const State& before);
  void CheckKeys(const State& state);
  void CheckNumbers(const Intent& intent, const State& before, const State& after);
  void CheckTimestamp(const std::vector<delta::Action>& actions, const State& state);
  void CheckRowIds(const std::vector<delta::Action>& actions);
  Rows BlindlyAddedSince(int64_t base) const;
  void Fail(const std::string& what);

  World& world_;
  std::map<Uid, Row> rows_;
  std::map<std::string, std::vector<Uid>> contents_;
  std::map<std::string, std::set<uint64_t>> vectors_ = {{"", {}}};
  std::map<int64_t, Intent> intents_;
  std::vector<std::shared_ptr<const State>> states_;
  std::vector<const Intent*> landed_;  // by version
  int64_t oldest_ = 0;
  int64_t numbers_ = 0;
  int64_t timestamp_ms_ = 0;
  int64_t next_row_id_ = 0;
  std::map<std::string, int64_t> row_ids_;  // first one of each file
  int64_t at_ = 0;                          // version under check, for messages
};

// What a metadata domain or property of the simulator counts to; 0 when absent.
int64_t NumberOf(const std::string& text);
inline constexpr char kNote[] = "sim.note";
inline constexpr char kDomain[] = "sim.domain";

}  // namespace tarn::sim
