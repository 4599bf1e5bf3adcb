// Reading a log entry: json.h, ReadActions.
#include "delta/json.h"
#include "delta/json_read.h"

namespace tarn::delta {

namespace {

using json_read::Element;
using json_read::Object;
using json_read::Read;

Status ReadVector(const Element& value, DeletionVectorDescriptor* out) {
  Object object;
  if (value.get_object().get(object)) {
    return Status::Corruption("field 'deletionVector' is not an object");
  }
  bool has_type = false, has_path = false;
  for (auto [key, item] : object) {
    if (item.is_null()) continue;
    if (key == "storageType") {
      std::string_view type;
      TARN_RETURN_IF_ERROR(Read(key, item, &type));
      if (type != "u" && type != "p" && type != "i") {
        return Status::Corruption("deletionVector.storageType '" + std::string(type) +
                                  "' is none of u, p, i");
      }
      out->storage_type = type[0];
      has_type = true;
    } else if (key == "pathOrInlineDv") {
      TARN_RETURN_IF_ERROR(Read(key, item, &out->path_or_inline));
      has_path = true;
    } else if (key == "offset") {
      TARN_RETURN_IF_ERROR(Read(key, item, &out->offset));
    } else if (key == "sizeInBytes") {
      TARN_RETURN_IF_ERROR(Read(key, item, &out->size_bytes));
    } else if (key == "cardinality") {
      TARN_RETURN_IF_ERROR(Read(key, item, &out->cardinality));
    }
  }
  if (!has_type || !has_path) {
    return Status::Corruption("deletionVector lacks storageType or pathOrInlineDv");
  }
  return Status::Ok();
}

Status ReadPartition(const Element& value, PartitionValues* out) {
  Object object;
  if (value.get_object().get(object)) {
    return Status::Corruption("field 'partitionValues' is not an object");
  }
  for (auto [key, item] : object) {
    std::optional<std::string> text;
    std::string_view view;
    if (!item.is_null())
      text = item.get_string().get(view) ? json_read::Minify(item) : std::string(view);
    out->insert_or_assign(std::string(key), std::move(text));
  }
  return Status::Ok();
}

// Statistics are a string that holds JSON; an object in its place is taken as its text.
Status ReadStats(const Element& value, std::string_view* view, std::string* owned) {
  if (value.is_object()) {
    *owned = json_read::Minify(value);
    *view = *owned;
    return Status::Ok();
  }
  return Read("stats", value, view);
}

class LineReader {
 public:
  explicit LineReader(CheckpointSink* sink) : sink_(sink) {}

  Status Line(const char* text, size_t length) {
    Element root;
    parsed_ = false;
    TARN_RETURN_IF_ERROR(json_read::ParseDocument(parser_, text, length, true, &root));
    parsed_ = true;
    Object object;
    if (root.get_object().get(object)) return Status::Corruption("the line is not a JSON object");
    for (auto [key, value] : object) {
      if (value.is_null()) continue;
      TARN_RETURN_IF_ERROR(Dispatch(key, value));
    }
    return Status::Ok();
  }
  // True when the last failure came from the sink and needs no place added.
  bool sink_failed() const { return sink_failed_; }
  // The last line was JSON, whatever came after.
  bool parsed() const { return parsed_; }

 private:
  Status Deliver(Action action) {
    Status status = sink_->OnAction(std::move(action));
    sink_failed_ = !status.ok();
    return status;
  }

  Status Dispatch(std::string_view key, const Element& value) {
    using Handler = Status (LineReader::*)(const Object&);
    static constexpr std::pair<std::string_view, Handler> kHandlers[] = {
        {"add", &LineReader::Add},
        {"remove", &LineReader::Remove},
        {"commitInfo", &LineReader::Info},
        {"metaData", &LineReader::Meta},
        {"protocol", &LineReader::ProtocolLine},
        {"txn", &LineReader::Txn},
        {"domainMetadata", &LineReader::Domain},
        {"cdc", &LineReader::Cdc},
        {"sidecar", &LineReader::SidecarLine},
        {"checkpointMetadata", &LineReader::Checkpoint}};
    for (const auto& [name, handler] : kHandlers) {
      if (key != name) continue;
      Object object;
      if (value.get_object().get(object)) {
        return Status::Corruption("action '" + std::string(key) + "' is not an object");
      }
      Status status = (this->*handler)(object);
      return sink_failed_ ? status : status.WithContext("action '" + std::string(key) + "'");
    }
    return Status::Ok();  // unknown actions are never required (PROTOCOL.md, "Protocol Evolution")
  }

  static Status Require(bool present, const char* field) {
    return present ? Status::Ok()
                   : Status::Corruption(std::string("field '") + field + "' is missing");
  }

  Status Add(const Object& object) {
    AddView view;
    view.data_change = true;
    keys_.clear();
    values_.clear();
    nulls_.clear();
    owned_.clear();
    vector_ = {};
    bool has_path = false, has_size = false;
    for (auto [key, value] : object) {
      if (value.is_null()) continue;
      TARN_RETURN_IF_ERROR(AddField(key, value, &view));
      has_path |= key == "path";
      has_size |= key == "size";
    }
    TARN_RETURN_IF_ERROR(Require(has_path && !view.path.empty(), "path"));
    TARN_RETURN_IF_ERROR(Require(has_size, "size"));
    view.partition_keys = &keys_;
    view.partition_values = &values_;
    view.partition_nulls = &nulls_;
    Status status = sink_->OnAdd(view);
    sink_failed_ = !status.ok();
    return status;
  }

  Status AddField(std::string_view key, const Element& value, AddView* view) {
    if (key == "path") return Read(key, value, &view->path);
    if (key == "partitionValues") return AddPartition(value);
    if (key == "size") return Read(key, value, &view->size_bytes);
    if (key == "modificationTime") return Read(key, value, &view->modification_time_ms);
    if (key == "dataChange") return Read(key, value, &view->data_change);
    if (key == "stats") return ReadStats(value, &view->stats, &stats_);
    if (key == "tags") {
      tags_ = json_read::Minify(value);
      view->tags_json = tags_;
      return Status::Ok();
    }
    if (key == "deletionVector") {
      view->deletion_vector = &vector_;
      return ReadVector(value, &vector_);
    }
    if (key == "baseRowId") return Read(key, value, &view->base_row_id);
    if (key == "defaultRowCommitVersion")
      return Read(key, value, &view->default_row_commit_version);
    if (key == "clusteringProvider") return Read(key, value, &view->clustering_provider);
    return Status::Ok();
  }

  Status AddPartition(const Element& value) {
    Object object;
    if (value.get_object().get(object)) {
      return Status::Corruption("field 'partitionValues' is not an object");
    }
    owned_.reserve(object.size());  // views below must not move
    for (auto [key, item] : object) {
      std::string_view text;
      if (!item.is_null() && item.get_string().get(text)) {
        text = owned_.emplace_back(json_read::Minify(item));
      }
      keys_.push_back(key);
      values_.push_back(text);
      nulls_.push_back(item.is_null());
    }
    return Status::Ok();
  }

  Status Remove(const Object& object) {
    RemoveFile remove;
    bool extended = false;
    for (auto [key, value] : object) {
      if (value.is_null()) continue;
      TARN_RETURN_IF_ERROR(RemoveField(key, value, &remove, &extended));
    }
    TARN_RETURN_IF_ERROR(Require(!remove.path.empty(), "path"));
    remove.extended_file_metadata = extended;
    return Deliver(std::move(remove));
  }

  Status RemoveField(std::string_view key, const Element& value, RemoveFile* out, bool* extended) {
    if (key == "path") return Read(key, value, &out->path);
    if (key == "deletionTimestamp") return Read(key, value, &out->deletion_timestamp_ms);
    if (key == "dataChange") return Read(key, value, &out->data_change);
    if (key == "extendedFileMetadata") return Read(key, value, extended);
    if (key == "partitionValues") return ReadPartition(value, &out->partition_values);
    if (key == "size") return Read(key, value, &out->size_bytes);
    if (key == "stats") {
      std::string_view view;
      TARN_RETURN_IF_ERROR(ReadStats(value, &view, &stats_));
      out->stats = view;
      return Status::Ok();
    }
    if (key == "tags") return Read(key, value, &out->tags);
    if (key == "deletionVector") return ReadVector(value, &out->deletion_vector.emplace());
    if (key == "baseRowId") return Read(key, value, &out->base_row_id);
    if (key == "defaultRowCommitVersion") return Read(key, value, &out->default_row_commit_version);
    return Status::Ok();
  }

  Status Cdc(const Object& object) {
    AddCdcFile cdc;
    for (auto [key, value] : object) {
      if (value.is_null()) continue;
      if (key == "path") TARN_RETURN_IF_ERROR(Read(key, value, &cdc.path));
      if (key == "partitionValues")
        TARN_RETURN_IF_ERROR(ReadPartition(value, &cdc.partition_values));
      if (key == "size") TARN_RETURN_IF_ERROR(Read(key, value, &cdc.size_bytes));
      if (key == "tags") TARN_RETURN_IF_ERROR(Read(key, value, &cdc.tags));
    }
    TARN_RETURN_IF_ERROR(Require(!cdc.path.empty(), "path"));
    return Deliver(std::move(cdc));
  }

  Status Txn(const Object& object) {
    SetTransaction txn;
    for (auto [key, value] : object) {
      if (value.is_null()) continue;
      if (key == "appId") TARN_RETURN_IF_ERROR(Read(key, value, &txn.app_id));
      if (key == "version") TARN_RETURN_IF_ERROR(Read(key, value, &txn.version));
      if (key == "lastUpdated") TARN_RETURN_IF_ERROR(Read(key, value, &txn.last_updated_ms));
    }
    return Deliver(std::move(txn));
  }

  Status Domain(const Object& object) {
    DomainMetadata domain;
    for (auto [key, value] : object) {
      if (value.is_null()) continue;
      if (key == "domain") TARN_RETURN_IF_ERROR(Read(key, value, &domain.domain));
      if (key == "configuration") TARN_RETURN_IF_ERROR(Read(key, value, &domain.configuration));
      if (key == "removed") TARN_RETURN_IF_ERROR(Read(key, value, &domain.removed));
    }
    TARN_RETURN_IF_ERROR(Require(!domain.domain.empty(), "domain"));
    return Deliver(std::move(domain));
  }

  Status ProtocolLine(const Object& object) {
    Protocol protocol;
    bool has_reader = false, has_writer = false;
    for (auto [key, value] : object) {
      if (value.is_null()) continue;
      int32_t number = 0;
      if (key == "minReaderVersion") {
        TARN_RETURN_IF_ERROR(Read(key, value, &number));
        protocol.min_reader_version = number;
        has_reader = true;
      } else if (key == "minWriterVersion") {
        TARN_RETURN_IF_ERROR(Read(key, value, &number));
        protocol.min_writer_version = number;
        has_writer = true;
      } else if (key == "readerFeatures") {
        TARN_RETURN_IF_ERROR(Read(key, value, &protocol.reader_features));
      } else if (key == "writerFeatures") {
        TARN_RETURN_IF_ERROR(Read(key, value, &protocol.writer_features));
      }
    }
    TARN_RETURN_IF_ERROR(Require(has_reader, "minReaderVersion"));
    TARN_RETURN_IF_ERROR(Require(has_writer, "minWriterVersion"));
    return Deliver(std::move(protocol));
  }

  Status Meta(const Object& object) {
    Metadata metadata;
    for (auto [key, value] : object) {
      if (value.is_null()) continue;
      if (key == "id") TARN_RETURN_IF_ERROR(Read(key, value, &metadata.id));
      if (key == "name") TARN_RETURN_IF_ERROR(Read(key, value, &metadata.name));
      if (key == "description") TARN_RETURN_IF_ERROR(Read(key, value, &metadata.description));
      if (key == "format") TARN_RETURN_IF_ERROR(Format(value, &metadata));
      if (key == "partitionColumns") {
        TARN_RETURN_IF_ERROR(Read(key, value, &metadata.partition_columns));
      }
      if (key == "configuration") TARN_RETURN_IF_ERROR(Read(key, value, &metadata.configuration));
      if (key == "createdTime") TARN_RETURN_IF_ERROR(Read(key, value, &metadata.created_time_ms));
      if (key == "schemaString") {
        TARN_RETURN_IF_ERROR(Read(key, value, &metadata.schema_string));
      }
    }
    // Delta Live Tables start with a metaData without a schema: a table without columns.
    if (metadata.schema_string.empty()) metadata.schema_string = R"({"type":"struct","fields":[]})";
    return Deliver(std::move(metadata));
  }

  static Status Format(const Element& value, Metadata* out) {
    Object object;
    if (value.get_object().get(object))
      return Status::Corruption("field 'format' is not an object");
    for (auto [key, item] : object) {
      if (item.is_null()) continue;
      if (key == "provider") TARN_RETURN_IF_ERROR(Read(key, item, &out->format_provider));
      if (key == "options" && item.is_object()) {
        TARN_RETURN_IF_ERROR(Read(key, item, &out->format_options));
      }
    }
    return Status::Ok();
  }

  // commitInfo is free JSON: a field of an unexpected type is left out, never an error.
  Status Info(const Object& object) {
    CommitInfo info;
    info.raw_json = simdjson::minify(object);
    auto loose = [](Status) {};
    for (auto [key, value] : object) {
      if (value.is_null()) continue;
      if (key == "timestamp") loose(ReadLoose(key, value, &info.timestamp_ms));
      if (key == "inCommitTimestamp") loose(ReadLoose(key, value, &info.in_commit_timestamp_ms));
      if (key == "operation") loose(Read(key, value, &info.operation));
      if (key == "operationParameters" && value.is_object()) Parameters(value, &info);
      if (key == "operationMetrics") loose(Read(key, value, &info.operation_metrics));
      if (key == "readVersion") loose(ReadLoose(key, value, &info.read_version));
      if (key == "isolationLevel") loose(Read(key, value, &info.isolation_level));
      if (key == "isBlindAppend") loose(ReadLoose(key, value, &info.is_blind_append));
      if (key == "engineInfo") loose(Read(key, value, &info.engine_info));
      if (key == "txnId") loose(Read(key, value, &info.txn_id));
      if (key == "userMetadata") loose(ReadLoose(key, value, &info.user_metadata));
    }
    return Deliver(std::move(info));
  }

  template <typename T>
  static Status ReadLoose(std::string_view key, const Element& value, std::optional<T>* out) {
    T read{};
    Status status = Read(key, value, &read);
    if (status.ok()) *out = std::move(read);
    return status;
  }

  static void Parameters(const Element& value, CommitInfo* out) {
    for (auto [key, item] : Object(value)) {
      out->operation_parameters.insert_or_assign(std::string(key), json_read::Minify(item));
    }
  }

  Status SidecarLine(const Object& object) {
    Sidecar sidecar;
    for (auto [key, value] : object) {
      if (value.is_null()) continue;
      if (key == "path") TARN_RETURN_IF_ERROR(Read(key, value, &sidecar.path));
      if (key == "sizeInBytes") TARN_RETURN_IF_ERROR(Read(key, value, &sidecar.size_bytes));
      if (key == "modificationTime") {
        TARN_RETURN_IF_ERROR(Read(key, value, &sidecar.modification_time_ms));
      }
      if (key == "tags") TARN_RETURN_IF_ERROR(Read(key, value, &sidecar.tags));
    }
    TARN_RETURN_IF_ERROR(Require(!sidecar.path.empty(), "path"));
    return Deliver(std::move(sidecar));
  }

  Status Checkpoint(const Object& object) {
    CheckpointMetadata metadata;
    for (auto [key, value] : object) {
      if (value.is_null()) continue;
      if (key == "version") TARN_RETURN_IF_ERROR(Read(key, value, &metadata.version));
      if (key == "tags") TARN_RETURN_IF_ERROR(Read(key, value, &metadata.tags));
    }
    return Deliver(std::move(metadata));
  }

  CheckpointSink* sink_;
  bool sink_failed_ = false;
  bool parsed_ = false;
  simdjson::dom::parser parser_;
  std::vector<std::string_view> keys_, values_;
  std::vector<bool> nulls_;
  std::vector<std::string> owned_;
  std::string stats_, tags_;
  DeletionVectorDescriptor vector_;
};

}  // namespace

namespace {

// Length of the JSON object that starts at `text[0]`, by braces outside strings; npos when it does
// not end.
size_t ObjectLength(std::string_view text) {
  int depth = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '"') {
      for (++i; i < text.size() && text[i] != '"'; ++i) {
        if (text[i] == '\\') ++i;
      }
    } else if (text[i] == '{') {
      ++depth;
    } else if (text[i] == '}' && --depth == 0) {
      return i + 1;
    }
  }
  return std::string_view::npos;
}

// Entries that a person reformatted: whole objects, not one a line. Nothing is read unless all are
// whole.
std::vector<std::string_view> SplitObjects(std::string_view text) {
  std::vector<std::string_view> objects;
  for (;;) {
    const size_t begin = text.find_first_not_of(" \t\r\n");
    if (begin == std::string_view::npos) return objects;
    text.remove_prefix(begin);
    const size_t length = text[0] == '{' ? ObjectLength(text) : std::string_view::npos;
    if (length == std::string_view::npos) return {};
    objects.push_back(text.substr(0, length));
    text.remove_prefix(length);
  }
}

}  // namespace

Status ReadActions(std::string bytes, const std::string& origin, CheckpointSink* sink) {
  const size_t size = bytes.size();
  // simdjson reads a little past a line: into the next one, or into the copy of a line near the
  // end.
  std::string tail;
  LineReader reader(sink);
  const auto damaged = [&](size_t number, const Status& status) {
    return Status::Corruption(origin + " line " + std::to_string(number) + ": " + status.message() +
                              "; restore this file from a copy of the table");
  };
  size_t number = 0;
  for (size_t begin = 0; begin < size;) {
    ++number;
    size_t end = bytes.find('\n', begin);
    if (end == std::string::npos || end > size) end = size;
    size_t length = end - begin;
    while (length && (bytes[begin + length - 1] == '\r' || bytes[begin + length - 1] == ' '))
      --length;
    const char* line = bytes.data() + begin;
    if (begin + length + simdjson::SIMDJSON_PADDING > size) {
      tail.assign(line, length).append(simdjson::SIMDJSON_PADDING, ' ');
      line = tail.data();
    }
    const Status status = length ? reader.Line(line, length) : Status::Ok();
    if (!status.ok() && reader.sink_failed()) return status;
    if (!status.ok()) {
      if (reader.parsed()) return damaged(number, status);
      const auto objects = SplitObjects(std::string_view(bytes).substr(begin, size - begin));
      if (objects.empty()) return damaged(number, status);
      for (std::string_view object : objects) {
        tail.assign(object).append(simdjson::SIMDJSON_PADDING, ' ');
        const Status again = reader.Line(tail.data(), object.size());
        if (!again.ok()) return reader.sink_failed() ? again : damaged(number, again);
      }
      return Status::Ok();
    }
    begin = end + 1;
  }
  return Status::Ok();
}

Result<StringMap> StringMapFromJson(std::string_view json) {
  simdjson::dom::parser parser;
  Element root;
  TARN_RETURN_IF_ERROR(json_read::ParseDocument(parser, json.data(), json.size(), false, &root));
  StringMap map;
  TARN_RETURN_IF_ERROR(Read("tags", root, &map));
  return map;
}

}  // namespace tarn::delta
