#include "transform/run/streaming_batch.h"

#include <algorithm>

#include "base/clock.h"
#include "transform/run/materialize.h"

namespace tarn::transform {
namespace {

constexpr int64_t kHour = 3'600'000'000;
// The target is asked for at most so many ranges of time; nearer ones are taken together.
constexpr size_t kMaxRanges = 16;
constexpr size_t kMaxBuckets = 10'000;
// Years 1 to 9999: what literals can say.
constexpr int64_t kOldestMicros = -62'135'596'800'000'000;
constexpr int64_t kNewestMicros = 253'402'300'799'999'999;

std::string Quoted(const std::string& name) { return QuoteName(name, '"'); }

bool SameName(const std::string& a, const std::string& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](unsigned char x, unsigned char y) {
    return std::tolower(x) == std::tolower(y);
  });
}

const engine::Column* Find(const std::vector<engine::Column>& columns, const std::string& name) {
  const auto found = std::find_if(columns.begin(), columns.end(),
                                  [&](const engine::Column& c) { return SameName(c.name, name); });
  return found == columns.end() ? nullptr : &*found;
}

int64_t Number(const std::optional<std::string>& text) {
  return text ? std::strtoll(text->c_str(), nullptr, 10) : 0;
}

std::optional<int64_t> Time(const std::optional<std::string>& text) {
  return text ? std::optional(Number(text)) : std::nullopt;
}

}  // namespace

StreamingBatch::StreamingBatch(RunScope& scope, const StreamingConfig& config)
    : scope_(scope),
      config_(config),
      batch_("temp.main." + Quoted(scope.node.alias + "__tarn_batch")),
      copies_("temp.main." + Quoted(scope.node.alias + "__tarn_copies")) {}

StreamingBatch::~StreamingBatch() {
  engine::Session& session = scope_.warehouse.session();
  (void)session.QueryDuckdb("DROP TABLE IF EXISTS " + batch_);
  (void)session.QueryDuckdb("DROP TABLE IF EXISTS " + copies_);
}

Status StreamingBatch::Load() {
  scope_.warehouse.SetDialect(scope_.context.DialectOf(scope_.node));
  const std::string name = QuoteName(scope_.node.alias + "__tarn_batch", scope_.quote());
  TARN_RETURN_IF_ERROR(scope_.warehouse
                           .Execute("create or replace temporary table " + name + " as\n" +
                                        scope_.node.compiled_code,
                                    kCompiledPlace)
                           .status());
  engine::Session& session = scope_.warehouse.session();
  TARN_ASSIGN_OR_RETURN(const engine::Rows rows, session.QueryDuckdb("DESCRIBE " + batch_));
  columns_.clear();
  for (const auto& row : rows.rows) {
    engine::Column column;
    column.name = row[0].value_or("");
    column.type = row[1].value_or("");
    columns_.push_back(std::move(column));
  }
  return ResolveTimes();
}

Status StreamingBatch::ResolveTimes() {
  const auto bad = [&](const std::string& text) {
    return Status::InvalidArgument("streaming model " + scope_.node.unique_id + " (" +
                                   scope_.node.original_file_path + "): " + text);
  };
  for (const std::string& key : config_.keys) {
    if (Find(columns_, key) == nullptr) {
      return bad("unique_key '" + key + "' is no column of the model");
    }
  }
  event_time_ = config_.event_time;
  for (const char* usual : {"event_time", "event_timestamp", "occurred_at"}) {
    if (event_time_.empty() && Find(columns_, usual) != nullptr) event_time_ = usual;
  }
  if (event_time_.empty()) {
    if (config_.watermark_micros == 0) return Status::Ok();
    return bad("watermark needs event_time: the column of the model that says when a row happened");
  }
  for (const std::string& name : {event_time_, config_.arrival_time}) {
    if (name.empty()) continue;
    const engine::Column* column = Find(columns_, name);
    if (column == nullptr) return bad("'" + name + "' is no column of the model");
    const std::string& type = column->type;
    if (type != "TIMESTAMP WITH TIME ZONE" && type != "TIMESTAMP" && type != "DATE") {
      return bad("column '" + name + "' is " + type +
                 " and says no time; cast it to TIMESTAMP in the model");
    }
    if (name == event_time_) event_type_ = type;
  }
  const bool own = Find(columns_, config_.late_column) || Find(columns_, "is_late") ||
                   Find(columns_, "is_late_arrival");
  adds_late_column_ = config_.watermark_micros > 0 && !own;
  if (adds_late_column_) {
    engine::Column column;
    column.name = config_.late_column;
    column.type = "BOOLEAN";
    columns_.push_back(std::move(column));
  }
  return Status::Ok();
}

std::string StreamingBatch::Literal(int64_t micros) const {
  micros = std::clamp(micros, kOldestMicros, kNewestMicros);
  std::string text = FormatTimestampUtc(micros);
  if (event_type_ == "DATE") return "DATE '" + text.substr(0, 10) + "'";
  text.pop_back();
  text[10] = ' ';
  return event_type_ == "TIMESTAMP" ? "TIMESTAMP '" + text + "'" : "TIMESTAMPTZ '" + text + "+00'";
}

std::string StreamingBatch::EventMicros() const {
  const std::string column = Quoted(event_time_);
  return event_type_ == "DATE" ? "epoch_us(CAST(" + column + " AS TIMESTAMP))"
                               : "epoch_us(" + column + ")";
}

std::string StreamingBatch::KeyColumns() const {
  std::string out;
  for (const std::string& key : config_.keys) out += (out.empty() ? "" : ", ") + Quoted(key);
  return out;
}

std::string StreamingBatch::KeysMatch(const char* a, const char* b) const {
  std::string out;
  for (const std::string& key : config_.keys) {
    out += (out.empty() ? "" : " AND ") + std::string(a) + "." + Quoted(key) + " = " + b + "." +
           Quoted(key);
  }
  return out;
}

// The event times of the batch as a few ranges.
Result<std::vector<StreamingBatch::Range>> StreamingBatch::EventRanges() {
  const int64_t bucket = std::max(config_.watermark_micros, kHour);
  TARN_ASSIGN_OR_RETURN(
      const engine::Rows rows,
      scope_.warehouse.session().QueryDuckdb(
          "SELECT DISTINCT CAST(floor(" + EventMicros() + " / " + std::to_string(bucket) +
          "::DOUBLE) AS BIGINT) FROM " + batch_ + " WHERE isfinite(" + Quoted(event_time_) +
          ") ORDER BY 1 LIMIT " + std::to_string(kMaxBuckets + 1)));
  const int64_t oldest = *oldest_read_ - config_.watermark_micros;
  const int64_t newest = *newest_read_ + config_.watermark_micros;
  if (rows.rows.size() > kMaxBuckets) return std::vector<Range>{{oldest, newest}};
  std::vector<Range> ranges;
  for (const auto& row : rows.rows) {
    const int64_t at = Number(row[0]);
    const Range range{std::max(at * bucket - config_.watermark_micros, oldest),
                      std::min((at + 1) * bucket + config_.watermark_micros, newest)};
    if (!ranges.empty() && range.from_micros <= ranges.back().to_micros) {
      ranges.back().to_micros = range.to_micros;
    } else {
      ranges.push_back(range);
    }
  }
  while (ranges.size() > kMaxRanges) {
    size_t nearest = 1;
    const auto gap = [&](size_t i) { return ranges[i].from_micros - ranges[i - 1].to_micros; };
    for (size_t i = 2; i < ranges.size(); ++i) {
      if (gap(i) < gap(nearest)) nearest = i;
    }
    ranges[nearest - 1].to_micros = ranges[nearest].to_micros;
    ranges.erase(ranges.begin() + static_cast<std::ptrdiff_t>(nearest));
  }
  return ranges;
}

// Keys of the target that rows of the batch may be copies of.
Result<std::string> StreamingBatch::RecentRows(const std::string& target) {
  std::string where;
  // Rows at the end of time are nowhere near anything; they are rare.
  if (endless_ == 0) {
    if (oldest_read_) {
      TARN_ASSIGN_OR_RETURN(const auto ranges, EventRanges());
      for (const Range& range : ranges) {
        where += (where.empty() ? "(" : " OR (") + Quoted(event_time_) +
                 " >= " + Literal(range.from_micros) + " AND " + Quoted(event_time_) +
                 " <= " + Literal(range.to_micros) + ")";
      }
    }
    if (without_time_ > 0) {
      where += (where.empty() ? "" : " OR ") + Quoted(event_time_) + " IS NULL";
    }
    where = " WHERE " + where;
  }
  return "SELECT " + KeyColumns() + " FROM " + target + where;
}

Status StreamingBatch::FindCopies(const std::string& target) {
  engine::Session& session = scope_.warehouse.session();
  std::string select = "count(*)";
  if (!event_time_.empty()) {
    const std::string column = Quoted(event_time_);
    const std::string finite = " FILTER (WHERE isfinite(" + column + "))";
    select += ", min(" + EventMicros() + ")" + finite + ", max(" + EventMicros() + ")" + finite +
              ", count(*) - count(" + column + "), count(*) FILTER (WHERE NOT isfinite(" + column +
              "))";
  }
  TARN_ASSIGN_OR_RETURN(const engine::Rows rows,
                        session.QueryDuckdb("SELECT " + select + " FROM " + batch_));
  const auto& row = rows.rows.at(0);
  figures_.rows_read = Number(row[0]);
  if (!event_time_.empty()) {
    oldest_read_ = Time(row[1]);
    newest_read_ = Time(row[2]);
    without_time_ = Number(row[3]);
    endless_ = Number(row[4]);
  }
  has_copies_ = false;
  if (config_.keys.empty() || figures_.rows_read == 0) return Status::Ok();
  std::string known;
  for (const std::string& key : config_.keys) {
    known += (known.empty() ? "" : " AND ") + Quoted(key) + " IS NOT NULL";
  }
  const std::string arrival =
      config_.arrival_time.empty() ? "" : "b." + Quoted(config_.arrival_time) + " NULLS LAST, ";
  std::string sql = "CREATE OR REPLACE TEMP TABLE " + copies_ +
                    " AS SELECT id FROM (SELECT b.rowid AS id, row_number() OVER (PARTITION BY " +
                    KeyColumns() + " ORDER BY " + arrival + "b.rowid) AS place FROM " + batch_ +
                    " AS b SEMI JOIN (SELECT " + KeyColumns() + " FROM " + batch_ + " WHERE " +
                    known + " GROUP BY ALL HAVING count(*) > 1) AS several ON " +
                    KeysMatch("b", "several") + ") WHERE place > 1";
  if (!target.empty()) {
    TARN_ASSIGN_OR_RETURN(const std::string recent, RecentRows(target));
    sql += " UNION SELECT b.rowid FROM " + batch_ + " AS b SEMI JOIN (" + recent + ") AS t ON " +
           KeysMatch("b", "t");
  }
  TARN_RETURN_IF_ERROR(session.QueryDuckdb(sql).status());
  TARN_ASSIGN_OR_RETURN(const engine::Rows count,
                        session.QueryDuckdb("SELECT count(*) FROM " + copies_));
  figures_.duplicates = Number(count.rows.at(0)[0]);
  has_copies_ = figures_.duplicates > 0;
  return Status::Ok();
}

Result<BatchFigures> StreamingBatch::Measure(std::optional<int64_t> before) {
  const std::string column = Quoted(event_time_);
  late_ = "false";
  if (config_.watermark_micros > 0 && !config_.arrival_time.empty()) {
    late_ = "coalesce(" + column + " < " + Quoted(config_.arrival_time) + " - to_microseconds(" +
            std::to_string(config_.watermark_micros) + "), false)";
  } else if (config_.watermark_micros > 0 && before) {
    late_ = "coalesce(" + column + " < " + Literal(*before - config_.watermark_micros) + ", false)";
  }
  std::string select = "count(*), count(*) FILTER (WHERE " + late_ + ")";
  if (!event_time_.empty()) {
    const std::string finite = " FILTER (WHERE isfinite(" + column + "))";
    select += ", min(" + EventMicros() + ")" + finite + ", max(" + EventMicros() + ")" + finite;
  }
  std::string from = batch_ + " AS b";
  if (has_copies_) from += " ANTI JOIN " + copies_ + " AS c ON b.rowid = c.id";
  TARN_ASSIGN_OR_RETURN(const engine::Rows rows, scope_.warehouse.session().QueryDuckdb(
                                                     "SELECT " + select + " FROM " + from));
  const auto& row = rows.rows.at(0);
  figures_.rows = Number(row[0]);
  figures_.late = Number(row[1]);
  if (!event_time_.empty()) {
    figures_.min_event_micros = Time(row[2]);
    figures_.max_event_micros = Time(row[3]);
  }
  return figures_;
}

std::string StreamingBatch::Select(const std::vector<engine::Column>& columns) const {
  std::string list;
  for (const engine::Column& column : columns) {
    const bool late = adds_late_column_ && SameName(column.name, config_.late_column);
    list += (list.empty() ? "" : ", ") +
            (late ? late_ + " AS " + Quoted(column.name) : "b." + Quoted(column.name));
  }
  std::string sql = "SELECT " + list + " FROM " + batch_ + " AS b";
  if (has_copies_) sql += " ANTI JOIN " + copies_ + " AS c ON b.rowid = c.id";
  return sql;
}

}  // namespace tarn::transform
