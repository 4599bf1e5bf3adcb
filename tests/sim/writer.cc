// What writers do, and how they take the answer of a commit.
#include <algorithm>

#include "actors.h"
#include "delta/deletion_vector.h"
#include "delta/file_table.h"
#include "delta/predicate.h"
#include "delta/restore.h"
#include "sim_store.h"

namespace tarn::sim {
namespace {

constexpr char kSchema[] = R"({"type":"struct","fields":[)"
                           R"({"name":"id","type":"long","nullable":true,"metadata":{}},)"
                           R"({"name":"value","type":"long","nullable":true,"metadata":{}}]})";

delta::Predicate IdIs(int64_t key) {
  return delta::Predicate::Compare(delta::PredicateKind::kEqual, {"id"},
                                   delta::Value(delta::Value::Rep(key)));
}

}  // namespace

void Writer::CreateTable() {
  table_ = Open();
  const Conditions& conditions = world_.conditions();
  delta::Metadata metadata;
  metadata.schema_string = kSchema;
  metadata.configuration["delta.checkpointInterval"] =
      std::to_string(conditions.checkpoint_interval);
  if (conditions.vectors) metadata.configuration["delta.enableDeletionVectors"] = "true";
  if (conditions.in_commit_timestamps)
    metadata.configuration["delta.enableInCommitTimestamps"] = "true";
  if (conditions.serializable) metadata.configuration["delta.isolationLevel"] = "Serializable";
  if (conditions.row_tracking) metadata.configuration["delta.enableRowTracking"] = "true";
  if (conditions.change_feed) metadata.configuration["delta.enableChangeDataFeed"] = "true";
  if (conditions.cleanup) {
    metadata.configuration["delta.logRetentionDuration"] =
        "interval " + std::to_string(conditions.log_hours) + " hours";
  } else {
    metadata.configuration["delta.enableExpiredLogCleanup"] = "false";
  }
  // No tombstone expires: the model has them all. VACUUM says its own retention.
  metadata.configuration["delta.deletedFileRetentionDuration"] = "interval 100 weeks";
  auto created = delta::Transaction::Create(table_, metadata);
  if (!created.ok()) return world_.Fail(created.status().ToString());
  tx_ = std::move(*created);
  intent_ = &model_.NewIntent(Kind::kCreate);
  tx_->SetUserMetadata(std::to_string(intent_->id));
  std::vector<Uid> rows;
  for (int64_t i = 0; i < kAccounts; ++i) rows.push_back(AddRow(kAccountKey + i, kOpeningBalance));
  staged_ = AddFile(rows, true);
  rows.clear();
  for (int64_t i = 0; i < 4; ++i) rows.push_back(AddRow(i % kPlainKeys, 0));
  if (staged_.ok()) staged_ = AddFile(rows, true);
  if (staged_.ok()) staged_ = AddFile({AddRow(kCounterKey, 0)}, true);
  new_rows_.clear();
  Commit(Event::kAppend);
}

void Writer::Step() {
  switch (world_.random().Uniform(14)) {
    case 0:
    case 1: return Append();
    case 2: return TxnAppend();
    case 3:
    case 4: return Merge();
    case 5: return Increment();
    case 6:
    case 7: return Transfer();
    case 8: return DeleteRow();
    case 9: return DeleteWhere();
    case 10: return Optimize();
    case 11: return world_.Chance(2) ? ChangeMetadata() : ChangeDomain();
    case 12: return Restore();
    default: return TxnAppend();
  }
}

// The last epoch is delivered until it is known to be in.
void Writer::Finish() {
  const auto last = [&] {
    const auto& txns = model_.state(model_.latest()).txns;
    const auto found = txns.find(app_);
    return found == txns.end() ? -1 : found->second;
  };
  const int64_t wanted = last() + 1;
  for (int tries = 0; last() < wanted && world_.running(); ++tries) {
    if (tries > 200) return world_.Fail(app_ + " makes no progress");
    TxnAppend();
  }
}

// --- staging ---

bool Writer::Begin(Kind kind) {
  const delta::SnapshotPtr base = Latest();
  if (base == nullptr) return false;
  auto begun = delta::Transaction::Begin(table_, base);
  if (!begun.ok()) {
    world_.Fail("a transaction cannot begin: " + begun.status().ToString());
    return false;
  }
  tx_ = std::move(*begun);
  intent_ = &model_.NewIntent(kind);
  intent_->base = base->version().value();
  tx_->SetUserMetadata(std::to_string(intent_->id));
  staged_ = Status::Ok();
  new_rows_.clear();
  return true;
}

std::vector<Writer::Located> Writer::LiveRows(const delta::Snapshot& snapshot) const {
  std::vector<Located> out;
  for (uint32_t i = 0; i < snapshot.num_files(); ++i) {
    const delta::FileIndex index(i);
    const auto& rows = model_.Contents(std::string(snapshot.files().Path(index)));
    const auto* vector = snapshot.files().DeletionVector(index);
    const auto& gone = model_.Vector(vector == nullptr ? "" : vector->UniqueId());
    for (size_t position = 0; position < rows.size(); ++position) {
      if (gone.count(position) == 0) out.push_back({index, position, rows[position]});
    }
  }
  return out;
}

std::vector<Writer::Located> Writer::LiveRowsOf(int64_t key) const {
  std::vector<Located> out = LiveRows(*tx_->base());
  std::erase_if(out, [&](const Located& row) { return model_.row(row.uid).key != key; });
  return out;
}

Uid Writer::AddRow(int64_t key, int64_t value) {
  const Uid uid = model_.NewRow(key, value);
  intent_->added.push_back(uid);  // ascending: uids grow
  new_rows_.push_back(uid);
  return uid;
}

Status Writer::AddFile(std::vector<Uid> rows, bool data_change) {
  delta::AddFile file;
  file.path = "f" + std::to_string(model_.NextNumber());
  file.size_bytes = 100;
  file.modification_time_ms = 1;
  file.data_change = data_change;
  int64_t low = model_.row(rows.front()).key;
  int64_t high = low;
  for (const Uid uid : rows) {
    low = std::min(low, model_.row(uid).key);
    high = std::max(high, model_.row(uid).key);
  }
  file.stats = "{\"numRecords\":" + std::to_string(rows.size()) +
               ",\"minValues\":{\"id\":" + std::to_string(low) +
               "},\"maxValues\":{\"id\":" + std::to_string(high) + "},\"nullCount\":{\"id\":0}}";
  model_.DefineFile(file.path, std::move(rows));
  TARN_RETURN_IF_ERROR(world_.store()->Put(kTable + file.path, "rows", store::PutMode::kOverwrite));
  return tx_->AddDataFile(std::move(file));
}

std::set<uint64_t> Writer::GoneFrom(delta::FileIndex file) const {
  const auto* vector = tx_->base()->files().DeletionVector(file);
  return model_.Vector(vector == nullptr ? "" : vector->UniqueId());
}

std::vector<Uid> Writer::Survivors(delta::FileIndex file, const std::set<uint64_t>& gone) const {
  const auto& rows = model_.Contents(std::string(tx_->base()->files().Path(file)));
  std::vector<Uid> out;
  for (size_t position = 0; position < rows.size(); ++position) {
    if (gone.count(position) == 0) out.push_back(rows[position]);
  }
  return out;
}

Status Writer::WriteVector(delta::FileIndex file, std::set<uint64_t> gone) {
  delta::RowSet rows;
  for (const uint64_t row : gone) rows.Add(row);
  TARN_ASSIGN_OR_RETURN(const auto written, delta::WriteDeletionVectors(*world_.store(), kRoot,
                                                                        {rows}, world_.random()));
  TARN_ASSIGN_OR_RETURN(const std::string key,
                        delta::DeletionVectorKey(*world_.store(), kRoot, written[0]));
  model_.DefineVector(written[0].UniqueId(), std::move(gone), key);
  world_.Count(Event::kVectorWritten);
  return tx_->UpdateDeletionVector(file, written[0]);
}

// By a deletion vector, or by writing what is left anew.
Status Writer::ChangeFile(delta::FileIndex file, const std::set<uint64_t>& gone) {
  if (world_.conditions().vectors && !world_.Chance(3)) return WriteVector(file, gone);
  TARN_RETURN_IF_ERROR(tx_->RemoveDataFile(file));
  for (const Uid uid : Survivors(file, gone)) new_rows_.push_back(uid);
  return Status::Ok();
}

// Takes rows out; what new_rows_ holds then goes into a file.
Status Writer::ChangeRows(const std::vector<Located>& removed) {
  std::map<uint32_t, std::set<uint64_t>> by_file;
  for (const Located& row : removed) {
    by_file[row.file.value()].insert(row.position);
    intent_->removed.push_back(row.uid);
    tx_->ReadWhere(IdIs(model_.row(row.uid).key));
  }
  std::sort(intent_->removed.begin(), intent_->removed.end());
  for (auto& [file, positions] : by_file) {
    const delta::FileIndex index(file);
    if (world_.Chance(2)) tx_->ReadFile(index);
    positions.merge(GoneFrom(index));
    TARN_RETURN_IF_ERROR(ChangeFile(index, positions));
  }
  if (!new_rows_.empty()) TARN_RETURN_IF_ERROR(AddFile(new_rows_, true));
  const bool said = world_.conditions().change_feed && !removed.empty() && !world_.Chance(4);
  return said ? WriteChangeFile() : Status::Ok();
}

// All the commit changes: the feed then looks at nothing else of it.
Status Writer::WriteChangeFile() {
  delta::AddCdcFile file;
  file.path = "_change_data/c" + std::to_string(model_.NextNumber());
  file.size_bytes = 100;
  model_.DefineChangeFile(file.path, {intent_->removed, intent_->added});
  TARN_RETURN_IF_ERROR(
      world_.store()->Put(kTable + file.path, "changes", store::PutMode::kOverwrite));
  tx_->AddChangeFile(std::move(file));
  world_.Count(Event::kChangeFile);
  return Status::Ok();
}

// --- statements ---

void Writer::Append() {
  if (!Begin(Kind::kChange)) return;
  intent_->blind = true;
  const uint64_t rows = 1 + world_.random().Uniform(3);
  for (uint64_t i = 0; i < rows; ++i)
    AddRow(static_cast<int64_t>(world_.random().Uniform(kPlainKeys)), 0);
  staged_ = AddFile(new_rows_, true);
  Commit(Event::kAppend);
}

void Writer::TxnAppend() {
  if (!Begin(Kind::kTxnAppend)) return;
  // Positions are taken from the lake, several at once; what was never acknowledged is delivered
  // again as it was. Two writers may be the same application: one took over, the other is not dead.
  const auto there = tx_->base()->AppTransaction(app_);
  const int64_t at = there ? there->version : -1;
  if (!redelivers_ || (at != from_ && at < to_) || world_.Chance(3)) {
    from_ = at;
    to_ = at + 1 + static_cast<int64_t>(world_.random().Uniform(3));
  }
  intent_->blind = true;
  intent_->app = app_;
  intent_->from = from_;
  intent_->number = to_;
  tx_->SetAppTransaction(app_, intent_->number);
  for (int64_t position = from_ + 1; position <= to_; ++position) AddRow(kTxnKey, position);
  staged_ = AddFile(new_rows_, true);
  redelivers_ = true;
  redelivers_ = !Commit(Event::kTxnAppend);
}

// Updates the row of a key, or inserts it.
void Writer::Merge() {
  if (!Begin(Kind::kChange)) return;
  const int64_t key = kUniqueKey + static_cast<int64_t>(world_.random().Uniform(kUniqueKeys));
  tx_->ReadWhere(IdIs(key));
  const auto found = LiveRowsOf(key);
  AddRow(key, static_cast<int64_t>(found.size()));
  staged_ = ChangeRows(found);
  const bool inserted = found.empty();
  const int64_t base = intent_->base;
  if (Commit(Event::kMerge) || !inserted) return;
  for (const Uid uid : model_.state(model_.latest()).rows) {
    if (model_.row(uid).key == key && base < model_.latest())
      world_.Count(Event::kTwoWritersOneKey);
  }
}

void Writer::Increment() {
  if (!Begin(Kind::kChange)) return;
  const auto found = LiveRowsOf(kCounterKey);
  AddRow(kCounterKey, model_.row(found.front().uid).value + 1);
  staged_ = ChangeRows(found);
  Commit(Event::kIncrement);
}

void Writer::Transfer() {
  if (!Begin(Kind::kChange)) return;
  const auto from = static_cast<int64_t>(world_.random().Uniform(kAccounts));
  const int64_t to =
      (from + 1 + static_cast<int64_t>(world_.random().Uniform(kAccounts - 1))) % kAccounts;
  std::vector<Located> rows = LiveRowsOf(kAccountKey + from);
  rows.push_back(LiveRowsOf(kAccountKey + to).front());
  const auto amount = static_cast<int64_t>(world_.random().Uniform(30));
  AddRow(kAccountKey + from, model_.row(rows[0].uid).value - amount);
  AddRow(kAccountKey + to, model_.row(rows[1].uid).value + amount);
  staged_ = ChangeRows(rows);
  Commit(Event::kTransfer);
}

void Writer::DeleteRow() {
  if (!Begin(Kind::kChange)) return;
  std::vector<Located> rows = LiveRows(*tx_->base());
  std::erase_if(rows, [&](const Located& row) { return model_.row(row.uid).key >= kPlainKeys; });
  if (rows.empty()) return;
  staged_ = ChangeRows({rows[world_.random().Uniform(rows.size())]});
  Commit(Event::kDeleteRow);
}

void Writer::DeleteWhere() {
  if (!Begin(Kind::kDeleteWhere)) return;
  intent_->key = static_cast<int64_t>(world_.random().Uniform(kPlainKeys));
  tx_->ReadWhere(IdIs(intent_->key));
  staged_ = ChangeRows(LiveRowsOf(intent_->key));
  if (!tx_->HasChanges()) return;
  Commit(Event::kDeleteWhere);
}

// Some files into one; rows stay what they are.
void Writer::Optimize() {
  if (!Begin(Kind::kChange)) return;
  const uint32_t files = tx_->base()->num_files();
  const auto from = static_cast<uint32_t>(world_.random().Uniform(files));
  const uint32_t end =
      std::min(files, from + 2 + static_cast<uint32_t>(world_.random().Uniform(4)));
  for (uint32_t i = from; i < end && staged_.ok(); ++i) {
    const delta::FileIndex index(i);
    staged_ = tx_->RemoveDataFile(index, /*data_change=*/false);
    for (const Uid uid : Survivors(index, GoneFrom(index))) new_rows_.push_back(uid);
  }
  if (staged_.ok() && !new_rows_.empty()) staged_ = AddFile(new_rows_, /*data_change=*/false);
  tx_->SetOperation("OPTIMIZE", {});
  Commit(Event::kOptimize);
}

void Writer::ChangeMetadata() {
  if (!Begin(Kind::kMetadata)) return;
  delta::Metadata metadata = tx_->base()->metadata();
  intent_->number = NumberOf(metadata.configuration[kNote]) + 1;
  metadata.configuration[kNote] = std::to_string(intent_->number);
  if (world_.Chance(2)) metadata.configuration["delta.enableInCommitTimestamps"] = "true";
  staged_ = tx_->SetMetadata(std::move(metadata));
  Commit(Event::kMetadataChange);
}

void Writer::ChangeDomain() {
  if (!Begin(Kind::kDomain)) return;
  const auto domain = tx_->base()->Domain(kDomain);
  intent_->number = (domain ? NumberOf(domain->configuration) : 0) + 1;
  tx_->SetDomain({kDomain, std::to_string(intent_->number), false});
  Commit(Event::kDomainChange);
}

void Writer::Restore() {
  const delta::SnapshotPtr latest = Latest();
  if (latest == nullptr) return;
  const delta::SnapshotPtr target = At(RandomPast(*latest));
  if (target == nullptr) return;
  intent_ = &model_.NewIntent(Kind::kRestore);
  intent_->restored = target->version().value();
  world_.Think();
  world_.in_commit = true;
  const auto outcome = delta::Restore(table_, target, {{kIntent, std::to_string(intent_->id)}});
  world_.in_commit = false;
  if (outcome.ok()) {
    if (intent_->landed == 0) return model_.Refuse(*intent_);  // nothing had to change
    world_.Count(Event::kRestore);
    return model_.Acknowledge(*intent_, outcome->version.value());
  }
  const StatusCode code = outcome.status().code();
  if (code == StatusCode::kOutcomeUnknown) return world_.Count(Event::kOutcomeUnknown);
  model_.Refuse(*intent_);
  const bool gone = code == StatusCode::kNotFound &&
                    (intent_->restored < model_.oldest_with_files() || model_.lost_files());
  if (!gone && code != StatusCode::kConflict)
    return Explain(outcome.status(), "a version cannot be restored");
  world_.Count(Event::kRestoreRefused);
}

// --- the commit ---

// True when it is known to be made. The transaction is gone afterwards.
bool Writer::Commit(Event what) {
  const std::unique_ptr<delta::Transaction> transaction = std::move(tx_);
  if (!staged_.ok()) {
    model_.Refuse(*intent_);
    Explain(staged_, "a change cannot be staged");
    return false;
  }
  if (world_.tracing()) {
    world_.Trace("intent " + std::to_string(intent_->id) + ": " +
                 std::string(kEventNames[static_cast<size_t>(what)]) + " on version " +
                 std::to_string(intent_->base));
  }
  world_.Think();
  world_.in_commit = true;
  const auto result = transaction->Commit();
  world_.in_commit = false;
  Judge(result, what);
  return result.ok();
}

void Writer::Judge(const Result<delta::CommitResult>& result, Event what) {
  if (world_.tracing()) {
    world_.Trace("intent " + std::to_string(intent_->id) + ": " +
                 (result.ok() ? "acknowledged at version " + result->version.ToString()
                              : result.status().ToString()));
  }
  if (result.ok() && result->already_applied) {
    world_.Count(Event::kAlreadyApplied);
    return model_.AcknowledgeAlready(*intent_);
  }
  if (result.ok()) {
    world_.Count(Event::kCommitted);
    world_.Count(what);
    if (result->attempts > 1) world_.Count(Event::kRebased);
    if (result->snapshot != nullptr) model_.OnRead(*result->snapshot);
    return model_.Acknowledge(*intent_, result->version.value());
  }
  if (result.status().code() == StatusCode::kOutcomeUnknown) {
    world_.Count(Event::kOutcomeUnknown);
    return;
  }
  model_.Refuse(*intent_);
  if (result.status().code() == StatusCode::kConflict)
    return CountConflict(result.status().message());
  world_.Count(Event::kRefusedCommit);
  Explain(result.status(), "a commit fails");
}

void Writer::CountConflict(const std::string& message) {
  static const std::vector<std::pair<std::string, Event>> kKinds = {
      {"concurrent append", Event::kConflictAppend},
      {"concurrent delete of rows read", Event::kConflictDeleteRead},
      {"concurrent delete of the same rows", Event::kConflictDeleteDelete},
      {"concurrent transaction", Event::kConflictTransaction},
      {"metadata changed", Event::kConflictMetadata},
      {"protocol changed", Event::kConflictProtocol},
      {"cleaned up", Event::kConflictCleanup},
  };
  for (const auto& [text, event] : kKinds) {
    if (message.find(text) != std::string::npos) return world_.Count(event);
  }
}

}  // namespace tarn::sim
