#include "duck/table_write.h"

#include <algorithm>
#include <set>
#include <unordered_map>
#include <utility>

#include "base/clock.h"
#include "delta/file_table.h"
#include "delta/json.h"
#include "delta/stats.h"
#include "duck/file_rescan.h"
#include "duck/lake_catalog.h"
#include "duck/status_exception.h"

namespace tarn::duck {

using duckdb::DataChunk;
using duckdb::idx_t;

namespace {

const char* ChangeName(RowChange change, bool old_row) {
  switch (change) {
    case RowChange::kInsert: return "insert";
    case RowChange::kDelete: return "delete";
    case RowChange::kUpdate: break;
  }
  return old_row ? "update_preimage" : "update_postimage";
}

}  // namespace

std::string JsonText(const std::string& text) { return delta::JsonQuote(text); }

class TableWrite::Local {
 public:
  DataWriter::LocalPtr rows;
  DataWriter::LocalPtr changes;
  DataWriter::LocalPtr moved;
  std::unique_ptr<ColumnFiller> filler;
  std::unique_ptr<ConstraintChecker> checker;
  // Positions of one file, moved to a bitmap in batches.
  struct Positions {
    void Add(uint64_t position) {
      batch.push_back(position);
      ++count;
      if (batch.size() == kBatch) Flush();
    }
    void Flush() {
      rows.AddMany(batch.data(), batch.size());
      batch.clear();
    }
    static constexpr size_t kBatch = 1 << 16;
    std::vector<uint64_t> batch;
    delta::RowSet rows;
    uint64_t count = 0;
  };
  struct Taken {
    Positions deleted, updated;
  };
  std::unordered_map<uint64_t, Taken> taken;
};

void TableWrite::LocalDeleter::operator()(Local* local) const { delete local; }

// What becomes of a file that lost rows.
struct TableWrite::FileFate {
  uint64_t ordinal = 0;
  delta::AddFile file;     // as it is now, with its deletion vector
  Taken* taken = nullptr;  // this statement's rows
  delta::RowSet gone;      // old and new together
  enum class Kind { kRemove, kVector, kRewrite } kind = Kind::kVector;
  bool had_vector = false;
};

TableWrite::TableWrite(duckdb::ClientContext& context, DeltaTableEntry& entry, WriteOptions options)
    : context_(context),
      entry_(entry),
      lake_(LakeTransaction::Get(context, entry.ParentCatalog())),
      delta_(lake_.WriteTo(entry)),
      options_(std::move(options)) {
  // The entry may be older than what the transaction staged (ALTER in the same transaction).
  target_ =
      MakeWriteTarget(entry.QualifiedName(), entry.table(), delta_.schema(), delta_.metadata());
  constraints_ = std::make_unique<ConstraintSet>(context, target_, options_.replaced);
  computed_ = std::make_unique<ComputedColumns>(context, target_);
  // A commit that holds change files is read by them alone, so in a transaction of several
  // statements every statement has to write its own.
  creating_ = lake_.IsCreating(entry.table());
  feed_ = target_->properties.enable_change_data_feed && !creating_ &&
          !(options_.pure_insert && context.transaction.IsAutoCommit());
}

TableWrite::~TableWrite() = default;

DataWriter& TableWrite::Rows() {
  std::lock_guard<std::mutex> guard(mutex_);
  if (!rows_) rows_ = std::make_unique<DataWriter>(context_, lake_, target_, FileKind::kData);
  return *rows_;
}

DataWriter& TableWrite::Moved() {
  std::lock_guard<std::mutex> guard(mutex_);
  if (!moved_) {
    moved_ = std::make_unique<DataWriter>(context_, lake_, target_, FileKind::kMovedData);
  }
  return *moved_;
}

DataWriter& TableWrite::Changes() {
  std::lock_guard<std::mutex> guard(mutex_);
  if (!changes_)
    changes_ = std::make_unique<DataWriter>(context_, lake_, target_, FileKind::kChangeData);
  return *changes_;
}

TableWrite::LocalPtr TableWrite::MakeLocal() {
  LocalPtr local(new Local());
  if (!constraints_->empty())
    local->checker = std::make_unique<ConstraintChecker>(context_, *constraints_);
  if (!computed_->empty()) local->filler = std::make_unique<ColumnFiller>(context_, *computed_);
  return local;
}

void TableWrite::WriteChange(duckdb::ExecutionContext& context, DataWriter::Local& local,
                             DataChunk& rows, const char* type) {
  DataChunk with_type;
  auto types = target_->types;
  types.push_back(duckdb::LogicalType::VARCHAR);
  with_type.InitializeEmpty(types);
  for (idx_t i = 0; i < target_->types.size(); ++i) with_type.data[i].Reference(rows.data[i]);
  with_type.data[target_->types.size()].Reference(duckdb::Value(type));
  with_type.SetCardinality(rows.size());
  Changes().Sink(context, local, with_type);
}

void TableWrite::WriteMoved(duckdb::ExecutionContext& context, DataWriter::Local& local,
                            DataChunk& rows, duckdb::Vector& row_ids,
                            duckdb::optional_ptr<duckdb::Vector> versions) {
  DataChunk moved;
  auto types = target_->types;
  const idx_t columns = types.size();
  types.resize(columns + 2, duckdb::LogicalType::BIGINT);
  moved.InitializeEmpty(types);
  for (idx_t i = 0; i < columns; ++i) moved.data[i].Reference(rows.data[i]);
  moved.data[columns].Reference(row_ids);
  if (versions) {
    moved.data[columns + 1].Reference(*versions);
  } else {
    moved.data[columns + 1].Reference(duckdb::Value(duckdb::LogicalType::BIGINT));
  }
  moved.SetCardinality(rows.size());
  Moved().Sink(context, local, moved);
}

void TableWrite::Append(duckdb::ExecutionContext& context, Local& local, DataChunk& given,
                        RowChange change, duckdb::optional_ptr<duckdb::Vector> row_ids) {
  if (given.size() == 0) return;
  DataChunk& rows = local.filler ? local.filler->Fill(given, change == RowChange::kInsert) : given;
  if (local.checker) local.checker->Check(rows);
  if (row_ids && target_->tracks_rows()) {
    if (!local.moved) local.moved = Moved().MakeLocal();
    WriteMoved(context, *local.moved, rows, *row_ids, nullptr);
  } else {
    if (!local.rows) local.rows = Rows().MakeLocal();
    Rows().Sink(context, *local.rows, rows);
  }
  if (feed_) {
    if (!local.changes) local.changes = Changes().MakeLocal();
    WriteChange(context, *local.changes, rows, ChangeName(change, false));
  }
  (change == RowChange::kUpdate ? updated_ : inserted_) += static_cast<int64_t>(rows.size());
}

void TableWrite::Delete(Local& local, duckdb::Vector& file_index, duckdb::Vector& row_number,
                        idx_t count, RowChange change) {
  duckdb::UnifiedVectorFormat files, rows;
  file_index.ToUnifiedFormat(count, files);
  row_number.ToUnifiedFormat(count, rows);
  const auto* ordinals = duckdb::UnifiedVectorFormat::GetData<uint64_t>(files);
  const auto* positions = duckdb::UnifiedVectorFormat::GetData<int64_t>(rows);
  uint64_t last = UINT64_MAX;
  Local::Positions* into = nullptr;
  for (idx_t i = 0; i < count; ++i) {
    const idx_t at = files.sel->get_index(i);
    if (!files.validity.RowIsValid(at)) continue;
    if (into == nullptr || ordinals[at] != last) {
      last = ordinals[at];
      auto& entry = local.taken[last];
      into = change == RowChange::kUpdate ? &entry.updated : &entry.deleted;
    }
    into->Add(static_cast<uint64_t>(positions[rows.sel->get_index(i)]));
  }
}

void TableWrite::DropFile(uint64_t ordinal) { taken_[ordinal].whole = true; }

void TableWrite::Combine(duckdb::ExecutionContext& context, Local& local) {
  if (local.rows) Rows().Combine(context, *local.rows);
  if (local.moved) Moved().Combine(context, *local.moved);
  if (local.changes) Changes().Combine(context, *local.changes);
  std::lock_guard<std::mutex> guard(mutex_);
  for (auto& [ordinal, mine] : local.taken) {
    Taken& taken = taken_[ordinal];
    mine.deleted.Flush();
    mine.updated.Flush();
    taken.deleted.UnionWith(mine.deleted.rows);
    taken.updated.UnionWith(mine.updated.rows);
    taken.count += mine.deleted.count + mine.updated.count;
  }
  local.taken.clear();
}

delta::AddFile TableWrite::FileOf(uint64_t ordinal) const {
  if (FileOrdinal::IsAdded(ordinal)) {
    return delta_.added_files().at(FileOrdinal::AddedPosition(ordinal));
  }
  const auto index = FileOrdinal::BaseIndex(ordinal);
  delta::AddFile file = delta_.base()->File(index);
  if (auto vector = delta_.NewDeletionVector(index)) file.deletion_vector = *vector;
  return file;
}

std::vector<TableWrite::FileFate> TableWrite::Judge() {
  std::vector<FileFate> fates;
  auto& table = *target_->table;
  for (auto& [ordinal, taken] : taken_) {
    FileFate fate;
    fate.ordinal = ordinal;
    fate.file = FileOf(ordinal);
    fate.taken = &taken;
    fate.had_vector = fate.file.deletion_vector.has_value();
    if (!taken.whole) {
      fate.gone = taken.deleted;
      fate.gone.UnionWith(taken.updated);
      if (!options_.may_touch_rows_twice && fate.gone.Cardinality() < taken.count) {
        throw duckdb::InvalidInputException(
            "a row of table %s matched several source rows that each want to change it; make the "
            "source "
            "unique on the join condition (e.g. keep one row per key with ROW_NUMBER)",
            target_->name);
      }
      if (fate.had_vector) {
        fate.gone.UnionWith(ValueOrThrow(delta::ReadDeletionVector(
            *table.environment().store, table.root(), *fate.file.deletion_vector)));
      }
    }
    const auto records = delta::NumRecordsOf(fate.file.stats);
    const bool all =
        taken.whole || (records && fate.gone.Cardinality() >= static_cast<uint64_t>(*records));
    if (all) {
      fate.kind = FileFate::Kind::kRemove;
    } else if (target_->properties.enable_deletion_vectors && records) {
      fate.kind = FileFate::Kind::kVector;
    } else {
      fate.kind = FileFate::Kind::kRewrite;
    }
    fates.push_back(std::move(fate));
  }
  return fates;
}

// Sorts the rows of files that are read again: rows that stay (of files to rewrite) are copied,
// rows that left become change data.
class TableWrite::RowSorter {
 public:
  RowSorter(TableWrite& write, std::vector<FileFate*> fates, size_t workers)
      : write_(write), fates_(std::move(fates)), rows_(workers), changes_(workers) {}

  RescanVisitor Visitor() {
    RescanVisitor visitor;
    visitor.begin = [this](duckdb::ExecutionContext&, size_t worker) {
      rows_[worker] = Writer().MakeLocal();
      if (write_.feed_) changes_[worker] = write_.Changes().MakeLocal();
    };
    visitor.rows = [this](duckdb::ExecutionContext& execution, size_t worker, DataChunk& chunk) {
      Sort(execution, worker, chunk);
    };
    visitor.end = [this](duckdb::ExecutionContext& execution, size_t worker) {
      Writer().Combine(execution, *rows_[worker]);
      if (write_.feed_) write_.Changes().Combine(execution, *changes_[worker]);
    };
    return visitor;
  }
  int64_t copied() const { return copied_; }

 private:
  // Under row tracking rows that are copied take id and commit version along.
  DataWriter& Writer() { return write_.target_->tracks_rows() ? write_.Moved() : write_.Rows(); }

  struct Part {
    Part() : selection(STANDARD_VECTOR_SIZE) {}
    void Take(idx_t row) { selection.set_index(count++, row); }
    duckdb::SelectionVector selection;
    idx_t count = 0;
  };

  void Sort(duckdb::ExecutionContext& execution, size_t worker, DataChunk& chunk) {
    chunk.Flatten();
    const size_t columns = write_.target_->types.size();
    const auto* ordinals = duckdb::FlatVector::GetData<uint64_t>(chunk.data[columns]);
    const auto* positions = duckdb::FlatVector::GetData<int64_t>(chunk.data[columns + 1]);
    Part kept, deleted, updated;
    for (idx_t i = 0; i < chunk.size(); ++i) {
      const FileFate& fate = *fates_[FileOrdinal::AddedPosition(ordinals[i])];
      const auto position = static_cast<uint64_t>(positions[i]);
      if (fate.taken->whole || fate.taken->deleted.Contains(position)) {
        deleted.Take(i);
      } else if (fate.taken->updated.Contains(position)) {
        updated.Take(i);
      } else if (fate.kind == FileFate::Kind::kRewrite) {
        kept.Take(i);
      }
    }
    Pass(chunk, kept, [&](DataChunk& part) {
      if (write_.target_->tracks_rows()) {
        write_.WriteMoved(execution, *rows_[worker], part, part.data[columns + 2],
                          &part.data[columns + 3]);
      } else {
        write_.Rows().Sink(execution, *rows_[worker], part);
      }
      copied_ += static_cast<int64_t>(part.size());
    });
    if (!write_.feed_) return;
    Pass(chunk, deleted, [&](DataChunk& part) {
      write_.WriteChange(execution, *changes_[worker], part, ChangeName(RowChange::kDelete, true));
    });
    Pass(chunk, updated, [&](DataChunk& part) {
      write_.WriteChange(execution, *changes_[worker], part, ChangeName(RowChange::kUpdate, true));
    });
  }

  template <typename Use>
  static void Pass(DataChunk& chunk, const Part& part, const Use& use) {
    if (part.count == 0) return;
    DataChunk slice;
    slice.InitializeEmpty(chunk.GetTypes());
    slice.Slice(chunk, part.selection, part.count);
    use(slice);
  }

  TableWrite& write_;
  std::vector<FileFate*> fates_;
  std::vector<DataWriter::LocalPtr> rows_, changes_;
  std::atomic<int64_t> copied_{0};
};

void TableWrite::Rescan(duckdb::ClientContext& context, std::vector<FileFate>& fates,
                        WriteOutcome* outcome) {
  std::vector<FileFate*> again;
  std::vector<delta::AddFile> files;
  for (auto& fate : fates) {
    if (!feed_ && fate.kind != FileFate::Kind::kRewrite) continue;
    again.push_back(&fate);
    files.push_back(fate.file);
  }
  if (files.empty()) return;
  RowSorter sorter(*this, std::move(again), RescanWorkers(context, files.size()));
  RescanFiles(context, entry_, std::move(files), sorter.Visitor());
  outcome->rows_copied = sorter.copied();
}

void TableWrite::StageVectors(std::vector<FileFate>& fates, WriteOutcome* outcome) {
  std::vector<delta::RowSet> sets;
  std::vector<FileFate*> owners;
  for (auto& fate : fates) {
    if (fate.kind != FileFate::Kind::kVector) continue;
    sets.push_back(fate.gone);
    owners.push_back(&fate);
  }
  if (sets.empty()) return;
  const auto& environment = target_->table->environment();
  const auto vectors = ValueOrThrow(delta::WriteDeletionVectors(
      *environment.store, target_->table->root(), sets, *environment.random));
  std::set<std::string> keys;
  for (const auto& vector : vectors) {
    keys.insert(
        ValueOrThrow(delta::DeletionVectorKey(*environment.store, target_->table->root(), vector)));
  }
  for (const auto& key : keys) {
    if (!key.empty()) lake_.NoteWrittenFile(target_->table, key);
  }
  for (size_t i = 0; i < owners.size(); ++i) {
    FileFate& fate = *owners[i];
    ++(fate.had_vector ? outcome->vectors_updated : outcome->vectors_added);
    if (FileOrdinal::IsAdded(fate.ordinal)) {
      auto& added = delta_.MutableAddedFiles().at(FileOrdinal::AddedPosition(fate.ordinal));
      added.deletion_vector = vectors[i];
      added.stats = delta::WithWideBounds(added.stats);
    } else {
      ThrowIfError(delta_.UpdateDeletionVector(FileOrdinal::BaseIndex(fate.ordinal), vectors[i]));
    }
  }
}

void TableWrite::StageRemovals(std::vector<FileFate>& fates, WriteOutcome* outcome) {
  std::vector<size_t> taken_back;
  for (auto& fate : fates) {
    if (!FileOrdinal::IsAdded(fate.ordinal)) delta_.ReadFile(FileOrdinal::BaseIndex(fate.ordinal));
    if (fate.kind == FileFate::Kind::kVector) continue;
    ++outcome->files_removed;
    outcome->bytes_removed += fate.file.size_bytes;
    if (fate.had_vector) ++outcome->vectors_removed;
    if (FileOrdinal::IsAdded(fate.ordinal)) {
      taken_back.push_back(FileOrdinal::AddedPosition(fate.ordinal));
    } else {
      ThrowIfError(delta_.RemoveDataFile(FileOrdinal::BaseIndex(fate.ordinal)));
    }
  }
  // Files of this very transaction simply never happened. From the back: positions stay right.
  std::sort(taken_back.rbegin(), taken_back.rend());
  auto& added = delta_.MutableAddedFiles();
  for (const size_t position : taken_back)
    added.erase(added.begin() + static_cast<ptrdiff_t>(position));
}

void TableWrite::StageWritten(duckdb::ClientContext& context, DataWriter& writer,
                              WriteOutcome* outcome) {
  const int64_t now_ms = target_->table->environment().clock->NowMillis();
  for (auto& file : writer.Finish(context)) {
    ++outcome->files_added;
    outcome->bytes_added += file.size_bytes;
    delta::AddFile add;
    add.path = std::move(file.path);
    add.partition_values = std::move(file.partition_values);
    add.size_bytes = file.size_bytes;
    add.modification_time_ms = now_ms;
    add.stats = std::move(file.stats);
    ThrowIfError(delta_.AddDataFile(std::move(add)));
  }
}

// The numbers that were given out belong to this commit: two writers of one identity column
// conflict, and one of them runs again on new numbers.
void TableWrite::StageIdentityMarks() {
  const auto schema = computed_->WithNewMarks();
  if (!schema) return;
  delta::Metadata metadata = delta_.metadata();
  metadata.schema_string = delta::SerializeSchema(*schema);
  ThrowIfError(delta_.SetMetadata(std::move(metadata)));
  lake_.InvalidateEntries(entry_.table());
}

void TableWrite::StageFiles(duckdb::ClientContext& context, WriteOutcome* outcome) {
  if (rows_) StageWritten(context, *rows_, outcome);
  if (moved_) StageWritten(context, *moved_, outcome);
  if (changes_) {
    for (auto& file : changes_->Finish(context)) {
      ++outcome->change_files_added;
      delta_.AddChangeFile(
          {std::move(file.path), std::move(file.partition_values), file.size_bytes, {}});
    }
  }
}

WriteOutcome TableWrite::Finish(duckdb::ClientContext& context) {
  WriteOutcome outcome;
  outcome.rows_inserted = inserted_;
  outcome.rows_updated = updated_;
  std::vector<FileFate> fates = Judge();
  for (const auto& fate : fates) {
    if (!fate.taken->whole) {
      outcome.rows_deleted += static_cast<int64_t>(fate.taken->deleted.Cardinality());
    } else if (const auto records = delta::NumRecordsOf(fate.file.stats)) {
      outcome.rows_deleted +=
          *records - (fate.had_vector ? fate.file.deletion_vector->cardinality : 0);
    }
  }
  Rescan(context, fates, &outcome);
  StageVectors(fates, &outcome);
  StageRemovals(fates, &outcome);  // after the vectors: they name staged files by position
  StageFiles(context, &outcome);
  StageIdentityMarks();
  if (target_->tracks_rows()) delta_.KeepsRowIds();
  return outcome;
}

}  // namespace tarn::duck
