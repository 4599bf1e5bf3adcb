#include "ingest/file_run.h"

#include <algorithm>

#include "base/random.h"
#include "ingest/engine_bronze_writer.h"
#include "ingest/parquet_rows.h"

namespace tarn::ingest {
namespace {

namespace files = sources::files;

constexpr const char* kVersion = "tarn-0.1.0";
constexpr int64_t kTellEveryMicros = 100'000;
constexpr uint64_t kLeastRecordBytes = 1024;
// Files up to this size (decompressed) may share a commit; larger ones are worth one of their own.
constexpr uint64_t kSmallFileBytes = 4 << 20;
constexpr size_t kFilesPerCommit = 500;
constexpr int kGroupAttempts = 5;

// The whole of a damaged file as one bad record, so that it is recorded once like any other.
class DamagedFileSource final : public sources::Source {
 public:
  DamagedFileSource(std::string stream_id, std::string topic, std::string damage)
      : stream_id_(std::move(stream_id)), topic_(std::move(topic)), damage_(std::move(damage)) {}
  const std::string& stream_id() const override { return stream_id_; }
  std::string reading() const override { return "damaged"; }
  Status Open(const sources::Position& position) override { return Status::Ok(); }
  Result<sources::Batch> Poll(const sources::BatchLimits& limits) override {
    sources::Batch batch;
    sources::BadRecord bad;
    bad.topic = batch.arena.Copy(topic_);
    bad.rule = "file.damaged";
    bad.reason = "nothing of the file was taken: " + damage_;
    batch.bad.push_back(std::move(bad));
    batch.position = {"{\"damaged\":true}"};
    batch.end = true;
    return batch;
  }
  uint64_t bytes_read() const override { return 0; }

 private:
  std::string stream_id_;
  std::string topic_;
  std::string damage_;
};

Status CheckOptions(const IngestFilesOptions& options) {
  if (options.paths.empty()) return Status::InvalidArgument("no file, folder or glob was given");
  if (options.into.empty())
    return Status::InvalidArgument("no target table was given; pass --into");
  if (options.source_system.empty())
    return Status::InvalidArgument("the source system has no name");
  if (options.batch_rows == 0 || options.batch_bytes == 0) {
    return Status::InvalidArgument("a batch needs at least one row and one byte");
  }
  if (options.max_record_bytes < kLeastRecordBytes) {
    return Status::InvalidArgument("the record limit must be at least " +
                                   std::to_string(kLeastRecordBytes) + " bytes");
  }
  if (options.delimiter && (*options.delimiter == '"' || *options.delimiter == '\n' ||
                            *options.delimiter == '\r' || *options.delimiter == '\0')) {
    return Status::InvalidArgument("the delimiter cannot be a quote, a line end or NUL");
  }
  return Status::Ok();
}

std::string BaseName(const std::string& path) { return path.substr(path.rfind('/') + 1); }

}  // namespace

FileRun::FileRun(engine::Engine& engine, const IngestFilesOptions& options, ProgressSink* progress,
                 std::stop_token stop)
    : engine_(engine),
      options_(options),
      sink_(progress),
      stop_(std::move(stop)),
      clock_(options.clock != nullptr ? options.clock : &Clock::System()) {}

Result<std::unique_ptr<FileRun>> FileRun::Start(engine::Engine& engine,
                                                const IngestFilesOptions& options,
                                                ProgressSink* progress, std::stop_token stop) {
  TARN_RETURN_IF_ERROR(CheckOptions(options));
  std::unique_ptr<FileRun> run(new FileRun(engine, options, progress, std::move(stop)));
  const std::string version =
      options.pipeline_version.empty() ? kVersion : options.pipeline_version;
  TARN_ASSIGN_OR_RETURN(run->writer_, MakeEngineBronzeWriter(engine,
                                                             {options.into, options.dead_letters,
                                                              options.source_system, version},
                                                             *run->clock_));
  run->writer_id_ = MakeUuid(Random::System());
  TARN_RETURN_IF_ERROR(run->writer_->Prepare());
  if (HasContractFor(options.contracts, options.into)) {
    ContractJudgeOptions judging;
    judging.contracts = options.contracts;
    judging.table_of = [into = options.into](std::string_view) { return into; };
    judging.clock = run->clock_;
    TARN_ASSIGN_OR_RETURN(run->contracts_, ContractWatch::Make(engine, std::move(judging)));
  }
  return run;
}

void FileRun::Announce(uint64_t files, uint64_t bytes) {
  progress_.files_total += files;
  progress_.bytes_total += bytes;
  Tell("checking", true);
}

void FileRun::Tell(std::string_view phase, bool always) {
  if (sink_ == nullptr) return;
  const int64_t now = clock_->MonotonicMicros();
  if (!always && now - last_told_micros_ < kTellEveryMicros) return;
  last_told_micros_ = now;
  progress_.phase = phase;
  sink_->OnProgress(progress_);
}

void FileRun::Record(FileReport report) {
  switch (report.outcome) {
    case FileOutcome::kIngested:
    case FileOutcome::kPartial:
      ++report_.files_read;
      report_.bytes += report.bytes;
      break;
    case FileOutcome::kUnchanged:
    case FileOutcome::kDuplicate:
    case FileOutcome::kBusy:
    case FileOutcome::kIgnored: ++report_.files_skipped; break;
    case FileOutcome::kDamaged:
    case FileOutcome::kFailed: ++report_.files_failed; break;
  }
  report_.rows += report.rows;
  report_.dead_letters += report.dead_letters;
  progress_.rows = report_.rows;
  progress_.dead_letters = report_.dead_letters;
  ++progress_.files_done;
  bytes_before_file_ += report.bytes;
  progress_.bytes_done = std::min(bytes_before_file_, progress_.bytes_total);
  Tell("reading", true);
  TickContracts();
  if (on_recorded) on_recorded(report);
  if (sink_ != nullptr) sink_->OnFile(report);
  if (report_.files.size() >= keep_files_) report_.files.erase(report_.files.begin());
  report_.files.push_back(std::move(report));
}

// Every file is read twice, once for its identity: each pass is half of the way.
Result<files::CheckedFile> FileRun::Check(const files::ListedFile& file) {
  uint64_t read = 0;
  return files::CheckFile(file.path, [&](uint64_t bytes) {
    read += bytes;
    progress_.bytes_done = std::min(bytes_before_file_ + read / 2, progress_.bytes_total);
    Tell("checking", false);
    return !stop_.stop_requested();
  });
}

Result<files::FileKind> FileRun::KindOf(const files::CheckedFile& file) const {
  const bool utf16 = file.head.starts_with("\xFF\xFE") || file.head.starts_with("\xFE\xFF");
  switch (options_.format) {
    case FileFormat::kParquet: return files::FileKind::kParquet;
    case FileFormat::kCsv:
    case FileFormat::kJson:
    case FileFormat::kNdjson:
    case FileFormat::kAuto: break;
  }
  if (utf16) return files::KindByContent(file);  // says what to do
  if (options_.format == FileFormat::kCsv) return files::FileKind::kCsv;
  if (options_.format == FileFormat::kNdjson) return files::FileKind::kNdjson;
  if (options_.format == FileFormat::kJson) return files::JsonKindByContent(file.head);
  switch (files::KindByName(file.path)) {
    case files::NamedKind::kCsv:
    case files::NamedKind::kTsv: return files::FileKind::kCsv;
    case files::NamedKind::kNdjson: return files::FileKind::kNdjson;
    case files::NamedKind::kJson: return files::JsonKindByContent(file.head);
    case files::NamedKind::kParquet: return files::FileKind::kParquet;
    case files::NamedKind::kUnknown: break;
  }
  return files::KindByContent(file);
}

void FileRun::FindTableDamage(files::CheckedFile* file, files::FileKind kind) const {
  if (kind != files::FileKind::kParquet || !file->damage.empty()) return;
  if (file->compression != codec::Compression::kNone) {
    file->damage = "a compressed Parquet file; decompress it first";
    return;
  }
  const auto opened = ParquetOpener(engine_)(file->path, 0);
  if (!opened.ok()) file->damage = opened.status().message();
}

Status FileRun::Take(const files::ListedFile& file) {
  FileReport report;
  report.path = file.path;
  report.bytes = file.stamp.size_bytes;
  progress_.current_file = file.path;
  if (file.in_folder && options_.format == FileFormat::kAuto &&
      files::KindByName(file.path) == files::NamedKind::kUnknown) {
    report.outcome = FileOutcome::kIgnored;
    report.message = "not a name of a known format; pass --input-format to take it";
    Record(std::move(report));
    return Status::Ok();
  }
  if (files::FindWriter(file.path) == files::WriterState::kWriting) {
    report.outcome = FileOutcome::kBusy;
    report.message = "another process has the file open for writing";
    Record(std::move(report));
    return Status::Ok();
  }
  auto checked = Check(file);
  if (!checked.ok()) {
    const bool stopped = checked.status().code() == StatusCode::kCancelled;
    const bool busy = stopped || checked.status().retry() == RetryClass::kBackoff;
    report_.stopped = report_.stopped || stopped;
    report.outcome = busy ? FileOutcome::kBusy : FileOutcome::kFailed;
    report.message = checked.status().message();
    Record(std::move(report));
    return Status::Ok();
  }
  report.sha256 = checked->sha256;
  report.bytes = checked->stamp.size_bytes;
  const std::string id = files::FileStreamId(options_.into, *checked);
  if (remember_contents_ && !taken_.insert(id).second) {
    report.outcome = FileOutcome::kDuplicate;
    report.message = "the same content as another file of this run";
    Record(std::move(report));
    return Status::Ok();
  }
  Ready ready;
  if (!Prepare(std::move(*checked), std::move(report), &ready)) {
    Record(std::move(ready.report));
    return Status::Ok();
  }
  return TakeReady(std::move(ready));
}

bool FileRun::Prepare(files::CheckedFile file, FileReport report, Ready* ready) {
  ready->report = std::move(report);
  ready->stream_id = files::FileStreamId(options_.into, file);
  files::FileSourceOptions& options = ready->options;
  options.target = options_.into;
  options.topic = options_.topic.value_or(BaseName(file.path));
  options.key = options_.key;
  options.event_time = options_.event_time;
  options.delimiter = options_.delimiter;
  if (!options.delimiter && files::KindByName(file.path) == files::NamedKind::kTsv) {
    options.delimiter = '\t';
  }
  if (options_.header != CsvHeader::kAuto) options.header = options_.header == CsvHeader::kYes;
  options.max_record_bytes = options_.max_record_bytes;
  if (file.damage.empty()) {
    const auto kind = KindOf(file);
    if (!kind.ok()) {
      ready->report.message = kind.status().message();
      return false;
    }
    options.kind = *kind;
    if (contracts_ != nullptr && *kind == files::FileKind::kCsv) {
      ready->report.message = "a contract names " + options_.into +
                              ", and contracts judge JSON records; this file is CSV";
      return false;
    }
    FindTableDamage(&file, *kind);
  }
  ready->damaged = !file.damage.empty();
  ready->file = std::move(file);
  return true;
}

std::unique_ptr<sources::Source> FileRun::SourceOf(const Ready& ready) const {
  if (ready.damaged) {
    return std::make_unique<DamagedFileSource>(ready.stream_id, ready.options.topic,
                                               ready.file.damage);
  }
  return files::MakeFileSource(ready.file, ready.options, ParquetOpener(engine_));
}

StreamOptions FileRun::OptionsFor(const Ready& ready) const {
  StreamOptions options;
  options.limits.max_bytes = options_.batch_bytes;
  options.limits.max_records = options_.batch_rows;
  options.writer_id = writer_id_;
  options.content_id = ready.file.sha256;
  options.content_name = ready.file.path;
  options.clock = clock_;
  if (contracts_ != nullptr) options.judge = contracts_->judge();
  return options;
}

Status FileRun::TakeReady(Ready ready) {
  const bool small = ready.damaged || ready.file.content_bytes <= kSmallFileBytes;
  if (small) {
    // Two files of one content (a watch keeps no list of contents) must not meet in one commit.
    const bool waits_already =
        std::any_of(waiting_.begin(), waiting_.end(),
                    [&](const auto& other) { return other.ready.stream_id == ready.stream_id; });
    if (waits_already) TARN_RETURN_IF_ERROR(Flush());
    TARN_ASSIGN_OR_RETURN(const bool dealt_with, TryToWait(&ready));
    if (dealt_with) return Status::Ok();
  }
  // Rows come into the table in the order of the files.
  TARN_RETURN_IF_ERROR(Flush());
  return RunAlone(std::move(ready));
}

// True: the file waits for the next Flush, or nothing of it is left to do.
Result<bool> FileRun::TryToWait(Ready* ready) {
  const auto source = SourceOf(*ready);
  StreamReport stream;
  auto whole = StreamIngestor(*source, *writer_, OptionsFor(*ready)).ReadWhole(&stream);
  if (!whole.ok()) {
    TARN_RETURN_IF_ERROR(Fail(whole.status(), stream, std::move(*ready)));
    return true;
  }
  if (stream.was_done) {
    Finish(stream, std::move(*ready));
    return true;
  }
  if (!*whole) return false;
  const uint64_t rows = (*whole)->batch.records.size() + (*whole)->batch.bad.size();
  const uint64_t bytes = (*whole)->batch.arena.size_bytes();
  if (!waiting_.empty() && (waiting_rows_ + rows > options_.batch_rows ||
                            waiting_bytes_ + bytes > options_.batch_bytes)) {
    TARN_RETURN_IF_ERROR(Flush());
  }
  waiting_rows_ += rows;
  waiting_bytes_ += bytes;
  waiting_.push_back({std::move(*ready), std::move(**whole)});
  if (waiting_.size() >= kFilesPerCommit) TARN_RETURN_IF_ERROR(Flush());
  return true;
}

Status FileRun::Flush() {
  for (int attempt = 1; !waiting_.empty(); ++attempt) {
    TARN_ASSIGN_OR_RETURN(auto left, CommitWaiting());
    // Another process is at some of these files: those it has taken drop out, the others go
    // together again.
    for (Ready& ready : left) {
      bool dealt_with = false;
      if (attempt < kGroupAttempts) {
        TARN_ASSIGN_OR_RETURN(dealt_with, TryToWait(&ready));
      }
      if (!dealt_with) TARN_RETURN_IF_ERROR(RunAlone(std::move(ready)));
    }
  }
  return Status::Ok();
}

// One commit of all that waits; gives back the files that have to be tried again.
Result<std::vector<FileRun::Ready>> FileRun::CommitWaiting() {
  std::vector<Ready> readies;
  std::vector<WholeStream> streams;
  for (Waiting& waiting : waiting_) {
    readies.push_back(std::move(waiting.ready));
    streams.push_back(std::move(waiting.whole));
  }
  waiting_.clear();
  waiting_rows_ = waiting_bytes_ = 0;
  Tell("writing", false);
  std::vector<StreamReport> reports;
  TARN_ASSIGN_OR_RETURN(const bool landed,
                        CommitWhole(*writer_, streams, &reports, &report_.commits));
  std::vector<Ready> left;
  for (size_t i = 0; i < readies.size(); ++i) {
    // Dead letters that landed are counted although the rows have to be tried again.
    readies[i].report.dead_letters += reports[i].dead_letters;
    readies[i].report.rows += reports[i].rows;
    if (landed) {
      Finish(reports[i], std::move(readies[i]));
    } else {
      left.push_back(std::move(readies[i]));
    }
  }
  return left;
}

Status FileRun::RunAlone(Ready ready) {
  const auto source = SourceOf(ready);
  StreamOptions options = OptionsFor(ready);
  options.on_progress = [&](const StreamReport& stream, std::string_view phase) {
    OnStream(*source, ready.report, stream, phase);
  };
  StreamReport stream;
  const Status status = StreamIngestor(*source, *writer_, options).Run(stop_, &stream);
  ready.report.rows += stream.rows;
  ready.report.dead_letters += stream.dead_letters;
  report_.commits += stream.commits;
  report_.stopped = report_.stopped || stream.stopped;
  if (!status.ok()) return Fail(status, stream, std::move(ready));
  Finish(stream, std::move(ready));
  return Status::Ok();
}

void FileRun::Finish(const StreamReport& stream, Ready ready) {
  FileReport& report = ready.report;
  report.outcome = stream.was_done ? FileOutcome::kUnchanged
                   : stream.done   ? FileOutcome::kIngested
                                   : FileOutcome::kPartial;
  if (stream.was_done) report.message = "this content is in the table already";
  if (ready.damaged && stream.done) {
    report.outcome = FileOutcome::kDamaged;
    report.message = "nothing of the file was taken: " + ready.file.damage;
  }
  Record(std::move(report));
}

Status FileRun::Fail(const Status& status, const StreamReport& stream, Ready ready) {
  FileReport& report = ready.report;
  report.message = status.message();
  const bool busy = status.retry() == RetryClass::kBackoff && !stream.target_failed;
  report.outcome = report.rows > 0 ? FileOutcome::kPartial
                   : busy          ? FileOutcome::kBusy
                                   : FileOutcome::kFailed;
  Record(std::move(report));
  return stream.target_failed ? status : Status::Ok();
}

void FileRun::OnStream(const sources::Source& source, const FileReport& file,
                       const StreamReport& stream, std::string_view phase) {
  progress_.rows = report_.rows + stream.rows;
  progress_.dead_letters = report_.dead_letters + stream.dead_letters;
  const uint64_t read = std::min(source.bytes_read(), file.bytes);
  progress_.bytes_done =
      std::min(bytes_before_file_ + file.bytes / 2 + read / 2, progress_.bytes_total);
  Tell(phase, false);
}

}  // namespace tarn::ingest
