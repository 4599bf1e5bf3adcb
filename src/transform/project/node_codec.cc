#include "transform/project/node_codec.h"

#include <cstring>
#include <type_traits>

namespace tarn::transform {
namespace {

constexpr int kMaxDepth = 300;  // of trees; YAML stops at 200

void PutNumber(uint64_t value, std::string& out) {
  while (value >= 0x80) {
    out += static_cast<char>(value | 0x80);
    value >>= 7;
  }
  out += static_cast<char>(value);
}

void PutText(std::string_view text, std::string& out) {
  PutNumber(text.size(), out);
  out += text;
}

// Where a reader stands; `failed` once anything did not fit.
struct Cursor {
  std::string_view bytes;
  bool failed = false;

  uint64_t Number() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      if (bytes.empty()) break;
      const auto byte = static_cast<unsigned char>(bytes.front());
      bytes.remove_prefix(1);
      value |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    failed = true;
    return 0;
  }
  std::string_view Text() {
    const uint64_t size = Number();
    if (size > bytes.size()) {
      failed = true;
      return {};
    }
    const std::string_view text = bytes.substr(0, size);
    bytes.remove_prefix(size);
    return text;
  }
  // How many items follow; each takes a byte at least.
  size_t Count() {
    const uint64_t count = Number();
    if (count > bytes.size()) failed = true;
    return failed ? 0 : count;
  }
};

enum class Tag : char { kNull, kFalse, kTrue, kInteger, kUnsigned, kFloat, kText, kList, kObject };

void PutTree(const Json& tree, std::string& out) {
  const auto tag = [&](Tag value) { out += static_cast<char>(value); };
  switch (tree.type()) {
    case Json::value_t::boolean: tag(tree.get<bool>() ? Tag::kTrue : Tag::kFalse); break;
    case Json::value_t::number_integer:
      tag(Tag::kInteger);
      PutNumber(static_cast<uint64_t>(tree.get<int64_t>()), out);
      break;
    case Json::value_t::number_unsigned:
      tag(Tag::kUnsigned);
      PutNumber(tree.get<uint64_t>(), out);
      break;
    case Json::value_t::number_float: {
      tag(Tag::kFloat);
      const double value = tree.get<double>();
      out.append(reinterpret_cast<const char*>(&value), sizeof value);
      break;
    }
    case Json::value_t::string:
      tag(Tag::kText);
      PutText(tree.get_ref<const std::string&>(), out);
      break;
    case Json::value_t::array:
      tag(Tag::kList);
      PutNumber(tree.size(), out);
      for (const Json& item : tree) PutTree(item, out);
      break;
    case Json::value_t::object:
      tag(Tag::kObject);
      PutNumber(tree.size(), out);
      for (const auto& [key, item] : tree.get_ref<const Json::object_t&>()) {
        PutText(key, out);
        PutTree(item, out);
      }
      break;
    default: tag(Tag::kNull);
  }
}

Json ReadTree(Cursor& in, int depth) {
  if (in.bytes.empty() || depth > kMaxDepth) in.failed = true;
  if (in.failed) return nullptr;
  const auto tag = static_cast<Tag>(in.bytes.front());
  in.bytes.remove_prefix(1);
  switch (tag) {
    case Tag::kNull: return nullptr;
    case Tag::kFalse: return false;
    case Tag::kTrue: return true;
    case Tag::kInteger: return static_cast<int64_t>(in.Number());
    case Tag::kUnsigned: return in.Number();
    case Tag::kFloat: {
      double value = 0;
      if (in.bytes.size() < sizeof value) {
        in.failed = true;
        return nullptr;
      }
      std::memcpy(&value, in.bytes.data(), sizeof value);
      in.bytes.remove_prefix(sizeof value);
      return value;
    }
    case Tag::kText: return std::string(in.Text());
    case Tag::kList: {
      Json list = Json::array();
      for (size_t left = in.Count(); left > 0 && !in.failed; --left) {
        list.push_back(ReadTree(in, depth + 1));
      }
      return list;
    }
    case Tag::kObject: {
      Json object = Json::object();
      auto& members = object.get_ref<Json::object_t&>();
      const size_t count = in.Count();
      members.reserve(std::min<size_t>(count, 64));
      for (size_t i = 0; i < count && !in.failed; ++i) {
        std::string key(in.Text());
        // Keys are as they were written, so none comes twice.
        members.Container::emplace_back(std::move(key), ReadTree(in, depth + 1));
      }
      return object;
    }
  }
  in.failed = true;
  return nullptr;
}

class Writer {
 public:
  template <typename... Fields>
  void operator()(const Fields&... fields) {
    (Put(fields), ...);
  }
  std::string Finish() {
    std::string out;
    PutNumber(trees_.size(), out);
    for (const std::string* tree : trees_) out += *tree;
    return out + body_;
  }

  template <typename T>
  void Put(const T& value) {
    if constexpr (std::is_same_v<T, std::string>) {
      PutText(value, body_);
    } else if constexpr (std::is_same_v<T, bool> || std::is_enum_v<T> || std::is_integral_v<T>) {
      PutNumber(static_cast<uint64_t>(value), body_);
    } else if constexpr (std::is_same_v<T, Json>) {
      PutNumber(IndexOf(value), body_);
    } else {
      VisitParts(value);
    }
  }

 private:
  template <typename T>
  void VisitParts(const std::optional<T>& value) {
    Put(value.has_value());
    if (value) Put(*value);
  }
  template <typename T>
  void VisitParts(const std::vector<T>& list) {
    PutNumber(list.size(), body_);
    for (const T& item : list) Put(item);
  }
  template <typename T>
  void VisitParts(const std::deque<T>& list) {
    PutNumber(list.size(), body_);
    for (const T& item : list) Put(item);
  }
  template <typename T>
  void VisitParts(const T& value);

  size_t IndexOf(const Json& tree) {
    std::string bytes;
    PutTree(tree, bytes);
    const auto [it, fresh] = index_.emplace(std::move(bytes), trees_.size());
    if (fresh) trees_.push_back(&it->first);
    return it->second;
  }

  std::unordered_map<std::string, size_t> index_;  // nodes stay where they are
  std::vector<const std::string*> trees_;
  std::string body_;
};

class Reader {
 public:
  explicit Reader(std::string_view bytes) : in_{bytes} {
    for (size_t left = in_.Count(); left > 0 && !in_.failed; --left) {
      trees_.push_back(ReadTree(in_, 0));
    }
  }
  bool failed() const { return in_.failed; }
  bool at_end() const { return in_.bytes.empty(); }
  template <typename... Fields>
  void operator()(Fields&... fields) {
    (Get(fields), ...);
  }

  template <typename T>
  void Get(T& value) {
    if (in_.failed) return;
    if constexpr (std::is_same_v<T, std::string>) {
      value = in_.Text();
    } else if constexpr (std::is_same_v<T, bool> || std::is_enum_v<T> || std::is_integral_v<T>) {
      value = static_cast<T>(in_.Number());
    } else if constexpr (std::is_same_v<T, Json>) {
      const uint64_t index = in_.Number();
      if (index < trees_.size()) {
        value = trees_[index];
      } else {
        in_.failed = true;
      }
    } else {
      VisitParts(value);
    }
  }

 private:
  template <typename T>
  void VisitParts(std::optional<T>& value) {
    bool there = false;
    Get(there);
    if (there) Get(value.emplace());
  }
  template <typename T>
  void VisitParts(std::vector<T>& list) {
    list.resize(in_.Count());
    for (T& item : list) Get(item);
  }
  template <typename T>
  void VisitParts(std::deque<T>& list) {
    for (size_t left = in_.Count(); left > 0 && !in_.failed; --left) Get(list.emplace_back());
  }
  template <typename T>
  void VisitParts(T& value);

  Cursor in_;
  std::vector<Json> trees_;
};

// The fields of each struct, by structured bindings: a field that is added there and not here does
// not compile.
template <typename Archive, typename T>
void Visit(Archive& archive, T& value) {
  using Plain = std::remove_const_t<T>;
  if constexpr (std::is_same_v<Plain, RefCall>) {
    auto& [package, name, version] = value;
    archive(package, name, version);
  } else if constexpr (std::is_same_v<Plain, SourceCall>) {
    auto& [source, table] = value;
    archive(source, table);
  } else if constexpr (std::is_same_v<Plain, TestMetadata>) {
    auto& [name, name_space, kwargs] = value;
    archive(name, name_space, kwargs);
  } else if constexpr (std::is_same_v<Plain, DocBlock>) {
    auto& [unique_id, name, package_name, path, original_file_path, contents] = value;
    archive(unique_id, name, package_name, path, original_file_path, contents);
  } else if constexpr (std::is_same_v<Plain, ColumnInfo>) {
    auto& [name, description, data_type, meta, tags, constraints, config, quote, granularity,
           doc_blocks] = value;
    archive(name, description, data_type, meta, tags, constraints, config, quote, granularity,
            doc_blocks);
  } else if constexpr (std::is_same_v<Plain, MacroInfo>) {
    auto& [unique_id, name, package_name, path, original_file_path, macro_sql, line,
           supported_languages, depends_on_macros, description, meta, arguments, patch_path] =
        value;
    archive(unique_id, name, package_name, path, original_file_path, macro_sql, line,
            supported_languages, depends_on_macros, description, meta, arguments, patch_path);
  } else {
    static_assert(std::is_same_v<Plain, Node>);
    auto& [unique_id, type, name, package_name, path, original_file_path, root_path, fqn, language,
           raw_code, raw_code_line, checksum, database, schema, alias, relation_name, config,
           unrendered_config, tags, meta, description, columns, doc_blocks, patch_path, group,
           access, version, latest_version, deprecation_date, constraints, primary_key, refs,
           sources, metrics, depends_on_nodes, depends_on_macros, test_metadata, column_name,
           attached_node, file_key_name, source_name, identifier, extra, compiled_code, compiled] =
        value;
    archive(unique_id, type, name, package_name, path, original_file_path, root_path, fqn, language,
            raw_code, raw_code_line, checksum, database, schema, alias, relation_name, config,
            unrendered_config, tags, meta, description, columns, doc_blocks, patch_path, group,
            access, version, latest_version, deprecation_date, constraints, primary_key, refs,
            sources, metrics, depends_on_nodes, depends_on_macros, test_metadata, column_name,
            attached_node, file_key_name, source_name, identifier, extra);
    static_cast<void>(compiled_code);  // of a run
    static_cast<void>(compiled);
  }
}

template <typename T>
void Writer::VisitParts(const T& value) {
  Visit(*this, value);
}
template <typename T>
void Reader::VisitParts(T& value) {
  Visit(*this, value);
}

}  // namespace

std::string EncodeManifest(const Manifest& manifest) {
  Writer writer;
  writer(manifest.nodes, manifest.disabled, manifest.macros, manifest.docs, manifest.packages,
         manifest.warnings);
  return writer.Finish();
}

bool DecodeManifest(std::string_view bytes, Manifest* manifest) {
  Reader reader(bytes);
  std::deque<Node> nodes;
  reader(nodes, manifest->disabled, manifest->macros, manifest->docs, manifest->packages,
         manifest->warnings);
  if (reader.failed() || !reader.at_end()) return false;
  manifest->Adopt(std::move(nodes));
  return true;
}

}  // namespace tarn::transform
