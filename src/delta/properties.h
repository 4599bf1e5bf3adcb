// Table properties (`delta.*` of metaData.configuration) and table features: what is known, what it
// means, what Tarn reads and writes. The one registry from which COMPAT.md is generated.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "delta/actions.h"
#include "delta/schema.h"

namespace tarn::delta {

enum class FeatureKind { kWriter, kReaderWriter };

struct FeatureInfo {
  const char* name;  // as in the protocol, e.g. "deletionVectors"
  FeatureKind kind;
  int legacy_reader;  // version that implied it before table features, 0 if none
  int legacy_writer;
  bool tarn_reads;
  bool tarn_writes;
  const char* note;
  bool general = true;  // in the published protocol; else a preview, a proposal or one engine's own
};
const std::vector<FeatureInfo>& KnownFeatures();

// What the protocol asks of readers or offers writers without a table feature.
struct Ability {
  const char* name;
  bool tarn_reads;
  bool tarn_writes;
  const char* note;
};
const std::vector<Ability>& KnownAbilities();
// Null when the name is not known.
const FeatureInfo* FindFeature(const std::string& name);

// True when the protocol names or implies the feature.
bool ProtocolSupports(const Protocol& protocol, const std::string& feature);
// kUnsupported naming the feature and the version that is needed.
Status CheckReadable(const Protocol& protocol, const Metadata& metadata);
Status CheckWritable(const Protocol& protocol, const Metadata& metadata);
// The least protocol for schema, properties and features; never lower than `current`.
Result<Protocol> DeriveProtocol(const std::optional<Protocol>& current, const Metadata& metadata,
                                const Schema& schema, const std::vector<std::string>& features);

// ALTER TABLE … DROP FEATURE: the protocol without a writer feature that is not in use.
// kInvalidArgument when the table lacks or uses it; kUnsupported, by name, when dropping it takes
// more than a new protocol.
Result<Protocol> WithoutFeature(const Protocol& protocol, const Metadata& metadata,
                                const Schema& schema, const std::string& feature);

// Features that schema and properties of `metadata` make active or ask for
// (`delta.feature.<name>`).
std::vector<std::string> FeaturesInUse(const Metadata& metadata, const Schema& schema);

// Unknown `delta.*` keys and bad values are errors that name the nearest known key; other prefixes
// pass.
Status ValidateProperties(const StringMap& configuration);
// The same check, for entries that `previous` does not hold already, with known keys brought to
// their canonical spelling (keys are case-insensitive). Keys of other writers that were there
// before stay.
Result<StringMap> NormalizeProperties(const StringMap& configuration, const StringMap& previous);

// Typed access, defaults as in Delta.
struct TableProperties {
  bool append_only = false;
  bool enable_change_data_feed = false;
  bool enable_deletion_vectors = false;
  int64_t checkpoint_interval = 10;
  int64_t log_compaction_interval = 0;     // tarn.logCompactionInterval; 0 never
  int num_indexed_columns = 32;            // delta.dataSkippingNumIndexedCols; -1 all
  std::vector<std::string> stats_columns;  // delta.dataSkippingStatsColumns
  int64_t log_retention_ms = 30LL * 86'400'000;
  int64_t deleted_file_retention_ms = 7LL * 86'400'000;
  bool in_commit_timestamps = false;
  ColumnMappingMode column_mapping = ColumnMappingMode::kNone;
  int32_t max_column_id = 0;
  std::string compression_codec = "snappy";
  bool serializable = false;                                           // delta.isolationLevel
  std::vector<std::pair<std::string, std::string>> check_constraints;  // name -> SQL
};
Result<TableProperties> ParseProperties(const StringMap& configuration);
// "interval 365 days", "168 hours", "interval 1 week" -> milliseconds.
Result<int64_t> ParseInterval(const std::string& text);

}  // namespace tarn::delta
