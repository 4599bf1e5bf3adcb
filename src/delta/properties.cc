#include "delta/properties.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "base/nearest.h"

namespace tarn::delta {
namespace {

enum class Kind { kBool, kPositive, kCount, kSigned, kInterval, kText, kChoice };

struct PropertyInfo {
  const char* name;
  Kind kind;
  const char* choices;  // "a|b", case-insensitive; kChoice only
};

const PropertyInfo kProperties[] = {
    {"delta.appendOnly", Kind::kBool, nullptr},
    {"delta.autoOptimize", Kind::kBool, nullptr},
    {"delta.autoOptimize.autoCompact", Kind::kText, nullptr},
    {"delta.autoOptimize.optimizeWrite", Kind::kBool, nullptr},
    {"delta.castIcebergTimeType", Kind::kBool, nullptr},
    {"delta.checkpoint.writeStatsAsJson", Kind::kBool, nullptr},
    {"delta.checkpoint.writeStatsAsStruct", Kind::kBool, nullptr},
    {"delta.checkpointInterval", Kind::kPositive, nullptr},
    {"delta.checkpointPolicy", Kind::kChoice, "classic|v2"},
    {"delta.checkpointRetentionDuration", Kind::kInterval, nullptr},
    {"delta.columnMapping.maxColumnId", Kind::kCount, nullptr},
    {"delta.columnMapping.mode", Kind::kChoice, "none|name|id"},
    {"delta.compatibility.symlinkFormatManifest.enabled", Kind::kBool, nullptr},
    {"delta.dataSkippingNumIndexedCols", Kind::kSigned, nullptr},
    {"delta.dataSkippingStatsColumns", Kind::kText, nullptr},
    {"delta.dataSkippingStringPrefixLength", Kind::kCount, nullptr},
    {"delta.deletedFileRetentionDuration", Kind::kInterval, nullptr},
    {"delta.dropFeatureTruncateHistory.retentionDuration", Kind::kInterval, nullptr},
    {"delta.enableChangeDataCapture", Kind::kBool, nullptr},
    {"delta.enableChangeDataFeed", Kind::kBool, nullptr},
    {"delta.enableDeletionVectors", Kind::kBool, nullptr},
    {"delta.enableExpiredLogCleanup", Kind::kBool, nullptr},
    {"delta.enableFullRetentionRollback", Kind::kBool, nullptr},
    {"delta.enableIcebergCompatV1", Kind::kBool, nullptr},
    {"delta.enableIcebergCompatV2", Kind::kBool, nullptr},
    {"delta.enableIcebergCompatV3", Kind::kBool, nullptr},
    {"delta.enableInCommitTimestamps", Kind::kBool, nullptr},
    {"delta.enableMaterializePartitionColumnsFeature", Kind::kBool, nullptr},
    {"delta.enableRowTracking", Kind::kBool, nullptr},
    {"delta.enableTypeWidening", Kind::kBool, nullptr},
    {"delta.enableVariantShredding", Kind::kBool, nullptr},
    {"delta.ignoreProtocolDefaults", Kind::kBool, nullptr},
    {"delta.inCommitTimestampEnablementTimestamp", Kind::kCount, nullptr},
    {"delta.inCommitTimestampEnablementVersion", Kind::kCount, nullptr},
    {"delta.isolationLevel", Kind::kChoice, "Serializable|WriteSerializable"},
    {"delta.logRetentionDuration", Kind::kInterval, nullptr},
    {"delta.minReaderVersion", Kind::kPositive, nullptr},
    {"delta.minWriterVersion", Kind::kPositive, nullptr},
    {"delta.parquet.compression.codec", Kind::kChoice,
     "uncompressed|none|snappy|gzip|lz4|lz4_raw|zstd|brotli"},
    {"delta.parquet.format.version", Kind::kText, nullptr},
    {"delta.randomPrefixLength", Kind::kPositive, nullptr},
    {"delta.randomizeFilePrefixes", Kind::kBool, nullptr},
    {"delta.requireCheckpointProtectionBeforeVersion", Kind::kCount, nullptr},
    {"delta.rowTracking.materializedRowCommitVersionColumnName", Kind::kText, nullptr},
    {"delta.rowTracking.materializedRowIdColumnName", Kind::kText, nullptr},
    {"delta.rowTrackingSuspended", Kind::kBool, nullptr},
    {"delta.sampleRetentionDuration", Kind::kInterval, nullptr},
    {"delta.setTransactionRetentionDuration", Kind::kInterval, nullptr},
    {"delta.targetFileSize", Kind::kText, nullptr},
    {"delta.tuneFileSizesForRewrites", Kind::kBool, nullptr},
    {"delta.universalFormat.enabledFormats", Kind::kText, nullptr},
    {"delta.writePartitionColumnsToParquet", Kind::kBool, nullptr},
};

// Not Delta's own: how many commits a compacted log stands for.
constexpr char kLogCompactionInterval[] = "tarn.logCompactionInterval";

std::string Lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return std::tolower(c); });
  return out;
}

const PropertyInfo* FindProperty(const std::string& key) {
  const std::string wanted = Lower(key);
  for (const PropertyInfo& info : kProperties) {
    if (wanted == Lower(info.name)) return &info;
  }
  return nullptr;
}

std::string NearestProperty(const std::string& key) {
  std::string best;
  size_t least = SIZE_MAX;
  for (const PropertyInfo& info : kProperties) {
    const size_t distance = EditDistance(Lower(key), Lower(info.name));
    if (distance < least) {
      least = distance;
      best = info.name;
    }
  }
  return best;
}

bool ParseInteger(const std::string& text, int64_t* out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *out);
  return error == std::errc() && end == text.data() + text.size();
}

Status BadProperty(const std::string& key, const std::string& value, const std::string& expected) {
  return Status::InvalidArgument("table property " + key + " = '" + value + "': expected " +
                                 expected);
}

Status CheckInteger(const std::string& key, const std::string& value, int64_t least) {
  int64_t number = 0;
  if (ParseInteger(value, &number) && number >= least) return Status::Ok();
  return BadProperty(key, value, "a whole number of at least " + std::to_string(least));
}

Status CheckChoice(const PropertyInfo& info, std::string& value) {
  const std::string choices = info.choices;
  for (size_t begin = 0; begin <= choices.size();) {
    const size_t end = std::min(choices.find('|', begin), choices.size());
    if (const std::string choice = choices.substr(begin, end - begin);
        Lower(choice) == Lower(value)) {
      value = choice;
      return Status::Ok();
    }
    begin = end + 1;
  }
  std::string list = choices;
  for (size_t at; (at = list.find('|')) != std::string::npos;) list.replace(at, 1, ", ");
  return BadProperty(info.name, value, "one of " + list);
}

Status CheckValue(const PropertyInfo& info, std::string& value) {
  switch (info.kind) {
    case Kind::kBool:
      if (Lower(value) == "true" || Lower(value) == "false") return Status::Ok();
      return BadProperty(info.name, value, "true or false");
    case Kind::kPositive: return CheckInteger(info.name, value, 1);
    case Kind::kCount: return CheckInteger(info.name, value, 0);
    case Kind::kSigned: return CheckInteger(info.name, value, -1);
    case Kind::kInterval: {
      const auto interval = ParseInterval(value);
      return interval.ok()
                 ? Status::Ok()
                 : interval.status().WithContext(std::string("table property ") + info.name);
    }
    case Kind::kChoice: return CheckChoice(info, value);
    case Kind::kText: return Status::Ok();
  }
  return Status::Ok();
}

bool HasPrefix(const std::string& key, const char* prefix) {
  return Lower(key).rfind(prefix, 0) == 0;
}

// Checks one entry; `canonical` gets the key's own spelling, a choice its own, too.
Status CheckProperty(const std::string& key, std::string& value, std::string* canonical) {
  *canonical = key;
  if (Lower(key) == Lower(kLogCompactionInterval)) {
    *canonical = kLogCompactionInterval;
    return CheckInteger(*canonical, value, 0);
  }
  if (!HasPrefix(key, "delta.")) return Status::Ok();
  if (HasPrefix(key, "delta.constraints.")) {
    *canonical = "delta.constraints." + key.substr(std::strlen("delta.constraints."));
    return canonical->size() > std::strlen("delta.constraints.")
               ? Status::Ok()
               : Status::InvalidArgument("table property " + key + " names no constraint");
  }
  if (HasPrefix(key, "delta.universalformat.")) return Status::Ok();
  if (HasPrefix(key, "delta.feature.")) {
    const std::string feature = key.substr(std::strlen("delta.feature."));
    if (FindFeature(feature) == nullptr) {
      return Status::InvalidArgument("table property " + key + ": '" + feature +
                                     "' is not a Delta table feature that Tarn knows");
    }
    if (Lower(value) == "supported" || Lower(value) == "enabled") return Status::Ok();
    return BadProperty(key, value, "supported");
  }
  const PropertyInfo* info = FindProperty(key);
  if (info == nullptr) {
    return Status::InvalidArgument("unknown table property '" + key + "'; did you mean '" +
                                   NearestProperty(key) +
                                   "'? Keys of your own must not start with 'delta.'");
  }
  *canonical = info->name;
  return CheckValue(*info, value);
}

int64_t UnitMillis(std::string unit) {
  if (!unit.empty() && unit.back() == 's') unit.pop_back();
  if (unit == "millisecond") return 1;
  if (unit == "second") return 1000;
  if (unit == "minute") return 60'000;
  if (unit == "hour") return 3'600'000;
  if (unit == "day") return 86'400'000;
  if (unit == "week") return 7 * 86'400'000LL;
  return 0;
}

std::vector<std::string> SplitWords(const std::string& text) {
  std::vector<std::string> words;
  std::string word;
  for (const char c : text + " ") {
    if (c == ' ' || c == '\t' || c == '\'') {
      if (!word.empty()) words.push_back(std::move(word));
      word.clear();
    } else {
      word.push_back(c);
    }
  }
  return words;
}

// "a, `b,c`.d" -> {"a", "b,c.d"}.
std::vector<std::string> SplitColumns(const std::string& text) {
  std::vector<std::string> out;
  std::string name;
  bool quoted = false;
  for (const char c : text + ",") {
    if (c == '`') {
      quoted = !quoted;
    } else if (c == ',' && !quoted) {
      while (!name.empty() && name.back() == ' ') name.pop_back();
      if (!name.empty()) out.push_back(std::move(name));
      name.clear();
    } else if (c != ' ' || quoted || !name.empty()) {
      name.push_back(c);
    }
  }
  return out;
}

}  // namespace

Status ValidateProperties(const StringMap& configuration) {
  return NormalizeProperties(configuration, {}).status();
}

Result<StringMap> NormalizeProperties(const StringMap& configuration, const StringMap& previous) {
  StringMap out;
  for (const auto& [key, value] : configuration) {
    const auto before = previous.find(key);
    std::string canonical = key;
    std::string text = value;
    if (before == previous.end() || before->second != value) {
      TARN_RETURN_IF_ERROR(CheckProperty(key, text, &canonical));
    }
    const auto [place, inserted] = out.emplace(canonical, text);
    if (!inserted && place->second != text) {
      return Status::InvalidArgument("table property " + canonical +
                                     " is given twice with different values");
    }
  }
  return out;
}

Result<int64_t> ParseInterval(const std::string& text) {
  const auto fail = [&](const char* why) {
    return Status::InvalidArgument("'" + text + "' is not an interval" + why +
                                   "; write for example 'interval 30 days' or '168 hours'");
  };
  std::vector<std::string> words = SplitWords(Lower(text));
  if (!words.empty() && words.front() == "interval") words.erase(words.begin());
  if (words.empty() || words.size() % 2 != 0) return fail("");
  int64_t total = 0;
  for (size_t i = 0; i < words.size(); i += 2) {
    int64_t count = 0;
    int64_t part = 0;
    if (!ParseInteger(words[i], &count)) return fail("");
    if (words[i + 1].rfind("month", 0) == 0 || words[i + 1].rfind("year", 0) == 0) {
      return fail(" (months and years have no fixed length)");
    }
    if (words[i + 1].rfind("microsecond", 0) == 0) {
      part = count / 1000;
    } else if (const int64_t unit = UnitMillis(words[i + 1]); unit == 0) {
      return fail("");
    } else if (__builtin_mul_overflow(count, unit, &part)) {
      return fail(" that fits");
    }
    if (__builtin_add_overflow(total, part, &total)) return fail(" that fits");
  }
  if (total < 0) return fail(" of positive length");
  return total;
}

Result<TableProperties> ParseProperties(const StringMap& configuration) {
  TableProperties out;
  const auto text = [&](const char* key) -> const std::string* {
    const auto found = configuration.find(key);
    return found == configuration.end() ? nullptr : &found->second;
  };
  const auto flag = [&](const char* key, bool* value) {
    if (const std::string* given = text(key)) *value = Lower(*given) == "true";
  };
  const auto number = [&](const char* key, int64_t least, auto* value) -> Status {
    const std::string* given = text(key);
    if (given == nullptr) return Status::Ok();
    TARN_RETURN_IF_ERROR(CheckInteger(key, *given, least));
    int64_t parsed = 0;
    ParseInteger(*given, &parsed);
    *value = static_cast<std::remove_pointer_t<decltype(value)>>(parsed);
    return Status::Ok();
  };
  const auto interval = [&](const char* key, int64_t* value) -> Status {
    const std::string* given = text(key);
    if (given == nullptr) return Status::Ok();
    const auto parsed = ParseInterval(*given);
    if (!parsed.ok()) return parsed.status().WithContext(std::string("table property ") + key);
    *value = *parsed;
    return Status::Ok();
  };
  flag("delta.appendOnly", &out.append_only);
  flag("delta.enableChangeDataFeed", &out.enable_change_data_feed);
  flag("delta.enableDeletionVectors", &out.enable_deletion_vectors);
  flag("delta.enableInCommitTimestamps", &out.in_commit_timestamps);
  TARN_RETURN_IF_ERROR(number("delta.checkpointInterval", 1, &out.checkpoint_interval));
  TARN_RETURN_IF_ERROR(number(kLogCompactionInterval, 0, &out.log_compaction_interval));
  TARN_RETURN_IF_ERROR(number("delta.dataSkippingNumIndexedCols", -1, &out.num_indexed_columns));
  TARN_RETURN_IF_ERROR(number("delta.columnMapping.maxColumnId", 0, &out.max_column_id));
  TARN_RETURN_IF_ERROR(interval("delta.logRetentionDuration", &out.log_retention_ms));
  TARN_RETURN_IF_ERROR(
      interval("delta.deletedFileRetentionDuration", &out.deleted_file_retention_ms));
  if (const std::string* columns = text("delta.dataSkippingStatsColumns")) {
    out.stats_columns = SplitColumns(*columns);
  }
  if (const std::string* codec = text("delta.parquet.compression.codec"))
    out.compression_codec = Lower(*codec);
  if (const std::string* level = text("delta.isolationLevel"))
    out.serializable = Lower(*level) == "serializable";
  if (const std::string* mode = text("delta.columnMapping.mode")) {
    if (*mode == "name") {
      out.column_mapping = ColumnMappingMode::kName;
    } else if (*mode == "id") {
      out.column_mapping = ColumnMappingMode::kId;
    } else if (*mode != "none") {
      return BadProperty("delta.columnMapping.mode", *mode, "one of none, name, id");
    }
  }
  for (const auto& [key, value] : configuration) {
    static constexpr std::string_view kPrefix = "delta.constraints.";
    if (key.rfind(kPrefix, 0) == 0)
      out.check_constraints.emplace_back(key.substr(kPrefix.size()), value);
  }
  return out;
}

}  // namespace tarn::delta
