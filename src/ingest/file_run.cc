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

Status FileRun::Take(const files::ListedFile& file, FileReport* report) {
  *report = FileReport{};
  report->path = file.path;
  report->bytes = file.stamp.size_bytes;
  progress_.current_file = file.path;
  if (file.in_folder && options_.format == FileFormat::kAuto &&
      files::KindByName(file.path) == files::NamedKind::kUnknown) {
    report->outcome = FileOutcome::kIgnored;
    report->message = "not a name of a known format; pass --input-format to take it";
    return Status::Ok();
  }
  if (files::FindWriter(file.path) == files::WriterState::kWriting) {
    report->outcome = FileOutcome::kBusy;
    report->message = "another process has the file open for writing";
    return Status::Ok();
  }
  auto checked = Check(file);
  if (!checked.ok()) {
    const bool stopped = checked.status().code() == StatusCode::kCancelled;
    const bool busy = stopped || checked.status().retry() == RetryClass::kBackoff;
    report_.stopped = report_.stopped || stopped;
    report->outcome = busy ? FileOutcome::kBusy : FileOutcome::kFailed;
    report->message = checked.status().message();
    return Status::Ok();
  }
  report->sha256 = checked->sha256;
  report->bytes = checked->stamp.size_bytes;
  const std::string id = files::FileStreamId(options_.into, *checked);
  if (remember_contents_ && !taken_.insert(id).second) {
    report->outcome = FileOutcome::kDuplicate;
    report->message = "the same content as another file of this run";
    return Status::Ok();
  }
  return TakeChecked(std::move(*checked), report);
}

Status FileRun::TakeChecked(files::CheckedFile file, FileReport* report) {
  const std::string topic = options_.topic.value_or(BaseName(file.path));
  const std::string id = files::FileStreamId(options_.into, file);
  files::FileSourceOptions options;
  if (file.damage.empty()) {
    const auto kind = KindOf(file);
    if (!kind.ok()) {
      report->message = kind.status().message();
      return Status::Ok();
    }
    options.kind = *kind;
    FindTableDamage(&file, *kind);
  }
  if (!file.damage.empty()) {
    DamagedFileSource source(id, topic, file.damage);
    const Status status = RunSource(source, file, report);
    if (report->outcome == FileOutcome::kIngested || report->outcome == FileOutcome::kUnchanged) {
      report->outcome = FileOutcome::kDamaged;
      report->message = "nothing of the file was taken: " + file.damage;
    }
    return status;
  }
  options.target = options_.into;
  options.topic = topic;
  options.key = options_.key;
  options.event_time = options_.event_time;
  options.delimiter = options_.delimiter;
  if (!options.delimiter && files::KindByName(file.path) == files::NamedKind::kTsv) {
    options.delimiter = '\t';
  }
  if (options_.header != CsvHeader::kAuto) options.header = options_.header == CsvHeader::kYes;
  options.max_record_bytes = options_.max_record_bytes;
  const auto source = files::MakeFileSource(file, options, ParquetOpener(engine_));
  return RunSource(*source, file, report);
}

Status FileRun::RunSource(sources::Source& source, const files::CheckedFile& file,
                          FileReport* report) {
  StreamOptions options;
  options.limits.max_bytes = options_.batch_bytes;
  options.limits.max_records = options_.batch_rows;
  options.writer_id = writer_id_;
  options.content_id = file.sha256;
  options.content_name = file.path;
  options.clock = clock_;
  options.on_progress = [&](const StreamReport& stream, std::string_view phase) {
    OnStream(source, *report, stream, phase);
  };
  StreamReport stream;
  StreamIngestor ingestor(source, *writer_, options);
  const Status status = ingestor.Run(stop_, &stream);
  report->rows = stream.rows;
  report->dead_letters = stream.dead_letters;
  report_.commits += stream.commits;
  if (status.ok()) {
    report->outcome = stream.was_done ? FileOutcome::kUnchanged
                      : stream.done   ? FileOutcome::kIngested
                                      : FileOutcome::kPartial;
    if (stream.was_done) report->message = "this content is in the table already";
    if (stream.stopped) report_.stopped = true;
    return Status::Ok();
  }
  report->message = status.message();
  const bool busy = status.retry() == RetryClass::kBackoff && !stream.target_failed;
  report->outcome = stream.rows > 0 ? FileOutcome::kPartial
                    : busy          ? FileOutcome::kBusy
                                    : FileOutcome::kFailed;
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
