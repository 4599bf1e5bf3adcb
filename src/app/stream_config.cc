#include "app/stream_config.h"

#include <yaml-cpp/yaml.h>

#include <filesystem>

#include "base/nearest.h"

namespace tarn::app {
namespace {

struct KindEntry {
  const char* name;
  std::unique_ptr<StreamConfig> (*make)();
};

// The one table of what can be in sources/.
constexpr KindEntry kKinds[] = {
    {"kafka", &MakeKafkaStream}, {"files", &MakeFilesStream}, {"push", &MakePushStream}};

Status ReadInto(const YAML::Node& node, const std::string& path, StreamConfig* config) {
  OptionSet options = config->Options();
  options.Text("stream", &config->name, "the stream's name, for ever (default: the file's name)");
  TARN_RETURN_IF_ERROR(options.Read(node, path, {"kind"}));
  const Status checked = config->Check();
  return checked.ok() ? checked : Status(checked.code(), path + ": " + checked.message());
}

}  // namespace

std::vector<std::string> StreamKinds() {
  std::vector<std::string> out;
  for (const KindEntry& kind : kKinds) out.emplace_back(kind.name);
  return out;
}

std::unique_ptr<StreamConfig> MakeStreamConfig(const std::string& kind) {
  for (const KindEntry& known : kKinds) {
    if (kind != known.name) continue;
    auto config = known.make();
    config->kind = kind;
    return config;
  }
  return nullptr;
}

Result<std::unique_ptr<StreamConfig>> ReadStreamFile(const std::string& path) {
  try {
    const YAML::Node node = YAML::LoadFile(path);
    if (!node.IsMap() || !node["kind"] || !node["kind"].IsScalar()) {
      return Status::InvalidArgument(
          path + ": says no kind; write 'kind: kafka', 'kind: files' or 'kind: push'");
    }
    const std::string kind = node["kind"].Scalar();
    auto config = MakeStreamConfig(kind);
    if (config == nullptr) {
      const auto nearest = Nearest(kind, StreamKinds());
      std::string known;
      for (const std::string& one : StreamKinds()) known += (known.empty() ? "" : ", ") + one;
      return Status::InvalidArgument(
          path + ":" + std::to_string(node["kind"].Mark().line + 1) + ": unknown kind '" + kind +
          "'; " + (nearest ? "did you mean '" + *nearest + "'?" : "known: " + known));
    }
    config->name = std::filesystem::path(path).stem().string();
    TARN_RETURN_IF_ERROR(ReadInto(node, path, config.get()));
    return config;
  } catch (const YAML::BadFile&) {
    return Status::NotFound(path + " cannot be read");
  } catch (const YAML::Exception& error) {
    return Status::InvalidArgument(path + ":" + std::to_string(error.mark.line + 1) + ": " +
                                   error.msg);
  }
}

}  // namespace tarn::app
