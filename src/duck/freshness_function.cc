// tarn_freshness(): how far behind the events a table's newest rows were when they were committed.
//
// Of tables that a streaming model writes, each commit says so in its user metadata ("stream"); of
// Bronze tables, the statistics of the newest appended files say it.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "base/clock.h"
#include "delta/table.h"
#include "duck/delta_table_entry.h"
#include "duck/freshness_function.h"
#include "duck/lake_catalog.h"
#include "duckdb/catalog/catalog.hpp"
#include "duckdb/function/table_function.hpp"

namespace tarn::duck {
namespace {

using duckdb::LogicalType;
using duckdb::Value;
using nlohmann::json;

// Commits that are looked at: the spread of the lag is over these.
constexpr size_t kCommits = 100;
constexpr const char* kBronzeEventTime = "event_timestamp";

struct Freshness {
  std::string table;
  std::string model;          // empty: none
  delta::Version version{0};  // of the newest commit with rows
  int64_t commit_micros = 0;
  int64_t event_micros = 0;                       // newest event of that commit
  std::optional<int64_t> upstream_micros;         // commit of its newest upstream rows
  std::optional<int64_t> rows, late, duplicates;  // over the commits looked at
  std::vector<int64_t> lags;                      // of these commits, micros
};

std::optional<int64_t> TimeMember(const json& object, const char* key) {
  const auto it = object.find(key);
  if (it == object.end() || !it->is_string()) return std::nullopt;
  const auto parsed = ParseTimestampUtc(it->get<std::string>());
  return parsed.ok() ? std::optional(*parsed) : std::nullopt;
}

// When the writer committed, by its own clock: a store may keep times in seconds.
int64_t CommitMicros(const delta::HistoryEntry& entry) {
  const delta::CommitInfo& info = entry.info;
  return info.in_commit_timestamp_ms.value_or(info.timestamp_ms.value_or(entry.timestamp_ms)) *
         1000;
}

std::optional<json> StreamOf(const delta::HistoryEntry& entry, std::string* model) {
  if (!entry.info.user_metadata) return std::nullopt;
  const json text = json::parse(*entry.info.user_metadata, nullptr, false);
  if (!text.is_object() || !text.contains("stream") || !text["stream"].is_object()) {
    return std::nullopt;
  }
  if (const auto it = text.find("model"); it != text.end() && it->is_string()) {
    *model = it->get<std::string>();
  }
  return text["stream"];
}

std::optional<Freshness> OfModel(const std::vector<delta::HistoryEntry>& history) {
  std::optional<Freshness> found;
  for (const delta::HistoryEntry& entry : history) {
    std::string model;
    const auto stream = StreamOf(entry, &model);
    if (!stream) continue;
    const auto event = TimeMember(*stream, "max_event_time");
    if (!event) continue;
    const int64_t commit = CommitMicros(entry);
    if (!found) {
      found = Freshness{"",     model,  entry.version,
                        commit, *event, TimeMember(*stream, "upstream_commit_time"),
                        0,      0,      0,
                        {}};
    }
    *found->rows += stream->value("rows", int64_t{0});
    *found->late += stream->value("late", int64_t{0});
    *found->duplicates += stream->value("duplicates", int64_t{0});
    found->lags.push_back(std::max<int64_t>(commit - *event, 0));
  }
  return found;
}

// The newest event a commit brought, by its files' statistics.
std::optional<int64_t> NewestEvent(delta::Table& table, delta::Version version) {
  const auto actions = table.ReadCommit(version);
  if (!actions.ok()) return std::nullopt;
  std::optional<int64_t> newest;
  for (const delta::Action& action : *actions) {
    const auto* add = std::get_if<delta::AddFile>(&action);
    if (add == nullptr || !add->data_change) continue;
    const json stats = json::parse(add->stats, nullptr, false);
    if (!stats.is_object() || !stats.contains("maxValues")) continue;
    const auto event = TimeMember(stats["maxValues"], kBronzeEventTime);
    if (event) newest = std::max(*event, newest.value_or(*event));
  }
  return newest;
}

std::optional<Freshness> OfBronze(delta::Table& table,
                                  const std::vector<delta::HistoryEntry>& history) {
  std::optional<Freshness> found;
  for (const delta::HistoryEntry& entry : history) {
    const auto event = NewestEvent(table, entry.version);
    if (!event) continue;
    const int64_t commit = CommitMicros(entry);
    if (!found) {
      found = Freshness{"",           "",           entry.version, commit,       *event,
                        std::nullopt, std::nullopt, std::nullopt,  std::nullopt, {}};
    }
    found->lags.push_back(std::max<int64_t>(commit - *event, 0));
    if (found->lags.size() == kCommits / 10) break;
  }
  return found;
}

std::optional<Freshness> Of(DeltaTableEntry& entry) {
  const auto history = entry.table()->History(kCommits);
  if (!history.ok()) return std::nullopt;  // a damaged table is told of elsewhere
  auto found = OfModel(*history);
  const bool bronze = entry.delta_schema().Find(kBronzeEventTime) != nullptr &&
                      entry.delta_schema().Find("ingestion_timestamp") != nullptr;
  if (!found && bronze) found = OfBronze(*entry.table(), *history);
  if (found) found->table = entry.QualifiedName();
  return found;
}

std::vector<Freshness> Collect(duckdb::ClientContext& context) {
  std::vector<Freshness> out;
  auto& catalog = duckdb::Catalog::GetCatalog(context, "lake");
  catalog.ScanSchemas(context, [&](duckdb::SchemaCatalogEntry& schema) {
    schema.Scan(context, duckdb::CatalogType::TABLE_ENTRY, [&](duckdb::CatalogEntry& entry) {
      auto* table = dynamic_cast<DeltaTableEntry*>(&entry);
      if (table == nullptr) return;
      if (auto found = Of(*table)) out.push_back(std::move(*found));
    });
  });
  std::sort(out.begin(), out.end(),
            [](const Freshness& a, const Freshness& b) { return a.table < b.table; });
  return out;
}

struct FreshnessState final : public duckdb::GlobalTableFunctionState {
  std::vector<Freshness> rows;
  int64_t now_micros = 0;
  size_t next = 0;
};

duckdb::unique_ptr<duckdb::FunctionData> Bind(duckdb::ClientContext&,
                                              duckdb::TableFunctionBindInput&,
                                              duckdb::vector<LogicalType>& types,
                                              duckdb::vector<duckdb::string>& names) {
  const auto column = [&](const char* name, LogicalType type) {
    names.emplace_back(name);
    types.push_back(std::move(type));
  };
  column("table_name", LogicalType::VARCHAR);
  column("model", LogicalType::VARCHAR);
  column("event_time", LogicalType::TIMESTAMP_TZ);
  column("upstream_commit_time", LogicalType::TIMESTAMP_TZ);
  column("commit_time", LogicalType::TIMESTAMP_TZ);
  column("commit_version", LogicalType::BIGINT);
  column("lag_seconds", LogicalType::DOUBLE);
  column("lag_p50_seconds", LogicalType::DOUBLE);
  column("lag_p99_seconds", LogicalType::DOUBLE);
  column("age_seconds", LogicalType::DOUBLE);
  column("commits", LogicalType::BIGINT);
  column("rows", LogicalType::BIGINT);
  column("late_rows", LogicalType::BIGINT);
  column("duplicates", LogicalType::BIGINT);
  return duckdb::make_uniq<duckdb::TableFunctionData>();
}

duckdb::unique_ptr<duckdb::GlobalTableFunctionState> Init(duckdb::ClientContext& context,
                                                          duckdb::TableFunctionInitInput&) {
  auto state = duckdb::make_uniq<FreshnessState>();
  state->rows = Collect(context);
  state->now_micros = Clock::System().NowMicros();
  return state;
}

Value Seconds(int64_t micros) { return Value::DOUBLE(static_cast<double>(micros) / 1e6); }
Value Time(int64_t micros) { return Value::TIMESTAMPTZ(duckdb::timestamp_tz_t(micros)); }
Value Number(const std::optional<int64_t>& number) {
  return number ? Value::BIGINT(*number) : Value(LogicalType::BIGINT);
}

// `share` of the lags are at most this.
int64_t Quantile(std::vector<int64_t>& lags, double share) {
  const auto at = static_cast<size_t>(share * static_cast<double>(lags.size() - 1) + 0.5);
  std::nth_element(lags.begin(), lags.begin() + static_cast<std::ptrdiff_t>(at), lags.end());
  return lags[at];
}

void Emit(duckdb::ClientContext&, duckdb::TableFunctionInput& input, duckdb::DataChunk& output) {
  auto& state = input.global_state->Cast<FreshnessState>();
  duckdb::idx_t count = 0;
  while (state.next < state.rows.size() && count < STANDARD_VECTOR_SIZE) {
    Freshness& row = state.rows[state.next++];
    const Value values[] = {
        Value(row.table),
        row.model.empty() ? Value(LogicalType::VARCHAR) : Value(row.model),
        Time(row.event_micros),
        row.upstream_micros ? Time(*row.upstream_micros) : Value(LogicalType::TIMESTAMP_TZ),
        Time(row.commit_micros),
        Value::BIGINT(row.version.value()),
        Seconds(std::max<int64_t>(row.commit_micros - row.event_micros, 0)),
        Seconds(Quantile(row.lags, 0.5)),
        Seconds(Quantile(row.lags, 0.99)),
        Seconds(std::max<int64_t>(state.now_micros - row.event_micros, 0)),
        Value::BIGINT(static_cast<int64_t>(row.lags.size())),
        Number(row.rows),
        Number(row.late),
        Number(row.duplicates)};
    for (duckdb::idx_t column = 0; column < output.ColumnCount(); ++column) {
      output.SetValue(column, count, values[column]);
    }
    ++count;
  }
  output.SetCardinality(count);
}

}  // namespace

void RegisterFreshness(duckdb::ExtensionLoader& loader) {
  loader.RegisterFunction(duckdb::TableFunction("tarn_freshness", {}, Emit, Bind, Init));
}

}  // namespace tarn::duck
