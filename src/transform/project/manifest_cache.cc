#include "transform/project/manifest_cache.h"

#include <elf.h>
#include <link.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "base/hash.h"
#include "transform/project/node_codec.h"

namespace tarn::transform {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kMagic = "tarn parse 1\n";
constexpr size_t kHeadSize = 8 + 8;  // size of the head, CRC-32 of all that follows

// The linker's fingerprint of the program: the first object is the program itself.
int AddBuildId(dl_phdr_info* info, size_t, void* into) {
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    if (info->dlpi_phdr[i].p_type != PT_NOTE) continue;
    const char* at = reinterpret_cast<const char*>(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr);
    const char* end = at + info->dlpi_phdr[i].p_memsz;
    while (at + sizeof(ElfW(Nhdr)) <= end) {
      ElfW(Nhdr) note;
      std::memcpy(&note, at, sizeof note);
      const size_t name = (note.n_namesz + 3U) & ~3U, text = (note.n_descsz + 3U) & ~3U;
      at += sizeof note;
      if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4) {
        static_cast<std::string*>(into)->append(at + name, note.n_descsz);
      }
      at += name + text;
    }
  }
  return 1;
}

std::string ProgramId() {
  std::string id;
  dl_iterate_phdr(AddBuildId, &id);
  struct stat info {};
  if (::stat("/proc/self/exe", &info) == 0) {
    id += " " + std::to_string(info.st_size) + " " + std::to_string(info.st_mtim.tv_sec) + "." +
          std::to_string(info.st_mtim.tv_nsec);
  }
  return id;
}

void Add(Sha256Stream& hash, std::string_view text) {
  const std::string size = std::to_string(text.size()) + ":";
  hash.Update(size);
  hash.Update(text);
}

void AddProject(Sha256Stream& hash, const Project& project) {
  Add(hash, project.root);
  Add(hash, project.raw.dump());
}

std::string KeyOf(const ParsedProject& project, const std::vector<SourceFile>& files) {
  Sha256Stream hash;
  Add(hash, ProgramId());
  AddProject(hash, project.root);
  for (const Project& package : project.packages) AddProject(hash, package);
  const Target& target = project.target;
  for (const std::string& text : {target.profile_name, target.name, target.type, target.database,
                                  target.schema, target.dialect, std::to_string(target.threads)}) {
    Add(hash, text);
  }
  Add(hash, target.output.dump());
  Add(hash, project.names->invocation().vars.dump());
  for (const SourceFile& file : files) {
    Add(hash, file.project->name);
    Add(hash, std::to_string(static_cast<int>(file.kind)) + file.path);
    Add(hash, file.original_path);
    Add(hash, file.checksum);
  }
  return hash.FinishHex();
}

// What the inputs are now, in the form in which they are compared.
std::string Describe(const ParseInputs::Values& inputs) {
  Json environment = Json::object();
  for (const auto& [name, value] : inputs.environment) {
    environment[name] = value ? Json(Sha256Hex(*value)) : Json(nullptr);  // it may be a secret
  }
  return Json{{"environment", environment}, {"flags", inputs.flags}}.dump(
      -1, ' ', false, Json::error_handler_t::replace);
}

bool StillHolds(const Json& inputs, const Json& flags) {
  for (const auto& [name, digest] : Member(inputs, "environment").items()) {
    const char* set = std::getenv(name.c_str());
    if (set == nullptr ? !digest.is_null() : digest != Json(Sha256Hex(set))) return false;
  }
  for (const auto& [name, value] : Member(inputs, "flags").items()) {
    if (value != Json(Member(flags, name).dump())) return false;
  }
  return true;
}

void PutFixed(uint64_t value, std::string& out) {
  for (int i = 0; i < 8; ++i) out += static_cast<char>(value >> (8 * i));
}

uint64_t ReadFixed(std::string_view bytes) {
  uint64_t value = 0;
  for (int i = 0; i < 8; ++i) {
    value |= static_cast<uint64_t>(static_cast<unsigned char>(bytes[i])) << (8 * i);
  }
  return value;
}

// One of Jinja's filters gives other results each time and cannot be watched.
bool UsesRandomFilter(const std::vector<SourceFile>& files) {
  for (const SourceFile& file : files) {
    for (size_t at = file.text.find("random"); at != std::string::npos;
         at = file.text.find("random", at + 1)) {
      const size_t before = file.text.find_last_not_of(" \t\r\n", at == 0 ? 0 : at - 1);
      if (before != std::string::npos && file.text[before] == '|') return true;
    }
  }
  return false;
}

}  // namespace

ManifestCache::ManifestCache(const ParsedProject& project, const std::vector<SourceFile>& files)
    : path_(project.target_folder + "/partial_parse.tarn") {
  if (!UsesRandomFilter(files)) key_ = KeyOf(project, files);
}

bool ManifestCache::Load(ParsedProject& project) const {
  if (key_.empty()) return false;
  const auto read = ReadFile(path_);
  if (!read.ok()) return false;
  std::string_view bytes = *read;
  if (!bytes.starts_with(kMagic)) return false;
  bytes.remove_prefix(kMagic.size());
  if (bytes.size() < kHeadSize) return false;
  const uint64_t head_size = ReadFixed(bytes), checksum = ReadFixed(bytes.substr(8));
  bytes.remove_prefix(kHeadSize);
  if (head_size > bytes.size()) return false;
  const Json head = Json::parse(bytes.substr(0, head_size), nullptr, false);
  if (TextMember(head, "key") != key_) return false;
  const Json& flags = project.names->invocation().flags;
  if (!StillHolds(Member(head, "inputs"), flags) || Crc32(bytes) != checksum) return false;
  bytes.remove_prefix(head_size);
  Manifest manifest;
  if (!DecodeManifest(bytes, &manifest)) return false;
  manifest.project_name = project.manifest.project_name;
  manifest.adapter_type = project.manifest.adapter_type;
  project.manifest = std::move(manifest);
  project.state_key = Sha256Hex(key_ + Member(head, "inputs").dump());
  return project.manifest.BuildGraph().ok();
}

void ManifestCache::Store(ParsedProject& project) const {
  const ParseInputs::Values inputs = project.names->inputs().Taken();
  if (key_.empty() || inputs.changes_by_itself) return;
  const std::string described = Describe(inputs);
  project.state_key = Sha256Hex(key_ + described);
  const std::string head = R"({"key":")" + key_ + R"(","inputs":)" + described + "}";
  const std::string body = head + EncodeManifest(project.manifest);
  std::string out(kMagic);
  PutFixed(head.size(), out);
  PutFixed(Crc32(body), out);
  out += body;
  std::error_code error;
  fs::create_directories(project.target_folder, error);
  const std::string fresh = path_ + "." + std::to_string(::getpid());
  {
    std::ofstream file(fresh, std::ios::binary | std::ios::trunc);
    file << out;
    file.close();
    if (!file) {
      fs::remove(fresh, error);
      return;
    }
  }
  fs::rename(fresh, path_, error);
  if (error) fs::remove(fresh, error);
}

}  // namespace tarn::transform
