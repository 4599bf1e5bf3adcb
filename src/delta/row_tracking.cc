#include "delta/row_tracking.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/random.h"
#include "delta/file_table.h"
#include "delta/properties.h"

namespace tarn::delta {
namespace {

constexpr char kDomain[] = "delta.rowTracking";
constexpr char kWaterMark[] = "rowIdHighWaterMark";
constexpr char kIdColumn[] = "delta.rowTracking.materializedRowIdColumnName";
constexpr char kVersionColumn[] = "delta.rowTracking.materializedRowCommitVersionColumnName";

bool IsOn(const Metadata& metadata, const char* key) {
  const auto found = metadata.configuration.find(key);
  return found != metadata.configuration.end() &&
         (found->second == "true" || found->second == "TRUE");
}

int64_t WaterMarkOf(const DomainMetadata& domain) {
  const auto json = nlohmann::json::parse(domain.configuration, nullptr, false);
  const auto mark = json.is_object() ? json.find(kWaterMark) : json.end();
  return mark != json.end() && mark->is_number_integer() ? mark->get<int64_t>() : -1;
}

std::optional<int64_t> RecordsOf(const std::string& stats) {
  const auto json = nlohmann::json::parse(stats, nullptr, false);
  if (!json.is_object()) return std::nullopt;
  const auto records = json.find("numRecords");
  if (records == json.end() || !records->is_number_integer()) return std::nullopt;
  return records->get<int64_t>();
}

}  // namespace

std::optional<HiddenRowColumns> RowTrackingColumns(const Metadata& metadata) {
  if (!IsOn(metadata, "delta.enableRowTracking")) return std::nullopt;
  const auto id = metadata.configuration.find(kIdColumn);
  const auto version = metadata.configuration.find(kVersionColumn);
  if (id == metadata.configuration.end() || version == metadata.configuration.end() ||
      id->second.empty() || version->second.empty()) {
    return std::nullopt;
  }
  return HiddenRowColumns{id->second, version->second};
}

bool IsRowTracking(const Protocol& protocol, const Metadata& metadata) {
  return ProtocolSupports(protocol, "rowTracking") && !IsOn(metadata, "delta.rowTrackingSuspended");
}

bool NeedsRowIds(const Snapshot& base, const Metadata& metadata) {
  if (!IsOn(metadata, "delta.enableRowTracking")) return false;
  if (IsOn(base.metadata(), "delta.enableRowTracking")) return false;
  for (uint32_t i = 0; i < base.num_files(); ++i) {
    if (!base.files().BaseRowId(FileIndex(i))) return true;
  }
  return false;
}

Status PrepareRowTracking(Metadata* metadata) {
  if (!IsOn(*metadata, "delta.enableRowTracking")) return Status::Ok();
  if (IsOn(*metadata, "delta.rowTrackingSuspended")) {
    return Status::InvalidArgument(
        "delta.enableRowTracking and delta.rowTrackingSuspended exclude each other");
  }
  const auto name = [&](const char* key, const char* prefix) {
    std::string& column = metadata->configuration[key];
    if (column.empty()) column = prefix + MakeUuid(Random::System());
  };
  name(kIdColumn, "_row-id-col-");
  name(kVersionColumn, "_row-commit-version-col-");
  return Status::Ok();
}

Result<RowIds> RowIds::For(const Snapshot* base, const std::vector<Action>& body) {
  RowIds out;
  if (base != nullptr) {
    if (const auto domain = base->Domain(kDomain)) out.high_water_mark_ = WaterMarkOf(*domain);
  }
  for (size_t i = 0; i < body.size(); ++i) {
    const auto* file = std::get_if<AddFile>(&body[i]);
    if (file == nullptr || file->base_row_id) continue;
    const auto records = RecordsOf(file->stats);
    if (!records) {
      return Status::Unsupported("file " + file->path +
                                 " has no numRecords in its statistics, which row "
                                 "tracking needs");
    }
    out.fresh_.push_back({i, *records});
  }
  return out;
}

void RowIds::Follow(const std::vector<Action>& actions) {
  for (const Action& action : actions) {
    const auto* domain = std::get_if<DomainMetadata>(&action);
    if (domain != nullptr && domain->domain == kDomain) {
      high_water_mark_ = std::max(high_water_mark_, WaterMarkOf(*domain));
    }
  }
}

std::vector<Action> RowIds::Assign(Version version, const std::vector<Action>& body) const {
  std::vector<Action> out = body;
  int64_t mark = high_water_mark_;
  for (const Fresh& fresh : fresh_) {
    auto& file = std::get<AddFile>(out[fresh.position]);
    file.base_row_id = mark + 1;
    if (!file.default_row_commit_version) file.default_row_commit_version = version.value();
    mark += fresh.records;
  }
  if (mark > high_water_mark_) {
    const std::string configuration =
        std::string("{\"") + kWaterMark + "\":" + std::to_string(mark) + "}";
    out.push_back(DomainMetadata{kDomain, configuration, false});
  }
  return out;
}

}  // namespace tarn::delta
