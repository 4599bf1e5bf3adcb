#include "delta/checksum.h"

#include <algorithm>

#include "delta/file_table.h"
#include "delta/json.h"
#include "delta/json_read.h"
#include "delta/log.h"
#include "delta/properties.h"

namespace tarn::delta {
namespace {

using json_read::Element;
using json_read::Object;

// Lists longer than this are left out: the file is written with every commit.
constexpr size_t kMaxListed = 200;

// The action without the object that names it: {"txn":{…}} -> {…}.
std::string Body(const Action& action) {
  const std::string line = SerializeAction(action);
  const size_t colon = line.find(':');
  return line.substr(colon + 1, line.size() - colon - 2);
}

template <typename T>
void AppendList(const char* name, const std::vector<T>& values, std::string* out) {
  if (values.size() > kMaxListed) return;
  out->append(",\"").append(name).append("\":[");
  for (size_t i = 0; i < values.size(); ++i) {
    if (i) out->push_back(',');
    out->append(Body(values[i]));
  }
  out->push_back(']');
}

// Parses the body of an action by giving it back its name.
template <typename T>
Status ReadBody(const char* name, const Element& value, const std::string& origin, T* out) {
  std::string line = std::string("{\"") + name + "\":" + json_read::Minify(value) + "}";
  TARN_ASSIGN_OR_RETURN(auto actions, ParseActions(std::move(line), origin));
  if (actions.size() != 1 || !std::holds_alternative<T>(actions[0])) {
    return Status::Corruption(origin + ": '" + name +
                              "' is not readable; delete this file, it is optional");
  }
  *out = std::get<T>(std::move(actions[0]));
  return Status::Ok();
}

template <typename T>
Status ReadList(const char* name, const Element& value, const std::string& origin,
                std::optional<std::vector<T>>* out) {
  simdjson::dom::array array;
  if (value.get_array().get(array)) return Status::Ok();
  out->emplace();
  for (Element item : array) {
    T one;
    TARN_RETURN_IF_ERROR(ReadBody(name, item, origin, &one));
    (*out)->push_back(std::move(one));
  }
  return Status::Ok();
}

Status ReadField(std::string_view key, const Element& value, const std::string& origin,
                 VersionChecksum* out, int* required) {
  const auto number = [&](int64_t* target) {
    ++*required;
    return json_read::Read(key, value, target);
  };
  if (key == "tableSizeBytes") return number(&out->table_size_bytes);
  if (key == "numFiles") return number(&out->num_files);
  if (key == "txnId") return json_read::Read(key, value, &out->txn_id);
  if (key == "inCommitTimestampOpt")
    return json_read::Read(key, value, &out->in_commit_timestamp_ms);
  if (key == "numDeletedRecordsOpt") return json_read::Read(key, value, &out->num_deleted_records);
  if (key == "numDeletionVectorsOpt")
    return json_read::Read(key, value, &out->num_deletion_vectors);
  if (key == "setTransactions") return ReadList("txn", value, origin, &out->transactions);
  if (key == "domainMetadata") return ReadList("domainMetadata", value, origin, &out->domains);
  if (key == "protocol") {
    ++*required;
    return ReadBody("protocol", value, origin, &out->protocol);
  }
  if (key == "metadata") {
    ++*required;
    return ReadBody("metaData", value, origin, &out->metadata);
  }
  return Status::Ok();
}

bool SameFeatures(std::optional<std::vector<std::string>> a,
                  std::optional<std::vector<std::string>> b) {
  if (!a || !b) return !a == !b;
  std::sort(a->begin(), a->end());
  std::sort(b->begin(), b->end());
  return a == b;
}

bool SameProtocol(const Protocol& a, const Protocol& b) {
  return a.min_reader_version == b.min_reader_version &&
         a.min_writer_version == b.min_writer_version &&
         SameFeatures(a.reader_features, b.reader_features) &&
         SameFeatures(a.writer_features, b.writer_features);
}

std::string InCommitField(const Snapshot& snapshot) {
  if (snapshot.Property("delta.enableInCommitTimestamps") != "true") return "";
  return ",\"inCommitTimestampOpt\":" + std::to_string(snapshot.timestamp_ms());
}

}  // namespace

std::string SerializeChecksum(const Snapshot& snapshot, const std::string& txn_id) {
  const FileTotals& totals = snapshot.files().totals();
  std::string out = "{";
  if (!txn_id.empty()) out += "\"txnId\":" + JsonQuote(txn_id) + ",";
  out += "\"tableSizeBytes\":" + std::to_string(totals.size_bytes) +
         ",\"numFiles\":" + std::to_string(totals.files) + ",\"numMetadata\":1,\"numProtocol\":1" +
         InCommitField(snapshot);
  AppendList("setTransactions", snapshot.AppTransactions(), &out);
  AppendList("domainMetadata", snapshot.Domains(), &out);
  out +=
      ",\"metadata\":" + Body(snapshot.metadata()) + ",\"protocol\":" + Body(snapshot.protocol());
  if (ProtocolSupports(snapshot.protocol(), "deletionVectors")) {
    out += ",\"numDeletedRecordsOpt\":" + std::to_string(totals.deleted_records) +
           ",\"numDeletionVectorsOpt\":" + std::to_string(totals.deletion_vectors);
  }
  return out + "}\n";
}

Result<VersionChecksum> ParseChecksum(const std::string& json, const std::string& origin) {
  simdjson::dom::parser parser;
  Element root;
  Status parsed = json_read::ParseDocument(parser, json.data(), json.size(), false, &root);
  Object object;
  if (!parsed.ok() || root.get_object().get(object)) {
    return Status::Corruption(origin + " is not a version checksum; delete it, it is optional");
  }
  VersionChecksum checksum;
  int required = 0;
  for (auto [key, value] : object) {
    if (value.is_null()) continue;
    Status read = ReadField(key, value, origin, &checksum, &required);
    if (!read.ok()) return read.WithContext(origin);
  }
  if (required < 4) {
    return Status::Corruption(origin +
                              " lacks tableSizeBytes, numFiles, metadata or protocol; delete it, "
                              "it is optional");
  }
  return checksum;
}

Status WriteChecksum(const TableEnvironment& environment, const std::string& root,
                     const Snapshot& snapshot, const std::string& txn_id) {
  const Status put = environment.store->PutExpendable(
      LogFolder(root) + ChecksumName(snapshot.version()), SerializeChecksum(snapshot, txn_id));
  return put.code() == StatusCode::kAlreadyExists ? Status::Ok() : put;
}

Result<std::optional<VersionChecksum>> ReadChecksum(const TableEnvironment& environment,
                                                    const std::string& root, Version version) {
  const std::string key = LogFolder(root) + ChecksumName(version);
  auto bytes = environment.store->Get(key);
  if (!bytes.ok() && bytes.status().code() == StatusCode::kNotFound) {
    return std::optional<VersionChecksum>();
  }
  if (!bytes.ok()) return bytes.status();
  // A power cut may leave the name without the bytes: it was never waited for.
  if (bytes->empty()) return std::optional<VersionChecksum>();
  TARN_ASSIGN_OR_RETURN(VersionChecksum checksum, ParseChecksum(*bytes, key));
  return std::optional<VersionChecksum>(std::move(checksum));
}

Status ValidateChecksum(const VersionChecksum& checksum, const Snapshot& snapshot) {
  const FileTotals& totals = snapshot.files().totals();
  const auto differ = [&](const std::string& what, const std::string& recorded,
                          const std::string& found) {
    return Status::Corruption("version " + snapshot.version().ToString() +
                              ": its checksum file records " + what + " " + recorded +
                              ", the log gives " + found +
                              "; the log was changed after the commit, restore it from a copy");
  };
  const auto compare = [&](const char* what, const std::optional<int64_t>& recorded,
                           int64_t found) {
    if (!recorded || *recorded == found) return Status::Ok();
    return differ(what, std::to_string(*recorded), std::to_string(found));
  };
  TARN_RETURN_IF_ERROR(compare("numFiles", checksum.num_files, totals.files));
  TARN_RETURN_IF_ERROR(compare("tableSizeBytes", checksum.table_size_bytes, totals.size_bytes));
  TARN_RETURN_IF_ERROR(
      compare("numDeletedRecords", checksum.num_deleted_records, totals.deleted_records));
  TARN_RETURN_IF_ERROR(
      compare("numDeletionVectors", checksum.num_deletion_vectors, totals.deletion_vectors));
  if (!SameProtocol(checksum.protocol, snapshot.protocol())) {
    return differ("protocol", Body(checksum.protocol), Body(snapshot.protocol()));
  }
  if (checksum.metadata != snapshot.metadata()) {
    return differ("metadata", Body(checksum.metadata), Body(snapshot.metadata()));
  }
  if (checksum.transactions) {
    for (const SetTransaction& txn : *checksum.transactions) {
      const auto found = snapshot.AppTransaction(txn.app_id);
      if (!found || found->version != txn.version) {
        return differ("application transaction '" + txn.app_id + "'", std::to_string(txn.version),
                      found ? std::to_string(found->version) : "none");
      }
    }
  }
  return Status::Ok();
}

}  // namespace tarn::delta
