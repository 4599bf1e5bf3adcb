#include "sources/files/file_check.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include "base/hash.h"
#include "codec/json_text.h"

namespace tarn::sources::files {
namespace {

constexpr size_t kReadBytes = 256 << 10;

class OpenFile {
 public:
  OpenFile() = default;
  ~OpenFile() {
    if (fd_ >= 0) ::close(fd_);
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;

  Status Open(const std::string& path) {
    path_ = path;
    // O_NONBLOCK: a pipe by that name must not hang us; it has no effect on regular files.
    fd_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd_ < 0) return Failed();
    ::posix_fadvise(fd_, 0, 0, POSIX_FADV_SEQUENTIAL);
    return Status::Ok();
  }
  Result<FileStamp> Stamp() const {
    struct stat info {};
    if (::fstat(fd_, &info) != 0) return Failed();
    if (!S_ISREG(info.st_mode)) return Status::InvalidArgument(path_ + " is not a regular file");
    return FileStamp{
        static_cast<uint64_t>(info.st_dev), static_cast<uint64_t>(info.st_ino),
        static_cast<uint64_t>(info.st_size),
        static_cast<int64_t>(info.st_mtim.tv_sec) * 1'000'000'000 + info.st_mtim.tv_nsec};
  }
  Result<size_t> Read(char* out, size_t capacity) const {
    for (;;) {
      const ssize_t got = ::read(fd_, out, capacity);
      if (got >= 0) return static_cast<size_t>(got);
      if (errno != EINTR) return Failed();
    }
  }
  Status SeekTo(uint64_t offset) const {
    if (::lseek(fd_, static_cast<off_t>(offset), SEEK_SET) < 0) return Failed();
    return Status::Ok();
  }
  const std::string& path() const { return path_; }

 private:
  Status Failed() const {
    const int error = errno;
    const std::string message = "cannot read " + path_ + ": " + std::strerror(error);
    if (error == ENOENT) return Status::NotFound(message);
    if (error == EACCES || error == EPERM) return Status::Permission(message);
    return Status::Io(message,
                      error == ESTALE || error == EIO ? RetryClass::kBackoff : RetryClass::kNo);
  }
  std::string path_;
  int fd_ = -1;
};

Status Changed(const std::string& path) {
  return Status::Io(path + " changed while it was read; it is taken again when it is at rest",
                    RetryClass::kBackoff);
}

// Hashes what passes through.
class HashingStream final : public codec::ByteStream {
 public:
  HashingStream(const OpenFile& file, const OnBytes& on_bytes, Sha256Stream& sha, uint64_t& count)
      : file_(file), on_bytes_(on_bytes), sha_(sha), count_(count) {}
  Result<size_t> Read(char* out, size_t capacity) override {
    TARN_ASSIGN_OR_RETURN(const size_t got, file_.Read(out, capacity));
    sha_.Update({out, got});
    count_ += got;
    if (got > 0 && on_bytes_ && !on_bytes_(got)) {
      return Status::Cancelled("stopped while checking " + file_.path());
    }
    return got;
  }

 private:
  const OpenFile& file_;
  const OnBytes& on_bytes_;
  Sha256Stream& sha_;
  uint64_t& count_;
};

Status ReadToEnd(codec::ByteStream& stream, CheckedFile* checked) {
  std::vector<char> buffer(kReadBytes);
  for (;;) {
    TARN_ASSIGN_OR_RETURN(const size_t got, stream.Read(buffer.data(), buffer.size()));
    if (got == 0) return Status::Ok();
    checked->content_bytes += got;
    if (checked->head.size() < kHeadBytes) {
      checked->head.append(buffer.data(), std::min(got, kHeadBytes - checked->head.size()));
    }
  }
}

class FileStream final : public codec::ByteStream {
 public:
  Status Open(const CheckedFile& checked, uint64_t* disk_bytes) {
    expected_ = checked.stamp;
    disk_bytes_ = disk_bytes;
    TARN_RETURN_IF_ERROR(file_.Open(checked.path));
    return CheckUnchanged();
  }
  Status SeekTo(uint64_t offset) {
    if (disk_bytes_ != nullptr) *disk_bytes_ = offset;
    return file_.SeekTo(offset);
  }
  Result<size_t> Read(char* out, size_t capacity) override {
    TARN_ASSIGN_OR_RETURN(const size_t got, file_.Read(out, capacity));
    // After the read: what was read before a change is what was hashed.
    TARN_RETURN_IF_ERROR(CheckUnchanged());
    if (disk_bytes_ != nullptr) *disk_bytes_ += got;
    return got;
  }

 private:
  Status CheckUnchanged() const {
    TARN_ASSIGN_OR_RETURN(const FileStamp stamp, file_.Stamp());
    return stamp == expected_ ? Status::Ok() : Changed(file_.path());
  }
  OpenFile file_;
  FileStamp expected_;
  uint64_t* disk_bytes_ = nullptr;
};

std::string LowerCase(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) {
    return static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
  });
  return text;
}

std::string_view WithoutMark(std::string_view head) {
  if (head.substr(0, 3) == "\xEF\xBB\xBF") head.remove_prefix(3);
  const size_t start = head.find_first_not_of(" \t\r\n");
  return start == std::string_view::npos ? std::string_view() : head.substr(start);
}

}  // namespace

Result<CheckedFile> CheckFile(const std::string& path, const OnBytes& on_bytes) {
  OpenFile file;
  TARN_RETURN_IF_ERROR(file.Open(path));
  CheckedFile checked;
  checked.path = path;
  TARN_ASSIGN_OR_RETURN(checked.stamp, file.Stamp());
  char magic[4];
  TARN_ASSIGN_OR_RETURN(const size_t magic_bytes, file.Read(magic, sizeof magic));
  checked.compression = codec::DetectCompression({magic, magic_bytes});
  TARN_RETURN_IF_ERROR(file.SeekTo(0));

  Sha256Stream sha;
  uint64_t disk_bytes = 0;
  auto stream = codec::Decompress(checked.compression,
                                  std::make_unique<HashingStream>(file, on_bytes, sha, disk_bytes));
  const Status read = ReadToEnd(*stream, &checked);
  if (!read.ok()) {
    if (read.code() != StatusCode::kCorruption) return read;
    checked.damage = read.message();
    // The rest counts for the identity all the same.
    HashingStream rest(file, on_bytes, sha, disk_bytes);
    CheckedFile unused;
    TARN_RETURN_IF_ERROR(ReadToEnd(rest, &unused));
  }
  const std::string lower = LowerCase(path);
  const bool named_compressed = lower.ends_with(".gz") || lower.ends_with(".gzip") ||
                                lower.ends_with(".zst") || lower.ends_with(".zstd");
  if (checked.compression == codec::Compression::kNone && named_compressed) {
    checked.damage = disk_bytes == 0 ? "an empty file is no compressed data"
                                     : "the name says compressed, the content is not";
  }
  TARN_ASSIGN_OR_RETURN(const FileStamp after, file.Stamp());
  if (after != checked.stamp || disk_bytes != checked.stamp.size_bytes) return Changed(path);
  checked.sha256 = sha.FinishHex();
  return checked;
}

Result<std::unique_ptr<codec::ByteStream>> OpenChecked(const CheckedFile& file, uint64_t offset,
                                                       uint64_t* disk_bytes) {
  auto plain = std::make_unique<FileStream>();
  if (disk_bytes != nullptr) *disk_bytes = 0;
  TARN_RETURN_IF_ERROR(plain->Open(file, disk_bytes));
  if (file.compression == codec::Compression::kNone) {
    TARN_RETURN_IF_ERROR(plain->SeekTo(offset));
    return std::unique_ptr<codec::ByteStream>(std::move(plain));
  }
  auto stream = codec::Decompress(file.compression, std::move(plain));
  TARN_ASSIGN_OR_RETURN(const uint64_t passed, codec::Discard(*stream, offset));
  if (passed != offset) {
    return Status::InvalidArgument("position " + std::to_string(offset) + " is behind the end of " +
                                   file.path);
  }
  return stream;
}

std::string_view FileKindName(FileKind kind) {
  switch (kind) {
    case FileKind::kCsv: return "csv";
    case FileKind::kNdjson: return "ndjson";
    case FileKind::kJsonArray:
    case FileKind::kJsonValues: return "json";
    case FileKind::kParquet: break;
  }
  return "parquet";
}

NamedKind KindByName(const std::string& path) {
  std::string name = LowerCase(path.substr(path.rfind('/') + 1));
  for (const std::string end : {".gz", ".gzip", ".zst", ".zstd"}) {
    if (name.ends_with(end)) name.resize(name.size() - end.size());
  }
  const auto ends = [&](const char* end) { return name.ends_with(end); };
  if (ends(".csv") || ends(".psv")) return NamedKind::kCsv;
  if (ends(".tsv") || ends(".tab")) return NamedKind::kTsv;
  if (ends(".ndjson") || ends(".jsonl") || ends(".ldjson")) return NamedKind::kNdjson;
  if (ends(".json")) return NamedKind::kJson;
  if (ends(".parquet") || ends(".parq")) return NamedKind::kParquet;
  return NamedKind::kUnknown;
}

FileKind JsonKindByContent(std::string_view head) {
  const std::string_view text = WithoutMark(head);
  if (text.substr(0, 1) == "[") return FileKind::kJsonArray;
  const size_t line_end = text.find_first_of("\r\n");
  // A first line longer than the sample is certainly not pretty-printed.
  if (line_end == std::string_view::npos && head.size() >= kHeadBytes) return FileKind::kNdjson;
  const std::string_view line = text.substr(0, line_end);
  return codec::CheckJson(line).has_value() ? FileKind::kJsonValues : FileKind::kNdjson;
}

Result<FileKind> KindByContent(const CheckedFile& file) {
  const std::string_view head = file.head;
  if (head.substr(0, 4) == "PAR1") return FileKind::kParquet;
  const bool utf16 = head.substr(0, 2) == "\xFF\xFE" || head.substr(0, 2) == "\xFE\xFF";
  if (utf16) {
    return Status::InvalidArgument(file.path +
                                   " is UTF-16 text; convert it first: iconv -f UTF-16 -t UTF-8");
  }
  if (head.find('\0') != std::string_view::npos) {
    return Status::InvalidArgument(file.path +
                                   " is a binary file of no known format; pass --input-format");
  }
  const std::string_view text = WithoutMark(head);
  if (text.substr(0, 1) == "{" || text.substr(0, 1) == "[") return JsonKindByContent(head);
  return FileKind::kCsv;
}

}  // namespace tarn::sources::files
