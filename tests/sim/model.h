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
//     is the version that was committed;
//   - a log entry goes only when its version was replaced before the log's retention;
//   - no file goes that a version inside the retention of VACUUM needs, or a clone; what nobody
//   ever
//     named is gone after the last VACUUM;
//   - the change feed of versions a to b is what makes the rows of b out of those before a.
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
#include "delta/change_feed.h"
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

// What is there of one change file.
struct Change {
  Rows deleted;
  Rows inserted;
};

struct CloneFacts {
  int64_t source_version = -1;
  int64_t begun_ms = 0;
  int64_t landed_ms = 0;
  bool landed = false;
  bool dropped = false;        // a late request may make it again; it is nobody's then
  bool vouched = true;         // false: it took longer than anybody vouches for
  std::set<std::string> keys;  // of the source's files
  size_t files = 0;
};

struct LiveFile {
  std::string vector;  // UniqueId of the deletion vector; empty: none
  std::optional<int64_t> base_row_id;
};

struct State {
  std::map<std::string, LiveFile> files;
  std::set<std::string> change_files;  // of this one commit, as keys
  std::set<std::string> tombstones;    // path|vector
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
  void DefineVector(const std::string& id, std::set<uint64_t> positions, std::string key) {
    vectors_[id] = std::move(positions);
    vector_keys_[id] = std::move(key);
  }
  void DefineChangeFile(const std::string& path, Change change) {
    changes_[path] = std::move(change);
  }
  CloneFacts& BeginClone(const std::string& root, int64_t source_version);
  std::map<std::string, CloneFacts>& clones() { return clones_; }
  // Positions that a deletion vector deletes; "" is none.
  const std::set<uint64_t>& Vector(const std::string& id) const { return vectors_.at(id); }
  Intent& NewIntent(Kind kind);
  int64_t NextNumber() { return ++numbers_; }

  // --- what happens ---
  void OnPut(const std::string& key);
  void OnEntry(const std::string& key, int64_t version, const std::string& bytes);
  void OnDelete(const std::string& key, int64_t vacuum_began_micros);
  void Acknowledge(Intent& intent, int64_t version);
  void AcknowledgeAlready(Intent& intent);
  void Refuse(Intent& intent);
  void OnRead(const delta::Snapshot& snapshot);
  // The rows of `last` are those before `first` and what the feed says.
  void OnChangeFeed(int64_t first, int64_t last, const delta::ChangeFeed& feed);

  int64_t latest() const { return static_cast<int64_t>(states_.size()) - 1; }
  // Versions below may have left the log by now.
  int64_t oldest() const;
  // Files of versions below may be gone by now.
  int64_t oldest_with_files() const;
  // A file of the newest version is gone because its writer was slower than the retention.
  bool lost_files() const { return lost_files_; }
  // True when something named the file at some time.
  bool WasNamed(const std::string& key) const { return named_.count(key) != 0; }
  const State& state(int64_t version) const { return *states_[static_cast<size_t>(version)]; }
  void CountFates();

 private:
  void OnCommit(int64_t version, const std::string& bytes);
  void OnCloneCommit(const std::string& root, const std::string& bytes);
  Intent* IntentOf(const delta::CommitInfo* info);
  void NameFilesOf(const std::vector<delta::Action>& actions);
  void CheckFiles(const State& before, const State& after);
  void CheckDelete(const std::string& key, int64_t vacuum_began_ms);
  bool Needs(const State& state, const std::string& key) const;
  std::set<std::string> KeysOf(const State& state) const;
  int64_t FirstReplacedSince(int64_t ms) const;
  int64_t NowMs() const;
  Change ChangeOf(const delta::ChangeFile& file);
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
  std::map<std::string, std::string> vector_keys_;  // by id
  std::map<std::string, Change> changes_;           // by path
  std::map<std::string, CloneFacts> clones_;        // by root
  std::map<std::string, int64_t> put_ms_;           // of files, by key: last put
  std::set<std::string> named_;                     // keys
  std::vector<int64_t> commit_ms_;                  // by version
  bool lost_files_ = false;
  std::map<int64_t, Intent> intents_;
  std::vector<std::shared_ptr<const State>> states_;
  std::vector<const Intent*> landed_;  // by version
  int64_t numbers_ = 0;
  int64_t timestamp_ms_ = 0;
  int64_t next_row_id_ = 0;
  std::map<std::string, int64_t> row_ids_;  // first one of each file
  int64_t at_ = 0;                          // version under check, for messages
};

// What a metadata domain or property of the simulator counts to; 0 when absent.
int64_t NumberOf(const std::string& text);
inline constexpr char kRoot[] = "t";
inline constexpr char kTable[] = "t/";
inline constexpr char kIntent[] = "sim.intent";  // operation parameter of RESTORE
inline constexpr char kNote[] = "sim.note";
inline constexpr char kDomain[] = "sim.domain";

}  // namespace tarn::sim
