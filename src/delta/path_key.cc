#include "delta/path_key.h"

#include <cstring>

namespace tarn::delta {
namespace {

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

void DecodeInto(std::string_view text, std::string* out) {
  out->clear();
  out->reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      const int high = HexDigit(text[i + 1]), low = HexDigit(text[i + 2]);
      if (high >= 0 && low >= 0) {
        out->push_back(static_cast<char>(high * 16 + low));
        i += 2;
        continue;
      }
    }
    out->push_back(text[i]);
  }
}

uint64_t Mix(uint64_t a, uint64_t b) {
  const auto product = static_cast<unsigned __int128>(a) * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

}  // namespace

std::string UriDecode(std::string_view text) {
  std::string out;
  DecodeInto(text, &out);
  return out;
}

std::string UriEncodePath(std::string_view path) {
  constexpr std::string_view kLiteral =
      "/-_.!~*'():@&=+$,;";  // RFC 2396: unreserved and path marks
  std::string out;
  out.reserve(path.size());
  for (const char c : path) {
    const bool alnum = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (alnum || kLiteral.find(c) != std::string_view::npos) {
      out.push_back(c);
      continue;
    }
    constexpr char kHex[] = "0123456789ABCDEF";
    const auto byte = static_cast<unsigned char>(c);
    out.push_back('%');
    out.push_back(kHex[byte >> 4]);
    out.push_back(kHex[byte & 15]);
  }
  return out;
}

bool IsAbsolutePath(std::string_view path) {
  if (path.starts_with('/')) return true;
  const size_t colon = path.find(':');
  if (colon == std::string_view::npos || colon == 0) return false;
  for (size_t i = 0; i < colon; ++i) {
    const char c = path[i];
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    const bool other = (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
    if (!letter && (i == 0 || !other)) return false;
  }
  return path.substr(colon + 1).starts_with('/');
}

std::string_view CanonicalPath(std::string_view path, std::string* scratch) {
  if (std::memchr(path.data(), '%', path.size())) {
    DecodeInto(path, scratch);
    path = *scratch;
  }
  if (path.starts_with("file:/")) {
    path.remove_prefix(5);
    while (path.starts_with("//")) path.remove_prefix(1);
  }
  return path;
}

uint64_t HashBytes(std::string_view bytes) {
  constexpr uint64_t kA = 0x9E3779B97F4A7C15, kB = 0xD6E8FEB86659FD93;
  const char* p = bytes.data();
  size_t left = bytes.size();
  uint64_t hash = left * kB + kA;
  uint64_t x, y;
  for (; left >= 16; p += 16, left -= 16) {
    std::memcpy(&x, p, 8);
    std::memcpy(&y, p + 8, 8);
    hash = Mix(hash ^ x ^ kA, y ^ kB);
  }
  x = y = 0;
  if (left >= 8) {
    std::memcpy(&x, p, 8);
    p += 8;
    left -= 8;
  }
  if (left) std::memcpy(&y, p, left);
  return Mix(hash ^ x ^ kB, y ^ kA);
}

bool SameVector(const DeletionVectorDescriptor* a, const DeletionVectorDescriptor* b) {
  if (a == nullptr || b == nullptr) return a == b;
  return a->storage_type == b->storage_type && a->offset == b->offset &&
         a->path_or_inline == b->path_or_inline;
}

}  // namespace tarn::delta
