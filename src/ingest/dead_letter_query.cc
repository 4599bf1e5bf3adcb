#include "ingest/dead_letter_query.h"

#include <algorithm>
#include <cstdint>

namespace tarn::ingest {
namespace {

constexpr size_t kShortestId = 4;
constexpr const char* kId =
    "substr(md5(concat_ws('|', target_table, source_system, source_topic, "
    "source_partition::VARCHAR, source_offset::VARCHAR, coalesce(content_sha256, ''), "
    "attempt::VARCHAR)), 1, 20)";

std::string Quoted(const std::string& text, char quote) {
  std::string out(1, quote);
  for (const char c : text) {
    out.push_back(c);
    if (c == quote) out.push_back(c);
  }
  return out + quote;
}

int64_t Number(const std::optional<std::string>& text) {
  return text ? std::strtoll(text->c_str(), nullptr, 10) : 0;
}

std::optional<int64_t> MaybeNumber(const std::optional<std::string>& text) {
  return text ? std::optional(Number(text)) : std::nullopt;
}

}  // namespace

std::string Literal(const std::string& text) { return Quoted(text, '\''); }

std::string TableIn(const std::string& table, char quote) {
  const size_t dot = table.find('.');
  return Quoted(table.substr(0, dot), quote) + "." + Quoted(table.substr(dot + 1), quote);
}

Result<std::string> LettersQuery(const std::string& letters, const std::string& actions,
                                 const LetterFilter& filter) {
  std::string where = " WHERE true";
  if (!filter.id.empty()) {
    const bool hex = std::all_of(filter.id.begin(), filter.id.end(), [](char c) {
      return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
    });
    if (!hex || filter.id.size() < kShortestId) {
      return Status::InvalidArgument("'" + filter.id +
                                     "' is no id of a dead letter (4 to 20 of 0-9 a-f)");
    }
    where += " AND starts_with(l.id, " + Literal(filter.id) + ")";
  }
  if (!filter.stream.empty()) where += " AND l.source_topic = " + Literal(filter.stream);
  if (!filter.table.empty()) where += " AND l.target_table = " + Literal(filter.table);
  if (filter.rule.ends_with('*')) {
    where +=
        " AND starts_with(l.rule, " + Literal(filter.rule.substr(0, filter.rule.size() - 1)) + ")";
  } else if (!filter.rule.empty()) {
    where += " AND l.rule = " + Literal(filter.rule);
  }
  if (filter.since_micros) {
    where += " AND epoch_us(l.ingestion_timestamp) >= " + std::to_string(*filter.since_micros);
  }
  if (filter.status == "open") {
    where += " AND a.letter_id IS NULL";
  } else if (filter.status == "replayed") {
    where += " AND a.replayed";
  } else if (filter.status == "discarded") {
    where += " AND NOT a.replayed";
  } else if (filter.status != "all") {
    return Status::InvalidArgument("status '" + filter.status +
                                   "' is to be open, replayed, discarded or all");
  }
  const std::string acts =
      actions.empty()
          ? "SELECT NULL::VARCHAR AS letter_id, false AS replayed, NULL::VARCHAR AS note WHERE "
            "false"
          : "SELECT letter_id, bool_or(action = 'replayed') AS replayed, max(reason) AS note FROM "
            "lake." +
                TableIn(actions, '"') + " GROUP BY letter_id";
  return "WITH named AS (SELECT " + std::string(kId) + " AS id, * FROM lake." +
         TableIn(letters, '"') +
         "), l AS (SELECT * FROM named QUALIFY row_number() OVER (PARTITION BY id ORDER BY "
         "ingestion_timestamp) = 1), a AS (" +
         acts +
         ") SELECT l.id, CASE WHEN a.letter_id IS NULL THEN 'open' WHEN a.replayed THEN 'replayed' "
         "ELSE 'discarded' END, strftime(to_timestamp(0)::TIMESTAMP + "
         "to_microseconds(epoch_us(l.ingestion_timestamp)), '%Y-%m-%dT%H:%M:%SZ'), l.target_table, "
         "l.source_system, l.source_topic, l.source_partition, l.source_offset, l.line, "
         "l.byte_offset, l.rule, l.reason, l.payload_bytes, octet_length(l.raw_payload), "
         "l.attempt, "
         "a.note, l.content_sha256 FROM l LEFT JOIN a ON a.letter_id = l.id" +
         where +
         " ORDER BY l.ingestion_timestamp, l.source_topic, l.source_partition, l.source_offset, "
         "l.id" +
         (filter.limit == 0 ? "" : " LIMIT " + std::to_string(filter.limit));
}

Letter LetterOf(const std::vector<std::optional<std::string>>& row) {
  Letter out;
  out.id = row[0].value_or("");
  out.status = row[1].value_or("");
  out.at = row[2].value_or("");
  out.table = row[3].value_or("");
  out.system = row[4].value_or("");
  out.topic = row[5].value_or("");
  out.partition = static_cast<int32_t>(Number(row[6]));
  out.offset = Number(row[7]);
  out.line = MaybeNumber(row[8]);
  out.byte_offset = MaybeNumber(row[9]);
  out.rule = row[10].value_or("");
  out.reason = row[11].value_or("");
  out.payload_bytes = static_cast<uint64_t>(Number(row[12]));
  out.kept_bytes = static_cast<uint64_t>(Number(row[13]));
  out.attempt = static_cast<int>(Number(row[14]));
  out.note = row[15].value_or("");
  out.content_id = row[16].value_or("");
  return out;
}

std::string RecordsQuery(const std::string& letters, const std::vector<std::string>& ids,
                         bool whole) {
  std::string list;
  for (const std::string& id : ids) list += (list.empty() ? "" : ", ") + Literal(id);
  // Headers as "<hex of key>:<hex of value, or ->" with commas: no byte of theirs can disturb that.
  const std::string kept =
      whole ? "record_key, epoch_us(event_timestamp), schema_version, "
              "array_to_string(list_transform(headers, lambda h: hex(h.key) || ':' || "
              "coalesce(hex(h.value), '-')), ',')"
            : "NULL::VARCHAR, NULL::BIGINT, NULL::VARCHAR, NULL::VARCHAR";
  return "SELECT id, hex(raw_payload), " + kept + " FROM (SELECT " + std::string(kId) +
         " AS id, * FROM lake." + TableIn(letters, '"') + ") WHERE id IN (" + list +
         ") QUALIFY row_number() OVER (PARTITION BY id ORDER BY ingestion_timestamp) = 1";
}

Result<LetterRecord> RecordOf(const std::vector<std::optional<std::string>>& row) {
  LetterRecord out;
  TARN_ASSIGN_OR_RETURN(out.payload, BytesOfHex(row[1].value_or("")));
  out.key = row[2];
  out.event_time_micros = MaybeNumber(row[3]);
  out.schema = row[4];
  const std::string headers = row[5].value_or("");
  for (size_t at = 0; at < headers.size();) {
    const size_t end = std::min(headers.find(',', at), headers.size());
    const size_t colon = headers.find(':', at);
    if (colon >= end) return Status::Internal("the headers of a dead letter cannot be read");
    auto& header = out.headers.emplace_back();
    TARN_ASSIGN_OR_RETURN(header.first, BytesOfHex(headers.substr(at, colon - at)));
    const std::string value = headers.substr(colon + 1, end - colon - 1);
    if (value != "-") {
      TARN_ASSIGN_OR_RETURN(header.second, BytesOfHex(value));
    }
    at = end + 1;
  }
  return out;
}

std::string RowsQuery(const std::string& table, const std::string& system,
                      const std::vector<Letter>& letters) {
  std::string offsets;
  int64_t from = INT64_MAX, to = INT64_MIN;
  for (const Letter& letter : letters) {
    offsets += (offsets.empty() ? "" : ", ") + std::to_string(letter.offset);
    from = std::min(from, letter.offset);
    to = std::max(to, letter.offset);
  }
  return "SELECT source_topic, source_partition, source_offset, checksum FROM lake." +
         TableIn(table, '"') + " WHERE source_system = " + Literal(system) +
         " AND source_offset BETWEEN " + std::to_string(from) + " AND " + std::to_string(to) +
         " AND source_offset IN (" + offsets + ")";
}

std::string CreateActionsStatement(const std::string& actions) {
  return "CREATE TABLE IF NOT EXISTS " + TableIn(actions, '`') +
         " (letter_id STRING, action STRING, reason STRING, acted_by STRING, acted_at TIMESTAMP, "
         "target_table STRING, source_system STRING, source_topic STRING, source_partition INT, "
         "source_offset BIGINT, rule STRING) USING DELTA TBLPROPERTIES ('delta.appendOnly' = "
         "'true')";
}

Result<std::string> BytesOfHex(const std::string& hex) {
  const auto digit = [](char c) { return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10; };
  if (hex.size() % 2 != 0) return Status::Internal("hex digits of a payload are cut off");
  std::string out;
  out.reserve(hex.size() / 2);
  for (size_t i = 0; i < hex.size(); i += 2) {
    out.push_back(static_cast<char>(digit(hex[i]) * 16 + digit(hex[i + 1])));
  }
  return out;
}

}  // namespace tarn::ingest
