#include "delta/json.h"

#include <nlohmann/json.hpp>

#include "delta/json_read.h"

namespace tarn::delta {

using json_read::Element;

std::string DeletionVectorDescriptor::UniqueId() const {
  std::string id;
  id.reserve(path_or_inline.size() + 14);
  id.push_back(storage_type);
  id.append(path_or_inline);
  if (offset) id.append("@").append(std::to_string(*offset));
  return id;
}

namespace {

class Collector final : public CheckpointSink {
 public:
  explicit Collector(std::vector<Action>* out) : out_(out) {}
  Status OnAdd(const AddView& add) override {
    out_->push_back(ToAddFile(add));
    return Status::Ok();
  }
  Status OnAction(Action action) override {
    out_->push_back(std::move(action));
    return Status::Ok();
  }

 private:
  std::vector<Action>* out_;
};

// Writes the members of one JSON object: Key("a") then a value.
class ObjectWriter {
 public:
  explicit ObjectWriter(std::string* out) : out_(*out) { out_.push_back('{'); }
  void Close() { out_.push_back('}'); }

  std::string& Key(std::string_view key) {
    if (!first_) out_.push_back(',');
    first_ = false;
    AppendJsonString(key, &out_);
    out_.push_back(':');
    return out_;
  }
  void Text(std::string_view key, std::string_view value) { AppendJsonString(value, &Key(key)); }
  void OptionalText(std::string_view key, const std::optional<std::string>& value) {
    if (value) Text(key, *value);
  }
  void NonEmptyText(std::string_view key, std::string_view value) {
    if (!value.empty()) Text(key, value);
  }
  void Number(std::string_view key, int64_t value) { Key(key).append(std::to_string(value)); }
  void OptionalNumber(std::string_view key, const std::optional<int64_t>& value) {
    if (value) Number(key, *value);
  }
  void Bool(std::string_view key, bool value) { Key(key).append(value ? "true" : "false"); }
  void Raw(std::string_view key, std::string_view json) { Key(key).append(json); }
  void Texts(std::string_view key, const std::vector<std::string>& values) {
    std::string& out = Key(key);
    out.push_back('[');
    for (size_t i = 0; i < values.size(); ++i) {
      if (i) out.push_back(',');
      AppendJsonString(values[i], &out);
    }
    out.push_back(']');
  }
  void Map(std::string_view key, const StringMap& map) { Raw(key, StringMapToJson(map)); }
  void Partition(const PartitionValues& values) {
    ObjectWriter inner(&Key("partitionValues"));
    for (const auto& [column, value] : values) {
      if (value) {
        inner.Text(column, *value);
      } else {
        inner.Raw(column, "null");
      }
    }
    inner.Close();
  }
  void Vector(const std::optional<DeletionVectorDescriptor>& vector) {
    if (!vector) return;
    ObjectWriter inner(&Key("deletionVector"));
    inner.Text("storageType", std::string_view(&vector->storage_type, 1));
    inner.Text("pathOrInlineDv", vector->path_or_inline);
    if (vector->offset) inner.Number("offset", *vector->offset);
    inner.Number("sizeInBytes", vector->size_bytes);
    inner.Number("cardinality", vector->cardinality);
    inner.Close();
  }

 private:
  std::string& out_;
  bool first_ = true;
};

void Write(const Protocol& protocol, std::string* out) {
  ObjectWriter object(out);
  object.Number("minReaderVersion", protocol.min_reader_version);
  object.Number("minWriterVersion", protocol.min_writer_version);
  if (protocol.reader_features) object.Texts("readerFeatures", *protocol.reader_features);
  if (protocol.writer_features) object.Texts("writerFeatures", *protocol.writer_features);
  object.Close();
}

void Write(const Metadata& metadata, std::string* out) {
  ObjectWriter object(out);
  object.Text("id", metadata.id);
  object.OptionalText("name", metadata.name);
  object.OptionalText("description", metadata.description);
  ObjectWriter format(&object.Key("format"));
  format.Text("provider", metadata.format_provider);
  format.Map("options", metadata.format_options);
  format.Close();
  object.Text("schemaString", metadata.schema_string);
  object.Texts("partitionColumns", metadata.partition_columns);
  object.Map("configuration", metadata.configuration);
  object.OptionalNumber("createdTime", metadata.created_time_ms);
  object.Close();
}

void Write(const AddFile& add, std::string* out) {
  ObjectWriter object(out);
  object.Text("path", add.path);
  object.Partition(add.partition_values);
  object.Number("size", add.size_bytes);
  object.Number("modificationTime", add.modification_time_ms);
  object.Bool("dataChange", add.data_change);
  object.NonEmptyText("stats", add.stats);
  if (!add.tags.empty()) object.Map("tags", add.tags);
  object.Vector(add.deletion_vector);
  object.OptionalNumber("baseRowId", add.base_row_id);
  object.OptionalNumber("defaultRowCommitVersion", add.default_row_commit_version);
  object.OptionalText("clusteringProvider", add.clustering_provider);
  object.Close();
}

void Write(const RemoveFile& remove, std::string* out) {
  ObjectWriter object(out);
  object.Text("path", remove.path);
  object.OptionalNumber("deletionTimestamp", remove.deletion_timestamp_ms);
  object.Bool("dataChange", remove.data_change);
  object.Bool("extendedFileMetadata", remove.extended_file_metadata);
  if (remove.extended_file_metadata) object.Partition(remove.partition_values);
  object.OptionalNumber("size", remove.size_bytes);
  object.NonEmptyText("stats", remove.stats);
  if (!remove.tags.empty()) object.Map("tags", remove.tags);
  object.Vector(remove.deletion_vector);
  object.OptionalNumber("baseRowId", remove.base_row_id);
  object.OptionalNumber("defaultRowCommitVersion", remove.default_row_commit_version);
  object.Close();
}

void Write(const AddCdcFile& cdc, std::string* out) {
  ObjectWriter object(out);
  object.Text("path", cdc.path);
  object.Partition(cdc.partition_values);
  object.Number("size", cdc.size_bytes);
  object.Bool("dataChange", false);
  if (!cdc.tags.empty()) object.Map("tags", cdc.tags);
  object.Close();
}

void Write(const SetTransaction& txn, std::string* out) {
  ObjectWriter object(out);
  object.Text("appId", txn.app_id);
  object.Number("version", txn.version);
  object.OptionalNumber("lastUpdated", txn.last_updated_ms);
  object.Close();
}

void Write(const DomainMetadata& domain, std::string* out) {
  ObjectWriter object(out);
  object.Text("domain", domain.domain);
  object.Text("configuration", domain.configuration);
  object.Bool("removed", domain.removed);
  object.Close();
}

void Write(const CommitInfo& info, std::string* out) {
  if (!info.raw_json.empty()) {
    out->append(info.raw_json);
    return;
  }
  ObjectWriter object(out);
  object.OptionalNumber("inCommitTimestamp", info.in_commit_timestamp_ms);
  object.OptionalNumber("timestamp", info.timestamp_ms);
  object.NonEmptyText("operation", info.operation);
  ObjectWriter parameters(&object.Key("operationParameters"));
  for (const auto& [key, value] : info.operation_parameters) {
    if (nlohmann::json::accept(value)) {
      parameters.Raw(key, value);
    } else {
      parameters.Text(key, value);
    }
  }
  parameters.Close();
  object.OptionalNumber("readVersion", info.read_version);
  object.NonEmptyText("isolationLevel", info.isolation_level);
  if (info.is_blind_append) object.Bool("isBlindAppend", *info.is_blind_append);
  if (!info.operation_metrics.empty()) object.Map("operationMetrics", info.operation_metrics);
  object.OptionalText("userMetadata", info.user_metadata);
  if (!info.tags.empty()) object.Map("tags", info.tags);
  object.NonEmptyText("engineInfo", info.engine_info);
  object.NonEmptyText("txnId", info.txn_id);
  object.Close();
}

void Write(const Sidecar& sidecar, std::string* out) {
  ObjectWriter object(out);
  object.Text("path", sidecar.path);
  object.Number("sizeInBytes", sidecar.size_bytes);
  object.Number("modificationTime", sidecar.modification_time_ms);
  object.Map("tags", sidecar.tags);
  object.Close();
}

void Write(const CheckpointMetadata& metadata, std::string* out) {
  ObjectWriter object(out);
  object.Number("version", metadata.version);
  object.Map("tags", metadata.tags);
  object.Close();
}

constexpr std::string_view NameOf(const Protocol&) { return "protocol"; }
constexpr std::string_view NameOf(const Metadata&) { return "metaData"; }
constexpr std::string_view NameOf(const AddFile&) { return "add"; }
constexpr std::string_view NameOf(const RemoveFile&) { return "remove"; }
constexpr std::string_view NameOf(const AddCdcFile&) { return "cdc"; }
constexpr std::string_view NameOf(const SetTransaction&) { return "txn"; }
constexpr std::string_view NameOf(const DomainMetadata&) { return "domainMetadata"; }
constexpr std::string_view NameOf(const CommitInfo&) { return "commitInfo"; }
constexpr std::string_view NameOf(const Sidecar&) { return "sidecar"; }
constexpr std::string_view NameOf(const CheckpointMetadata&) { return "checkpointMetadata"; }

// Length of the valid UTF-8 sequence at text[i], 0 when there is none (RFC 3629: no overlong forms,
// no surrogates, nothing above U+10FFFF).
size_t Utf8Length(std::string_view text, size_t i) {
  auto byte = [&](size_t k) { return k < text.size() ? static_cast<uint8_t>(text[k]) : 0; };
  auto tail = [&](size_t k) { return (byte(k) & 0xC0) == 0x80; };
  const uint8_t a = byte(i);
  if (a < 0x80) return 1;
  if (a >= 0xC2 && a <= 0xDF) return tail(i + 1) ? 2 : 0;
  const uint8_t b = byte(i + 1);
  if (a >= 0xE0 && a <= 0xEF) {
    if (a == 0xE0 && b < 0xA0) return 0;
    if (a == 0xED && b > 0x9F) return 0;
    return tail(i + 1) && tail(i + 2) ? 3 : 0;
  }
  if (a >= 0xF0 && a <= 0xF4) {
    if (a == 0xF0 && b < 0x90) return 0;
    if (a == 0xF4 && b > 0x8F) return 0;
    return tail(i + 1) && tail(i + 2) && tail(i + 3) ? 4 : 0;
  }
  return 0;
}

void AppendEscape(char c, std::string* out) {
  switch (c) {
    case '"': out->append("\\\""); return;
    case '\\': out->append("\\\\"); return;
    case '\n': out->append("\\n"); return;
    case '\r': out->append("\\r"); return;
    case '\t': out->append("\\t"); return;
    case '\b': out->append("\\b"); return;
    case '\f': out->append("\\f"); return;
    default: {
      char text[8];
      std::snprintf(text, sizeof text, "\\u%04x", static_cast<unsigned char>(c));
      out->append(text);
    }
  }
}

}  // namespace

Result<std::vector<Action>> ParseActions(std::string bytes, const std::string& origin) {
  std::vector<Action> actions;
  Collector collector(&actions);
  TARN_RETURN_IF_ERROR(ReadActions(std::move(bytes), origin, &collector));
  return actions;
}

AddFile ToAddFile(const AddView& view) {
  AddFile add;
  add.path = view.path;
  if (view.partition_keys) {
    for (size_t i = 0; i < view.partition_keys->size(); ++i) {
      std::optional<std::string> value;
      if (!(*view.partition_nulls)[i]) value.emplace((*view.partition_values)[i]);
      add.partition_values.emplace((*view.partition_keys)[i], std::move(value));
    }
  }
  add.size_bytes = view.size_bytes;
  add.modification_time_ms = view.modification_time_ms;
  add.data_change = view.data_change;
  add.stats = view.stats;
  if (!view.tags_json.empty()) add.tags = StringMapFromJson(view.tags_json).value_or({});
  if (view.deletion_vector) add.deletion_vector = *view.deletion_vector;
  add.base_row_id = view.base_row_id;
  add.default_row_commit_version = view.default_row_commit_version;
  if (!view.clustering_provider.empty()) add.clustering_provider.emplace(view.clustering_provider);
  return add;
}

void AppendAction(const Action& action, std::string* out) {
  std::visit(
      [&](const auto& value) {
        out->append("{\"").append(NameOf(value)).append("\":");
        Write(value, out);
        out->append("}\n");
      },
      action);
}

std::string SerializeAction(const Action& action) {
  std::string line;
  AppendAction(action, &line);
  line.pop_back();
  return line;
}

std::string SerializeActions(const std::vector<Action>& actions) {
  std::string out;
  for (const Action& action : actions) AppendAction(action, &out);
  return out;
}

void AppendJsonString(std::string_view text, std::string* out) {
  out->push_back('"');
  size_t copied = 0;
  for (size_t i = 0; i < text.size();) {
    const auto c = static_cast<uint8_t>(text[i]);
    if (c >= 0x20 && c < 0x80 && c != '"' && c != '\\') {
      ++i;
      continue;
    }
    const size_t length = c < 0x80 ? 0 : Utf8Length(text, i);
    if (length) {
      i += length;
      continue;
    }
    out->append(text.substr(copied, i - copied));
    if (c < 0x80) {
      AppendEscape(static_cast<char>(c), out);
    } else {
      out->append("\xEF\xBF\xBD");
    }
    copied = ++i;
  }
  out->append(text.substr(copied));
  out->push_back('"');
}

std::string JsonQuote(std::string_view text) {
  std::string out;
  out.reserve(text.size() + 2);
  AppendJsonString(text, &out);
  return out;
}

std::string StringMapToJson(const StringMap& map) {
  std::string out;
  ObjectWriter object(&out);
  for (const auto& [key, value] : map) object.Text(key, value);
  object.Close();
  return out;
}

}  // namespace tarn::delta
