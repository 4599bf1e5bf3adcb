// Digests, and Spark's own hash() (Murmur3, seed 42) and xxhash64(), bit for bit.
#include <cstring>

#include "base/hash.h"
#include "dialect/function_families.h"
#include "dialect/function_types.h"
#include "duckdb/common/types/hugeint.hpp"
#include "openssl/evp.h"

namespace tarn::dialect {

using namespace duckdb;

namespace {

const LogicalType kText = LogicalType::VARCHAR;
const LogicalType kInt = LogicalType::INTEGER;

std::string Digest(const EVP_MD* algorithm, std::string_view bytes) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  if (!EVP_Digest(bytes.data(), bytes.size(), digest, &size, algorithm, nullptr)) {
    throw InvalidInputException("the digest could not be computed");
  }
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string hex;
  for (unsigned int i = 0; i < size; i++) {
    hex += kDigits[digest[i] >> 4];
    hex += kDigits[digest[i] & 15];
  }
  return hex;
}

void Sha2(RowIn& in, RowOut& out) {
  switch (in.Get<int32_t>(1)) {
    case 0:
    case 256: return out.Text(Digest(EVP_sha256(), in.Text(0)));
    case 224: return out.Text(Digest(EVP_sha224(), in.Text(0)));
    case 384: return out.Text(Digest(EVP_sha384(), in.Text(0)));
    case 512: return out.Text(Digest(EVP_sha512(), in.Text(0)));
    default: return out.Null();
  }
}

Expr TextOrBytes(FunctionCall& call, idx_t i) {
  if (call.Id(i) == LogicalTypeId::BLOB) return call.Take(i);
  if (!IsText(call.Type(i)) && !call.IsNull(i)) {
    call.Refuse("takes a string or binary, not " + SparkTypeName(call.Type(i)) + "; cast it");
  }
  return call.Text(call.Take(i));
}

template <class F>
Expr BindDigest(FunctionCall& call, const char* name, const LogicalType& type, F each) {
  Exprs args;
  args.push_back(TextOrBytes(call, 0));
  if (call.Count() > 1) args.push_back(call.Cast(call.Take(1), kInt));
  return Native(name, type, EachRow(each), std::move(args));
}

// ---- Murmur3 as Spark has it: whole words, then each left-over byte as a word of its own ----

uint32_t Rotate(uint32_t x, int by) { return x << by | x >> (32 - by); }
uint32_t MixKey(uint32_t key) { return Rotate(key * 0xcc9e2d51U, 15) * 0x1b873593U; }
uint32_t MixHash(uint32_t hash, uint32_t key) { return Rotate(hash ^ key, 13) * 5 + 0xe6546b64U; }
uint32_t Finish(uint32_t hash, uint32_t length) {
  hash ^= length;
  hash = (hash ^ hash >> 16) * 0x85ebca6bU;
  hash = (hash ^ hash >> 13) * 0xc2b2ae35U;
  return hash ^ hash >> 16;
}

struct Murmur3 {
  using Hash = uint32_t;
  static Hash Int(int32_t value, Hash seed) {
    return Finish(MixHash(seed, MixKey(static_cast<uint32_t>(value))), 4);
  }
  static Hash Long(int64_t value, Hash seed) {
    const auto bits = static_cast<uint64_t>(value);
    auto hash = MixHash(seed, MixKey(static_cast<uint32_t>(bits)));
    return Finish(MixHash(hash, MixKey(static_cast<uint32_t>(bits >> 32))), 8);
  }
  static Hash Bytes(std::string_view bytes, Hash seed) {
    auto hash = seed;
    size_t at = 0;
    for (; at + 4 <= bytes.size(); at += 4) {
      uint32_t word = 0;
      std::memcpy(&word, bytes.data() + at, 4);
      hash = MixHash(hash, MixKey(word));
    }
    for (; at < bytes.size(); at++) {
      hash = MixHash(
          hash,
          MixKey(static_cast<uint32_t>(static_cast<int32_t>(static_cast<signed char>(bytes[at])))));
    }
    return Finish(hash, static_cast<uint32_t>(bytes.size()));
  }
};

// ---- XXH64 ----

constexpr uint64_t kP1 = 0x9E3779B185EBCA87ULL, kP2 = 0xC2B2AE3D27D4EB4FULL,
                   kP3 = 0x165667B19E3779F9ULL, kP4 = 0x85EBCA77C2B2AE63ULL,
                   kP5 = 0x27D4EB2F165667C5ULL;
uint64_t Rotate64(uint64_t x, int by) { return x << by | x >> (64 - by); }
uint64_t Avalanche(uint64_t hash) {
  hash = (hash ^ hash >> 33) * kP2;
  hash = (hash ^ hash >> 29) * kP3;
  return hash ^ hash >> 32;
}
uint64_t Round(uint64_t lane, uint64_t word) { return Rotate64(lane + word * kP2, 31) * kP1; }
uint64_t Word64(const char* at) {
  uint64_t word = 0;
  std::memcpy(&word, at, 8);
  return word;
}

struct XxHash64 {
  using Hash = uint64_t;
  static Hash Int(int32_t value, Hash seed) {
    Hash hash = seed + kP5 + 4;
    hash ^= static_cast<uint64_t>(static_cast<uint32_t>(value)) * kP1;
    return Avalanche(Rotate64(hash, 23) * kP2 + kP3);
  }
  static Hash Long(int64_t value, Hash seed) {
    Hash hash = seed + kP5 + 8;
    hash ^= Round(0, static_cast<uint64_t>(value));
    return Avalanche(Rotate64(hash, 27) * kP1 + kP4);
  }
  static Hash Bytes(std::string_view bytes, Hash seed) {
    const char* at = bytes.data();
    const char* end = at + bytes.size();
    Hash hash = seed + kP5;
    if (bytes.size() >= 32) {
      uint64_t lanes[4] = {seed + kP1 + kP2, seed + kP2, seed, seed - kP1};
      for (; at + 32 <= end; at += 32) {
        for (int i = 0; i < 4; i++) lanes[i] = Round(lanes[i], Word64(at + 8 * i));
      }
      hash = Rotate64(lanes[0], 1) + Rotate64(lanes[1], 7) + Rotate64(lanes[2], 12) +
             Rotate64(lanes[3], 18);
      for (auto lane : lanes) hash = (hash ^ Round(0, lane)) * kP1 + kP4;
    }
    hash += bytes.size();
    for (; at + 8 <= end; at += 8) hash = Rotate64(hash ^ Round(0, Word64(at)), 27) * kP1 + kP4;
    if (at + 4 <= end) {
      uint32_t word = 0;
      std::memcpy(&word, at, 4);
      hash = Rotate64(hash ^ word * kP1, 23) * kP2 + kP3;
      at += 4;
    }
    for (; at < end; at++) hash = Rotate64(hash ^ static_cast<unsigned char>(*at) * kP5, 11) * kP1;
    return Avalanche(hash);
  }
};

// The bytes of java.math.BigInteger: big endian, two's complement, as few as possible.
std::string BigIntegerBytes(hugeint_t value) {
  std::string bytes;
  for (int i = 0; i < 16; i++) {
    bytes.insert(0, 1, static_cast<char>(value.lower & 0xFF));
    value.lower = value.lower >> 8 | static_cast<uint64_t>(value.upper) << 56;
    value.upper >>= 8;
  }
  while (bytes.size() > 1) {
    const auto first = static_cast<unsigned char>(bytes[0]);
    const bool next_negative = static_cast<unsigned char>(bytes[1]) >= 0x80;
    if (!((first == 0 && !next_negative) || (first == 0xFF && next_negative))) break;
    bytes.erase(0, 1);
  }
  return bytes;
}

template <class T>
T NoNegativeZero(T value) {
  return value == 0 ? T(0) : value;
}

int64_t Bits(double value) {
  value = NoNegativeZero(value);
  int64_t bits = 0;
  std::memcpy(&bits, &value, 8);
  return value != value ? 0x7ff8000000000000LL : bits;
}

int32_t Bits(float value) {
  value = NoNegativeZero(value);
  int32_t bits = 0;
  std::memcpy(&bits, &value, 4);
  return value != value ? 0x7fc00000 : bits;
}

// One value into the running hash; NULL leaves it as it is.
template <class H>
typename H::Hash HashValue(const Value& value, typename H::Hash seed) {
  if (value.IsNull()) return seed;
  switch (value.type().id()) {
    case LogicalTypeId::BOOLEAN: return H::Int(BooleanValue::Get(value) ? 1 : 0, seed);
    case LogicalTypeId::TINYINT:
    case LogicalTypeId::SMALLINT:
    case LogicalTypeId::INTEGER: return H::Int(value.GetValue<int32_t>(), seed);
    case LogicalTypeId::DATE: return H::Int(DateValue::Get(value).days, seed);
    case LogicalTypeId::BIGINT: return H::Long(BigIntValue::Get(value), seed);
    case LogicalTypeId::TIMESTAMP:
    case LogicalTypeId::TIMESTAMP_TZ: return H::Long(value.GetValueUnsafe<int64_t>(), seed);
    case LogicalTypeId::FLOAT: return H::Int(Bits(FloatValue::Get(value)), seed);
    case LogicalTypeId::DOUBLE: return H::Long(Bits(DoubleValue::Get(value)), seed);
    case LogicalTypeId::VARCHAR:
    case LogicalTypeId::BLOB: return H::Bytes(StringValue::Get(value), seed);
    case LogicalTypeId::DECIMAL: {
      const auto digits = IntegralValue::Get(value);
      if (duckdb::DecimalType::GetWidth(value.type()) <= 18)
        return H::Long(Hugeint::Cast<int64_t>(digits), seed);
      return H::Bytes(BigIntegerBytes(digits), seed);
    }
    case LogicalTypeId::LIST:
      for (auto& child : ListValue::GetChildren(value)) seed = HashValue<H>(child, seed);
      return seed;
    case LogicalTypeId::STRUCT:
      for (auto& child : StructValue::GetChildren(value)) seed = HashValue<H>(child, seed);
      return seed;
    case LogicalTypeId::INTERVAL: {
      const auto interval = IntervalValue::Get(value);
      return H::Long(interval.days * Interval::MICROS_PER_DAY + interval.micros, seed);
    }
    default:
      throw InvalidInputException("hash: values of type %s cannot be hashed",
                                  SparkTypeName(value.type()));
  }
}

// The types most keys have are hashed without boxing.
template <class H>
typename H::Hash HashColumn(RowIn& in, idx_t column, const LogicalType& type,
                            typename H::Hash seed) {
  if (in.IsNull(column)) return seed;
  switch (type.id()) {
    case LogicalTypeId::VARCHAR:
    case LogicalTypeId::BLOB: return H::Bytes(in.Text(column), seed);
    case LogicalTypeId::INTEGER:
    case LogicalTypeId::DATE: return H::Int(in.Get<int32_t>(column), seed);
    case LogicalTypeId::BIGINT:
    case LogicalTypeId::TIMESTAMP:
    case LogicalTypeId::TIMESTAMP_TZ: return H::Long(in.Get<int64_t>(column), seed);
    default: return HashValue<H>(in.Boxed(column), seed);
  }
}

template <class H>
Expr BindHash(FunctionCall& call, const char* name, const LogicalType& type) {
  vector<LogicalType> types;
  Exprs args;
  for (idx_t i = 0; i < call.Count(); i++) {
    if (call.Id(i) == LogicalTypeId::MAP) call.Refuse("maps cannot be hashed");
    types.push_back(call.Type(i));
    args.push_back(call.Take(i));
  }
  auto each = [types](RowIn& in, RowOut& out) {
    typename H::Hash hash = 42;
    for (idx_t c = 0; c < types.size(); c++) hash = HashColumn<H>(in, c, types[c], hash);
    out.Set<std::make_signed_t<typename H::Hash>>(
        static_cast<std::make_signed_t<typename H::Hash>>(hash));
  };
  return Native(name, type, EachRow(each, true), std::move(args), true);
}

}  // namespace

void RegisterHashFunctions(FunctionTable& table) {
  RegisterBinding(table, "md5", 1, 1, [](FunctionCall& call) {
    return BindDigest(call, "md5", kText,
                      [](RowIn& in, RowOut& out) { out.Text(Md5Hex(in.Text(0))); });
  });
  for (auto name : {"sha", "sha1"}) {
    RegisterBinding(table, name, 1, 1, [](FunctionCall& call) {
      return BindDigest(call, "sha1", kText,
                        [](RowIn& in, RowOut& out) { out.Text(Digest(EVP_sha1(), in.Text(0))); });
    });
  }
  RegisterBinding(table, "sha2", 2, 2,
                  [](FunctionCall& call) { return BindDigest(call, "sha2", kText, Sha2); });
  RegisterBinding(table, "crc32", 1, 1, [](FunctionCall& call) {
    return BindDigest(call, "crc32", LogicalType::BIGINT,
                      [](RowIn& in, RowOut& out) { out.Set<int64_t>(Crc32(in.Text(0))); });
  });
  RegisterBinding(table, "hash", 1, -1,
                  [](FunctionCall& call) { return BindHash<Murmur3>(call, "hash", kInt); });
  RegisterBinding(table, "xxhash64", 1, -1, [](FunctionCall& call) {
    return BindHash<XxHash64>(call, "xxhash64", LogicalType::BIGINT);
  });
}

}  // namespace tarn::dialect
