#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "delta/properties.h"
#include "delta/type_widening.h"

namespace tarn::delta {
namespace {

constexpr FeatureKind kWriter = FeatureKind::kWriter;
constexpr FeatureKind kBoth = FeatureKind::kReaderWriter;
constexpr int kFeatureReader = 3;
constexpr int kFeatureWriter = 7;

const FeatureInfo kFeatures[] = {
    {"appendOnly", kWriter, 0, 2, true, true, "commits that change or remove rows are refused"},
    {"invariants", kWriter, 0, 2, true, true, "enforced on every written row"},
    {"checkConstraints", kWriter, 0, 3, true, true, "enforced on every written row"},
    {"changeDataFeed", kWriter, 0, 4, true, true, "change files for UPDATE, DELETE and MERGE"},
    {"generatedColumns", kWriter, 0, 4, true, true, "computed where left out, checked where given"},
    {"columnMapping", kBoth, 2, 5, true, true, "modes name and id"},
    {"identityColumns", kWriter, 0, 6, true, true, "ALWAYS and BY DEFAULT, SYNC IDENTITY"},
    {"allowColumnDefaults", kWriter, 0, 0, true, true, "used where a column is left out"},
    {"deletionVectors", kBoth, 0, 0, true, true, "relative, absolute and inline"},
    {"timestampNtz", kBoth, 0, 0, true, true, ""},
    {"v2Checkpoint", kBoth, 0, 0, true, true,
     "JSON and Parquet, with sidecars; written where delta.checkpointPolicy is v2"},
    {"vacuumProtocolCheck", kBoth, 0, 0, true, true, ""},
    {"domainMetadata", kWriter, 0, 0, true, true, "all domains are kept"},
    {"inCommitTimestamp", kWriter, 0, 0, true, true, "also when switched on later"},
    {"clustering", kWriter, 0, 0, true, true, "CLUSTER BY; its columns have statistics"},
    {"rowTracking", kWriter, 0, 0, true, true,
     "row_id and row_commit_version; rows keep theirs when they move"},
    {"typeWidening", kBoth, 0, 0, true, true, "old files are cast; ALTER COLUMN … TYPE"},
    {"variantType", kBoth, 0, 0, true, true,
     "as VARIANT; columns of their own are written; a null at the top becomes NULL"},
    {"variantShredding", kBoth, 0, 0, true, true, "mixed files; written unshredded"},
    {"icebergCompatV1", kWriter, 0, 0, true, false, ""},
    {"icebergCompatV2", kWriter, 0, 0, true, false, ""},
    {"catalogManaged", kBoth, 0, 0, false, false, "commits belong to a catalog"},
    {"typeWidening-preview", kBoth, 0, 0, true, true, "as typeWidening", false},
    {"variantType-preview", kBoth, 0, 0, true, true, "as variantType", false},
    {"variantShredding-preview", kBoth, 0, 0, true, true, "as variantShredding", false},
    {"icebergCompatV3", kWriter, 0, 0, true, false, "", false},
    {"icebergWriterCompatV1", kWriter, 0, 0, true, false, "", false},
    {"icebergWriterCompatV3", kWriter, 0, 0, true, false, "", false},
    {"materializePartitionColumns", kWriter, 0, 0, true, false, "", false},
    {"checkpointProtection", kWriter, 0, 0, true, false, "", false},
    {"collations", kWriter, 0, 0, true, false, "comparisons are binary", false},
    {"collations-preview", kWriter, 0, 0, true, false, "comparisons are binary", false},
    {"coordinatedCommits-preview", kWriter, 0, 0, true, false, "", false},
    {"redirectWriterOnly-preview", kWriter, 0, 0, true, false, "", false},
    {"catalogOwned-preview", kBoth, 0, 0, false, false, "commits belong to a catalog", false},
    {"redirectReaderWriter-preview", kBoth, 0, 0, false, false, "", false},
    {"geospatial", kBoth, 0, 0, false, false, "", false},
    {"geospatial-dev", kBoth, 0, 0, false, false, "", false},
    {"adaptiveMetadata-preview", kBoth, 0, 0, false, false, "", false},
};

const Ability kAbilities[] = {
    {"classic checkpoint", true, true, "every delta.checkpointInterval versions"},
    {"multi-part checkpoint", true, false, "deprecated by the protocol for writers"},
    {"version checksum", true, true, "states are checked against it"},
    {"log compaction", true, true, "written every tarn.logCompactionInterval versions"},
    {"absolute paths", true, false, "of shallow clones and moved tables"},
    {"void columns", true, true, "NULL, never stored"},
    {"idempotent writes", true, true, "txn: application id and version"},
    {"time travel", true, false, "by version and by timestamp"},
    {"conflict detection", true, true, "rows and files that were read, retried where it may be"},
};

bool Lists(const std::optional<std::vector<std::string>>& list, const std::string& name) {
  return list && std::find(list->begin(), list->end(), name) != list->end();
}

// Calls visit for each struct field at any depth.
template <typename Visit>
void VisitType(const DataType& type, const Visit& visit);

template <typename Visit>
void VisitFields(const std::vector<StructField>& fields, const Visit& visit) {
  for (const StructField& field : fields) {
    visit(field, *field.type);
    VisitType(*field.type, visit);
  }
}

template <typename Visit>
void VisitType(const DataType& type, const Visit& visit) {
  VisitFields(type.fields, visit);
  if (type.element != nullptr) VisitType(*type.element, visit);
  if (type.key != nullptr) VisitType(*type.key, visit);
}

// Leaf types at any depth, those of arrays and maps included.
bool Holds(const DataType& type, TypeKind kind) {
  if (type.kind == kind) return true;
  if (type.element != nullptr && Holds(*type.element, kind)) return true;
  if (type.key != nullptr && Holds(*type.key, kind)) return true;
  return std::any_of(type.fields.begin(), type.fields.end(),
                     [&](const StructField& field) { return Holds(*field.type, kind); });
}

bool AnyColumnHas(const Schema& schema, const char* key) {
  bool found = false;
  VisitFields(schema.fields, [&](const StructField& field, const DataType&) {
    found = found || field.metadata.count(key) != 0;
  });
  return found;
}

bool IsTrue(const StringMap& configuration, const char* key) {
  const auto found = configuration.find(key);
  if (found == configuration.end()) return false;
  std::string value = found->second;
  std::transform(value.begin(), value.end(), value.begin(), ::tolower);
  return value == "true";
}

// The column property that makes a feature active.
const char* ColumnKeyOf(const std::string& feature) {
  if (feature == "generatedColumns") return "delta.generationExpression";
  if (feature == "identityColumns") return "delta.identity.start";
  if (feature == "allowColumnDefaults") return "CURRENT_DEFAULT";
  return nullptr;
}

bool IsWritable(const std::string& feature) {
  const FeatureInfo* info = FindFeature(feature);
  return info != nullptr && info->tarn_writes;
}

Status CannotRead(const std::string& feature) {
  return Status::Unsupported(
      "the table needs reader feature '" + feature +
      "', which this build of Tarn does not read; read it with an engine that does");
}

Status CannotWrite(const std::string& feature) {
  return Status::Unsupported(
      "the table needs writer feature '" + feature +
      "', which this build of Tarn does not write; reading is possible, write it "
      "with an engine that does, or drop the feature there");
}

void AddUnique(std::vector<std::string>* list, const std::string& name) {
  if (std::find(list->begin(), list->end(), name) == list->end()) list->push_back(name);
}

int RequestedVersion(const StringMap& configuration, const char* key) {
  const auto found = configuration.find(key);
  return found == configuration.end() ? 0 : std::atoi(found->second.c_str());
}

std::vector<std::string> LegacyFeaturesOf(const Protocol& protocol) {
  std::vector<std::string> out;
  for (const FeatureInfo& info : kFeatures) {
    if (info.legacy_writer > 0 && ProtocolSupports(protocol, info.name)) out.push_back(info.name);
  }
  return out;
}

// A protocol of table features holding `features`.
Protocol FeatureProtocol(const Protocol& base, const std::vector<std::string>& features) {
  Protocol out;
  std::vector<std::string> writer = base.writer_features.value_or(std::vector<std::string>());
  std::vector<std::string> reader = base.reader_features.value_or(std::vector<std::string>());
  for (const std::string& name : features) AddUnique(&writer, name);
  for (const std::string& name : writer) {
    const FeatureInfo* info = FindFeature(name);
    if (info != nullptr && info->kind == kBoth) AddUnique(&reader, name);
  }
  out.min_writer_version = kFeatureWriter;
  out.min_reader_version = base.min_reader_version;
  out.writer_features = std::move(writer);
  if (!reader.empty() || base.min_reader_version == kFeatureReader) {
    out.min_reader_version = kFeatureReader;
    out.reader_features = std::move(reader);
  }
  return out;
}

}  // namespace

const std::vector<FeatureInfo>& KnownFeatures() {
  static const std::vector<FeatureInfo> features(std::begin(kFeatures), std::end(kFeatures));
  return features;
}

const std::vector<Ability>& KnownAbilities() {
  static const std::vector<Ability> abilities(std::begin(kAbilities), std::end(kAbilities));
  return abilities;
}

const FeatureInfo* FindFeature(const std::string& name) {
  for (const FeatureInfo& info : kFeatures) {
    if (name == info.name) return &info;
  }
  return nullptr;
}

bool ProtocolSupports(const Protocol& protocol, const std::string& feature) {
  if (Lists(protocol.writer_features, feature)) return true;
  const FeatureInfo* info = FindFeature(feature);
  if (info == nullptr) return false;
  return info->legacy_writer > 0 && protocol.min_writer_version < kFeatureWriter &&
         protocol.min_writer_version >= info->legacy_writer &&
         protocol.min_reader_version >= info->legacy_reader;
}

Status CheckReadable(const Protocol& protocol, const Metadata& metadata) {
  if (protocol.min_reader_version < 1 || protocol.min_reader_version > kFeatureReader) {
    return Status::Unsupported("the table needs reader version " +
                               std::to_string(protocol.min_reader_version) +
                               ", this build of Tarn reads up to 3; a newer Tarn may read it");
  }
  if (metadata.format_provider != "parquet") {
    return Status::Unsupported("the table's data files are of format '" + metadata.format_provider +
                               "'; Tarn reads parquet only");
  }
  if (protocol.min_reader_version < kFeatureReader) return Status::Ok();
  if (!protocol.reader_features || protocol.min_writer_version != kFeatureWriter) {
    return Status::Corruption(
        "the protocol action has reader version 3 without a readerFeatures list or "
        "without writer version 7");
  }
  bool widening = false;
  for (const std::string& name : *protocol.reader_features) {
    const FeatureInfo* info = FindFeature(name);
    if (info == nullptr || !info->tarn_reads) return CannotRead(name);
    widening = widening || name.rfind("typeWidening", 0) == 0;
  }
  if (!widening) return Status::Ok();
  TARN_ASSIGN_OR_RETURN(const Schema schema, ParseSchema(metadata.schema_string));
  return CheckTypeChanges(schema);
}

Status CheckWritable(const Protocol& protocol, const Metadata& metadata) {
  TARN_RETURN_IF_ERROR(CheckReadable(protocol, metadata));
  if (protocol.min_writer_version < 1 || protocol.min_writer_version > kFeatureWriter) {
    return Status::Unsupported("the table needs writer version " +
                               std::to_string(protocol.min_writer_version) +
                               ", this build of Tarn writes up to 7; a newer Tarn may write it");
  }
  TARN_RETURN_IF_ERROR(ParseSchema(metadata.schema_string).status());
  if (protocol.min_writer_version == kFeatureWriter && !protocol.writer_features) {
    return Status::Corruption(
        "the protocol action has writer version 7 without a writerFeatures list");
  }
  const std::vector<std::string> features = protocol.min_writer_version == kFeatureWriter
                                                ? *protocol.writer_features
                                                : LegacyFeaturesOf(protocol);
  for (const std::string& name : features) {
    if (!IsWritable(name)) return CannotWrite(name);
  }
  return Status::Ok();
}

std::vector<std::string> FeaturesInUse(const Metadata& metadata, const Schema& schema) {
  std::vector<std::string> out;
  const StringMap& properties = metadata.configuration;
  static constexpr std::pair<const char*, const char*> kSwitches[] = {
      {"delta.appendOnly", "appendOnly"},
      {"delta.enableChangeDataFeed", "changeDataFeed"},
      {"delta.enableDeletionVectors", "deletionVectors"},
      {"delta.enableInCommitTimestamps", "inCommitTimestamp"},
      {"delta.enableRowTracking", "rowTracking"},
      {"delta.enableTypeWidening", "typeWidening"},
      {"delta.enableVariantShredding", "variantShredding"},
      {"delta.enableIcebergCompatV1", "icebergCompatV1"},
      {"delta.enableIcebergCompatV2", "icebergCompatV2"},
      {"delta.enableIcebergCompatV3", "icebergCompatV3"},
  };
  for (const auto& [key, feature] : kSwitches) {
    if (IsTrue(properties, key)) AddUnique(&out, feature);
  }
  for (const auto& [key, value] : properties) {
    if (key.rfind("delta.constraints.", 0) == 0) AddUnique(&out, "checkConstraints");
    if (key.rfind("delta.feature.", 0) == 0) AddUnique(&out, key.substr(14));
    if (key == "delta.columnMapping.mode" && value != "none") AddUnique(&out, "columnMapping");
    if (key == "delta.checkpointPolicy" && value == "v2") AddUnique(&out, "v2Checkpoint");
  }
  const DataType root = [&] {
    DataType type;
    type.kind = TypeKind::kStruct;
    type.fields = schema.fields;
    return type;
  }();
  if (Holds(root, TypeKind::kTimestampNtz)) AddUnique(&out, "timestampNtz");
  if (Holds(root, TypeKind::kVariant)) AddUnique(&out, "variantType");
  if (AnyColumnHas(schema, "delta.invariants")) AddUnique(&out, "invariants");
  if (AnyColumnHas(schema, "delta.typeChanges")) AddUnique(&out, "typeWidening");
  for (const char* feature : {"generatedColumns", "identityColumns", "allowColumnDefaults"}) {
    if (AnyColumnHas(schema, ColumnKeyOf(feature))) AddUnique(&out, feature);
  }
  return out;
}

Result<Protocol> WithoutFeature(const Protocol& protocol, const Metadata& metadata,
                                const Schema& schema, const std::string& feature) {
  const FeatureInfo* info = FindFeature(feature);
  if (info == nullptr || !ProtocolSupports(protocol, feature)) {
    return Status::InvalidArgument("the table does not have feature '" + feature + "'");
  }
  if (info->kind == kBoth) {
    return Status::Unsupported(
        "feature '" + feature +
        "' cannot be dropped: readers need it for the table's history; CREATE OR REPLACE the table "
        "without it, or drop it with an engine that rewrites the history");
  }
  static const std::set<std::string> kDroppable = {
      "appendOnly",       "invariants",          "checkConstraints",  "changeDataFeed",
      "generatedColumns", "allowColumnDefaults", "inCommitTimestamp", "clustering",
      "identityColumns",  "rowTracking"};
  if (kDroppable.count(feature) == 0) {
    return Status::Unsupported("feature '" + feature +
                               "' cannot be dropped by this build of Tarn; use an engine that can");
  }
  const auto used = FeaturesInUse(metadata, schema);
  if (std::find(used.begin(), used.end(), feature) != used.end()) {
    return Status::InvalidArgument(
        "feature '" + feature +
        "' is in use: unset its property, or drop the constraints or columns that need it, first");
  }
  std::vector<std::string> left = protocol.min_writer_version < kFeatureWriter
                                      ? LegacyFeaturesOf(protocol)
                                      : *protocol.writer_features;
  std::erase(left, feature);
  Protocol base = protocol;
  base.writer_features.reset();
  return FeatureProtocol(base, left);
}

Result<Protocol> DeriveProtocol(const std::optional<Protocol>& current, const Metadata& metadata,
                                const Schema& schema, const std::vector<std::string>& features) {
  Protocol base = current.value_or(Protocol{1, 2, std::nullopt, std::nullopt});
  std::vector<std::string> needed = FeaturesInUse(metadata, schema);
  for (const std::string& name : features) AddUnique(&needed, name);
  for (const std::string& name : std::vector<std::string>(needed)) {
    if (name == "clustering" || name == "rowTracking") AddUnique(&needed, "domainMetadata");
  }
  // A preview feature that the table already has stands in for its final name.
  std::erase_if(needed, [&](const std::string& name) {
    return ProtocolSupports(base, name) || ProtocolSupports(base, name + "-preview");
  });
  int reader = std::max(base.min_reader_version,
                        RequestedVersion(metadata.configuration, "delta.minReaderVersion"));
  int writer = std::max(base.min_writer_version,
                        RequestedVersion(metadata.configuration, "delta.minWriterVersion"));
  bool table_features = writer >= kFeatureWriter || reader >= kFeatureReader;
  for (const std::string& name : needed) {
    const FeatureInfo* info = FindFeature(name);
    if (info == nullptr) {
      return Status::Unsupported("'" + name + "' is not a Delta table feature that Tarn knows");
    }
    if (!IsWritable(name)) return CannotWrite(name);
    table_features = table_features || info->legacy_writer == 0;
    writer = std::max(writer, info->legacy_writer);
    reader = std::max(reader, info->legacy_reader);
  }
  if (!table_features) {
    base.min_reader_version = reader;
    base.min_writer_version = writer;
    return base;
  }
  std::vector<std::string> all;
  if (base.min_writer_version < kFeatureWriter) all = LegacyFeaturesOf(base);
  for (const std::string& name : needed) AddUnique(&all, name);
  base.min_reader_version = std::max(base.min_reader_version, std::min(reader, kFeatureReader));
  return FeatureProtocol(base, all);
}

}  // namespace tarn::delta
