#include "delta/deletion_vector.h"

#include <roaring/roaring.h>

#include <algorithm>
#include <charconv>
#include <map>

#include "base/hash.h"
#include "delta/roaring_format.h"
#include "delta/z85.h"

namespace tarn::delta {
namespace {

constexpr uint32_t kMagic = 1681511377;
// An older layout, of the specification's inline example: 32-bit counts, big- or little-endian.
constexpr uint32_t kOldMagic = 1681511376;
constexpr uint32_t kMaxBucketKey = 0x7fffffff;  // the top bit stays 0: Java reads keys signed
constexpr size_t kMaxInlineBytes = 64;
constexpr char kFileFormatVersion = 1;
constexpr size_t kEncodedUuidSize = 20;

struct FreeBitmap {
  void operator()(roaring_bitmap_t* bitmap) const { roaring_bitmap_free(bitmap); }
};
using Bitmap = std::unique_ptr<roaring_bitmap_t, FreeBitmap>;

uint32_t High(uint64_t row) { return static_cast<uint32_t>(row >> 32); }
uint32_t Low(uint64_t row) { return static_cast<uint32_t>(row); }

void PutLittle(std::string* out, uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out->push_back(static_cast<char>(value >> (8 * i)));
}

uint64_t GetLittle(std::string_view bytes, size_t at, int count) {
  uint64_t value = 0;
  for (int i = 0; i < count; ++i) {
    value |= static_cast<uint64_t>(static_cast<unsigned char>(bytes[at + i])) << (8 * i);
  }
  return value;
}

void PutBig32(std::string* out, uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) out->push_back(static_cast<char>(value >> shift));
}

uint32_t GetBig32(std::string_view bytes, size_t at) {
  uint32_t value = 0;
  for (size_t i = 0; i < 4; ++i) value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
  return value;
}

Status BadVector(const std::string& what) {
  return Status::Corruption(
      "deletion vector " + what +
      "; restore the file from a backup or RESTORE the table to an earlier version");
}

// CRoaring of this generation trusts its input, so the layout is proven before it sees a byte.
Bitmap ReadBitmap(std::string_view bytes, size_t* size) {
  const auto proven = PortableBitmapSize(bytes);
  if (!proven) return nullptr;
  *size = *proven;
  return Bitmap(roaring_bitmap_portable_deserialize_safe(bytes.data(), *proven));
}

bool IsOldLayout(std::string_view bytes) {
  return bytes.size() >= 8 &&
         (GetBig32(bytes, 0) == kOldMagic || GetLittle(bytes, 0, 4) == kOldMagic);
}

std::string UuidText(std::string_view bytes) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string out;
  for (size_t i = 0; i < bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) out.push_back('-');
    out.push_back(kHex[static_cast<unsigned char>(bytes[i]) >> 4]);
    out.push_back(kHex[static_cast<unsigned char>(bytes[i]) & 15]);
  }
  return out;
}

std::string RandomUuidBytes(Random& random) {
  std::string bytes;
  PutLittle(&bytes, random.NextU64(), 8);
  PutLittle(&bytes, random.NextU64(), 8);
  bytes[6] = static_cast<char>((bytes[6] & 0x0f) | 0x40);
  bytes[8] = static_cast<char>((bytes[8] & 0x3f) | 0x80);
  return bytes;
}

std::string InTable(const std::string& table_root, const std::string& name) {
  return table_root.empty() ? name : table_root + "/" + name;
}

std::string DecodeUri(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    unsigned code = 0;
    if (text[i] == '%' && i + 2 < text.size() &&
        std::from_chars(text.data() + i + 1, text.data() + i + 3, code, 16).ptr ==
            text.data() + i + 3) {
      out.push_back(static_cast<char>(code));
      i += 2;
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

// Key of an absolute path or URI that lies below the store's root.
Result<std::string> KeyOfAbsolutePath(const store::ObjectStore& store, const std::string& uri) {
  std::string path = DecodeUri(uri);
  std::string root = store.EnginePath("");
  for (std::string* text : {&path, &root}) {
    if (text->rfind("file:", 0) == 0) text->erase(0, 5);
    const size_t slashes = text->find_first_not_of('/');
    if (slashes != std::string::npos && slashes > 1) text->erase(0, slashes - 1);
  }
  if (!root.empty() && root.back() != '/') root += "/";
  if (root.empty() || path.rfind(root, 0) != 0) {
    return Status::Unsupported("deletion vector file " + uri + " lies outside " + store.Describe() +
                               "; open the lake at a folder that holds both");
  }
  return path.substr(root.size());
}

// The store's key of a vector file.
Result<std::string> FileKey(const store::ObjectStore& store, const std::string& table_root,
                            const DeletionVectorDescriptor& descriptor) {
  const std::string& text = descriptor.path_or_inline;
  if (descriptor.storage_type == 'u') {
    if (text.size() < kEncodedUuidSize)
      return BadVector("name '" + text + "' is shorter than a UUID");
    const size_t prefix_size = text.size() - kEncodedUuidSize;
    const auto uuid = DecodeZ85(std::string_view(text).substr(prefix_size));
    if (!uuid) return BadVector("name '" + text + "' is not Z85");
    const std::string name = "deletion_vector_" + UuidText(*uuid) + ".bin";
    return InTable(table_root, prefix_size == 0 ? name : text.substr(0, prefix_size) + "/" + name);
  }
  return KeyOfAbsolutePath(store, text);
}

Result<RowSet> ReadFromFile(store::ObjectStore& store, const std::string& table_root,
                            const DeletionVectorDescriptor& descriptor) {
  TARN_ASSIGN_OR_RETURN(const std::string key, FileKey(store, table_root, descriptor));
  const auto size = static_cast<size_t>(descriptor.size_bytes);
  const int32_t offset = descriptor.offset.value_or(0);
  if (offset < 0)
    return BadVector("in " + key + " has the negative offset " + std::to_string(offset));
  auto bytes = store.GetRange(key, static_cast<uint64_t>(offset), size + 8);
  if (!bytes.ok()) return bytes.status().WithContext("deletion vector file " + key);
  const std::string where = "in " + key + " at offset " + std::to_string(offset);
  if (bytes->size() != size + 8) return BadVector(where + " is cut short");
  if (GetBig32(*bytes, 0) != size) {
    return BadVector(where + " says " + std::to_string(GetBig32(*bytes, 0)) + " bytes, the log " +
                     std::to_string(size));
  }
  const std::string_view data = std::string_view(*bytes).substr(4, size);
  if (Crc32(data) != GetBig32(*bytes, size + 4)) return BadVector(where + " fails its checksum");
  auto rows = RowSet::Deserialize(data);
  if (!rows.ok()) return rows.status().WithContext(key);
  return rows;
}

}  // namespace

struct RowSet::Impl {
  std::map<uint32_t, Bitmap> buckets;  // by the upper 32 bits; none is empty after reading

  roaring_bitmap_t* Bucket(uint32_t key) {
    Bitmap& bitmap = buckets[key];
    if (bitmap == nullptr) bitmap.reset(roaring_bitmap_create());
    return bitmap.get();
  }
};

RowSet::RowSet() : impl_(std::make_unique<Impl>()) {}
RowSet::RowSet(const RowSet& other) : RowSet() { UnionWith(other); }
RowSet& RowSet::operator=(const RowSet& other) {
  if (this != &other) *this = RowSet(other);
  return *this;
}
RowSet::RowSet(RowSet&&) noexcept = default;
RowSet& RowSet::operator=(RowSet&&) noexcept = default;
RowSet::~RowSet() = default;

void RowSet::Add(uint64_t row) { roaring_bitmap_add(impl_->Bucket(High(row)), Low(row)); }

void RowSet::AddMany(const uint64_t* rows, size_t count) {
  std::vector<uint32_t> low;
  for (size_t i = 0; i < count;) {
    const uint32_t key = High(rows[i]);
    low.clear();
    for (; i < count && High(rows[i]) == key; ++i) low.push_back(Low(rows[i]));
    roaring_bitmap_add_many(impl_->Bucket(key), low.size(), low.data());
  }
}

bool RowSet::Contains(uint64_t row) const {
  const auto found = impl_->buckets.find(High(row));
  return found != impl_->buckets.end() && roaring_bitmap_contains(found->second.get(), Low(row));
}

void RowSet::UnionWith(const RowSet& other) {
  for (const auto& [key, bitmap] : other.impl_->buckets) {
    Bitmap& mine = impl_->buckets[key];
    if (mine == nullptr) {
      mine.reset(roaring_bitmap_copy(bitmap.get()));
    } else {
      roaring_bitmap_or_inplace(mine.get(), bitmap.get());
    }
  }
}

uint64_t RowSet::Cardinality() const {
  uint64_t count = 0;
  for (const auto& [key, bitmap] : impl_->buckets)
    count += roaring_bitmap_get_cardinality(bitmap.get());
  return count;
}

bool RowSet::Intersects(const RowSet& other) const {
  for (const auto& [key, bitmap] : impl_->buckets) {
    const auto found = other.impl_->buckets.find(key);
    if (found != other.impl_->buckets.end() &&
        roaring_bitmap_intersect(bitmap.get(), found->second.get())) {
      return true;
    }
  }
  return false;
}

void RowSet::ForEach(const std::function<void(uint64_t)>& visit) const {
  for (const auto& [key, bitmap] : impl_->buckets) {
    roaring_uint32_iterator_t it;
    for (roaring_init_iterator(bitmap.get(), &it); it.has_value;
         roaring_advance_uint32_iterator(&it)) {
      visit(static_cast<uint64_t>(key) << 32 | it.current_value);
    }
  }
}

size_t RowSet::SelectKept(uint64_t begin, size_t count, uint32_t* kept) const {
  size_t out = 0;
  uint64_t row = begin;
  const uint64_t end = begin + count;
  while (row < end) {
    const uint32_t key = High(row);
    const uint64_t bucket_end = std::min(end, (static_cast<uint64_t>(key) + 1) << 32);
    const auto found = impl_->buckets.find(key);
    if (found != impl_->buckets.end()) {
      roaring_uint32_iterator_t it;
      roaring_init_iterator(found->second.get(), &it);
      roaring_move_uint32_iterator_equalorlarger(&it, Low(row));
      for (; it.has_value; roaring_advance_uint32_iterator(&it)) {
        const uint64_t deleted = static_cast<uint64_t>(key) << 32 | it.current_value;
        if (deleted >= bucket_end) break;
        for (; row < deleted; ++row) kept[out++] = static_cast<uint32_t>(row - begin);
        ++row;
      }
    }
    for (; row < bucket_end; ++row) kept[out++] = static_cast<uint32_t>(row - begin);
  }
  return out;
}

std::string RowSet::Serialize() const {
  std::string out;
  PutLittle(&out, kMagic, 4);
  PutLittle(&out, impl_->buckets.size(), 8);
  for (const auto& [key, bitmap] : impl_->buckets) {
    const Bitmap compact(roaring_bitmap_copy(bitmap.get()));
    roaring_bitmap_run_optimize(compact.get());
    PutLittle(&out, key, 4);
    const size_t at = out.size();
    out.resize(at + roaring_bitmap_portable_size_in_bytes(compact.get()));
    roaring_bitmap_portable_serialize(compact.get(), out.data() + at);
  }
  return out;
}

Result<RowSet> RowSet::Deserialize(std::string_view bytes) {
  if (IsOldLayout(bytes)) return DeserializeOldLayout(bytes);
  if (bytes.size() < 12) return BadVector("is shorter than its header");
  if (GetLittle(bytes, 0, 4) != kMagic) {
    return BadVector("has the magic number " + std::to_string(GetLittle(bytes, 0, 4)) + ", not " +
                     std::to_string(kMagic));
  }
  const uint64_t buckets = GetLittle(bytes, 4, 8);
  RowSet out;
  size_t at = 12;
  int64_t previous = -1;
  for (uint64_t i = 0; i < buckets; ++i) {
    if (bytes.size() - at < 4) return BadVector("is cut short");
    const auto key = static_cast<uint32_t>(GetLittle(bytes, at, 4));
    at += 4;
    if (key > kMaxBucketKey || static_cast<int64_t>(key) <= previous) {
      return BadVector("has bucket keys out of order");
    }
    previous = key;
    size_t size = 0;
    Bitmap bitmap = ReadBitmap(bytes.substr(at), &size);
    if (bitmap == nullptr) return BadVector("holds a damaged bitmap");
    at += size;
    if (!roaring_bitmap_is_empty(bitmap.get())) out.impl_->buckets[key] = std::move(bitmap);
  }
  if (at != bytes.size()) return BadVector("has bytes after its end");
  return out;
}

Result<RowSet> RowSet::DeserializeOldLayout(std::string_view bytes) {
  const bool big = GetBig32(bytes, 0) == kOldMagic;
  const auto number = [&](size_t at) {
    return big ? GetBig32(bytes, at) : static_cast<uint32_t>(GetLittle(bytes, at, 4));
  };
  RowSet out;
  size_t at = 8;
  const uint32_t count = number(4);
  for (uint32_t key = 0; key < count; ++key) {
    if (bytes.size() - at < 4) return BadVector("is cut short");
    const uint32_t claimed = number(at);
    at += 4;
    size_t size = 0;
    Bitmap bitmap = ReadBitmap(bytes.substr(at), &size);
    if (bitmap == nullptr || size != claimed) return BadVector("holds a damaged bitmap");
    at += size;
    if (!roaring_bitmap_is_empty(bitmap.get())) out.impl_->buckets[key] = std::move(bitmap);
  }
  if (at != bytes.size()) return BadVector("has bytes after its end");
  return out;
}

Result<RowSet> ReadDeletionVector(store::ObjectStore& store, const std::string& table_root,
                                  const DeletionVectorDescriptor& descriptor) {
  if (descriptor.size_bytes < 0) return BadVector("has a negative size in the log");
  Result<RowSet> rows = Status::Internal("unset");
  if (descriptor.storage_type == 'i') {
    const auto bytes = DecodeZ85(descriptor.path_or_inline);
    const auto size = static_cast<size_t>(descriptor.size_bytes);
    // Z85 works in groups of four bytes: the last group may be padded.
    if (!bytes || bytes->size() < size || bytes->size() - size > 3) {
      return BadVector("stored inline is not Z85 of " + std::to_string(size) + " bytes");
    }
    rows = RowSet::Deserialize(std::string_view(*bytes).substr(0, size));
  } else if (descriptor.storage_type == 'u' || descriptor.storage_type == 'p') {
    rows = ReadFromFile(store, table_root, descriptor);
  } else {
    return BadVector(std::string("has the unknown storage type '") + descriptor.storage_type + "'");
  }
  if (!rows.ok()) return rows;
  if (static_cast<int64_t>(rows->Cardinality()) != descriptor.cardinality) {
    return BadVector(descriptor.UniqueId() + " holds " + std::to_string(rows->Cardinality()) +
                     " rows, the log says " + std::to_string(descriptor.cardinality));
  }
  return rows;
}

Result<std::vector<DeletionVectorDescriptor>> WriteDeletionVectors(store::ObjectStore& store,
                                                                   const std::string& table_root,
                                                                   const std::vector<RowSet>& sets,
                                                                   Random& random) {
  std::vector<DeletionVectorDescriptor> out;
  std::string file(1, kFileFormatVersion);
  const std::string uuid = RandomUuidBytes(random);
  for (const RowSet& set : sets) {
    const std::string data = set.Serialize();
    DeletionVectorDescriptor descriptor;
    descriptor.cardinality = static_cast<int64_t>(set.Cardinality());
    descriptor.size_bytes = static_cast<int32_t>(data.size());
    if (data.size() < kMaxInlineBytes) {
      descriptor.storage_type = 'i';
      descriptor.path_or_inline = EncodeZ85(data + std::string((4 - data.size() % 4) % 4, '\0'));
    } else {
      if (file.size() + data.size() + 8 > INT32_MAX) {
        return Status::Unsupported(
            "deletion vectors of one commit exceed 2 GiB; delete in smaller steps");
      }
      descriptor.storage_type = 'u';
      descriptor.path_or_inline = EncodeZ85(uuid);
      descriptor.offset = static_cast<int32_t>(file.size());
      PutBig32(&file, static_cast<uint32_t>(data.size()));
      file += data;
      PutBig32(&file, Crc32(data));
    }
    out.push_back(std::move(descriptor));
  }
  if (file.size() > 1) {
    const std::string key = InTable(table_root, "deletion_vector_" + UuidText(uuid) + ".bin");
    TARN_RETURN_IF_ERROR(store.Put(key, file, store::PutMode::kCreateOnly));
  }
  return out;
}

Result<std::string> DeletionVectorKey(const store::ObjectStore& store,
                                      const std::string& table_root,
                                      const DeletionVectorDescriptor& descriptor) {
  if (descriptor.storage_type == 'i') return std::string();
  return FileKey(store, table_root, descriptor);
}

}  // namespace tarn::delta
