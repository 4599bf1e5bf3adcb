#include "ingest/engine_bronze_writer.h"

#include <algorithm>
#include <deque>
#include <nlohmann/json.hpp>

#include "base/hash.h"
#include "codec/json_text.h"

namespace tarn::ingest {
namespace {

using engine::BatchColumn;
using Kind = BatchColumn::Kind;

struct TableColumn {
  const char* name;
  const char* spark_type;
};

constexpr TableColumn kRowColumns[] = {
    {"raw_payload", "BINARY"},        {"source_system", "STRING"},
    {"source_topic", "STRING"},       {"source_partition", "INT"},
    {"source_offset", "BIGINT"},      {"record_key", "STRING"},
    {"event_timestamp", "TIMESTAMP"}, {"ingestion_timestamp", "TIMESTAMP"},
    {"ingestion_date", "DATE"},       {"pipeline_version", "STRING"},
    {"schema_version", "STRING"},     {"checksum", "STRING"}};

constexpr TableColumn kHeadersColumn = {"headers", "ARRAY<STRUCT<key: STRING, value: BINARY>>"};

constexpr TableColumn kLetterColumns[] = {
    {"raw_payload", "BINARY"},    // its first MiB
    {"payload_bytes", "BIGINT"},  // its full size
    {"source_system", "STRING"},  {"source_topic", "STRING"},
    {"source_partition", "INT"},  {"source_offset", "BIGINT"},
    {"line", "BIGINT"},           {"byte_offset", "BIGINT"},
    {"rule", "STRING"},           {"reason", "STRING"},
    {"target_table", "STRING"},   {"content_sha256", "STRING"},
    {"attempt", "INT"},           {"ingestion_timestamp", "TIMESTAMP"},
    {"ingestion_date", "DATE"},   {"pipeline_version", "STRING"},
    {"record_key", "STRING"},     {"event_timestamp", "TIMESTAMP"},
    {"schema_version", "STRING"}, kHeadersColumn};

// Tables that were made before these columns came get them when they are opened.
constexpr std::string_view kAddedLater[] = {"headers", "record_key", "event_timestamp",
                                            "schema_version"};

constexpr int64_t kMicrosPerDay = 86'400'000'000;
constexpr size_t kDigestChars = 32;

int64_t DaysOf(int64_t micros) {
  return micros >= 0 ? micros / kMicrosPerDay : -((-micros + kMicrosPerDay - 1) / kMicrosPerDay);
}

Status CheckTableName(const std::string& name) {
  const size_t dot = name.find('.');
  if (dot == std::string::npos || dot == 0 || dot + 1 == name.size() ||
      name.find('.', dot + 1) != std::string::npos) {
    return Status::InvalidArgument("'" + name + "' is not a table name; write schema.table");
  }
  return Status::Ok();
}

std::string QuotedWith(const std::string& text, char quote) {
  std::string out(1, quote);
  for (const char c : text) {
    out.push_back(c);
    if (c == quote) out.push_back(c);
  }
  return out + quote;
}

std::string QuotedTable(const std::string& table, char quote) {
  const size_t dot = table.find('.');
  return QuotedWith(table.substr(0, dot), quote) + "." + QuotedWith(table.substr(dot + 1), quote);
}

BatchColumn Column(const char* name, Kind kind, size_t rows) {
  BatchColumn column;
  column.name = name;
  column.kind = kind;
  if (kind == Kind::kText || kind == Kind::kBinary) {
    column.bytes.reserve(rows);
  } else {
    column.numbers.reserve(rows);
  }
  return column;
}

void AddText(BatchColumn& column, std::optional<std::string_view> value) {
  column.bytes.push_back(value.value_or(std::string_view()));
  column.validity.push_back(value.has_value());
}

void AddNumber(BatchColumn& column, std::optional<int64_t> value) {
  column.numbers.push_back(value.value_or(0));
  column.validity.push_back(value.has_value());
}

BatchColumn ConstantText(const char* name, std::string_view value, size_t rows) {
  BatchColumn column = Column(name, Kind::kText, 0);
  column.bytes.assign(rows, value);
  return column;
}

BatchColumn ConstantNumber(const char* name, Kind kind, int64_t value, size_t rows) {
  BatchColumn column = Column(name, kind, 0);
  column.numbers.assign(rows, value);
  return column;
}

// A file's name may hold any bytes; a text column may not.
std::string_view Utf8Topic(std::string_view topic, std::string* repaired) {
  if (codec::FindInvalidUtf8(topic) == std::string_view::npos) return topic;
  for (const char c : topic) repaired->push_back(static_cast<unsigned char>(c) < 0x80 ? c : '?');
  return *repaired;
}

class EngineBronzeWriter final : public LiveBronzeWriter {
 public:
  EngineBronzeWriter(std::unique_ptr<engine::Session> session, BronzeTables tables, Clock& clock)
      : session_(std::move(session)), tables_(std::move(tables)), clock_(clock) {
    session_->SetDialect(dialect::SqlDialect::kSpark);
  }

  Status Prepare() override {
    std::vector<TableColumn> columns(std::begin(kRowColumns), std::end(kRowColumns));
    if (tables_.with_headers) columns.push_back(kHeadersColumn);
    TARN_RETURN_IF_ERROR(PrepareTable(tables_.rows, columns));
    return PrepareTable(tables_.dead_letters,
                        {std::begin(kLetterColumns), std::end(kLetterColumns)});
  }

  Result<StreamState> ReadState(const std::string& stream_id) override {
    return ReadStateOf(tables_.rows, stream_id);
  }
  Result<StreamState> ReadDeadLetterState(const std::string& stream_id) override {
    return ReadStateOf(tables_.dead_letters, stream_id);
  }

  Result<AppendOutcome> AppendRows(const std::vector<RowGroup>& groups) override {
    return AppendRowsTo(groups, std::nullopt, nullptr);
  }
  Result<AppendOutcome> AppendRowsAfter(const std::vector<RowGroup>& groups, int64_t examined,
                                        int64_t* version) override {
    return AppendRowsTo(groups, examined, version);
  }
  Result<States> ReadStates(const std::vector<std::string>& stream_ids,
                            std::optional<int64_t> version) override {
    return ReadStatesOf(tables_.rows, stream_ids, version);
  }
  Result<std::vector<StreamState>> ReadDeadLetterStates(
      const std::vector<std::string>& stream_ids) override {
    TARN_ASSIGN_OR_RETURN(States states,
                          ReadStatesOf(tables_.dead_letters, stream_ids, std::nullopt));
    return std::move(states.states);
  }
  Result<std::vector<Restore>> RestoresAfter(int64_t version) override;
  Result<AppendOutcome> AppendDeadLetters(const std::vector<LetterGroup>& groups) override;
  Result<std::set<int64_t>> ReadLetterOffsets(const LetterPlace& place, int64_t from,
                                              int64_t to) override;

 private:
  Status PrepareTable(const std::string& table, const std::vector<TableColumn>& columns);
  Status CheckColumns(const std::string& table, const std::vector<TableColumn>& columns);
  Result<StreamState> ReadStateOf(const std::string& table, const std::string& stream_id);
  Result<States> ReadStatesOf(const std::string& table, const std::vector<std::string>& stream_ids,
                              std::optional<int64_t> version);
  Result<AppendOutcome> AppendRowsTo(const std::vector<RowGroup>& groups,
                                     std::optional<int64_t> examined, int64_t* version);
  Result<AppendOutcome> Append(const std::string& table, const std::vector<BatchColumn>& columns,
                               size_t rows, const std::vector<const StreamCommit*>& commits,
                               std::optional<int64_t> examined = std::nullopt,
                               int64_t* version = nullptr);
  struct LetterColumns;

  std::unique_ptr<engine::Session> session_;
  BronzeTables tables_;
  Clock& clock_;
};

Status EngineBronzeWriter::PrepareTable(const std::string& table,
                                        const std::vector<TableColumn>& columns) {
  TARN_ASSIGN_OR_RETURN(const bool exists, session_->TableExists(table));
  if (!exists) {
    std::string sql = "CREATE TABLE IF NOT EXISTS " + QuotedTable(table, '`') + " (";
    for (const TableColumn& column : columns) {
      if (&column != columns.data()) sql += ", ";
      sql += std::string(column.name) + " " + column.spark_type;
    }
    sql +=
        ") USING DELTA PARTITIONED BY (source_system, ingestion_date) TBLPROPERTIES ("
        "'delta.appendOnly' = 'true', 'delta.logRetentionDuration' = 'interval 365 days', "
        // From the start, so that the first two writers do not meet over a protocol change.
        "'delta.feature.domainMetadata' = 'supported')";
    const auto created = session_->Query(sql);
    if (!created.ok()) {
      // Another process may have made it in the same moment; its table is as good as ours.
      TARN_ASSIGN_OR_RETURN(const bool there, session_->TableExists(table));
      if (!there) return created.status().WithContext("cannot create " + table);
    }
  }
  return CheckColumns(table, columns);
}

Status EngineBronzeWriter::CheckColumns(const std::string& table,
                                        const std::vector<TableColumn>& columns) {
  TARN_ASSIGN_OR_RETURN(
      const engine::Rows shape,
      session_->QueryDuckdb("SELECT * FROM lake." + QuotedTable(table, '"') + " LIMIT 0"));
  for (const TableColumn& wanted : columns) {
    const bool found = std::any_of(shape.columns.begin(), shape.columns.end(),
                                   [&](const auto& column) { return column.name == wanted.name; });
    const bool added_later = std::find(std::begin(kAddedLater), std::end(kAddedLater),
                                       wanted.name) != std::end(kAddedLater);
    const bool letters = table == tables_.dead_letters;
    const bool may_add =
        added_later && (letters || wanted.name == std::string_view(kHeadersColumn.name));
    if (!found && may_add) {
      const auto added =
          session_->Query("ALTER TABLE " + QuotedTable(table, '`') + " ADD COLUMNS (" +
                          wanted.name + " " + wanted.spark_type + ")");
      if (added.ok()) continue;
      // Another process may have added it in the same moment.
      const auto again =
          session_->QueryDuckdb("SELECT " + QuotedWith(wanted.name, '"') + " FROM lake." +
                                QuotedTable(table, '"') + " LIMIT 0");
      if (!again.ok()) {
        return added.status().WithContext("adding column " + std::string(wanted.name) + " to " +
                                          table);
      }
    } else if (!found) {
      return Status::InvalidArgument(table +
                                     " exists and is no table of this kind: it has no column " +
                                     wanted.name + "; choose another name");
    }
  }
  return Status::Ok();
}

Result<StreamState> EngineBronzeWriter::ReadStateOf(const std::string& table,
                                                    const std::string& stream_id) {
  TARN_ASSIGN_OR_RETURN(const auto text,
                        session_->DomainMetadata(table, "tarn.position." + stream_id));
  if (!text) return StreamState{};
  // One read gives both: the epoch in the text is the txn version of the same commit.
  const auto json = nlohmann::json::parse(*text, nullptr, false);
  if (!json.is_object() || !json.contains("epoch")) {
    return Status::Corruption("the position of " + stream_id + " in " + table + " cannot be read");
  }
  return StreamState{json["epoch"].get<int64_t>(), *text};
}

Result<LiveBronzeWriter::States> EngineBronzeWriter::ReadStatesOf(
    const std::string& table, const std::vector<std::string>& stream_ids,
    std::optional<int64_t> version) {
  std::vector<std::string> domains;
  for (const std::string& id : stream_ids) domains.push_back("tarn.position." + id);
  TARN_ASSIGN_OR_RETURN(const auto found, session_->Domains(table, domains, version));
  States out;
  out.version = found.version;
  for (const std::string& domain : domains) {
    const auto text = found.texts.find(domain);
    if (text == found.texts.end()) {
      out.states.emplace_back();
      continue;
    }
    const auto json = nlohmann::json::parse(text->second, nullptr, false);
    if (!json.is_object() || !json.contains("epoch")) {
      return Status::Corruption(domain + " in " + table + " cannot be read");
    }
    out.states.push_back({json["epoch"].get<int64_t>(), text->second});
  }
  return out;
}

Result<std::vector<LiveBronzeWriter::Restore>> EngineBronzeWriter::RestoresAfter(int64_t version) {
  TARN_ASSIGN_OR_RETURN(const auto commits, session_->CommitsAfter(tables_.rows, version));
  std::vector<Restore> out;
  for (const engine::CommitSummary& commit : commits) {
    if (commit.operation != "RESTORE") continue;
    Restore restore;
    restore.version = commit.version;
    // A number or, from some writers, a number in quotes; null when a time was asked for.
    if (const auto to = commit.parameters.find("version"); to != commit.parameters.end()) {
      auto json = nlohmann::json::parse(to->second, nullptr, false);
      if (json.is_string()) json = nlohmann::json::parse(json.get<std::string>(), nullptr, false);
      if (json.is_number_integer()) restore.to = json.get<int64_t>();
    }
    out.push_back(restore);
  }
  return out;
}

Result<AppendOutcome> EngineBronzeWriter::Append(const std::string& table,
                                                 const std::vector<BatchColumn>& columns,
                                                 size_t rows,
                                                 const std::vector<const StreamCommit*>& commits,
                                                 std::optional<int64_t> examined,
                                                 int64_t* version) {
  engine::CommitAnnotations annotations;
  annotations.examined_version = examined;
  JudgeAccount account;
  for (const StreamCommit* commit : commits) {
    account.Add(commit->account);
    const engine::CommitAnnotations::AppTransaction txn{"tarn/" + commit->stream_id, commit->epoch};
    if (annotations.txn) {
      annotations.more_txns.push_back(txn);
    } else {
      annotations.txn = txn;
    }
    annotations.domain_metadata["tarn.position." + commit->stream_id] = commit->state_json;
    for (const auto& [name, text] : commit->facts) {
      annotations.domain_metadata["tarn." + name] = text;
    }
  }
  if (!account.empty()) annotations.user_metadata = AccountText(account);
  TARN_ASSIGN_OR_RETURN(const auto outcome,
                        session_->AppendBatch(table, columns, rows, annotations));
  if (version != nullptr) *version = outcome.version;
  return outcome.already_applied ? AppendOutcome::kAlreadyThere : AppendOutcome::kCommitted;
}

// The columns of Bronze that differ from row to row.
class RowColumns {
 public:
  explicit RowColumns(size_t count)
      : payload_(Column("raw_payload", Kind::kBinary, count)),
        topic_(Column("source_topic", Kind::kText, count)),
        partition_(Column("source_partition", Kind::kInt32, count)),
        offset_(Column("source_offset", Kind::kInt64, count)),
        key_(Column("record_key", Kind::kText, count)),
        event_time_(Column("event_timestamp", Kind::kTimestampMicros, count)),
        schema_(Column("schema_version", Kind::kText, count)),
        checksum_(Column("checksum", Kind::kText, count)),
        headers_(Column("headers", Kind::kPairs, count)) {
    digests_.reserve(count * kDigestChars);  // never grows, so that the views stay valid
  }

  void Add(const sources::Record& row) {
    payload_.bytes.push_back(row.payload);
    payload_.validity.push_back(!row.is_tombstone);
    any_tombstone_ = any_tombstone_ || row.is_tombstone;
    for (const auto& header : row.headers) headers_.pairs.push_back(header);
    headers_.numbers.push_back(static_cast<int64_t>(headers_.pairs.size()));
    topic_.bytes.push_back(TopicOf(row));
    partition_.numbers.push_back(row.partition);
    offset_.numbers.push_back(row.offset);
    AddText(key_, row.key);
    AddNumber(event_time_, row.event_time_micros);
    any_key_ = any_key_ || row.key.has_value();
    any_time_ = any_time_ || row.event_time_micros.has_value();
    AddText(schema_, row.schema_id.empty() ? std::nullopt : std::optional(row.schema_id));
    digests_ += Md5Hex(row.payload);
    checksum_.bytes.push_back(std::string_view(digests_).substr(digests_.size() - kDigestChars));
  }

  void MoveTo(bool with_headers, std::vector<BatchColumn>* columns) {
    if (any_tombstone_) {
      checksum_.validity = payload_.validity;
    } else {
      payload_.validity.clear();
    }
    columns->push_back(std::move(payload_));
    columns->push_back(std::move(topic_));
    columns->push_back(std::move(partition_));
    columns->push_back(std::move(offset_));
    // Columns that a batch lacks become null in the table.
    if (any_key_) columns->push_back(std::move(key_));
    if (any_time_) columns->push_back(std::move(event_time_));
    columns->push_back(std::move(schema_));
    columns->push_back(std::move(checksum_));
    if (with_headers && !headers_.pairs.empty()) columns->push_back(std::move(headers_));
  }

 private:
  // Rows of one topic come together.
  std::string_view TopicOf(const sources::Record& row) {
    if (row.topic.data() != last_topic_.data() || row.topic.size() != last_topic_.size()) {
      last_topic_ = row.topic;
      last_text_ = Utf8Topic(row.topic, &repaired_.emplace_back());
      if (repaired_.back().empty()) repaired_.pop_back();
    }
    return last_text_;
  }

  BatchColumn payload_, topic_, partition_, offset_, key_, event_time_, schema_, checksum_,
      headers_;
  std::string digests_;
  std::deque<std::string> repaired_;
  std::string_view last_topic_;
  std::string_view last_text_;
  bool any_tombstone_ = false;
  bool any_key_ = false;
  bool any_time_ = false;
};

Result<AppendOutcome> EngineBronzeWriter::AppendRowsTo(const std::vector<RowGroup>& groups,
                                                       std::optional<int64_t> examined,
                                                       int64_t* version) {
  size_t count = 0;
  std::vector<const StreamCommit*> commits;
  for (const RowGroup& group : groups) {
    count += group.rows->size();
    commits.push_back(&group.commit);
  }
  RowColumns rows(count);
  for (const RowGroup& group : groups) {
    for (const sources::Record& row : *group.rows) rows.Add(row);
  }
  const int64_t now = clock_.NowMicros();
  std::vector<BatchColumn> columns;
  columns.reserve(std::size(kRowColumns) + 1);
  rows.MoveTo(tables_.with_headers, &columns);
  columns.push_back(ConstantText("source_system", tables_.source_system, count));
  columns.push_back(ConstantNumber("ingestion_timestamp", Kind::kTimestampMicros, now, count));
  columns.push_back(ConstantNumber("ingestion_date", Kind::kDateDays, DaysOf(now), count));
  columns.push_back(ConstantText("pipeline_version", tables_.pipeline_version, count));
  return Append(tables_.rows, columns, count, commits, examined, version);
}

// The columns of dead letters that differ from row to row.
struct EngineBronzeWriter::LetterColumns {
  explicit LetterColumns(size_t count)
      : payload(Column("raw_payload", Kind::kBinary, count)),
        size(Column("payload_bytes", Kind::kInt64, count)),
        topic(Column("source_topic", Kind::kText, count)),
        partition(Column("source_partition", Kind::kInt32, count)),
        offset(Column("source_offset", Kind::kInt64, count)),
        line(Column("line", Kind::kInt64, count)),
        byte_offset(Column("byte_offset", Kind::kInt64, count)),
        rule(Column("rule", Kind::kText, count)),
        reason(Column("reason", Kind::kText, count)),
        content(Column("content_sha256", Kind::kText, count)),
        attempt(Column("attempt", Kind::kInt32, count)),
        key(Column("record_key", Kind::kText, count)),
        event_time(Column("event_timestamp", Kind::kTimestampMicros, count)),
        schema(Column("schema_version", Kind::kText, count)),
        headers(Column("headers", Kind::kPairs, count)) {}

  void Add(const sources::BadRecord& letter, const DeadLetterContext& context) {
    payload.bytes.push_back(letter.payload);
    size.numbers.push_back(static_cast<int64_t>(letter.payload_bytes));
    topic.bytes.push_back(Utf8Topic(letter.topic, &topics.emplace_back()));
    partition.numbers.push_back(letter.partition);
    offset.numbers.push_back(letter.offset);
    AddNumber(line, letter.line);
    AddNumber(byte_offset, letter.byte_offset);
    rule.bytes.push_back(letter.rule);
    // A reason may quote what came, and what came may be no text.
    reason.bytes.push_back(Utf8Topic(letter.reason, &topics.emplace_back()));
    content.bytes.push_back(context.content_id);
    attempt.numbers.push_back(context.attempt);
    AddText(key, letter.key);
    AddNumber(event_time, letter.event_time_micros);
    AddText(schema, letter.schema_id.empty() ? std::nullopt : std::optional(letter.schema_id));
    for (const auto& header : letter.headers) headers.pairs.push_back(header);
    headers.numbers.push_back(static_cast<int64_t>(headers.pairs.size()));
  }

  BatchColumn payload, size, topic, partition, offset, line, byte_offset, rule, reason, content,
      attempt, key, event_time, schema, headers;
  std::deque<std::string> topics;
};

Result<AppendOutcome> EngineBronzeWriter::AppendDeadLetters(
    const std::vector<LetterGroup>& groups) {
  size_t count = 0;
  std::vector<const StreamCommit*> commits;
  for (const LetterGroup& group : groups) {
    count += group.letters.size();
    commits.push_back(&group.commit);
  }
  LetterColumns rows(count);
  for (const LetterGroup& group : groups) {
    for (const sources::BadRecord& letter : group.letters) rows.Add(letter, group.context);
  }
  const int64_t now = clock_.NowMicros();
  std::vector<BatchColumn> columns = {
      std::move(rows.payload),
      std::move(rows.size),
      std::move(rows.topic),
      std::move(rows.partition),
      std::move(rows.offset),
      std::move(rows.line),
      std::move(rows.byte_offset),
      std::move(rows.rule),
      std::move(rows.reason),
      std::move(rows.content),
      std::move(rows.attempt),
      std::move(rows.key),
      std::move(rows.event_time),
      std::move(rows.schema),
      ConstantText("source_system", tables_.source_system, count),
      ConstantText("target_table", tables_.rows, count),
      ConstantNumber("ingestion_timestamp", Kind::kTimestampMicros, now, count),
      ConstantNumber("ingestion_date", Kind::kDateDays, DaysOf(now), count),
      ConstantText("pipeline_version", tables_.pipeline_version, count)};
  if (!rows.headers.pairs.empty()) columns.push_back(std::move(rows.headers));
  return Append(tables_.dead_letters, columns, count, commits);
}

Result<std::set<int64_t>> EngineBronzeWriter::ReadLetterOffsets(const LetterPlace& place,
                                                                int64_t from, int64_t to) {
  std::string repaired;
  const std::string topic(Utf8Topic(place.topic, &repaired));
  const std::string of = place.content_id.empty()
                             ? "source_topic = " + QuotedWith(topic, '\'')
                             : "content_sha256 = " + QuotedWith(place.content_id, '\'');
  TARN_ASSIGN_OR_RETURN(
      const engine::Rows found,
      session_->QueryDuckdb(
          "SELECT source_offset FROM lake." + QuotedTable(tables_.dead_letters, '"') + " WHERE " +
          of + " AND target_table = " + QuotedWith(tables_.rows, '\'') +
          " AND source_system = " + QuotedWith(tables_.source_system, '\'') +
          " AND source_partition = " + std::to_string(place.partition) +
          " AND attempt = " + std::to_string(place.attempt) + " AND source_offset BETWEEN " +
          std::to_string(from) + " AND " + std::to_string(to)));
  std::set<int64_t> offsets;
  for (const auto& row : found.rows) {
    if (row[0]) offsets.insert(std::stoll(*row[0]));
  }
  return offsets;
}

}  // namespace

Result<std::unique_ptr<LiveBronzeWriter>> MakeEngineBronzeWriter(engine::Engine& engine,
                                                                 BronzeTables tables,
                                                                 Clock& clock) {
  TARN_RETURN_IF_ERROR(CheckTableName(tables.rows));
  TARN_RETURN_IF_ERROR(CheckTableName(tables.dead_letters));
  if (tables.rows == tables.dead_letters) {
    return Status::InvalidArgument("rows and dead letters cannot both go to " + tables.rows);
  }
  TARN_ASSIGN_OR_RETURN(auto session, engine.NewSession());
  return std::unique_ptr<LiveBronzeWriter>(
      std::make_unique<EngineBronzeWriter>(std::move(session), std::move(tables), clock));
}

}  // namespace tarn::ingest
