#include "sources/files/text_file_source.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/hash.h"
#include "codec/json_splitter.h"
#include "codec/json_text.h"

namespace tarn::sources::files {
namespace {

constexpr size_t kChunkBytes = 256 << 10;

// Keys are text in Bronze; bytes of another encoding stay recognisable.
std::string AsUtf8(std::string value) {
  if (codec::FindInvalidUtf8(value) == std::string_view::npos) return value;
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out = "\\x";
  for (const unsigned char c : value) {
    out.push_back(kDigits[c >> 4]);
    out.push_back(kDigits[c & 15]);
  }
  return out;
}

std::string NameList(const std::vector<std::string>& names) {
  std::string out;
  for (size_t i = 0; i < names.size() && i < 20; ++i) {
    out += (i > 0 ? ", " : "") + names[i];
  }
  return names.size() > 20 ? out + ", …" : out;
}

}  // namespace

TextFileSource::TextFileSource(CheckedFile file, FileSourceOptions options)
    : file_(std::move(file)),
      options_(std::move(options)),
      stream_id_(FileStreamId(options_.target, file_)) {
  if (options_.kind == FileKind::kCsv) {
    // The head is the same whenever this content is read, and so is the guess.
    const auto dialect = codec::SniffCsv(file_.head, options_.delimiter, options_.header);
    csv_.delimiter = dialect.delimiter;
    csv_.has_header = dialect.has_header;
  }
  csv_.limits.max_record_bytes = options_.max_record_bytes;
  csv_.limits.keep_bad_bytes = kMaxBadPayloadBytes;
}

std::string TextFileSource::reading() const {
  std::string text(FileKindName(options_.kind));
  if (options_.kind == FileKind::kJsonArray) text += " array";
  if (options_.kind == FileKind::kCsv) {
    const std::string delimiter = csv_.delimiter == '\t' ? "tab" : std::string(1, csv_.delimiter);
    text += " delimiter=" + delimiter + " header=" + (csv_.has_header ? "yes" : "no");
  }
  return text + " max_record_bytes=" + std::to_string(options_.max_record_bytes);
}

std::unique_ptr<codec::RecordSplitter> TextFileSource::MakeSplitter(
    const codec::SplitState& state) const {
  if (options_.kind == FileKind::kCsv) return std::make_unique<codec::CsvSplitter>(csv_, state);
  const codec::JsonOptions json{codec::kMaxJsonDepth, csv_.limits};
  if (options_.kind == FileKind::kNdjson) {
    return std::make_unique<codec::NdjsonSplitter>(json, state);
  }
  const auto layout = options_.kind == FileKind::kJsonArray
                          ? codec::JsonSplitter::Layout::kArray
                          : codec::JsonSplitter::Layout::kConcatenated;
  return std::make_unique<codec::JsonSplitter>(layout, json, state);
}

Status TextFileSource::Open(const Position& position) {
  codec::SplitState state;
  records_ = bad_ = 0;
  if (!position.json.empty()) {
    const auto json = nlohmann::json::parse(position.json, nullptr, false);
    if (!json.is_object() || !json.contains("offset")) {
      return Status::InvalidArgument("not a position in a text file: " + position.json);
    }
    state.byte_offset = json.value("offset", int64_t{0});
    state.line = json.value("line", int64_t{1});
    state.mode = json.value("mode", "");
    records_ = json.value("records", uint64_t{0});
    bad_ = json.value("bad", uint64_t{0});
  }
  at_beginning_ = state.at_start();
  input_ended_ = ended_ = false;
  if (options_.kind == FileKind::kCsv && schema_id_.empty()) TARN_RETURN_IF_ERROR(ReadHeader());
  splitter_ = MakeSplitter(state);
  TARN_ASSIGN_OR_RETURN(stream_,
                        OpenChecked(file_, static_cast<uint64_t>(state.byte_offset), &disk_bytes_));
  return Status::Ok();
}

// Names and schema id come from the beginning of the file, wherever reading goes on.
Status TextFileSource::ReadHeader() {
  TARN_ASSIGN_OR_RETURN(stream_, OpenChecked(file_, 0, nullptr));
  codec::CsvSplitter splitter(csv_);
  codec::SplitRecord record;
  chunk_.resize(kChunkBytes);
  bool any = false;
  while (!any && splitter.header().empty() && splitter.header_error().empty()) {
    TARN_ASSIGN_OR_RETURN(const size_t got, stream_->Read(chunk_.data(), chunk_.size()));
    if (got == 0) splitter.Finish();
    splitter.Feed({chunk_.data(), got});
    any = splitter.Next(&record);
    if (got == 0) break;
  }
  return TakeHeader(splitter);
}

Status TextFileSource::TakeHeader(const codec::CsvSplitter& splitter) {
  if (!splitter.header_error().empty()) {
    return Status::InvalidArgument("the header of " + file_.path + " cannot be read (" +
                                   splitter.header_error() +
                                   "); pass --header no or mend the file");
  }
  std::vector<std::string> names;
  if (csv_.has_header) {
    header_ = splitter.header();
    names = codec::ParseCsvRecord(header_, csv_.delimiter);
    schema_id_ = Sha256Hex(header_).substr(0, 12);
  } else {
    for (size_t i = 1; i <= splitter.field_count(); ++i) names.push_back(std::to_string(i));
    schema_id_ = "columns-" + std::to_string(splitter.field_count());
  }
  return FindColumns(names);
}

Result<std::optional<size_t>> TextFileSource::ColumnOf(
    const std::optional<std::string>& wanted, const std::vector<std::string>& names) const {
  if (!wanted || names.empty()) return std::optional<size_t>();
  const auto found = std::find(names.begin(), names.end(), *wanted);
  if (found == names.end()) {
    return Status::InvalidArgument(file_.path + " has no column '" + *wanted +
                                   "'; it has: " + NameList(names));
  }
  return std::optional<size_t>(found - names.begin());
}

Status TextFileSource::FindColumns(const std::vector<std::string>& names) {
  TARN_ASSIGN_OR_RETURN(key_column_, ColumnOf(options_.key, names));
  TARN_ASSIGN_OR_RETURN(time_column_, ColumnOf(options_.event_time, names));
  return Status::Ok();
}

Status TextFileSource::FeedMore() {
  chunk_.resize(kChunkBytes);
  TARN_ASSIGN_OR_RETURN(const size_t got, stream_->Read(chunk_.data(), chunk_.size()));
  if (got == 0) {
    input_ended_ = true;
    splitter_->Finish();
  } else {
    splitter_->Feed({chunk_.data(), got});
  }
  return Status::Ok();
}

Result<Batch> TextFileSource::Poll(const BatchLimits& limits) {
  TARN_CHECK(splitter_ != nullptr);
  Batch batch;
  batch_topic_ = batch.arena.Copy(options_.topic);
  batch_schema_id_ = batch.arena.Copy(schema_id_);
  codec::SplitRecord record;
  while (!ended_ && batch.arena.size_bytes() < limits.max_bytes &&
         batch.records.size() + batch.bad.size() < limits.max_records) {
    if (splitter_->Next(&record)) {
      Add(record, &batch);
    } else if (input_ended_) {
      ended_ = true;
    } else {
      TARN_RETURN_IF_ERROR(FeedMore());
    }
  }
  if (at_beginning_ && options_.kind == FileKind::kCsv && !header_.empty()) {
    batch.facts["csv.header." + schema_id_] = HeaderFact();
  }
  at_beginning_ = at_beginning_ && batch.empty();
  batch.end = ended_;
  batch.position = PositionNow();
  return batch;
}

void TextFileSource::Add(const codec::SplitRecord& split, Batch* batch) {
  ++records_;
  if (!split.good()) {
    ++bad_;
    BadRecord bad;
    bad.payload = batch->arena.Copy(split.bytes.substr(0, kMaxBadPayloadBytes));
    bad.payload_bytes = split.size;
    bad.topic = batch_topic_;
    bad.offset = split.byte_offset;
    bad.line = split.line;
    bad.byte_offset = split.byte_offset;
    bad.rule = split.rule;
    bad.reason = split.reason;
    batch->bad.push_back(std::move(bad));
    return;
  }
  Record record;
  record.payload = batch->arena.Copy(split.bytes);
  record.schema_id = batch_schema_id_;
  record.topic = batch_topic_;
  record.offset = split.byte_offset;
  if (options_.key || options_.event_time) AddFields(record.payload, &record, batch);
  batch->records.push_back(std::move(record));
}

void TextFileSource::AddFields(std::string_view payload, Record* record, Batch* batch) const {
  std::optional<std::string> key;
  std::optional<std::string> time;
  if (options_.kind == FileKind::kCsv) {
    auto fields = codec::ParseCsvRecord(payload, csv_.delimiter);
    const auto field = [&](const std::optional<size_t>& column) -> std::optional<std::string> {
      if (!column || *column >= fields.size() || fields[*column].empty()) return std::nullopt;
      return fields[*column];
    };
    key = field(key_column_);
    time = field(time_column_);
  } else {
    const size_t start = payload.find('{');
    const std::string_view object = payload.substr(start);
    if (options_.key) key = codec::TopLevelField(object, *options_.key);
    if (options_.event_time) time = codec::TopLevelField(object, *options_.event_time);
  }
  if (key) record->key = batch->arena.Copy(AsUtf8(std::move(*key)));
  if (time) record->event_time_micros = ParseEventTime(*time);
}

std::string TextFileSource::HeaderFact() const {
  const nlohmann::ordered_json fact = {{"columns", codec::ParseCsvRecord(header_, csv_.delimiter)},
                                       {"delimiter", std::string(1, csv_.delimiter)},
                                       {"header", header_}};
  return fact.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

Position TextFileSource::PositionNow() const {
  const codec::SplitState state = splitter_->state();
  const nlohmann::ordered_json json = {{"offset", state.byte_offset},
                                       {"line", state.line},
                                       {"mode", state.mode},
                                       {"records", records_},
                                       {"bad", bad_}};
  return Position{json.dump()};
}

}  // namespace tarn::sources::files
