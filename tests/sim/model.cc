#include "model.h"

#include <algorithm>
#include <cstdlib>

#include "delta/file_table.h"
#include "delta/json.h"

namespace tarn::sim {
namespace {

std::string VectorId(const std::optional<delta::DeletionVectorDescriptor>& vector) {
  return vector ? vector->UniqueId() : "";
}

Rows Without(const Rows& rows, const Rows& gone) {
  Rows out;
  std::set_difference(rows.begin(), rows.end(), gone.begin(), gone.end(), std::back_inserter(out));
  return out;
}

Rows With(const Rows& rows, const Rows& more) {
  Rows out;
  std::merge(rows.begin(), rows.end(), more.begin(), more.end(), std::back_inserter(out));
  return out;
}

std::string Describe(const Rows& rows) {
  std::string out;
  for (const Uid uid : rows) out += " " + std::to_string(uid);
  return out.empty() ? " none" : out;
}

}  // namespace

int64_t NumberOf(const std::string& text) { return std::strtoll(text.c_str(), nullptr, 10); }

void Model::Fail(const std::string& what) {
  world_.Fail("version " + std::to_string(at_) + ": " + what);
}

Uid Model::NewRow(int64_t key, int64_t value) {
  const Uid uid = static_cast<Uid>(rows_.size()) + 1;
  rows_[uid] = {key, value};
  return uid;
}

Intent& Model::NewIntent(Kind kind) {
  const int64_t id = static_cast<int64_t>(intents_.size()) + 1;
  Intent& intent = intents_[id];
  intent.id = id;
  intent.kind = kind;
  intent.serializable = world_.conditions().serializable;
  return intent;
}

// --- the replay ---

void Model::Apply(const delta::Action& action, State* state) {
  if (const auto* add = std::get_if<delta::AddFile>(&action)) {
    const std::string vector = VectorId(add->deletion_vector);
    state->files[add->path] = {vector, add->base_row_id};
    state->tombstones.erase(add->path + "|" + vector);
  } else if (const auto* remove = std::get_if<delta::RemoveFile>(&action)) {
    const std::string vector = VectorId(remove->deletion_vector);
    const auto live = state->files.find(remove->path);
    if (live == state->files.end() || live->second.vector != vector) {
      Fail("removes " + remove->path + ", which is not in the version before");
    } else {
      state->files.erase(live);
    }
    state->tombstones.insert(remove->path + "|" + vector);
  } else if (const auto* txn = std::get_if<delta::SetTransaction>(&action)) {
    int64_t& there = state->txns.try_emplace(txn->app_id, -1).first->second;
    if (txn->version <= there) Fail("application " + txn->app_id + " did not grow");
    there = txn->version;
  } else if (const auto* domain = std::get_if<delta::DomainMetadata>(&action)) {
    if (domain->removed) {
      state->domains.erase(domain->domain);
    } else {
      state->domains[domain->domain] = domain->configuration;
    }
  } else if (const auto* metadata = std::get_if<delta::Metadata>(&action)) {
    state->configuration = metadata->configuration;
  } else if (const auto* change = std::get_if<delta::AddCdcFile>(&action)) {
    state->change_files.insert(kTable + change->path);
  }
}

void Model::AddRowsOf(const std::string& path, const LiveFile& file, Rows* rows) {
  const auto contents = contents_.find(path);
  const auto vector = vectors_.find(file.vector);
  if (contents == contents_.end() || vector == vectors_.end())
    return Fail("file " + path + " or its vector '" + file.vector + "' was never written");
  for (size_t i = 0; i < contents->second.size(); ++i) {
    if (vector->second.count(i) == 0) rows->push_back(contents->second[i]);
  }
}

void Model::OnCommit(int64_t version, const std::string& bytes) {
  at_ = version;
  auto actions = delta::ParseActions(bytes, "commit " + std::to_string(version));
  if (!actions.ok()) return Fail(actions.status().ToString());
  // Where the log was cleaned up, an entry is no part of the table. It must not be acknowledged.
  if (version <= latest() && version < oldest()) {
    NameFilesOf(*actions);  // VACUUM cannot know
    return world_.Count(Event::kStray);
  }
  if (version != latest() + 1)
    return Fail("came after version " + std::to_string(latest()) + ": versions are not contiguous");
  const State before = states_.empty() ? State() : *states_.back();
  auto after = std::make_shared<State>(before);
  after->change_files.clear();
  const delta::CommitInfo* info = nullptr;
  // Removes first: an action order within a commit has no meaning.
  for (const delta::Action& action : *actions) {
    if (std::holds_alternative<delta::RemoveFile>(action)) Apply(action, after.get());
  }
  for (const delta::Action& action : *actions) {
    if (!std::holds_alternative<delta::RemoveFile>(action)) Apply(action, after.get());
    if (const auto* found = std::get_if<delta::CommitInfo>(&action)) info = found;
  }
  after->rows.clear();
  for (const auto& [path, file] : after->files) AddRowsOf(path, file, &after->rows);
  std::sort(after->rows.begin(), after->rows.end());
  states_.push_back(after);
  commit_ms_.push_back(NowMs());
  Intent* intent = IntentOf(info);
  if (intent == nullptr) return Fail("a commit that nobody meant to make");
  landed_.push_back(intent);
  if (world_.tracing()) {
    world_.Trace("  version " + std::to_string(version) + " = intent " +
                 std::to_string(intent->id) + " (" + info->operation + "), rows" +
                 Describe(after->rows));
  }
  CheckIntent(*intent, before, *after);
  CheckFiles(before, *after);
  CheckKeys(*after);
  CheckTimestamp(*actions, *after);
  if (world_.conditions().row_tracking) CheckRowIds(*actions);
}

// --- intents ---

void Model::CheckIntent(Intent& intent, const State& before, const State& after) {
  intent.version = at_;
  const std::string name = "intent " + std::to_string(intent.id);
  if (++intent.landed > 1) return Fail(name + " landed twice: its rows are doubled");
  if (intent.fate == Intent::Fate::kRefused) return Fail(name + " was refused and landed");
  if (intent.fate == Intent::Fate::kAlready)
    return Fail(name + " was said to be in the table before, and landed again");
  CheckRows(intent, before, after.rows);
  CheckNumbers(intent, before, after);
}

Rows Model::BlindlyAddedSince(int64_t base) const {
  Rows out;
  for (int64_t version = base + 1; version < at_; ++version) {
    const Intent& other = *landed_[static_cast<size_t>(version)];
    if (other.blind) out.insert(out.end(), other.added.begin(), other.added.end());
  }
  std::sort(out.begin(), out.end());
  return out;
}

Rows Model::ExpectedRows(const Intent& intent, const State& before) {
  if (intent.kind != Kind::kRestore)
    return With(Without(before.rows, intent.removed), intent.added);
  // Under WriteSerializable, rows appended blindly since the base count as appended afterwards; a
  // stale base may be older than the version to return to.
  const Rows& target = state(intent.restored).rows;
  return intent.serializable
             ? target
             : With(target, BlindlyAddedSince(std::max(intent.base, intent.restored)));
}

void Model::CheckRows(const Intent& intent, const State& before, const Rows& after) {
  const std::string name = "intent " + std::to_string(intent.id);
  const Rows missing =
      intent.kind == Kind::kRestore ? Rows() : Without(intent.removed, before.rows);
  if (!missing.empty())
    return Fail(name + " removes rows that are not in the version before:" + Describe(missing));
  const Rows expected = ExpectedRows(intent, before);
  if (after != expected) {
    return Fail(name + " left wrong rows: too many" + Describe(Without(after, expected)) +
                ", lost" + Describe(Without(expected, after)));
  }
  if (intent.kind != Kind::kDeleteWhere) return;
  Rows tolerated = intent.serializable ? Rows() : BlindlyAddedSince(intent.base);
  for (const Uid uid : after) {
    if (row(uid).key == intent.key &&
        !std::binary_search(tolerated.begin(), tolerated.end(), uid)) {
      Fail(name + " should have deleted row " + std::to_string(uid) + " too");
    }
  }
}

void Model::CheckNumbers(const Intent& intent, const State& before, const State& after) {
  const auto number = [](const auto& map, const char* key) {
    const auto found = map.find(key);
    return found == map.end() ? 0 : NumberOf(found->second);
  };
  const std::string name = "intent " + std::to_string(intent.id);
  // RESTORE brings the properties back too.
  const State& source = intent.kind == Kind::kRestore ? state(intent.restored) : before;
  const int64_t note =
      intent.kind == Kind::kMetadata ? intent.number : number(source.configuration, kNote);
  if (number(after.configuration, kNote) != note ||
      (intent.kind == Kind::kMetadata && number(before.configuration, kNote) != note - 1)) {
    Fail(name + ": a change of metadata was lost");
  }
  const int64_t domain =
      intent.kind == Kind::kDomain ? intent.number : number(before.domains, kDomain);
  if (number(after.domains, kDomain) != domain ||
      (intent.kind == Kind::kDomain && number(before.domains, kDomain) != domain - 1)) {
    Fail(name + ": a change of a metadata domain was lost");
  }
  if (intent.kind == Kind::kTxnAppend) {
    const auto there = before.txns.find(intent.app);
    if ((there == before.txns.end() ? -1 : there->second) != intent.from)
      Fail(name + ": " + intent.app + " skips or repeats " + std::to_string(intent.number));
  }
}

// --- what holds for every version ---

void Model::CheckKeys(const State& state) {
  std::map<int64_t, int> count;
  int64_t sum = 0;
  for (const Uid uid : state.rows) {
    const Row& row = this->row(uid);
    ++count[row.key];
    if (row.key >= kAccountKey && row.key < kAccountKey + kAccounts) sum += row.value;
  }
  if (sum != kAccounts * kOpeningBalance) Fail("the accounts sum up to " + std::to_string(sum));
  for (int64_t key = kAccountKey; key < kAccountKey + kAccounts; ++key) {
    if (count[key] != 1) Fail("account " + std::to_string(key) + " has not one row");
  }
  for (int64_t key = kUniqueKey; key < kUniqueKey + kUniqueKeys; ++key) {
    if (count[key] > 1) Fail("unique key " + std::to_string(key) + " is there twice");
  }
  if (count[kCounterKey] != 1) Fail("the counter has not one row");
}

void Model::CheckTimestamp(const std::vector<delta::Action>& actions, const State& state) {
  const auto enabled = state.configuration.find("delta.enableInCommitTimestamps");
  if (enabled == state.configuration.end() || enabled->second != "true") return;
  const auto* info = std::get_if<delta::CommitInfo>(&actions.front());
  if (info == nullptr || !info->in_commit_timestamp_ms)
    return Fail("has no in-commit timestamp in its first action");
  if (*info->in_commit_timestamp_ms <= timestamp_ms_)
    Fail("has an in-commit timestamp that is not after the one before");
  timestamp_ms_ = *info->in_commit_timestamp_ms;
}

void Model::CheckRowIds(const std::vector<delta::Action>& actions) {
  int64_t next = next_row_id_;
  for (const delta::Action& action : actions) {
    const auto* add = std::get_if<delta::AddFile>(&action);
    if (add == nullptr) continue;
    if (!add->base_row_id || !add->default_row_commit_version)
      return Fail(add->path + " has no row ids");
    // A file keeps its ids for life, also when RESTORE brings it back.
    const auto [place, fresh] = row_ids_.try_emplace(add->path, *add->base_row_id);
    if (!fresh) {
      if (place->second != *add->base_row_id) Fail(add->path + " changed its row ids");
      continue;
    }
    if (*add->base_row_id < next) Fail(add->path + " has the row ids of another file");
    next = *add->base_row_id + static_cast<int64_t>(Contents(add->path).size());
  }
  next_row_id_ = next;
}

// --- fates ---

void Model::Acknowledge(Intent& intent, int64_t version) {
  intent.fate = Intent::Fate::kAcknowledged;
  at_ = version;
  if (intent.landed != 1 || intent.version != version) {
    Fail("intent " + std::to_string(intent.id) + " was acknowledged here but landed " +
         std::to_string(intent.landed) + " times, last at " + std::to_string(intent.version));
  }
}

void Model::AcknowledgeAlready(Intent& intent) {
  // Either an earlier delivery of the same, or a lost reply to this very one.
  at_ = latest();
  const auto there = state(at_).txns.find(intent.app);
  if (there == state(at_).txns.end() || there->second < intent.number)
    Fail("intent " + std::to_string(intent.id) + " was said to be applied and is not");
  if (intent.landed == 0) intent.fate = Intent::Fate::kAlready;
}

void Model::Refuse(Intent& intent) {
  intent.fate = Intent::Fate::kRefused;
  at_ = latest();
  if (intent.landed != 0)
    Fail("intent " + std::to_string(intent.id) + " was refused but landed at version " +
         std::to_string(intent.version));
}

void Model::CountFates() {
  for (const auto& [id, intent] : intents_) {
    if (intent.fate != Intent::Fate::kOpen) continue;
    world_.Count(intent.landed != 0 ? Event::kUnknownThatLanded : Event::kUnknownThatDidNotLand);
  }
}

// --- reads ---

void Model::OnRead(const delta::Snapshot& snapshot) {
  at_ = snapshot.version().value();
  if (at_ < 0 || at_ > latest()) return Fail("was read but never committed");
  const State& expected = state(at_);
  world_.Count(Event::kSnapshotRead);
  if (snapshot.num_files() != expected.files.size())
    return Fail("reads with " + std::to_string(snapshot.num_files()) + " files, not " +
                std::to_string(expected.files.size()));
  for (uint32_t i = 0; i < snapshot.num_files(); ++i) {
    const delta::FileIndex index(i);
    const auto found = expected.files.find(std::string(snapshot.files().Path(index)));
    const auto* vector = snapshot.files().DeletionVector(index);
    if (found == expected.files.end() ||
        found->second.vector != (vector == nullptr ? "" : vector->UniqueId())) {
      return Fail("reads with file " + std::string(snapshot.files().Path(index)) +
                  ", which is not in it or has another deletion vector");
    }
  }
  std::set<std::string> tombstones;
  for (const auto& remove : snapshot.Tombstones())
    tombstones.insert(remove.path + "|" + VectorId(remove.deletion_vector));
  if (tombstones != expected.tombstones) Fail("reads with other tombstones");
  std::map<std::string, int64_t> txns;
  for (const auto& txn : snapshot.AppTransactions()) txns[txn.app_id] = txn.version;
  if (txns != expected.txns) Fail("reads with other application versions");
  std::map<std::string, std::string> domains;
  for (const auto& domain : snapshot.Domains()) domains[domain.domain] = domain.configuration;
  if (domains != expected.domains) Fail("reads with other metadata domains");
  if (snapshot.metadata().configuration != expected.configuration)
    Fail("reads with other properties");
}

}  // namespace tarn::sim
