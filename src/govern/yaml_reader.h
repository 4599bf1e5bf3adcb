// Strict reading of one YAML document: wrong keys, kinds and values are errors with file, line and
// column and the nearest known key. Govern-internal.
//
// Threads: one user at a time. Errors: the first fault found is kept; later calls change nothing,
// so that a caller reads everything and asks `status()` once.
#pragma once

#include <yaml-cpp/yaml.h>

#include <optional>
#include <string>
#include <vector>

#include "base/status.h"

namespace tarn::govern {

class YamlReader {
 public:
  explicit YamlReader(std::string file) : file_(std::move(file)) {}

  const Status& status() const { return status_; }
  void Fail(const YAML::Node& at, const std::string& reason);

  // A map with no keys but `known`; false (and a fault) otherwise. Absent nodes are false without a
  // fault.
  bool Map(const YAML::Node& node, const std::string& what, const std::vector<std::string>& known);
  bool Sequence(const YAML::Node& node, const std::string& what);

  // Scalars of a map: absent leaves `out` alone.
  void Text(const YAML::Node& map, const char* key, std::string* out);
  void Text(const YAML::Node& map, const char* key, std::optional<std::string>* out);
  void Bool(const YAML::Node& map, const char* key, bool* out);
  void Integer(const YAML::Node& map, const char* key, int64_t least, std::optional<int64_t>* out);
  void Percent(const YAML::Node& map, const char* key, std::optional<double>* out);
  // A list of scalars, or one scalar.
  void Texts(const YAML::Node& map, const char* key, std::vector<std::string>* out);

 private:
  // The scalar of `key`, or nullopt when absent; a fault when it is no scalar.
  std::optional<YAML::Node> Scalar(const YAML::Node& map, const char* key);

  std::string file_;
  Status status_;
};

}  // namespace tarn::govern
